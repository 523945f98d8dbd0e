"""What a call does: finds out what is called, and leaves the rest to the layer that knows such callees."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import replace

import libcst as cst

from lintdb.effects import Duty, Form
from lintdb.flow import ir
from lintdb.flow.collected import GIVE_ONE
from lintdb.flow.concurrency import Concurrency
from lintdb.flow.containers import SHRINKS
from lintdb.flow.evaluate import dotted_name
from lintdb.flow.lowering import NUMBERS_PER_FUNCTION
from lintdb.flow.patches import is_patched, reaches_patched
from lintdb.flow.results import Unawaited, Uncalled
from lintdb.flow.sites import OWN, Receiver, Site
from lintdb.flow.state import State
from lintdb.flow.stdlib import (
    ACLOSING,
    AWAITS_FIRST,
    CALLS_ELSEWHERE,
    CLOSING,
    COMBINES,
    EXIT_STACKS,
    FAILS_LATER,
    GATHERS,
    LOG_METHODS,
    METHODS_THAT_CALL_ELSEWHERE,
    METHODS_THAT_RUN,
    NULLCONTEXT,
    OF_AWAITABLES,
    PASSES_THROUGH,
    REGISTER_METHODS,
    REGISTERS,
    STARTS_TASK_METHODS,
    SUPPRESS,
    SWALLOWING_METHODS,
    SWALLOWS,
)
from lintdb.flow.values import (
    NONE,
    NOT_NONE,
    Box,
    Coroutine,
    Function,
    Instance,
    KeptMaker,
    Literal,
    Manager,
    Many,
    Method,
    Name,
    Outside,
    Partial,
    Query,
    Ref,
    Rid,
    SiteKey,
    Status,
    Table,
    Truthiness,
    Value,
)
from lintdb.syntax.links import Found
from lintdb.syntax.names import ClassInfo, FunctionInfo, Variable

_READY_FAMILIES = ("connection", "pool", "checkout")
"""What has to be connected before it can be used."""
_FIRST_EXTRA_CALL = NUMBERS_PER_FUNCTION - (1 << 16)
"""Numbers of the calls that syntax makes, behind those of the calls that are written."""


_ONLY_LOOKS = frozenset(
    {"print", "len", "str", "repr", "get", "items", "keys", "values", "copy", "list", "sorted", "enumerate"}
)
"""What changes nothing of what it is called on, or given."""


_TELLS_APART = re.compile(r"isawaitable|iscoroutine|Awaitable|Coroutine|__await__|Mock|^patch$|isinstance|hasattr")
"""What a function asks that may have a coroutine or its value; and how tests put others in its place."""


class Calls(Concurrency):
    """Dispatches calls by what is called."""

    def call(self, op: ir.CallOp, state: State) -> list[State] | None:
        """Run one call; return the states after it, or None where *state* itself goes on."""
        if op.dotted == "$decorator":
            state.escape(self.value(op.arguments[0].operand, state), with_parents=False)
            return None
        callee = op.callee
        if state.facts and self.cfg.learned:
            self._forget_learned(op, state)
        if op.dotted == "$property" and isinstance(callee, ir.AttributeOf):
            return self._read_property(op, callee, state)
        if not self.is_for_caller:
            self.note_sharing(op, state)
        if isinstance(callee, ir.AttributeOf):
            return self._method_call(op, callee, state)
        if op.dotted is not None:
            return self._dotted_call(op, op.dotted, state)
        if isinstance(callee, ir.Local):
            bound = state.env.get(callee.name)
            if bound is None:
                found = self.index.find_function(callee.name, self.function)
                if found is not None:
                    return self.local_call(op, found, None, state)
                owner = self.index.find_class(callee.name, self.function) or self.own_class(callee.name)
                if owner is not None:
                    return self.construct(op, owner, state)
                bound = self.value(callee, state)
            return self._value_call(op, bound, state)
        if isinstance(callee, ir.Closure):
            return self.local_call(op, callee.function, None, state)
        return self._value_call(op, self.value(callee, state), state)

    def _value_call(self, op: ir.CallOp, value: Value | None, state: State) -> list[State] | None:
        if isinstance(value, Function):
            return self.local_call(op, value.info, None, state)
        if isinstance(value, (Name, Partial)) and op.dotted is not None and is_patched(op.dotted, self.patched):
            return self.unknown_call(op, state)
        if isinstance(value, Name):
            return self._dotted_call(op, value.dotted, state)
        if isinstance(value, Method):
            return self._known_method(op, value.receiver, value.name, state)
        if isinstance(value, Ref):
            return self._known_method(op, value, "__call__", state)
        if isinstance(value, Partial) and _is_followed(value):
            return self._value_call(_with_arguments_of(value, op), value.callee, state)
        if isinstance(value, (Instance, Outside)):
            return self._object_method(op, value, "__call__", state)
        maker = self.types.places.maker_under(value.key) if isinstance(value, KeptMaker) else None
        if isinstance(maker, FunctionInfo):
            return self.local_call(op, maker, None, state)
        model = self.choose(maker.models, op, state) if maker is not None else None
        if maker is not None and model is not None:
            return self.apply(op, model, None, maker.dotted.rpartition(".")[2], state)
        borrowed = self._borrowed_by_any(op, value, state)
        if borrowed is not None:
            self.throw(state, op.node)
            for rid in borrowed:
                state.update(rid, used=True)
            state.set_name(op.target, None)
            return None
        # What it holds is in the hands of code that is not followed, and so is its result.
        state.escape(value, with_parents=True)
        return self.unknown_call(op, state)

    def _borrowed_by_any(self, op: ir.CallOp, value: Value | None, state: State) -> set[Rid] | None:
        """What any one of several functions uses, such as one out of a table; None if it may do more than that."""
        if not isinstance(value, Many) or not value.items:
            return None
        used: set[Rid] = set()
        for each in value.items:
            if not isinstance(each, Function) or each.info.owner is not None:
                return None
            found = self.borrows(op, each.info, state)
            if found is None:
                return None
            used |= found
        return used

    def _method_call(self, op: ir.CallOp, callee: ir.AttributeOf, state: State) -> list[State] | None:
        base = callee.base
        if base is ir.SUPER:
            return self._super_call(op, callee.name, state)
        self.check_bound(op, callee, state)
        if isinstance(base, ir.Local) and self.is_self(base.name) and f"self.{callee.name}" not in state.env:
            owner = self.owner_class()
            method = owner.find_method(callee.name) if owner is not None else None
            if method is not None:
                return self.local_call(op, method, base.name, state)
        if op.dotted is not None:
            return self._dotted_call(op, op.dotted, state)
        if isinstance(base, ir.Local) and base.name not in state.env:
            named = self.index.find_class(base.name, self.function)
            method = named.find_method(callee.name) if named is not None else None
            if named is not None and method is not None and not method.is_instance_method:
                return self.local_call(op, method, base.name, state, self._class_object(named, method))
        receiver = self.value(base, state)
        if receiver == NONE and isinstance(base, ir.Local) and not self._is_captured(base.name):
            return []  # a mistake of another sort: what comes after it on this path is not the point
        if receiver is None or isinstance(receiver, Name):
            is_own = isinstance(base, ir.Local) and self.is_self(base.name)
            value = self.value(callee, state) if is_own else self.attribute_of_class(base, callee.name, state)
            if value is not None:
                return self._value_call(op, value, state)
            owner = self._needed_owner(op, state)
            if owner is not None and owner.find_method(callee.name) is not None:
                known = Outside(owner, ("named", dotted_name(base) or "", op.index))
                return self._object_method(op, known, callee.name, state)
            return self._foreign_method(op, callee.name, state)
        return self._known_method(op, receiver, callee.name, state)

    def _needed_owner(self, op: ir.CallOp, state: State) -> ClassInfo | None:
        """Return the class of a receiver that is not known: its method is given a resource, so that it matters."""
        function = op.node.func if isinstance(op.node, cst.Call) else None
        if not isinstance(function, cst.Attribute) or not self._concerns_resources(op, state):
            return None
        types = self.types.wide
        found = types.type_of_receiver(function.value, self.function)
        found = found or types.type_of_expression(function.value, self.function)
        return found if isinstance(found, ClassInfo) else None

    def _class_object(self, owner: ClassInfo, method: FunctionInfo) -> Receiver:
        """Return what keeps what a class method keeps on its class."""
        own = self.owner_class()
        if own is not None and owner in own.lineage:
            return OWN
        return Outside.of_class(owner) if method.is_method else None

    def _read_property(self, op: ir.CallOp, callee: ir.AttributeOf, state: State) -> list[State] | None:
        """`object.name` where a class that the module knows has a property of that name."""
        base = callee.base
        receiver = self.value(base, state)
        known = receiver if isinstance(receiver, (Instance, Outside)) else None
        owner = known.owner if known is not None else None
        own = owner is None and isinstance(base, ir.Local) and self.is_self(base.name)
        if own:
            owner = self.owner_class()
        method = owner.find_method(callee.name) if owner is not None else None
        if method is None or not method.is_property:
            whole = ir.Dotted(f"{base.name}.{callee.name}") if isinstance(base, ir.Dotted) else callee
            state.set_name(op.target, self.value(whole, state))
            return None
        if self.patched and reaches_patched(method, self.patched):
            return self.local_call(op, method, None, state, known or (OWN if own else None))
        return self.apply_summary(op, method, state, op.target, known or (OWN if own else None))

    def _super_call(self, op: ir.CallOp, name: str, state: State) -> list[State] | None:
        """`super().name()`: the method of a base, run on the same object."""
        owner, function = self.function.owner, self.function
        if owner is None or not function.is_method or not function.params:
            return self.unknown_call(op, state)
        for base in owner.parents:
            method = base.find_method(name)
            if method is not None:
                return self.local_call(op, method, function.params[0].name.value, state)
        if name == "__init__" and not owner.has_unknown_base:
            # That of `object`.
            state.set_name(op.target, None)
            return None
        return self.unknown_call(op, state)

    def _evident_receiver(self, op: ir.CallOp, state: State) -> Ref | None:
        """`db.session.commit()` with an imported `db`: what the chain before the method must hold."""
        node = op.node.func if isinstance(op.node, cst.Call) else None
        parts: list[str] = []
        while isinstance(node, cst.Attribute):
            parts.append(node.attr.value)
            node = node.value
        return self.evident(".".join([node.value, *parts[:0:-1]]), state) if isinstance(node, cst.Name) else None

    def _is_captured(self, name: str) -> bool:
        """Whether a nested function may change a variable."""
        return any(name in nested.free_names or name in nested.outer for nested in self.function.nested.values())

    def _known_method(self, op: ir.CallOp, receiver: Value, name: str, state: State) -> list[State] | None:
        if isinstance(receiver, Ref):
            return self._resource_method(op, receiver, name, state)
        if isinstance(receiver, Box):
            return self.box_method(op, receiver, name, state)
        if isinstance(receiver, (Many, Table)):
            return self.group_method(op, receiver, name, state)
        if isinstance(receiver, Method) and isinstance(receiver.receiver, Many):
            # `keeper.store.conn.close()`: what an object holds that is known as a group is one of the group.
            return self.group_method(op, receiver.receiver, name, state)
        if isinstance(receiver, (Instance, Outside)):
            return self._object_method(op, receiver, name, state)
        if isinstance(receiver, Manager) and receiver.kind is not None and receiver.what in ("unit", "acquire"):
            site = ("unentered", receiver.call)
            call = self.operations.get(receiver.call)
            self.sites.setdefault(site, Site(call.node if call else op.node, receiver.kind))
            parent = receiver.inner.rid if isinstance(receiver.inner, Ref) else None
            state.resources[(site, 0)] = Status(receiver.kind, owed=False, parent=parent)
            return self._resource_method(op, Ref((site, 0)), name, state)
        if isinstance(receiver, Query):
            state.set_name(op.target, self.narrowed(receiver, name))
            return None
        if isinstance(receiver, Coroutine):
            self._note_unready(op, receiver, name, state)
        return self._foreign_method(op, name, state)

    def _note_unready(self, op: ir.CallOp, receiver: Coroutine, name: str, state: State) -> None:
        """A method is called on a coroutine: it may be one of what awaiting gives, so that the `await` is missing.

        `session.execute(query).scalar()`, or `pool = create_pool(dsn)` and then `pool.acquire()`.
        """
        call, status = self.calls.get(receiver.call), state.status(receiver.rid)
        result = self.knowledge.kind(call.model.gives or call.model.acquires or "") if call is not None else None
        if call is None or result is None or name not in result.methods:
            made = self._never_ready(receiver, state)
            is_sure = made is not None and not self.is_for_caller and name not in OF_AWAITABLES
            if made is not None and is_sure and self._is_surely_coroutine(op, made[1]):
                self.values_seen.unready.setdefault(id(made[0]), Unawaited(made[0], None, op.node))
            # Method chained on something that is both awaitable and an object: `pool.acquire().__aenter__()`.
            state.escape(receiver, with_parents=False)
            return
        if status is None or status.owed or status.phase != "open" or call.model.form is not Form.AWAIT_OR_WITH:
            return
        if result.family in _READY_FAMILIES and all(
            model.acquires or model.takes or model.sql or model.event for model in result.methods[name]
        ):
            if not self.is_for_caller:
                self.values_seen.unready.setdefault(id(call.node), Unawaited(call.node, result, op.node))
        else:
            # Some can be made ready by a method, too: `await conn.start()`.
            state.escape(receiver, with_parents=False)

    def _never_ready(self, receiver: Coroutine, state: State) -> tuple[cst.CSTNode, str] | None:
        """Return the call that has made a coroutine which is of no use before it is awaited, and whose that is."""
        call, status = self.calls.get(receiver.call), state.status(receiver.rid)
        if call is not None:
            is_owed = status is not None and status.owed and call.model.form is not Form.AWAIT_OR_WITH
            return (call.node, call.method) if is_owed else None
        pending = self.pending_calls.get(receiver.call)
        if pending is None or self.kind_awaited(pending) is None:
            return None
        return pending.op.node, pending.function.name

    def _is_surely_coroutine(self, op: ir.CallOp, method: str) -> bool:
        """Whether what a method is called on is a coroutine: nothing asks for that, or puts others in its place."""
        function = self.function
        mentioned = function.loads | function.attributes
        if any(_TELLS_APART.search(name) for name in mentioned):
            return False
        own = [each.methods[method] for each in self.index.classes.values() if method in each.methods]
        if not all(each.is_async for each in own):
            return False
        base = op.callee.base if isinstance(op.callee, ir.AttributeOf) else None
        if not isinstance(base, ir.Local) or base.name.startswith("$"):
            return True
        awaited = (node.expression for node in function.nodes if isinstance(node, cst.Await))
        is_awaited = any(isinstance(each, cst.Name) and each.value == base.name for each in awaited)
        return len(function.given.get(base.name, ())) == 1 and not is_awaited

    def _object_method(
        self, op: ir.CallOp, receiver: Instance | Outside, name: str, state: State
    ) -> list[State] | None:
        """A method of an object of a class of the project, followed with what the object's attributes hold."""
        method = receiver.owner.find_method(name)
        if method is None:
            field = self.attribute(receiver, name, state)
            if field is not None:
                return self._value_call(op, field, state)
            state.escape(receiver, with_parents=True)
            return self.unknown_call(op, state)
        return self.local_call(op, method, None, state, receiver)

    def call_method(
        self,
        instance: Instance | Outside,
        name: str,
        op: ir.Operation | cst.CSTNode,
        state: State,
        *,
        target: str,
        arguments: tuple[ir.Operand, ...] = (),
    ) -> list[State]:
        """Call a method that syntax calls (`__enter__`, `__exit__`, a registered `close`)."""
        node = op.node if isinstance(op, ir.Operation) else op
        in_cleanup = op.in_cleanup if isinstance(op, ir.Operation) else False
        key = (id(node), name, arguments)
        call = self.extra_calls.get(key)
        if call is None:
            number = self.function.number * NUMBERS_PER_FUNCTION + _FIRST_EXTRA_CALL + len(self.extra_calls)
            given = tuple(ir.CallArgument(argument, None, "") for argument in arguments)
            call = ir.CallOp(node, in_cleanup, target, ir.UNKNOWN, None, given, index=number)
            self.extra_calls[key] = call
        call.target = target
        results = self._object_method(call, instance, name, state)
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

    def _foreign_method(self, op: ir.CallOp, name: str, state: State) -> list[State] | None:
        """A method of an object that is not known: what it gets may be kept, unless it registers a clean-up."""
        base = op.callee.base if isinstance(op.callee, ir.AttributeOf) else None
        if name in SHRINKS and isinstance(base, ir.Local) and isinstance(state.env.get(base.name), Truthiness):
            # `while jobs: jobs.pop()`: it may be empty now.
            state.set_name(base.name, NOT_NONE)
        if name in GIVE_ONE and isinstance(op.callee, ir.AttributeOf):
            given = self.one_of_several(op.callee.base, state)
            if given is not None:
                self.give_away(op, state, is_kept=True)
                state.set_name(op.target, given)
                return None
        if name in REGISTER_METHODS:
            return self.register(op, name, state)
        if name in METHODS_THAT_CALL_ELSEWHERE:
            return self.call_elsewhere(op, METHODS_THAT_CALL_ELSEWHERE[name], state)
        first = self.first_argument(op, state)
        if name in METHODS_THAT_RUN and isinstance(first, Coroutine):
            return self.await_coroutine(op, first, state)
        if name in STARTS_TASK_METHODS and isinstance(first, Coroutine):
            state.set_name(op.target, first)
            return self.run_aside(op, first, state)
        if name in SWALLOWING_METHODS and len(op.arguments) == (2 if name.endswith("Regex") else 1):
            state.set_name(op.target, Manager("swallow"))
            return None
        return self.unknown_call(op, state)

    def _dotted_call(self, op: ir.CallOp, dotted: str, state: State) -> list[State] | None:
        """A function known by its dotted name: modelled, or one of the few whose meaning is control flow."""
        models = self.knowledge.function(dotted)
        if models and is_patched(dotted, self.patched):
            return self.unknown_call(op, state)
        model = self.choose(models, op, state)
        if model is not None:
            is_done = dotted == "map" and self.makes_coroutines(op, state)
            is_done = is_done or (dotted == "next" and self._outlasts_generator(op, state))
            subject = self.always_there(model.works_on, state) if model.works_on else None
            subject = subject if isinstance(subject, Ref) else None
            return None if is_done else self.apply(op, model, subject, dotted.rpartition(".")[2], state)
        found = self.index.find(dotted, is_needed=self._concerns_resources(op, state))
        receiver, _, name = dotted.rpartition(".")
        holder = self._holder(found, state)
        # Where what defines a name says what it is, how it is used need not.
        is_told = found is not None and (holder is not None or not isinstance(found[0], Variable))
        known = self._known_receiver(op, receiver, state, is_told=is_told)
        if known is not None:
            return self._known_method(op, known, name, state)
        if found is not None:
            return self._project_call(op, found, holder, state)
        first = self.first_argument(op, state)
        if dotted in COMBINES:
            return self.combine(op, state)
        if dotted in REGISTERS:
            self.account_for(self.arguments_value(op, state), state)
            state.escape(self.arguments_value(op, state), with_parents=True)
            state.set_name(op.target, None)
            return None
        if dotted in CALLS_ELSEWHERE:
            return self.never_called(op, state) if op.is_statement else self.call_elsewhere(op, 0, state)
        if dotted in GATHERS:
            return self.gather(op, state)
        if isinstance(first, Coroutine) and dotted in PASSES_THROUGH:
            state.set_name(op.target, first)
            self.note_started(op, (first,))
            # A task runs whether it is awaited or not.
            return None if dotted in AWAITS_FIRST else self.run_aside(op, first, state)
        if isinstance(first, Coroutine) and dotted == "asyncio.run":
            return self.await_coroutine(op, first, state)
        wrapper = self._wrapper(op, dotted, first, state)
        if wrapper is None:
            # A future fails where it is awaited: what has been started is over then.
            with self.nothing_raises() if dotted in FAILS_LATER else nullcontext():
                return self._unknown_function(op, dotted, state)
        state.set_name(op.target, wrapper)
        return None

    def _unknown_function(self, op: ir.CallOp, dotted: str, state: State) -> list[State] | None:
        """A function of which nothing is known, but perhaps that nothing comes after it: `fail(error)`, `die()`."""
        links = self.index.links
        ending = links.ending_of(dotted, self.index) if links is not None else ""
        if ending == "exits":
            return []
        results = self.unknown_call(op, state)
        return [] if ending else results

    def _forget_learned(self, op: ir.CallOp, state: State) -> None:
        """`stats.reset()`, `finish(report)`: what has been counted there may be another number now."""
        method = op.callee.name if isinstance(op.callee, ir.AttributeOf) else op.dotted or ""
        if method in LOG_METHODS or method in _ONLY_LOOKS:
            return
        operands = [argument.operand for argument in op.arguments]
        if isinstance(op.callee, ir.AttributeOf):
            operands.append(op.callee.base)
        for operand in operands:
            if isinstance(operand, ir.Local) and not self.is_self(operand.name):
                state.forget_learned(operand.name, self.cfg.learned)

    def _outlasts_generator(self, op: ir.CallOp, state: State) -> bool:
        """`db = next(get_db())`: the generator is gone at once, and with it all that would release what it yields.

        What it does at its end is done by then; what can be used after that, as sessions can, has nobody to release it.
        """
        given = op.node.args[0].value if isinstance(op.node, cst.Call) and len(op.node.args) == 1 else None
        kind_id, maker = self.dropped_generators.get(id(given), ("", ""))
        kind = self.knowledge.kind(kind_id)
        if kind is None or not kind.is_lazy or kind.duty is not Duty.MUST or kind.is_pool:
            return False
        status = Status(kind_id, autocommit=kind.autocommit, used=False)
        state.set_name(op.target, self.acquire_as(op, status, state, maker=maker))
        return True

    def _known_receiver(self, op: ir.CallOp, receiver: str, state: State, *, is_told: bool) -> Value | None:
        """What stands before the last dot, where its use or what the module has put there tells."""
        known: Value | None = self._evident_receiver(op, state) if not is_told else None
        if known is None and self.index.placed:
            known = self.imported(receiver, state)
        return known if known is not None else self.always_there(receiver, state)

    def _concerns_resources(self, op: ir.CallOp, state: State) -> bool:
        """Whether a call is given a resource, or leaves one open if it raises."""
        if self.index.links is None:
            return False
        if any(status.owed and status.phase == "open" for status in state.resources.values()):
            return True
        return any(state.holds_any(self.value(argument.operand, state)) for argument in op.arguments)

    def _project_call(self, op: ir.CallOp, found: Found, holder: Value | None, state: State) -> list[State] | None:
        """A call of what another module of the project defines, or of something that belongs to it.

        *holder* is what a variable leads to, without the last name.
        """
        symbol, rest = found
        if isinstance(symbol, Variable):
            if holder is None:
                return self.unknown_call(op, state)
            return self._known_method(op, holder, rest[-1], state) if rest else self._value_call(op, holder, state)
        if isinstance(symbol, ClassInfo):
            if not rest:
                return self.construct(op, symbol, state)
            method = symbol.find_method(rest[0]) if len(rest) == 1 else None
            if method is not None and not method.is_instance_method:
                return self.local_call(op, method, None, state, self._class_object(symbol, method))
            held: Value | None = None
            if method is None:
                held = self.class_itself(symbol, state) or Outside.of_class(symbol)
            for name in rest[:-1]:
                held = self.attribute(held, name, state)
            return self._known_method(op, held, rest[-1], state) if held is not None else self.unknown_call(op, state)
        return self.local_call(op, symbol, None, state) if not rest else self.unknown_call(op, state)

    def _holder(self, found: Found | None, state: State) -> Value | None:
        """Return what a global of another module leads to, without the last of the names that follow: the method."""
        if found is None or not isinstance(found[0], Variable):
            return None
        value = self._global(found[0], state)
        for name in found[1][:-1]:
            value = self.attribute(value, name, state)
        return value

    def _wrapper(self, op: ir.CallOp, dotted: str, first: Value | None, state: State) -> Value | None:
        """Return what `closing(x)`, `suppress(E)`, `ExitStack()`, `partial(f, x)` and the like make."""
        if dotted in CLOSING or dotted in ACLOSING:
            return Manager("closing" if dotted in CLOSING else "aclosing", first)
        if dotted in SUPPRESS:
            return Manager("suppress", types=tuple(self._class_named(argument.operand) for argument in op.arguments))
        if dotted in SWALLOWS:
            return Manager("swallow")
        if dotted in NULLCONTEXT:
            return Manager("null", first if op.arguments else NONE)
        if dotted in EXIT_STACKS:
            state.boxes[op.index] = ()
            return Box(op.index, is_stack=True)
        if dotted == "functools.partial":
            rest = tuple(op.arguments[1:])
            return Partial(first, tuple(self.value(argument.operand, state) for argument in rest), rest)
        return None

    def _class_named(self, operand: ir.Operand) -> str | None:
        """Return the name of an exception class, as handlers have it."""
        if isinstance(operand, ir.Dotted):
            return operand.name
        is_own = isinstance(operand, ir.Local) and self.index.find_class(operand.name, self.function) is not None
        return operand.name if is_own and isinstance(operand, ir.Local) else None

    def _may_be_tested(self, site: SiteKey) -> bool:
        """Whether somebody may ask whether what came from outside is there; if not, to know that tells paths apart.

        A module with ten clients would have a thousand ways to call each function, by those that have been used before.
        """
        if site[0] != "global":
            return site[0] in ("param", "self")
        links = self.index.links
        return links is None or links.may_be_tested(str(site[1]), self.index)

    def _resource_method(self, op: ir.CallOp, receiver: Ref, name: str, state: State) -> list[State] | None:
        status = state.status(receiver.rid)
        kind = self.kind_of(status)
        if status is None or kind is None:
            return self.unknown_call(op, state)
        if not status.is_there and self._may_be_tested(receiver.rid[0]):
            state.update(receiver.rid, is_there=True)
        model = self.choose(kind.methods.get(name, ()), op, state)
        if name in kind.unit_flags and not op.arguments:
            state.set_name(op.target, self.unit_flag(receiver, state))
            return None
        if model is not None:
            if name in kind.state_flags:
                state.set_name(op.target, Literal(kind.state_flags[name] == (status.phase == "open")))
                return None
            return self.apply(op, model, receiver, name, state)
        if name in kind.state_flags and status.phase != "gone":
            flag = kind.state_flags[name]
            state.set_name(op.target, Literal(flag if status.phase == "open" else not flag))
            return None
        part = self.knowledge.kind(kind.any_attribute) if kind.any_attribute is not None else None
        if part is not None and "__call__" in part.methods:
            return self._resource_method(op, self.part_of(receiver, part.id, state), "__call__", state)
        if name in ("__enter__", "__aenter__"):
            state.set_name(op.target, receiver)
            return None
        if name in ("__exit__", "__aexit__"):
            self.exit_resource(op.node, receiver, state, is_async=name == "__aexit__", is_raise=False)
            state.set_name(op.target, None)
            return None
        state.escape(self.arguments_value(op, state), with_parents=False)
        if status.phase == "released":
            # Nothing is known of the method: it may open again what was released.
            state.doubt(receiver.rid)
        state.use(receiver.rid)
        unit = self.unit_worked_in(op, state)
        thrown = self.throw(state, op.node, self.driver_raise(kind.driver), is_low=op.in_cleanup, by=name)
        if unit is not None and thrown is not None:
            self.fail_unit_around(unit, op, thrown)
        state.set_name(op.target, None)
        return None

    def look(self, op: ir.LookOp, state: State) -> list[State] | None:
        """`conn.close` as a statement: of a method that releases, it says what was meant."""
        if not isinstance(op.operand, ir.AttributeOf):
            return None
        name = op.operand.name
        receiver = self.value(op.operand.base, state)
        if isinstance(receiver, Instance):
            if receiver.owner.find_method(name) is None or not self.program.classes.is_release(name):
                return None
            for rid in state.refs(receiver):
                state.note(op.node, "named", rid)
            self.after.uncalled.setdefault(id(op.node), Uncalled(op.node, None, receiver.owner.name, name))
            return None
        if receiver is None:
            self.after.uncalled.setdefault(id(op.node), Uncalled(op.node, None, None, name))
        if not isinstance(receiver, Ref):
            return None
        status = state.status(receiver.rid)
        kind = self.kind_of(status)
        releases = [model.releases for model in kind.methods.get(name, ())] if kind is not None else []
        if any(each is not None for each in releases):
            site = self.sites.get(receiver.rid[0])
            meant = [receiver.rid] if "self" in releases else state.children(receiver.rid)
            for rid in meant:
                state.note(op.node, "named", rid)
            acquired = site.node if site is not None else None
            self.after.uncalled[id(op.node)] = Uncalled(op.node, kind, site.name if site else None, name, acquired)
        elif kind is not None and name in kind.methods and self.program.classes.is_release(name):
            # It would not give back what was taken from a pool: that is missing, or done, for itself.
            site = self.sites.get(receiver.rid[0])
            self.after.uncalled.setdefault(id(op.node), Uncalled(op.node, kind, site.name if site else None, name))
        return None


def _is_followed(value: Partial) -> bool:
    """Whether it is known what a bundle calls, and with what."""
    if isinstance(value.callee, Method):
        return not value.items
    return isinstance(value.callee, (Name, Function))


def _with_arguments_of(value: Partial, op: ir.CallOp) -> ir.CallOp:
    """Return a call of what a bundle calls: with its arguments first; of two with one keyword the later one holds."""
    said = {argument.keyword for argument in op.arguments} - {None}
    kept = [argument for argument in value.arguments if argument.keyword not in said]
    return replace(op, arguments=(*kept, *op.arguments)) if kept else op
