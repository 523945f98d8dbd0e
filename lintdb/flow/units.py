"""Units of work: what calls do to them, and what releasing a resource does to the work on it."""

from __future__ import annotations

import libcst as cst

from lintdb.effects import CallModel, Event
from lintdb.finding import Confidence
from lintdb.flow import ir
from lintdb.flow.results import FailedUnit
from lintdb.flow.sites import UNLIKELY, Lost
from lintdb.flow.state import State
from lintdb.flow.values import (
    TRUE,
    Literal,
    Query,
    Ref,
    Rid,
    Status,
    Value,
)
from lintdb.flow.verdicts import Verdicts, path_of


class Units(Verdicts):
    """Moves units of work, and releases resources."""

    def event_of(self, op: ir.CallOp, model: CallModel, working: Rid | None, state: State) -> Event | None:
        if model.event is not None:
            return model.event
        if model.sql is None:
            return None
        operand = self.argument(op, model.sql)
        value = self.value(operand, state) if operand is not None else None
        if isinstance(value, Query):
            return value.event
        if isinstance(value, Literal) and isinstance(value.value, str):
            if self.knowledge.is_definition(value.value):
                status = state.status(working) if working is not None else None
                kind = self.knowledge.kind(status.kind) if status is not None else None
                return kind.definition_event if kind is not None else None
            return self.knowledge.event_of_text(value.value, value.is_prefix)
        return None

    def working_resource(self, op: ir.CallOp, model: CallModel, receiver: Ref | None, state: State) -> Rid | None:
        """The resource whose unit of work a call moves."""
        if model.receiver is not None:
            operand = self.argument(op, model.receiver)
            value = self.value(operand, state) if operand is not None else None
            receiver = value if isinstance(value, Ref) else None
        return self.root_of(receiver.rid, state) if receiver is not None else None

    def root_of(self, rid: Rid, state: State) -> Rid:
        seen = set()
        while rid not in seen:
            seen.add(rid)
            status = state.resources.get(rid)
            kind = self.knowledge.kind(status.kind) if status is not None else None
            if status is None or kind is None or kind.events_on != "parent" or status.parent is None:
                return rid
            rid = status.parent
        return rid

    def happen(self, rid: Rid, event: Event, op: ir.CallOp | None, state: State) -> None:
        """Move the unit of work of a resource."""
        status = state.status(rid)
        if status is None:
            return
        if event in (Event.COMMIT, Event.ROLLBACK):
            if event is Event.COMMIT:
                self.note_kept(rid, state)
            state.update(rid, pending=-1, failed=-1)
        elif event is Event.ROLLBACK_PART:
            state.update(rid, failed=-1)
        elif event is Event.WRITE and op is not None and status.autocommit is False and status.phase != "released":
            if status.pending < 0:
                state.update(rid, pending=op.index)
                state.note(op.node, "write", rid)
        elif event is Event.BEGIN:
            state.update(rid, pending=-1)
        elif event is Event.AUTOCOMMIT_ON:
            state.update(rid, autocommit=True, pending=-1)
        elif event is Event.AUTOCOMMIT_OFF:
            state.update(rid, autocommit=False)
        elif event is Event.AUTOCOMMIT_UNKNOWN:
            value = self.first_argument(op, state) if op is not None else None
            self.switch_mode(rid, value if value in (TRUE, Literal(False)) else None, state)

    def note_kept(self, rid: Rid, state: State) -> None:
        """Remember that a path makes the work of a resource permanent, and in which loops it does."""
        self.commits.add(rid[0])
        trace = state.trace
        while trace is not None:
            if trace[2] == "next":
                self.keeping_loops.add(id(trace[1]))
            trace = trace[0]

    def switch_mode(self, rid: Rid, value: Value | None, state: State, how: str = "autocommit") -> None:
        mode: bool | None = None
        if how == "autocommit-if-none" and isinstance(value, Literal):
            mode = value.value is None
        elif how == "autocommit" and isinstance(value, Literal) and isinstance(value.value, bool):
            mode = value.value
        state.update(rid, autocommit=mode, **({"pending": -1} if mode is not False else {}))

    def fail_unit(self, rid: Rid, event: Event | None, op: ir.CallOp, state: State) -> None:
        """A call on the unit of work of *rid* raised: is the unit broken until it is rolled back?"""
        status = state.status(rid)
        kind = self.knowledge.kind(status.kind) if status is not None else None
        if status is None or kind is None or status.autocommit is not False or status.failed >= 0:
            return
        if event is Event.WRITE or (event is Event.COMMIT and status.pending >= 0):
            state.update(rid, failed=op.index)

    @staticmethod
    def owner_through(rid: Rid, state: State) -> Rid | None:
        """`client.connection_pool.disconnect()`: what has no pool any more has nothing left to close."""
        status = state.status(rid)
        owner = rid[0][0]
        return owner if isinstance(owner, tuple) and status is not None and status.kind.endswith("pool") else None

    def release(self, rid: Rid, state: State, node: cst.CSTNode | None, by_with: bool = False) -> None:
        """Release a resource and what goes with it; uncommitted work on it is lost here."""
        status = state.status(rid)
        if status is None:
            return
        self.released_sites.add(rid[0])
        self.account_for(Ref(rid), state)
        if status.phase == "open" and status.pending >= 0 and (status.owed or rid[0][0] == "managed"):
            self.lose_work(rid, status, state, node, by_with)
        self._return_dirty(rid, status, state)
        owner = self.owner_through(rid, state)
        if owner is not None:
            self.release(owner, state, node, by_with)
        for child in state.children(rid):
            if self.depth == 0:
                self._cover(child, state)
            self.covered_sites.add(child[0])
        if node is not None:
            self.release_nodes.setdefault(rid[0], node)
            state.note(node, "release", rid)
        state.release(rid)

    def _cover(self, child: Rid, state: State) -> None:
        """A child goes with its parent, without a release of its own; only strict rules mind."""
        status = state.status(child)
        if status is None or status.phase != "open" or not status.owed:
            return
        key = (child, status.raised)
        if key not in self.covered:
            self.covered.add(key)
            self.lost.append(Lost(child, status, state.copy(), is_covered=True))

    def _return_dirty(self, rid: Rid, status: Status, state: State) -> None:
        """Given back with work pending, to an owner that does not clean it up for the next user."""
        index = status.pending if status.pending >= 0 else status.failed
        kind = self.knowledge.kind(status.kind)
        op = self.operations.get(index)
        if kind is None or op is None or kind.return_rolls_back or not status.owed or status.phase != "open":
            return
        if not status.raised or status.low >= UNLIKELY or index in self.returned_dirty:
            return
        site = self.sites.get(rid[0])
        name = site.name if site is not None else None
        self.returned_dirty[index] = FailedUnit(op.node, kind, name, False, Confidence.MEDIUM, path_of(state))
