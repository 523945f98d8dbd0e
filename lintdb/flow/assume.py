"""Conditions: which outcomes a path allows, and what it knows after each."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace

from lintdb.flow import ir
from lintdb.flow.evaluate import Values, dotted_name, may_be_none
from lintdb.flow.records import is_named_tuple
from lintdb.flow.rows import LOOKED
from lintdb.flow.sites import UNHEARD_OF
from lintdb.flow.state import State
from lintdb.flow.stdlib import AWAITABLE_TYPES, COROUTINE_TYPES, DATA_TYPES, TYPES_OF
from lintdb.flow.values import (
    COUNTED,
    DATA,
    FALSY,
    NONE,
    NOT_NONE,
    OWN_OBJECT,
    TRUE,
    TRUTHY,
    Box,
    Change,
    Coroutine,
    Data,
    Function,
    Instance,
    Literal,
    Many,
    Method,
    Name,
    Opening,
    Outside,
    Ref,
    Row,
    Table,
    Tally,
    Truthiness,
    Unbound,
    Value,
    prefix_of,
)
from lintdb.syntax.constructed import has_from_start
from lintdb.syntax.names import ClassInfo

_OPEN_BASES = frozenset({"typing.Protocol", "typing_extensions.Protocol", "abc.ABC"})
"""Bases of classes that others may belong to without deriving from them."""


class Assumptions(Values):
    """Splits a path at a test."""

    @functools.cached_property
    def told_attributes(self) -> dict[str, list[str]]:
        """The attributes in which a constructor keeps what it is told, by parameter, where both mean the same."""
        function = self.function
        if function.owner is None or function.name != "__init__":
            return {}
        stores = [
            each for block in self.cfg.blocks for each in block.operations if isinstance(each, ir.StoreAttributeOp)
        ]
        names = {param.name.value for param in function.params} - set(function.given)
        found: dict[str, list[str]] = {}
        for op in stores:
            is_kept = isinstance(op.base, ir.Local) and self.is_self(op.base.name) and isinstance(op.operand, ir.Local)
            is_only = sum(each.attribute == op.attribute for each in stores) == 1
            if is_kept and is_only and isinstance(op.operand, ir.Local) and op.operand.name in names:
                found.setdefault(op.operand.name, []).append(f"self.{op.attribute}")
        return found

    def assume(self, condition: ir.Condition, outcome: bool, state: State) -> State | None:
        """Return a copy of the state in which the condition has the outcome, or None where it cannot have."""
        refine: tuple[str, Value] | None = None
        if outcome and self._is_done_before(condition, state):
            return None
        key = condition.key if condition.key in self.relevant_keys else None
        known = state.facts.get(condition.key) if condition.key is not None else None
        if known is None:
            known = self._is_known(condition, state)
        if known is not None and known != outcome:
            return None
        if isinstance(condition, ir.Exceeds):
            refine = self._refine_count(condition, outcome, state)
        elif isinstance(condition, (ir.Truth, ir.IsNone, ir.Equals, ir.IsInstance)):
            value = self.value(condition.operand, state)
            name = self._name_of(condition.operand)
            is_refined = not isinstance(condition, ir.IsInstance) or isinstance(value, Row)
            if (
                name is not None
                and is_refined
                and (value is None or isinstance(value, (Truthiness, Data)) or may_be_none(value))
            ):
                refine = _refine(condition, outcome, value, name)
                if refine is not None and refine[1] == FALSY and name in self.function.optional:
                    refine = (name, NONE)
        new = state.copy()
        if refine is not None and known is None:
            new.env[refine[0]] = refine[1]
            for kept in (*self.told_attributes.get(refine[0], ()), *_attribute_behind(refine[0], state)):
                new.env[kept] = refine[1]
            if isinstance(refine[1], Row):
                new.env[LOOKED] = TRUE
        if key is not None and known is None:
            new.facts[key] = outcome
        self._note_other_test(condition, outcome, state, new)
        self._note_outcome(condition, outcome, state, new)
        return new

    def _note_other_test(self, condition: ir.Condition, outcome: bool, state: State, new: State) -> None:
        """An object that is true is not None, and None is not true, however the next test asks for that."""
        if not outcome or not isinstance(condition, (ir.Truth, ir.IsNone)):
            return
        value, name = self.value(condition.operand, state), dotted_name(condition.operand)
        if isinstance(value, Outside) and name is not None:
            other = f"{name} is None" if isinstance(condition, ir.Truth) else name
            if other in self.cfg.condition_keys:
                new.facts[other] = False

    def _note_outcome(self, condition: ir.Condition, outcome: bool, state: State, new: State) -> None:
        """Bring into the *new* state what a test teaches about resources."""
        self._note_presence(condition, outcome, state, new)
        self._note_mode(condition, outcome, state, new)
        self._note_change(condition, outcome, state, new)
        self._note_tallies(condition, outcome, state, new)
        if isinstance(condition, ir.HasName) and outcome:
            self._note_other_kind(condition, state, new)

    def _is_done_before(self, condition: ir.Condition, state: State) -> bool:
        """`if _called: return`, and then `_called = True`: the first call, which does it all, is what counts."""
        tested = condition.operand if isinstance(condition, ir.Truth) else None
        name = tested.name if isinstance(tested, ir.Local) else ""
        return name in self.function.once and state.env.get(name) is None

    def _note_other_kind(self, condition: ir.HasName, state: State, new: State) -> None:
        """`if hasattr(conn, "wait_closed")`: what has that is of another kind than what was taken for it."""
        value = self.value(condition.operand, state) if condition.operand is not None else None
        kind = self.kind_of(state.status(value.rid)) if isinstance(value, Ref) else None
        if kind is None or condition.name in kind.methods or condition.name in kind.attributes:
            return
        if any(condition.name in each.methods for each in self.knowledge.kinds()):
            new.escape(value, with_parents=False)
            for name in [name for name, held in new.env.items() if held == value]:
                new.env[name] = NOT_NONE

    def _note_tallies(self, condition: ir.Condition, outcome: bool, state: State, new: State) -> None:
        """`if cur.rowcount`, `if conn.in_transaction`: where that is zero, or false, there is no work, or no unit."""
        if isinstance(condition, (ir.IsEqual, ir.IsSame)):
            self._note_failed(condition, outcome, state, new)
        for tally, is_zero in self._told(condition, outcome, state):
            if is_zero and tally.is_of_unit:
                new.update(tally.of, pending=-1, begun=-1, failed=-1)
            elif is_zero:
                new.update(tally.of, pending=-1)
            elif not tally.is_of_unit and (kind := self.kind_of(new.status(tally.by))) and kind.gives_answers:
                new.update(tally.by, answer="row")

    def _note_failed(self, condition: ir.IsEqual | ir.IsSame, outcome: bool, state: State, new: State) -> None:
        """`if conn.info.transaction_status == TransactionStatus.INERROR`: elsewhere nothing has failed in the unit."""
        values = [self.value(condition.left, state), self.value(condition.right, state)]
        names = [each.dotted for each in values if isinstance(each, Name)]
        is_fine = any(name.endswith("INTRANS" if outcome else "INERROR") for name in names)
        for tally in values:
            if is_fine and isinstance(tally, Tally) and tally.is_of_unit:
                new.update(tally.of, failed=-1)

    def _note_mode(self, condition: ir.Condition, outcome: bool, state: State, new: State) -> None:
        """`if conn.autocommit == before`: then there is nothing to set back."""
        if not isinstance(condition, ir.IsEqual) or not outcome:
            return
        for operand in (condition.left, condition.right):
            base = self.value(operand.base, state) if isinstance(operand, ir.AttributeOf) else None
            if not isinstance(base, Ref) or not isinstance(operand, ir.AttributeOf):
                continue
            kind = self.kind_of(state.status(base.rid))
            if kind is not None and operand.name in kind.attribute_events:
                new.update(base.rid, switched=-1)

    def _note_change(self, condition: ir.Condition, outcome: bool, state: State, new: State) -> None:
        """`if row is None`, of what a write gives: then it has not changed anything."""
        if isinstance(condition, (ir.Truth, ir.IsNone)) and outcome is isinstance(condition, ir.IsNone):
            value = self.value(condition.operand, state)
            if isinstance(value, (Row, Change)) and value.of is not None:
                new.update(value.of, pending=-1)

    def _refine_count(self, condition: ir.Exceeds, outcome: bool, state: State) -> tuple[str, Value] | None:
        """`n > 0`, `n >= 1`: after that it is a number above zero."""
        left, right = self.value(condition.left, state), self.value(condition.right, state)
        counted = condition.left if outcome else condition.right
        bound = _number(right if outcome else left)
        name = self._name_of(counted)
        is_open = self.value(counted, state) in (None, TRUTHY, NOT_NONE)
        return (name, COUNTED) if name and is_open and bound is not None and bound >= (0 if outcome else 1) else None

    def _told(self, condition: ir.Condition, outcome: bool, state: State) -> Iterator[tuple[Tally, bool]]:
        """Yield the tallies that an outcome says something of: they are zero (less than wanted), or else above that."""
        if isinstance(condition, ir.Truth):
            sides = [(self.value(condition.operand, state), not outcome)]
        elif isinstance(condition, ir.Equals):
            is_number = isinstance(condition.value, int) and not isinstance(condition.value, bool)
            tested = self.value(condition.operand, state)
            if isinstance(tested, Tally) and tested.is_of_unit and is_number and condition.value:
                return  # the number of some state of a transaction
            sides = [(tested, outcome is not bool(condition.value))]
        elif isinstance(condition, (ir.IsEqual, ir.IsSame)):
            values = [self.value(condition.left, state), self.value(condition.right, state)]
            of_unit = [each for each in values if isinstance(each, Tally) and each.is_of_unit]
            if of_unit:
                # `conn.info.transaction_status != TransactionStatus.IDLE`: that of other states says too little.
                is_idle = any(isinstance(each, Name) and each.dotted.endswith("IDLE") for each in values)
                yield from ((each, outcome) for each in of_unit if is_idle)
                return
            if isinstance(condition, ir.IsSame):
                return
            are_tallies = all(isinstance(each, Tally) for each in values)
            sides = [(each, True) for each in values if outcome is are_tallies]
        elif isinstance(condition, ir.Exceeds):
            left, right = self.value(condition.left, state), self.value(condition.right, state)
            least, most = _number(right), _number(left)
            sides = []
            if outcome or least is None or least < 1:
                sides.append((left, not outcome))
            if outcome or (most is not None and most >= 1):
                sides.append((right, outcome))
        else:
            return
        for side, is_zero in sides:
            if isinstance(side, Tally):
                yield side, is_zero

    def _note_presence(self, condition: ir.Condition, outcome: bool, before: State, state: State) -> None:
        """After a test: that what came from outside is there, or how likely it is that the path goes this way."""
        if not isinstance(condition, (ir.Truth, ir.IsNone)):
            return
        value = self.value(condition.operand, before)
        if isinstance(value, Ref):
            # Of attributes nothing is said to callees, which would make hundreds of ways to call them.
            if value.rid[0][0] in ("param", "global") and outcome is isinstance(condition, ir.Truth):
                state.update(value.rid, is_there=True)
        elif value == NOT_NONE and isinstance(condition, ir.Truth) and condition.is_default and not outcome:
            # `given or open()` where `given` is not None: nobody gives an empty one.
            state.make_unlikely(UNHEARD_OF)

    def _is_known(self, condition: ir.Condition, state: State) -> bool | None:
        """Return the outcome that the values of the state force, or None."""
        if isinstance(condition, ir.HasName):
            return self._has_name(condition, state)
        if isinstance(condition, ir.IsSame):
            left, right = self.value(condition.left, state), self.value(condition.right, state)
            if isinstance(left, (Ref, Instance)) and isinstance(right, (Ref, Instance)):
                return left == right
            if (_is_object(left) and _is_falsy(right)) or (_is_falsy(left) and _is_object(right)):
                return False
            # What was opened here and has never left our sight is no other's, such as a caller's.
            return False if _is_ours(left, right, state) or _is_ours(right, left, state) else None
        if isinstance(condition, ir.Exceeds):
            return _exceeds(self.value(condition.left, state), self.value(condition.right, state))
        if isinstance(condition, ir.IsEqual):
            return None
        value = self.value(condition.operand, state)
        if isinstance(condition, ir.HasParts):
            return _has_parts(condition, value)
        if isinstance(condition, ir.IsInstance):
            answers = {self._is_of_type(value, each, state) for each in condition.types}
            if condition.is_exact and True in answers:
                return True if any(_is_exactly(value, each) for each in condition.types) else None
            return True if True in answers else False if answers == {False} else None
        status = state.status(value.rid) if isinstance(value, Ref) else None
        # What something was done with is there, whether that went well or not.
        is_there = status is not None and (status.is_there or max(status.failed, status.pending) >= 0)
        if is_there and not isinstance(condition, ir.Equals):
            return isinstance(condition, ir.Truth)
        kind = self.kind_of(status)
        if kind is not None and kind.truth_reads and isinstance(condition, ir.Truth):
            return None
        return _decide(condition, value, state)

    def _has_name(self, condition: ir.HasName, state: State) -> bool | None:
        """`hasattr(conn, "close")`, `"conn" in locals()`."""
        if condition.operand is None:
            held = state.env.get(condition.name)
            return True if isinstance(held, (Ref, Instance)) else False if isinstance(held, Unbound) else None
        value = self.value(condition.operand, state)
        is_own = isinstance(condition.operand, ir.Local) and self.is_self(condition.operand.name)
        if (is_own and self.function.name != "__new__") or isinstance(value, (Instance, Outside)):
            return self._has_attribute(value, condition, state)
        if isinstance(value, Coroutine):
            return True if condition.name == "__await__" else None
        status = state.status(value.rid) if isinstance(value, Ref) else None
        kind = self.kind_of(status) if not self._is_passed(value) else None
        return True if kind is not None and condition.name in kind.methods else None

    def _has_attribute(self, value: Value | None, condition: ir.HasName, state: State) -> bool | None:
        """`hasattr(self, "conn")`: by what the path has put there, or else by what its constructor always does."""
        prefix = value.prefix if isinstance(value, Instance) else prefix_of((OWN_OBJECT, ()))
        held = state.env.get(f"{prefix}{condition.name}") if not isinstance(value, Outside) else None
        if held is not None:
            return not isinstance(held, Unbound)
        owner = value.owner if isinstance(value, (Instance, Outside)) else self.owner_class()
        is_made = isinstance(value, Outside) or (self.function.is_instance_method and self.function.name != "__init__")
        is_there = owner is not None and has_from_start(owner, condition.name, of_class=condition.of_class)
        return True if is_there and (is_made or isinstance(value, Instance)) else None

    def _name_of(self, operand: ir.Operand) -> str | None:
        """Return the name under which a state keeps a variable or an attribute of the object itself."""
        if isinstance(operand, ir.Local):
            return operand.name
        if (
            isinstance(operand, ir.AttributeOf)
            and isinstance(operand.base, ir.Local)
            and self.is_self(operand.base.name)
        ):
            return f"self.{operand.name}"
        return None

    def _is_of_type(self, value: Value | None, tested: str | ClassInfo, state: State) -> bool | None:
        """Whether a value is an object of a type; None where that is not known."""
        if built_in := _built_in_type(value):
            return self._is_built_in(built_in, tested)
        if isinstance(value, Instance):
            is_tuple = is_named_tuple(value.owner) and tested in TYPES_OF["tuple"]
            return True if is_tuple else _is_made_from(value.owner, tested)
        if isinstance(value, Coroutine):
            return self._is_coroutine_of(value, tested)
        status = state.status(value.rid) if isinstance(value, Ref) else None
        if status is None or not isinstance(value, Ref) or not tested or self._is_passed(value):
            return None
        if isinstance(tested, ClassInfo):
            # What somebody else has is known by what is said of it, or done with it: it may be of this class as well.
            is_seen = value.rid[0][0] not in ("param", "named", "self", "global", "field", "placed")
            return False if is_seen and _is_plain(tested) else None
        if self.knowledge.kind_of_type(tested) == status.kind:
            return True
        return False if tested in DATA_TYPES else None

    def _is_passed(self, value: Value | None) -> bool:
        """Whether only the calls of the file tell what something is: who asks for its type expects others, too."""
        site = self.sites.get(value.rid[0]) if isinstance(value, Ref) else None
        return site is not None and site.is_passed

    def _is_built_in(self, built_in: str, tested: str | ClassInfo) -> bool | None:
        """Whether what is of a built-in type is of another one: it is no object of a class, nor of a library's."""
        if isinstance(tested, ClassInfo):
            return False if _is_plain(tested) else None
        if tested in TYPES_OF[built_in]:
            return True
        is_other = tested in DATA_TYPES or (bool(tested) and self.knowledge.kind_of_type(tested) is not None)
        return False if is_other else None

    def _is_coroutine_of(self, value: Coroutine, tested: str | ClassInfo) -> bool | None:
        """Whether what can be awaited is of a type: some of it is an object of a library's, and no coroutine."""
        model = self.calls[value.call].model if value.call in self.calls else None
        is_object = model is not None and not model.coroutine
        if tested in AWAITABLE_TYPES:
            return None if is_object and tested in COROUTINE_TYPES else True
        return False if tested in DATA_TYPES else None


def _built_in_type(value: Value | None) -> str:
    """Return the built-in type of what holds several values, "" where it is not known, or another thing."""
    return value.of_type if isinstance(value, (Many, Box)) else "dict" if isinstance(value, Table) else ""


def _is_exactly(value: Value | None, tested: str | ClassInfo) -> bool:
    """Whether a value is surely an object of a type itself, and not of one that derives from it."""
    return _built_in_type(value) == tested or (isinstance(value, Instance) and value.owner is tested)


def _has_parts(condition: ir.HasParts, value: Value | None) -> bool | None:
    """Whether a sequence pattern takes a value; None where that is not known."""
    if isinstance(value, (Ref, Literal, Table)) and not may_be_none(value):
        return False
    if not isinstance(value, Many) or not value.is_sequence:
        return None
    is_fit = len(value.items) >= condition.count if condition.is_open else len(value.items) == condition.count
    return False if not is_fit else True if condition.is_plain else None


def _is_plain(owner: ClassInfo) -> bool:
    """Whether nothing that a library makes, nor an object of another class, can be an object of a class."""
    bases = {base for each in owner.lineage for base in each.outside_bases}
    return bases.isdisjoint(_OPEN_BASES) and not any(each.has_unknown_base for each in (owner, *owner.derived))


def _is_made_from(owner: ClassInfo, tested: str | ClassInfo) -> bool | None:
    """Whether objects that are made of a class are of another one, too."""
    if isinstance(tested, ClassInfo):
        return True if tested in owner.lineage else False if _is_plain(tested) and not owner.has_unknown_base else None
    return False if tested in DATA_TYPES and not owner.has_unknown_base else None


def _is_object(value: Value | None) -> bool:
    """Whether a value is one that is always true."""
    return isinstance(value, Instance) or (isinstance(value, Ref) and not may_be_none(value))


def _is_ours(value: Value | None, other: Value | None, state: State) -> bool:
    """Whether a value is a resource that is owed here, and *other* is of unknown origin."""
    status = state.status(value.rid) if isinstance(value, Ref) else None
    return other in (None, TRUTHY, FALSY, NOT_NONE) and status is not None and status.owed and status.phase == "open"


def _is_falsy(value: Value | None) -> bool:
    return (isinstance(value, Literal) and not value.value) or (isinstance(value, Truthiness) and value.truth is False)


def _number(value: Value | None) -> int | float | None:
    """Return the number that a value is known to be."""
    if isinstance(value, Literal) and isinstance(value.value, (int, float)):
        return value.value
    return None


def _exceeds(left: Value | None, right: Value | None) -> bool | None:
    """Whether a number is greater than another."""
    one, other = _number(left), _number(right)
    if one is not None and other is not None:
        return one > other
    if left == COUNTED and other is not None and other < 1:
        return True
    return False if right == COUNTED and one is not None and one <= 1 else None


def _decide(condition: ir.Truth | ir.IsNone | ir.Equals, value: Value | None, state: State) -> bool | None:
    """Return the outcome that a value forces, or None."""
    if value is None:
        return None
    if isinstance(condition, ir.Equals):
        return _equals(value, condition.value)
    if isinstance(condition, ir.IsNone):
        return _is_none(value)
    return _is_true(value, state)


def _is_none(value: Value) -> bool | None:
    if isinstance(value, Row):
        return True if value.is_missing else None
    if isinstance(value, Literal):
        return value.value is None
    if isinstance(value, Truthiness):
        return False if value.is_not_none else None
    if isinstance(value, (Data, Unbound)):
        return None
    return None if may_be_none(value) else False


def _equals(value: Value, other: object) -> bool | None:
    if isinstance(value, Ref) and isinstance(other, (str, bytes, int, float)):
        return False  # `source == ":memory:"` of a connection
    if isinstance(value, Truthiness):
        # What is not true and is compared with a number is 0.
        return True if value.truth is False and other == 0 and other is not False else _differ_in_truth(value, other)
    if not isinstance(value, Literal) or value.is_prefix:
        return None
    types = {type(value.value), type(other)}
    return value.value == other and (len(types) == 1 or types == {bool, int})


def _differ_in_truth(value: Truthiness, other: object) -> bool | None:
    return False if value.truth is not None and value.truth is not bool(other) else None


def _is_true(value: Value, state: State) -> bool | None:
    if isinstance(value, Row):
        return False if value.is_missing else None
    if isinstance(value, Literal):
        return (True if value.value else None) if value.is_prefix else bool(value.value)
    if isinstance(value, Truthiness):
        return value.truth
    if isinstance(value, Ref):
        return None if may_be_none(value) else True
    if isinstance(value, Box):
        return True if value.is_stack or state.boxes.get(value.id) else None
    if isinstance(value, Many):
        if value.is_sequence:
            return bool(value.items)
        # Any of several resources, as a loop over them binds it.
        is_resource = [isinstance(item, Ref) and not may_be_none(item) for item in value.items]
        return True if is_resource and all(is_resource) else None
    return True if isinstance(value, (Instance, Method, Function, Name, Coroutine, Opening)) else None


def _refine_row(condition: ir.Condition, outcome: bool, value: Row, name: str) -> tuple[str, Value] | None:
    """Return what a test teaches about a row that may be missing."""
    if isinstance(condition, ir.IsNone):
        return (name, replace(value, is_missing=True) if outcome else DATA)
    if isinstance(condition, ir.Truth):
        return (name, DATA if outcome else replace(value, is_missing=True))
    return (name, DATA) if outcome else None


def _refine(condition: ir.Condition, outcome: bool, value: Value | None, name: str) -> tuple[str, Value] | None:
    """Return what an undecided test teaches about the variable that it tests."""
    if isinstance(value, Row):
        return _refine_row(condition, outcome, value, name)
    if may_be_none(value):
        is_there = not outcome if isinstance(condition, ir.IsNone) else outcome
        return None if is_there or not isinstance(condition, (ir.IsNone, ir.Truth)) else (name, NONE)
    if isinstance(condition, ir.IsNone):
        return (name, NONE if outcome else NOT_NONE)
    if isinstance(condition, ir.Truth):
        if outcome:
            return (name, COUNTED if isinstance(value, Tally) else TRUTHY)
        return (name, FALSY)
    if isinstance(condition, ir.Equals) and outcome and value is None:
        return (name, Literal(condition.value))
    return None


def _attribute_behind(name: str, state: State) -> Iterator[str]:
    """`conn = self.conn; if conn is None:`: what a test says of the variable it says of the attribute."""
    held = state.env.get(name)
    if isinstance(held, Ref) and held.rid[0][0] == "self":
        attribute = f"self.{held.rid[0][1]}"
        if attribute != name and state.env.get(attribute) in (None, held):
            yield attribute
