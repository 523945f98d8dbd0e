"""What a variable can hold on one path, as far as it matters. Values are immutable and hashable; "unknown" is None."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from lintdb.effects import Event
from lintdb.syntax.names import ClassInfo, FunctionInfo

if TYPE_CHECKING:
    from lintdb.flow.ir import CallArgument

SiteKey = tuple[object, ...]
"""Names a place where resources come from: (operation, number) of an acquiring call, or what it is and a name:
("self", attribute), ("global", name, number of its module), ("param", name), ("arg", number of an argument), and
("field", what holds the object, attribute) for an attribute of an object that somebody else made."""

Rid = tuple[SiteKey, int]
"""Names a resource: the site that it was acquired at (or the name it came in by), and a generation: 0 is the latest
acquired at its site, 1 an earlier one that is still held somewhere."""


IN_BLOCK = 1 << 29
"""Stands for the call that began a unit of work where a `with` block ends it in any case."""


class Value:
    """Base of values."""

    __slots__ = ()


class Hole(NamedTuple):
    """A place in a text that an expression of a function fills."""

    node: cst.CSTNode
    function: FunctionInfo


Piece = str | Hole


_MAX_NESTING = 5
"""How deep values may be put together from values."""


@dataclass(frozen=True, slots=True)
class Literal(Value):
    """A constant; `is_prefix` marks a string of which only the start is known, `rest` is what follows that.

    `is_clause`: a function of a model has made something else of the text, which stands for it.
    """

    value: object
    is_prefix: bool = False
    rest: tuple[Piece, ...] = ()
    is_clause: bool = False

    def __hash__(self) -> int:
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Literal)
            and type(other.value) is type(self.value)
            and other.value == self.value
            and other.is_prefix == self.is_prefix
            and other.rest == self.rest
            and other.is_clause == self.is_clause
        )


@dataclass(frozen=True, slots=True)
class Opening(Value):
    """What a function that asks how a text begins knows of it: as much of its start as it asks for."""

    text: str


@dataclass(frozen=True, slots=True)
class Truthiness(Value):
    """Nothing is known but the truth value, or that it is not None; `is_count`: that it is a number above zero."""

    truth: bool | None
    is_not_none: bool = False
    is_count: bool = False


NONE = Literal(None)
TRUE = Literal(True)
FALSE = Literal(False)
TRUTHY = Truthiness(True, True)
FALSY = Truthiness(False)
COUNTED = Truthiness(True, True, is_count=True)
NOT_NONE = Truthiness(None, True)


@dataclass(frozen=True, slots=True)
class Data(Value):
    """Plain data that a driver gave: rows, a number, or None. Iterating it does not fail."""


DATA = Data()


@dataclass(frozen=True, slots=True)
class Row(Data):
    """What the call numbered `call` gave: plain data, or None where there is nothing.

    `is_missing`: on this path there is nothing. `of`: where there is nothing, nothing was changed there (see `Change`).
    """

    call: int
    is_missing: bool = False
    of: Rid | None = None


@dataclass(frozen=True, slots=True)
class Change(Data):
    """What the only pending write on a resource gives of what it has changed: None where that is nothing."""

    of: Rid


@dataclass(frozen=True, slots=True)
class Tally(Data):
    """How much the work on a resource has changed, or whether it has changed anything: nothing, where it is zero.

    `by` is what tells it, and has rows where it is not zero. `is_of_unit`: where it is zero no unit of work is open.
    """

    of: Rid
    by: Rid
    is_of_unit: bool = False


@dataclass(frozen=True, slots=True)
class Unbound(Value):
    """Of a variable: nothing has been assigned to it yet."""


UNBOUND = Unbound()


@dataclass(frozen=True, slots=True)
class Failure(Value):
    """On the way out with an exception of class `error`: at `node` something was used that is not there.

    `what` is the number of the call that gave no row, or the name of the variable that nothing has filled.
    """

    what: int | str
    node: cst.CSTNode
    error: str


@dataclass(frozen=True, slots=True)
class Ref(Value):
    """A resource that the path knows."""

    rid: Rid


@dataclass(frozen=True, slots=True)
class Many(Value):
    """Something that holds other values: a tuple, a dict display, an object built from them.

    `of_type` is the built-in type that it surely is, "" where that is not known.
    `is_lazy`: a generator that reads from them when it is read; `makes_others`: and what it gives is none of them;
    `failures` is what it may raise then, and how unlikely that is.
    """

    items: tuple[Value | None, ...]
    is_sequence: bool = False
    is_lazy: bool = False
    makes_others: bool = False
    failures: tuple[tuple[Raised, int], ...] = ()
    of_type: str = ""


@dataclass(frozen=True, slots=True)
class Table(Value):
    """A dict display: literal keys with their values."""

    items: tuple[tuple[object, Value | None], ...]


@dataclass(frozen=True, slots=True)
class Box(Value):
    """A mutable container (list, set, ExitStack) whose contents are kept in the state under its id.

    `of_type` is the built-in type that it surely is, "" where that is not known.
    """

    id: int
    is_stack: bool = False
    of_type: str = ""


OWN_OBJECT = -1
"""Stands for the object whose method is being followed (`self`)."""
MADE_OBJECT = -2
"""Stands for the object that a function makes and returns, for its callers."""
GIVEN_OBJECT = -3
"""Stands for the first object that a function is given and that its caller follows; others have the numbers below."""

Part = tuple[int, tuple[str, ...]]
"""Names an object: the call that made it, or that made the object that it is in, and its path from there."""


@dataclass(frozen=True, slots=True)
class Instance(Value):
    """An object of a class of the project; its attributes are kept in the state under names that begin with `prefix`.

    `id` is the call that made it, or `OWN_OBJECT`; `path` leads from that object to one that it holds.
    """

    id: int
    owner: ClassInfo
    path: tuple[str, ...] = ()

    @property
    def part(self) -> Part:
        """Which object it is, whatever is known of its class."""
        return self.id, self.path

    @property
    def prefix(self) -> str:
        """What the names of its attributes begin with in a state."""
        return prefix_of(self.part)

    def outside(self) -> Outside:
        """Return it as an object of which nothing is followed."""
        return Outside(self.owner, ("made", self.owner.name, *self.path, self.id))


@dataclass(frozen=True, slots=True)
class Outside(Value):
    """An object of a class of the project that was not made here: what its attributes hold is asked of the class.

    `root` is how the function came by it: an attribute, a global, a parameter, or an attribute of another such object.
    """

    owner: ClassInfo
    root: SiteKey

    @classmethod
    def of_class(cls, owner: ClassInfo) -> Outside:
        """Return what keeps what class methods keep on their class."""
        return cls(owner, ("class", owner.name, owner.index.name.number))


@dataclass(frozen=True, slots=True)
class Method(Value):
    """A bound method taken as a value: `conn.close`."""

    receiver: Value
    name: str


@dataclass(frozen=True, slots=True)
class Function(Value):
    """A function or lambda of this module; its free names are read from the state when it is called or escapes."""

    info: FunctionInfo


@dataclass(frozen=True, slots=True)
class Partial(Value):
    """`functools.partial(callee, …)` and like bundles; `arguments` come before those of a call."""

    callee: Value | None
    items: tuple[Value | None, ...]
    arguments: tuple[CallArgument, ...] = ()


@dataclass(frozen=True, slots=True)
class Name(Value):
    """An imported name as a value: `package.connect`."""

    dotted: str


@dataclass(frozen=True, slots=True)
class KeptMaker(Value):
    """A function that the program keeps under a key of an application: see `Places.maker_under`."""

    key: str


@dataclass(frozen=True, slots=True)
class Query(Value):
    """A query object that has not been run; running it is `event`, and gives `answer` (see `Status`)."""

    event: Event
    answer: str = "unknown"


@dataclass(frozen=True, slots=True)
class Coroutine(Value):
    """The result of calling a coroutine function that has not been awaited. `rid` is tracked as owing an await.

    `call` is the operation that made it; `inner` is the resource that the call is about, or what it was given;
    `captured` what a function that stands in this one reads of its variables.
    """

    rid: Rid
    call: int
    inner: Value | None = None
    captured: tuple[Value | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Manager(Value):
    """A context manager that has not been entered.

    `what` is `closing` (inner is closed on exit), `aclosing`, `suppress` (types), `swallow`, `null` (inner passes
    through), `acquire` (entering acquires; `call` is the operation), `entered` (inner was made by entering), `unit` (a
    unit of work on `inner`), `callback` or `async-callback` (inner is called on exit), `scope` (of a framework; the
    method in `types` opens it), `local` (a generator-based manager of this module; `call`, and `way`: by which of its
    summaries, -1 if there is none; `lends`: what it yields, as its summary describes that).
    """

    what: str
    inner: Value | None = None
    types: tuple[str | None, ...] = ()
    kind: str | None = None
    call: int = -1
    is_nested: bool = False
    way: int = -1
    lends: Value | None = None


ENDED = frozenset({"released", "misused"})
"""The phases of what is not open any more."""


class Status(NamedTuple):
    """The state of one resource on one path.

    `phase`: "open", "released", "gone" (escaped: somebody else's now), "misused" (after its release). `owed`:
    whether this function must release it. `raised`: an opaque operation raised while it was open. `kept`: a `with`
    block on it ended without releasing it. `pending`: index of the operation whose work is not committed (-1:
    none). `autocommit`: True, False or None (unknown). `parent`: the resource whose release releases it. `shared`:
    yielded to a consumer. `failed`: a call on its unit of work raised, and nothing has been rolled back since.
    `visited`: the loop that has taken it from a container. `outlives`: it lives on after the function.
    `keeps_parent`: whoever holds it can release its parent through it. `goes_with_parent`: it is released when its
    parent is. `used`: it has been used (or holds something from birth). `low`: how unlikely is what happened while
    it was open. `is_there`: a method was called on it, so what came from outside is not None. `answer`: what the
    last query on it gives: "row" (surely one), "perhaps" (there may be none), "every" (the same, and nothing bounds
    their number), "unknown", or "" where no query was seen.

    `cut`: something raised while work was pending. `begun`: index of the call that began the unit of work explicitly,
    `IN_BLOCK` for a block that ends it, -1 if it is in none. `switched`: index of the operation that changed its mode.
    `parts_mode`: the mode of what it hands out, as `autocommit`. `holds`: of what takes a connection with its first
    statement, and gives that back with the end of its unit of work: it has one. `unpooled`: a factory of what takes
    from no pool.
    """

    kind: str
    phase: str = "open"
    owed: bool = True
    raised: bool = False
    kept: bool = False
    pending: int = -1
    autocommit: bool | None = None
    parent: Rid | None = None
    shared: bool = False
    failed: int = -1
    visited: int = -1
    outlives: bool = False
    keeps_parent: bool = False
    goes_with_parent: bool = True
    used: bool = True
    low: int = 0
    is_there: bool = False
    answer: str = ""
    cut: bool = False
    begun: int = -1
    switched: int = -1
    parts_mode: bool | None = None
    holds: bool = False
    unpooled: bool = False

    @property
    def in_unit(self) -> bool:
        """Whether work on it is pending until it is made permanent."""
        return self.autocommit is False or self.begun >= 0


class Raised(NamedTuple):
    """An exception in flight: its class (None: anything), whether it is exactly that class.

    `call`: index of the call that it comes from, if that may have broken a unit of work. `passed`: the classes of
    handlers that would have caught it if it were one of them, as far as others further out tell that apart.
    """

    type: str | None = None
    is_exact: bool = False
    call: int = -1
    passed: tuple[str, ...] = ()


def one_of(items: tuple[Value | None, ...]) -> Value | None:
    """Return a value that stands for any one of several: what an item of a container is, when it is not known which."""
    held = tuple(item for item in items if item is not None and not isinstance(item, Literal))
    if not held:
        return None
    return held[0] if len(held) == 1 else Many(held)


WRAPPERS = frozenset({Many, Table, Partial, Manager, Method})
"""The sorts of values that hold others."""


def parts_of(value: Value | None) -> tuple[Value | None, ...]:
    """Return the values that a value is put together from."""
    if isinstance(value, Many):
        return value.items
    if isinstance(value, Table):
        return tuple(item for _, item in value.items)
    if isinstance(value, Partial):
        return (value.callee, *value.items)
    if isinstance(value, Manager):
        return (value.inner,)
    return (value.receiver,) if isinstance(value, Method) else ()


def _is_nested(value: Value | None, allowed: int) -> bool:
    return any(allowed == 0 or _is_nested(part, allowed - 1) for part in parts_of(value) if part is not None)


def widened(value: Value) -> Value:
    """Return the value, or what it holds without the order in it, if it is nested deeper than code that is meant.

    A loop that wraps what it has wrapped before would never come to an end otherwise.
    """
    if not _is_nested(value, _MAX_NESTING):
        return value
    leaves: dict[Value, None] = {}
    seen: set[int] = set()
    todo: list[Value] = [value]
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        parts = parts_of(each)
        if not parts and not isinstance(each, Literal):
            leaves[each] = None
        todo.extend(part for part in reversed(parts) if part is not None)
    return Many(tuple(leaves))


@functools.lru_cache(maxsize=4096)
def prefix_of(part: Part) -> str:
    """Return what the names of an object's attributes begin with in a state."""
    number, path = part
    return ".".join(("self" if number == OWN_OBJECT else f"#{number}", *path, ""))


SELF: SiteKey = ("self",)
"""Stands for the object whose method a function is; its attribute `a` is ("self", "a")."""


def attribute_of(holder: SiteKey, name: str) -> SiteKey:
    """Return the place that an attribute of an object is: those of the own object are the first places there are."""
    return ("self", name) if holder == SELF else ("field", holder, name)


def holder_of(site: SiteKey) -> SiteKey | None:
    """Return what holds the object of which a place is an attribute; None for other places."""
    holder = site[1] if site[0] == "field" else None
    return holder if isinstance(holder, tuple) else None


def place_of(site: SiteKey) -> SiteKey:
    """Return where the object is that an attribute belongs to, however deep; any other place as it is."""
    holder = holder_of(site)
    return place_of(holder) if holder is not None else site


_NOTHING: Mapping[SiteKey, str] = MappingProxyType({})


@dataclass(frozen=True)
class Names:
    """New names of resources and of what holds them: each side of a call has names of its own."""

    rids: Mapping[Rid, Rid]
    sites: Mapping[SiteKey, SiteKey] = field(default_factory=dict)

    def rid(self, rid: Rid) -> Rid:
        """Return the new name of a resource."""
        found = self.rids.get(rid)
        return found if found is not None else (self.site(rid[0]), rid[1])

    def site(self, site: SiteKey) -> SiteKey:
        """Return the new name of a place; attributes go with the object that has them."""
        found = self.sites.get(site)
        if found is not None or not self.sites:
            return found or site
        if site[0] == "self" and len(site) == 2 and SELF in self.sites:
            return attribute_of(self.sites[SELF], str(site[1]))
        holder = holder_of(site)
        if holder is not None:
            base = self.site(holder)
            return attribute_of(base, str(site[2]))
        return site

    def reversed(self) -> Names:
        """Return the way back."""
        return Names({new: old for old, new in self.rids.items()}, {new: old for old, new in self.sites.items()})


def renamed(value: Value, names: Names) -> Value:
    """Return the value with the resources in it renamed."""
    if isinstance(value, Ref):
        return Ref(names.rid(value.rid))
    if isinstance(value, Tally):
        return Tally(names.rid(value.of), names.rid(value.by), value.is_of_unit)
    if isinstance(value, Outside):
        return Outside(value.owner, names.site(value.root))
    if isinstance(value, Many):
        return replace(value, items=tuple(_item_renamed(item, names) for item in value.items))
    if isinstance(value, Table):
        return Table(tuple((key, _item_renamed(item, names)) for key, item in value.items))
    if isinstance(value, Method):
        return Method(renamed(value.receiver, names), value.name)
    if isinstance(value, Partial):
        items = tuple(_item_renamed(item, names) for item in value.items)
        return replace(value, callee=_item_renamed(value.callee, names), items=items)
    if isinstance(value, Manager):
        return replace(value, inner=_item_renamed(value.inner, names))
    if isinstance(value, Coroutine):
        captured = tuple(_item_renamed(item, names) for item in value.captured)
        return replace(value, inner=_item_renamed(value.inner, names), captured=captured)
    return value


def _item_renamed(value: Value | None, names: Names) -> Value | None:
    return renamed(value, names) if value is not None else None


def spelling(site: SiteKey, spelled: Mapping[SiteKey, str] = _NOTHING) -> str:
    """Return how code spells what holds a resource: `self.db.conn`; *spelled* says so of some.

    What is put under a key of an application is found there by ways that differ: `app`, `request.app`.
    """
    if site in spelled:
        return spelled[site]
    if site[0] == "self":
        return f"self.{site[1]}"
    holder = holder_of(site)
    if holder is not None:
        dot = "" if str(site[2]).startswith("[") else "."
        return f"{spelling(holder, spelled)}{dot}{site[2]}"
    is_key = site[0] == "placed" and str(site[1]).startswith((".", "["))
    return f"app{site[1]}" if is_key else str(site[1])
