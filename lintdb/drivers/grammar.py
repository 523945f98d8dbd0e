"""The grammar of model files: every table, every key, what may stand there and what it means.

This is the only home of it. The reader checks files against it, `schema.json` and the tables in DRIVERS.md are copies.
What the engine makes of an attribute is said where it is declared, in `lintdb.effects`.
"""

from __future__ import annotations

from dataclasses import replace

from lintdb.drivers.shapes import (
    ArgumentType,
    Choice,
    Flag,
    FlagOrNone,
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
from lintdb.effects import AfterError, Duty, Event, Form, Raises, WithBlock

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
    "pyformat": "`%s` or `%(name)s`, and a sequence or mapping of values",
    "*qmark": "`?`, and each value is an argument of its own",
    "*numeric_dollar": "`$1`, and each value is an argument of its own",
})  # fmt: skip
SWITCH_NAMES = Choice({
    "tls": "the check of the server's certificate, or encryption altogether",
    "thread-check": "the check against use by several threads",
    "password": "no safeguard, but arguments that hold a password",
})  # fmt: skip
_BLOCK = words_of(WithBlock, {
    "release": "it is released, pending work is dropped",
    "commit": "pending work is committed (rolled back after an exception); it stays open",
    "commit+release": "pending work is committed (rolled back after an exception), then it is released",
    "keep": "nothing happens to it",
    "wrong-release": "it is closed in a way that does not give it back to its owner",
    "none": "it is no context manager: the block is an error",
})  # fmt: skip
_DUTY = words_of(Duty, {
    "must": "it must be released",
    "weak": "harmless when dropped: reported with low confidence only",
    "none": "it owes nothing, and is followed only for what its methods do",
})  # fmt: skip
_AFTER_ERROR = words_of(AfterError, {
    "continues": "the statement alone is undone, the unit goes on",
    "aborts": "nothing works any more until a rollback",
    "depends": "one or the other, as the server has it",
})  # fmt: skip
_DEFINITION = Choice({
    "write": "is pending as other writes are",
    "commit": "makes everything that is pending permanent",
    "nothing": "is permanent at once; the rest stays pending",
}, {"write": Event.WRITE, "commit": Event.COMMIT, "nothing": None}.get)  # fmt: skip
_EVENT = words_of(Event, _EVENTS)
_VERSIONS = (
    Key("since", VersionText(), "the first version for which this entry holds"),
    Key("until", VersionText(), "the first version for which it no longer holds"),
)
_TEXTS = TextList()
_ARGUMENTS = List(ArgumentType(), "a list of arguments")
_LITERALS = List(Literal(), "a list of literals")
_TEXT_LISTS = Map(_TEXTS, "a table of lists of strings")

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
        Key("is", _TEXTS, "it is one of these dotted names (classes, mostly)"),
    ),
    any_of=("position", "keyword"),
    one_of=("given", "equals", "is"),
)

SETTING = Shape(
    "a setting",
    "A bound (a time, a number) that a call can be given, in every spelling that the library has.",
    (
        Key("name", SETTING_NAMES, "what it bounds", "name", is_required=True),
        *_VERSIONS,
        Key("default", Choice({
            "unlimited": "there is no bound",
            "limited": "there is one",
            "immediate": "it does not wait at all",
            "unknown": "nobody can say",
        }), "what holds when no spelling of it is used", "default", "`unknown`"),
        Key("value", Number(), "the number that holds when none is given", "value"),
        Key("unit", Choice({"s": "seconds", "ms": "milliseconds", "us": "microseconds"}),
            "the unit of all its numbers", "unit", "`s`"),
        Key("arguments", _ARGUMENTS, "arguments that set it", "arguments"),
        Key("dsn", _TEXTS, "keys of the connection string that set it", "dsn"),
        Key("nested", _TEXT_LISTS,
            "keyword whose value is a dict → keys of that dict that set it; a dot leads into an inner dict", "nested"),
        Key("options", _TEXTS,
            "names that set it as `-c name=value` in a text called `options`: an argument, a key of the connection "
            "string or of a dict in `nested`", "options"),
        Key("sql", _TEXTS, "beginnings of statements that set it for the rest of the session", "sql"),
        Key("sql_arguments", _ARGUMENTS, "arguments of the call that hold such statements", "sql_arguments"),
        Key("attributes", _TEXTS, "attributes of the object that set it when they are assigned", "attributes"),
        Key("methods", _TEXTS, "methods of the object that set it", "methods"),
        Key("call_arguments", _TEXTS, "keywords of its query methods that set it for one call", "call_arguments"),
        Key("environment", _TEXTS, "environment variables that set it", "environment"),
        Key("unlimited", _LITERALS, "values that switch it off", "unlimited"),
        Key("immediate", _LITERALS, "values that mean not to wait at all", "immediate"),
        Key("complete_with", _ARGUMENTS,
            "arguments without which it covers a part of the wait only: worth a word with low confidence",
            "complete_with"),
        Key("schemes", _TEXTS, "it holds for connection strings with these URL schemes alone", "schemes"),
        Key("decided_by", _ARGUMENTS, "arguments that may make it pointless: given one, nothing is said", "decided_by"),
        Key("proven_by", _ARGUMENTS, "arguments that prove that it holds all the same", "proven_by"),
        Key("suggest", Text(), "how a message suggests to set it, such as `connect_timeout=5`", "suggest"),
        Key("note", Text(), "what else there is to say about it, for `lintdb drivers`", "note"),
    ),
)  # fmt: skip

_SETTINGS = List(SETTING, "an array of settings")

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
        Key("names", _TEXTS,
            "dotted names of functions, or names of methods; `@list` stands for a list in `[names]`",
            "names", is_required=True),
        *_VERSIONS,
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
        Key("event", _EVENT, "what it does to the unit of work", "event",
            "what the text of the query says, if there is one"),
        Key("sql", ArgumentType(), "the argument that holds the text of a query", "sql"),
        Key("query_event", _EVENT,
            "it sends nothing, but builds a query that does this once it is run as the `sql` of another call",
            "query_event"),
        Key("paramstyle", PARAMSTYLES, "how the values after the text of the query are marked in it", "paramstyle"),
        Key("receiver", ArgumentType(), "the argument that it works on, as `execute_values(cursor, …)` does",
            "receiver"),
        Key("dsn", ArgumentType(), "the argument that holds a connection string", "dsn"),
        Key("dsn_parts", DSN_PARTS, "its value is a connection string that it puts together from these arguments"),
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
        Key("after_error", _AFTER_ERROR, "what its failure does to the unit of work", "after_error",
            "that of the kind"),
        Key("settings", _SETTINGS, "bounds on this very call, with their defaults"),
        Key("leaving", _BLOCK,
            "what leaving a block on this very call does, where that is not what a block on its value does", "leaving"),
        Key("joins", Flag(), "it adds to what the receiver hears of from then on, whoever reads from it (a "
            "subscription)", "joins"),
        Key("hides_errors", Flag(), "what has failed is told by its value alone", "hides_errors"),
        Key("prepares", Flag(), "the server keeps what it makes (a prepared statement)", "prepares"),
        Key("tells_changes", Flag(), "it gives the number of rows that it has changed", "tells_changes"),
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
        *_VERSIONS,
        Key("arguments", _ARGUMENTS, "arguments that switch it", "arguments"),
        Key("dsn", _TEXTS, "keys of the connection string that switch it", "dsn"),
        Key("nested", _TEXT_LISTS, "keyword whose value is a dict → keys of that dict that switch it", "nested"),
        Key("schemes", _TEXTS, "schemes of connection strings that switch it off", "schemes"),
        Key(
            "off",
            _LITERALS,
            "values that switch it off: literals, texts in any case, dotted names, also called (`Trust()`)",
            "off",
        ),
    ),
)

SERVER = Shape(
    "a server",
    "One of the servers that a library talks to. A file that imports what belongs to one of them, and to no other, "
    'works with that: its kinds with `after_error = "depends"` get the values below.',
    (
        Key("imports", _TEXTS, "dotted names that only code for this server imports", "imports", is_required=True),
        Key("after_error", _AFTER_ERROR, "what a statement that fails does to the unit of work", "after_error",
            is_required=True),
        Key("ddl", _DEFINITION, "what becomes of a query that creates, alters or drops something", "definition_event",
            "`write`"),
    ),
)  # fmt: skip

CONFIGURATION = Shape(
    "a configuration",
    "A call that a framework makes with what its user writes into settings: variables of a settings module, attributes "
    'of a class of settings, `app.config["KEY"] = …`. What holds for the call is checked where the setting stands.',
    (
        Key("table", Text(), "the setting whose dictionary has the keys below", "table",
            "the keys are settings themselves"),
        *_VERSIONS,
        Key("each", Flag(), "the dictionary holds one such dictionary for each of several names", "each"),
        Key("keywords_of", Text(), "the keys are keyword arguments of this function", "keywords_of"),
        Key("arguments", Map(Text(), "a table of arguments"), "key → the argument of the call that its value becomes",
            "arguments"),
        Key("merged", _TEXTS,
            "keys whose dictionaries hold arguments of the call; a dot leads into an inner dictionary", "merged"),
        Key("as_is", Flag(), "the other keys are arguments of the call, by their own names", "as_is"),
        Key("plain", Text(), "the argument of the call that an entry stands for which is no dictionary", "plain"),
        Key("when", List(CONDITION, "a condition, or a list of them", or_one=True),
            "conditions on the keys, as `keyword`; all must hold"),
        Key("calls", _TEXTS,
            "dotted names of the functions that may be called with that: of several, the one of the library that the "
            "project requires; without such a word only what holds for all of them is reported", "calls"),
        Key("acquires", Text(), "the kind that the framework makes of it, where it calls no function of a library",
            "acquires"),
        Key("host", Text(), "the key that says where the server is; without it, it is on the same machine", "host"),
        Key("limits", List(SETTING_NAMES, "a list of names of settings", or_one=True),
            "the settings that are decided there", "limits", "all that the call has"),
        Key("settings", _SETTINGS, "settings that differ from those of the call"),
        Key("suggest", Text(), "how a message spells a cure, with `…` for the argument: `\"OPTIONS\": {…}`", "suggest"),
        Key("label", Text(), "what a message calls that which is made", "label", "the label of its kind"),
    ),
    any_of=("calls", "acquires"),
)  # fmt: skip

_KIND_KEYS = (
    Key("like", Text(),
        "another kind, of this file before it or of a driver in `requires`: all that this one does not say itself is "
        "taken from it, but for types and settings"),
    Key("settings_like_base", List(SETTING_NAMES, "a list of names of settings", or_one=True),
        "settings that are taken from the kind in `like`, too"),
    Key("without", _TEXTS, "methods that are not taken from the kind in `like`"),
    Key("family", FAMILIES, "which rules speak of it", "family", "that of `like`; needed without"),
    Key("label", Text(), "what a message calls it: `psycopg2 connection`", "label", "that of `like`"),
    Key("verb", Text(), "what its release is called in messages: `released`", "verb",
        "`returned` for checkouts, else `closed`"),
    Key("types", _TEXTS, "dotted names of its classes, for annotations and `isinstance`", "types"),
    Key("classes", _TEXTS,
        "dotted names of classes: a class that derives from one is itself of this kind, with its methods "
        "(`User.get_or_none(…)`)", "classes"),
    Key("bases", Map(Text(), "a table of kinds"),
        "attribute from which classes derive → the kind that these classes are: `class User(db.Model)`", "bases"),
    Key("duty", _DUTY, "how much it matters that it is released", "duty", "`must`"),
    Key("duty_on_error", _DUTY, "the same where something has raised, if that differs", "duty_on_error", "`duty`"),
    Key("lazy", Flag(), "it holds nothing before a method that can fail has been called", "is_lazy"),
    Key("with", _BLOCK, "what leaving `with` on it does", "with_block", "not known"),
    Key("async_with", _BLOCK, "what leaving `async with` on it does", "async_with_block", "not known"),
    Key("with_gives", Text(), 'what `as` binds: "self", "none", or a kind that belongs to it', "enters",
        '"self"'),
    Key("methods", List(CALL, "an array of calls"), "what its methods do; those that are not here are unknown"),
    Key("blocking", Flag(), "its methods wait for a server", default="that of the driver"),
    Key("attributes", Map(Text(), "a table of kinds"), "attribute → the kind that it is, owing nothing"),
    Key("any_attribute", Text(), "the kind of every attribute that is not named: `client.shop`", "any_attribute"),
    Key("any_item", Text(), 'the kind of what a subscript gives: `client["shop"]`', "any_item"),
    Key("attribute_events",
        Map(Choice({
            "autocommit": "on or off, as the value says",
            "autocommit-if-none": "on for None, else off",
            "unknown": "nobody can say afterwards",
            "read-only": "it tells the mode like `autocommit`, and assigning it raises",
        }), "a table of events"),
        "attribute → what assigning it does to the mode of units of work", "attribute_events"),
    Key("state_flags", Map(Flag(), "a table of truth values"),
        "attribute or method without arguments → what it says as long as the object is open: `closed = false`",
        "state_flags"),
    Key("tallies", _TEXTS, "attributes that are zero (or false) where its unit of work has changed nothing", "tallies",
        "`rowcount` for cursors and results"),
    Key("settings", _SETTINGS, "bounds that the call which makes it can be given"),
    Key("orders", List(ORDER, "an array of orders"), "limits of which one is part of another", "orders"),
    Key("autocommit", FlagOrNone(),
        'true: each statement is permanent at once; false: work waits for a commit; "none": it has no units of work, '
        "though the kind in `like` has", "autocommit", "it has no units of work"),
    Key("autocommit_when", List(CONDITION, "a condition, or a list of them", or_one=True),
        "conditions on the call that makes it under which `autocommit` is true", "autocommit_arguments"),
    Key("parts_autocommit", FlagOrNone(),
        'the `autocommit` of what a pool hands out, where the call that makes the pool decides about that',
        "parts_autocommit", "what is said of the kind that is handed out holds"),
    Key("parts_autocommit_when", List(CONDITION, "a condition, or a list of them", or_one=True),
        "conditions on the call that makes it under which `parts_autocommit` is true", "parts_autocommit_arguments"),
    Key("read_begins", Flag(), "even a read begins a transaction", "read_begins"),
    Key("ddl", _DEFINITION,
        "what becomes of a query that creates, alters or drops something", "definition_event", "`write`"),
    Key("events_on", Choice({"self": "on it", "parent": "on its parent (a cursor's connection)"}),
        "where the units of work are that its methods act on", "events_on", "`self`"),
    Key("after_error", _AFTER_ERROR, "what a statement that fails does to the unit of work", "after_error",
        "`continues`"),
    Key("return_rolls_back", Flag(), "its release ends what is pending before the next user sees it",
        "return_rolls_back", "true"),
    Key("scoped", Flag(), "whoever set up its scope ends its unit of work for certain", "is_scoped"),
    Key("ambient_methods", _TEXTS,
        "methods of any object that work in it without naming it: `save`, `objects.create`", "ambient_methods"),
    Key("keeps_parent", Flag(), "whoever holds it holds its parent, too, and can release that", "keeps_parent",
        "true for cursors and results"),
    Key("closed_with_parent", Flag(), "the release of its parent releases it", "closed_with_parent", "true"),
    Key("free_with", List(FAMILIES, "a list of families", or_one=True),
         "families of parents with which it holds nothing of its own", "free_with"),
    Key("outlives", List(FAMILIES, "a list of families", or_one=True),
         "families of parents whose release leaves it open", "outlives"),
    Key("outlives_parent", Flag(), "it can be used once its parent has been released", "outlives_parent",
        "true for checkouts"),
    Key("stays_open", Flag(), "released, it is given back and stays open for the next user", "stays_open",
        "true for checkouts"),
    Key("release_needs_parent", Flag(), "its release fails once its parent has been released", "release_needs_parent"),
    Key("exit_after_release", Flag(), "a block on it may end after its release", "exit_after_release"),
    Key("idempotent_release", Flag(), "to release it twice is the same as once", "idempotent_release", "true"),
    Key("fails_closed", Flag(), "a method that `opens` it and fails leaves it closed", "fails_closed",
        "true for the family `connection`"),
    Key("reusable", Flag(), "it may be used after its release: it opens again, or starts afresh", "reusable"),
    Key("rows_after_release", Flag(), "what it has fetched can be read after its release", "rows_after_release"),
    Key("rows_after_parent", Flag(), "what it has fetched can be read after its parent's release",
        "rows_after_parent"),
    Key("host_words", _TEXTS,
        "arguments, and keys of the connection string, that say where the server is; without any it is on this machine",
        "host_words"),
    Key("iterable", Flag(), "iterating it reads", "iterable"),
    Key("truth_reads", Flag(), "testing it, or its length, reads: it is false where there are no rows", "truth_reads"),
    Key("reads_all", _TEXTS, "methods that bring all rows of the last query into memory at once", "reads_all",
        "those called `fetchall`, `fetch_all` or `execute_fetchall`"),
    Key("repeats", _TEXTS, "methods that run a statement several times, of which some may be done when it fails",
        "repeats", "those called `executemany` or `execute_many`"),
    Key("ends_when_read", Flag(), "iterating it to its end releases it", "ends_when_read"),
    Key("unshared", List(SHARERS, "a list of sharers", or_one=True), "who must not use it at the same time",
        "unshared"),
    Key("survives_fork", Flag(), "in a forked process it opens connections of its own", "survives_fork"),
    Key("pools", Flag(), "each one keeps connections of its own, meant for many users", "is_pool",
        "true for the family `pool`"),
    Key("local_schemes", _TEXTS, "schemes of connection strings that lead to a file: no network", "local_schemes"),
    Key("refuses", _ARGUMENTS, "arguments that the call which makes it does not take, though its like do", "refuses"),
    *_VERSIONS,
)  # fmt: skip

_VARIANT = Shape("a variant", "Keys of a kind as some versions have them; they replace those of the kind.", _KIND_KEYS)

KIND = Shape(
    "a kind",
    "Something that is acquired and must be released.",
    (*_KIND_KEYS, Key("variants", List(_VARIANT, "an array of tables"), "what differs in some versions")),
)

_HEAD_KEYS = (
    Key("title", Text(), "what people call the library", default="its name"),
    Key("newest", VersionText(), "the version that is assumed if the project pins none; needed in lintdb's own models",
        is_required=True),
    Key("versions", Text(), "the versions that were looked at, as people write them", default="`newest`"),
    Key("releases", List(VersionText(), "a list of versions"), "versions that the model was checked against"),
    Key("imports", _TEXTS, "what is imported; everything below these names belongs to the library",
        default="its name; in models of your own: nothing, and the names of functions and types decide"),
    Key("distributions", _TEXTS, "names of its packages, to find the version that a project pins",
        default="its name"),
    Key("requires", _TEXTS, "other models that this one refers to"),
    Key("paramstyle", Text(), "how PEP 249 calls its placeholders, for `lintdb drivers`"),
    Key("errors", Text(), "base class of what its calls raise"),
    Key("harmless_errors", _TEXTS, "exception classes after which a unit of work is as good as before"),
    Key("blocking", Flag(), "its calls wait for a server and so must not be called in `async def`", default="false"),
    Key("naive_time", Choice({
        "": "not known",
        "session": "it is read in the time zone of the server's session",
        "local": "it is read as local time",
        "utc": "it is read as UTC",
        "as-is": "it is stored as it is written",
    }), "what becomes of a time without a zone"),
    Key("same_rows", _TEXTS, "methods of query objects and results that leave the number of rows as it was"),
    Key("telltale", _TEXTS,
        "methods that objects of no other library have: a file that calls one is looked at though it does not import "
        "this one, and what it is called on is known by its use"),
    Key("layer", Flag(), "it works through other libraries, whose errors may get through it", default="false"),
    Key("statements", Map(_EVENT, "a table of events"),
        "methods of tables that make a statement → what running it does: `table.insert()`"),
)  # fmt: skip

_BODY_KEYS = (
    Key("kinds", Map(KIND, "a table of kinds"), "what is acquired and released, by name"),
    Key("functions", List(CALL, "an array of calls"), "what its functions and constructors do"),
    Key("exceptions", Map(Text(), "a table of class names"), "exception class → its base class"),
    Key(
        "aliases",
        Map(Text(), "a table of dotted names"),
        "another dotted name of something, or of a module → the name that this model uses",
    ),
    Key("names", Map(_TEXTS, "a table of lists"), "lists of names that `@list` in `names` stands for"),
    Key("switches", List(SWITCH, "an array of switches"), "safeguards that can be switched off"),
    Key("servers", List(SERVER, "an array of servers"), "servers that it talks to, where they differ"),
    Key(
        "configurations",
        List(CONFIGURATION, "an array of configurations"),
        "calls that it makes with what stands in settings",
    ),
)

_NAME = Key("name", Text(must_say=True), "the top-level import name", is_required=True)
_EXTENDS = Key(
    "extends",
    Text(must_say=True),
    "a model of lintdb's: its kinds can be named and refined here, and what is not said here holds as it says there",
)

HEAD = Shape("the driver", "Which library this is.", (_NAME, *_HEAD_KEYS))
MODEL = Shape(
    "a model",
    "A library that lintdb knows.",
    (Key("driver", HEAD, "which library this is", is_required=True), *_BODY_KEYS),
)

# What users write: the same, but that little is asked for, and a model can build on one of lintdb's own.
_OWN_HEAD_KEYS = (_EXTENDS, *(replace(key, is_required=False) for key in _HEAD_KEYS))
OWN_HEAD = Shape(
    "an own driver",
    "Which library this is, or which part of your own code.",
    (replace(_NAME, text="what the model is called"), *_OWN_HEAD_KEYS),
)
OWN_MODEL = Shape(
    "an own model",
    "A library or your own factories and wrappers, described for lintdb.",
    (Key("driver", OWN_HEAD, "which library this is", is_required=True), *_BODY_KEYS),
)
INLINE_MODEL = Shape(
    "an inline model",
    "The same in `[tool.lintdb.drivers.NAME]`: the keys of `[driver]` stand at its top, but for the name.",
    (*_OWN_HEAD_KEYS, *_BODY_KEYS),
)
