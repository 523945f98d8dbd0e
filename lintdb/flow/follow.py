"""Follows one function: every block is run with every state that reaches it, until nothing new turns up.

States are kept apart as long as they differ, so a resource that is open only when a flag is set is still told from one
that is open always. The number of states is bounded; what lies beyond the bound is not looked at, so that running out
of budget can lose a finding but never make one up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import libcst as cst

from lintdb.effects import Duty, Event, Kind
from lintdb.finding import Confidence
from lintdb.flow import ir
from lintdb.flow.calls import CallMixin
from lintdb.flow.cfg import CFG, Block
from lintdb.flow.exceptions import Match, match_handler
from lintdb.flow.liveness import live_names, live_tests
from lintdb.flow.results import KnownCall, Leak, LostWork, PathStep, Unawaited, FailedUnit
from lintdb.flow.state import State
from lintdb.flow.values import (
    FALSY,
    NONE,
    NOT_NONE,
    TRUTHY,
    Box,
    Coroutine,
    Function,
    Instance,
    Literal,
    Many,
    Method,
    Name,
    Raised,
    Ref,
    Rid,
    Status,
    Table,
    Truthiness,
    Value,
)
from lintdb.flow.withs import WithMixin

if TYPE_CHECKING:
    from lintdb.flow.program import Program

MAX_STATES_PER_BLOCK = 40
MAX_STEPS = 6000
COROUTINE = "$coroutine"
OPAQUE, BYPASSED, UNLIKELY = 1, 2, 3
"""How unlikely a path is: it rests on an error of unknown code; such an error got past a handler for the driver's
errors; clean-up code itself failed."""


@dataclass(eq=False)
class Site:
    """Where resources are acquired: the call, the kind, the first name given to it, the function that made it."""

    node: cst.CSTNode
    kind: str
    name: str | None = None
    maker: str | None = None
    method: str = ""
    is_statement: bool = False


@dataclass
class Exit:
    """One way the function ends."""

    is_raise: bool
    state: State
    value: Value | None


class Follower(CallMixin, WithMixin):
    """One run over one function, for its own findings or (with `bindings`) for a caller that wants its summary."""

    def __init__(self, program: Program, cfg: CFG, start: State, depth: int, owns_self: bool = False) -> None:
        self.program = program
        self.knowledge = program.knowledge
        self.index = program.index
        self.cfg = cfg
        self.owns_self = owns_self
        self.function = cfg.function
        self.start = start
        self.depth = depth
        self.sites: dict[object, Site] = {}
        self.exits: list[Exit] = []
        self.calls: dict[int, KnownCall] = {}
        self.released_sites: set[object] = set()
        self.commits: set[object] = set()
        self.lost: list[tuple[Rid, Status, State, str | None]] = []
        self.lost_work: dict[object, tuple[int, LostWork]] = {}
        self.covered: set[Rid] = set()
        self.replaced: dict[str, cst.CSTNode] = {}
        self.kept_as: dict[Rid, str] = {}
        self.handled_attributes: set[str] = set()
        self.handed_on: set[int] = set()
        self.blocking_helpers: dict[int, tuple[cst.CSTNode, cst.CSTNode]] = {}
        self.returned_dirty: dict[int, FailedUnit] = {}
        self.extra_calls: dict[tuple[int, str], ir.CallOp] = {}
        self.operations: dict[int, ir.CallOp] = {}
        self.may_raise = False
        self.is_complete = cfg.is_complete
        self.yields: list[Value | None] = []
        self.queue: deque[tuple[int, State]] = deque()
        self.relevant_keys = {key for key, count in cfg.condition_keys.items() if count > 1}
        self.is_manager = program.is_generator_manager(self.function)
        self.is_fixture = program.is_fixture(self.function)

    # --- the worklist -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Follow all paths within the budget."""
        if not self.cfg.is_complete:
            return
        live = live_names(self.cfg)
        tests = live_tests(self.cfg)
        captured: set[str] = set()
        for nested in [*self.function.nested.values(), *self.function.lambdas.values()]:
            captured |= nested.free_names
        if captured:
            live = [names | captured for names in live]
            tests = [names | captured for names in tests]
        seen: list[set[object]] = [set() for _ in self.cfg.blocks]
        self.queue.append((self.cfg.entry, self.start))
        steps = 0
        while self.queue:
            block_id, state = self.queue.popleft()
            state.forget_dead(live[block_id], tests[block_id])
            self._check_lost(state)
            key = state.key()
            if key in seen[block_id]:
                continue
            if len(seen[block_id]) >= MAX_STATES_PER_BLOCK:
                self.is_complete = False
                continue
            seen[block_id].add(key)
            steps += 1
            if steps > MAX_STEPS:
                self.is_complete = False
                return
            self._run_block(self.cfg.blocks[block_id], state)

    def _run_block(self, block: Block, state: State) -> None:
        self.block = block
        stack = [(0, state)]
        operations = block.operations
        while stack:
            position, current = stack.pop()
            for number in range(position, len(operations)):
                operation = operations[number]
                results = _OPERATIONS[type(operation)](self, operation, current)
                if results is not None:
                    stack.extend((number + 1, each) for each in results)
                    break
            else:
                _TERMINATORS[type(block.terminator)](self, block.terminator, current)

    def _go(self, target: int, state: State) -> None:
        self.queue.append((target, state))

    def throw(
        self,
        state: State,
        node: cst.CSTNode,
        raised: Raised = Raised(),
        *,
        is_low: bool = False,
        is_opaque: bool = True,
        by: str = "",
    ) -> State | None:
        """Take the raise edge of the current block from a copy of *state*; return the copy, or None if it is idle."""
        self.may_raise = True
        landing = self.block.landing
        if landing == self.cfg.raise_exit and self.depth == 0:
            if not _has_duties(state):
                return None
            # Nothing but the resources matters to a path that ends here.
            new = State()
            new.resources = state.resources.copy()
            new.low = state.low
            new.trace = state.trace
        else:
            new = state.copy()
            new.raised = raised
        if is_opaque:
            new.mark_raised()
        if is_low:
            new.low = UNLIKELY
        elif raised.type is None and is_opaque and by != "yield":
            new.low = max(new.low, OPAQUE)
        new.note(node, "raise", by)
        self._go(landing, new)
        return new

    # --- values -----------------------------------------------------------------------------------------------------

    def value(self, operand: ir.Operand, state: State) -> Value | None:
        """Evaluate an operand."""
        if isinstance(operand, ir.Local):
            found = state.env.get(operand.name)
            return found if found is not None else self._free_value(operand.name, state)
        if isinstance(operand, ir.Constant):
            return Literal(operand.value, operand.is_prefix)
        if isinstance(operand, ir.AttributeOf):
            return self._attribute(operand, state)
        if isinstance(operand, ir.Display):
            items = tuple(self.value(item, state) for item in operand.items)
            return Many(items, operand.is_sequence)
        if isinstance(operand, ir.Mapping_):
            return Table(tuple((key, self.value(item, state)) for key, item in operand.items))
        if isinstance(operand, ir.ItemOf):
            return self._item(operand, state)
        if isinstance(operand, ir.Closure):
            return Function(operand.function)
        if isinstance(operand, ir.Dotted):
            return Name(operand.name)
        return None

    def _free_value(self, name: str, state: State) -> Value | None:
        """A name that the path has not bound: a module-level value, if it is nothing nearer."""
        scope = self.function
        while not scope.is_module:
            if name in scope.bound and name not in scope.outer:
                return None
            if scope.parent is None:
                break
            scope = scope.parent
        if self.function.is_module:
            return None
        found = self.program.global_value(name)
        if isinstance(found, str):
            return self.borrowed(("global", name), found, state, name)
        return found

    def borrowed(self, site: object, kind_id: str, state: State, name: str) -> Ref:
        """Return a resource of a known kind that somebody else owns: an attribute, a global, a parameter."""
        rid: Rid = (site, 0)
        if rid not in state.resources:
            kind = self.knowledge.kind(kind_id)
            autocommit = self.program.autocommit_of(site, kind, self._owner()) if kind is not None else None
            state.resources[rid] = Status(kind_id, owed=False, autocommit=autocommit, outlives=True)
        if site not in self.sites:
            self.sites[site] = Site(self.function.node, kind_id, name)
        return Ref(rid)

    def _attribute(self, operand: ir.AttributeOf, state: State) -> Value | None:
        base = operand.base
        if isinstance(base, ir.Local) and self._is_self(base.name):
            found = state.env.get(f"self.{operand.name}")
            if found is not None:
                return found
            owner = self._owner()
            if self.owns_self and owner is not None:
                held = state.env.get(base.name)
                if held is not None and self.index.find_method(owner, operand.name) is not None:
                    return Method(held, operand.name)
                return None
            kind = self.program.attribute_kind(owner, operand.name) if owner is not None else None
            if kind is not None:
                return self.borrowed(("self", operand.name), kind, state, f"self.{operand.name}")
            return None
        value = self.value(base, state)
        if isinstance(value, Ref):
            status = state.status(value.rid)
            kind_model = self.knowledge.kind(status.kind) if status is not None else None
            if status is None or kind_model is None:
                return None
            if operand.name in kind_model.state_flags and operand.name not in kind_model.methods:
                flag = kind_model.state_flags[operand.name]
                return Literal(flag if status.phase == "open" else not flag) if status.phase != "gone" else None
            if operand.name in kind_model.attributes:
                if status.parent is not None:
                    parent = state.status(status.parent)
                    if parent is not None and self._is_like(parent.kind, kind_model.attributes[operand.name]):
                        return Ref(status.parent)
                return self.borrowed(
                    (value.rid, operand.name), kind_model.attributes[operand.name], state, operand.name
                )
            if operand.name in kind_model.methods or operand.name.startswith("__"):
                return Method(value, operand.name)
            if kind_model.any_attribute is not None and not operand.name.startswith("_"):
                return self.part_of(value, kind_model.any_attribute, state)
            return None
        if isinstance(value, Instance):
            field = state.env.get(f"{value.prefix}{operand.name}")
            if field is not None:
                return field
            return Method(value, operand.name) if self.index.find_method(value.owner, operand.name) else None
        if isinstance(value, (Box, Many, Table)):
            return Method(value, operand.name)
        return None

    def _is_like(self, kind_id: str, other: str) -> bool:
        return kind_id == other or kind_id.partition(".")[0] == other.partition(".")[0]

    def _is_self(self, name: str) -> bool:
        scope: Any = self.function
        while scope is not None and not scope.is_module:
            if scope.owner is not None:
                return bool(scope.is_method and scope.params and scope.params[0].name.value == name)
            if name in scope.bound:
                return False
            scope = scope.parent
        return False

    def _owner(self) -> Any:
        scope: Any = self.function
        while scope is not None and scope.owner is None:
            scope = scope.parent
        return scope.owner if scope is not None else None

    def _item(self, operand: ir.ItemOf, state: State) -> Value | None:
        base = self.value(operand.base, state)
        if isinstance(base, Many):
            key = operand.key
            if base.is_sequence and isinstance(key, int) and -len(base.items) <= key < len(base.items):
                return base.items[key]
            return self._group(base.items)
        if isinstance(base, Table):
            for key, item in base.items:
                if key is not None and key == operand.key:
                    return item
            return self._group(tuple(item for _, item in base.items)) if operand.key is None else None
        if isinstance(base, Box):
            return self._group(state.boxes.get(base.id, ()))
        if isinstance(base, Ref):
            status = state.status(base.rid)
            kind = self.knowledge.kind(status.kind) if status is not None else None
            if kind is not None and kind.any_item is not None:
                return self.part_of(base, kind.any_item, state)
        return None

    def part_of(self, owner: Ref, kind_id: str, state: State) -> Ref:
        """`client["shop"]`: something that belongs to a resource and keeps it alive."""
        site = ("part", owner.rid, kind_id)
        rid: Rid = (site, 0)
        if rid not in state.resources:
            self.sites.setdefault(site, Site(self.function.node, kind_id))
            state.resources[rid] = Status(kind_id, owed=False, parent=owner.rid, keeps_parent=True)
        return Ref(rid)

    @staticmethod
    def _group(items: tuple[Value | None, ...]) -> Value | None:
        held = tuple(item for item in items if item is not None and not isinstance(item, Literal))
        if not held:
            return None
        return held[0] if len(held) == 1 else Many(held)

    # --- operations -------------------------------------------------------------------------------------------------

    def _store(self, op: ir.StoreOp, state: State) -> list[State] | None:
        value = self.value(op.operand, state)
        self._bind(op.name, value, state)
        return None

    def _bind(self, name: str, value: Value | None, state: State) -> None:
        if state.facts:
            self._forget_facts(name, state)
        if isinstance(value, (Ref, Instance)) and not name.startswith("$"):
            for rid in [value.rid] if isinstance(value, Ref) else list(state.refs(value)):
                site = self.sites.get(rid[0])
                if site is not None and site.name is None:
                    site.name = name
        if (self.function.is_module and not name.startswith("$")) or name in self.function.outer:
            # A module-level name lives as long as the program: whoever closes it, it is not this body's omission.
            self.hand_over(value, state)
        state.set_name(name, value)

    def hand_over(self, value: Value | None, state: State) -> None:
        """The value now lives on outside this function; it stays known here as something borrowed."""
        state.escape(value, with_parents=True, all_parents=True)
        if isinstance(value, Ref):
            status = state.status(value.rid)
            if status is not None and status.phase == "gone":
                state.update(value.rid, outlives=True)

    @staticmethod
    def _forget_facts(name: str, state: State) -> None:
        for key in [k for k in state.facts if _mentions(k, name)]:
            del state.facts[key]

    def _store_attribute(self, op: ir.StoreAttributeOp, state: State) -> list[State] | None:
        value = self.value(op.operand, state)
        if state.facts:
            self._forget_facts(op.attribute, state)
        base = self.value(op.base, state)
        if isinstance(base, Ref):
            status = state.status(base.rid)
            kind = self.knowledge.kind(status.kind) if status is not None else None
            if kind is not None and op.attribute in kind.attribute_events:
                self._switch(base.rid, value, state, kind.attribute_events[op.attribute])
        if isinstance(op.base, ir.Local) and self._is_self(op.base.name):
            if isinstance(value, Ref):
                site = self.sites.get(value.rid[0])
                if site is not None and site.name is None:
                    site.name = f"self.{op.attribute}"
            self._keep_on_self(op, value, state)
            return None
        if isinstance(base, Instance):
            state.set_name(f"{base.prefix}{op.attribute}", value)
            return None
        state.escape(value, with_parents=True)
        return None

    def _keep_on_self(self, op: ir.StoreAttributeOp, value: Value | None, state: State) -> None:
        """`self.attribute = value`: the object holds it now, and must release it some day."""
        if isinstance(value, Ref):
            old = self.value(ir.AttributeOf(op.base, op.attribute), state)
            before = state.status(old.rid) if isinstance(old, Ref) else None
            if before is not None and may_be_none(old) and before.phase == "open":
                self.replaced.setdefault(op.attribute, op.node)
            self.kept_as[value.rid] = op.attribute
        if not self.owns_self:
            self.hand_over(value, state)
        state.set_name(f"self.{op.attribute}", value)

    def account_for(self, value: Value | None, state: State) -> None:
        """The value is released, or given to someone who may do it: its attribute of the object is looked after."""
        for rid in state.refs(value):
            if rid in self.kept_as:
                self.handled_attributes.add(self.kept_as[rid])
            elif isinstance(rid[0], tuple) and rid[0][0] == "self":
                self.handled_attributes.add(str(rid[0][1]))

    def _switch(self, rid: Rid, value: Value | None, state: State, how: str = "autocommit") -> None:
        mode: bool | None = None
        if how == "autocommit-if-none" and isinstance(value, Literal):
            mode = value.value is None
        elif how == "autocommit" and isinstance(value, Literal) and isinstance(value.value, bool):
            mode = value.value
        state.update(rid, autocommit=mode, **({"pending": -1} if mode is not False else {}))

    def _store_item(self, op: ir.StoreItemOp, state: State) -> list[State] | None:
        value = self.value(op.operand, state)
        base = self.value(op.base, state)
        if value is None:
            return None
        if isinstance(base, Box):
            state.boxes[base.id] = (*state.boxes.get(base.id, ()), value)
        elif isinstance(op.base, ir.Local) and isinstance(base, (Table, Many)) and not base_outlives(op.base.name):
            old = tuple(i for _, i in base.items) if isinstance(base, Table) else base.items
            state.set_name(op.base.name, Many((*old, value)))
        else:
            state.escape(value, with_parents=True)
        return None

    def _unpack(self, op: ir.UnpackOp, state: State) -> list[State] | None:
        value = self.value(op.operand, state)
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
            rest = Many(value.items[op.star : stop], True)
            items = [*value.items[: op.star], rest, *value.items[stop:]]
        else:
            group: Value | None = None
            if isinstance(value, Many):
                group = self._group(value.items)
            elif isinstance(value, Box):
                group = self._group(state.boxes.get(value.id, ()))
            items = [group] * len(op.names)
        for name, item in zip(op.names, items):
            if name is not None:
                self._bind(name, item, state)
        return None

    def _box(self, op: ir.BoxOp, state: State) -> list[State] | None:
        number = int(op.target.removeprefix("$t"))
        state.boxes[number] = tuple(
            value
            for item in op.items
            if (value := self.value(item, state)) is not None and not isinstance(value, Literal)
        )
        state.set_name(op.target, Box(number))
        return None

    def _box_add(self, op: ir.BoxAddOp, state: State) -> list[State] | None:
        value = self.value(op.operand, state)
        box = self.value(op.box, state)
        if isinstance(box, Box):
            if value is not None and not isinstance(value, Literal):
                held = state.boxes.get(box.id, ())
                if value not in held:
                    state.boxes[box.id] = (*held, value)
        elif isinstance(op.box, ir.Local):
            # `x += value` on something that is not a container of ours.
            if state.facts:
                self._forget_facts(op.box.name, state)
            if isinstance(box, Literal) and isinstance(box.value, str):
                state.set_name(op.box.name, Literal(box.value, True))
            else:
                state.escape(value, with_parents=False)
                state.set_name(op.box.name, None)
        return None

    def _forget(self, op: ir.ForgetOp, state: State) -> list[State] | None:
        for name in op.names:
            if state.facts:
                self._forget_facts(name, state)
            state.set_name(name, None)
        return None

    def _await(self, op: ir.AwaitOp, state: State) -> list[State] | None:
        value = self.value(op.operand, state)
        if isinstance(value, Coroutine):
            return self.await_coroutine(op, value, state)
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

    def _yield(self, op: ir.YieldOp, state: State) -> list[State] | None:
        value = self.value(op.operand, state)
        self.account_for(value, state)
        self.yields.append(self.describe(value, state))
        if op.is_from:
            state.escape(value, with_parents=True)
        for rid in list(state.refs(value)):
            state.update(rid, shared=True, used=True)
            status = state.status(rid)
            if status is not None and status.pending >= 0:
                # The consumer may commit.
                state.update(rid, pending=-1)
        if not self.is_fixture:
            self.throw(state, op.node, by="yield")
        state.set_name(op.target, None)
        return None

    def _catch(self, op: ir.CatchOp, state: State) -> list[State] | None:
        raised = state.raised or Raised()
        state.kept[op.slot] = raised
        if op.name is not None:
            state.kept[f"$exc:{op.name}"] = raised
            state.set_name(op.name, None)
        state.raised = None
        return None

    def _hold(self, op: ir.HoldOp, state: State) -> list[State] | None:
        state.kept[op.slot] = state.raised or Raised()
        state.raised = None
        return None

    # --- terminators ------------------------------------------------------------------------------------------------

    def _jump(self, t: ir.Jump, state: State) -> None:
        self._go(t.target, state)

    def _branch(self, t: ir.Branch, state: State) -> None:
        for outcome, target in ((True, t.if_true), (False, t.if_false)):
            new = self.assume(t.condition, outcome, state)
            if new is not None:
                new.note(t.node, "true" if outcome else "false")
                self._go(target, new)

    def assume(self, condition: ir.Condition, outcome: bool, state: State) -> State | None:
        """Return a copy of the state in which the condition has the outcome, or None where it cannot have."""
        known: bool | None = None
        refine: tuple[str, Value] | None = None
        key = condition.key if condition.key in self.relevant_keys else None
        if key is not None and key in state.facts:
            known = state.facts[key]
        if isinstance(condition, ir.IsInstance):
            value = self.value(condition.operand, state)
            if isinstance(value, Ref) and known is None:
                known = self._is_of_type(value, condition.types, state)
        elif isinstance(condition, ir.IsSame):
            left, right = self.value(condition.left, state), self.value(condition.right, state)
            if isinstance(left, Ref) and isinstance(right, Ref):
                known = left == right
            elif (left == NONE and isinstance(right, Ref)) or (right == NONE and isinstance(left, Ref)):
                known = False
        else:
            value = self.value(condition.operand, state)
            if known is None:
                known = _decide(condition, value, state)
            name = self._name_of(condition.operand)
            if name is not None and (value is None or isinstance(value, Truthiness) or may_be_none(value)):
                refine = _refine(condition, outcome, value, name)
        if known is not None and known != outcome:
            return None
        new = state.copy()
        if refine is not None and known is None:
            new.env[refine[0]] = refine[1]
        if key is not None and known is None:
            new.facts[key] = outcome
        return new

    def _name_of(self, operand: ir.Operand) -> str | None:
        """Return the name under which a state keeps a variable or an attribute of the object itself."""
        if isinstance(operand, ir.Local):
            return operand.name
        if isinstance(operand, ir.AttributeOf) and isinstance(operand.base, ir.Local) and self._is_self(operand.base.name):
            return f"self.{operand.name}"
        return None

    def _is_of_type(self, value: Ref, types: tuple[str, ...], state: State) -> bool | None:
        status = state.status(value.rid)
        if status is None or not types:
            return None
        return True if any(self.knowledge.kind_of_type(name) == status.kind for name in types) else None

    def _iterate(self, t: ir.Iterate, state: State) -> None:
        value = self.value(t.operand, state)
        item: Value | None = None
        skip_done = False
        if isinstance(value, (Box, Many)):
            contents = state.boxes.get(value.id, ()) if isinstance(value, Box) else value.items
            item = self._group(contents)
            for rid in state.refs(value):
                status = state.status(rid)
                if status is not None and status.phase == "open" and status.visited != t.index:
                    skip_done = True
        else:
            raised = Raised()
            if isinstance(value, Ref):
                status = state.status(value.rid)
                error = self.knowledge.error_class(status.kind.partition(".")[0]) if status is not None else None
                raised = Raised(error)
            if not isinstance(value, Literal):
                self.throw(state, t.node, raised, by="iteration")
        if not skip_done:
            done = state.copy()
            done.note(t.node, "done")
            self._go(t.done, done)
        more = state.copy()
        if isinstance(value, (Box, Many)):
            for rid in state.refs(value):
                more.update(rid, visited=t.index)
        more.set_name(t.target, item)
        more.note(t.node, "next")
        self._go(t.body, more)

    def _dispatch(self, t: ir.Dispatch, state: State) -> None:
        raised = state.raised or Raised()
        names_driver_error = False
        for handler in t.handlers:
            match = match_handler(handler, raised, self.knowledge)
            if match is Match.NEVER:
                continue
            caught = state.copy()
            caught.note(handler.node, "caught")
            self._go(handler.block, caught)
            if match is Match.ALWAYS:
                return
            if raised.type is None and any(self.program.is_driver_error(name) for name in handler.types):
                names_driver_error = True
        if names_driver_error:
            # Past a handler for the driver's own errors only what the driver does not raise gets: possible, unlikely.
            state.low = max(state.low, BYPASSED)
        self._go(t.outer, state)

    def _raise(self, t: ir.Raise, state: State) -> None:
        raised = Raised(t.type, True) if t.type is not None else Raised()
        if t.slot is not None:
            raised = state.kept.pop(t.slot, raised) if t.slot.startswith("$held") else state.kept.get(t.slot, raised)
        elif not t.is_explicit:
            state.mark_raised()
        state.raised = raised
        state.note(t.node, "raises" if t.is_explicit else "reraise")
        self.may_raise = True
        self._go(t.target, state)

    def _return(self, t: ir.Return, state: State) -> None:
        value = state.env.get("$return")
        if self.function.name not in ("__enter__", "__aenter__"):
            # What a `with` block is lent comes back.
            self.account_for(value, state)
        kept = state.copy()
        if not self.is_manager:
            state.escape(value, with_parents=True, all_parents=True)
        self.exits.append(Exit(False, kept if self.depth else state, value))
        self.check_exit(state, False)

    def _raise_exit(self, t: ir.RaiseExit, state: State) -> None:
        self.exits.append(Exit(True, state, None))
        self.check_exit(state, True)

    def _dead(self, t: ir.Dead, state: State) -> None:
        return

    # --- what a path leaves behind ----------------------------------------------------------------------------------

    def check_exit(self, state: State, is_raise: bool) -> None:
        """Collect what a path that has ended leaves open."""
        for rid, status in state.resources.items():
            if status.phase == "open" and status.owed and status.used and not self._is_covered(status, state):
                self.lost.append((rid, status, state, None))
            if status.pending >= 0 and status.owed and not is_raise:
                self.lose_work(rid, status, state, None)

    def _is_covered(self, status: Status, state: State) -> bool:
        """Whether the parent settles the matter: it is released, leaks itself (and is reported), or is away."""
        if status.parent is None:
            return False
        parent = state.status(status.parent)
        if parent is None:
            return False
        kind = self.knowledge.kind(status.kind)
        if kind is not None and not kind.closed_with_parent:
            return False
        if parent.phase == "open" and not parent.owed:
            return False
        return parent.phase != "gone" or not parent.outlives

    def lose_work(
        self, rid: Rid, status: Status, state: State, ended_at: cst.CSTNode | None, by_with: bool = False
    ) -> None:
        """A resource with uncommitted work was released or left on this path."""
        if status.raised or status.autocommit is not False:
            return
        if state.raised is not None or any(slot.startswith("$held") for slot in state.kept):
            # An exception is on its way out: dropping the work is what rolling back means.
            return
        kind = self.knowledge.kind(status.kind)
        op = self.operations.get(status.pending)
        site = self.sites.get(rid[0])
        if kind is None or op is None:
            return
        is_unlikely = state.low >= BYPASSED or _skips_a_loop(state)
        confidence = Confidence.LOW if is_unlikely else Confidence.HIGH
        work = LostWork(op.node, kind, site.name if site else None, ended_at, by_with, confidence, path_of(state))
        known = self.lost_work.get(rid[0])
        # One missing commit is one finding: at the first write that it loses, on the likeliest path.
        if known is None or (-confidence, status.pending) < (-known[1].confidence, known[0]):
            self.lost_work[rid[0]] = (status.pending, work)

    def _check_lost(self, state: State) -> None:
        """Report earlier acquisitions of a loop that no variable holds any more."""
        older = [rid for rid, s in state.resources.items() if rid[1] == 1 and s.phase == "open" and s.owed]
        if not older:
            return
        reached: set[Rid] = set()
        for value in state.env.values():
            reached.update(state.refs(value))
        for rid in older:
            if rid not in reached:
                status = state.resources.pop(rid)
                if not self._is_covered(status, state):
                    self.lost.append((rid, status, state.copy(), "overwritten"))

    def leaks(self) -> list[Leak]:
        """Return one leak per acquire site: of its lossy paths, a normal one before one by error, the surest first."""
        best: dict[object, tuple[tuple[bool, int, int, int], Leak]] = {}
        for rid, status, state, _ in self.lost:
            site = self.sites.get(rid[0])
            kind = self.knowledge.kind(status.kind)
            if site is None or kind is None or status.kind == COROUTINE:
                continue
            if status.shared and not self.is_manager and not self.is_fixture and rid[0] not in self.released_sites:
                continue
            confidence = self._confidence(rid, status, state, kind)
            path = path_of(state)
            if rid in self.covered:
                confidence = Confidence.MEDIUM
            leak = Leak(
                node=site.node, kind=kind, name=site.name, on_error=status.raised,
                is_ever_released=rid[0] in self.released_sites, kept=status.kept, confidence=confidence,
                path=path, maker=site.maker, is_covered=rid in self.covered,
            )  # fmt: skip
            rank = (status.raised, -int(confidence), state.low, len(path))
            if rid[0] not in best or rank < best[rid[0]][0]:
                best[rid[0]] = (rank, leak)
        return [leak for _, leak in best.values()]

    def _confidence(self, rid: Rid, status: Status, state: State, kind: Kind) -> Confidence:
        duty = kind.duty_on_error if status.raised and kind.duty_on_error is not None else kind.duty
        if state.low >= BYPASSED or duty is Duty.WEAK:
            return Confidence.LOW
        if status.raised and self.program.ends_with_process(self.function):
            return Confidence.LOW
        site = self.sites.get(rid[0])
        if status.raised or (site is not None and site.maker is not None):
            return Confidence.MEDIUM
        return Confidence.HIGH

    def unawaited(self) -> list[Unawaited]:
        """Return coroutine calls that a path without errors leaves un-awaited."""
        found: dict[object, Unawaited] = {}
        for rid, status, _, _ in self.lost:
            site = self.sites.get(rid[0])
            if site is None or status.kind != COROUTINE or status.raised:
                continue
            call = self.calls.get(rid[0][1]) if isinstance(rid[0], tuple) else None
            kind = self.knowledge.kind(call.receiver) if call is not None and call.receiver else None
            acquires = call is not None and call.model.acquires is not None
            found[rid[0]] = Unawaited(site.node, site.method, kind, acquires, site.is_statement)
        return list(found.values())

    def failed_units(self) -> list[FailedUnit]:
        """Return units of work on resources that live on, which failed and were never rolled back."""
        found: dict[object, tuple[int, FailedUnit]] = {}
        for end in self.exits:
            for rid, status in end.state.resources.items():
                if not status.outlives or status.owed or status.autocommit is True or status.phase == "released":
                    continue
                kind = self.knowledge.kind(status.kind)
                site = self.sites.get(rid[0])
                if kind is None or site is None:
                    continue
                index, swallowed = -1, False
                if not end.is_raise and status.failed >= 0:
                    index, swallowed = status.pending if status.pending >= 0 else status.failed, True
                elif end.is_raise and status.pending >= 0 and rid[0] in self.commits and self._is_own(rid[0]):
                    index = status.pending
                op = self.operations.get(index)
                if op is None:
                    continue
                known = found.get(rid[0])
                if known is not None and (known[0], not swallowed) <= (index, True):
                    continue
                confidence = Confidence.LOW if end.state.low == UNLIKELY else Confidence.MEDIUM
                unit = FailedUnit(op.node, kind, site.name, swallowed, confidence, path_of(end.state))
                found[rid[0]] = (index, unit)
        return [*(unit for _, unit in found.values()), *self.returned_dirty.values()]

    @staticmethod
    def _is_own(site: object) -> bool:
        """Whether the resource is an attribute or a global, which no caller can be expected to clean up."""
        return isinstance(site, tuple) and len(site) == 2 and site[0] in ("self", "global")


def _skips_a_loop(state: State) -> bool:
    """Whether the path, since its last write, passes a loop without entering it: rare in life, not in paths."""
    entered: set[int] = set()
    trace = state.trace
    while trace is not None:
        _, node, what, _ = trace
        if what == "next":
            entered.add(id(node))
        elif what == "write":
            break
        trace = trace[0]
    trace = state.trace
    while trace is not None:
        _, node, what, _ = trace
        if what == "done" and id(node) not in entered:
            return True
        if what == "write":
            return False
        trace = trace[0]
    return False


def base_outlives(name: str) -> bool:
    """Whether a variable is known to be part of something else; plain local names are not."""
    return "." in name


def _has_duties(state: State) -> bool:
    return any(
        (s.phase == "open" and (s.owed or s.outlives)) or s.pending >= 0 or s.failed >= 0
        for s in state.resources.values()
    )


def path_of(state: State) -> tuple[PathStep, ...]:
    """Return the steps of a path, oldest first."""
    steps: list[PathStep] = []
    trace = state.trace
    while trace is not None:
        steps.append(PathStep(trace[1], trace[2], trace[3]))  # type: ignore[arg-type]
        trace = trace[0]
    steps.reverse()
    return tuple(steps)


def _mentions(key: str, name: str) -> bool:
    """Whether a condition text mentions a name as a whole word."""
    start = key.find(name)
    while start >= 0:
        end = start + len(name)
        before = key[start - 1] if start else " "
        after = key[end] if end < len(key) else " "
        if not (before.isalnum() or before == "_") and not (after.isalnum() or after == "_"):
            return True
        start = key.find(name, start + 1)
    return False


def may_be_none(value: Value | None) -> bool:
    """Whether a value came from outside the function under a type that does not exclude None."""
    return isinstance(value, Ref) and isinstance(value.rid[0], tuple) and value.rid[0][0] in ("self", "global", "param")


def _decide(condition: ir.Condition, value: Value | None, state: State) -> bool | None:
    """Return the outcome that a value forces, or None."""
    if value is None:
        return None
    if isinstance(condition, ir.IsNone):
        if isinstance(value, Literal):
            return value.value is None
        if isinstance(value, Truthiness):
            return False if value.is_not_none else None
        return None if may_be_none(value) else False
    if isinstance(condition, ir.Equals):
        if isinstance(value, Literal) and not value.is_prefix:
            same_type = type(value.value) is type(condition.value) or {type(value.value), type(condition.value)} == {
                bool,
                int,
            }
            return bool(value.value == condition.value and same_type)
        if isinstance(value, Truthiness) and isinstance(condition.value, bool) and value.truth is not None:
            return None
        return None
    if isinstance(condition, (ir.IsSame, ir.IsInstance)):
        return None
    if isinstance(value, Instance):
        return True
    if isinstance(value, Literal):
        return True if value.is_prefix and value.value else None if value.is_prefix else bool(value.value)
    if isinstance(value, Truthiness):
        return value.truth
    if isinstance(value, Ref):
        return None if may_be_none(value) else True
    if isinstance(value, Box):
        return True if value.is_stack or state.boxes.get(value.id) else None
    if isinstance(value, (Method, Function, Name, Coroutine)):
        return True
    if isinstance(value, Many) and value.is_sequence:
        return bool(value.items)
    return None


def _refine(condition: ir.Condition, outcome: bool, value: Value | None, name: str) -> tuple[str, Value] | None:
    """Return what an undecided test teaches about the variable that it tests."""
    if may_be_none(value):
        is_there = not outcome if isinstance(condition, ir.IsNone) else outcome
        return None if is_there or not isinstance(condition, (ir.IsNone, ir.Truth)) else (name, NONE)
    if isinstance(condition, ir.IsNone):
        return (name, NONE if outcome else NOT_NONE)
    if isinstance(condition, ir.Truth):
        if outcome:
            return (name, TRUTHY)
        return (name, FALSY)
    if isinstance(condition, ir.Equals) and outcome and value is None:
        return (name, Literal(condition.value))
    return None


_OPERATIONS: dict[type, Callable[[Any, Any, State], list[State] | None]] = {
    ir.CallOp: Follower.call, ir.AwaitOp: Follower._await, ir.YieldOp: Follower._yield, ir.StoreOp: Follower._store,
    ir.StoreAttributeOp: Follower._store_attribute, ir.StoreItemOp: Follower._store_item,
    ir.UnpackOp: Follower._unpack, ir.BoxOp: Follower._box, ir.BoxAddOp: Follower._box_add,
    ir.ForgetOp: Follower._forget, ir.EnterOp: Follower.enter, ir.ExitOp: Follower.leave,
    ir.CatchOp: Follower._catch, ir.HoldOp: Follower._hold,
}  # fmt: skip

_TERMINATORS: dict[type, Callable[[Any, Any, State], None]] = {
    ir.Jump: Follower._jump, ir.Branch: Follower._branch, ir.Iterate: Follower._iterate,
    ir.Dispatch: Follower._dispatch, ir.ExitRaise: Follower.leave_raising, ir.Raise: Follower._raise,
    ir.Return: Follower._return, ir.RaiseExit: Follower._raise_exit, ir.Dead: Follower._dead,
}  # fmt: skip

__all__ = ["Event", "Exit", "Follower", "Site"]
