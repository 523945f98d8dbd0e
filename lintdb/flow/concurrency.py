"""What runs at some other time than where it is written, or on another thread: coroutines, tasks, `to_thread`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace

from lintdb.flow import ir
from lintdb.flow.sharings import Sharings
from lintdb.flow.state import State
from lintdb.flow.stdlib import STARTS_COROUTINES
from lintdb.flow.values import NONE, Box, Coroutine, Many, Method, Name, Ref, Value


class Concurrency(Sharings, ABC):
    """Runs coroutines where they are awaited, and functions where somebody else calls them and is waited for."""

    @abstractmethod
    def call(self, op: ir.CallOp, state: State) -> list[State] | None:
        """Run one call; return the states after it, or None where *state* itself goes on."""

    def call_elsewhere(self, op: ir.CallOp, position: int, state: State) -> list[State] | None:
        """`to_thread(function, *arguments)`: what is called is the argument at *position*."""
        if len(op.arguments) <= position or any(a.star or a.keyword for a in op.arguments[: position + 1]):
            return self.unknown_call(op, state)
        callee = op.arguments[position].operand
        inner = replace(
            op,
            callee=callee,
            dotted=callee.name if isinstance(callee, ir.Dotted) else None,
            arguments=op.arguments[position + 1 :],
            is_elsewhere=True,
        )
        return self.call(inner, state)

    def never_called(self, op: ir.CallOp, state: State) -> list[State] | None:
        """`to_thread(conn.close)` as a statement: a coroutine that nobody awaits, so that nothing is called."""
        callee = self.first_argument(op, state)
        held = callee.receiver if isinstance(callee, Method) else None
        kind = self.kind_of(state.status(held.rid)) if isinstance(held, Ref) else None
        models = kind.methods.get(callee.name, ()) if kind is not None and isinstance(callee, Method) else ()
        if models or (isinstance(callee, Name) and self.knowledge.function(callee.dotted)):
            is_release = any(model.releases == "self" for model in models)
            self.make_coroutine(op, held if is_release else None, state, owes=True)
        return None

    def makes_coroutines(self, op: ir.CallOp, state: State) -> bool:
        """`map(function, values)`: whether it makes a coroutine for each value; if so, the result stands for them."""
        made = state.copy()
        given = tuple(ir.CallArgument(ir.UNKNOWN, None, "") for _ in op.arguments[1:])
        coroutine = self.made_coroutine(replace(op, arguments=(*op.arguments[:1], *given)), made)
        if coroutine is None:
            return False
        state.resources[coroutine.rid] = made.resources[coroutine.rid]._replace(phase="released")
        state.boxes[op.index] = (coroutine,)
        state.set_name(op.target, Box(op.index))
        return True

    def made_coroutine(self, op: ir.CallOp, state: State) -> Coroutine | None:
        """`group.start_soon(function, *arguments)`: the coroutine that the function makes, in this state; else None."""
        callee = op.arguments[0].operand if op.arguments else ir.UNKNOWN
        function = self.index.find_function(callee.name, self.function) if isinstance(callee, ir.Local) else None
        if isinstance(callee, ir.AttributeOf) and isinstance(callee.base, ir.Local) and self.is_self(callee.base.name):
            owner = self.owner_class()
            function = owner.find_method(callee.name) if owner is not None else None
        method = self.value(callee, state)
        is_method = isinstance(method, Method) and self.is_coroutine(method, state)
        if not is_method and (function is None or not function.is_async):
            return None
        self.call(replace(op, callee=callee, dotted=None, arguments=op.arguments[1:]), state)
        coroutine = state.env.get(op.target)
        return coroutine if isinstance(coroutine, Coroutine) else None

    def gather(self, op: ir.CallOp, state: State) -> list[State] | None:
        """`gather(*coroutines)`: awaiting it awaits each of them."""
        values = [self.value(argument.operand, state) for argument in op.arguments]
        held: list[Value | None] = []
        for argument, value in zip(op.arguments, values, strict=True):
            if argument.star == "*" and isinstance(value, Box):
                held.extend(state.held_in(value.id))
            elif argument.star == "*" and isinstance(value, Many):
                held.extend(value.items)
            else:
                held.append(value)
        coroutines = [value for value in held if isinstance(value, Coroutine)]
        if not coroutines or len(coroutines) < len(held):
            return self.unknown_call(op, state)
        self.note_started(op, coroutines)
        state.set_name(op.target, Many(tuple(coroutines), not any(argument.star for argument in op.arguments)))
        return None

    def note_started(self, op: ir.CallOp, coroutines: Iterable[Coroutine]) -> None:
        """`gather(*coroutines)`, `shield(coroutine)`: they run, whether or not somebody waits for them."""
        if op.dotted in STARTS_COROUTINES:
            self.values_seen.started_by.update((each.rid[0], op.node) for each in coroutines)

    def run_aside(self, op: ir.CallOp, value: Coroutine, state: State) -> list[State] | None:
        """`create_task(coroutine)`: it will run, but not by now: what it releases may be open for a while."""
        before = state.copy()
        # What goes wrong in it is raised where it is awaited, not here.
        with self.nothing_raises():
            results = self.await_coroutine(op, value, state)
        if results == []:
            # Who starts a loop without an end does not wait for one.
            before.update(value.rid, phase="released")
            results = [before]
        for each in results if results is not None else [state]:
            for rid in set(each.refs(value.inner)):
                each.doubt(rid)
        return results

    def await_coroutine(self, op: ir.AwaitOp | ir.CallOp, value: Coroutine, state: State) -> list[State] | None:
        """`await coroutine`: now it happens."""
        state.update(value.rid, phase="released")
        call = self.operations.get(value.call)
        model = self.calls[value.call].model if value.call in self.calls else None
        if call is None or model is None:
            pending = self.pending_calls.get(value.call)
            if pending is not None:
                return self.apply_summary(pending.op, pending.function, state, op.target, pending.receiver)
            self.throw(state, op.node, is_low=op.in_cleanup)
            state.set_name(op.target, None)
            return None
        receiver = value.inner if isinstance(value.inner, Ref) else None
        results = self.perform(call, model, value.inner, receiver, state, target=op.target)
        if not model.coroutine:
            for each in [state] if results is None else results:
                _rebind(value, each.env.get(op.target), each)
        return results

    def await_all(self, op: ir.AwaitOp, group: Many, state: State) -> list[State]:
        """`await gather(…)`: all of them happen; what they give comes in the same order."""
        done: list[tuple[State, tuple[Value | None, ...]]] = [(state, ())]
        for item in group.items:
            after: list[tuple[State, tuple[Value | None, ...]]] = []
            for before, given in done:
                results = self._await_item(op, item, before)
                states = [before] if results is None else results
                after += [(each, (*given, each.env.get(op.target))) for each in states]
            done = after
        for each, given in done:
            each.set_name(op.target, Many(given, group.is_sequence))
        return [each for each, _ in done]

    def _await_item(self, op: ir.AwaitOp, item: Value | None, state: State) -> list[State] | None:
        if not isinstance(item, Coroutine):
            # Nothing is known of what it gives; the name still holds what the one before it gave.
            state.set_name(op.target, None)
            return None
        made = self.calls.get(item.call)
        if made is None or made.model.releases is None:
            return self.await_coroutine(op, item, state)
        # A release that fails keeps none of the others from being made.
        state.update(item.rid, phase="released")
        for rid in list(state.refs(item.inner)):
            self.release(rid, state, made.node)
        state.set_name(op.target, NONE)
        return None


def _rebind(awaited: Coroutine, result: Value | None, state: State) -> None:
    """`thing = open(path)`, then `await thing`: awaiting such an object gives the object itself."""
    for name in [name for name, value in state.env.items() if value == awaited]:
        if name.startswith("self."):
            state.escape(result, with_parents=False)
        else:
            state.set_name(name, result)
