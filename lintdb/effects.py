"""What calls do to resources, as plain data: the language between driver models and the flow engine.

Nothing here knows a database. A *kind* is something that is acquired and must be released; a *call model* says what one
function or method does to the resources that it touches; a *setting* is a bound (a time, a number) that the acquiring
call can be given. Driver models (TOML) are compiled into these, `lintdb.flow` and `lintdb.rules` read them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

EMPTY: Mapping[str, str] = MappingProxyType({})


class WithBlock(enum.Enum):
    """What leaving a `with` (or `async with`) block on a resource does to it."""

    RELEASE = "release"
    """the resource is released, pending work is dropped"""
    COMMIT = "commit"
    """pending work is committed (rolled back on an exception); the resource stays open"""
    COMMIT_RELEASE = "commit+release"
    """pending work is committed (rolled back on an exception), then the resource is released"""
    KEEP = "keep"
    """nothing happens to the resource"""
    WRONG_RELEASE = "wrong-release"
    """the object is closed in a way that does not give it back to its owner (a slot of a pool is lost)"""
    UNKNOWN = "unknown"
    """nobody can say: neither that the resource is released, nor that it is still open"""
    NONE = "none"
    """not a context manager: entering raises"""

    @property
    def releases(self) -> bool:
        """Whether the resource owes nothing after the block."""
        return self in (WithBlock.RELEASE, WithBlock.COMMIT_RELEASE)

    @property
    def commits(self) -> bool:
        """Whether leaving the block normally makes pending work permanent."""
        return self in (WithBlock.COMMIT, WithBlock.COMMIT_RELEASE)


class Form(enum.Enum):
    """What must be done with the value of an acquiring call before anything is acquired."""

    VALUE = "value"
    """the call itself acquires"""
    AWAIT = "await"
    """a coroutine: acquires when awaited; cannot be entered with `async with` itself"""
    WITH = "with"
    """a context manager: acquires when entered, releases when left"""
    AWAIT_OR_WITH = "await-or-with"
    """acquires when awaited, or when entered with `async with` (which releases when left)"""


class Duty(enum.Enum):
    """How much it matters that the kind is released."""

    MUST = "must"
    WEAK = "weak"
    """released by its parent or by the garbage collector without harm: reported with low confidence only"""
    NONE = "none"
    """owes nothing: tracked only for what its methods do"""


class Raises(enum.Enum):
    """Which exceptions a modelled call can raise."""

    NEVER = "never"
    """does not fail in practice on an open resource (no input or output)"""
    DRIVER = "driver"
    """the driver's own exception classes"""
    ANYTHING = "anything"


OWN_BLOCK = "~own block"
"""Behind the id of a kind: the same, but that a class of the project has given its `with` block another meaning."""


class AfterError(enum.Enum):
    """What a statement that fails does to the unit of work that it belongs to."""

    CONTINUES = "continues"
    """the statement alone is undone, the unit goes on"""
    ABORTS = "aborts"
    """nothing works any more until the unit is rolled back"""
    DEPENDS = "depends"
    """one or the other, as the server has it"""


class Event(enum.Enum):
    """What moves the automaton of a unit of work."""

    BEGIN = "begin"
    READ = "read"
    WRITE = "write"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    ROLLBACK_PART = "rollback-part"
    """back to a savepoint: what failed since is undone, what was pending before stays pending"""
    AUTOCOMMIT_ON = "autocommit-on"
    AUTOCOMMIT_OFF = "autocommit-off"
    AUTOCOMMIT_UNKNOWN = "autocommit-unknown"


@dataclass(frozen=True)
class Argument:
    """Selects an argument of a call by position (0 = first after the receiver) and/or keyword."""

    position: int | None = None
    keyword: str | None = None


@dataclass(frozen=True)
class Condition:
    """A call model applies only if the argument is given (or absent), is one of some literals, or of some dotted names.

    `given` None means: compare with `equals`, or with `names` if there are any. An argument that cannot be seen (a
    variable, `**kwargs`) meets no `equals` and no `names`, and makes `given` true if it is passed by name.
    `key`: the argument is a dictionary, and what stands under that key in it counts.
    """

    argument: Argument
    given: bool | None = None
    equals: tuple[object, ...] = ()
    names: tuple[str, ...] = ()
    key: str | None = None

    def is_met_by(self, value: object) -> bool:
        """Whether a value that can be seen is one of the literals."""
        return any(value == literal and type(value) is type(literal) for literal in self.equals)


@dataclass(frozen=True)
class CallModel:
    """What calling a function, constructor or method does.

    `acquires`/`gives` name a kind: acquired with an obligation / handed out without one. `gives` "self" returns the
    receiver. `releases` "self" or an argument. `sql` is the argument that holds query text, from which the event is
    taken when `event` is None. `parent` is "self", an argument, or None: the owner whose release releases the result.
    `receiver` names the argument on which events act (for functions such as `execute_values(cursor, …)`).
    `connects` says that the call reaches out to a server (so that it can wait for ever). `dsn` is the argument that
    holds a connection string. `unwraps` is the argument that the result is another name for. `borrows` False means that
    the arguments are kept by the callee (their tracking ends). `may_return_none` says that the value can be None (or,
    for an acquiring call and for `opens`, false) without an error; then nothing was acquired.
    `opens` says that the receiver is open afterwards, whatever it was before: it may be called on a released resource.
    `after_release` says that it works on a released resource, too, `after_parent` on one whose parent was released.
    `goes_on` says of a releasing call that the object can be used afterwards all the same, `ends` that it releases what
    lives on otherwise, too; `releases_if_it_fails` says of any other call that where it raises it has released.
    `query_event` is for calls that build a query and send nothing: what running their value (or a value chained from
    it: `insert(t).values(…)`) does when it is the `sql` argument of another call.
    `eager` is for what is awaited for its result alone, and begins with the call (a future).
    `after_error` says what its failure does to the unit of work, where that is not what the kind says.
    `settings` are bounds on this very call, with its default when they are not given.
    `joins`: it adds to what the receiver hears of from then on, whoever reads from it. `beside_reader`: it may be
    called while another task or thread uses the receiver.
    `hides_errors`: what has failed is told by its value alone. `prepares`: the server keeps what it makes.
    `tells_changes`: it gives the number of rows that it has changed. `gives_column`: the first column of a row, which
    may be NULL. `refuses_text`: a plain text of SQL is refused, or committed at once by older releases. `takes` is the
    kind that it takes from its receiver for as long as it runs.
    `paramstyle` is how the values that follow the text of a query are marked in it, as PEP 249 calls it;
    with a `*` in front each value is an argument of its own. Empty: the call takes none, or it is not known how.
    `dsn_parts` are the arguments that it puts a connection string together from: its `scheme`, `user`, `password`,
    `host`, and `options` (a dictionary). `dsn_scheme`: its value is a connection string of that scheme, without
    options, to a server that was started for tests.
    `works_on` is the dotted name of an object that is always there, on which a function works without being given it.
    `leaving` is what leaving a block on this very call does (`async with connect(…) as conn`), where that is not what a
    block on its value does (`async with conn`); None: the same, and what was acquired is released.
    """

    names: tuple[str, ...]
    acquires: str | None = None
    gives: str | None = None
    form: Form = Form.VALUE
    releases: str | Argument | None = None
    coroutine: bool = False
    eager: bool = False
    event: Event | None = None
    sql: Argument | None = None
    receiver: Argument | None = None
    parent: str | Argument | None = None
    raises: Raises = Raises.DRIVER
    blocking: bool = False
    dsn: Argument | None = None
    unwraps: Argument | None = None
    borrows: bool = True
    when: tuple[Condition, ...] = ()
    may_return_none: bool = False
    opens: bool = False
    after_release: bool = False
    after_parent: bool = False
    goes_on: bool = False
    releases_if_it_fails: bool = False
    ends: bool = False
    query_event: Event | None = None
    after_error: AfterError | None = None
    settings: tuple[Setting, ...] = ()
    leaving: WithBlock | None = None
    joins: bool = False
    beside_reader: bool = False
    hides_errors: bool = False
    prepares: bool = False
    tells_changes: bool = False
    gives_column: bool = False
    refuses_text: bool = False
    takes: str | None = None
    paramstyle: str = ""
    dsn_parts: Mapping[str, Argument] = field(default_factory=lambda: MappingProxyType({}))
    dsn_scheme: str = ""
    works_on: str = ""
    driver: str = ""


@dataclass(frozen=True)
class Setting:
    """A bound that an acquiring call can be given, in every spelling of the library.

    `name` is what it bounds: `connect-timeout`, `query-timeout`, `checkout-timeout`, `max-size`, … `default` is
    `unlimited`, `limited`, `immediate` (does not wait at all) or `unknown` when no spelling is used. `unlimited` lists
    literals that switch the bound off, `immediate` those that mean not to wait at all. `complete_with` lists arguments
    without which the bound, given or by default, covers only a part of the wait (the network connection, but not the
    greeting of the server): worth a word with low confidence.
    `schemes` restricts it to connection strings of those URL schemes. `is_of_version`: other versions have another one.
    `decided_by` lists arguments that may make the bound pointless (another class of pool): given one of them, nothing
    can be said, unless one of `proven_by` is given, too, which only what has the bound accepts.
    `bounded_by` is the limit of what the call works on (`query-timeout` of a client) that bounds it as well.
    `within` is such a limit, too, that ends the call with an error where it is the shorter one.
    `value` is the number that holds when none is given, `unit` the unit of all numbers (`s`, `ms`, `us`).
    `not_yet` lists arguments that later versions have for it, and that this one refuses.
    Spellings: `arguments`; `dsn` keys (key=value or URL query); `options` (libpq `-c name=value` inside a text called
    `options`: an argument, a key of the connection string or of a dict in `nested`; it counts only if it names one of
    them); `nested` maps a keyword whose value is a dict to keys of that dict (`connect_args` → `connect_timeout`; a dot
    leads into an inner dict); `sql` prefixes of session statements, run later or given as one of `sql_arguments`;
    `attributes` and `methods` of the acquired object; `call_arguments` of its query methods. `prepared_by` lists
    arguments that hold a function which is called with each new object, and may use such spellings.
    """

    name: str
    default: str
    is_of_version: bool = False
    arguments: tuple[Argument, ...] = ()
    not_yet: tuple[Argument, ...] = ()
    dsn: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    nested: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    sql: tuple[str, ...] = ()
    sql_arguments: tuple[Argument, ...] = ()
    attributes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    call_arguments: tuple[str, ...] = ()
    prepared_by: tuple[Argument, ...] = ()
    environment: tuple[str, ...] = ()
    unlimited: tuple[object, ...] = ()
    immediate: tuple[object, ...] = ()
    complete_with: tuple[Argument, ...] = ()
    schemes: tuple[str, ...] = ()
    decided_by: tuple[Argument, ...] = ()
    proven_by: tuple[Argument, ...] = ()
    bounded_by: str = ""
    within: str = ""
    value: float | None = None
    unit: str = "s"
    suggest: str = ""
    note: str = ""


@dataclass(frozen=True)
class Switch:
    """A safeguard that whoever opens something can switch off, in every spelling of the library.

    `name` is what it guards: `tls`, `thread-check`; or `password`, for arguments that should not be written down at
    all. `off` are the values that switch it off: literals, texts in any case, dotted names (called, too), `plain` those
    of them with which nothing is encrypted at all. Spellings:
    `arguments`; keys of the connection string (`dsn`); `nested` maps a keyword whose value is a dict to keys of that
    dict. `schemes` of a connection string switch it off by themselves.
    """

    name: str
    arguments: tuple[Argument, ...] = ()
    dsn: tuple[str, ...] = ()
    nested: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    schemes: tuple[str, ...] = ()
    off: tuple[object, ...] = ()
    plain: tuple[object, ...] = ()


@dataclass(frozen=True)
class Server:
    """One of the servers that a library can talk to, as the file shows that does: by what it imports.

    So do `queries`, as patterns for what no other server understands; case does not matter. `schemes` of a connection
    string lead to it, too (without what follows a `+`).

    It settles what the library alone leaves open: what a failed statement does (`after_error`), and what a query that
    defines something counts as (`definition_event`).
    """

    imports: tuple[str, ...]
    after_error: AfterError
    definition_event: Event | None = Event.WRITE
    schemes: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sign:
    """What only a program for releases `before` a version can say, as patterns for its text.

    `code` are patterns for that, `unless` for what no such program says. `calls` are methods that what the functions
    `made_by` hand out has in no later one.
    """

    before: str
    code: tuple[str, ...]
    unless: tuple[str, ...] = ()
    made_by: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Configuration:
    """A call that a framework makes with what stands in the settings of whoever uses it.

    Its keys are settings themselves; or they are keys of the dictionary that is the setting `table`, or of each of the
    dictionaries in it (`each`); or they are keyword arguments of the function `keywords_of`. `arguments` maps keys to
    the arguments that they become, `merged` are keys whose dictionaries hold arguments (a dot leads into an inner one).
    With `as_is` all other keys are arguments, too; `plain` is the argument that an entry is which is no dictionary.
    `when` are conditions on the keys (an argument's keyword is a key).
    `calls` are the functions that the framework may call with that; several, where it takes what is installed. Or it
    makes something of its own: the kind `acquires`. `host` is the key without which the server is on the same machine.
    `limits` are the names of the settings that are decided there (empty: all), `settings` differ from those of what is
    called. `decides` are the names of the switches that the framework sets itself. `suggest` is how a message spells a
    cure, with `…` for the argument: `"OPTIONS": {…}`. `label` is how it calls what is made.
    """

    calls: tuple[str, ...] = ()
    acquires: str | None = None
    table: str = ""
    each: bool = False
    keywords_of: str = ""
    arguments: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    merged: tuple[str, ...] = ()
    as_is: bool = False
    plain: str = ""
    when: tuple[Condition, ...] = ()
    host: str = ""
    limits: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    decides: tuple[str, ...] = ()
    suggest: str = ""
    label: str = ""
    driver: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that it takes something from."""
        return (*self.arguments, *(key.partition(".")[0] for key in self.merged))

    @property
    def words(self) -> tuple[str, ...]:
        """The settings that tell that a file configures this; none where a call does."""
        if self.keywords_of:
            return ()
        return (self.table,) if self.table else self.keys


@dataclass(frozen=True)
class Order:
    """Two limits of one acquiring call of which `inner` is part of `outer`: a longer inner one never takes effect."""

    inner: Setting
    outer: Setting


@dataclass(frozen=True)
class Kind:
    """Something that is acquired and must be released.

    `id` is `<driver>.<name>`. `family` groups kinds for rules (`connection`, `cursor`, `session`, `pool`, `checkout`,
    `result`). `label` is how a message calls it, `verb` what its release is called there, where that is not what the
    family says. `state_flags` maps an attribute or method without arguments to the boolean that it has while the
    resource is open. `tallies` are attributes that are zero or false where its unit of work has changed nothing,
    `unit_flags` attributes or methods without arguments that are false where no unit of work is open.
    `truth_reads`: it is a query that is false where it has no rows. `autocommit` is the default mode of units of work:
    True (each statement is permanent), False (work is pending until commit) or None (no such thing); `parts_autocommit`
    is that of what a pool hands out, where the call that makes the pool decides (None: it does not); nobody can say if
    `parts_class` is given a class that ends its units of work in a way of its own. `events_on` names the kind itself
    ("self") or "parent": where read/write/commit events land. `return_rolls_back` says that releasing it cleans a
    pending unit of work before the next user sees it.

    `duty_on_error` is the duty on paths on which something raised, where it differs. `keeps_parent`: whoever holds it
    holds its parent too, and can release it (a cursor's connection). `is_lazy`: it holds nothing before one of its
    methods that can fail has been called. `in_memory`: it connects to nothing, and what it has goes with it.
    `free_with`: families of parents with which it holds nothing of its own. `outlives`: families of parents whose
    release leaves it open. `ends_when_read`: iterating it to its end releases it. `is_collected`: dropped, it is
    closed, without a warning, and no server hears of it; `is_silent`: a server does.

    `definition_event` is what a query that creates, alters or drops something counts as: WRITE (pending like others),
    COMMIT (everything pending becomes permanent) or None (permanent at once, and the rest stays pending).
    `attribute_events` maps an attribute to what assigning it does: `autocommit` (on or off as the value),
    `autocommit-if-none` (on for None, else off), `unknown`, or `read-only` (it only tells the mode). `enters` is what
    `as` binds in a `with` block: "self", "none", or the kind of another object that belongs to this one. `reusable`
    says that using it after its release is allowed and harmless (it opens again by itself, or starts afresh).
    `tracks_objects`: what is assigned to attributes of the objects that it gives is a write of its unit of work.
    `idempotent_release` says that releasing it twice is the same as once. `is_pool`: each one keeps connections of its
    own, meant to be shared by many users. `orders` says which limits contain which others. `block_is_of_version`: in
    other versions leaving a block does something else. `fails_closed`: a method that opens it and fails leaves it
    closed. `classes` are dotted names of classes: a class that derives from one is itself what this kind describes.
    `objects` are dotted names of what is of this kind and always there. `bases` maps an attribute, from which classes
    derive, to the kind that these classes are. `refuses` lists arguments that the call that makes it does not take,
    though calls of that name do otherwise. `local_schemes` are those of connection strings that lead to a file:
    nothing goes over a network. `host_words` are the arguments, and keys of the
    connection string, that lead to a server; without them it is on the same machine. `any_attribute` and `any_item` are
    the kinds of what an attribute that is neither a method nor in `attributes`, and what a subscript, hands out without
    an obligation: `client.shop`, `client["shop"]`. `unshared`: what must not use it at the same time: "tasks",
    "threads"; "other-threads" than the one that opened it, even later. `gives_answers`: what its methods give is the
    answer to the query that was run on it last. `reads_all` are the methods that bring all of that into memory at once,
    `repeats` those that run a statement several times. `survives_fork`: in a forked process it opens connections of its
    own. `keeps_process`: left open, it keeps the interpreter from exiting.

    `after_error` is what a failed statement does to the unit of work. `is_scoped` says that whoever set up the scope
    that it belongs to ends its unit of work for certain; `scope_end` is the method with which a project does that, or
    empty if a framework does, `scope_blocks` are methods that open blocks which are such scopes. `ambient_methods`
    makes it a unit of work that its users do not name: methods of any object that work in it (`save`), or of what is
    reached through an attribute (`objects.create`).

    `release_needs_parent`: releasing it fails once its parent has been released. `exit_after_release`: a block on it
    may end after its release. `stays_open`: released, it is given back and stays open for whoever gets it next;
    `outlives_parent`: it can be used after its parent has been released (both: what is checked out of a pool, unless
    the model says otherwise). `rows_after_release`, `rows_after_parent`: what it has fetched can be read after its own
    release, or its parent's.
    """

    id: str
    family: str
    label: str
    duty: Duty = Duty.MUST
    duty_on_error: Duty | None = None
    keeps_parent: bool = False
    is_lazy: bool = False
    in_memory: bool = False
    is_collected: bool = False
    is_silent: bool = False
    free_with: tuple[str, ...] = ()
    outlives: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    with_block: WithBlock | None = None
    async_with_block: WithBlock | None = None
    methods: Mapping[str, tuple[CallModel, ...]] = field(default_factory=lambda: MappingProxyType({}))
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    any_attribute: str | None = None
    any_item: str | None = None
    attribute_events: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    state_flags: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    tallies: tuple[str, ...] = ()
    unit_flags: tuple[str, ...] = ()
    truth_reads: bool = False
    settings: tuple[Setting, ...] = ()
    autocommit: bool | None = None
    autocommit_arguments: tuple[Condition, ...] = ()
    parts_autocommit: bool | None = None
    parts_autocommit_arguments: tuple[Condition, ...] = ()
    parts_class: Argument | None = None
    read_begins: bool = False
    events_on: str = "self"
    definition_event: Event | None = Event.WRITE
    enters: str = "self"
    return_rolls_back: bool = True
    closed_with_parent: bool = True
    close_is_coroutine: bool = False
    iterable: bool = False
    gives_answers: bool = False
    verb: str = ""
    reads_all: tuple[str, ...] = ()
    repeats: tuple[str, ...] = ()
    survives_fork: bool = False
    keeps_process: bool = False
    unshared: tuple[str, ...] = ()
    ends_when_read: bool = False
    reusable: bool = False
    tracks_objects: bool = False
    idempotent_release: bool = True
    is_pool: bool = False
    local_schemes: tuple[str, ...] = ()
    host_words: tuple[str, ...] = ()
    after_error: AfterError = AfterError.CONTINUES
    is_scoped: bool = False
    scope_end: str = ""
    scope_blocks: tuple[str, ...] = ()
    ambient_methods: tuple[str, ...] = ()
    release_needs_parent: bool = False
    exit_after_release: bool = False
    stays_open: bool | None = None
    outlives_parent: bool | None = None
    rows_after_release: bool = False
    rows_after_parent: bool = False
    refuses: tuple[Argument, ...] = ()
    orders: tuple[Order, ...] = ()
    block_is_of_version: bool = False
    fails_closed: bool = False
    classes: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    bases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    driver: str = ""

    @property
    def lives_on(self) -> bool:
        """Whether it is given back when it is released, rather than ended."""
        return self.stays_open if self.stays_open is not None else self.family == "checkout"

    @property
    def gives_each_its_own(self) -> bool:
        """Whether users that share it can ask it for one of their own: `cursor()` of DuckDB, for each thread."""
        return any(
            model.beside_reader and model.acquires is not None for models in self.methods.values() for model in models
        )

    @property
    def is_released_by_coroutine(self) -> bool:
        """Whether a release of it must be awaited, so that it needs the event loop still."""
        return any(model.coroutine for models in self.methods.values() for model in models if model.releases == "self")

    @property
    def survives_parent(self) -> bool:
        """Whether it works after its parent has been released."""
        return self.outlives_parent if self.outlives_parent is not None else self.family == "checkout"
