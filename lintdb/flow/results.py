"""What following a function yields: leaks, lost work, failed units, coroutines that never ran, all known calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import libcst as cst

from lintdb.effects import CallModel, Event, Kind
from lintdb.finding import Confidence
from lintdb.flow.values import Piece
from lintdb.syntax.names import ClassInfo, FunctionInfo


@dataclass(frozen=True)
class PathStep:
    """One step of a witness."""

    node: cst.CSTNode
    what: str
    data: object = None

    @property
    def catches(self) -> bool:
        """Whether an error ends there: in a handler, or in a block that keeps it."""
        return self.what in ("caught", "swallowed")

    @property
    def is_of_error(self) -> bool:
        """Whether the step tells what becomes of an error."""
        return self.catches or self.what in ("raise", "raises", "reraise")


@dataclass(frozen=True)
class Leak:
    """A resource that some path leaves open.

    `on_error`: only paths on which an opaque operation raised. `is_ever_released`: some path does release it. `kept`:
    a `with` block on it ended without releasing it. `path`: the witness, oldest step first. `maker`: the function of
    this module that opened it for this one. `is_covered`: its parent was released, and it with that.
    `is_given`: the function did not acquire it, but gets it to release it. `has_no_release`: it is in an object whose
    class, in another file, has no method to release it. `owner` is the kind of what it was taken from, and
    `owner_name` what that is called. `is_of_scope`: it is what a registry keeps for a scope that is left. `holder` is
    the class of the project in whose object it is, `giver` the one whose method has opened it.
    """

    node: cst.CSTNode
    kind: Kind
    name: str | None
    on_error: bool
    is_ever_released: bool
    kept: bool
    confidence: Confidence
    path: tuple[PathStep, ...]
    maker: str | None = None
    is_covered: bool = False
    is_overwritten: bool = False
    released_at: cst.CSTNode | None = None
    unawaited: cst.CSTNode | None = None
    uncalled: cst.CSTNode | None = None
    is_given: bool = False
    has_no_release: bool = False
    owner: Kind | None = None
    owner_name: str | None = None
    is_of_scope: bool = False
    holder: ClassInfo | None = None
    giver: ClassInfo | None = None

    @property
    def leaves_by_error(self) -> bool:
        """Whether the path leaves the function with an error, by `raise` or from a call; then all its paths do."""
        last = next((step for step in reversed(self.path) if step.is_of_error), None)
        return last is not None and not last.catches and not self.is_overwritten


class Overwritten(NamedTuple):
    """Something open in an attribute of the object, which the method that has put it there replaces by something else.

    `node` opens it, `by` replaces it. `is_sure`: one of the two does not happen without the other.
    """

    attribute: str
    kind: Kind
    node: cst.CSTNode
    by: cst.CSTNode
    is_sure: bool


class Blocking(NamedTuple):
    """A call that makes its thread wait.

    `is_once`: for the first time only, its result is kept and found again. `is_instead`: only where there is no other
    thread yet that what is called could be handed to.
    """

    node: cst.CSTNode
    is_once: bool = False
    is_instead: bool = False

    @property
    def is_rare(self) -> bool:
        """Whether it seldom makes anybody wait."""
        return self.is_once or self.is_instead


@dataclass(frozen=True)
class LostWork:
    """A write that a normal path drops: its connection is released (or left) without a commit.

    `is_kept_elsewhere`: another path makes the work of that connection permanent. `dropped_by` is the generator that a
    framework runs round the function, and that ends it.
    """

    node: cst.CSTNode
    kind: Kind
    name: str | None
    ended_at: cst.CSTNode | None
    by_with: bool
    confidence: Confidence
    path: tuple[PathStep, ...]
    is_kept_elsewhere: bool = False
    dropped_by: str = ""


@dataclass(frozen=True)
class FailedUnit:
    """A unit of work that failed on a resource that lives on, and that nothing rolls back.

    `is_swallowed`: a handler of this function went on; otherwise the exception left the function. `is_of_block`: it was
    raised in the block that a manager serves, and `node` is its `yield`. `failed` is the call that failed, if it did so
    in the unit. `parameter` is the one that the function is given it by. `told_at` is the function, called at `node`,
    which leaves it so itself.
    """

    node: cst.CSTNode
    kind: Kind
    name: str | None
    is_swallowed: bool
    confidence: Confidence
    path: tuple[PathStep, ...]
    is_of_block: bool = False
    failed: cst.CSTNode | None = None
    parameter: str | None = None
    told_at: FunctionInfo | None = None


@dataclass(frozen=True)
class SwallowedError:
    """An error in a unit of work that a handler keeps from it, so that the unit goes on as if nothing had happened.

    `node` is what catches it, `failed` the call in the unit that fails (None: the block that a manager serves, then
    `at_yield`), `used_at` where the path goes on with it (None: the end of a block makes it permanent). `site`
    identifies the resource. `is_unwritten`: on that path nothing was written before, and the unit ends next;
    `is_alone`: nor was anything else sent.
    """

    node: cst.CSTNode
    failed: cst.CSTNode | None
    kind: Kind
    name: str | None
    site: object
    used_at: cst.CSTNode | None
    at_yield: bool
    confidence: Confidence
    path: tuple[PathStep, ...]
    is_alone: bool = False
    is_unwritten: bool = False


@dataclass(frozen=True)
class ErrorCommit:
    """A call in a handler or `finally` block that makes permanent what an error cut short; `work` is a write of it.

    `is_of_block`: `work` is where a manager lets a `with` block work, which raises.
    """

    node: cst.CSTNode
    work: cst.CSTNode
    kind: Kind
    name: str | None
    in_finally: bool
    confidence: Confidence
    path: tuple[PathStep, ...]
    is_of_block: bool = False


@dataclass(frozen=True)
class UnfinishedUnit:
    """A unit of work (or, `is_mode`, a changed mode) that a path begins on something that lives on, and leaves so."""

    node: cst.CSTNode
    kind: Kind
    name: str | None
    is_mode: bool
    on_error: bool
    confidence: Confidence
    path: tuple[PathStep, ...]


@dataclass(frozen=True)
class Sharing:
    """Something that is given to code that runs at the same time as other users of it.

    `node` is the call (or assignment) that does it, `opened_at` what opened it, if that is in the function. `how`:
    "tasks" (several coroutines on it are run together), "meanwhile" (a coroutine on it is awaited while a task on it
    runs), "thread" (a thread gets it), "threads" (several get it at once), "class" (every object of a class gets it).
    """

    node: cst.CSTNode
    how: str
    kind: Kind
    name: str | None
    opened_at: cst.CSTNode | None


@dataclass(frozen=True)
class QueryText:
    """The text of a query as one path gives it to a call: what is known of it, and what fills the holes.

    `is_guess`: what runs it is known by its use alone, and may be a wrapper with manners of its own.
    """

    call: KnownCall
    node: cst.CSTNode
    pieces: tuple[Piece, ...]
    path: tuple[PathStep, ...]
    is_guess: bool = False


@dataclass(frozen=True)
class HandedText:
    """Such a text that is given to a function of the project, which runs it as it is.

    `start`: how the text begins that it becomes a part of there, if it does.
    """

    node: cst.CSTNode
    pieces: tuple[Piece, ...]
    start: str = ""


@dataclass(frozen=True)
class MissingRow:
    """A value that is None where there is nothing, used without a test on some path.

    `node` is the use, `call` what gave the value. `is_sure`: the path has found out that there is nothing.
    """

    node: cst.CSTNode
    call: cst.CSTNode
    is_sure: bool
    path: tuple[PathStep, ...]


@dataclass(frozen=True)
class Wait:
    """A call that waits for something else while a unit of work is open.

    `node` is the call, `inner` what waits (in the callee, if it is one of the project), `since` what opened the unit.
    """

    node: cst.CSTNode
    inner: cst.CSTNode
    kind: Kind
    name: str | None
    since: cst.CSTNode
    path: tuple[PathStep, ...]


@dataclass(frozen=True)
class UnboundRelease:
    """Clean-up of a variable that has no value, or None, on a path on which what should fill it failed.

    `node` is the call, `method` its name, `is_none` says which of the two, `kind` the kind of what it releases if that
    is known.
    """

    node: cst.CSTNode
    name: str
    method: str
    is_none: bool
    kind: Kind | None
    path: tuple[PathStep, ...]


@dataclass(frozen=True)
class Unawaited:
    """A coroutine call that a normal path never awaits nor hands on.

    `used`: a call on what it gives, which awaiting it or entering it would have made ready. `is_entered`: a `with`
    block is begun on the coroutine itself, which fails. `started`: the coroutines that `node` starts, and that nobody
    waits for.
    """

    node: cst.CSTNode
    kind: Kind | None
    used: cst.CSTNode | None = None
    is_entered: bool = False
    started: tuple[cst.CSTNode, ...] = ()


@dataclass(frozen=True)
class Misuse:
    """Something done to a resource after its release.

    `what`: a "use" (a method is called), a "read" (it is iterated), a "return" or "yield", the "exit" of a block on it,
    "helper" (a function of the project uses it; `method` is its name), a second "release", or a "foreign" one: given to
    an owner that it did not come from. `owner` is what took it along, if it was not released itself. `is_sure`: no
    decision led there.
    """

    what: str
    node: cst.CSTNode
    kind: Kind
    name: str | None
    method: str
    confidence: Confidence
    path: tuple[PathStep, ...]
    released_at: cst.CSTNode | None = None
    owner: Kind | None = None
    owner_name: str | None = None
    is_sure: bool = False


@dataclass(frozen=True)
class Uncalled:
    """A method that is named as a statement and not called. `kind` is None where the receiver is not known."""

    node: cst.CSTNode
    kind: Kind | None
    name: str | None
    method: str
    acquired_at: cst.CSTNode | None = None


@dataclass(frozen=True)
class Overlap:
    """Something is taken from an owner of many while another of the same kind is held: `node` while `held`.

    `inner` is where that is done, if `node` calls a function that does it.
    """

    node: cst.CSTNode
    kind: Kind
    held: cst.CSTNode
    inner: cst.CSTNode | None = None


@dataclass(frozen=True)
class KnownCall:
    """A call that a driver model describes. `root` identifies the resource that it works on, within the function.

    `origins` are where that, and what it was taken from, came from: calls in the function, or the function itself.
    `is_dropped`: nothing uses its value.
    """

    node: cst.Call
    model: CallModel
    receiver: str | None
    root: object
    method: str
    is_dropped: bool = False
    origins: tuple[cst.CSTNode, ...] = ()


@dataclass
class FunctionFlow:
    """All results for one function; what rules are given."""

    function: FunctionInfo
    leaks: list[Leak] = field(default_factory=list)
    returned: list[Leak] = field(default_factory=list)
    """What the function opens and returns on some path without an error: a leak if nobody who gets it releases it."""
    lost_work: list[LostWork] = field(default_factory=list)
    failed_units: list[FailedUnit] = field(default_factory=list)
    swallowed: list[SwallowedError] = field(default_factory=list)
    error_commits: list[ErrorCommit] = field(default_factory=list)
    unfinished: list[UnfinishedUnit] = field(default_factory=list)
    unawaited: list[Unawaited] = field(default_factory=list)
    uncalled: list[Uncalled] = field(default_factory=list)
    missing_rows: list[MissingRow] = field(default_factory=list)
    unbound_releases: list[UnboundRelease] = field(default_factory=list)
    misuses: list[Misuse] = field(default_factory=list)
    calls: list[KnownCall] = field(default_factory=list)
    readings: list[cst.CSTNode] = field(default_factory=list)
    """Where a blocking iterator is read whose making has not waited for anything."""
    sharings: list[Sharing] = field(default_factory=list)
    query_texts: list[QueryText] = field(default_factory=list)
    handed_texts: list[HandedText] = field(default_factory=list)
    events: dict[int, Event] = field(default_factory=dict)
    """What modelled calls do to the unit of work that they are in, by the identity of their node."""
    row_loops: frozenset[int] = frozenset()
    """Identities of the expressions that loops go through and that hold what a query has given."""
    read_whole: list[cst.CSTNode] = field(default_factory=list)
    """Calls that bring into memory all that a query gives, where nothing in the query bounds how much that is."""
    blocking_helpers: list[tuple[cst.CSTNode, Blocking]] = field(default_factory=list)
    """Calls of functions of this module that block, each with the blocking call inside."""
    waits: list[Wait] = field(default_factory=list)
    overlaps: list[Overlap] = field(default_factory=list)
    is_by_callers: bool = False
    """Whether only what calls in its file give to the function has anything to do with a resource."""
    handed_on: set[int] = field(default_factory=set)
    """Identities of the acquiring nodes whose resources are given to code that is not known."""
    handled_attributes: set[str] = field(default_factory=set)
    """Attributes of the object whose value the method releases, returns, or gives to somebody who may release it.

    Without those that hold something else, open, at every end of the method."""
    replaced_attributes: dict[str, cst.CSTNode] = field(default_factory=dict)
    """Attributes that the method, or another that it calls, gives a fresh resource while they may hold an open one."""
    replaced_in_use: dict[str, cst.CSTNode] = field(default_factory=dict)
    """Those of them that a path has used before."""
    overwritten_attributes: list[Overwritten] = field(default_factory=list)
    """What the method opens for attributes, and replaces there while it is open."""
    reopened_attributes: set[str] = field(default_factory=set)
    """Attributes whose value the method releases, and which hold something open again at every end of it."""
    given_attributes: set[str] = field(default_factory=set)
    """Attributes whose value the method returns, or gives to somebody else."""
    left_work: dict[str, LostWork] = field(default_factory=dict)
    """Attributes of the object that a normal path leaves with a write that is not committed."""
    committed_attributes: dict[str, bool] = field(default_factory=dict)
    """Attributes that the method itself commits; whether that keeps a write of its own."""
    left_globals: dict[str, LostWork] = field(default_factory=dict)
    """Names of the module that a normal path leaves with a write that is not committed."""
    left_given: dict[FunctionInfo, LostWork] = field(default_factory=dict)
    """Functions that have given something of somebody else's, and the write on it that a normal path leaves."""
    left_scoped: dict[str, LostWork] = field(default_factory=dict)
    """Names of what a framework ends with a request, and the write on it that a normal path leaves."""
    committed_globals: dict[str, bool] = field(default_factory=dict)
    """Names of the module that the function itself commits; whether that keeps a write of its own."""
    is_complete: bool = True
