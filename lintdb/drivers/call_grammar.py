"""The grammar of what happens: calls, their conditions, the limits that they decide, settings of frameworks.

See `grammar`, which has the tables that these stand in.
"""

from __future__ import annotations

from lintdb.drivers.shapes import (
    ArgumentType,
    Choice,
    Flag,
    Key,
    List,
    Literal,
    Map,
    Number,
    Shape,
    Text,
    TextList,
    VersionText,
    Whole,
    words_of,
)
from lintdb.effects import AfterError, Event, Form, Raises, WithBlock

_EVENTS = {
    "begin": "a transaction begins",
    "read": "something is read",
    "write": "something is changed",
    "commit": "what is pending becomes permanent",
    "rollback": "what is pending is undone",
    "rollback-part": "back to a savepoint: what was pending before it stays pending",
    "autocommit-on": "from now on each statement is permanent at once",
    "autocommit-off": "from now on statements wait for a commit",
    "autocommit-unknown": "nobody can say whether statements are permanent at once",
}
FAMILIES = Choice({
    "connection": "connections, and clients that stand for one",
    "cursor": "cursors",
    "session": "sessions, units of work of an ORM",
    "pool": "pools, engines, clients that keep many connections",
    "checkout": "what is taken from a pool and must be given back",
    "result": "results, streams, rows that hold something open",
    "factory": "what makes others and owes nothing itself",
    "transaction": "transactions as objects",
    "other": "everything else",
})  # fmt: skip
SETTING_NAMES = Choice({
    "connect-timeout": "how long connecting may take",
    "query-timeout": "how long a query may take",
    "checkout-timeout": "how long to wait for something of a pool",
    "lock-timeout": "how long to wait for a lock",
    "max-size": "how many a pool has at most",
    "min-size": "how many a pool keeps open",
    "overflow": "how many a pool may open beyond its size",
    "recycle": "how old a connection of a pool may become",
    "health-check": "whether a pool looks at a connection before it hands it out",
    "wait-timeout": "how long a command that waits for something may take",
})  # fmt: skip
SHARERS = Choice({
    "tasks": "several tasks at the same time",
    "threads": "several threads at the same time",
    "other-threads": "any other thread than the one that opened it, even later",
})  # fmt: skip
PARAMSTYLES = Choice({
    "": "not known, or none",
    "qmark": "`?`, and a sequence of values",
    "qmark_exact": "`?`, `$1` or `$name`, and a list, tuple or mapping that has no value too many",
    "pyformat": "`%s` or `%(name)s`, and a sequence or mapping of values, which are put into the text; `%%` is a `%`",
    "pyformat_sequence": "the same; a text is a sequence, too, and what is none is refused",
    "pyformat_bound": "as `pyformat`, but text and values go to the server apart from each other; `%b` and `%t`, too",
    "pyformat_exact": "`%s` or `%(name)s`, any other `%` is itself, and values stand in a list, tuple or mapping",
    "pyformat_plain": "`%s`, `%d` or `%(name)s`, and any other `%` is itself",
    "pyformat_any": "`%s` or `%(name)s` of one of several libraries: what some of them take is left alone",
    "pyformat_names": "`%(name)s` and a mapping of values, which are put into the text; a sequence holds rows",
    "pyformat_set": "as `pyformat`, unless another style is set, which nobody can see",
    "format_set": "`%s`, and a sequence of values, also unless another style is set; literals are left alone",
    "any": "`?`, or `%s` and `%d`, or `%(name)s`, not in literals, and values in a list or tuple, for names a mapping",
    "prepared": "`?`, `%s` or `%(name)s`, and values in a list, tuple or mapping; without any the text is not run",
    "named": "`:name`, and a list, tuple, mapping or arguments by name that have no value too many; a sequence has one "
    "for each place",
    "named_sequence": "the same, and any sequence: a text is one, too",
    "named_text": "`:name` in a text that stands in the call of a function that `unwraps` it, and a mapping of values, "
    "or a list of such; what is no such text has placeholders of its own",
    "*keywords": "`:name`, and each value is an argument of that name",
    "*qmark": "`?`, and each value is an argument of its own",
    "*numeric_dollar": "`$1`, and each value is an argument of its own",
})  # fmt: skip
SWITCH_NAMES = Choice({
    "tls": "the check of the server's certificate, or encryption altogether",
    "thread-check": "the check against use by several threads",
    "password": "no safeguard, but arguments that hold a password",
})  # fmt: skip
BLOCK = words_of(WithBlock, {
    "release": "it is released, pending work is dropped",
    "commit": "pending work is committed (rolled back after an exception); it stays open",
    "commit+release": "pending work is committed (rolled back after an exception), then it is released",
    "keep": "nothing happens to it",
    "wrong-release": "it is closed in a way that does not give it back to its owner",
    "unknown": "nobody can say: from there on nothing is said of it",
    "none": "it is no context manager: the block is an error",
})  # fmt: skip
AFTER_ERROR = words_of(AfterError, {
    "continues": "the statement alone is undone, the unit goes on",
    "aborts": "nothing works any more until a rollback",
    "depends": "one or the other, as the server has it",
})  # fmt: skip
DEFINITION = Choice({
    "write": "is pending as other writes are",
    "commit": "makes everything that is pending permanent",
    "nothing": "is permanent at once; the rest stays pending. So is what changes rows and begins with WITH",
}, {"write": Event.WRITE, "commit": Event.COMMIT, "nothing": None}.get)  # fmt: skip
EVENT = words_of(Event, _EVENTS)
VERSIONS = (
    Key("since", VersionText(), "the first version for which this entry holds"),
    Key("until", VersionText(), "the first version for which it no longer holds"),
)
TEXTS = TextList()
ARGUMENTS = List(ArgumentType(), "a list of arguments")
_LITERALS = List(Literal(), "a list of literals")
TEXT_LISTS = Map(TEXTS, "a table of lists of strings")

CONDITION = Shape(
    "a condition",
    "Something that must hold for an argument before a call model applies. An argument that cannot be seen (a "
    "variable, `**options`) meets no `equals` and no `is`.",
    (
        Key("position", Whole(), "the place of the argument, from 0"),
        Key("keyword", Text(), "its name"),
        Key("key", Text(), "it is a dictionary, and what stands under this key counts"),
        Key("given", Flag(), "true: it is passed; false: it is not"),
        Key(
            "equals",
            List(Literal(), "a literal, or a list of them", or_one=True),
            'it is this literal ("none" stands for None), or one of these',
        ),
        Key("is", TEXTS, "it is one of these dotted names (classes, mostly)"),
    ),
    any_of=("position", "keyword"),
    one_of=("given", "equals", "is"),
)

SETTING = Shape(
    "a setting",
    "A bound (a time, a number) that a call can be given, in every spelling that the library has.",
    (
        Key("name", SETTING_NAMES, "what it bounds", "name", is_required=True),
        *VERSIONS,
        Key("default", Choice({
            "unlimited": "there is no bound",
            "limited": "there is one",
            "immediate": "it does not wait at all",
            "unknown": "nobody can say",
        }), "what holds when no spelling of it is used", "default", "`unknown`"),
        Key("value", Number(), "the number that holds when none is given", "value"),
        Key("unit", Choice({"s": "seconds", "ms": "milliseconds", "us": "microseconds"}),
            "the unit of all its numbers", "unit", "`s`"),
        Key("arguments", ARGUMENTS, "arguments that set it", "arguments"),
        Key("not_yet", ARGUMENTS, "arguments that set it in later versions, and that this one refuses", "not_yet"),
        Key("dsn", TEXTS, "keys of the connection string that set it", "dsn"),
        Key("nested", TEXT_LISTS,
            "keyword whose value is a dict → keys of that dict that set it; a dot leads into an inner dict", "nested"),
        Key("options", TEXTS,
            "names that set it as `-c name=value` in a text called `options`: an argument, a key of the connection "
            "string or of a dict in `nested`", "options"),
        Key("sql", TEXTS, "beginnings of statements that set it for the rest of the session", "sql"),
        Key("sql_arguments", ARGUMENTS, "arguments of the call that hold such statements", "sql_arguments"),
        Key("attributes", TEXTS, "attributes of the object that set it when they are assigned", "attributes"),
        Key("methods", TEXTS, "methods of the object that set it", "methods"),
        Key("call_arguments", TEXTS, "keywords of its query methods that set it for one call", "call_arguments"),
        Key("prepared_by", ARGUMENTS,
            "arguments with a function that is called with each new object, and may set it", "prepared_by"),
        Key("environment", TEXTS, "environment variables that set it", "environment"),
        Key("unlimited", _LITERALS, "values that switch it off", "unlimited"),
        Key("immediate", _LITERALS, "values that mean not to wait at all", "immediate"),
        Key("complete_with", ARGUMENTS,
            "arguments without which it covers a part of the wait only: worth a word with low confidence",
            "complete_with"),
        Key("schemes", TEXTS, "it holds for connection strings with these URL schemes alone", "schemes"),
        Key("decided_by", ARGUMENTS, "arguments that may make it pointless: given one, nothing is said", "decided_by"),
        Key("proven_by", ARGUMENTS, "arguments that prove that it holds all the same", "proven_by"),
        Key("bounded_by", Text(), "the limit of what the call works on that ends it, too", "bounded_by"),
        Key("within", Text(), "the limit of what the call works on that must be the longer one: it ends the wait, with "
            "an error", "within"),
        Key("suggest", Text(), "how a message suggests to set it, such as `connect_timeout=5`", "suggest"),
        Key("note", Text(), "what else there is to say about it, for `lintdb drivers`", "note"),
    ),
)  # fmt: skip

SETTINGS = List(SETTING, "an array of settings")

DSN_PARTS = Shape(
    "parts of a connection string",
    "The arguments from which a call puts a connection string together.",
    (
        Key("scheme", ArgumentType(), "what stands before `://`", "scheme"),
        Key("user", ArgumentType(), "the name of the user", "user"),
        Key("password", ArgumentType(), "the password", "password"),
        Key("host", ArgumentType(), "where the server is", "host"),
        Key("options", ArgumentType(), "a dictionary of options, as they stand behind `?`", "options"),
    ),
)

CALL = Shape(
    "a call",
    "What calling a function, a constructor or a method does. Of several entries for one name the first whose "
    "conditions hold counts.",
    (
        Key("names", TEXTS,
            "dotted names of functions, or names of methods; `@list` stands for a list in `[names]`",
            "names", is_required=True),
        *VERSIONS,
        Key("when", List(CONDITION, "a condition, or a list of them", or_one=True),
            "conditions on its arguments; all must hold"),
        Key("acquires", Text(), "the kind that it hands out, to be released by whoever calls", "acquires"),
        Key("gives", Text(), 'the kind that it hands out without any duty; "self" is the receiver', "gives"),
        Key("form", words_of(Form, {
            "value": "the call itself acquires",
            "await": "a coroutine: it acquires when it is awaited",
            "with": "a context manager: it acquires when entered, and releases when left",
            "await-or-with": "it acquires when awaited, or when entered with `async with`, which releases",
        }), "what must be done with its value before anything is acquired", "form", "`value`"),
        Key("releases", ArgumentType(or_self=True), 'what it releases: "self", or one of its arguments', "releases"),
        Key("parent", ArgumentType(or_self=True),
            "whose release releases what it hands out, too", "parent", '"self" for methods that hand something out'),
        Key("coroutine", Flag(), "nothing happens before its value is awaited", "coroutine",
            "true if `form` is `await`"),
        Key("eager", Flag(), "a coroutine that begins with the call, as a future does: awaiting it gives the result",
            "eager"),
        Key("blocking", Flag(), "it waits for a server and so must not be called in `async def`", "blocking",
            "that of the driver, unless it is a coroutine, raises nothing or gives back an argument"),
        Key("raises", words_of(Raises, {
            "never": "it does not fail in practice",
            "driver": "the library's own exceptions",
            "anything": "any exception",
        }), "what it may raise", "raises", "`driver`"),
        Key("event", EVENT, "what it does to the unit of work", "event",
            "what the text of the query says, if there is one"),
        Key("sql", ArgumentType(), "the argument that holds the text of a query", "sql"),
        Key("query_event", EVENT,
            "it sends nothing, but builds a query that does this once it is run as the `sql` of another call",
            "query_event"),
        Key("paramstyle", PARAMSTYLES, "how the values after the text of the query are marked in it", "paramstyle"),
        Key("receiver", ArgumentType(), "the argument that it works on, as `execute_values(cursor, …)` does",
            "receiver"),
        Key("works_on", Text(), "the object that is always there (see `objects` of kinds) on which a function works",
            "works_on"),
        Key("dsn", ArgumentType(), "the argument that holds a connection string", "dsn"),
        Key("dsn_parts", DSN_PARTS, "its value is a connection string that it puts together from these arguments"),
        Key("dsn_scheme", Text(),
            "its value is a connection string of this scheme, without options, to a server that was started for tests",
            "dsn_scheme"),
        Key("unwraps", ArgumentType(), "its value is another name for this argument", "unwraps"),
        Key("borrows", Flag(), "it leaves its arguments to its caller; false: it keeps them", "borrows", "true"),
        Key("may_return_none", Flag(),
            "its value can be None (false, with `acquires` or `opens`) without an error, and then nothing was acquired",
            "may_return_none"),
        Key("opens", Flag(), "the receiver is open afterwards, whatever it was before", "opens"),
        Key("after_release", Flag(), "it may be called on a receiver that has been released", "after_release"),
        Key("after_parent", Flag(), "it may be called once the receiver's parent has been released", "after_parent"),
        Key("goes_on", Flag(), "it releases, and yet the object can be used afterwards", "goes_on"),
        Key("releases_if_it_fails", Flag(), "where it raises, it has released the object", "releases_if_it_fails"),
        Key("ends", Flag(), "it releases what outlives other ways of giving it back, too", "ends"),
        Key("after_error", AFTER_ERROR, "what its failure does to the unit of work", "after_error",
            "that of the kind"),
        Key("settings", SETTINGS, "bounds on this very call, with their defaults"),
        Key("leaving", BLOCK,
            "what leaving a block on this very call does, where that is not what a block on its value does", "leaving"),
        Key("joins", Flag(), "it adds to what the receiver hears of from then on, whoever reads from it (a "
            "subscription)", "joins"),
        Key("beside_reader", Flag(), "it may be called while others use the receiver", "beside_reader"),
        Key("hides_errors", Flag(), "what has failed is told by its value alone", "hides_errors"),
        Key("prepares", Flag(), "the server keeps what it makes (a prepared statement)", "prepares"),
        Key("takes", Text(), "the kind that it takes out of its receiver while it runs: a query of a pool", "takes"),
        Key("tells_changes", Flag(), "it gives the number of rows that it has changed", "tells_changes"),
        Key("gives_column", Flag(), "it gives the first column of a row, which may be NULL, or false, in a row that is "
            "there", "gives_column"),
        Key("refuses_text", Flag(), "a plain text of SQL is refused, or committed at once by older releases",
            "refuses_text"),
    ),
)  # fmt: skip

ORDER = Shape(
    "an order",
    "Two limits of which the inner one is part of the outer one: a longer inner one never takes effect.",
    (
        Key("inner", SETTING, "the limit that is part of the other; without versions", is_required=True),
        Key("outer", SETTING, "the limit around it; without versions", is_required=True),
    ),
)

SWITCH = Shape(
    "a switch",
    "A safeguard that whoever opens something can switch off.",
    (
        Key("name", SWITCH_NAMES, "what it guards", "name", is_required=True),
        *VERSIONS,
        Key("arguments", ARGUMENTS, "arguments that switch it", "arguments"),
        Key("dsn", TEXTS, "keys of the connection string that switch it", "dsn"),
        Key("nested", TEXT_LISTS, "keyword whose value is a dict → keys of that dict that switch it", "nested"),
        Key("schemes", TEXTS, "schemes of connection strings that switch it off", "schemes"),
        Key(
            "off",
            _LITERALS,
            "values that switch it off: literals, texts in any case, dotted names, also called (`Trust()`)",
            "off",
        ),
        Key("plain", _LITERALS, "those of them with which nothing is encrypted", "plain"),
    ),
)

SERVER = Shape(
    "a server",
    "One of the servers that a library talks to. A file that imports what belongs to one of them, or has queries that "
    "only it understands, and nothing of another, "
    'works with that: its kinds with `after_error = "depends"` get the values below.',
    (
        Key("imports", TEXTS, "dotted names that only code for this server imports", "imports", is_required=True),
        Key("after_error", AFTER_ERROR, "what a statement that fails does to the unit of work", "after_error",
            is_required=True),
        Key("ddl", DEFINITION, "what becomes of a query that creates, alters or drops something", "definition_event",
            "`write`"),
        Key("schemes", TEXTS, "schemes of connection strings that lead to it, up to a `+`: what is taken from a pool "
            "that is made with one has its `ddl`", "schemes"),
        Key("queries", TEXTS, "regular expressions for what only this server understands: a file in which one is found "
            "works with it, too", "queries"),
    ),
)  # fmt: skip

SIGN = Shape(
    "a sign",
    "What only works with releases before a version, in any file that uses the library. Where nothing pins it, such a "
    "file is taken for one that is written for the newest of those.",
    (
        Key("before", VersionText(), "the first version with which it fails", "before", is_required=True),
        Key("code", TEXTS, "regular expressions for what fails", "code", is_required=True),
        Key("unless", TEXTS, "the same for what fails with all of those", "unless"),
        Key("made_by", TEXTS, "functions whose value, under whatever name, has lost the methods in `calls`", "made_by"),
        Key("calls", TEXTS, "methods that fail on what the functions in `made_by` hand out", "calls"),
    ),
)

CONFIGURATION = Shape(
    "a configuration",
    "A call that a framework makes with what its user writes into settings: variables of a settings module, attributes "
    'of a class of settings, `app.config["KEY"] = …`. What holds for the call is checked where the setting stands.',
    (
        Key("table", Text(), "the setting whose dictionary has the keys below", "table",
            "the keys are settings themselves"),
        *VERSIONS,
        Key("each", Flag(), "the dictionary holds one such dictionary for each of several names", "each"),
        Key("keywords_of", Text(), "the keys are keyword arguments of this function", "keywords_of"),
        Key("arguments", Map(Text(), "a table of arguments"), "key → the argument of the call that its value becomes",
            "arguments"),
        Key("merged", TEXTS,
            "keys whose dictionaries hold arguments of the call; a dot leads into an inner dictionary", "merged"),
        Key("as_is", Flag(), "the other keys are arguments of the call, by their own names", "as_is"),
        Key("plain", Text(), "the argument of the call that an entry stands for which is no dictionary", "plain"),
        Key("when", List(CONDITION, "a condition, or a list of them", or_one=True),
            "conditions on the keys, as `keyword`; all must hold"),
        Key("calls", TEXTS,
            "dotted names of the functions that may be called with that: of several, the one of the library that the "
            "project requires; without such a word only what holds for all of them is reported", "calls"),
        Key("acquires", Text(), "the kind that the framework makes of it, where it calls no function of a library",
            "acquires"),
        Key("host", Text(), "the key that says where the server is; without it, it is on the same machine", "host"),
        Key("limits", List(SETTING_NAMES, "a list of names of settings", or_one=True),
            "the settings that are decided there", "limits", "all that the call has"),
        Key("settings", SETTINGS, "settings that differ from those of the call"),
        Key("decides", List(SWITCH_NAMES, "a list of names of switches"),
            "the switches that the framework sets itself, whatever stands there", "decides"),
        Key("suggest", Text(), "how a message spells a cure, with `…` for the argument: `\"OPTIONS\": {…}`", "suggest"),
        Key("label", Text(), "what a message calls that which is made", "label", "the label of its kind"),
    ),
    any_of=("calls", "acquires"),
)  # fmt: skip
