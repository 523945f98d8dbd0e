"""Calls that a driver model describes: doing what it says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import libcst as cst

from lintdb.effects import Argument, CallModel, Condition, Duty, Event, Form, Kind, Raises
from lintdb.flow import ir
from lintdb.flow.chosen import ChosenModels
from lintdb.flow.collected import PLACE
from lintdb.flow.evaluate import dotted_name
from lintdb.flow.results import KnownCall, Overlap, QueryText
from lintdb.flow.rows import is_computed
from lintdb.flow.sites import UNHEARD_OF, Lost, Receiver, Site
from lintdb.flow.state import State
from lintdb.flow.texts import known_pieces
from lintdb.flow.values import (
    DATA,
    FALSY,
    NONE,
    TRUE,
    TRUTHY,
    Coroutine,
    Instance,
    Literal,
    Manager,
    Names,
    Outside,
    Query,
    Raised,
    Ref,
    Rid,
    SiteKey,
    Status,
    Tally,
    Value,
    renamed,
)
from lintdb.flow.verdicts import path_of
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.stand_ins import Meant, parameters_behind

_CONNECTED = {"checkout", "session"}
"""Families that take a connection from a pool, by themselves or with their first statement."""
_SENDS = frozenset({Event.BEGIN, Event.READ, Event.WRITE})
"""What reaches the server, unless the call cannot fail."""


class ModelledCalls(ChosenModels):
    """Runs call models."""

    def driver_raise(self, driver: str) -> Raised:
        return Raised(self.knowledge.error_class(driver))

    def _origins(self, receiver: Ref | None, state: State) -> tuple[cst.CSTNode, ...]:
        """Return where a resource came from, and those that it was taken from."""
        found: dict[Rid, cst.CSTNode] = {}
        rid = receiver.rid if receiver is not None else None
        while rid is not None and rid not in found and rid[0] in self.sites:
            found[rid] = self.sites[rid[0]].node
            status = state.status(rid)
            rid = status.parent if status is not None else None
        return tuple(found.values())

    def apply(
        self, op: ir.CallOp, model: CallModel, receiver: Ref | None, name: str, state: State
    ) -> list[State] | None:
        """Run a modelled call."""
        status = state.status(receiver.rid) if receiver is not None else None
        if op.index not in self.calls and isinstance(op.node, cst.Call) and not op.is_elsewhere:
            root = self.root_of(receiver.rid, state)[0] if receiver is not None else op.index
            kind, origins = status.kind if status else None, self._origins(receiver, state)
            self.calls[op.index] = KnownCall(op.node, model, kind, root, name, op.is_dropped, origins)
        self.operations[op.index] = op
        self.units.landings[op.index] = self.block.landing
        self._note_text(op, model, receiver, state)
        if not model.borrows:
            state.escape(self.arguments_value(op, state), with_parents=True)
        elif self.is_given_otherwise(op, model):
            self.give_away(op, state, is_kept=False)
        is_bound = model.acquires is None and model.gives is None and isinstance(model.parent, Argument)
        if is_bound and receiver is not None:
            # `Session.configure(bind=engine)`
            parent = self._parent(op, model, receiver, state)
            if parent is not None:
                state.update(receiver.rid, parent=parent, unpooled=False)
        if model.query_event is not None:
            is_plain = bool(op.arguments) and not any(is_computed(argument.operand) for argument in op.arguments)
            answer = "every" if is_plain and model.query_event is Event.READ else "unknown"
            state.set_name(op.target, Query(model.query_event, answer))
            return None
        if model.unwraps is not None:
            operand = self.argument(op, model.unwraps)
            inner = self.value(operand, state) if operand is not None else None
            state.set_name(op.target, replace(inner, is_clause=True) if isinstance(inner, Literal) else inner)
            return None
        subject: Value | None = receiver
        if isinstance(model.releases, Argument):
            operand = self.argument(op, model.releases)
            subject = self.value(operand, state) if operand is not None else None
        if model.coroutine or model.form in (Form.AWAIT, Form.AWAIT_OR_WITH):
            state.set_name(op.target, self._coroutine(op, model, subject, state))
            return None
        if model.form is Form.WITH:
            what = "unit" if model.event is Event.BEGIN else "acquire"
            state.set_name(op.target, Manager(what, receiver, kind=model.acquires or model.gives, call=op.index))
            return None
        return self.perform(op, model, subject, receiver, state, target=op.target)

    def is_given_otherwise(self, op: ir.CallOp, model: CallModel) -> bool:
        """Whether what a call is about is not where the model looks for it: by a keyword of which that knows nothing.

        Then any argument may be that, and what becomes of them cannot be told.
        """
        roles = (model.releases, model.receiver, model.parent)
        return any(isinstance(role, Argument) and self.argument(op, role) is None for role in roles)

    def _may_lock(self, op: ir.CallOp, model: CallModel, state: State) -> bool:
        """Whether a statement that reads may hold locks from then on, by its text."""
        operand = self.argument(op, model.sql) if model.sql is not None else None
        value = self.value(operand, state) if operand is not None else None
        return isinstance(value, Literal) and isinstance(value.value, str) and self.knowledge.may_lock(value.value)

    def _is_clear(self, op: ir.CallOp, model: CallModel, event: Event | None, state: State) -> bool:
        """Whether it can be seen what a call does to a unit of work: a question may call what writes."""
        if event not in (None, Event.READ):
            return True
        if model.sql is None:
            is_work = model.acquires is None and model.releases is None and model.raises is not Raises.NEVER
            return event is Event.READ or not is_work
        operand = self.argument(op, model.sql)
        value = self.value(operand, state) if operand is not None else None
        if isinstance(value, Query):
            return value.event is Event.READ
        pieces = known_pieces(value)
        if pieces is None or not pieces or not isinstance(pieces[0], str):
            return False
        return self.knowledge.only_asks("".join(each if isinstance(each, str) else "x" for each in pieces))

    def _note_text(self, op: ir.CallOp, model: CallModel, receiver: Ref | None, state: State) -> None:
        """Remember the text of a query that a call is given, as far as it is known."""
        operand = self.argument(op, model.sql) if model.sql is not None else None
        if self.is_for_caller:
            self.note_run(operand, state)
            return
        call = self.calls.get(op.index)
        pieces = known_pieces(self.value(operand, state)) if operand is not None else None
        if call is None or pieces is None:
            return
        key = (op.index, pieces)
        if key not in self.values_seen.query_texts:
            is_guess = receiver is not None and self.root_of(receiver.rid, state) in self.units.guessed
            self.values_seen.query_texts[key] = QueryText(call, op.node, key[1], path_of(state), is_guess)

    def note_run(self, operand: ir.Operand | None, state: State, start: str = "") -> None:
        """What an operand holds is run as the text of a query; remember the parameters that are (part of) it.

        As they came in: `"SELECT … WHERE " + where`, with how the text begins. What stands in quotes is a value,
        whatever it holds. *start*: how the text begins that the operand becomes a part of.
        """
        operand = self._unwrapped(operand)
        names = {operand.name: start} if isinstance(operand, ir.Local) else {}
        pieces = known_pieces(self.value(operand, state)) if operand is not None else None
        before = ""
        for piece in pieces or ():
            if isinstance(piece, str):
                before += piece
                continue
            node = piece.node.expression if isinstance(piece.node, cst.FormattedStringExpression) else piece.node
            if isinstance(node, cst.Name) and piece.function is self.function and before.count("'") % 2 == 0:
                names.setdefault(node.value, start or before)
        behind = parameters_behind(self.function)
        for name, text in names.items():
            if pieces is not None and self._is_given_here(name, operand, state):
                continue
            meant = (each for each in behind.get(name, ()) if self._may_stand_in(each))
            self.values_seen.runs.update((each.parameter, text) for each in meant)

    def _is_given_here(self, name: str, operand: ir.Operand | None, state: State) -> bool:
        """Whether a variable of which something is known has got that here, not from a caller."""
        if not isinstance(operand, ir.Local) or operand.name != name or name not in self.function.given:
            return False
        return self.value(operand, state) != self.values_seen.came_in.get(name)

    def _may_stand_in(self, meant: Meant) -> bool:
        """Whether the calls that this run is for may leave a variable what it holds: see `Meant`."""
        return not meant.only_without or self.values_seen.came_in.get(meant.only_without) == NONE

    def _unwrapped(self, operand: ir.Operand | None) -> ir.Operand | None:
        """`text(query)` is the query."""
        while isinstance(operand, ir.Local) and operand.name.startswith("$t"):
            number = int(operand.name.removeprefix("$t"))
            call, known = self.operations.get(number), self.calls.get(number)
            unwraps = known.model.unwraps if known is not None else None
            if call is None or unwraps is None:
                break
            operand = self.argument(call, unwraps)
        return operand

    def _coroutine(self, op: ir.CallOp, model: CallModel, subject: Value | None, state: State) -> Value:
        """The result of calling a coroutine function: nothing has happened yet, as far as a caller can tell."""
        owes = (model.coroutine or model.form is Form.AWAIT) and not model.eager
        rid = self.make_coroutine(op, subject if model.releases is not None else None, state, owes=owes)
        return Coroutine(rid, op.index, subject)

    def perform(
        self, op: ir.CallOp, model: CallModel, subject: Value | None, receiver: Ref | None, state: State, *, target: str
    ) -> list[State] | None:
        """The effects of a modelled call that really runs: it may raise, then it acquires, releases or works.

        *subject* is what it releases, if it does.
        """
        self._check_subjects(op, model, subject, receiver, state)
        rows = self._tested_rows(op, model, receiver, state)
        if rows is not None:
            # Without any rows nothing is done.
            nothing = state.copy()
            nothing.set_name(rows, FALSY)
            nothing.set_name(target, None)
            state.set_name(rows, TRUTHY)
            return [*(self.perform(op, model, subject, receiver, state, target=target) or [state]), nothing]
        working = self.working_resource(op, model, receiver, state)
        event = self.event_of(op, model, working, state)
        self.note_event(op, event)
        if working is not None:
            self._note_sent(
                working, op, model, event, state, is_statement=self._is_statement(model, event, receiver, state)
            )
        failed = self._fork_failure(op, model, subject, receiver, state)
        if failed is not None and model.raises is not Raises.NEVER:
            self.fail_units(op, model, self.failing_event_of(event, op, model, working, state), working, failed)
        if failed is not None:
            self._after_failure(model, subject, receiver, failed)
        self._note_held(working, model, event, state)
        if event is not None and working is not None:
            self.judge_retry(working, event, op, state)
            self.happen(working, event, op, state)
        elif event is not None and model.receiver is None and receiver is None:
            self.happen_around(event, model.driver, state)
        if model.releases is not None:
            self._release_all(op, model, subject, state)
        if model.opens and receiver is not None:
            return self._open_again(op, model, receiver, state, target)
        result = self._result(op, model, receiver, state)
        answer = self.note_answer(op, model, receiver, result, state)
        self.note_reading_all(op, receiver, answer, state)
        self.note_question(op, model, receiver, state)
        if model.may_return_none and result is DATA:
            result = self.row(op, model, receiver, answer, state)
        if model.may_return_none and isinstance(result, Ref):
            nothing = state.copy()
            nothing.set_name(target, Literal(None))
            nothing.resources.pop(result.rid, None)
            state.set_name(target, result)
            return [state, nothing]
        state.set_name(target, NONE if result is None and model.releases == "self" else result)
        return None

    def _note_held(self, rid: Rid | None, model: CallModel, event: Event | None, state: State) -> None:
        """What takes a connection with its first statement, and keeps it, may send one."""
        if rid is not None and model.receiver is not None:
            state.use(rid)  # `read_sql(query, engine)`
        if rid is None or model.raises is Raises.NEVER or (model.sql is None and event not in _SENDS):
            return
        status = state.status(rid)
        kind = self.kind_of(status)
        if status is not None and kind is not None and kind.is_lazy and not kind.is_pool and not status.holds:
            state.update(rid, holds=True)

    def _release_all(self, op: ir.CallOp, model: CallModel, subject: Value | None, state: State) -> None:
        """A call releases what it is about; some is open again after that."""
        for rid in list(state.refs(subject)):
            self.release(rid, state, op.node)
            if model.goes_on:
                state.doubt(rid)

    def _tested_rows(self, op: ir.CallOp, model: CallModel, receiver: Ref | None, state: State) -> str | None:
        """`executemany(text, rows)`: the variable with the rows, if a later test tells whether there are any."""
        kind = self.kind_of(state.status(receiver.rid)) if receiver is not None else None
        call = self.calls.get(op.index)
        if kind is None or call is None or model.sql is None or call.method not in kind.repeats:
            return None
        given = op.arguments[(model.sql.position or 0) + 1 :]
        rows = given[0].operand if given else ir.UNKNOWN
        is_tested = isinstance(rows, ir.Local) and rows.name in self.tested and self.value(rows, state) is None
        return rows.name if isinstance(rows, ir.Local) and is_tested else None

    def _note_sent(
        self, working: Rid, op: ir.CallOp, model: CallModel, event: Event | None, state: State, *, is_statement: bool
    ) -> None:
        """Remember what a call sends to a resource, or may send."""
        if model.sql is not None and event in (None, Event.READ, Event.WRITE):
            self.units.sent.add(event if not self._may_lock(op, model, state) else None)
        if not self._is_clear(op, model, event, state):
            self.units.unclear.add(working[0])
        if is_statement:
            self.note_statement(working, op, is_many=False)

    def _is_statement(self, model: CallModel, event: Event | None, receiver: Ref | None, state: State) -> bool:
        """Whether a call sends something to be run; what fetches the rows of a statement is no other one."""
        if model.sql is not None or event is Event.WRITE:
            return True
        kind = self.kind_of(state.status(receiver.rid)) if receiver is not None else None
        return event is Event.READ and (kind is None or not kind.gives_answers)

    def _after_failure(self, model: CallModel, subject: Value | None, receiver: Ref | None, failed: State) -> None:
        """What a call that has raised has done all the same."""
        if model.releases is not None and isinstance(subject, Ref):
            # A release that fails has still released.
            failed.release(subject.rid)
            owner = self.owner_through(subject.rid, failed)
            if owner is not None:
                failed.release(owner)
        if model.releases_if_it_fails and receiver is not None:
            failed.release(receiver.rid)
        if model.opens and receiver is not None:
            kind = self.kind_of(failed.status(receiver.rid))
            if kind is not None and kind.fails_closed:
                failed.update(receiver.rid, owed=False)

    def _check_subjects(
        self, op: ir.CallOp, model: CallModel, subject: Value | None, receiver: Ref | None, state: State
    ) -> None:
        """Is what a call works on, and what it releases, still to be had? And does that take along what is its own?"""
        method = self.calls[op.index].method if op.index in self.calls else ""
        if receiver is not None:
            self.check_call(receiver.rid, model, op.node, method, state)
            taken = self.knowledge.kind(model.takes) if model.takes is not None else None
            if taken is not None:
                self.note_taken(op, taken, receiver.rid, state)
        if model.receiver is not None:
            operand = self.argument(op, model.receiver)
            value = self.value(operand, state) if operand is not None else None
            self.check_argument(value, model, op.node, method, state)
        if model.releases is None:
            return
        if model.ends:
            state.bind_children(subject)
        for rid in list(state.refs(subject)):
            self.check_released_again(rid, op.node, method, state)
            if isinstance(model.releases, Argument) and isinstance(op.callee, ir.AttributeOf):
                # Of a coroutine that is awaited here, *receiver* is what it is about.
                owner = self.value(op.callee.base, state)
                self.check_owner(rid, owner, op.node, method, state)

    def _fork_failure(
        self, op: ir.CallOp, model: CallModel, subject: Value | None, receiver: Ref | None, state: State
    ) -> State | None:
        """Take the path on which the call raises; return its state, if anybody minds."""
        name = self.calls[op.index].method if op.index in self.calls else ""
        if model.raises is Raises.NEVER:
            if model.releases is None or self._is_done(subject, state):
                return None
            # Releasing does not fail in practice; where it does, other resources are what is lost.
            failed = self.throw(state, op.node, self.driver_raise(model.driver), is_low=True, by=name)
            if failed is not None:
                failed.make_unlikely(UNHEARD_OF)
            return failed
        raised = self.driver_raise(model.driver) if model.raises is Raises.DRIVER else Raised()
        made = self.knowledge.kind(model.acquires) if model.acquires is not None else None
        is_lazy = made is not None and made.is_lazy and not model.coroutine
        # Where an object is left by a block, what it rolls back before it closes is gone if that fails.
        is_farewell = model.event is Event.ROLLBACK and _is_of_exit(self.function)
        # An engine that gets no connection has none to hold.
        is_open_if_it_fails = made is None or made.family not in ("connection", "checkout")
        if receiver is not None and is_open_if_it_fails:
            state.use(receiver.rid)
        # What connects with its first use is made of its arguments alone.
        failed = self.throw(state, op.node, raised, is_low=is_lazy or is_farewell, by=name)
        if receiver is not None:
            state.use(receiver.rid)
        return failed

    def _is_done(self, subject: Value | None, state: State) -> bool:
        """Whether what a call releases is released already, and another time does nothing."""
        status = state.status(subject.rid) if isinstance(subject, Ref) else None
        kind = self.kind_of(status)
        return kind is not None and kind.idempotent_release and status is not None and status.phase == "released"

    def _result(self, op: ir.CallOp, model: CallModel, receiver: Ref | None, state: State) -> Value | None:
        """Return the value of a modelled call that succeeds."""
        if model.acquires is not None:
            return self.acquire(op, model.acquires, model, receiver, state)
        if model.gives == "self":
            return receiver
        if model.gives is not None:
            return self.give(op, model, receiver, state)
        worked = self.working_resource(op, model, receiver, state) if model.tells_changes else None
        if worked is not None and receiver is not None:
            return Tally(worked, receiver.rid)
        return DATA if model.releases is None else None

    def _open_again(
        self, op: ir.CallOp, model: CallModel, receiver: Ref, state: State, target: str
    ) -> list[State] | None:
        """The receiver is open after the call, whatever it was before."""
        before = state.status(receiver.rid)
        refused: State | None = None
        if model.may_return_none:
            refused = state.copy()
            refused.set_name(target, Literal(False))
            refused.doubt(receiver.rid)
        if before is not None and before.phase != "gone":
            kind = self.knowledge.kind(before.kind)
            # What nothing but its use makes known is somebody else's, whoever opens it.
            is_guess = receiver.rid[0][0] == "named"
            owed = before.owed or (
                kind is not None and kind.duty is not Duty.NONE and not before.outlives and not is_guess
            )
            state.doubt(receiver.rid)
            state.update(receiver.rid, phase="open", owed=owed)
            site = self.sites.get(receiver.rid[0])
            if site is not None and not before.outlives:
                if id(site.node) in self.unsure.calls:
                    self.unsure.calls.add(id(op.node))
                site.node = op.node
            state.note(op.node, "acquire", receiver.rid[0])
        state.set_name(target, TRUE if model.may_return_none else receiver if model.gives == "self" else None)
        return [state, refused] if refused is not None else None

    def _parent(self, op: ir.CallOp, model: CallModel, receiver: Ref | None, state: State) -> Rid | None:
        if model.parent == "self":
            return receiver.rid if receiver is not None else None
        if isinstance(model.parent, Argument):
            operand = self.argument(op, model.parent)
            value = self.value(operand, state) if operand is not None else None
            return value.rid if isinstance(value, Ref) else None
        return None

    def acquire(self, op: ir.CallOp, kind_id: str, model: CallModel, receiver: Ref | None, state: State) -> Ref:
        """Add what a modelled call acquires."""
        kind = self.knowledge.kind(kind_id)
        parent = self._parent(op, model, receiver, state)
        self.note_overlap(op, kind, parent, state)
        freeing = self._freeing(kind, parent, state)
        is_free = freeing is not None or self._is_freed_by_name(op, model, kind, parent)
        is_guess = receiver is not None and self.root_of(receiver.rid, state) in self.units.guessed
        telling = self.knowledge.telltales() | self.knowledge.named_telltales() if is_guess else frozenset()
        is_guess = is_guess and telling.isdisjoint(model.names)
        status = Status(
            kind_id,
            owed=(kind is None or kind.duty is not Duty.NONE) and not is_free and not is_guess,
            autocommit=self._autocommit(op, kind, parent, state),
            parts_mode=self._parts_mode(op, kind, parent, state),
            outlives=freeing is not None and not state.resources[freeing].owed,
            used=kind is None or not kind.is_lazy,
            parent=parent,
            keeps_parent=kind is not None and kind.keeps_parent,
            goes_with_parent=self._goes_with(parent, kind, state),
        )
        return self.acquire_as(op, status, state)

    def note_overlap(self, op: ir.CallOp, kind: Kind | None, parent: Rid | None, state: State) -> None:
        """Note where something is taken from a shared owner while another of its kind, taken before, is still held."""
        owner_status = state.status(parent) if parent is not None else None
        owner = self.kind_of(owner_status)
        if kind is not None and parent is not None and owner is not None and self._is_shared(owner, parent, state):
            self.note_taken(op, kind, parent, state)

    def _is_shared(self, owner: Kind, rid: Rid, state: State) -> bool:
        """Whether something is a pool, or makes sessions that take from one, as far as is known."""
        if owner.family != "factory":
            return owner.is_pool
        status = state.resources[rid]
        pool = self.kind_of(state.status(status.parent)) if status.parent is not None else None
        return pool.is_pool if pool is not None else not status.unpooled

    def note_taken(
        self,
        op: ir.CallOp,
        kind: Kind,
        owner: Rid,
        state: State,
        *,
        inner: cst.CSTNode | None = None,
        ended: Collection[Rid] = (),
    ) -> None:
        """Something of a kind is taken from an owner of many: by the call, or by what it calls, at *inner*.

        *ended* are those whose unit of work the callee ends, before that as far as is known. Of several owners in one
        container each may be another one.
        """
        if kind.duty is Duty.NONE or owner[0][-1] == PLACE:
            return
        self.taken.setdefault((owner, kind.id), inner or op.node)
        if op.index in self.overlaps:
            return
        for rid, status in state.resources.items():
            if status.phase != "open" or rid[0][0] == op.index or rid[0] not in self.sites:
                continue
            other = self.knowledge.kind(status.kind)
            if other is not None and other.is_lazy and (not status.holds or rid in ended):
                continue
            is_alike = other is not None and (other.family == kind.family or {other.family, kind.family} == _CONNECTED)
            is_taken = status.parent == owner and status.owed and is_alike
            is_lent = rid[0][0] == "managed" and rid[0][1] != op.index and owner in self.lent_from.get(rid[0][1], ())
            is_lent = is_lent and other is not None and not other.is_pool
            is_lent = is_lent and not self._is_lent_again(rid[0][1], op, owner, inner)
            if is_taken or is_lent:
                self.overlaps[op.index] = Overlap(op.node, kind, self.sites[rid[0]].node, inner)
                return

    def _is_lent_again(self, manager: object, op: ir.CallOp, owner: Rid, inner: cst.CSTNode | None) -> bool:
        """Whether a manager of an object takes something at *inner* for its outermost block alone: here it does not."""
        lent = self.lent_again.get(manager)
        if lent is None or all(node is not inner for node in lent[0].nodes):
            return False
        other = self.lent_again.get(op.index)
        if other is not None and _are_two(lent[1], other[1]):
            return False
        # What all objects take from tells nothing of which of them is asked.
        return owner[0][0] != "global"

    def acquire_as(
        self, op: ir.CallOp, status: Status, state: State, *, number: int = 0, maker: str | None = None
    ) -> Ref:
        """Add a resource at this call; an earlier one of the same call that is still open is kept apart.

        *number* tells several resources of one call apart; *maker* is the function of this module that opened it.
        """
        site: SiteKey = (op.index, number)
        rid: Rid = (site, 0)
        old = state.resources.get(rid)
        if old is not None and old.phase == "open" and old.owed:
            self._push_back(rid, state, op.target)
        if site not in self.sites:
            kind = self.knowledge.kind(status.kind)
            self.sites[site] = Site(op.node, status.kind, maker=maker)
            if kind is not None and kind.ambient_methods:
                self.units.ambient.append(rid)
        state.resources[rid] = status
        if status.owed:
            state.note(op.node, "acquire", site)
        return Ref(rid)

    def _freeing(self, kind: Kind | None, parent: Rid | None, state: State) -> Rid | None:
        """Return what a resource was made with, itself or by way of a factory, so that it holds nothing of its own."""
        seen: set[Rid] = set()
        while kind is not None and parent is not None and parent not in seen:
            seen.add(parent)
            status = state.status(parent)
            owner = self.kind_of(status)
            if status is None or owner is None or owner.family in kind.free_with:
                return parent if owner is not None else None
            parent = status.parent if owner.duty is Duty.NONE and owner.keeps_parent else None
        return None

    def _is_freed_by_name(self, op: ir.CallOp, model: CallModel, kind: Kind | None, parent: Rid | None) -> bool:
        """Whether something unknown that a resource is made with has the name of what it holds nothing beside."""
        if kind is None or parent is not None or not isinstance(model.parent, Argument):
            return False
        operand = self.argument(op, model.parent)
        name = dotted_name(operand) if operand is not None else None
        if name is None or name.startswith("$") or "con" not in name.rpartition(".")[2].lower():
            return False
        return not self.knowledge.families_named(name.rpartition(".")[2]).isdisjoint(kind.free_with)

    def _goes_with(self, parent: Rid | None, kind: Kind | None, state: State) -> bool:
        """Whether a resource is released when its parent is."""
        status = state.status(parent) if parent is not None else None
        owner = self.kind_of(status)
        return kind is None or (kind.closed_with_parent and (owner is None or owner.family not in kind.outlives))

    def _push_back(self, rid: Rid, state: State, target: str) -> None:
        """The site acquires again: what it acquired before becomes "an earlier one"."""
        older: Rid = (rid[0], 1)
        self.has_older = True
        previous = state.resources.get(older)
        state.set_name(target, None)
        is_owed = previous is not None and previous.phase == "open" and previous.owed
        if (
            previous is not None
            and is_owed
            and older not in state.reached()
            and not self.may_be_covered(previous, state)
        ):
            if previous.used and not self.is_covered(previous, state):
                self.lost.append(Lost(older, previous, state.copy(), is_overwritten=True))
            state.drop(older)
        state.resources[older] = state.resources.pop(rid)
        names = Names({rid: older})
        state.env = {name: renamed(value, names) for name, value in state.env.items()}
        state.boxes = {
            box: tuple(dict.fromkeys(renamed(value, names) for value in held)) for box, held in state.boxes.items()
        }
        for other, status in list(state.resources.items()):
            if status.parent == rid:
                state.resources[other] = status._replace(parent=older)

    def _autocommit(self, op: ir.CallOp, kind: Kind | None, parent: Rid | None, state: State) -> bool | None:
        """Return the mode of what is acquired: that which its owner gives it, or its arguments do."""
        if kind is None or kind.autocommit is not False:
            return kind.autocommit if kind is not None else None
        owner = self._deciding(parent, state)
        return owner.parts_mode if owner is not None else self._mode(op, False, kind.autocommit_arguments, state)

    def _deciding(self, parent: Rid | None, state: State) -> Status | None:
        """Return an owner that decides about the mode of what it hands out."""
        owner = state.status(parent) if parent is not None else None
        kind = self.kind_of(owner)
        return owner if kind is not None and kind.parts_autocommit is not None else None

    def _parts_mode(self, op: ir.CallOp, kind: Kind | None, parent: Rid | None, state: State) -> bool | None:
        """Return the mode of what the thing that is acquired will hand out."""
        if kind is None or kind.parts_autocommit is None:
            return None
        if isinstance(op.node, cst.Call) and self.types.modes.is_up_to_class(kind, op.node, self.function):
            return None
        owner = self._deciding(parent, state)
        if owner is not None and owner.parts_mode is not False:
            return owner.parts_mode
        return self._mode(op, kind.parts_autocommit, kind.parts_autocommit_arguments, state)

    def _mode(self, op: ir.CallOp, default: bool, conditions: tuple[Condition, ...], state: State) -> bool | None:
        for condition in conditions:
            holds = self._holds(condition, op, state)
            if holds is not False:
                return True if holds else None
        return default

    def give(self, op: ir.CallOp, model: CallModel, receiver: Ref | None, state: State) -> Ref:
        """Hand out something that owes nothing, tied to its parent."""
        assert model.gives is not None
        site = ("given", op.index)
        kind = self.knowledge.kind(model.gives)
        if site not in self.sites:
            self.sites[site] = Site(op.node, model.gives)
        parent = self._parent(op, model, receiver, state)
        if parent is None and receiver is not None and kind is not None and kind.events_on == "parent":
            parent = receiver.rid
        autocommit = kind.autocommit if kind is not None else None
        keeps = kind is not None and kind.keeps_parent
        goes = self._goes_with(parent, kind, state)
        state.resources[(site, 0)] = Status(
            model.gives,
            owed=False,
            parent=parent,
            autocommit=autocommit,
            parts_mode=self._parts_mode(op, kind, parent, state),
            keeps_parent=keeps,
            goes_with_parent=goes,
        )
        return Ref((site, 0))


def _is_of_exit(function: FunctionInfo) -> bool:
    """Whether a method runs as a block on its object ends: `__exit__`, or one that this calls on the object."""
    owner = function.owner
    found = (owner.find_method(name) for name in ("__exit__", "__aexit__")) if owner is not None else ()
    return any(each is not None and (each is function or function.name in each.attributes) for each in found)


def _are_two(one: Collection[Receiver], other: Collection[Receiver]) -> bool:
    """Whether methods are called on two objects that have both been made here, whichever path comes to the calls."""
    first, second = {_made_at(each) for each in one}, {_made_at(each) for each in other}
    return None not in first | second and first.isdisjoint(second)


def _made_at(receiver: Receiver) -> SiteKey | None:
    """Return what tells an object that was made here from the others; None for one that came from elsewhere."""
    outside = receiver.outside() if isinstance(receiver, Instance) else receiver
    return outside.root if isinstance(outside, Outside) and outside.root[0] == "made" else None
