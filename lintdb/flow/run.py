"""One run over one function: what it works on, what it finds out, and how an exception leaves a block.

The class that follows functions is put together in layers, each with a module of its own that uses those below it:
`Run`, `Values`, `Verdicts`, `Misuses`, `Units`, `Waits`, `Rows`, `UnknownCalls`, `ChosenModels`, `ModelledCalls`,
`Withs`, `Containers`, `LocalCalls`, `Calls`, and `Follower` on top.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import libcst as cst

from lintdb.effects import Kind
from lintdb.flow import ir
from lintdb.flow.cfg import CFG
from lintdb.flow.classes import Classes
from lintdb.flow.decorators import is_fixture, is_generator_manager
from lintdb.flow.exceptions import is_same_or_below
from lintdb.flow.frameworks import Frameworks
from lintdb.flow.liveness import Liveness
from lintdb.flow.patches import patched_names
from lintdb.flow.results import Blocking, FailedUnit, KnownCall, LostWork, Overlap
from lintdb.flow.sites import (
    OPAQUE,
    UNLIKELY,
    AfterRelease,
    AttributeRecords,
    Exit,
    Lost,
    OfObjects,
    PendingCall,
    Receiver,
    Site,
    UnitRecords,
    Unsure,
    ValueRecords,
)
from lintdb.flow.state import State
from lintdb.flow.summaries import YIELDED, Summary
from lintdb.flow.types_of import ModuleTypes
from lintdb.flow.values import (
    NONE,
    Instance,
    Literal,
    Manager,
    Raised,
    Rid,
    SiteKey,
    Status,
    Value,
)
from lintdb.flow.visited import Visited
from lintdb.syntax.names import ClassInfo, FunctionInfo

_ANYTHING = Raised()
THROWN = "$.thrown"
"""A name that is bound where an error of the block that a manager serves came in at the `yield`."""


class Module(Protocol):
    """What a run needs of the module that its function is in."""

    types: ModuleTypes
    classes: Classes
    frameworks: Frameworks

    def live(self, cfg: CFG) -> Liveness:
        """Return what still matters at each block of a function."""

    def summary(
        self, info: FunctionInfo, start: State, receiver: ClassInfo | None, *, owns_self: bool
    ) -> Summary | None:
        """Return what a function does when it begins in a state; None where that cannot be told."""

    def blocks_around(self, info: FunctionInfo) -> frozenset[cst.BaseExpression]:
        """Return the decorators that are blocks of libraries round a function."""

    def runs_as_written(self, info: FunctionInfo) -> bool:
        """Return whether a call of a function's name runs it as written, whatever its decorators do."""

    def may_catch(self, info: FunctionInfo) -> bool:
        """Return whether a decorator of a function may let other errors out than the function."""

    def never_calls(self, method: str) -> bool:
        """Whether nothing in the project calls a method of that name without arguments; False if that is not clear."""

    def dropping(self, info: FunctionInfo, name: str) -> FunctionInfo | None:
        """Return what gives a parameter to a handler, and after it drops what is not permanent by then."""


class Run:
    """One run over one function, for its own findings or (`is_for_caller`) for a caller that wants its summary.

    `receiver` is the class of the object whose method it is, which may be derived from the one that defines the method.
    `owns_self`: the object whose method it is was made by the caller, so its attributes are followed, too.
    `operations` are the calls that ran, by index; `extra_calls` those that syntax makes without writing them;
    `pending_calls` those of coroutine functions that are not awaited yet; `managed` what leaving a generator-
    based manager releases, `managers` its summaries; `meant_releases` what a coroutine would release.
    `keeping_loops` are the loops in whose rounds work is made permanent. `kept_as` says which attribute of the object
    holds a resource. `covered` are resources that went with their parent, without a release of their own. `tested` are
    the variables that conditions test, from the block on that runs now. `steps` counts the blocks that paths have
    entered, `cost` what they count for together. `yielded` says of what it lends in which mode that is.
    `has_older`: some call has acquired a second resource while the first was still open.
    """

    tested: frozenset[str] = frozenset()
    steps = 0
    cost = 0
    has_older = False

    def __init__(
        self,
        program: Module,
        cfg: CFG,
        start: State,
        *,
        is_for_caller: bool = False,
        receiver: ClassInfo | None = None,
        owns_self: bool = False,
    ) -> None:
        self.program = program
        self.types = program.types
        self.knowledge = program.types.knowledge
        self.index = program.types.index
        self.cfg = cfg
        self.function = cfg.function
        self.start = start
        self.is_for_caller = is_for_caller
        self.receiver = receiver
        self.owns_self = owns_self
        frameworks = program.frameworks
        self.is_manager = is_generator_manager(self.function) or frameworks.is_injected(self.function)
        self.is_fixture = is_fixture(self.function) or frameworks.is_resumed(self.function)
        self.relevant_keys = {key for key, count in cfg.condition_keys.items() if count > 1}
        # The work under way.
        self.queue: deque[tuple[int, State]] = deque()
        self._forks: dict[tuple[int, int], Visited] = {}
        self.block = cfg.blocks[cfg.entry]
        self.operations: dict[int, ir.CallOp] = {}
        self.extra_calls: dict[tuple[int, str, tuple[ir.Operand, ...]], ir.CallOp] = {}
        self.pending_calls: dict[int, PendingCall] = {}
        self.managed: dict[int, frozenset[Rid]] = {}
        self._is_quiet = False
        self.managers: dict[int, list[Summary]] = {}
        # What it finds out.
        self.is_complete = cfg.is_whole
        self.may_raise = False
        self.yielded: dict[SiteKey, bool | None] = {}
        self.exits: list[Exit] = []
        self.yields: list[Value | None] = []
        self.calls: dict[int, KnownCall] = {}
        self.options: dict[int, Mapping[str, cst.BaseExpression] | None] = {}
        self.sites: dict[SiteKey, Site] = {}
        self.released_sites: set[SiteKey] = set()
        self.objects = OfObjects(own_unfilled=_none_in(start) if not owns_self else ())
        self.release_nodes: dict[SiteKey, cst.CSTNode] = {}
        self.meant_releases: dict[SiteKey, set[SiteKey]] = {}
        self.after = AfterRelease()
        self.unsure = Unsure()
        self.commits: set[SiteKey] = set()
        self.keeping_loops: set[int] = set()
        self.lost: list[Lost] = []
        self.covered: set[tuple[Rid, bool]] = set()
        self.covered_sites: set[SiteKey] = set()
        self.lost_work: dict[SiteKey, list[tuple[int, LostWork]]] = {}
        self.returned_dirty: dict[int, FailedUnit] = {}
        self.units = UnitRecords()
        self.kept_as: dict[Rid, str] = {}
        self.attributes = AttributeRecords()
        self.handed_on: set[int] = set()
        self.values_seen = ValueRecords(dict(start.env))
        self.blocking_helpers: dict[int, tuple[cst.CSTNode, Blocking]] = {}

    def note_blocking(self, index: int, node: cst.CSTNode, blocks: Blocking | None) -> None:
        """What the call of a number calls, or what a block of it does, may make the thread wait."""
        if blocks is not None:
            self.blocking_helpers.setdefault(index, (node, blocks))

    @functools.cached_property
    def lenders(self) -> set[Rid]:
        """What was there before the run, and what it yields belongs to."""
        return set()

    @functools.cached_property
    def _caught_outside(self) -> dict[int, tuple[set[str], tuple[str, ...]]]:
        """The classes that handlers name from a landing outwards, by the landing, and the slots of managers there."""
        return {}

    @functools.cached_property
    def replacing(self) -> dict[str, cst.CSTNode]:
        """Attributes that are given something else while they may hold something open, and where."""
        return {}

    @functools.cached_property
    def nearer_names(self) -> dict[str, bool]:
        """Of names that a path has not bound, whether they are the function's own, or of one that it is in."""
        return {}

    @functools.cached_property
    def literals(self) -> dict[int, tuple[Literal, ir.Constant]]:
        """The values of constants, by the identity of the operand: states that hold the same are compared faster."""
        return {}

    @functools.cached_property
    def known_constants(self) -> dict[str, Value | None]:
        """What module-level names stand for that hold no resource."""
        return {}

    @functools.cached_property
    def taken(self) -> dict[tuple[Rid, str], cst.CSTNode]:
        """What is taken from an owner of many, here or in a function that is called: owner and kind, and the place."""
        return {}

    @functools.cached_property
    def objects_given(self) -> dict[int, dict[Value, Instance]]:
        """The objects that the last call of each sort gave to its callee, by what that gets to know of them."""
        return {}

    @functools.cached_property
    def lent_from(self) -> dict[object, frozenset[Rid]]:
        """Of which owners of many a generator-based manager has taken something, by its call."""
        return {}

    @functools.cached_property
    def lent_again(self) -> dict[object, tuple[FunctionInfo, frozenset[Receiver]]]:
        """The managers among them that lend to an inner block what the outer one has: call → generator, objects."""
        return {}

    @functools.cached_property
    def overlaps(self) -> dict[int, Overlap]:
        """Where something is taken from an owner of many while another one is held, by the call."""
        return {}

    @functools.cached_property
    def patched(self) -> frozenset[str]:
        """Dotted names that stand for something else in this function, which is a test."""
        return patched_names(self.function, self.index)

    @functools.cached_property
    def is_staged(self) -> bool:
        """Whether this function is a test that puts something else in place of a driver, or of a part of it."""
        parts = [name.split(".") for name in self.patched]
        return any(
            self.knowledge.is_of_driver(each[-1])
            or any(self.knowledge.function(".".join(each[n:])) for n in range(len(each) - 1))
            for each in parts
        )

    def kind_of(self, status: Status | None) -> Kind | None:
        """Return what the library's model says of the kind of a resource; None for one that the path does not know."""
        return self.knowledge.kind(status.kind) if status is not None else None

    def summary_of(self, manager: Value | None) -> Summary | None:
        """Return the summary of a generator-based manager of the project, as it was called; None for anything else."""
        is_followed = isinstance(manager, Manager) and manager.way >= 0
        return self.managers[manager.call][manager.way] if isinstance(manager, Manager) and is_followed else None

    def go(self, target: int, state: State) -> None:
        """Let a path go on at another block."""
        self.queue.append((target, state))

    def landings(self, first: int) -> Iterator[int]:
        """Yield where an error goes, from the innermost to the outermost place that may deal with it."""
        seen: set[int] = set()
        landing = first
        while landing != self.cfg.raise_exit and landing not in seen:
            seen.add(landing)
            yield landing
            block = self.cfg.blocks[landing]
            ending = block.terminator
            landing = ending.outer if isinstance(ending, (ir.ExitRaise, ir.Dispatch)) else block.landing

    def telling(self, passed: set[str], landing: int, state: State) -> tuple[str, ...]:
        """Return which of some classes matter to handlers further out: to those for no more than one of these."""
        if not passed:
            return ()
        if landing not in self._caught_outside:
            ends = [self.cfg.blocks[each].terminator for each in self.landings(landing)]
            handlers = [handler for end in ends if isinstance(end, ir.Dispatch) for handler in end.handlers]
            names = {name for handler in handlers for name in handler.types if name is not None}
            slots = tuple(end.slot for end in ends if isinstance(end, ir.ExitRaise))
            self._caught_outside[landing] = names, slots
        outside, slots = self._caught_outside[landing]
        managers = [state.env[slot] for slot in slots if slot in state.env]
        suppressed = {name for each in managers if isinstance(each, Manager) for name in each.types if name is not None}
        outside = outside | suppressed if suppressed else outside
        return tuple(
            sorted(name for name in passed if any(is_same_or_below(each, name, self.types) for each in outside))
        )

    @contextmanager
    def nothing_raises(self) -> Iterator[None]:
        """What is followed in the block takes no raise edge: it happens elsewhere, at another time."""
        before, self._is_quiet = self._is_quiet, True
        try:
            yield
        finally:
            self._is_quiet = before

    def throw(
        self,
        state: State,
        node: cst.CSTNode,
        raised: Raised = _ANYTHING,
        *,
        is_low: bool = False,
        is_opaque: bool = True,
        by: str = "",
    ) -> State | None:
        """Take the raise edge of the current block from a copy of *state*; return the copy, or None if it is idle."""
        if self._is_quiet:
            return None
        self.may_raise = True
        landing = self.block.landing
        if landing == self.cfg.raise_exit and not self.is_for_caller:
            if not _has_duties(state):
                return None
            # Nothing but the resources matters to a path that ends here.
            new = State()
            new.resources = state.resources.copy()
            new.low = state.low
            new.trace = state.trace
        else:
            new = state.copy()
            new.raised = raised
        if is_opaque:
            new.mark_raised()
        if is_low or (self.is_fixture and YIELDED in state.env):
            # After its `yield` a fixture takes down what is not used any more.
            new.make_unlikely(UNLIKELY)
        elif raised.type is None and is_opaque and by != "yield":
            new.make_unlikely(OPAQUE)
        new.note(node, "raise", by)
        self.go(landing, new)
        return new


def _has_duties(state: State) -> bool:
    return any(
        (s.phase == "open" and (s.owed or s.outlives)) or s.pending >= 0 or s.failed >= 0 or s.begun >= 0
        for s in state.resources.values()
    )


def _none_in(start: State) -> tuple[str, ...]:
    """Return the attributes that the object of a method is known never to fill: see `lintdb.flow.unfilled`."""
    return tuple(name for name, value in start.env.items() if value == NONE and name.startswith("self."))
