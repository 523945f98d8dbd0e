"""Loops over something: each round takes one element, and reading the next one may fail, wait, or be the end."""

from __future__ import annotations

from lintdb.effects import Form
from lintdb.flow import ir
from lintdb.flow.calls import Calls
from lintdb.flow.sites import BYPASSED
from lintdb.flow.state import State
from lintdb.flow.values import NOT_NONE, TRUE, TRUTHY, Box, Coroutine, Data, Literal, Many, Raised, Ref, Value, one_of


class Iterations(Calls):
    """Runs one step of a loop."""

    def _read(self, t: ir.Iterate, value: Value | None, state: State) -> None:
        """Getting one more element may fail, and may wait."""
        raised = Raised()
        if isinstance(value, Ref):
            state.use(value.rid)
            if not t.is_async:
                self.note_reading(value, t.node, state)
            status = state.status(value.rid)
            error = self.knowledge.error_class(status.kind.partition(".")[0]) if status is not None else None
            raised = Raised(error)
        if not isinstance(value, (Literal, Data)) and not (t.is_held and value in (None, NOT_NONE, TRUTHY)):
            failing = state
            if isinstance(value, Ref) and self._ends_when_read(value, state):
                # It is closed when reading it fails, too.
                failing = state.copy()
                self.release(value.rid, failing, None)
            self.throw(failing, t.node, raised, by="iteration")

    def iterate(self, t: ir.Iterate, state: State) -> None:
        """Take both ways from the head of a loop: into one more round, and behind it."""
        value = self.rows_behind(self.as_tuple(self.value(t.operand, state), state), state)
        self.check_read(value, t.node, state)
        if t.is_async and isinstance(value, Coroutine):
            self._read_unawaited(value, state)
        item: Value | None = None
        skip_done = False
        if isinstance(value, (Box, Many)):
            contents = state.boxes.get(value.id, ()) if isinstance(value, Box) else value.items
            item = None if isinstance(value, Many) and value.makes_others else one_of(contents)
            for rid in state.refs(value):
                status = state.status(rid)
                if status is not None and status.phase == "open" and status.visited != t.index:
                    skip_done = True
            for raised, low in value.failures if isinstance(value, Many) else ():
                thrown = self.throw(state, t.node, raised, is_low=low >= BYPASSED, by="iteration")
                if thrown is not None:
                    thrown.make_unlikely(low)
        else:
            self._read(t, value, state)
        self.note_rows(t.node, value, state)
        if not skip_done and not self._goes_on(t, state):
            done = state.copy()
            if isinstance(value, Ref) and self._ends_when_read(value, state):
                self.release(value.rid, done, None)
            done.note(t.node, "done")
            self.go(t.done, done)
        more = state.copy()
        if isinstance(value, (Box, Many)):
            for rid in state.refs(value):
                more.visit(rid, t.index)
        self._fill(t, more)
        more.set_name(t.target, item)
        self._enter_round(t, more)
        self.go(t.body, more)

    def _read_unawaited(self, value: Coroutine, state: State) -> None:
        """`async for row in conn.execute(query)`: some of what can be awaited or entered needs neither."""
        model = self.calls[value.call].model if value.call in self.calls else None
        if model is not None and model.form is Form.AWAIT_OR_WITH:
            state.update(value.rid, phase="released")

    def _fill(self, t: ir.Iterate, state: State) -> None:
        """There is an element, so that what it comes from is not empty."""
        if t.over in self.relevant_keys:
            state.facts[t.over] = True
        for name in {t.over, t.operand.name if isinstance(t.operand, ir.Local) else ""} - {""}:
            value = state.env.get(name)
            is_open = value in (None, NOT_NONE) or (type(value) is Data and name in self.tested)
            if is_open and "." not in name and "[" not in name:
                state.set_name(name, TRUTHY)

    @staticmethod
    def _enter_round(t: ir.Iterate, state: State) -> None:
        if t.again:
            state.set_name(t.again, None)
        if t.at_least_once:
            state.facts[_entered(t)] = True
        state.note(t.node, "next")

    @staticmethod
    def _goes_on(t: ir.Iterate, state: State) -> bool:
        """Whether there is surely another round: one at least, or one that a test has told of."""
        is_told = bool(t.again) and state.env.get(t.again) == TRUE
        return is_told or (t.at_least_once and _entered(t) not in state.facts)

    def _ends_when_read(self, value: Ref, state: State) -> bool:
        status = state.status(value.rid)
        kind = self.kind_of(status)
        return kind is not None and kind.ends_when_read


def _entered(t: ir.Iterate) -> str:
    """The fact that a loop has been entered; it is forgotten when what the loop runs over is made anew."""
    name = t.operand.name if isinstance(t.operand, ir.Local) else ""
    return f"{name} loop {t.index}"
