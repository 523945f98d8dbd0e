"""The grammar of model files: every table, every key, what may stand there and what it means.

This, with `call_grammar`, is the only home of it. The reader checks files against it, `schema.json` and the tables in
DRIVERS.md are copies. What the engine makes of an attribute is said where it is declared, in `lintdb.effects`.
"""

from __future__ import annotations

from dataclasses import replace

from lintdb.drivers.call_grammar import (
    AFTER_ERROR,
    ARGUMENTS,
    BLOCK,
    CALL,
    CONDITION,
    CONFIGURATION,
    DEFINITION,
    EVENT,
    FAMILIES,
    ORDER,
    SERVER,
    SETTING_NAMES,
    SETTINGS,
    SHARERS,
    SIGN,
    SWITCH,
    TEXT_LISTS,
    TEXTS,
    VERSIONS,
)
from lintdb.drivers.shapes import (
    ArgumentType,
    Choice,
    Flag,
    FlagOrNone,
    Key,
    List,
    Map,
    Shape,
    Text,
    VersionText,
    words_of,
)
from lintdb.effects import Duty

_DUTY = words_of(Duty, {
    "must": "it must be released",
    "weak": "harmless when dropped: reported with low confidence only",
    "none": "it owes nothing, and is followed only for what its methods do",
})  # fmt: skip

_KIND_KEYS = (
    Key("like", Text(),
        "another kind, of this file before it or of a driver in `requires`: all that this one does not say itself is "
        "taken from it, but for types and settings"),
    Key("settings_like_base", List(SETTING_NAMES, "a list of names of settings", or_one=True),
        "settings that are taken from the kind in `like`, too"),
    Key("without", TEXTS, "methods and attributes that are not taken from the kind in `like`"),
    Key("family", FAMILIES, "which rules speak of it", "family", "that of `like`; needed without"),
    Key("label", Text(), "what a message calls it: `psycopg2 connection`", "label",
        "that of `like`; without, the names of the model and the kind"),
    Key("verb", Text(), "what its release is called in messages: `released`", "verb",
        "`returned` for checkouts, else `closed`"),
    Key("types", TEXTS, "dotted names of its classes, for annotations and `isinstance`", "types"),
    Key("classes", TEXTS,
        "dotted names of classes: a class that derives from one is itself of this kind, with its methods "
        "(`User.get_or_none(…)`)", "classes"),
    Key("objects", TEXTS,
        "dotted names of objects of this kind that are always there, and that nobody owes anything for", "objects"),
    Key("bases", Map(Text(), "a table of kinds"),
        "attribute from which classes derive → the kind that these classes are: `class User(db.Model)`", "bases"),
    Key("duty", _DUTY, "how much it matters that it is released", "duty", "`must`"),
    Key("duty_on_error", _DUTY, "the same where something has raised, if that differs", "duty_on_error", "`duty`"),
    Key("collected", Flag(), "dropped, it is closed at once and in silence, and no server hears of it", "is_collected"),
    Key("silent", Flag(), "dropped, it is closed at once, and nobody is warned", "is_silent"),
    Key("lazy", Flag(), "it holds nothing before a method that can fail has been called", "is_lazy"),
    Key("in_memory", Flag(), "it connects to neither a server nor a file: what it has goes with it", "in_memory"),
    Key("with", BLOCK, "what leaving `with` on it does", "with_block", "not known"),
    Key("async_with", BLOCK, "what leaving `async with` on it does", "async_with_block", "not known"),
    Key("with_gives", Text(), 'what `as` binds: "self", "none", or a kind that belongs to it', "enters",
        '"self"'),
    Key("methods", List(CALL, "an array of calls"), "what its methods do; those that are not here are unknown"),
    Key("blocking", Flag(), "its methods wait for a server", default="that of `like`, or of the driver"),
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
    Key("tallies", TEXTS, "attributes that are zero (or false) where its unit of work has changed nothing", "tallies",
        "`rowcount` for cursors and results"),
    Key("unit_flags", TEXTS, "attributes or methods without arguments that are false where no unit of work is open",
        "unit_flags"),
    Key("settings", SETTINGS, "bounds that the call which makes it can be given"),
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
    Key("parts_class", ArgumentType(),
        "the argument with the class of what it makes: one of the project that ends its units of work in a way of its "
        "own makes `parts_autocommit` unknown", "parts_class"),
    Key("read_begins", Flag(), "even a read begins a transaction", "read_begins"),
    Key("ddl", DEFINITION,
        "what becomes of a query that creates, alters or drops something", "definition_event", "`write`"),
    Key("events_on", Choice({"self": "on it", "parent": "on its parent (a cursor's connection)"}),
        "where the units of work are that its methods act on", "events_on", "`self`"),
    Key("after_error", AFTER_ERROR, "what a statement that fails does to the unit of work", "after_error",
        "`continues`"),
    Key("return_rolls_back", Flag(), "its release ends what is pending before the next user sees it",
        "return_rolls_back", "true"),
    Key("scoped", Flag(), "whoever set up its scope ends its unit of work for certain", "is_scoped"),
    Key("scope_end", Text(), "the method with which a project ends that scope; where nothing calls it, nobody does",
        "scope_end"),
    Key("scope_blocks", TEXTS, "methods that open a block which is such a scope: `with app.app_context():`",
        "scope_blocks"),
    Key("ambient_methods", TEXTS,
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
    Key("tracks_objects", Flag(), "assigning to attributes of the objects that it gives is a write", "tracks_objects"),
    Key("rows_after_release", Flag(), "what it has fetched can be read after its release", "rows_after_release"),
    Key("rows_after_parent", Flag(), "what it has fetched can be read after its parent's release",
        "rows_after_parent"),
    Key("host_words", TEXTS,
        "arguments, and keys of the connection string, that say where the server is; without any it is on this machine",
        "host_words"),
    Key("iterable", Flag(), "iterating it reads", "iterable"),
    Key("truth_reads", Flag(), "testing it, or its length, reads: it is false where there are no rows", "truth_reads"),
    Key("reads_all", TEXTS, "methods that bring all rows of the last query into memory at once", "reads_all",
        "those called `fetchall`, `fetch_all` or `execute_fetchall`"),
    Key("repeats", TEXTS, "methods that run a statement several times, of which some may be done when it fails",
        "repeats", "those called `executemany` or `execute_many`"),
    Key("ends_when_read", Flag(), "iterating it to its end releases it", "ends_when_read"),
    Key("unshared", List(SHARERS, "a list of sharers", or_one=True), "who must not use it at the same time",
        "unshared"),
    Key("keeps_process", Flag(), "left open, it keeps the interpreter from exiting", "keeps_process"),
    Key("survives_fork", Flag(), "in a forked process it opens connections of its own", "survives_fork"),
    Key("pools", Flag(), "each one keeps connections of its own, meant for many users", "is_pool",
        "true for the family `pool`"),
    Key("local_schemes", TEXTS, "schemes of connection strings that lead to a file: no network", "local_schemes"),
    Key("refuses", ARGUMENTS, "arguments that the call which makes it does not take, though its like do", "refuses"),
    *VERSIONS,
)  # fmt: skip

_VARIANT = Shape("a variant", "Keys of a kind as some versions have them; they replace those of the kind.", _KIND_KEYS)

KIND = Shape(
    "a kind",
    "Something that is acquired and must be released. `async_NAME` is what does for coroutines what `NAME` does.",
    (*_KIND_KEYS, Key("variants", List(_VARIANT, "an array of tables"), "what differs in some versions")),
)

_HEAD_KEYS = (
    Key("title", Text(), "what people call the library", default="its name"),
    Key("newest", VersionText(), "the version that is assumed if the project pins none; needed in lintdb's own models",
        is_required=True),
    Key("versions", Text(), "the versions that were looked at, as people write them", default="`newest`"),
    Key("releases", List(VersionText(), "a list of versions"), "versions that the model was checked against"),
    Key("imports", TEXTS, "what is imported; everything below these names belongs to the library",
        default="its name; in models of your own: nothing, and the names of functions and types decide"),
    Key("distributions", TEXTS, "names of its packages, to find the version that a project pins",
        default="its name"),
    Key("conda", TEXTS, "names of its packages with conda, where those are others"),
    Key("requires", TEXTS, "other models that this one refers to"),
    Key("paramstyle", Text(), "how PEP 249 calls its placeholders, for `lintdb drivers`"),
    Key("errors", Text(), "base class of what its calls raise"),
    Key("harmless_errors", TEXTS, "exception classes after which a unit of work is as good as before"),
    Key("blocking", Flag(), "its calls wait for a server and so must not be called in `async def`", default="false"),
    Key("naive_time", Choice({
        "": "not known",
        "session": "it is read in the time zone of the server's session",
        "local": "it is read as local time",
        "utc": "it is read as UTC",
        "as-is": "it is stored as it is written",
    }), "what becomes of a time without a zone"),
    Key("quotes_names", Flag(), "what stands between double quotes is a name, never a text"),
    Key("same_rows", TEXTS, "methods of query objects and results that leave the number of rows as it was"),
    Key("telltale", TEXTS,
        "methods that objects of no other library have: a file that calls one is looked at though it does not import "
        "this one, and what it is called on is known by its use"),
    Key("named", TEXT_LISTS,
        "last word of a name → methods that tell what something of that name is, in files that import this library: "
        "`engine.connect()`"),
    Key("borrowers", TEXTS,
        "methods that leave what they are given to their caller, on objects of which nothing else is known: "
        "`Base.metadata.create_all(engine)`"),
    Key("pool_borrowers", TEXTS,
        "the same of those that do so where they are given pools: `frame.to_sql(name, engine)`"),
    Key("layer", Flag(), "it works through other libraries, whose errors may get through it", default="false"),
    Key("statements", Map(EVENT, "a table of events"),
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
    Key("names", Map(TEXTS, "a table of lists"), "lists of names that `@list` in `names` stands for"),
    Key("switches", List(SWITCH, "an array of switches"), "safeguards that can be switched off"),
    Key("servers", List(SERVER, "an array of servers"), "servers that it talks to, where they differ"),
    Key("signs", List(SIGN, "an array of signs"), "what tells that a file is written for old releases"),
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
