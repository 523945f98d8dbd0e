"""What the runs of the engine share: acquire sites, ends of paths, and how unlikely a path is."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import libcst as cst

from lintdb.effects import AfterError, Event, Kind
from lintdb.flow import ir
from lintdb.flow.results import (
    ErrorCommit,
    HandedText,
    LostWork,
    MissingRow,
    Misuse,
    QueryText,
    Sharing,
    SwallowedError,
    Unawaited,
    UnboundRelease,
    Uncalled,
    Wait,
)
from lintdb.flow.state import State
from lintdb.flow.values import (
    Instance,
    Outside,
    Piece,
    Rid,
    SiteKey,
    Status,
    Value,
)
from lintdb.syntax.names import ClassInfo, FunctionInfo

COROUTINE = "$coroutine"
"""The kind of a coroutine that nobody has awaited yet."""

OPAQUE, BYPASSED, UNLIKELY, UNHEARD_OF = 1, 2, 3, 4
"""How unlikely a path is: it rests on an error of unknown code; such an error got past a handler for the driver's
errors; clean-up code itself failed; a call raised that does not in practice.

It speaks of what was open at that time. What a handler opens later is left open for sure, unless nothing gets there."""


@dataclass(eq=False)
class Site:
    """Where resources are acquired: the call, the kind, the first name given to it, the function that made it.

    `scheme` is that of the connection string, as far as it is written out; None: nobody has looked. `giver` is the
    function that gave what somebody else owns. `is_passed`: what it is only callers of the same file tell.
    """

    node: cst.CSTNode
    kind: str
    name: str | None = None
    maker: str | None = None
    scheme: str | None = None
    giver: FunctionInfo | None = None
    is_passed: bool = False


@dataclass
class OfObjects:
    """What objects of the project have to do with what their methods have opened: in which object it is, and
    under which name (`holders`), which class's method has given it (`givers`), and what no method of its class,
    elsewhere, releases.
    `unfilled` are, by the name that holds an object, its attributes that are None at all times; `own_unfilled` those of
    the object whose method the function is, as it calls them.
    """

    holders: dict[SiteKey, tuple[Instance, str]] = field(default_factory=dict)
    givers: dict[SiteKey, ClassInfo] = field(default_factory=dict)
    without_release: set[SiteKey] = field(default_factory=set)
    unfilled: dict[SiteKey, frozenset[str]] = field(default_factory=dict)
    own_unfilled: tuple[str, ...] = ()


@dataclass
class Unsure:
    """What this function may not have to release: what some `calls` give, whose model hangs on an argument that cannot
    be seen, and what callees give at some `sites` that may be somebody else's.
    """

    calls: set[int] = field(default_factory=set)
    sites: set[SiteKey] = field(default_factory=set)


@dataclass
class Exit:
    """One way the function ends."""

    is_raise: bool
    state: State
    value: Value | None


class Lost(NamedTuple):
    """A resource that a path leaves open: at its end, or where the last variable that held it gets another value.

    `is_covered`: it went with its parent, without a release of its own. `is_overwritten`: nothing held it any more.
    """

    rid: Rid
    status: Status
    state: State
    is_covered: bool = False
    is_overwritten: bool = False


class Own(enum.Enum):
    """The object whose method makes a call, as the receiver of that call."""

    SELF = 1


OWN = Own.SELF
Receiver = Instance | Outside | Own | None
"""Whose method is called: an object made here, one that somebody else made, the function's own, or nobody's."""


class EarlyUse(NamedTuple):
    """A use of a resource that was released before the function began: see `Misuse` for what it is."""

    rid: Rid
    what: str
    is_low: bool


@dataclass
class AfterRelease:
    """What a run finds out about resources that are released.

    `misuses` by what and where; `sound` are the calls that some path makes on a resource that is open; `early` is what
    is done to what was released before the function began, `late` what was there by then and is used after a `yield`,
    or (true) after an error there; `rebound` are the attributes of the object, and the globals, that get another value;
    `uncalled` are releases that are named and not called.
    """

    misuses: dict[tuple[str, int], Misuse] = field(default_factory=dict)
    sound: set[int] = field(default_factory=set)
    early: dict[tuple[Rid, int], EarlyUse] = field(default_factory=dict)
    late: set[tuple[Rid, bool]] = field(default_factory=set)
    rebound: set[SiteKey] = field(default_factory=set)
    uncalled: dict[int, Uncalled] = field(default_factory=dict)


REPLACED = "$.replaced."
"""What names begin with that hold what an attribute held before it was given something else; then comes its name."""
REPLACED_IN_USE = "$.replaced in use."
"""The same, where the path has used what the attribute held: it was there."""


@dataclass
class AttributeRecords:
    """What a run finds out about the attributes of the object whose method is followed.

    `released`: what they hold is released; `given`: somebody gets it who may release it. `replaced`: they are
    overwritten while they may hold something open, `replaced_in_use` where a path has used that. `refilled`: at all
    ends so far they hold something open that was put there on the way; None before the first one. `left_work`: they
    are left with a write that is not committed. `commits`: what they hold is committed here, by the method itself;
    whether that keeps a write of it. The two for module-level names are `left_globals` and `global_commits`.
    `left_given` is work on what functions gave, by these, and `left_scoped` on what a framework ends with the scope
    that it serves, by name. `overwritten`: what the method has opened for an
    attribute is replaced there while it is open, and by what; `arrivals`: whether that is so where a statement
    replaces something; `survivors` are there at some end. `of_blocks`: what blocks in the body of a module have opened,
    under names that no function of it knows.
    """

    of_blocks: set[SiteKey] = field(default_factory=set)
    released: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)
    replaced: dict[str, cst.CSTNode] = field(default_factory=dict)
    replaced_in_use: dict[str, cst.CSTNode] = field(default_factory=dict)
    left_work: dict[str, LostWork] = field(default_factory=dict)
    commits: dict[str, bool] = field(default_factory=dict)
    left_globals: dict[str, LostWork] = field(default_factory=dict)
    global_commits: dict[str, bool] = field(default_factory=dict)
    left_given: dict[FunctionInfo, LostWork] = field(default_factory=dict)
    left_scoped: dict[str, LostWork] = field(default_factory=dict)
    refilled: set[str] | None = None
    overwritten: dict[SiteKey, tuple[str, cst.CSTNode]] = field(default_factory=dict)
    arrivals: dict[int, set[bool]] = field(default_factory=dict)
    survivors: set[SiteKey] = field(default_factory=set)

    def note_commit(self, rid: Rid, *, keeps_work: bool) -> None:
        """The function itself commits a resource."""
        commits = {"self": self.commits, "global": self.global_commits}.get(str(rid[0][0]))
        if commits is not None:
            name = str(rid[0][1])
            commits[name] = keeps_work or commits.get(name, False)

    @property
    def reopened(self) -> set[str]:
        """Attributes that are released, and hold something open again at every end."""
        return self.released & (self.refilled or set())


class PendingCall(NamedTuple):
    """A call of a coroutine function of the project that has not been awaited; `receiver` is the method's object."""

    op: ir.CallOp
    function: FunctionInfo
    receiver: Receiver


@dataclass
class UnitRecords:
    """What a run notes of units of work.

    `failures`: what a call that failed did to its unit; `refused`: those that were to make work permanent. `landings`:
    where the exceptions of a call go. `writes`: the calls that write to a resource; `handled`: those in handlers and
    clean-up. `statements`: the first call that sends anything to it, `mixed` what gets more than that one, `repeated`
    those of them in loops, `many` with those that send several. `ended`: the calls that begin a unit which some path
    ends; `spared`: by a number of their own, those of paths on which a callee might have ended it. `restored`: the
    operations that change a mode which some path sets back; `switches`: those of them that are assignments.
    `begun_at_yield`: what is under way where a manager yields. `sent`: what all statements do but those that begin or
    end a unit, None for one that cannot be seen. `ambient`: the blocks that are units without a name, in the order in
    which they are entered. `swallowed` and `error_commits`: the findings, by the node and by the call that
    they are about; `unclear` are the resources on which something is done that may write, for all that can be seen;
    whether the commit is refused, or ends a second try. `lent_at`: the `yield` that lends what lives on
    to a block. `told_at`: by call and global, the function that is told of leaving its unit of work failed. `guessed`:
    resources that nothing but their use makes known. `worked`: a call that works in a unit without a name. `again`: the
    calls of the function itself. `undone`: the libraries that are told that the unit around has failed.
    `kept_by_block`: the kinds of what the end of a block makes work on permanent, for as long as that end is looked at.
    `temporary`: tables that go with their connection. `went_on`: units that had failed before the function was called
    and that it goes on with; whether it does no more than end them. `kept_by_callees`: the resources whose work
    one that is called makes permanent.
    """

    failures: dict[int, AfterError] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    landings: dict[int, int] = field(default_factory=dict)
    writes: dict[SiteKey, set[int]] = field(default_factory=dict)
    handled: dict[SiteKey, set[int]] = field(default_factory=dict)
    repeated: set[int] = field(default_factory=set)
    many: set[int] = field(default_factory=set)
    statements: dict[SiteKey, int] = field(default_factory=dict)
    mixed: set[SiteKey] = field(default_factory=set)
    temporary: set[str] = field(default_factory=set)
    sent: set[Event | None] = field(default_factory=set)
    unclear: set[SiteKey] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    spared: dict[int, int] = field(default_factory=dict)
    restored: set[int] = field(default_factory=set)
    switches: dict[int, cst.CSTNode] = field(default_factory=dict)
    lent_at: dict[int, cst.CSTNode] = field(default_factory=dict)
    told_at: dict[tuple[int, SiteKey], FunctionInfo] = field(default_factory=dict)
    begun_at_yield: set[Rid] = field(default_factory=set)
    ambient: list[Rid] = field(default_factory=list)
    guessed: set[Rid] = field(default_factory=set)
    worked: dict[Rid, cst.CSTNode] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)
    went_on: set[tuple[Rid, bool]] = field(default_factory=set)
    again: set[int] = field(default_factory=set)
    swallowed: dict[int, SwallowedError] = field(default_factory=dict)
    error_commits: dict[int, tuple[SiteKey, ErrorCommit, bool]] = field(default_factory=dict)
    kept_by_block: list[Kind] = field(default_factory=list)
    kept_by_callees: set[SiteKey] = field(default_factory=set)


@dataclass
class ValueRecords:
    """What a run notes of values: `rows` are the calls whose value may be None for want of a row, by number.

    `came_in` is what it knows of variables as it begins. By the identity of a node: `waits_at` are the calls that wait
    for something else, `waits` those of them that do so while a unit of work is open. `events` is what calls do to the
    unit of work, `row_loops` what loops go through that holds what a query gave, `read_whole` the calls that bring all
    of an unbounded answer into memory. `runs` are the parameters that are run as the text of a query, just as they are,
    each with the text that stands before it there. `unready` is what is used before it is awaited, `started_by` the
    calls that start coroutines: `gather(…)`.
    """

    came_in: Mapping[str, Value]
    rows: dict[int, cst.CSTNode] = field(default_factory=dict)
    missing_rows: dict[int, MissingRow] = field(default_factory=dict)
    unbound_releases: dict[str, UnboundRelease] = field(default_factory=dict)
    query_texts: dict[tuple[int, tuple[Piece, ...]], QueryText] = field(default_factory=dict)
    handed_texts: dict[tuple[int, tuple[Piece, ...]], HandedText] = field(default_factory=dict)
    runs: set[tuple[str, str]] = field(default_factory=set)
    sharings: dict[tuple[int, SiteKey], Sharing] = field(default_factory=dict)
    waits_at: dict[int, cst.CSTNode] = field(default_factory=dict)
    waits: dict[int, Wait] = field(default_factory=dict)
    events: dict[int, Event] = field(default_factory=dict)
    started_by: dict[SiteKey, cst.CSTNode] = field(default_factory=dict)
    unready: dict[int, Unawaited] = field(default_factory=dict)
    row_loops: dict[int, cst.CSTNode] = field(default_factory=dict)
    read_whole: dict[int, cst.CSTNode] = field(default_factory=dict)
    readings: dict[int, cst.CSTNode] = field(default_factory=dict)
