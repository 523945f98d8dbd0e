"""Values that are None where there is nothing: rows that are missing, and variables that nothing has filled yet."""

from __future__ import annotations

import re
from abc import ABC

import libcst as cst

from lintdb.effects import CallModel, Event, Kind, Raises
from lintdb.flow import ir
from lintdb.flow.liveness import written_names
from lintdb.flow.results import MissingRow, UnboundRelease
from lintdb.flow.sites import UNLIKELY
from lintdb.flow.state import State
from lintdb.flow.summaries import argument_for
from lintdb.flow.values import (
    DATA,
    NONE,
    TRUE,
    UNBOUND,
    Change,
    Failure,
    Literal,
    Manager,
    Query,
    Raised,
    Ref,
    Rid,
    Row,
    Value,
)
from lintdb.flow.verdicts import path_of
from lintdb.flow.waits import Waits
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import is_same_code, walk

FAILURE = "$.failure"
"""The name under which a path keeps that it fails on something missing; it has a dot so that it is not forgotten."""
LOOKED = "$.looked"
"""A name that is bound once a path has found nothing: what it fetches later it may have made itself.

So too after a call whose value nobody wants, of a function that raises where it finds nothing: then it is there.
"""
FILLED = "$.filled."
"""What names begin with that are bound once a path has put something into a table; then comes the table."""


_GIVES = "$.gives."
"""What names begin with that are bound to the number of a write whose rows come next; then comes what has them."""


class Rows(Waits, ABC):
    """Follows values that may be None for want of a row."""

    def note_answer(
        self, op: ir.CallOp, model: CallModel, receiver: Ref | None, result: Value | None, state: State
    ) -> str:
        """Remember on a resource what the query that it has just run gives; return that."""
        answer = self._answer(op, model, receiver, state)
        if model.sql is not None and receiver is not None:
            self._note_giving(op, model, receiver, state)
        if answer:
            for each in (receiver, result):
                if isinstance(each, Ref):
                    state.update(each.rid, answer=answer)
        return answer

    def _note_giving(self, op: ir.CallOp, model: CallModel, receiver: Ref, state: State) -> None:
        """Remember whether the rows that come next are those that a write gives of what it has changed."""
        operand = self.argument(op, model.sql) if model.sql is not None else None
        value = self.value(operand, state) if operand is not None else None
        text = value.value if isinstance(value, Literal) else None
        gives = isinstance(text, str) and re.search(r"\breturning\b", text, re.IGNORECASE) is not None
        state.set_name(f"{_GIVES}{receiver.rid}", Literal(op.index) if gives else None)

    def _answer(self, op: ir.CallOp, model: CallModel, receiver: Ref | None, state: State) -> str:
        if model.sql is None:
            method = self.calls[op.index].method if op.index in self.calls else ""
            is_of_same_rows = self.knowledge.keeps_rows(method)
            if model.gives is not None and not is_of_same_rows and any(is_computed(a.operand) for a in op.arguments):
                return "unknown"  # `session.query(func.count())`
            made = self.knowledge.kind(model.gives) if model.gives is not None else None
            if made is not None and made.reads_all and not made.gives_answers:
                return "every"  # `session.query(User)`
            status = state.status(receiver.rid) if receiver is not None else None
            if status is None or model.gives is None:
                return ""
            is_less = status.answer == "every" and not is_of_same_rows
            return status.answer if model.gives != "self" else "perhaps" if is_less else ""
        operand = self.argument(op, model.sql)
        value = self.value(operand, state) if operand is not None else None
        if isinstance(value, Query):
            return value.answer
        if isinstance(value, Literal) and isinstance(value.value, str):
            # What fills a hole may be anything, a call of an aggregate among it.
            text = "".join([value.value, *(piece if isinstance(piece, str) else "hidden()" for piece in value.rest)])
            answer = self.knowledge.answer_of_text(text, value.is_prefix and not value.rest)
            filled, asked = self.knowledge.tables_of_text(text)
            for table in filled:
                state.set_name(FILLED + table, TRUE)
            # What has just been put there is there.
            return "unknown" if asked and FILLED + asked in state.env else answer
        return "unknown"

    def note_event(self, op: ir.CallOp, event: Event | None) -> None:
        """Remember what a call does to the unit of work."""
        if event is not None and not self.is_for_caller:
            self.values_seen.events.setdefault(id(op.node), event)

    def note_reading(self, value: Ref, node: cst.CSTNode, state: State) -> None:
        """Iterating something whose making has sent nothing: the wait is here."""
        number = value.rid[0][1] if value.rid[0][0] == "given" else value.rid[0][0]
        made_by = self.calls.get(number) if isinstance(number, int) else None
        status = state.status(value.rid)
        kind = self.kind_of(status)
        if made_by is None or made_by.model.blocking or kind is None or not kind.iterable:
            return
        if any(model.blocking for models in kind.methods.values() for model in models):
            self.values_seen.readings.setdefault(id(node), node)

    def note_reading_all(self, op: ir.CallOp, read: Ref | None, answer: str, state: State) -> None:
        """All that a query gives is brought into memory: remember where, if nothing bounds how much that is.

        *answer* is what the call itself gives, if it runs a query; else what is *read* tells.
        """
        status = state.status(read.rid) if read is not None else None
        kind = self.kind_of(status)
        if status is None or kind is None or self.is_for_caller:
            return
        call = self.calls.get(op.index)
        if (call is None or call.method in kind.reads_all) and (answer or status.answer) == "every":
            self.values_seen.read_whole.setdefault(id(op.node), op.node)

    def note_question(self, op: ir.CallOp, model: CallModel, receiver: Ref | None, state: State) -> None:
        """A query object is asked something else than a row, such as how many there are: the path may know by now."""
        kind = self.kind_of(state.status(receiver.rid) if receiver is not None else None)
        if kind is None or kind.gives_answers or _asks(kind) or model.may_return_none:
            return
        if model.event is Event.READ and model.gives is None:
            state.note(op.node, "asked")

    def narrowed(self, query: Query, method: str) -> Query:
        """Return what a method makes of a query that has not been run: it bounds the rows, unless known not to."""
        is_whole = query.answer == "every" and not self.knowledge.keeps_rows(method)
        return Query(query.event, "perhaps") if is_whole else query

    def row(self, op: ir.CallOp, model: CallModel, receiver: Ref | None, answer: str, state: State) -> Value:
        """Return what a call that gives None for want of a row gives, as far as the query tells."""
        if model.sql is None:
            status = state.status(receiver.rid) if receiver is not None else None
            kind = self.kind_of(status)
            if status is None or kind is None:
                return DATA
            answer = status.answer if kind.gives_answers or not _asks(kind) else ""
            if not answer and kind.gives_answers:
                answer = "unknown"
        is_guess = receiver is not None and self.root_of(receiver.rid, state) in self.units.guessed
        is_known = LOOKED in state.env or self._is_known_by_now(op, receiver, state)
        changed = self._changed_by(receiver, state)
        if changed is not None and model.gives_column and not self._gives_key(state.resources[changed].pending):
            changed = None  # a column may be null, or false, in a row that is there
        if answer in ("row", "unknown") or is_guess or is_known:
            return Change(changed) if changed is not None else DATA
        self.values_seen.rows.setdefault(op.index, op.node)
        state.note(op.node, "row", op.index)
        return Row(op.index, of=changed)

    def _gives_key(self, index: int) -> bool:
        """Whether a statement that has run gives a column that is null in no row."""
        op = self.operations.get(index)
        return op is not None and self.knowledge.returns_key(self.index.code_of(op.node))

    def _changed_by(self, read: Ref | None, state: State) -> Rid | None:
        """Return what the statement whose rows are *read* has changed, if nothing else is pending there."""
        root = self.root_of(read.rid, state) if read is not None else None
        status = state.status(root) if root is not None else None
        if read is None or status is None or status.pending < 0:
            return None
        given = state.env.get(f"{_GIVES}{read.rid}")
        numbers = [given.value] if isinstance(given, Literal) else []
        rid: Rid | None = read.rid
        while rid is not None and rid != root:
            numbers.append(rid[0][1] if rid[0][0] == "given" else rid[0][0])
            rid = state.resources[rid].parent if rid in state.resources else None
        return root if status.pending in numbers else None

    def _is_known_by_now(self, op: ir.CallOp, receiver: Ref | None, state: State) -> bool:
        """Whether the path has asked before whether there is a row: by a call, or by the truth of the query."""
        kind = self.kind_of(state.status(receiver.rid)) if receiver is not None else None
        is_tested = kind is not None and kind.truth_reads and _is_tested_before(op.node, state)
        return is_tested or _is_asked_again(op.node, state)

    def need(self, op: ir.NeedOp, state: State) -> list[State] | None:
        """Something is done with a value that fails where it is None."""
        value = self.value(op.operand, state)
        if not isinstance(value, Row):
            return None
        if _is_being_read(self.values_seen.rows.get(value.call), state):
            return None
        if value.call in self.values_seen.rows and value.call not in self.values_seen.missing_rows:
            self._fail(Failure(value.call, op.node, op.error), state, value.is_missing)
        if value.is_missing:
            return []
        if isinstance(op.operand, ir.Local):
            state.env[op.operand.name] = DATA
        return None

    def _fail(self, failure: Failure, state: State, data: object) -> None:
        """Take the path on which something is not there: only whether somebody handles that matters to it."""
        if self.is_for_caller:
            return
        new = State()
        new.kept = state.kept.copy()
        new.env = {name: value for name, value in state.env.items() if isinstance(value, Manager) and value.types}
        new.low = state.low
        new.trace = state.trace
        new.note(failure.node, "used", data)
        new.raised = Raised(failure.error, True)
        new.set_name(FAILURE, failure)
        if self.block.landing == self.cfg.raise_exit:
            self.check_failure(new)
        else:
            self.go(self.block.landing, new)

    def check_failure(self, state: State) -> None:
        """A path has left the function with an exception: is it that of something missing, which nobody expected?"""
        failure = state.env.get(FAILURE)
        if not isinstance(failure, Failure) or state.raised is None or state.raised.type != failure.error:
            return
        path = path_of(state)
        data = next((step.data for step in reversed(path) if step.what == "used"), None)
        if isinstance(failure.what, int):
            found = MissingRow(failure.node, self.values_seen.rows[failure.what], data is True, path)
            self.values_seen.missing_rows.setdefault(failure.what, found)
        else:
            kinds = {site.kind for site in self.sites.values() if site.name == failure.what}
            kind = self.knowledge.kind(kinds.pop()) if len(kinds) == 1 else None
            release = UnboundRelease(
                failure.node, failure.what, str(data), failure.error == "AttributeError", kind, path
            )
            self.values_seen.unbound_releases.setdefault(failure.what, release)

    def forget_tested(self, op: ir.CallOp, info: FunctionInfo, state: State) -> None:
        """A function of the project that was given a row and tests it has come back: there is one."""
        for param in info.params:
            operand = argument_for(info, param.name.value, op.arguments)
            is_row = isinstance(operand, ir.Local) and isinstance(state.env.get(operand.name), Row)
            if is_row and isinstance(operand, ir.Local) and _tests(info, param.name.value):
                state.env[operand.name] = DATA

    def forget_missing(self, state: State) -> None:
        """Unknown code was called where a row is missing: it may be how the function is left (`abort(404)`)."""
        for name, value in list(state.env.items()):
            if isinstance(value, Row) and value.is_missing:
                del state.env[name]

    def mark_unbound(self, state: State) -> None:
        """Note which variables that clean-up uses have no value yet."""
        if self.is_for_caller or self.function.is_module:
            return
        params = {param.name.value for param in self.function.params}
        names = {
            operation.callee.base.name
            for block in self.cfg.blocks
            for operation in block.operations
            if isinstance(operation, ir.CallOp)
            and operation.in_cleanup
            and isinstance(operation.callee, ir.AttributeOf)
            and isinstance(operation.callee.base, ir.Local)
        }
        for name in (names & written_names(self.cfg)) - params - self.function.outer:
            state.env.setdefault(name, UNBOUND)

    def check_bound(self, op: ir.CallOp, callee: ir.AttributeOf, state: State) -> None:
        """Clean-up calls a method of a variable: has it a value?"""
        if not op.in_cleanup or self.is_for_caller or not isinstance(callee.base, ir.Local) or state.low >= UNLIKELY:
            return
        name = callee.base.name
        value = state.env.get(name)
        if name in self.values_seen.unbound_releases or not self.knowledge.is_clean_up(callee.name):
            return
        if value == UNBOUND:
            self._fail(Failure(name, op.node, "UnboundLocalError"), state, callee.name)
        elif value == NONE:
            self._fail(Failure(name, op.node, "AttributeError"), state, callee.name)


def _tests(info: FunctionInfo, name: str) -> bool:
    """Whether a function makes anything depend on what a parameter is."""
    tests = [node.test for node in info.nodes if isinstance(node, (cst.If, cst.Assert, cst.IfExp))]
    return any(isinstance(node, cst.Name) and node.value == name for test in tests for node in [test, *walk(test)])


def _asks(kind: Kind) -> bool:
    """Whether methods of a kind run queries that they are given; what cannot fail only puts one together."""
    calls = [model for models in kind.methods.values() for model in models if model.sql is not None]
    return any(model.raises is not Raises.NEVER for model in calls)


def is_computed(operand: ir.Operand) -> bool:
    """Whether an operand is the result of a call."""
    return isinstance(operand, ir.Local) and operand.name.startswith("$t")


def _is_asked_again(node: cst.CSTNode, state: State) -> bool:
    """Whether the path has put the same question before, in the same words: it has dealt with there being no answer.

    So it has if it has asked the same query object something else.
    """
    if not isinstance(node, cst.Call):
        return False
    # A call without arguments on a name does not say what was asked.
    says_what = bool(node.args) or isinstance(getattr(node.func, "value", None), cst.Call)
    trace = state.trace
    while trace is not None:
        before = trace[1]
        if before is not node and isinstance(before, cst.Call):
            if trace[2] == "row" and says_what and is_same_code(before, node):
                return True
            if trace[2] == "asked" and is_same_code(_receiver_of(before), _receiver_of(node)):
                return True
        trace = trace[0]
    return False


def _is_tested_before(node: cst.CSTNode, state: State) -> bool:
    """Whether a test on the path was about the receiver of a call, or about its length."""
    receiver = _receiver_of(node) if isinstance(node, cst.Call) else None
    trace = state.trace
    while trace is not None and receiver is not None:
        test = trace[1]
        is_test = trace[2] in ("true", "false")
        parts = [test, *walk(test)] if is_test and isinstance(test, cst.BaseExpression) else []
        if any(isinstance(each, type(receiver)) and each.deep_equals(receiver) for each in parts):
            return True
        trace = trace[0]
    return False


def _is_being_read(call: cst.CSTNode | None, state: State) -> bool:
    """Whether the path is, or has been, in a loop over the query object whose first row a call has asked for."""
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
        return False
    trace = state.trace
    while trace is not None:
        step = trace[1]
        if trace[2] == "next" and is_same_code(step, call.func.value):
            return True
        trace = trace[0]
    return False


def _receiver_of(call: cst.Call) -> cst.BaseExpression:
    return call.func.value if isinstance(call.func, cst.Attribute) else call.func
