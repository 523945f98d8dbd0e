"""Lists, groups of values, exit stacks, and registered clean-ups: what is put into something and taken out later."""

from __future__ import annotations

from abc import ABC
from dataclasses import replace

import libcst as cst

from lintdb.effects import WithBlock
from lintdb.flow import ir
from lintdb.flow.state import FILLED, State
from lintdb.flow.stdlib import LAZY, REGROUPS, TYPES_OF
from lintdb.flow.summaries import stays
from lintdb.flow.values import (
    Box,
    Coroutine,
    Function,
    Instance,
    Literal,
    Manager,
    Many,
    Method,
    Outside,
    Partial,
    Ref,
    Table,
    Tally,
    Value,
    one_of,
)
from lintdb.flow.withs import Withs

ADDS = frozenset({"append", "add", "appendleft", "insert", "put", "put_nowait", "extend", "update", "setdefault"})
TAKES = frozenset({"pop", "popleft", "popitem", "get", "get_nowait"})
SHRINKS = frozenset({"pop", "popleft", "popitem", "remove", "discard", "clear", "get_nowait"})
VIEWS = frozenset({"values", "items", "copy"})
_ADDS_ONE = frozenset({"append", "add", "appendleft", "insert", "put", "put_nowait"})
_ENTERS = frozenset({"enter_context", "enterContext", "enterClassContext", "with_resource"})
_RUNS_COROUTINES = frozenset({"addAsyncCleanup", "push_async_callback", "push_async_exit", "enter_async_context"})
_STACK_ENTERS = frozenset({"enter_context", "enter_async_context"})
_STACK_CALLBACKS = frozenset({"callback", "push_async_callback"})
_STACK_PUSHES = frozenset({"push", "push_async_exit"})


class Containers(Withs, ABC):
    """Methods of containers that this module can see into."""

    def box_method(self, op: ir.CallOp, box: Box, name: str, state: State) -> list[State] | None:
        values = [self.value(argument.operand, state) for argument in op.arguments]
        held = state.boxes.get(box.id, ())
        if box.is_stack:
            self.account_for(self.arguments_value(op, state), state)
            return self._stack_method(op, box, name, values, state)
        if name in ADDS:
            added = [v for v in values if v is not None and not isinstance(v, (Literal, Tally))]
            # Whatever was put in, the container is not empty any more.
            state.put_in(box, *added, *((FILLED,) if name in _ADDS_ONE else ()))
            state.set_name(op.target, None)
            return None
        if name in SHRINKS:
            state.take_out(box.id)
        if name in TAKES:
            state.set_name(op.target, one_of(held))
            return None
        if name in VIEWS:
            state.set_name(op.target, replace(box, of_type=box.of_type if name == "copy" else ""))
            return None
        if name == "clear":
            state.empty(box)
            state.set_name(op.target, None)
            return None
        state.escape(Many(tuple(values)), with_parents=True)
        state.set_name(op.target, None)
        return None

    def group_method(self, op: ir.CallOp, group: Many | Table, name: str, state: State) -> list[State] | None:
        """A method of something that holds several values, or of any one of them."""
        if name in VIEWS:
            if isinstance(group, Table) and name != "keys":
                group = Many(tuple(i for _, i in group.items))
            elif isinstance(group, Many) and name != "copy":
                group = replace(group, of_type="")
            state.set_name(op.target, group)
            return None
        if isinstance(group, Table) and name in ("get", "pop") and self._take_by_key(op, group, name, state):
            return None
        items = group.items if isinstance(group, Many) else tuple(i for _, i in group.items)
        if isinstance(group, Table) or name in TAKES:
            state.escape(self.arguments_value(op, state), with_parents=True)
            self.throw(state, op.node, is_low=True)
            state.set_name(op.target, one_of(items))
            return None
        if name in ADDS:
            state.escape(self.arguments_value(op, state), with_parents=True)
        for item in items:
            if isinstance(item, Ref):
                self._release_by_name(item, name, state)
        is_done = all(status is None or status.phase != "open" for status in map(state.status, state.refs(group)))
        self.throw(state, op.node, is_low=is_done or op.in_cleanup)
        state.set_name(op.target, None)
        return None

    def _take_by_key(self, op: ir.CallOp, group: Table, name: str, state: State) -> bool:
        """`options.pop("conn", None)` of `**options`: what a caller gives under a key; afterwards it is not there.

        A dictionary that the function has made may be changed in ways that are not followed.
        """
        base = op.callee.base if isinstance(op.callee, ir.AttributeOf) else None
        node = self.function.node
        rest = node.params.star_kwarg if isinstance(node, cst.FunctionDef) else None
        if rest is None or not isinstance(base, ir.Local) or base.name != rest.name.value:
            return False
        if not stays(base.name, self.function):
            return False
        key = self.value(op.arguments[0].operand, state) if op.arguments else None
        found = [each for each, _ in group.items if isinstance(key, Literal) and each == key.value]
        if not found:
            return False
        values = dict(group.items)
        state.set_name(op.target, values.pop(found[0]))
        if name == "pop":
            state.set_name(base.name, Table(tuple(values.items())))
        return True

    def _release_by_name(self, item: Ref, name: str, state: State) -> None:
        status = state.status(item.rid)
        kind = self.kind_of(status)
        if kind is not None and any(model.releases == "self" for model in kind.methods.get(name, ())):
            self.release(item.rid, state, None)

    def combine(self, op: ir.CallOp, state: State) -> list[State] | None:
        """`list(x)`, `dict(x)`: holds what it is given, or reads rows from it."""
        held: list[Value | None] = []
        if op.dotted in LAZY:
            values = tuple(self.value(argument.operand, state) for argument in op.arguments)
            state.set_name(op.target, Many(values, is_lazy=True))
            return None
        for argument in op.arguments:
            value = self.value(argument.operand, state)
            status = state.status(value.rid) if isinstance(value, Ref) else None
            kind = self.kind_of(status)
            if kind is not None and kind.iterable and isinstance(value, Ref):
                self.check_read(value, op.node, state)
                self.note_reading(value, op.node, state)
                self.note_reading_all(op, value, "", state)
                state.use(value.rid)
                if kind.ends_when_read:
                    self.release(value.rid, state, None)
                self.throw(state, op.node, self.driver_raise(kind.driver), by="iteration")
            elif isinstance(value, Box) and op.dotted in REGROUPS:
                held.extend(state.held_in(value.id))
            elif isinstance(value, Many) and not value.is_lazy and op.dotted in REGROUPS:
                held.extend(value.items)
            else:
                self.check_read(value, op.node, state)
                held.append(value)
        of_type = "list" if op.dotted == "sorted" else op.dotted if op.dotted in TYPES_OF else ""
        state.set_name(op.target, Many(tuple(held), of_type=of_type or ""))
        return None

    def _stack_method(
        self, op: ir.CallOp, box: Box, name: str, values: list[Value | None], state: State
    ) -> list[State] | None:
        held = state.boxes.get(box.id, ())
        first = values[0] if values else None
        if name in _STACK_ENTERS and isinstance(first, (Instance, Outside)):
            method = "__aenter__" if name == "enter_async_context" else "__enter__"
            states = self.call_method(first, method, op, state, target=op.target)
            for each in states:
                each.put_in(box, first)
            return states
        if name in _STACK_ENTERS and first is not None:
            target, slot_value = self.enter_value(op, first, state)
            if slot_value is not None:
                state.put_in(box, slot_value)
            state.set_name(op.target, target)
            return None
        if name in _STACK_PUSHES and first is not None:
            is_manager = not isinstance(first, (Function, Method, Partial))
            state.put_in(box, first if is_manager else Manager("callback", Partial(first, ())))
            state.set_name(op.target, first)
            return None
        if name in _STACK_CALLBACKS:
            what = "callback" if name == "callback" else "async-callback"
            state.put_in(box, Manager(what, Partial(first, tuple(values[1:]))))
            state.set_name(op.target, first)
            return None
        if name in ("close", "aclose", "__exit__", "__aexit__"):
            self.unwind_stack(op.node, box, state, is_raise=False)
            state.set_name(op.target, None)
            return None
        if name == "pop_all":
            if box.id in state.boxes:
                state.boxes[op.index] = held
                state.empty(box)
            state.set_name(op.target, Box(op.index, is_stack=True))
            return None
        if name in ("__enter__", "__aenter__"):
            state.set_name(op.target, box)
            return None
        return self.unknown_call(op, state)

    def register(self, op: ir.CallOp, name: str, state: State) -> list[State] | None:
        """`stack.callback(conn.close)`, `self.addCleanup(conn.close)`: the resource is in good hands."""
        self.account_for(self.arguments_value(op, state), state)
        value = self.first_argument(op, state)
        entered: Value | None = None
        if isinstance(value, (Coroutine, Manager)):
            entered = self.enter_value(op, value, state)[0]
            state.escape(value, with_parents=True)
        if isinstance(value, Ref):
            entered = value
            if name in _ENTERS and self._keeps_open(value, state):
                # The block that it will leave does not release it.
                state.update(value.rid, kept=True)
                state.set_name(op.target, value)
                return None
        if isinstance(value, Method) and name not in _RUNS_COROUTINES and self.is_coroutine(value, state):
            # Nobody will await what the registered method returns.
            self.throw(state, op.node, is_low=True)
            state.set_name(op.target, None)
            return None
        state.escape(self.arguments_value(op, state), with_parents=True)
        if isinstance(entered, Ref):
            state.escape(entered, with_parents=True)
        self.throw(state, op.node, is_low=True)
        state.set_name(op.target, entered)
        return None

    def _keeps_open(self, value: Ref, state: State) -> bool:
        status = state.status(value.rid)
        kind = self.kind_of(status)
        return kind is not None and kind.with_block in (WithBlock.COMMIT, WithBlock.KEEP)

    def is_coroutine(self, value: Method, state: State) -> bool:
        """Whether what a method of a resource returns has to be awaited."""
        status = state.status(value.receiver.rid) if isinstance(value.receiver, Ref) else None
        kind = self.kind_of(status)
        models = kind.methods.get(value.name, ()) if kind is not None else ()
        return bool(models) and all(model.coroutine for model in models)
