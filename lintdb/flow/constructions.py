"""Objects of the project's classes that a function makes."""

from __future__ import annotations

from abc import ABC
from pathlib import Path

from lintdb.flow import ir
from lintdb.flow.local_calls import LocalCalls
from lintdb.flow.patches import is_replaced, reaches_patched
from lintdb.flow.records import SET_UPS, RecordField
from lintdb.flow.state import State
from lintdb.flow.stdlib import PROXIES
from lintdb.flow.summaries import (
    written_out,
)
from lintdb.flow.values import (
    Instance,
    Many,
    Outside,
    Value,
)
from lintdb.syntax.names import ClassInfo, FunctionInfo


class Constructions(LocalCalls, ABC):
    """Calls of classes: constructors, records, what a set-up method goes on with."""

    def construct(self, op: ir.CallOp, owner: ClassInfo, state: State) -> list[State] | None:
        """`Name(arguments)` for a class of the project: its `__init__` runs on a new object."""
        model = self.choose(self.program.classes.constructors_of_base(owner), op, state)
        if model is not None:
            return self.apply(op, model, None, owner.name, state)
        wrapped = self.first_argument(op, state)
        if wrapped is not None and not PROXIES.isdisjoint(owner.outside_bases):
            state.set_name(op.target, wrapped)
            return None
        fields = self.program.classes.fields_of_record(owner)
        if fields is not None and (self._set_up_of(owner) or state.holds_any(self.arguments_value(op, state))):
            return self._make_record(op, owner, fields, state)
        if self.program.classes.is_record(owner):
            if owner.find_method("__post_init__") is not None:
                self.unknown_call(op, state)
            else:
                self.give_away(op, state, is_kept=True)
            state.set_name(op.target, Outside(owner, ("made", owner.name, op.index)))
            return None
        if owner.has_unknown_base or not self.program.classes.is_made_by_init(owner):
            return self.unknown_call(op, state)
        instance = Instance(op.index, owner)
        self.drop_object(instance, state)
        init = owner.find_method("__init__")
        if init is None:
            state.set_name(op.target, instance)
            return None
        if self.patched and self._is_made_of_fakes(owner, init):
            return self.unknown_call(op, state)
        results = self.apply_summary(op, init, state, op.target, instance)
        if results is None:
            state.set_name(op.target, None)
            return None
        for each in results:
            each.set_name(op.target, instance)
        return results

    def _make_record(
        self, op: ir.CallOp, owner: ClassInfo, fields: tuple[RecordField, ...], state: State
    ) -> list[State] | None:
        """`Store(connect(path))`, where the constructor of `Store` does nothing but keep what it is given."""
        values = [self.value(argument.operand, state) for argument in op.arguments]
        by_keyword = {field.keyword: field for field in fields}
        # Attributes that begin with an underscore are given without it, where a library says so.
        by_keyword = {**{keyword.lstrip("_"): field for keyword, field in by_keyword.items()}, **by_keyword}
        positional = iter([field for field in fields if field.is_positional])
        kept: list[tuple[RecordField, Value | None]] = []
        others: list[Value | None] = []
        for keyword, value, is_hidden in written_out(op.arguments, values):
            field = by_keyword.get(keyword) if keyword is not None else None if is_hidden else next(positional, None)
            if field is None or not field.is_kept:
                others.append(value)
            else:
                kept.append((field, value))
        self.account_for(Many(tuple(others)), state)
        state.escape(Many(tuple(others)), with_parents=True)
        instance = Instance(op.index, owner)
        self.drop_object(instance, state)
        for field, value in kept:
            state.set_name(f"{instance.prefix}{field.name}", value)
        set_up = self._set_up_of(owner)
        results = self.call_method(instance, set_up, op, state, target=op.target) if set_up else [state]
        for each in results:
            each.set_name(op.target, instance)
        return results if set_up else None

    @staticmethod
    def _set_up_of(owner: ClassInfo) -> str:
        """Return the method with which a class goes on where a constructor ends that is written for it."""
        return next((name for name in SET_UPS if owner.find_method(name) is not None), "")

    def _is_made_of_fakes(self, owner: ClassInfo, init: FunctionInfo) -> bool:
        """Whether a test has put something else in place of what a constructor uses: of all that opens something."""
        openings = list(self.program.classes.openings_when_made(owner))
        if openings:
            return all(is_replaced(each, Path(path).stem, self.patched) for each, path in openings)
        return reaches_patched(init, self.patched)
