"""What a call does to the state: modelled calls, functions of this module, wrappers, containers, and unknown callees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from lintdb.effects import Argument, CallModel, Condition, Duty, Event, Form, Kind, Raises, WithBlock
from lintdb.finding import Confidence
from lintdb.flow import ir
from lintdb.flow.results import FailedUnit, KnownCall
from lintdb.flow.state import State
from lintdb.flow.stdlib import (
    ACLOSING,
    AWAITS_FIRST,
    CLOSING,
    COMBINES,
    EXIT_STACKS,
    MILD_FUNCTIONS,
    MILD_METHODS,
    NULLCONTEXT,
    PASSES_THROUGH,
    REGISTER_METHODS,
    REGISTERS,
    SUPPRESS,
    SWALLOWING_METHODS,
    SWALLOWS,
)
from lintdb.flow.values import (
    TRUE,
    Box,
    Coroutine,
    Function,
    Instance,
    Literal,
    Manager,
    Many,
    Method,
    Name,
    Partial,
    Query,
    Raised,
    Ref,
    Rid,
    Status,
    Table,
    Value,
)

if TYPE_CHECKING:
    from lintdb.flow.follow import Follower

_ADDS = frozenset({"append", "add", "appendleft", "insert", "put", "put_nowait", "extend", "update", "setdefault"})
_TAKES = frozenset({"pop", "popleft", "popitem", "get", "get_nowait", "values", "items", "copy"})
_ENTERS = frozenset({"enter_context", "enterContext", "enterClassContext"})
_RUNS_COROUTINES = frozenset({"addAsyncCleanup", "push_async_callback", "push_async_exit", "enter_async_context"})
_STACK_ENTERS = frozenset({"enter_context", "enter_async_context"})
_STACK_CALLBACKS = frozenset({"callback", "push_async_callback"})
_STACK_PUSHES = frozenset({"push", "push_async_exit"})

if TYPE_CHECKING:
    _Base = Follower
else:
    _Base = object


class CallMixin(_Base):
    """The call semantics of `Follower`."""

    def call(self, op: ir.CallOp, state: State) -> list[State] | None:
        """Run one call; return the states after it, or None where *state* itself goes on."""
        if op.dotted == "$decorator":
            state.escape(self.value(op.arguments[0].operand, state), with_parents=False)
            return None
        callee = op.callee
        if isinstance(callee, ir.AttributeOf):
            return self._method_call(op, callee, state)
        if op.dotted is not None:
            return self._dotted_call(op, op.dotted, state)
        if isinstance(callee, ir.Local):
            bound = state.env.get(callee.name)
            if bound is None:
                found = self.index.find_function(callee.name, self.function)
                if found is not None:
                    return self._local_call(op, found, None, state)
                owner = self.index.find_class(callee.name, self.function)
                if owner is not None:
                    return self._construct(op, owner, state)
                bound = self.value(callee, state)
            return self._value_call(op, bound, state)
        if isinstance(callee, ir.Closure):
            return self._local_call(op, callee.function, None, state)
        return self._value_call(op, self.value(callee, state), state)

    # --- kinds of callees -------------------------------------------------------------------------------------------

    def _value_call(self, op: ir.CallOp, value: Value | None, state: State) -> list[State] | None:
        if isinstance(value, Function):
            return self._local_call(op, value.info, None, state)
        if isinstance(value, Name):
            return self._dotted_call(op, value.dotted, state)
        if isinstance(value, Method):
            return self._known_method(op, value.receiver, value.name, state)
        if isinstance(value, Ref):
            return self._known_method(op, value, "__call__", state)
        if isinstance(value, Partial) and isinstance(value.callee, Name):
            return self._dotted_call(op, value.callee.dotted, state)
        return self._unknown_call(op, state)

    def _method_call(self, op: ir.CallOp, callee: ir.AttributeOf, state: State) -> list[State] | None:
        base = callee.base
        if isinstance(base, ir.Local) and self._is_self(base.name) and f"self.{callee.name}" not in state.env:
            owner = self._owner()
            method = self.index.find_method(owner, callee.name) if owner is not None else None
            if method is not None:
                return self._local_call(op, method, base.name, state)
        if op.dotted is not None:
            return self._dotted_call(op, op.dotted, state)
        if isinstance(base, ir.Local) and base.name not in state.env:
            named = self.index.find_class(base.name, self.function)
            method = self.index.find_method(named, callee.name) if named is not None else None
            if method is not None and not method.is_instance_method:
                return self._local_call(op, method, base.name, state)
        receiver = self.value(base, state)
        if receiver is None or isinstance(receiver, Name):
            if isinstance(base, ir.Local) and self._is_self(base.name):
                value = self.value(callee, state)
                if value is not None:
                    return self._value_call(op, value, state)
            return self._foreign_method(op, callee.name, state)
        return self._known_method(op, receiver, callee.name, state)

    def _known_method(self, op: ir.CallOp, receiver: Value, name: str, state: State) -> list[State] | None:
        from lintdb.flow.follow import Site

        if isinstance(receiver, Ref):
            return self._resource_method(op, receiver, name, state)
        if isinstance(receiver, Box):
            return self._box_method(op, receiver, name, state)
        if isinstance(receiver, (Many, Table)):
            items = receiver.items if isinstance(receiver, Many) else tuple(i for _, i in receiver.items)
            if isinstance(receiver, Table) or name in _TAKES:
                state.escape(self._arguments_value(op, state), with_parents=True)
                self.throw(state, op.node, is_low=op.in_cleanup)
                state.set_name(op.target, self._group(items))
                return None
            for item in items:
                if isinstance(item, Ref):
                    self._release_by_name(item, name, state)
            is_done = all(
                status is None or status.phase != "open" for status in map(state.status, state.refs(receiver))
            )
            self.throw(state, op.node, is_low=is_done or op.in_cleanup)
            state.set_name(op.target, None)
            return None
        if isinstance(receiver, Instance):
            return self._instance_method(op, receiver, name, state)
        if isinstance(receiver, Manager) and receiver.kind is not None and receiver.what in ("unit", "acquire"):
            site = ("unentered", receiver.call)
            call = self.operations.get(receiver.call)
            self.sites.setdefault(site, Site(call.node if call else op.node, receiver.kind))
            parent = receiver.inner.rid if isinstance(receiver.inner, Ref) else None
            state.resources[(site, 0)] = Status(receiver.kind, owed=False, parent=parent)
            return self._resource_method(op, Ref((site, 0)), name, state)
        if isinstance(receiver, Query):
            state.set_name(op.target, receiver)
            return None
        if isinstance(receiver, Coroutine):
            # Method chained on something that is both awaitable and an object: `pool.acquire().__aenter__()`.
            state.escape(receiver, with_parents=False)
        return self._foreign_method(op, name, state)

    def _instance_method(self, op: ir.CallOp, receiver: Instance, name: str, state: State) -> list[State] | None:
        """A method of an object of this module's class, followed with the object's own attributes."""
        method = self.index.find_method(receiver.owner, name)
        if method is None:
            field = state.env.get(f"{receiver.prefix}{name}")
            if field is not None:
                return self._value_call(op, field, state)
            state.escape(receiver, with_parents=True)
            return self._unknown_call(op, state)
        return self._local_call(op, method, None, state, receiver)

    def call_method(
        self, instance: Instance, name: str, op: ir.Operation | cst.CSTNode, state: State, target: str
    ) -> list[State]:
        """Call a method that syntax calls (`__enter__`, `__exit__`, a registered `close`), without arguments."""
        node = op.node if isinstance(op, ir.Operation) else op
        in_cleanup = op.in_cleanup if isinstance(op, ir.Operation) else False
        key = (id(node), name)
        call = self.extra_calls.get(key)
        if call is None:
            number = 1_000_000 + len(self.extra_calls)
            call = ir.CallOp(node, in_cleanup, target, ir.UNKNOWN, None, (), index=number)
            self.extra_calls[key] = call
        call.target = target
        results = self._instance_method(call, instance, name, state)
        states = results if results is not None else [state]
        finished: list[State] = []
        for each in states:
            value = each.env.get(target)
            if isinstance(value, Coroutine):
                awaited = self.await_coroutine(call, value, each)
                finished.extend(awaited if awaited is not None else [each])
            else:
                finished.append(each)
        return finished

    def _release_by_name(self, item: Ref, name: str, state: State) -> None:
        status = state.status(item.rid)
        kind = self.knowledge.kind(status.kind) if status is not None else None
        if kind is not None and any(model.releases == "self" for model in kind.methods.get(name, ())):
            self.release(item.rid, state, None)

    def _foreign_method(self, op: ir.CallOp, name: str, state: State) -> list[State] | None:
        """A method of an object that is not known: what it gets may be kept, unless it registers a clean-up."""
        if name in REGISTER_METHODS:
            return self._register(op, name, state)
        if name in SWALLOWING_METHODS and len(op.arguments) == 1:
            state.set_name(op.target, Manager("swallow"))
            return None
        return self._unknown_call(op, state)

    def _register(self, op: ir.CallOp, name: str, state: State) -> list[State] | None:
        """`stack.callback(conn.close)`, `self.addCleanup(conn.close)`: the resource is in good hands."""
        self.account_for(self._arguments_value(op, state), state)
        value = self._first(op, state)
        entered: Value | None = None
        if isinstance(value, (Coroutine, Manager)):
            entered = self.enter_value(op, value, state, is_async=True)[0]
            state.escape(value, with_parents=True)
        if isinstance(value, Ref):
            entered = value
            if name in _ENTERS and self._keeps_open(value, state):
                # The block that it will leave does not release it.
                state.update(value.rid, kept=True)
                state.set_name(op.target, value)
                return None
        if isinstance(value, Method) and name not in _RUNS_COROUTINES and self._is_coroutine(value, state):
            # Nobody will await what the registered method returns.
            self.throw(state, op.node, is_low=True)
            state.set_name(op.target, None)
            return None
        state.escape(self._arguments_value(op, state), with_parents=True)
        if isinstance(entered, Ref):
            state.escape(entered, with_parents=True)
        self.throw(state, op.node, is_low=True)
        state.set_name(op.target, entered)
        return None

    def _keeps_open(self, value: Ref, state: State) -> bool:
        status = state.status(value.rid)
        kind = self.knowledge.kind(status.kind) if status is not None else None
        return kind is not None and kind.with_block in (WithBlock.COMMIT, WithBlock.KEEP)

    def _is_coroutine(self, value: Method, state: State) -> bool:
        status = state.status(value.receiver.rid) if isinstance(value.receiver, Ref) else None
        kind = self.knowledge.kind(status.kind) if status is not None else None
        models = kind.methods.get(value.name, ()) if kind is not None else ()
        return bool(models) and all(model.coroutine for model in models)

    def _unknown_call(self, op: ir.CallOp, state: State) -> list[State] | None:
        """Nothing is known of the callee: it may raise anything, and it may keep what it is given."""
        arguments = self._arguments_value(op, state)
        self.account_for(arguments, state)
        for rid in state.refs(arguments):
            site = self.sites.get(rid[0])
            if site is not None:
                self.handed_on.add(id(site.node))
        self._escape_unnamed_parents(arguments, state)
        state.escape(arguments, with_parents=False)
        self.throw(state, op.node, is_low=op.in_cleanup or _is_mild(op))
        state.set_name(op.target, None)
        return None

    def _escape_unnamed_parents(self, value: Value, state: State) -> None:
        """`work(Client(Pool()))`: nobody but the callee can reach the pool, through the client."""
        parents = {
            s.parent for rid in state.refs(value) if (s := state.status(rid)) is not None and s.parent is not None
        }
        if not parents:
            return
        named: set[Rid] = set()
        for name, held in state.env.items():
            if not name.startswith("$"):
                named.update(state.refs(held))
        for parent in parents - named:
            state.escape_one(parent, with_parents=False)

    def _arguments_value(self, op: ir.CallOp, state: State) -> Value:
        return Many(tuple(self.value(argument.operand, state) for argument in op.arguments))

    def _first(self, op: ir.CallOp, state: State) -> Value | None:
        return self.value(op.arguments[0].operand, state) if op.arguments else None

    # --- functions known by name ------------------------------------------------------------------------------------

    def _dotted_call(self, op: ir.CallOp, dotted: str, state: State) -> list[State] | None:
        model = self._choose(self.knowledge.function(dotted), op, state)
        if model is not None:
            return self._apply(op, model, None, dotted.rpartition(".")[2], state)
        first = self._first(op, state)
        if dotted in COMBINES:
            return self._combine(op, state)
        if dotted in CLOSING or dotted in ACLOSING:
            state.set_name(op.target, Manager("closing" if dotted in CLOSING else "aclosing", first))
            return None
        if dotted in SUPPRESS:
            types = tuple(a.operand.name if isinstance(a.operand, ir.Dotted) else None for a in op.arguments)
            state.set_name(op.target, Manager("suppress", types=types))
            return None
        if dotted in SWALLOWS:
            state.set_name(op.target, Manager("swallow"))
            return None
        if dotted in NULLCONTEXT:
            state.set_name(op.target, Manager("null", first))
            return None
        if dotted in EXIT_STACKS:
            state.boxes[op.index] = ()
            state.set_name(op.target, Box(op.index, is_stack=True))
            return None
        if dotted in REGISTERS:
            state.escape(self._arguments_value(op, state), with_parents=True)
            state.set_name(op.target, None)
            return None
        if dotted == "functools.partial":
            items = tuple(self.value(argument.operand, state) for argument in op.arguments[1:])
            state.set_name(op.target, Partial(first, items))
            return None
        if dotted in PASSES_THROUGH and isinstance(first, Coroutine):
            state.set_name(op.target, first)
            if dotted not in AWAITS_FIRST:
                # A task runs whether it is awaited or not.
                return self.await_coroutine(op, first, state)
            return None
        if dotted == "asyncio.run" and isinstance(first, Coroutine):
            return self.await_coroutine(op, first, state)
        return self._unknown_call(op, state)

    def _combine(self, op: ir.CallOp, state: State) -> list[State] | None:
        """`list(x)`, `dict(x)`: holds what it is given, or reads rows from it."""
        held: list[Value | None] = []
        for argument in op.arguments:
            value = self.value(argument.operand, state)
            status = state.status(value.rid) if isinstance(value, Ref) else None
            kind = self.knowledge.kind(status.kind) if status is not None else None
            if kind is not None and kind.iterable:
                self.throw(state, op.node, self._driver_raise(kind.driver), by="iteration")
            else:
                held.append(value)
        state.set_name(op.target, Many(tuple(held)))
        return None

    # --- models -----------------------------------------------------------------------------------------------------

    def _choose(self, models: tuple[CallModel, ...], op: ir.CallOp, state: State) -> CallModel | None:
        for model in models:
            if all(self._holds(condition, op, state) is True for condition in model.when):
                return model
        return None

    def _holds(self, condition: Condition, op: ir.CallOp, state: State) -> bool | None:
        """Whether a condition on the arguments holds; None where it cannot be seen."""
        operand = self._argument(op, condition.argument)
        has_star = any(argument.star for argument in op.arguments)
        if condition.given is not None:
            if operand is not None:
                return condition.given
            return None if has_star else not condition.given
        if operand is None:
            return None if has_star else False
        if condition.names:
            return operand.name in condition.names if isinstance(operand, ir.Dotted) else None
        value = self.value(operand, state)
        if isinstance(value, Literal) and not value.is_prefix:
            return value.value == condition.equals and type(value.value) is type(condition.equals)
        return False if isinstance(value, (Ref, Box, Function)) else None

    @staticmethod
    def _argument(op: ir.CallOp, which: Argument) -> ir.Operand | None:
        """Return the operand of one argument, or None if it is not given in a way that can be seen."""
        position = 0
        for argument in op.arguments:
            if argument.star:
                if argument.star == "*":
                    position = -1000
                continue
            if argument.keyword is not None:
                if which.keyword == argument.keyword:
                    return argument.operand
                continue
            if position == which.position:
                return argument.operand
            position += 1
        return None

    def _resource_method(self, op: ir.CallOp, receiver: Ref, name: str, state: State) -> list[State] | None:
        status = state.status(receiver.rid)
        kind = self.knowledge.kind(status.kind) if status is not None else None
        if status is None or kind is None:
            return self._unknown_call(op, state)
        model = self._choose(kind.methods.get(name, ()), op, state)
        if model is not None:
            if name in kind.state_flags:
                state.set_name(op.target, Literal(kind.state_flags[name] == (status.phase == "open")))
                return None
            return self._apply(op, model, receiver, name, state)
        if name in kind.state_flags and status.phase != "gone":
            flag = kind.state_flags[name]
            state.set_name(op.target, Literal(flag if status.phase == "open" else not flag))
            return None
        if name in ("__enter__", "__aenter__"):
            state.set_name(op.target, receiver)
            return None
        if name in ("__exit__", "__aexit__"):
            self.exit_resource(op.node, receiver, state, is_async=name == "__aexit__", is_raise=False)
            state.set_name(op.target, None)
            return None
        state.escape(self._arguments_value(op, state), with_parents=False)
        self.throw(state, op.node, self._driver_raise(kind.driver), is_low=op.in_cleanup, by=name)
        state.set_name(op.target, None)
        return None

    def _driver_raise(self, driver: str) -> Raised:
        return Raised(self.knowledge.error_class(driver))

    def _apply(
        self, op: ir.CallOp, model: CallModel, receiver: Ref | None, name: str, state: State
    ) -> list[State] | None:
        """Run a modelled call."""
        status = state.status(receiver.rid) if receiver is not None else None
        if op.index not in self.calls and isinstance(op.node, cst.Call):
            root = self._root(receiver.rid, state)[0] if receiver is not None else op.index
            self.calls[op.index] = KnownCall(op.node, model, status.kind if status else None, root, name)
        self.operations[op.index] = op
        if not model.borrows:
            state.escape(self._arguments_value(op, state), with_parents=True)
        if model.query_event is not None:
            state.set_name(op.target, Query(model.query_event))
            return None
        if model.unwraps is not None:
            operand = self._argument(op, model.unwraps)
            state.set_name(op.target, self.value(operand, state) if operand is not None else None)
            return None
        subject: Value | None = receiver
        if isinstance(model.releases, Argument):
            operand = self._argument(op, model.releases)
            subject = self.value(operand, state) if operand is not None else None
        if model.coroutine or model.form in (Form.AWAIT, Form.AWAIT_OR_WITH):
            state.set_name(op.target, self._coroutine(op, model, subject, name, state))
            return None
        if model.form is Form.WITH:
            what = "unit" if model.event is Event.BEGIN else "acquire"
            state.set_name(op.target, Manager(what, receiver, kind=model.acquires or model.gives, call=op.index))
            return None
        return self._perform(op, model, subject, receiver, state, op.target)

    def _coroutine(self, op: ir.CallOp, model: CallModel, subject: Value | None, name: str, state: State) -> Value:
        """The result of calling a coroutine function: nothing has happened yet."""
        from lintdb.flow.follow import COROUTINE, Site

        site = ("coroutine", op.index)
        rid: Rid = (site, 0)
        owes = model.coroutine or model.form is Form.AWAIT
        self.sites[site] = Site(op.node, COROUTINE, method=name, is_statement=op.is_statement)
        state.resources[rid] = Status(COROUTINE, owed=owes)
        return Coroutine(rid, op.index, subject)

    def await_coroutine(self, op: ir.AwaitOp | ir.CallOp, value: Coroutine, state: State) -> list[State] | None:
        """`await coroutine`: now it happens."""
        state.update(value.rid, phase="released")
        call = self.operations.get(value.call)
        model = self.calls[value.call].model if value.call in self.calls else None
        if call is None or model is None:
            awaited = self.program.pending.get((id(self), value.call))
            if awaited is not None:
                return self._local_awaited(op, awaited, state)
            self.throw(state, op.node, is_low=op.in_cleanup)
            state.set_name(op.target, None)
            return None
        receiver = value.inner if isinstance(value.inner, Ref) else None
        return self._perform(call, model, value.inner, receiver, state, op.target, op.in_cleanup)

    def _perform(
        self,
        op: ir.CallOp,
        model: CallModel,
        subject: Value | None,
        receiver: Ref | None,
        state: State,
        target: str,
        in_cleanup: bool | None = None,
    ) -> list[State] | None:
        """The effects of a modelled call that really runs: it may raise, then it acquires, releases or works."""
        in_cleanup = op.in_cleanup if in_cleanup is None else in_cleanup
        working = self._working_resource(op, model, receiver, state)
        event = self._event_of(op, model, working, state)
        name = self.calls[op.index].method if op.index in self.calls else ""
        if model.raises is not Raises.NEVER:
            if receiver is not None:
                self._use(receiver.rid, state)
            raised = self._driver_raise(model.driver) if model.raises is Raises.DRIVER else Raised()
            failed = self.throw(state, op.node, raised, by=name)
            if failed is not None and working is not None:
                if event is Event.ROLLBACK:
                    failed.update(working, pending=-1, failed=-1)
                self._fail(working, event, op, failed)
                if model.releases is not None and isinstance(subject, Ref):
                    # A release that fails has still released.
                    failed.release(subject.rid)
        elif model.releases is not None:
            # Releasing does not fail in practice; where it does, other resources are what is lost.
            others = self.throw(state, op.node, self._driver_raise(model.driver), is_low=True, by=name)
            if others is not None and isinstance(subject, Ref):
                others.release(subject.rid)
        if event is not None and working is not None:
            self.happen(working, event, op, state)
        if model.releases is not None:
            for rid in list(state.refs(subject)):
                self.release(rid, state, op.node)
        if model.opens and receiver is not None:
            return self._open_again(op, model, receiver, state, target)
        result: Value | None = None
        if model.acquires is not None:
            result = self.acquire(op, model.acquires, model, receiver, state)
        elif model.gives == "self":
            result = receiver
        elif model.gives is not None:
            result = self._give(op, model, receiver, state)
        if model.may_return_none and result is not None:
            nothing = state.copy()
            nothing.set_name(target, Literal(None))
            if isinstance(result, Ref):
                nothing.resources.pop(result.rid, None)
            state.set_name(target, result)
            return [state, nothing]
        if result is None and model.releases == "self":
            result = Literal(None)
        state.set_name(target, result)
        return None

    def _open_again(
        self, op: ir.CallOp, model: CallModel, receiver: Ref, state: State, target: str
    ) -> list[State] | None:
        """The receiver is open after the call, whatever it was before."""
        before = state.status(receiver.rid)
        refused: State | None = None
        if model.may_return_none:
            refused = state.copy()
            refused.set_name(target, Literal(False))
        if before is not None and before.phase != "gone":
            kind = self.knowledge.kind(before.kind)
            owed = before.owed or (kind is not None and kind.duty is not Duty.NONE and not before.outlives)
            state.update(receiver.rid, phase="open", owed=owed)
            site = self.sites.get(receiver.rid[0])
            if site is not None and not before.outlives:
                site.node = op.node
            state.note(op.node, "acquire", receiver.rid[0])
        state.set_name(target, TRUE if model.may_return_none else None)
        return [state, refused] if refused is not None else None

    def _parent(self, op: ir.CallOp, model: CallModel, receiver: Ref | None, state: State) -> Rid | None:
        if model.parent == "self":
            return receiver.rid if receiver is not None else None
        if isinstance(model.parent, Argument):
            operand = self._argument(op, model.parent)
            value = self.value(operand, state) if operand is not None else None
            return value.rid if isinstance(value, Ref) else None
        return None

    def acquire(
        self, op: ir.CallOp, kind_id: str, model: CallModel | None, receiver: Ref | None, state: State,
        suffix: int = 0, maker: str | None = None, status: Status | None = None,
    ) -> Ref:  # fmt: skip
        """A new resource at this call; an earlier one of the same call that is still open is kept apart."""
        from lintdb.flow.follow import Site

        kind = self.knowledge.kind(kind_id)
        site = (op.index, suffix)
        rid: Rid = (site, 0)
        old = state.resources.get(rid)
        if old is not None and old.phase == "open" and old.owed:
            self._push_back(rid, state, op.target)
        if site not in self.sites:
            self.sites[site] = Site(op.node, kind_id, maker=maker)
        if status is None:
            parent = self._parent(op, model, receiver, state) if model is not None else None
            status = Status(
                kind_id,
                owed=(kind is None or kind.duty is not Duty.NONE) and not self._is_free(kind, parent, state),
                autocommit=None if self._is_free(kind, parent, state) else self._autocommit(op, kind, state),
                used=kind is None or not kind.is_lazy,
                parent=parent,
                keeps_parent=kind is not None and kind.keeps_parent,
                goes_with_parent=kind is None or kind.closed_with_parent,
            )
        state.resources[rid] = status
        if status.owed:
            state.note(op.node, "acquire", site)
        return Ref(rid)

    @staticmethod
    def _use(rid: Rid | None, state: State) -> None:
        """A call on a resource was tried: it may hold something now, and so may what it came from."""
        while rid is not None:
            status = state.status(rid)
            if status is None:
                return
            if not status.used:
                state.update(rid, used=True)
            rid = status.parent

    def _is_free(self, kind: Kind | None, parent: Rid | None, state: State) -> bool:
        """Whether a resource holds nothing of its own, because of what it was made with."""
        status = state.status(parent) if parent is not None else None
        owner = self.knowledge.kind(status.kind) if status is not None else None
        return kind is not None and owner is not None and owner.family in kind.free_with

    def _push_back(self, rid: Rid, state: State, target: str) -> None:
        """The site acquires again: what it acquired before becomes "an earlier one"."""
        older: Rid = (rid[0], 1)
        previous = state.resources.get(older)
        state.set_name(target, None)
        if previous is not None and previous.phase == "open" and previous.owed:
            reached: set[Rid] = set()
            for value in state.env.values():
                reached.update(state.refs(value))
            if older not in reached and not self._is_covered(previous, state):
                self.lost.append((older, previous, state.copy(), "overwritten"))
        state.resources[older] = state.resources.pop(rid)
        state.env = {name: _renamed(value, rid, older) for name, value in state.env.items()}
        state.boxes = {
            box: tuple(dict.fromkeys(_renamed(value, rid, older) for value in held))
            for box, held in state.boxes.items()
        }
        for other, status in list(state.resources.items()):
            if status.parent == rid:
                state.resources[other] = status._replace(parent=older)

    def _autocommit(self, op: ir.CallOp, kind: Kind | None, state: State) -> bool | None:
        if kind is None or kind.autocommit is None:
            return None
        if kind.autocommit:
            return True
        for condition in kind.autocommit_arguments:
            holds = self._holds(condition, op, state)
            if holds is not False:
                return True if holds else None
        return False

    def _give(self, op: ir.CallOp, model: CallModel, receiver: Ref | None, state: State) -> Ref:
        """Hand out something that owes nothing, tied to its parent."""
        from lintdb.flow.follow import Site

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
        goes = kind is None or kind.closed_with_parent
        state.resources[(site, 0)] = Status(
            model.gives, owed=False, parent=parent, autocommit=autocommit, keeps_parent=keeps, goes_with_parent=goes
        )
        return Ref((site, 0))

    # --- units of work ----------------------------------------------------------------------------------------------

    def _event_of(self, op: ir.CallOp, model: CallModel, working: Rid | None, state: State) -> Event | None:
        if model.event is not None:
            return model.event
        if model.sql is None:
            return None
        operand = self._argument(op, model.sql)
        value = self.value(operand, state) if operand is not None else None
        if isinstance(value, Query):
            return value.event
        if isinstance(value, Literal) and isinstance(value.value, str):
            if self.knowledge.is_definition(value.value):
                status = state.status(working) if working is not None else None
                kind = self.knowledge.kind(status.kind) if status is not None else None
                return kind.definition_event if kind is not None else None
            return self.knowledge.event_of_text(value.value, value.is_prefix, model.driver)
        return None

    def _working_resource(self, op: ir.CallOp, model: CallModel, receiver: Ref | None, state: State) -> Rid | None:
        """The resource whose unit of work a call moves."""
        if model.receiver is not None:
            operand = self._argument(op, model.receiver)
            value = self.value(operand, state) if operand is not None else None
            receiver = value if isinstance(value, Ref) else None
        return self._root(receiver.rid, state) if receiver is not None else None

    def _root(self, rid: Rid, state: State) -> Rid:
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
                self.commits.add(rid[0])
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
            value = self._first(op, state) if op is not None else None
            self._switch(rid, value if value in (TRUE, Literal(False)) else None, state)

    def _fail(self, rid: Rid, event: Event | None, op: ir.CallOp, state: State) -> None:
        """A call on the unit of work of *rid* raised: is the unit broken until it is rolled back?"""
        status = state.status(rid)
        kind = self.knowledge.kind(status.kind) if status is not None else None
        if status is None or kind is None or status.autocommit is not False or status.failed >= 0:
            return
        if event is Event.WRITE or (event is Event.COMMIT and status.pending >= 0):
            state.update(rid, failed=op.index)

    # --- releasing --------------------------------------------------------------------------------------------------

    def release(self, rid: Rid, state: State, node: cst.CSTNode | None, by_with: bool = False) -> None:
        """Release a resource and what goes with it; uncommitted work on it is lost here."""
        status = state.status(rid)
        if status is None:
            return
        self.released_sites.add(rid[0])
        self.account_for(Ref(rid), state)
        if status.phase == "open" and status.pending >= 0 and status.owed:
            self.lose_work(rid, status, state, node, by_with)
        self._return_dirty(rid, status, state)
        for child in state.children(rid):
            if child[0] not in self.released_sites and self.depth == 0:
                self._cover(child, state)
            self.released_sites.add(child[0])
        if node is not None:
            state.note(node, "release", rid)
        state.release(rid)

    def _cover(self, child: Rid, state: State) -> None:
        """A child goes with its parent, without a release of its own; only strict rules mind."""
        status = state.status(child)
        if status is not None and status.phase == "open" and status.owed and child not in self.covered:
            self.covered.add(child)
            self.lost.append((child, status, state.copy(), None))

    def _return_dirty(self, rid: Rid, status: Status, state: State) -> None:
        """Given back with work pending, to an owner that does not clean it up for the next user."""
        from lintdb.flow.follow import UNLIKELY, path_of

        index = status.pending if status.pending >= 0 else status.failed
        kind = self.knowledge.kind(status.kind)
        op = self.operations.get(index)
        if kind is None or op is None or kind.return_rolls_back or not status.owed or status.phase != "open":
            return
        if not status.raised or state.low == UNLIKELY or index in self.returned_dirty:
            return
        site = self.sites.get(rid[0])
        name = site.name if site is not None else None
        self.returned_dirty[index] = FailedUnit(op.node, kind, name, False, Confidence.MEDIUM, path_of(state))

    # --- containers -------------------------------------------------------------------------------------------------

    def _box_method(self, op: ir.CallOp, box: Box, name: str, state: State) -> list[State] | None:
        values = [self.value(argument.operand, state) for argument in op.arguments]
        held = state.boxes.get(box.id, ())
        if box.is_stack:
            return self._stack_method(op, box, name, values, state)
        if name in _ADDS:
            added = [v for v in values if v is not None and not isinstance(v, Literal)]
            state.boxes[box.id] = tuple(dict.fromkeys((*held, *added)))
            state.set_name(op.target, None)
            return None
        if name in _TAKES:
            state.set_name(op.target, self._group(held))
            return None
        if name == "clear":
            state.boxes[box.id] = ()
            state.set_name(op.target, None)
            return None
        state.escape(Many(tuple(values)), with_parents=True)
        state.set_name(op.target, None)
        return None

    def _stack_method(
        self, op: ir.CallOp, box: Box, name: str, values: list[Value | None], state: State
    ) -> list[State] | None:
        held = state.boxes.get(box.id, ())
        first = values[0] if values else None
        if name in _STACK_ENTERS and first is not None:
            target, slot_value = self.enter_value(op, first, state, is_async=name == "enter_async_context")
            state.boxes[box.id] = (*held, slot_value) if slot_value is not None else held
            state.set_name(op.target, target)
            return None
        if name in _STACK_PUSHES and first is not None:
            state.boxes[box.id] = (*held, first)
            state.set_name(op.target, first)
            return None
        if name in _STACK_CALLBACKS:
            what = "callback" if name == "callback" else "async-callback"
            state.boxes[box.id] = (*held, Manager(what, Partial(first, tuple(values[1:]))))
            state.set_name(op.target, first)
            return None
        if name in ("close", "aclose", "__exit__", "__aexit__"):
            if name == "aclose":
                state.set_name(op.target, None)
            self.unwind_stack(op.node, box, state, is_raise=False)
            state.set_name(op.target, None)
            return None
        if name == "pop_all":
            state.boxes[op.index] = held
            state.boxes[box.id] = ()
            state.set_name(op.target, Box(op.index, is_stack=True))
            return None
        if name in ("__enter__", "__aenter__"):
            state.set_name(op.target, box)
            return None
        return self._unknown_call(op, state)

    # --- functions and classes of this module -----------------------------------------------------------------------

    def _local_call(
        self, op: ir.CallOp, info: Any, self_name: str | None, state: State, instance: Instance | None = None
    ) -> list[State] | None:
        """A call of a function of this module: its summary says what becomes of the arguments."""
        program = self.program
        if instance is None and self_name is not None and self.owns_self:
            held = state.env.get(self_name)
            instance = held if isinstance(held, Instance) else None
        if program.is_fixture(info) or any(not program.keeps(d, info) for d in info.decorators):
            state.escape(instance, with_parents=True)
            return self._unknown_call(op, state)
        if program.is_generator_manager(info):
            state.escape(instance, with_parents=True)
            state.set_name(op.target, program.manager_value(self, op, info, self_name, state))
            return None
        if info.is_generator:
            state.escape(instance, with_parents=True)
            state.escape(self._arguments_value(op, state), with_parents=True)
            state.set_name(op.target, None)
            return None
        if info.is_async:
            program.pending[(id(self), op.index)] = (op, info, self_name, instance)
            self.operations.pop(op.index, None)
            rid: Rid = (("coroutine", op.index), 0)
            state.resources[rid] = Status("$local", owed=False)
            state.set_name(op.target, Coroutine(rid, op.index, self._arguments_value(op, state)))
            return None
        return program.apply_summary(self, op, info, self_name, state, op.target, instance)

    def _local_awaited(self, op: ir.AwaitOp | ir.CallOp, pending: Any, state: State) -> list[State] | None:
        call, info, self_name, instance = pending
        return self.program.apply_summary(self, call, info, self_name, state, op.target, instance)

    def _construct(self, op: ir.CallOp, owner: Any, state: State) -> list[State] | None:
        """An instance of a class of this module."""
        return self.program.construct(self, op, owner, state)

    def describe(self, value: Value | None, state: State) -> Value | None:
        """Return a value that means something outside this run: a kind name for a resource, else None."""
        if isinstance(value, Ref):
            status = state.status(value.rid)
            return Name(status.kind) if status is not None else None
        return None


def _is_mild(op: ir.CallOp) -> bool:
    """Whether a call of something unknown is unlikely to raise: conversions, text methods, somebody's `close()`."""
    if op.dotted is not None:
        return op.dotted in MILD_FUNCTIONS
    if not isinstance(op.callee, ir.AttributeOf):
        return False
    if op.callee.name == "get":
        # `d.get(key, default)`; with one argument it may as well be a request to a server.
        return len(op.arguments) == 2 and not any(argument.keyword for argument in op.arguments)
    return op.callee.name in MILD_METHODS


def _renamed(value: Value, old: Rid, new: Rid) -> Value:
    """Return the value with one resource renamed in it."""
    if isinstance(value, Ref):
        return Ref(new) if value.rid == old else value
    if isinstance(value, Many):
        return Many(tuple(_renamed(i, old, new) if i is not None else None for i in value.items), value.is_sequence)
    if isinstance(value, Method):
        return Method(_renamed(value.receiver, old, new), value.name)
    if isinstance(value, Partial):
        callee = _renamed(value.callee, old, new) if value.callee is not None else None
        return Partial(callee, tuple(_renamed(i, old, new) if i is not None else None for i in value.items))
    if isinstance(value, Manager) and value.inner is not None:
        return Manager(value.what, _renamed(value.inner, old, new), value.types, value.kind, value.call)
    if isinstance(value, Coroutine) and value.inner is not None:
        return Coroutine(value.rid, value.call, _renamed(value.inner, old, new))
    return value
