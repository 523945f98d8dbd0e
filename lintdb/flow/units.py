"""Units of work: what calls do to them, and what releasing a resource does to the work on it."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from lintdb.effects import AfterError, CallModel, Duty, Event
from lintdb.finding import Confidence
from lintdb.flow import ir
from lintdb.flow.misuse import Misuses
from lintdb.flow.results import FailedUnit
from lintdb.flow.run import THROWN
from lintdb.flow.sites import UNLIKELY, Lost
from lintdb.flow.state import State
from lintdb.flow.summaries import BEFORE
from lintdb.flow.texts import MAX_PIECES, known_pieces
from lintdb.flow.values import (
    ENDED,
    IN_BLOCK,
    TRUE,
    Literal,
    Query,
    Raised,
    Ref,
    Rid,
    Status,
    Value,
)
from lintdb.flow.verdicts import path_of

_LASTING = ("self", "global")
_DECIDING = (Event.BEGIN, Event.WRITE, Event.COMMIT, Event.ROLLBACK)
_SWITCHES = (Event.AUTOCOMMIT_ON, Event.AUTOCOMMIT_OFF, Event.AUTOCOMMIT_UNKNOWN)


def _last_of(events: Sequence[Event | None]) -> Event | None:
    """Return what several statements come to: the last one that begins, ends or writes something decides.

    None where work is left open that they begin themselves: no single event says both.
    """
    deciding = [event for event in events if event in _DECIDING]
    if not deciding:
        return next((event for event in events if event is not None), None)
    begins = [number for number, event in enumerate(deciding) if event is Event.BEGIN]
    return None if deciding[-1] is Event.WRITE and begins and _stays_open(deciding[begins[-1] :]) else deciding[-1]


def _stays_open(events: Sequence[Event | None]) -> bool:
    return Event.COMMIT not in events and Event.ROLLBACK not in events


class Units(Misuses):
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
            if model.refuses_text and not value.is_clause and not self._is_begun(working, state):
                return Event.READ  # what it says never waits for a commit
            events = [self._event_of_statement(each, working, state) for each in self._statements(value)]
            return _last_of(events) if len(events) > 1 else events[0]
        return None

    def failing_event_of(
        self, event: Event | None, op: ir.CallOp, model: CallModel, working: Rid | None, state: State
    ) -> Event | None:
        """What a call that fails has tried: *event*, or a write that is followed by a commit in the same text."""
        operand = self.argument(op, model.sql) if model.sql is not None and model.event is None else None
        value = self.value(operand, state) if operand is not None and event is Event.COMMIT else None
        if not isinstance(value, Literal):
            return event
        statements = self._statements(value)
        writes = (self._event_of_statement(each, working, state) is Event.WRITE for each in statements)
        return Event.WRITE if len(statements) > 1 and any(writes) else event

    def _statements(self, text: Literal) -> list[Literal]:
        """The statements of a text that is known to its end, but for what its holes hold."""
        pieces = known_pieces(text)
        if pieces is None or len(pieces) > MAX_PIECES:
            return [text]
        found = self.knowledge.statements_of("".join(each if isinstance(each, str) else "x" for each in pieces))
        return [Literal(each) for each in found] if len(found) > 1 else [text]

    def _event_of_statement(self, text: Literal, working: Rid | None, state: State) -> Event | None:
        kind = self.kind_of(state.status(working) if working is not None else None)
        query = str(text.value)
        if self.knowledge.is_definition(query):
            return self.knowledge.definition_event(kind, self._scheme(working, state)) if kind is not None else None
        if kind is not None and self.knowledge.changes_behind_clause(query):
            # Where no transaction begins with CREATE, since that is not INSERT or the like, none does with WITH.
            defined = self.knowledge.definition_event(kind, self._scheme(working, state))
            return Event.WRITE if defined is not None else None
        return self._event_of_text(text)

    def _scheme(self, rid: Rid | None, state: State) -> str:
        """Return the scheme of the connection string of something, or of what it comes from; empty: not known."""
        seen: set[Rid] = set()
        while rid is not None and rid not in seen:
            seen.add(rid)
            site, status = self.sites.get(rid[0]), state.status(rid)
            if site is not None and site.scheme is None:
                name = str(rid[0][1]) if rid[0][0] == "named" else ""
                is_spelled = bool(name) and all(part.isidentifier() for part in name.split("."))
                source = cst.parse_expression(name) if is_spelled else site.node
                site.scheme = self.types.schemes.of_expression(source, self.function)
            if site is not None and site.scheme:
                return site.scheme
            rid = status.parent if status is not None else None
        return ""

    @staticmethod
    def _is_begun(rid: Rid | None, state: State) -> bool:
        status = state.status(rid) if rid is not None else None
        return status is not None and status.begun >= 0

    def _event_of_text(self, text: Literal) -> Event | None:
        """What is written into a table that goes with its connection is no work that could be lost."""
        query = str(text.value)
        made = self.knowledge.temporary_table(query)
        if made:
            self.units.temporary.add(made)
        event = self.knowledge.event_of_text(query, text.is_prefix)
        is_of_session = event is Event.WRITE and self.knowledge.changed_table(query) in self.units.temporary
        return Event.READ if is_of_session else event

    def working_resource(self, op: ir.CallOp, model: CallModel, receiver: Ref | None, state: State) -> Rid | None:
        """The resource whose unit of work a call moves."""
        if model.receiver is not None:
            operand = self.argument(op, model.receiver)
            value = self.value(operand, state) if operand is not None else None
            receiver = value if isinstance(value, Ref) else None
        return self.root_of(receiver.rid, state) if receiver is not None else None

    def happen(self, rid: Rid, event: Event, op: ir.CallOp | None, state: State) -> None:
        """Move the unit of work of a resource."""
        status = state.status(rid)
        if status is None:
            return
        if event in (Event.COMMIT, Event.ROLLBACK):
            if event is Event.COMMIT:
                self._keep(rid, status, op, state)
            elif op is not None and op.in_cleanup:
                # The error of a block is dealt with, if it does not get out.
                state.set_name(THROWN, None)
            self.units.ended.add(status.begun)
            state.update(rid, pending=-1, failed=-1, cut=False, begun=-1, holds=False)
            if event is Event.ROLLBACK:
                self._roll_back_the_same(rid, status.kind, state)
        elif event is Event.ROLLBACK_PART:
            # What had been done before the savepoint is as it was.
            state.update(rid, failed=-1, cut=False)
        elif event is Event.WRITE and op is not None and status.in_unit and status.phase not in ENDED:
            writes = self.units.handled if op.in_cleanup else self.units.writes
            writes.setdefault(rid[0], set()).add(op.index)
            if status.pending < 0:
                state.update(rid, pending=op.index)
                state.note(op.node, "write", rid)
        elif event is Event.BEGIN:
            if op is not None:
                state.note(op.node, "begin", rid)
            state.update(rid, pending=-1, cut=False, begun=op.index if op is not None else IN_BLOCK)
        elif event in _SWITCHES:
            self._switch(rid, event, op, state)

    def _switch(self, rid: Rid, event: Event, op: ir.CallOp | None, state: State) -> None:
        """A call changes the mode of a resource, to what it says or to what it is given."""
        value = self.first_argument(op, state) if op is not None else None
        if event is not Event.AUTOCOMMIT_UNKNOWN:
            value = TRUE if event is Event.AUTOCOMMIT_ON else Literal(False)
        call = self.calls.get(op.index) if op is not None else None
        is_of_other = call is not None and call.model.receiver is not None
        if op is not None and not is_of_other:  # what works on it as an argument leaves the mode as it was
            self.note_switch(rid, op, None if event is Event.AUTOCOMMIT_UNKNOWN else value, state)
        self.switch_mode(rid, value if value in (TRUE, Literal(False)) else None, state)

    def _keep(self, rid: Rid, status: Status, op: ir.CallOp | None, state: State) -> None:
        """Work is made permanent, by a call or (None) by the end of a block."""
        self.note_kept(rid, state)
        self.attributes.note_commit(rid, keeps_work=status.pending >= 0)
        self.judge_commit(rid, status, op, state)
        kind = self.knowledge.kind(status.kind)
        if op is None and kind is not None and (status.pending >= 0 or status.begun >= 0):
            self.units.kept_by_block.append(kind)

    @staticmethod
    def _roll_back_the_same(rid: Rid, kind_id: str, state: State) -> None:
        """What another object was given may be this very resource: services and their repositories share a session."""
        for other, status in list(state.resources.items()):
            is_elsewhere = other != rid and "field" in (rid[0][0], other[0][0])
            if is_elsewhere and status.kind == kind_id and status.outlives and not status.owed:
                state.update(other, pending=-1, failed=-1, cut=False)

    def note_statement(self, rid: Rid, op: ir.CallOp, *, is_many: bool) -> None:
        """A call sends a statement to a resource, or (*is_many*) several: at once, or one in each round of a loop."""
        first = self.units.statements.setdefault(rid[0], op.index)
        if self.cfg.repeats(self.block):
            self.units.repeated.add(op.index)
        if is_many or op.index in self.units.repeated:
            self.units.many.add(op.index)
        if first != op.index or op.index in self.units.many:
            self.units.mixed.add(rid[0])

    def begin_block(self, rid: Rid, state: State, by: int = -1) -> bool:
        """A `with` block begins a unit of work on a resource; return whether it is only a part of one.

        *by* is the call that made the block's manager, if that has begun the unit already.
        """
        status = state.status(rid)
        if status is None:
            return False
        is_nested = (status.pending >= 0 or status.begun >= 0) and (by < 0 or status.begun != by)
        if not is_nested:
            state.update(rid, begun=IN_BLOCK)
        return is_nested

    def end_block(self, rid: Rid, state: State, *, is_nested: bool, is_raise: bool) -> None:
        """Such a block ends, and its unit of work with it: what was pending before a part is pending after it."""
        if not is_nested:
            self.happen(rid, Event.ROLLBACK if is_raise else Event.COMMIT, None, state)
        elif is_raise:
            self.happen(rid, Event.ROLLBACK_PART, None, state)

    def leave_work_of_block(self, op: ir.YieldOp, value: Value | None, state: State) -> None:
        """A block raised that was lent something: it may have left work there."""
        number = int(op.target.removeprefix("$t"))
        self.units.lent_at[number] = op.node
        for rid in {self.root_of(rid, state) for rid in state.refs(value)}:
            status = state.status(rid)
            if status is not None and status.in_unit and status.pending < 0:
                state.update(rid, pending=number, cut=True)

    def note_switch(self, rid: Rid, op: ir.CallOp | ir.StoreAttributeOp, value: Value | None, state: State) -> None:
        """The mode of a resource that lives on is changed, or changed back: that alone is what clean-up does.

        *value* is the mode that is written there, if it is: in the mode that it has been set to already it stays.
        """
        status = state.status(rid)
        if status is None or not status.outlives:
            return
        if status.switched < 0:
            if not op.in_cleanup:
                state.update(rid, switched=op.index)
        elif not isinstance(value, Literal) or value.value is not status.autocommit:
            self.units.restored.add(status.switched)
            state.update(rid, switched=-1)

    def note_kept(self, rid: Rid, state: State) -> None:
        """Remember that a path makes the work of a resource permanent, and in which loops it does."""
        self.commits.add(rid[0])
        trace = state.trace
        while trace is not None:
            if trace[2] == "next":
                self.keeping_loops.add(id(trace[1]))
            trace = trace[0]

    def switch_mode(self, rid: Rid, value: Value | None, state: State, how: str = "autocommit") -> None:
        if how == "read-only":
            return
        mode: bool | None = None
        if how == "autocommit-if-none" and isinstance(value, Literal):
            mode = value.value is None
        elif how == "autocommit" and isinstance(value, Literal) and isinstance(value.value, bool):
            mode = value.value
        state.update(rid, autocommit=mode, **({"pending": -1} if mode is not False else {}))

    def fail_units(
        self, op: ir.CallOp, model: CallModel, event: Event | None, working: Rid | None, state: State
    ) -> None:
        """A modelled call raised: *state* is that path, *working* the resource whose unit of work it moves."""
        if working is not None:
            if event is Event.ROLLBACK:
                state.update(working, pending=-1, failed=-1, cut=False)
            if event in (Event.ROLLBACK, Event.COMMIT):
                # The unit has ended, one way or the other.
                state.update(working, begun=-1)
            self.fail_unit(working, event, op, model, state)
            status = state.status(working)
            # `Event.create(…)`: a class of rows has no unit of work of its own, it works in the one around.
            is_without = status is not None and status.autocommit is None and event is Event.WRITE
            around = self.unit_worked_in(op, state) if is_without else None
            if around is not None and around != working:
                self.fail_unit_around(around, op, state)
        self.fail_named_units(op, model, working, state)

    def fail_unit(self, rid: Rid, event: Event | None, op: ir.CallOp, model: CallModel, state: State) -> None:
        """A call on the unit of work of *rid* raised: is the unit broken until it is rolled back?"""
        status = state.status(rid)
        kind = self.kind_of(status)
        if status is None or kind is None or not status.in_unit:
            return
        if kind.family == "session" and self._is_in_part(rid, state):
            return  # its end undoes what failed there, and if more is tried before, that fails
        after = model.after_error or self.knowledge.after_error(kind, self._scheme(rid, state))
        if status.failed >= 0 and not (status.failed == BEFORE and after is AfterError.CONTINUES):
            return  # the first call is to blame, unless that has left the unit as it was, for the caller to judge
        if event is Event.COMMIT:
            breaks = status.pending >= 0
        elif event is Event.WRITE:
            breaks = True
        else:
            is_query = event in (None, Event.READ) and model.sql is not None
            breaks = is_query and self._breaks_when_read(rid, status.kind, after)
        if breaks:
            self.units.failures[op.index] = after
            if event is Event.COMMIT:
                self.units.refused.add(op.index)
            state.update(rid, failed=op.index)
            if state.raised is not None:
                state.raised = state.raised._replace(call=op.index)

    def _is_in_part(self, rid: Rid, state: State) -> bool:
        """Whether a savepoint is open in the unit of work of a session."""
        for status in state.resources.values():
            kind = self.kind_of(status) if status.parent == rid and status.phase == "open" else None
            ends = kind.methods.get("rollback", ()) if kind is not None else ()
            if any(model.event is Event.ROLLBACK_PART for model in ends):
                return True
        return False

    def _breaks_when_read(self, rid: Rid, kind_id: str, after: AfterError) -> bool:
        """Whether a query that fails breaks the unit of work that it is in, in a module that has such units."""
        if after is AfterError.CONTINUES or (after is AfterError.DEPENDS and rid[0][0] not in _LASTING):
            return False
        return rid[0][0] not in ("param", *_LASTING) or self.types.ends_units(kind_id)

    def keep_failure(self, types: Sequence[str | None], raised: Raised, state: State) -> None:
        """An exception is caught by classes (none: all): where they mean no broken unit of work, there is none."""
        if raised.call >= 0 and not self.means_failure(types):
            state.forget_failure(raised.call)

    def fail_named_units(self, op: ir.CallOp, model: CallModel, working: Rid | None, state: State) -> None:
        """A call failed that was given a unit of work as an argument, or that stands in a block without naming it."""
        for argument in op.arguments:
            value = self.value(argument.operand, state)
            status = state.status(value.rid) if isinstance(value, Ref) else None
            if isinstance(value, Ref) and value.rid != working and status is not None and status.begun >= 0:
                self.note_statement(value.rid, op, is_many=False)
                self.fail_unit(value.rid, Event.WRITE, op, model, state)
        if model.sql is not None:
            around = self._unit_around(state)
            kind = self.knowledge.kind(state.resources[around].kind) if around is not None else None
            if around is None or kind is None or kind.driver != model.driver:
                return
            root = self.root_of(around, state)
            if root != working:
                self.units.unclear.add(root[0])
                self.note_statement(root, op, is_many=False)
                self.fail_unit(root, Event.WRITE, op, model, state)

    def unit_worked_in(self, op: ir.CallOp, state: State) -> Rid | None:
        """Return the unit without a name that a call of something unknown looks like work in."""
        around = self._unit_around(state)
        kind = self.knowledge.kind(state.resources[around].kind) if around is not None else None
        function = op.node.func if isinstance(op.node, cst.Call) else None
        if kind is None or not isinstance(function, cst.Attribute):
            return None
        for method in kind.ambient_methods:
            through, _, last = method.rpartition(".")
            if last == function.attr.value and (not through or through in _attributes_of(function)):
                if around is not None:
                    root = self.root_of(around, state)
                    self.units.unclear.add(root[0])
                    self.units.worked.setdefault(root, op.node)
                    self.note_statement(root, op, is_many=False)
                return around
        return None

    def fail_unit_around(self, rid: Rid, op: ir.CallOp, state: State) -> None:
        """Such a call raised."""
        kind = self.knowledge.kind(state.resources[rid].kind)
        root = self.root_of(rid, state)
        if kind is None or state.resources[root].failed >= 0:
            return
        self.operations[op.index] = op
        self.units.landings[op.index] = self.block.landing
        self.units.failures[op.index] = self.knowledge.after_error(kind, self._scheme(rid, state))
        state.update(root, failed=op.index)
        state.raised = (state.raised or Raised())._replace(call=op.index)

    def _unit_around(self, state: State) -> Rid | None:
        """Return the innermost block that is a unit of work without a name."""
        found: Rid | None = None
        for rid in self.units.ambient:
            status, root = state.status(rid), state.status(self.root_of(rid, state))
            if status is not None and status.phase == "open" and root is not None and root.begun >= 0:
                found = rid
        return found

    def happen_around(self, event: Event, driver: str, state: State) -> None:
        """Move the unit of work of the innermost such block; of a callee, that may be its caller's."""
        if event is Event.ROLLBACK_PART:
            self.units.undone.add(driver)
        around = self._unit_around(state)
        kind = self.knowledge.kind(state.resources[around].kind) if around is not None else None
        if around is not None and kind is not None and kind.driver == driver and event is Event.ROLLBACK_PART:
            self.happen(self.root_of(around, state), event, None, state)

    def owner_through(self, rid: Rid, state: State) -> Rid | None:
        """`client.connection_pool.disconnect()`: what has no pool any more has nothing left to close."""
        status = state.status(rid)
        kind = self.kind_of(status)
        owner = rid[0][0]
        if not isinstance(owner, tuple) or kind is None or not kind.is_pool:
            return None
        holder = self.kind_of(state.status(owner))
        # An extension is not closed, whatever becomes of its engine.
        return owner if holder is None or holder.duty is not Duty.NONE else None

    def release(self, rid: Rid, state: State, node: cst.CSTNode | None, by_with: cst.CSTNode | None = None) -> None:
        """Release a resource and what goes with it; uncommitted work on it is lost here.

        *node* is the call that releases it, *by_with* what ends instead: a block, or a stack of clean-up.
        """
        status = state.status(rid)
        if status is None:
            return
        self.released_sites.add(rid[0])
        self.units.ended.add(status.begun)
        self.account_for(Ref(rid), state, is_release=True)
        if status.phase == "open" and status.pending >= 0 and (status.owed or rid[0][0] == "managed"):
            self.lose_work(rid, status, state, node, by_with=by_with is not None)
        self._return_dirty(rid, status, state)
        owner = self.owner_through(rid, state)
        if owner is not None:
            self.release(owner, state, node, by_with)
        for child in state.children(rid):
            if not self.is_for_caller:
                self._cover(child, state)
            self.covered_sites.add(child[0])
        if node is not None:
            self.release_nodes.setdefault(rid[0], node)
        where = node if node is not None else by_with
        if where is not None and status.phase not in ENDED:
            self.note_release(rid, where, state)
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


def _attributes_of(node: cst.CSTNode) -> set[str]:
    """Return the names in a chain of attributes and calls: `objects`, `all`, `update` of `A.objects.all().update()`."""
    names: set[str] = set()
    while isinstance(node, (cst.Call, cst.Attribute, cst.Subscript)):
        if isinstance(node, cst.Attribute):
            names.add(node.attr.value)
        node = node.func if isinstance(node, cst.Call) else node.value
    return names
