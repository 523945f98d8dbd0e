"""Follows one function: every block is run with every state that reaches it, until nothing new turns up.

States are kept apart as long as they differ, so a resource that is open only when a flag is set is still told from one
that is open always. The number of states is bounded; what lies beyond the bound is not looked at, so that running out
of budget can lose a finding but never make one up.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

import libcst as cst

from lintdb.effects import Event
from lintdb.flow import ir
from lintdb.flow.assume import Assumptions
from lintdb.flow.calls import Calls
from lintdb.flow.cfg import Block
from lintdb.flow.contexts import is_left_on_context, key_on_context
from lintdb.flow.evaluate import contents_of, may_be_none
from lintdb.flow.exceptions import Match, is_caught_before, match_handler
from lintdb.flow.iteration import Iterations
from lintdb.flow.run import THROWN
from lintdb.flow.sharings import STARTED
from lintdb.flow.sites import BYPASSED, Exit
from lintdb.flow.state import WAS, State
from lintdb.flow.summaries import RESUMED, YIELDED
from lintdb.flow.texts import lengthened, pieces_of
from lintdb.flow.tracked import tracked
from lintdb.flow.values import (
    COUNTED,
    NONE,
    NOT_NONE,
    TRUTHY,
    Box,
    Coroutine,
    Data,
    Hole,
    Instance,
    Literal,
    Many,
    Name,
    Outside,
    Raised,
    Ref,
    Rid,
    SiteKey,
    Table,
    Tally,
    Value,
    attribute_of,
    one_of,
)
from lintdb.flow.visited import Visited

_LOCK = re.compile(
    r"(?:^|_)(?:(?:lock|mutex|sem(?:aphore)?|guard)(?:ed|s)?$|busy|depth|level|entered|in_use|nested)", re.IGNORECASE
)
"""What keeps others out of a block, or tells whether it has been entered, by its name."""

MAX_STATES_PER_BLOCK = 64
MAX_ENDS = 128
"""States in which a function ends: nothing comes behind them, so they are cheap, and a caller wants them all."""
MAX_FORKS = 256
"""States behind one operation inside a block: calls of helpers have many outcomes, and those of several multiply."""
MAX_STEPS = 12000
_COST_WITHOUT_RESOURCE = 3
"""What a step counts for where nothing is known to be there: it seldom leads to a finding, and there are many."""


class Follower(Iterations, Assumptions):
    """Runs a function: the worklist, the simple operations, and the ends of blocks."""

    def run(self) -> None:
        """Follow all paths within the budget."""
        live, tests = self.program.live(self.cfg)
        places = [Visited(MAX_STATES_PER_BLOCK) for _ in self.cfg.blocks]
        for end in (self.cfg.exit, self.cfg.raise_exit):
            places[end] = Visited(MAX_ENDS)
        self.mark_unbound(self.start)
        self.queue.append((self.cfg.entry, self.start))
        while self.queue:
            block_id, state = self.queue.popleft()
            self.tested = tests[block_id]
            state.forget_dead(live[block_id], self.tested)
            is_end = block_id in (self.cfg.exit, self.cfg.raise_exit)
            self.check_overwritten(state, is_end=is_end)
            if is_end:
                state.kept.clear()
            if not places[block_id].admit(state):
                self.is_complete = self.is_complete and not places[block_id].is_full
                continue
            if self._is_in_vain:
                return
            self.steps += 1
            self.cost += 1 if state.resources else _COST_WITHOUT_RESOURCE
            if self.steps > MAX_STEPS:
                self.is_complete = False
                return
            self._run_block(self.cfg.blocks[block_id], state)

    @property
    def _is_in_vain(self) -> bool:
        """Whether nothing that is still to be found can be used: a caller has no use for half of a summary."""
        return self.is_for_caller and not self.is_complete

    def _run_block(self, block: Block, state: State) -> None:
        self.block = block
        stack = [(0, state)]
        operations = block.operations
        while stack and not self._is_in_vain:
            position, current = stack.pop()
            for number in range(position, len(operations)):
                operation = operations[number]
                results = self.OPERATIONS[type(operation)](self, operation, current)
                if results is not None:
                    for each in results:
                        if isinstance(operation, ir.CallOp) and operation.is_statement:
                            each.env.pop(operation.target, None)
                        if self._is_new_fork(number, each):
                            stack.append((number + 1, each))
                    break
            else:
                self.TERMINATORS[type(block.terminator)](self, block.terminator, current)

    def _is_new_fork(self, number: int, state: State) -> bool:
        """Whether an outcome of an operation in the block must be followed: the rest cannot tell apart equal ones."""
        fork = self._forks.get((self.block.id, number))
        if fork is None:
            fork = self._forks[self.block.id, number] = Visited(MAX_FORKS)
        is_new = fork.admit(state)
        self.is_complete = self.is_complete and not fork.is_full
        return is_new

    def _store(self, op: ir.StoreOp, state: State) -> list[State] | None:
        value = self.value(op.operand, state)
        self._bind_name(op.name, value, state, is_of_block=self._is_of_block(op, value, state))
        if value is None and isinstance(op.node, cst.AnnAssign) and not self.function.is_module:
            self._bind_as_said(op.name, op.node.annotation.annotation, state)
        if state.kept:
            state.rename_error(op.operand.name if isinstance(op.operand, ir.Local) else "", op.name)
        if op.name == "$return" and value is not None:
            state.note(op.node, "return")
        return None

    def _bind_as_said(self, name: str, annotation: cst.BaseExpression, state: State) -> None:
        """`pool: Pool = request.app.state.pool`: nothing but the annotation tells what somebody else keeps there."""
        what = self.types.type_of_annotation(annotation, self.function)
        value = self.outside(("named", name), what, None, state)
        if isinstance(value, Ref):
            # As with what its use alone tells: whoever made it may look after it when the function is done.
            state.update(value.rid, outlives=False)
        if value is not None:
            state.set_name(name, value)

    def _is_of_block(self, op: ir.StoreOp, value: Value | None, state: State) -> bool:
        """`with pool.getconn() as conn:` in the body of a module, where no function names the variable.

        However long that lives, others miss what was taken from where it has to go back to; and what the block itself
        releases is over with it.
        """
        kind = None
        if self.function.is_module and isinstance(value, Ref):
            kind = self.kind_of(state.status(value.rid))
        ways = (kind.with_block, kind.async_with_block) if kind is not None else ()
        if kind is None or not (kind.lives_on or any(way is not None and way.releases for way in ways)):
            return False
        blocks = (node for node in self.function.nodes if isinstance(node, cst.With))
        is_bound_by_block = any(item.item is op.node for block in blocks for item in block.items)
        functions = (info for info in self.index.all_functions if not info.is_module)
        return is_bound_by_block and not any(op.name in info.free_names | info.outer for info in functions)

    def _bind_name(self, name: str, value: Value | None, state: State, *, is_of_block: bool = False) -> None:
        state.resources.pop((("named", name), 0), None)
        state.env.pop(STARTED + name, None)
        if state.facts:
            state.forget_facts(name)
        if isinstance(value, (Ref, Instance)) and not name.startswith("$"):
            for rid in [value.rid] if isinstance(value, Ref) else list(state.refs(value)):
                site = self.sites.get(rid[0])
                if site is not None and site.name is None:
                    site.name = name
        if isinstance(value, Outside) and self.spelled.get(value.root, "").startswith("$") and not name.startswith("$"):
            self.spelled[value.root] = name  # what a block gives is called by the name after `as`
        if (self.function.is_module and not name.startswith("$")) or name in self.function.outer:
            # A module-level name lives as long as the program: whoever closes it, it is not this body's omission.
            own: SiteKey = ("global", name, self.index.name.number)
            self.after.rebound.add(own)
            if not isinstance(value, Ref) or value.rid[0] != own:  # as in `client = client or open()`
                state.update((own, 0), is_there=False)
                if is_of_block and isinstance(value, Ref):
                    self.attributes.of_blocks.add(value.rid[0])
                else:
                    state.hand_over(value)
        state.set_name(name, value)

    def _write_to_tracked(self, op: ir.StoreAttributeOp, state: State) -> None:
        """`user.name = name`, for an object that something has given which writes that with its next commit."""
        is_emptied = isinstance(op.operand, ir.Constant) and op.operand.value is None
        if not isinstance(op.base, ir.Local) or is_emptied:
            return  # what is not to be shown to somebody is set to None
        found = tracked(op.base.name, self.function)
        giver = state.env.get(found.giver) if found is not None else None
        kind = self.kind_of(state.status(giver.rid)) if isinstance(giver, Ref) else None
        if found is None or not isinstance(giver, Ref) or kind is None or not kind.tracks_objects:
            return
        if found.declares(op.attribute):
            call = ir.CallOp(op.node, op.in_cleanup, "", ir.UNKNOWN, None, (), index=op.index)
            self.operations.setdefault(op.index, call)
            self.happen(self.root_of(giver.rid, state), Event.WRITE, self.operations[op.index], state)

    def _store_attribute(self, op: ir.StoreAttributeOp, state: State) -> list[State] | None:
        value = self.value(op.operand, state)
        if state.facts:
            state.forget_facts(op.attribute)
        base = self.value(op.base, state)
        if isinstance(base, Ref):
            status = state.status(base.rid)
            kind = self.kind_of(status)
            if kind is not None and op.attribute in kind.attribute_events:
                self.units.switches[op.index] = op.node
                working = self.root_of(base.rid, state)
                self.note_switch(working, op, value if isinstance(op.operand, ir.Constant) else None, state)
                self.switch_mode(working, value, state, kind.attribute_events[op.attribute])
        if isinstance(op.base, ir.Local) and self.is_self(op.base.name):
            if isinstance(value, Ref):
                site = self.sites.get(value.rid[0])
                if site is not None and site.name is None:
                    site.name = f"self.{op.attribute}"
            self._keep_on_self(op, value, state)
            return None
        if isinstance(base, Instance):
            is_there = value is None and self._is_given(op.operand)
            state.set_name(f"{base.prefix}{op.attribute}", NOT_NONE if is_there else value)
            if state.is_away(base):
                state.hand_over(value)
            return None
        self._write_to_tracked(op, state)
        self.note_kept_on_class(op, value, state)
        holder = base if isinstance(base, Outside) else self.class_named(op.base)
        if holder is not None:
            place = attribute_of(holder.root, op.attribute)
            self.after.rebound.add(place)
            state.forget_released(place)
            state.update((place, 0), is_there=False)
        state.escape(value, with_parents=True)
        return None

    def _is_given(self, operand: ir.Operand) -> bool:
        """Whether something that is not known is there for sure: a parameter without a default, or a new object."""
        if not isinstance(operand, ir.Local):
            return False
        if operand.name.startswith("$t"):
            op = self.operations.get(int(operand.name.removeprefix("$t")))
            callee = op.callee if isinstance(op, ir.CallOp) else None
            name = callee.name if isinstance(callee, (ir.Local, ir.Dotted, ir.AttributeOf)) else ""
            return name.rpartition(".")[2][:1].isupper()
        param = next((each for each in self.function.params if each.name.value == operand.name), None)
        return param is not None and param.default is None and not param.star and param.annotation is None

    def _keep_on_self(self, op: ir.StoreAttributeOp, value: Value | None, state: State) -> None:
        """`self.attribute = value`: the object holds it now, and must release it some day."""
        if isinstance(value, Ref):
            old = self.value(ir.AttributeOf(op.base, op.attribute), state)
            before = state.status(old.rid) if isinstance(old, Ref) else None
            # What was opened again meanwhile may be known by another name: `other, self.conn = self.conn, conn`.
            is_saved = isinstance(old, Ref) and old.rid[1] > 0 and self._has_other_name(old, state)
            if before is not None and may_be_none(old) and before.phase == "open" and not is_saved:
                self.note_replaced(op.attribute, before, op.node, state)
            self.note_overwritten(op, value, state)
            self.kept_as[value.rid] = op.attribute
        is_of_class = isinstance(op.base, ir.Local) and self.own_class(op.base.name) is not None
        if not self.owns_self:
            own: SiteKey = ("self", op.attribute)
            self.after.rebound.add(own)
            if not isinstance(value, Ref) or value.rid[0] != own:
                state.update((own, 0), is_there=False)
        held = self.value(op.base, state)
        is_away = isinstance(held, Instance) and state.is_away(held)
        if not self.owns_self or is_of_class or is_away:
            # What a class method keeps on its class is no object's; what is put into one that others have is theirs.
            state.hand_over(value)
        state.set_name(f"self.{op.attribute}", value)

    @staticmethod
    def _has_other_name(value: Ref, state: State) -> bool:
        return any(held == value and not name.startswith(("self.", "$")) for name, held in state.env.items())

    def _store_item(self, op: ir.StoreItemOp, state: State) -> list[State] | None:
        value = self.value(op.operand, state)
        base = self.value(op.base, state)
        if value is None:
            return None
        if isinstance(base, Box):
            state.put_in(base, value)
        elif isinstance(op.base, ir.Local) and isinstance(base, (Table, Many)):
            old = tuple(i for _, i in base.items) if isinstance(base, Table) else base.items
            state.set_name(op.base.name, Many((*old, value)))
        elif isinstance(value, Ref) and self._is_left_on_context(op):
            state.update(value.rid, used=True)  # by the commands that find it
        elif self.one_of_several(op.base, state) is not None:
            state.hand_over(value)
        else:
            state.escape(value, with_parents=True)
        return None

    def _is_left_on_context(self, op: ir.StoreItemOp) -> bool:
        """Whether what is stored stays with this function, for nobody releases what stands under that key."""
        key = key_on_context(op.target, self.function)
        if key is None:
            return False
        memo = ("on context", self.index.name, key)
        return bool(self.types.peers.memo.get(memo, lambda: is_left_on_context(key, self.function)))

    def _unpack(self, op: ir.UnpackOp, state: State) -> list[State] | None:
        value = self.as_tuple(self.value(op.operand, state), state)
        items: list[Value | None]
        if isinstance(value, Many) and value.is_sequence and op.star < 0 and len(value.items) == len(op.names):
            items = list(value.items)
        elif (
            isinstance(value, Many)
            and value.is_sequence
            and 0 <= len(op.names) - 1 <= len(value.items)
            and op.star >= 0
        ):
            after = len(op.names) - op.star - 1
            stop = len(value.items) - after
            rest = Many(value.items[op.star : stop], True, of_type="list")
            items = [*value.items[: op.star], rest, *value.items[stop:]]
        else:
            group: Value | None = None
            if isinstance(value, Many):
                group = one_of(value.items)
            elif isinstance(value, Box):
                group = one_of(state.boxes.get(value.id, ()))
            elif isinstance(value, Ref):
                # `for key, conn in conns.items()`: it is in one of the places.
                group = value
            items = [group] * len(op.names)
        bound = [(name, item) for name, item in zip(op.names, items, strict=True) if name is not None]
        # What may be in any of the places is called by the name that is used as it is; otherwise a key comes first.
        bound.sort(key=lambda each: self._is_used_as(each[1], each[0], state))
        for name, item in reversed(bound):
            self._bind_name(name, item, state)
        return None

    def _is_used_as(self, value: Value | None, name: str, state: State) -> bool:
        """Whether the function calls a method on a variable that a resource or an object has."""
        kind = self.kind_of(state.status(value.rid)) if isinstance(value, Ref) else None
        if kind is None and not isinstance(value, Instance):
            return False
        called = (call.func for call in self.function.calls if isinstance(call.func, cst.Attribute))
        methods = {each.attr.value for each in called if isinstance(each.value, cst.Name) and each.value.value == name}
        if isinstance(value, Instance):
            return any(value.owner.find_method(method) is not None for method in methods)
        return kind is not None and not methods.isdisjoint(kind.methods)

    def _box(self, op: ir.BoxOp, state: State) -> list[State] | None:
        number = int(op.target.removeprefix("$t"))
        values: list[Value | None] = []
        for place, item in enumerate(op.items):
            value = self.value(item, state)
            _use_coroutine(value, state)
            values += contents_of(value, state, (value,)) if place in op.spread else (value,)
        state.boxes[number] = tuple(v for v in values if v is not None and not isinstance(v, (Literal, Data)))
        state.set_name(op.target, Box(number, of_type=op.of_type))
        return None

    def _box_add(self, op: ir.BoxAddOp, state: State) -> list[State] | None:
        value = self.value(op.operand, state)
        box = self.value(op.box, state)
        if isinstance(box, Box):
            _use_coroutine(value, state)
            if value is not None and not isinstance(value, (Literal, Data)):
                state.put_in(box, value)
        elif isinstance(op.box, ir.Local):
            # `x += value` on something that is not a container of ours.
            if state.facts:
                state.forget_facts(op.box.name)
            if isinstance(box, Literal) and isinstance(box.value, str):
                state.set_name(op.box.name, self._lengthen(op, box, state))
            elif (count := _count_after(box, self.value(_added_to(op), state))) is not None:
                state.set_name(op.box.name, count)
            else:
                state.escape(value, with_parents=False)
                state.set_name(op.box.name, None)
        return None

    def _lengthen(self, op: ir.BoxAddOp, text: Literal, state: State) -> Literal:
        """`text += value`"""
        node = op.node.value if isinstance(op.node, cst.AugAssign) else op.node
        return lengthened(text, pieces_of(self.value(_added_to(op), state), Hole(node, self.function)))

    def _forget(self, op: ir.ForgetOp, state: State) -> list[State] | None:
        for name in op.names:
            if state.facts:
                state.forget_facts(name)
            state.set_name(name, None)
            state.kept.pop(name, None)
        return None

    def _learn(self, op: ir.LearnOp, state: State) -> list[State] | None:
        for key in [key for key in state.facts if key == op.text or key.startswith(f"{op.text} ")]:
            del state.facts[key]
        state.facts.update((key, known) for key, known in op.facts if key in self.relevant_keys)
        return None

    def _await(self, op: ir.AwaitOp, state: State) -> list[State] | None:
        value = self.value(op.operand, state)
        if isinstance(value, Coroutine):
            self.note_meanwhile(op, value, state)
        state.env.pop(STARTED, None)
        if isinstance(value, Coroutine):
            return self.await_coroutine(op, value, state)
        if isinstance(value, Many) and value.items and all(isinstance(item, Coroutine) for item in value.items):
            return self.await_all(op, value, state)
        if isinstance(value, Many):
            for item in value.items:
                if isinstance(item, Coroutine):
                    state.update(item.rid, phase="released")
            state.escape(value, with_parents=False)
        thrown = self.throw(state, op.node, is_low=op.in_cleanup)
        if isinstance(value, Ref):
            # `await Client()`: connecting is part of acquiring; where it fails nothing was acquired.
            if thrown is not None:
                thrown.resources.pop(value.rid, None)
            state.set_name(op.target, value)
            return None
        state.set_name(op.target, None)
        return None

    def _exit(self, op: ir.ExitOp, state: State) -> list[State] | None:
        self.end_group(op.node, state)
        return self.leave(op, state)

    def _exit_raising(self, t: ir.ExitRaise, state: State) -> None:
        self.end_group(t.node, state)
        self.leave_raising(t, state)

    def _yield(self, op: ir.YieldOp, state: State) -> list[State] | None:
        value = self.value(op.operand, state)
        self.account_for(value, state)
        if self.is_manager and THROWN in state.env:
            return []  # after an error of the block a manager that yields again is refused, and its caller told
        self.check_handed_out("yield", value, op.node, state)
        if op.is_from:
            self.check_read(value, op.node, state)
        is_rows = op.is_from and isinstance(value, Ref)
        self.yields.append(None if is_rows else self._describe(value, state))
        if op.is_from:
            state.escape(value, with_parents=True)
        lent = set(state.refs(value))
        for rid in list(state.refs(value)):
            state.update(rid, shared=True)
            state.use(rid)
            status = state.status(rid)
            if status is not None and max(status.pending, status.failed) >= 0:
                # The consumer may commit, or roll back.
                state.update(rid, pending=-1, failed=-1, cut=False)
            parent = status.parent if status is not None else None
            if parent not in lent:
                # `yield cur, conn`: what becomes of the connection is what counts.
                self.yielded[rid[0]] = status.autocommit if status is not None else None
            if parent is not None and parent in self.start.resources:
                self.lenders.add(parent)
        state.set_name(YIELDED, Literal("reached"))
        if not self.is_fixture:
            thrown = self.throw(state, op.node, by="yield")
            begun = [rid for rid, status in state.resources.items() if status.begun >= 0] if self.is_manager else []
            if thrown is not None and begun:
                self.units.begun_at_yield.update(begun)
                thrown.set_name(THROWN, Literal(True))
            if thrown is not None and self.is_manager and not self.is_for_caller:
                self.leave_work_of_block(op, value, thrown)
        state.set_name(YIELDED, RESUMED)
        state.set_name(op.target, None)
        if self.is_manager and not self.is_for_caller and not self.owns_self:
            self._fill_again(state)
        return None

    def _fill_again(self, state: State) -> None:
        """What a block runs may fill an attribute that is empty meanwhile: by entering the same manager, for one."""
        owner = self.owner_class()
        emptied = [name for name, value in state.env.items() if value == NONE and name.startswith("self.")]
        if (
            owner is None
            or not emptied
            or any(_LOCK.search(name) for name in self.function.loads | self.function.attributes)
        ):
            return
        for name in emptied:
            attribute = name.removeprefix("self.")
            kind_id = self.types.attribute_kind(owner, attribute)
            if kind_id is not None:
                state.set_name(name, self.borrowed(("self", attribute), kind_id, owner, state, number=1))

    @staticmethod
    def _describe(value: Value | None, state: State) -> Value | None:
        """Return a value that means something outside this run.

        A kind name for a resource, those of a tuple, an object of a class of the project as one that was not made here
        (the one of a module as that), nothing at all as that, an empty `Many` for what else holds any, else None.
        """
        if value == NONE:
            return NONE
        if isinstance(value, Ref):
            status = state.status(value.rid)
            return Name(status.kind) if status is not None else None
        if isinstance(value, Many) and value.is_sequence and len(value.items) > 1:
            kinds = [state.status(each.rid) if isinstance(each, Ref) else None for each in value.items]
            names = tuple(Name(status.kind) if status is not None else None for status in kinds)
            if any(names):
                return Many(names, is_sequence=True)
        if isinstance(value, Outside) and value.root[0] == "global":
            return value
        if isinstance(value, (Instance, Outside)):
            return Outside(value.owner, ("managed",))
        return Many(()) if state.holds_any(value) else None

    def _catch(self, op: ir.CatchOp, state: State) -> list[State] | None:
        raised = state.raised or Raised()
        state.kept[op.slot] = raised
        if op.name is not None:
            state.kept[f"$exc:{op.name}"] = raised
            state.set_name(op.name, TRUTHY)
        state.raised = None
        return None

    def _hold(self, op: ir.HoldOp, state: State) -> list[State] | None:
        state.kept[op.slot] = state.raised or Raised()
        state.raised = None
        return None

    def _jump(self, t: ir.Jump, state: State) -> None:
        self.go(t.target, state)

    def _branch(self, t: ir.Branch, state: State) -> None:
        for outcome, target in ((True, t.if_true), (False, t.if_false)):
            new = self.assume(t.condition, outcome, state)
            if new is not None:
                new.note(t.node, "true" if outcome is not t.is_negated else "false", t.subject)
                self.go(target, new)

    def _dispatch(self, t: ir.Dispatch, state: State) -> None:
        raised = state.raised or Raised()
        names_driver_error = False
        passed = set(raised.passed)
        for number, handler in enumerate(t.handlers):
            match = match_handler(handler, raised, self.types)
            if match is Match.NEVER or is_caught_before(handler, t.handlers[:number], self.types):
                continue
            caught = state.copy()
            if match is Match.MAYBE and len(handler.types) == 1 and handler.types[0] is not None:
                caught.raised = Raised(handler.types[0])  # what it is known to be now, if it is raised again
            self.keep_failure(handler.types, raised, caught)
            caught.note(handler.node, "caught", handler.types)
            self.go(handler.block, caught)
            if match is Match.ALWAYS:
                return
            passed.update(name for name in handler.types if name is not None)
            # `except conn.Error`, `except errors`: it may well be the driver's.
            is_named = any(self.knowledge.is_driver_error(name or "") for name in handler.types)
            names_driver_error |= None in handler.types or (raised.type is None and is_named)
        if names_driver_error:
            # Past a handler for the driver's own errors only what the driver does not raise gets: possible, unlikely.
            state.make_unlikely(BYPASSED)
        state.raised = raised._replace(passed=self.telling(passed, t.outer, state))
        self.go(t.outer, state)

    def _raise(self, t: ir.Raise, state: State) -> None:
        raised = Raised(t.type, True) if t.type is not None else Raised()
        if t.slot is not None:
            # The handler, or the clean-up, that had it is left.
            raised = state.kept.pop(t.slot, state.kept.get(WAS + t.slot, raised))
        elif not t.is_explicit:
            state.mark_raised()
        state.raised = raised
        if isinstance(t.node, cst.Assert):
            state.note(t.node, "refused")
        else:
            is_again = isinstance(t.node, cst.Raise) and t.node.exc is None
            state.note(t.node, "raises" if t.is_explicit and not is_again else "reraise")
        self.may_raise = True
        self.go(t.target, state)

    def _return(self, _: ir.Return, state: State) -> None:
        value = state.env.get("$return")
        if self.function.name not in ("__enter__", "__aenter__"):
            # What a `with` block is lent comes back.
            self.account_for(value, state)
        self.check_returned(value, state)
        kept = state.copy()
        if not self.is_manager:
            mistaken = self._left_to_blocks(value, state)
            for rid in mistaken:
                # Its block was meant to release it, which is told of here and not of each caller.
                kept.update(rid, owed=False)
            state.escape(value, with_parents=not mistaken, all_parents=not mistaken)
        if THROWN in state.env and not self.is_for_caller:
            self.judge_yield(state)
        for rid in self.units.ambient:
            if rid[0][0] == "decorator":
                self.end_block(rid, state, is_nested=False, is_raise=False)
        self.exits.append(Exit(False, kept, value))
        self.note_refilled(kept)
        self.check_exit(state, is_raise=False)

    @staticmethod
    def _left_to_blocks(value: Value | None, state: State) -> list[Rid]:
        """What a block on it has not released, and nothing but a part of it that is returned still leads to."""
        returned = set(state.refs(value))
        owners = {status.parent for rid in returned if (status := state.status(rid)) is not None and status.parent}
        left = [(rid, status) for rid in owners - returned if (status := state.status(rid)) is not None]
        return [rid for rid, status in left if status.kept and status.owed and status.phase == "open"]

    def _raise_exit(self, _: ir.RaiseExit, state: State) -> None:
        for rid in [each for each in state.resources if each[0] in self.attributes.of_blocks]:
            state.escape_one(rid, with_parents=True)  # nobody goes on with a module that could not be imported
        self.exits.append(Exit(True, state, None))
        self.check_failure(state)
        self.check_exit(state, is_raise=True)

    def _dead(self, _: ir.Dead, __: State) -> None:
        """Nothing follows."""

    OPERATIONS: ClassVar[dict[type[ir.Operation], Callable[[Any, Any, State], list[State] | None]]] = {
        ir.CallOp: Calls.call, ir.AwaitOp: _await, ir.YieldOp: _yield, ir.StoreOp: _store,
        ir.StoreAttributeOp: _store_attribute, ir.StoreItemOp: _store_item, ir.UnpackOp: _unpack,
        ir.BoxOp: _box,
        ir.BoxAddOp: _box_add,
        ir.ForgetOp: _forget,
        ir.LearnOp: _learn,
        ir.LookOp: Calls.look,
        ir.WaitOp: Calls.wait,
        ir.EnterOp: Calls.enter,
        ir.NeedOp: Calls.need,
        ir.ExitOp: _exit, ir.CatchOp: _catch, ir.HoldOp: _hold,
    }  # fmt: skip

    TERMINATORS: ClassVar[dict[type[ir.Terminator], Callable[[Any, Any, State], None]]] = {
        ir.Jump: _jump, ir.Branch: _branch, ir.Iterate: Iterations.iterate, ir.Dispatch: _dispatch,
        ir.ExitRaise: _exit_raising, ir.Raise: _raise, ir.Return: _return,
        ir.RaiseExit: _raise_exit, ir.Dead: _dead,
    }  # fmt: skip


def _use_coroutine(value: Value | None, state: State) -> None:
    """A coroutine in a container is awaited by whoever takes it out."""
    if isinstance(value, Coroutine):
        state.update(value.rid, phase="released")


def _added_to(op: ir.BoxAddOp) -> ir.Operand:
    """Return what is to the right of `+=`."""
    return op.operand.base if isinstance(op.operand, ir.ItemOf) else op.operand


def _count_after(before: Value | None, added: Value | None) -> Value | None:
    """`n += 1` for what counts from zero: it is not zero afterwards, unless what is added may be."""
    is_number = isinstance(added, Literal) and type(added.value) is int and added.value > 0
    counts = isinstance(before, Literal) and type(before.value) is int and before.value >= 0
    if is_number and (counts or isinstance(before, Tally) or before in (COUNTED, TRUTHY)):
        return COUNTED
    if before == COUNTED and isinstance(added, Tally):
        return COUNTED
    return added if isinstance(added, Tally) and (counts or before == added) else None
