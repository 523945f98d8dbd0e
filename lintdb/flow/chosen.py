"""Which of several models of a call is meant: the first whose conditions hold for the arguments."""

from __future__ import annotations

import libcst as cst

from lintdb.effects import CallModel, Condition, Duty
from lintdb.flow import ir
from lintdb.flow.derived import is_class_among
from lintdb.flow.state import State
from lintdb.flow.unknown import UnknownCalls
from lintdb.flow.values import Box, Function, Literal, Ref
from lintdb.syntax.literals import HIDDEN, Evaluator


class ChosenModels(UnknownCalls):
    """Chooses call models."""

    def choose(self, models: tuple[CallModel, ...], op: ir.CallOp, state: State) -> CallModel | None:
        """Return the first model whose conditions hold for the arguments."""
        hidden: list[CallModel] = []
        for model in models:
            if all(self._holds(condition, op, state) is True for condition in model.when):
                if any(self._owes_less(other, model) for other in hidden):
                    self.unsure.calls.add(id(op.node))
                return model
            if all(self._is_hidden(condition, op, state) for condition in model.when):
                hidden.append(model)
        return None

    def _is_hidden(self, condition: Condition, op: ir.CallOp, state: State) -> bool:
        """Whether a condition may hold for what cannot be seen.

        `create(**options)`: the class that decides may be among the options, as it often is; single flags seldom.
        `connect(defer_connect=flag)`: whoever writes that means both.
        """
        if self.argument(op, condition.argument) is not None:
            is_flag = bool(condition.equals) and all(isinstance(each, bool) for each in condition.equals)
            return is_flag and self._holds(condition, op, state) is None
        return bool(condition.names) and any(argument.star for argument in op.arguments)

    def _owes_less(self, other: CallModel, model: CallModel) -> bool:
        kinds = [self.knowledge.kind(each.acquires) if each.acquires is not None else None for each in (other, model)]
        duties = [kind.duty if kind is not None else Duty.NONE for kind in kinds]
        return duties[0] is not Duty.MUST and duties[1] is Duty.MUST

    def _holds(self, condition: Condition, op: ir.CallOp, state: State) -> bool | None:
        """Whether a condition on the arguments holds; None where it cannot be seen."""
        operand = self.argument(op, condition.argument)
        if operand is None and any(argument.star for argument in op.arguments):
            return self._holds_of_options(condition, op)
        if condition.key is not None and operand is not None:
            given = self.types.given_argument(op.node, condition.argument) if isinstance(op.node, cst.Call) else None
            return self._holds_inside(condition, given)
        if condition.given is not None:
            return (operand is not None) == condition.given
        if operand is None:
            return False
        if condition.names:
            written = self.types.given_argument(op.node, condition.argument) if isinstance(op.node, cst.Call) else None
            if written is not None:
                return is_class_among(written, self.function, condition.names, self.types)
            return operand.name in condition.names if isinstance(operand, ir.Dotted) else None
        value = self.value(operand, state)
        if isinstance(value, Literal) and not value.is_prefix:
            return condition.is_met_by(value.value)
        return False if isinstance(value, (Ref, Box, Function)) else None

    def _holds_of_options(self, condition: Condition, op: ir.CallOp) -> bool | None:
        """The same for `connect(**LIMITS)`; None unless all options can be seen."""
        if op.index not in self.options:
            evaluator = Evaluator(self.index, self.function)
            self.options[op.index] = evaluator.options(op.node) if isinstance(op.node, cst.Call) else None
        options = self.options[op.index]
        if options is None:
            return None
        given = options.get(condition.argument.keyword or "")
        if condition.key is not None and given is not None:
            return self._holds_inside(condition, given)
        return self._holds_for(condition, given)

    def _holds_inside(self, condition: Condition, given: cst.BaseExpression | None) -> bool | None:
        """The same for what stands under a key of the dictionary that an argument is."""
        items = Evaluator(self.index, self.function).mapping(given) if given is not None else None
        return self._holds_for(condition, items.get(condition.key or "")) if items is not None else None

    def _holds_for(self, condition: Condition, given: cst.BaseExpression | None) -> bool | None:
        if condition.given is not None:
            return (given is not None) == condition.given
        if given is None:
            return False
        if condition.names:
            return is_class_among(given, self.function, condition.names, self.types)
        value = Evaluator(self.index, self.function).value(given)
        return condition.is_met_by(value) if value is not HIDDEN else None
