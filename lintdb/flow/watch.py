"""A run that remembers, for each resource, where its life here ends: released, handed over, lost sight of, left open.

Only somebody who asks "why?" pays for that: a `Watcher` compares what is known of resources before and after each
operation of a `Follower`, which knows nothing of it. Paths that meet are followed once, so that the ends of a resource
are collected as they happen, not at the ends of paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, ClassVar

import libcst as cst

from lintdb.effects import CallModel
from lintdb.flow import ir
from lintdb.flow.follow import Follower
from lintdb.flow.results import PathStep
from lintdb.flow.sites import Receiver
from lintdb.flow.state import State
from lintdb.flow.stdlib import REGISTERS
from lintdb.flow.summaries import Summary
from lintdb.flow.values import Partial, Ref, Rid, SiteKey, Status
from lintdb.flow.verdicts import path_of
from lintdb.syntax.names import ClassInfo, FunctionInfo

RELEASED, WITH_PARENT, RETURNED, YIELDED, KEPT, LOST = "released", "parent", "returned", "yielded", "kept", "lost"
OPEN, COVERED, UNUSED, OVERWRITTEN, KILLED = "open", "covered", "unused", "overwritten", "killed"
"""What becomes of a resource. `WITH_PARENT`: it went when what it belongs to was released; `KEPT` by the object, by a
global, or by something that releases it later; `LOST` to somebody of whom nothing is known. The second row is of what
is still open where a path ends: `COVERED` by what it belongs to, `UNUSED` (so that it holds nothing yet), or while the
process is `KILLED`."""


@dataclass(frozen=True)
class Fate:
    """What becomes of a resource at one place, on some path.

    `what` is one of the words above; `node` is where (None: where the function ends). `by` says what did it: the
    "call" of a driver's method, one by an "unnamed" argument of which its model does not speak, the end of a "block", a
    "function" or "class" of the project (`callee`), one of these that is "unfollowed", an "unknown" callee, the
    "reading" of all that there is; of what is kept or lost:
    "self" or "global" (`name` is the attribute or the variable), as a "part" of what an attribute holds, something that
    "registers" clean-up, "attribute", "item", "container", "decorator", "generator". `on_error`: only on paths on which
    something raised. `owner` is the site of what it went with.
    """

    what: str
    node: cst.CSTNode | None
    by: str = ""
    name: str = ""
    callee: FunctionInfo | ClassInfo | None = None
    owner: SiteKey | None = None
    on_error: bool = field(default=False, compare=False)
    path: tuple[PathStep, ...] = field(default=(), compare=False)


def _went(owner: Rid, before: Mapping[Rid, Status], state: State) -> bool:
    """Whether a step has released what a resource belongs to."""
    known, after = before.get(owner), state.status(owner)
    return known is not None and known.phase == "open" and (after is None or after.phase == "released")


def _name_in(step: object) -> str:
    if isinstance(step, ir.StoreAttributeOp):
        return step.attribute
    return step.name if isinstance(step, ir.StoreOp) else ""


_Handler = Callable[[Any, Any, State], Any]


def _watched(handler: _Handler) -> _Handler:
    """Return a handler of a step that has the run compare what it changes."""

    def watch(run: Watcher, step: Any, state: State) -> Any:
        before = state.resources.copy()
        waiting = len(run.queue)
        run.begin()
        if isinstance(step, ir.Dead):
            run.check_dead(state)
        results = handler(run, step, state)
        run.compare(step, before, [state] if results is None else results)
        run.compare(step, before, [new for _, new in islice(run.queue, waiting, None)])
        return results

    return watch


class Watcher(Follower):
    """Follows a function as a `Follower` does, and keeps a record.

    `born` has the status with which each resource came to be known, `origins` the node at which that was (where it is
    opened again, its site moves there), `owing` those that this function must release on some path; `fates` what became
    of it, in the order in which that was found. `unfollowed` are callees of the project of which there is no summary.
    `touched` has what each modelled call (by the identity of its node) is about: its object, its arguments, and what
    these belong to.
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.born: dict[SiteKey, Status] = {rid[0]: status for rid, status in self.start.resources.items()}
        self.origins: dict[SiteKey, cst.CSTNode] = {}
        self.owing: set[SiteKey] = set()
        self.fates: dict[SiteKey, dict[Fate, Fate]] = {}
        self.unfollowed: dict[FunctionInfo, None] = {}
        self.touched: dict[int, set[SiteKey]] = {}
        self._by = ""
        self._callee: FunctionInfo | ClassInfo | None = None

    # --- comparing --------------------------------------------------------------------------------------------------

    def compare(self, step: object, before: Mapping[Rid, Status], states: Iterable[State]) -> None:
        """Note what a step has done to the resources that were known before it, and to those that it has made."""
        for state in states:
            for rid, after in state.resources.items():
                known = before.get(rid)
                if known is after:
                    continue
                if known is None and self.knowledge.kind(after.kind) is not None:
                    self._enter(rid[0], after, step)
                if after.owed:
                    self.owing.add(rid[0])
                if after.shared and not (known is not None and known.shared):
                    self._remember(rid, YIELDED, step, state)
                if after.phase == "gone" and (known is None or known.phase == "open"):
                    # What a class opens for an object that it makes, and nobody but its methods can reach.
                    is_own = known is None and isinstance(self._callee, ClassInfo)
                    what = RETURNED if isinstance(step, ir.Return) else KEPT if is_own else self._keeping(step, rid)
                    self._remember(rid, what, step, state)
                elif after.phase == "released" and (known is None or known.phase == "open"):
                    self._release_seen(step, rid, state, before)

    def _enter(self, key: SiteKey, status: Status, step: object) -> None:
        self.born.setdefault(key, status)
        # What a manager of the project lends comes to be known where the block begins.
        node = getattr(step, "node", None) if key[0] == "managed" else None
        if node is not None or key in self.sites:
            self.origins.setdefault(key, node if node is not None else self.sites[key].node)

    def _release_seen(self, step: object, rid: Rid, state: State, before: Mapping[Rid, Status]) -> None:
        after = state.resources[rid]
        owner = after.parent
        if owner is not None and _went(owner, before, state) and after.goes_with_parent:
            self._remember(rid, WITH_PARENT, step, state, owner=owner[0])
        else:
            self._remember(rid, RELEASED, step, state)

    def _keeping(self, step: object, rid: Rid) -> str:
        """Return whether what a step makes of a resource is that something known keeps it."""
        if isinstance(step, ir.StoreAttributeOp):
            is_own = isinstance(step.base, ir.Local) and self.is_self(step.base.name)
            self._by = "attribute" if not is_own else "self" if rid in self.kept_as else "part"
            return KEPT if is_own else LOST
        if isinstance(step, (ir.StoreOp, ir.UnpackOp)):
            self._by = "global"
            return KEPT
        if isinstance(step, (ir.StoreItemOp, ir.BoxOp, ir.BoxAddOp)):
            self._by = "item" if isinstance(step, ir.StoreItemOp) else "container"
        elif isinstance(step, ir.YieldOp):
            self._by = "generator"
        elif isinstance(step, ir.CallOp) and step.dotted == "$decorator":
            self._by = "decorator"
        elif self._by == "registers" or (isinstance(step, ir.CallOp) and step.dotted in REGISTERS):
            self._by = "registers"
            return KEPT
        return LOST

    def _remember(self, rid: Rid, what: str, step: object, state: State, owner: SiteKey | None = None) -> None:
        by = self._by
        if not by and isinstance(step, (ir.ExitOp, ir.ExitRaise)):
            by = "block"
        elif not by and isinstance(step, ir.Iterate):
            by = "reading"
        node = getattr(step, "node", None)
        on_error = state.raised is not None or (status := state.status(rid)) is None or status.raised
        fate = Fate(what, node, by, _name_in(step), self._callee, owner, on_error, path_of(state))
        of_site = self.fates.setdefault(rid[0], {})
        known = of_site.get(fate)
        if known is None or (known.on_error and not on_error):
            of_site[fate] = fate

    # --- what a call turns out to be --------------------------------------------------------------------------------

    def begin(self) -> None:
        """Another step begins."""
        self._by, self._callee = "", None

    def unknown_call(self, op: ir.CallOp, state: State) -> list[State] | None:
        self._by = "unknown" if self._callee is None else "unfollowed"
        return super().unknown_call(op, state)

    def local_call(
        self, op: ir.CallOp, info: FunctionInfo, self_name: str | None, state: State, receiver: Receiver = None
    ) -> list[State] | None:
        self._by, self._callee = "function", info
        return super().local_call(op, info, self_name, state, receiver)

    def construct(self, op: ir.CallOp, owner: ClassInfo, state: State) -> list[State] | None:
        self._by, self._callee = "class", owner
        return super().construct(op, owner, state)

    def apply_summary(
        self, op: ir.CallOp, info: FunctionInfo, state: State, target: str, receiver: Receiver = None
    ) -> list[State] | None:
        if not isinstance(self._callee, ClassInfo):
            self._by, self._callee = "function", info
        return super().apply_summary(op, info, state, target, receiver)

    def _summary(self, op: ir.CallOp, info: FunctionInfo, state: State, receiver: Receiver) -> Summary | None:
        found = super()._summary(op, info, state, receiver)
        if found is None:
            self.unfollowed.setdefault(info)
        return found

    def apply(
        self, op: ir.CallOp, model: CallModel, receiver: Ref | None, name: str, state: State
    ) -> list[State] | None:
        self._by = "call" if not model.borrows or not self.is_given_otherwise(op, model) else "unnamed"
        self._touch(op, receiver, state)
        return super().apply(op, model, receiver, name, state)

    def _touch(self, op: ir.CallOp, receiver: Ref | None, state: State) -> None:
        touched = self.touched.setdefault(id(op.node), set())
        for rid in (*state.refs(receiver), *state.refs(self.arguments_value(op, state))):
            each: Rid | None = rid
            while each is not None and each[0] not in touched:
                touched.add(each[0])
                status = state.status(each)
                each = status.parent if status is not None else None

    def register(self, op: ir.CallOp, name: str, state: State) -> list[State] | None:
        self._by = "registers"
        return super().register(op, name, state)

    def run_callback(self, node: cst.CSTNode, callback: Partial, state: State, is_async: bool) -> None:
        self._by = "block"
        super().run_callback(node, callback, state, is_async)

    # --- where paths end --------------------------------------------------------------------------------------------

    def check_exit(self, state: State, *, is_raise: bool) -> None:
        self.begin()
        for rid, status in state.resources.items():
            if status.phase == "open" and status.owed:
                what = UNUSED if not status.used else COVERED if self.is_covered(status, state) else OPEN
                self._remember(rid, what, None, state)
        super().check_exit(state, is_raise=is_raise)

    def check_overwritten(self, state: State, *, is_end: bool) -> None:
        before = len(self.lost)
        super().check_overwritten(state, is_end=is_end)
        for lost in islice(self.lost, before, None):
            if lost.is_overwritten:
                self.begin()
                self._remember(lost.rid, OVERWRITTEN, self.sites[lost.rid[0]], lost.state)

    def check_dead(self, state: State) -> None:
        """The process ends here, with all that is open."""
        for rid, status in state.resources.items():
            if status.phase == "open" and status.owed:
                self._remember(rid, KILLED, None, state)

    OPERATIONS: ClassVar[dict[type[ir.Operation], _Handler]] = {
        sort: _watched(handler) for sort, handler in Follower.OPERATIONS.items()
    }
    TERMINATORS: ClassVar[dict[type[ir.Terminator], _Handler]] = {
        sort: _watched(handler) for sort, handler in Follower.TERMINATORS.items()
    }
