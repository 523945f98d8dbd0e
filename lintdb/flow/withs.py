"""Entering and leaving `with` blocks, and everything else that runs clean-up code later: stacks, callbacks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import libcst as cst

from lintdb.effects import CallModel, Event, Form, Kind, WithBlock
from lintdb.flow import ir
from lintdb.flow.exceptions import Match, match_types
from lintdb.flow.modelled import ModelledCalls
from lintdb.flow.results import Unawaited
from lintdb.flow.sites import BYPASSED, PendingCall, Site
from lintdb.flow.state import State
from lintdb.flow.stdlib import LOCK_NAMES, NEVER_RAISES
from lintdb.flow.summaries import Summary
from lintdb.flow.values import (
    NONE,
    TRUE,
    TRUTHY,
    Box,
    Coroutine,
    Function,
    Instance,
    Literal,
    Manager,
    Many,
    Method,
    Name,
    Outside,
    Partial,
    Raised,
    Ref,
    Rid,
    SiteKey,
    Status,
    Value,
    place_of,
)

_NO_ERROR = (ir.Constant(None),) * 3
_ERROR = ir.Local("$error")
"""What `__exit__` is told of an exception: that there is one."""
_HELD = "$held by exit"
"""Where the exception waits while the exit of an object runs."""


class Withs(ModelledCalls, ABC):
    """The semantics of `with`."""

    @abstractmethod
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

    def enter(self, op: ir.EnterOp, state: State) -> list[State] | None:
        """`with manager as target`: bind the target, keep what the exit needs in the slot."""
        value = self.value(op.manager, state)
        if value is None or isinstance(value, (Function, Name)):
            if not self._is_harmless_manager(op.node):
                self.throw(state, op.node, is_low=op.in_cleanup)
            state.set_name(op.target, None)
            state.set_name(op.slot, self._scope(op.node))
            return None
        if isinstance(value, (Instance, Outside)):
            states = self.call_method(value, "__aenter__" if op.is_async else "__enter__", op, state, target=op.target)
            for each in states:
                each.set_name(op.slot, value)
            return states
        target, slot = self.enter_value(op, value, state)
        states = [state]
        if isinstance(target, Ref) and isinstance(value, Manager) and isinstance(value.lends, Many):
            states.append(state.copy())
            states[1].drop(target.rid)
            states[1].set_name(op.target, NONE)
            states[1].set_name(op.slot, slot)
        state.set_name(op.target, target)
        state.set_name(op.slot, slot)
        return states

    def _scope(self, node: cst.CSTNode) -> Manager | None:
        """Return what ends a block that is a scope of a framework, by the method that opens it."""
        function = node.func if isinstance(node, cst.Call) else None
        name = function.attr.value if isinstance(function, cst.Attribute) else ""
        return Manager("scope", types=(name,)) if name in self.knowledge.scope_blocks() else None

    def _is_harmless_manager(self, node: cst.CSTNode) -> bool:
        """Whether entering something that is not followed never fails: a lock, a time limit, a group of tasks."""
        if isinstance(node, cst.Call):
            return self.index.dotted(node.func, self.function) in NEVER_RAISES
        name = node.attr if isinstance(node, cst.Attribute) else node
        return isinstance(name, cst.Name) and name.value.lower().endswith(LOCK_NAMES)

    def enter_value(self, op: ir.EnterOp | ir.CallOp, value: Value, state: State) -> tuple[Value | None, Value | None]:
        """Enter a manager; return what `as` binds, and what the exit needs."""
        if isinstance(value, Ref):
            status = state.status(value.rid)
            if status is not None and status.kind.startswith("class:"):
                self.throw(state, op.node, is_low=op.in_cleanup)
            is_nested = self._begins(value, state)
            return self._as_target(op, value, state), Manager("part", value) if is_nested else value
        if isinstance(value, Box):
            return value, value
        if isinstance(value, Coroutine):
            return self._enter_coroutine(op, value, state)
        if isinstance(value, Manager):
            return self._enter_manager(op, value, state)
        if isinstance(value, Many):
            return value, value
        self.throw(state, op.node, is_low=op.in_cleanup)
        return None, None

    def _begins(self, value: Ref, state: State) -> bool:
        """A block on something that ends the unit of work of its parent begins; return whether it is a part of one."""
        status = state.status(value.rid)
        kind = self.kind_of(status)
        if kind is None or kind.events_on != "parent":
            return False
        if not any(block is not None and block.commits for block in (kind.with_block, kind.async_with_block)):
            return False
        by = next((number for number in value.rid[0] if isinstance(number, int) and number in self.operations), -1)
        return self.begin_block(self.root_of(value.rid, state), state, by)

    def _as_target(self, op: ir.EnterOp | ir.CallOp, value: Ref, state: State) -> Value | None:
        """What `with resource as target` binds: itself, nothing, or something that belongs to it."""
        status = state.status(value.rid)
        kind = self.kind_of(status)
        if kind is None or kind.enters == "self":
            return value
        if kind.enters == "none":
            return Literal(None)
        site = ("entered", id(op))
        self.sites.setdefault(site, Site(op.node, kind.enters))
        state.resources[(site, 0)] = Status(kind.enters, owed=False, parent=value.rid)
        return Ref((site, 0))

    def kind_awaited(self, pending: PendingCall) -> Kind | None:
        """Return the kind of what a coroutine function of the project gives; None if it gives anything else."""
        if not pending.function.is_as_written:
            return None
        found = self.types.peers.result_of(pending.function)
        return self.knowledge.kind(found.type) if found is not None and isinstance(found.type, str) else None

    def _enter_coroutine(
        self, op: ir.EnterOp | ir.CallOp, value: Coroutine, state: State
    ) -> tuple[Value | None, Value | None]:
        """`async with pool.acquire()`: awaiting and entering in one; leaving the block gives it back."""
        state.update(value.rid, phase="released")
        call = self.operations.get(value.call)
        model = self.calls[value.call].model if value.call in self.calls else None
        if call is None or model is None:
            pending = self.pending_calls.get(value.call)
            kind = self.kind_awaited(pending) if pending is not None else None
            if pending is not None and kind is not None and not self.is_for_caller:
                node = pending.op.node
                self.values_seen.unready.setdefault(id(node), Unawaited(node, kind, is_entered=True))
            self.throw(state, op.node, is_low=op.in_cleanup)
            state.escape(value, with_parents=True)
            return None, None
        if model.form is Form.AWAIT and not self.is_for_caller:
            kind = self.knowledge.kind(model.acquires) if model.acquires is not None else None
            self.values_seen.unready.setdefault(id(call.node), Unawaited(call.node, kind, is_entered=True))
        entered = self._entered(call, model, value.inner, state)
        if entered is None:
            return None, None
        is_nested = isinstance(entered, Ref) and self._begins(entered, state)
        return entered, Manager("entered", entered, call=value.call, is_nested=is_nested)

    def _entered(self, call: ir.CallOp, model: CallModel, given: Value | None, state: State) -> Value | None:
        """Do what a call does that waited for its block, and return what it gives."""
        self.perform(call, model, given, given if isinstance(given, Ref) else None, state, target="$entered")
        return state.env.pop("$entered", None)

    def _enter_manager(
        self, op: ir.EnterOp | ir.CallOp, value: Manager, state: State
    ) -> tuple[Value | None, Value | None]:
        if value.what in ("closing", "aclosing", "null"):
            return value.inner, value
        if value.what == "acquire":
            entered = self._entered(self.operations[value.call], self.calls[value.call].model, value.inner, state)
            return entered, Manager("entered", entered)
        if value.what == "unit":
            call = self.operations[value.call]
            model = self.calls[value.call].model
            self.throw(state, op.node, self.driver_raise(model.driver))
            receiver = value.inner if isinstance(value.inner, Ref) else None
            target: Value | None = None
            if model.acquires is not None:
                owned = self.acquire(call, model.acquires, model, receiver, state)
                is_nested = self.begin_block(self.root_of(owned.rid, state), state)
                return owned, Manager("entered", owned, kind="commits", is_nested=is_nested)
            if receiver is not None:
                value = replace(value, is_nested=self.begin_block(self.root_of(receiver.rid, state), state))
            if model.gives == "self":
                target = receiver
            elif model.gives is not None:
                target = self.give(call, model, receiver, state)
            return target, value
        if value.what == "local":
            summary = self.summary_of(value)
            if summary is None:
                self.throw(state, op.node, is_low=op.in_cleanup)
            else:
                self.note_blocking(value.call, self.operations.get(value.call, op).node, summary.blocks)
                self._fail_at(op, summary, "", state)
            if isinstance(op, ir.EnterOp):
                self.spelled.setdefault(("managed", value.call), op.target)
            return self._managed_target(value, state), value
        return None, value

    def _managed_target(self, value: Manager, state: State) -> Value | None:
        """What `as` binds: a resource that the manager looks after, an object of the project, or a tuple with some."""
        lends = value.lends
        if isinstance(lends, Many) and not lends.is_sequence and lends.items:
            lends = lends.items[0]  # the other is nothing at all
        if isinstance(lends, Name):
            return self._lent(value, ("managed", value.call), lends.dotted, state)
        if isinstance(lends, Outside):
            return lends if lends.root[0] == "global" else Outside(lends.owner, ("managed", value.call))
        if not isinstance(lends, Many) or not lends.is_sequence:
            return None
        kinds = {number: item.dotted for number, item in enumerate(lends.items) if isinstance(item, Name)}
        if len(set(kinds.values())) < len(kinds):
            return None  # which of two owners a part is of, and whether they are two, is not known
        lent = {number: self._lent(value, ("managed", value.call, number), kinds[number], state) for number in kinds}
        for number, part in lent.items():
            # `yield cur, conn`: work on the one is work on the other.
            owner = next((lent[each] for each in lent if self._makes(kinds[each], kinds[number])), None)
            if owner is not None and owner != part:
                state.update(part.rid, parent=owner.rid)
        return Many(tuple(lent.get(number) for number in range(len(lends.items))), is_sequence=True)

    def _makes(self, owner: str, kind: str) -> bool:
        """Whether a method of one kind acquires the other."""
        found = self.knowledge.kind(owner)
        models = found.methods.values() if found is not None else ()
        return any(model.acquires == kind for each in models for model in each)

    def _lent(self, value: Manager, site: SiteKey, kind_id: str, state: State) -> Ref:
        """Add a resource that a manager lends for the time of its block."""
        call = self.operations.get(value.call)
        self.sites.setdefault(site, Site(call.node if call else self.function.node, kind_id))
        kind = self.knowledge.kind(kind_id)
        autocommit = kind.autocommit if kind is not None else None
        summary = self.summary_of(value)
        lenders = summary.lenders if summary is not None else frozenset()
        parent = next(iter(lenders)) if len(lenders) == 1 else None
        goes = self._goes_with(parent, kind, state)
        state.resources[(site, 0)] = Status(
            kind_id, owed=False, autocommit=autocommit, parent=parent, goes_with_parent=goes
        )
        return Ref((site, 0))

    def leave(self, op: ir.ExitOp, state: State) -> list[State] | None:
        """The block ended without an exception."""
        value = state.env.pop(op.slot, None)
        if isinstance(value, (Instance, Outside)):
            name = "__aexit__" if op.is_async else "__exit__"
            _leave_units_to(value, state)
            return self.call_method(value, name, op, state, target="$left", arguments=_NO_ERROR)
        self.units.kept_by_block.clear()
        self.check_late(value, op.node, state, is_raise=False)
        if value is not None:
            self.leave_value(op.node, value, state, op.is_async, is_raise=False)
        ended = self.summary_of(value)
        if ended is not None:
            # What the manager does behind its `yield` may raise, too.
            self._fail_at(op, ended, "resumed", state)
        elif self.units.kept_by_block:
            # What is refused is undone, and the block's clean-up is through by then.
            self.throw(state, op.node, self.driver_raise(self.units.kept_by_block[0].driver), by="end of block")
        return None

    def leave_raising(self, t: ir.ExitRaise, state: State) -> None:
        """The block ended by an exception, which the manager may swallow."""
        value = state.env.pop(t.slot, None)
        raised = state.raised or Raised()
        match = Match.NEVER
        if isinstance(value, (Instance, Outside)):
            state.raised = None
            state.set_name(_ERROR.name, TRUTHY)
            state.kept[_HELD] = raised
            name = "__aexit__" if t.is_async else "__exit__"
            _leave_units_to(value, state)
            for each in self.call_method(value, name, t.node, state, target="$left", arguments=(_ERROR,) * 3):
                each.kept.pop(_HELD, None)
                if each.env.get("$left") == TRUE:
                    self.go(t.swallowed, each)
                else:
                    each.raised = raised
                    self.go(t.outer, each)
            return
        if isinstance(value, Manager) and value.what == "suppress":
            match = match_types(value.types, raised, self.types)
        elif isinstance(value, Manager) and value.what == "swallow":
            match = Match.ALWAYS
        elif value is not None:
            self.check_late(value, t.node, state, is_raise=True)
            self.leave_value(t.node, value, state, t.is_async, is_raise=True)
        if match is not Match.NEVER:
            swallowed = state.copy()
            if isinstance(value, Manager) and value.what == "suppress":
                self.keep_failure(value.types, raised, swallowed)
            swallowed.raised = None
            swallowed.note(t.node, "swallowed", value.types if isinstance(value, Manager) else ())
            self.go(t.swallowed, swallowed)
        if match is not Match.ALWAYS:
            types = value.types if isinstance(value, Manager) and value.what == "suppress" else ()
            passed = {*raised.passed, *(name for name in types if name is not None)}
            state.raised = raised._replace(passed=self.telling(passed, t.outer, state))
            self.go(t.outer, state)

    def leave_value(self, node: cst.CSTNode, value: Value, state: State, is_async: bool | None, is_raise: bool) -> None:
        """What leaving a block does to the manager; *is_async* None: whichever way the manager can be left."""
        if isinstance(value, Ref):
            self.exit_resource(node, value, state, is_async, is_raise)
        elif isinstance(value, (Instance, Outside)):
            name = "__exit__" if value.owner.find_method("__exit__") else "__aexit__"
            if is_raise:
                state.set_name(_ERROR.name, TRUTHY)
            self._finish(value, name, node, state, arguments=(_ERROR,) * 3 if is_raise else _NO_ERROR)
        elif isinstance(value, Many):
            for item in value.items:
                if item is not None:
                    self.leave_value(node, item, state, is_async, is_raise)
        elif isinstance(value, Box):
            self.unwind_stack(node, value, state, is_raise)
        elif isinstance(value, Manager):
            self._leave_manager(node, value, state, is_raise)

    def _leave_manager(self, node: cst.CSTNode, value: Manager, state: State, is_raise: bool) -> None:
        if value.what in ("closing", "aclosing") and value.inner is not None:
            method = "close" if value.what == "closing" else "aclose"
            self._call_release(node, value.inner, method, state, is_async=value.what == "aclosing")
        elif value.what == "entered" and isinstance(value.inner, Ref):
            status = state.status(value.inner.rid)
            kind = self.kind_of(status)
            if status is not None and kind is not None:
                own = self.calls[value.call].model.leaving if value.call in self.calls else None
                ways = (own, kind.with_block, kind.async_with_block)
                block = next((way for way in ways if way is not None and way is not WithBlock.NONE), None)
                root = self.root_of(value.inner.rid, state)
                commits = value.kind == "commits" or (block is not None and block.commits)
                if commits or (is_raise and _may_roll_back(kind)):
                    self.end_block(root, state, is_nested=value.is_nested, is_raise=is_raise)
                elif is_raise and _rolls_back_part(kind):
                    self.happen(root, Event.ROLLBACK_PART, None, state)
            self.release_by_block(value.inner.rid, node, state)
        elif value.what == "unit" and isinstance(value.inner, Ref):
            root = self.root_of(value.inner.rid, state)
            self.end_block(root, state, is_nested=value.is_nested, is_raise=is_raise)
        elif value.what == "part" and isinstance(value.inner, Ref):
            self.end_block(self.root_of(value.inner.rid, state), state, is_nested=True, is_raise=is_raise)
            self.release_by_block(value.inner.rid, node, state)
        elif value.what == "local":
            self._leave_managed(node, value, state, is_raise)
        elif value.what == "scope":
            self._leave_scope(value, state)
        elif value.what in ("callback", "async-callback") and isinstance(value.inner, Partial):
            self.run_callback(node, value.inner, state, value.what == "async-callback")

    def _leave_scope(self, value: Manager, state: State) -> None:
        """What belongs to the scope is undone, and is as good as new."""
        for rid, status in list(state.resources.items()):
            kind = self.kind_of(status)
            if kind is not None and not set(kind.scope_blocks).isdisjoint(value.types):
                self.happen(rid, Event.ROLLBACK, None, state)

    def _fail_at(self, op: ir.Operation, summary: Summary, progress: str, state: State) -> None:
        """Take the paths on which a manager raises once it has got that far."""
        for outcome in summary.outcomes:
            if outcome.is_raise and outcome.yielded == progress:
                is_low = op.in_cleanup or outcome.low >= BYPASSED
                thrown = self.throw(state, op.node, outcome.raised, is_low=is_low)
                if thrown is not None:
                    thrown.make_unlikely(outcome.low)

    def _end_unit(self, value: Manager, summary: Summary, state: State, is_raise: bool) -> None:
        """The manager ends, on all ways out of the block, the unit of work on what it was given."""
        ends = [dict(each.statuses) for each in summary.outcomes if each.is_raise is is_raise and each.yielded]
        for rid in set(state.refs(value.inner)):
            known = [statuses[rid] for statuses in ends if rid in statuses]
            if known and all(status.phase == "open" and status.pending < 0 for status in known):
                is_kept = not is_raise and any(rid in outcome.committed for outcome in summary.outcomes)
                self.happen(rid, Event.COMMIT if is_kept else Event.ROLLBACK, None, state)

    def _leave_managed(self, node: cst.CSTNode, value: Manager, state: State, is_raise: bool) -> None:
        """The block on such a manager ended: its clean-up ran."""
        summary = self.summary_of(value)
        if summary is not None:
            self._end_unit(value, summary, state, is_raise)
        for rid in self.managed.get(value.call, frozenset()):
            self.release(rid, state, None, node)
        ends = summary is not None and (summary.ends_yielded_on_error if is_raise else summary.ends_yielded)
        for target in [rid for rid in state.resources if place_of(rid[0])[:2] == ("managed", value.call)]:
            status = state.resources[target]
            is_pending = status.phase == "open" and status.pending >= 0
            if is_pending and summary is not None and summary.drops_work:
                self.lose_work(target, status, state, None, by_with=True)
            if status.phase == "open" and ends:
                self.note_release(target, node, state)
            if summary is None or ends or not summary.lenders:
                state.release(target)

    def exit_resource(self, node: cst.CSTNode, value: Ref, state: State, is_async: bool | None, is_raise: bool) -> None:
        """`with conn:` ends: what that does is the driver's business."""
        status = state.status(value.rid)
        kind = self.kind_of(status)
        if status is None or kind is None:
            return
        ways = [kind.async_with_block, kind.with_block] if is_async else [kind.with_block, kind.async_with_block]
        known = [way for way in ways if way is not None and (is_async is not None or way is not WithBlock.NONE)]
        block = known[0] if known else None
        if block is None or block is WithBlock.UNKNOWN:
            # Not known to be a context manager, or what kind of: nothing can be said of it from here on.
            state.escape(value, with_parents=False)
            return
        root = self.root_of(value.rid, state)
        if block.commits:
            self.happen(root, Event.ROLLBACK if is_raise else Event.COMMIT, None, state)
        elif is_raise and block.releases and _may_roll_back(kind):
            self.happen(root, Event.ROLLBACK, None, state)
        elif is_raise and _rolls_back_part(kind):
            self.happen(root, Event.ROLLBACK_PART, None, state)
        if block is WithBlock.COMMIT and not is_raise:
            self.check_block_end(value.rid, node, state)
        if block.releases:
            self.release_by_block(value.rid, node, state)
        elif block in (WithBlock.COMMIT, WithBlock.KEEP, WithBlock.WRONG_RELEASE):
            state.update(value.rid, kept=True)

    def release_by_block(self, rid: Rid, node: cst.CSTNode, state: State) -> None:
        """The end of a block releases a resource."""
        status = state.status(rid)
        kind = self.kind_of(status)
        if kind is not None and not kind.exit_after_release:
            self.check_released_again(rid, node, "", state)
        self.release(rid, state, None, by_with=node)

    def unwind_stack(self, node: cst.CSTNode, box: Box, state: State, is_raise: bool) -> None:
        """An ExitStack is closed: what was entered is left, what was registered is called, last first."""
        for item in reversed(state.boxes.get(box.id, ())):
            self.leave_value(node, item, state, None, is_raise)
        state.empty(box)

    def _finish(
        self,
        value: Instance | Outside,
        name: str,
        node: cst.CSTNode,
        state: State,
        *,
        arguments: tuple[ir.Operand, ...] = (),
    ) -> None:
        """Run a clean-up method of an object where only one state can go on: the first outcome stands for all."""
        results = self.call_method(value, name, node, state, target="$left", arguments=arguments)
        if results and results[0] is not state:
            state.env, state.boxes, state.resources = results[0].env, results[0].boxes, results[0].resources
            state.trace = results[0].trace

    def run_callback(self, node: cst.CSTNode, callback: Partial, state: State, is_async: bool) -> None:
        """A registered clean-up runs: `stack.callback(conn.close)`, `stack.callback(pool.putconn, conn)`."""
        callee = callback.callee
        if isinstance(callee, Method):
            self._call_release(node, callee.receiver, callee.name, state, is_async=is_async, arguments=callback.items)
        else:
            state.escape(callback, with_parents=True)

    def _call_release(
        self,
        node: cst.CSTNode,
        receiver: Value,
        method: str,
        state: State,
        *,
        is_async: bool,
        arguments: tuple[Value | None, ...] = (),
    ) -> None:
        """Run a method for its releasing effect; a coroutine that nobody awaits has none."""
        if isinstance(receiver, Instance):
            self._finish(receiver, method, node, state)
            return
        for rid in list(state.refs(receiver)):
            status = state.status(rid)
            kind = self.kind_of(status)
            if kind is None:
                continue
            for model in kind.methods.get(method, ()):
                if model.releases is None or (model.coroutine and not is_async):
                    continue
                if model.releases == "self":
                    self.check_released_again(rid, node, method, state)
                    self.release(rid, state, None, by_with=node)
                elif arguments:
                    for released in list(state.refs(arguments[0])):
                        self.release(released, state, None, by_with=node)
                break


def _leave_units_to(manager: Instance | Outside, state: State) -> None:
    """Forget the units of work that began with a manager which ends them by something that is not seen to be theirs.

    The call that gave the manager has begun them, so that its exit ends them, whatever it knows them by.
    """
    made = manager.id if isinstance(manager, Instance) else manager.root[-1]
    held = set(state.refs(manager))
    for rid, status in list(state.resources.items()):
        if status.begun >= 0 and status.begun == made and rid not in held:
            state.update(rid, begun=-1)


def _rolls_back_part(kind: Kind) -> bool:
    """Whether it is a savepoint, or the like."""
    return any(model.event is Event.ROLLBACK_PART for model in kind.methods.get("rollback", ()))


def _may_roll_back(kind: Kind) -> bool:
    """Whether a block that raises undoes pending work: what works in the unit of its owner must be what ends that."""
    return kind.events_on == "self" or WithBlock.COMMIT_RELEASE in (kind.with_block, kind.async_with_block)
