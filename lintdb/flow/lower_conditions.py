"""Conditions: `and`, `or` and `not` become branches, one test at a time; equal tests get equal keys."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.cfg import Block
from lintdb.flow.lowering import Lowering
from lintdb.flow.rounds import goes_on_if
from lintdb.flow.stdlib import (
    PURE_TESTS,
    TYPE_TESTS,
)
from lintdb.syntax.names import ClassInfo

_OPERATORS: dict[type[cst.CSTNode], str] = {
    cst.Equal: "==", cst.NotEqual: "!=", cst.LessThan: "<", cst.LessThanEqual: "<=", cst.GreaterThan: ">",
    cst.GreaterThanEqual: ">=", cst.In: "in", cst.NotIn: "not in", cst.Is: "is", cst.IsNot: "is not",
}  # fmt: skip
_MIRRORED: dict[type[cst.CSTNode], str] = {
    cst.Equal: "==", cst.NotEqual: "!=", cst.LessThan: ">", cst.LessThanEqual: ">=", cst.GreaterThan: "<",
    cst.GreaterThanEqual: "<=",
}  # fmt: skip
"""What an operator is with its sides exchanged."""
_SAME = (cst.Is, cst.IsNot, cst.Equal, cst.NotEqual, cst.In, cst.NotIn)
"""Operators with which types are compared that must be the same."""


class _Tests(NamedTuple):
    """A test that is one of each of several operands: of all, or of any; for None (or not), else for their truth."""

    operands: tuple[cst.BaseExpression, ...]
    is_all: bool
    is_none: bool | None


class Conditions(Lowering):
    """Lowers tests: each branches to one of two blocks."""

    def condition(self, node: cst.BaseExpression, if_true: Block, if_false: Block) -> None:
        """Branch on an expression, one test at a time."""
        if isinstance(node, cst.BooleanOperation):
            middle = self.block("and" if isinstance(node.operator, cst.And) else "or")
            if isinstance(node.operator, cst.And):
                self.condition(node.left, middle, if_false)
            else:
                self.condition(node.left, if_true, middle)
            self.continue_in(middle)
            self.condition(node.right, if_true, if_false)
            return
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
            self.condition(node.expression, if_false, if_true)
            return
        tests = _tests_in_turn(node) if self._is_plain(node) else None
        if tests is not None:
            self._in_turn(node, tests, if_true, if_false)
            return
        if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
            self._comparison(node, if_true, if_false)
            return
        if isinstance(node, cst.Call) and self.index.dotted(node.func, self.function) in PURE_TESTS:
            if len(node.args) == 1 and isinstance(node.func, cst.Name) and node.func.value in ("bool", "len"):
                self.condition(node.args[0].value, if_true, if_false)
                return
            operands = [self.expression(argument.value) for argument in node.args]
            if len(operands) == 2 and isinstance(node.func, cst.Name) and node.func.value == "isinstance":
                types = self.types_in(node.args[1].value)
                self.branch(node, ir.IsInstance(operands[0], types, self.key(node)), if_true, if_false)
                return
            name = operands[1] if len(operands) == 2 else None
            if isinstance(name, ir.Constant) and isinstance(name.value, str):
                self.branch(node, ir.HasName(operands[0], name.value, self.key(node)), if_true, if_false)
                return
            self.branch(node, ir.Truth(ir.UNKNOWN, self.key(node)), if_true, if_false)
            return
        if isinstance(node, cst.Call) and len(node.args) == 1 and not node.args[0].star:
            tested = TYPE_TESTS.get(self.index.dotted(node.func, self.function) or "")
            if tested is not None:
                key = self.key(node.args[0].value, f" is {tested}")
                condition = ir.IsInstance(self.expression(node.args[0].value), (tested,), key)
                self.branch(node, condition, if_true, if_false)
                return
        self._truth_of(node, node, False, if_true, if_false)

    def _is_plain(self, node: cst.BaseExpression) -> bool:
        """Whether a call is one of `all` and `any` themselves; whatever is no call is plain."""
        return not isinstance(node, cst.Call) or self.index.dotted(node.func, self.function) in ("all", "any")

    def _in_turn(self, node: cst.BaseExpression, tests: _Tests, if_true: Block, if_false: Block) -> None:
        for operand in tests.operands[:-1]:
            following = self.block("and" if tests.is_all else "or")
            self._one_of(node, operand, tests, *((following, if_false) if tests.is_all else (if_true, following)))
            self.continue_in(following)
        self._one_of(node, tests.operands[-1], tests, if_true, if_false)

    def _one_of(
        self, node: cst.BaseExpression, operand: cst.BaseExpression, tests: _Tests, if_true: Block, if_false: Block
    ) -> None:
        if tests.is_none is None:
            self.condition(operand, if_true, if_false)
            return
        condition = ir.IsNone(self.expression(operand), self.key(operand, " is None"))
        blocks = (if_true, if_false) if tests.is_none else (if_false, if_true)
        self.branch(node, condition, *blocks, is_negated=not tests.is_none)

    def types_in(self, expression: cst.BaseExpression) -> tuple[str | ClassInfo, ...]:
        """Return the types in a test: classes of the project, dotted names of others, empty for what is not known."""
        if isinstance(expression, cst.Tuple):
            return tuple(name for each in expression.elements for name in self.types_in(each.value))
        if isinstance(expression, cst.BinaryOperation):
            return self.types_in(expression.left) + self.types_in(expression.right)
        symbol = self.index.symbol_of(expression, self.function)
        return (symbol if isinstance(symbol, ClassInfo) else self.index.dotted(expression, self.function) or "",)

    def _comparison(self, node: cst.Comparison, if_true: Block, if_false: Block) -> None:
        for frame in self.frames:
            outcome = goes_on_if(node, frame.counted) if frame.counted is not None else None
            if outcome is True:
                if_true = self._with_another_round(node, frame.again, if_true)
            elif outcome is False:
                if_false = self._with_another_round(node, frame.again, if_false)
        self._compared(node, if_true, if_false)

    def _with_another_round(self, node: cst.Comparison, again: str, following: Block) -> Block:
        """Return a block that notes that the loop goes on, and leads to *following*."""
        noting = self.block("another round")
        noting.operations.append(ir.StoreOp(node, self.in_cleanup, again, ir.Constant(True)))
        noting.terminator = ir.Jump(following.id)
        return noting

    def _compared(self, node: cst.Comparison, if_true: Block, if_false: Block) -> None:
        target = node.comparisons[0]
        operator = target.operator
        condition: ir.Condition
        tested = self._type_tested(node)
        if tested is not None:
            negated = isinstance(operator, (cst.IsNot, cst.NotEqual, cst.NotIn))
            blocks = (if_false, if_true) if negated else (if_true, if_false)
            self.branch(node, tested, *blocks, is_negated=negated)
            return
        emptiness = self._emptiness(node)
        if emptiness is not None:
            self._truth_of(node, *emptiness, if_true, if_false)
            return
        left = self.expression(node.left)
        is_membership = isinstance(operator, (cst.In, cst.NotIn))
        holder = self._holder_of_names(target.comparator) if is_membership else None
        if is_membership and (holder is not None or self._is_namespace(target.comparator)):
            name = left.value if isinstance(left, ir.Constant) else None
            held = self.expression(holder) if holder is not None else None
            key = self.key(node) if holder is not None else None
            condition = (
                ir.HasName(held, name, key, self._asks_class(target.comparator))
                if isinstance(name, str)
                else ir.Truth(ir.UNKNOWN, key)
            )
            blocks = (if_true, if_false) if isinstance(operator, cst.In) else (if_false, if_true)
            self.branch(node, condition, *blocks, is_negated=isinstance(operator, cst.NotIn))
            return
        right = self.expression(target.comparator)
        negated = isinstance(operator, (cst.IsNot, cst.NotEqual, cst.LessThanEqual, cst.GreaterThanEqual))
        if isinstance(operator, (cst.Is, cst.IsNot, cst.Equal, cst.NotEqual)):
            if isinstance(left, ir.Constant) and not isinstance(right, ir.Constant):
                left, right = right, left
            if isinstance(right, ir.Constant) and right.value is None:
                condition = ir.IsNone(left, self.key(node.left, " is None"))
            elif isinstance(right, ir.Constant):
                condition = ir.Equals(left, right.value, self.key(node.left, f" == {right.value!r}"))
            elif isinstance(operator, (cst.Is, cst.IsNot)):
                condition = ir.IsSame(left, right, self.key(node))
            else:
                condition = ir.IsEqual(left, right, self.key(node.left, f" == {text_of(target.comparator)}"))
        elif isinstance(operator, (cst.GreaterThan, cst.LessThanEqual)):
            condition = ir.Exceeds(left, right, self.key(node.left, f" > {text_of(target.comparator)}"))
        elif isinstance(operator, (cst.LessThan, cst.GreaterThanEqual)):
            condition = ir.Exceeds(right, left, self.key(target.comparator, f" > {text_of(node.left)}"))
        else:
            condition = ir.Truth(ir.UNKNOWN, self.key(node))
        if negated:
            if_true, if_false = if_false, if_true
        self.branch(node, condition, if_true, if_false, is_negated=negated)

    def _type_tested(self, node: cst.Comparison) -> ir.IsInstance | None:
        """Return what `type(x) is T`, `type(x) == T`, `type(x) in (T, U)` test, if it can be seen what `T` is."""
        left, target = node.left, node.comparisons[0]
        if not isinstance(left, cst.Call) or len(left.args) != 1 or left.args[0].star:
            return None
        if self.index.dotted(left.func, self.function) != "type" or not isinstance(target.operator, _SAME):
            return None
        is_several = isinstance(target.operator, (cst.In, cst.NotIn))
        if is_several is not isinstance(target.comparator, (cst.Tuple, cst.List, cst.Set)):
            return None
        written = _written_out(target.comparator) if is_several else (target.comparator,)
        types = tuple(name for each in written for name in self.types_in(each))
        text = text_of(target.comparator)
        if not types or not all(types) or text is None:
            return None
        operand = self.expression(left.args[0].value)
        return ir.IsInstance(operand, types, self.key(left.args[0].value, f" is a {text}"), is_exact=True)

    def _emptiness(self, node: cst.Comparison) -> tuple[cst.BaseExpression, bool] | None:
        """Return what `len(x) > 0`, `len(x) == 0`, `x == []`, `n % 100 == 0` test, and whether for its being empty."""
        left, right = node.left, node.comparisons[0].comparator
        if isinstance(left, cst.Integer):
            left, right = right, left
            sign = _MIRRORED.get(type(node.comparisons[0].operator), "")
        else:
            sign = _OPERATORS.get(type(node.comparisons[0].operator), "")
        bound = right.evaluated_value if isinstance(right, cst.Integer) else None
        if isinstance(right, (cst.List, cst.Tuple, cst.Dict)) and not right.elements and sign in ("==", "!="):
            return left, sign == "=="
        is_rest = isinstance(left, cst.BinaryOperation) and isinstance(left.operator, cst.Modulo)
        if is_rest and bound == 0 and sign in ("==", "!=") and text_of(left) is not None:
            return left, sign == "=="
        is_length = isinstance(left, cst.Call) and self.index.dotted(left.func, self.function) == "len"
        if not is_length or not isinstance(left, cst.Call) or len(left.args) != 1 or left.args[0].star:
            return None
        if (sign, bound) in (("==", 0), ("<", 1), ("<=", 0)):
            return left.args[0].value, True
        return (left.args[0].value, False) if (sign, bound) in (("!=", 0), (">", 0), (">=", 1)) else None

    def _truth_of(
        self, node: cst.BaseExpression, tested: cst.BaseExpression, is_negated: bool, if_true: Block, if_false: Block
    ) -> None:
        """Branch on an expression's being true; *node* is what is written."""
        if isinstance(tested, cst.Name) and isinstance(node, cst.Comparison):
            self.expression(node.left)  # `len(x)` fails where there is no x
        value = self.expression(tested)
        key = self.key(tested) if isinstance(tested, (cst.Attribute, cst.Subscript, cst.BinaryOperation)) else None
        blocks = (if_false, if_true) if is_negated else (if_true, if_false)
        self.branch(node, ir.Truth(value, key), *blocks, is_negated=is_negated)

    def _is_namespace(self, node: cst.BaseExpression) -> bool:
        """`locals()`, `vars()`, `dir()` of the function itself."""
        if not isinstance(node, cst.Call) or node.args:
            return False
        return self.index.dotted(node.func, self.function) in ("locals", "vars", "dir")

    def _holder_of_names(self, node: cst.BaseExpression) -> cst.BaseExpression | None:
        """`x.__dict__`, `vars(x)`, `dir(x)`: the object whose names these are."""
        if isinstance(node, cst.Attribute) and node.attr.value == "__dict__":
            return node.value
        is_call = isinstance(node, cst.Call) and self.index.dotted(node.func, self.function) in ("vars", "dir")
        is_of_one = is_call and isinstance(node, cst.Call) and len(node.args) == 1 and not node.args[0].star
        return node.args[0].value if is_of_one and isinstance(node, cst.Call) else None

    def _asks_class(self, node: cst.BaseExpression) -> bool:
        """`dir(x)`, which has the names of the object's class, too."""
        return isinstance(node, cst.Call) and self.index.dotted(node.func, self.function) == "dir"

    def key(self, node: cst.CSTNode, suffix: str = "") -> str | None:
        """Return a text that is equal for equal conditions, and count it; None where a call makes each test new."""
        text = text_of(node)
        if text is None:
            return None
        text += suffix
        self.cfg.condition_keys[text] = self.cfg.condition_keys.get(text, 0) + 1
        return text


def text_of(node: cst.CSTNode) -> str | None:
    """Return a canonical text of an expression that has no effect and no call in it (pure tests apart), else None."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        base = text_of(node.value)
        return f"{base}.{node.attr.value}" if base else None
    if isinstance(node, (cst.SimpleString, cst.Integer, cst.Float)):
        return node.value
    if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
        target = node.comparisons[0]
        left, right = text_of(node.left), text_of(target.comparator)
        operator = _OPERATORS.get(type(target.operator))
        return f"{left} {operator} {right}" if left and right and operator else None
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Modulo):
        left, right = text_of(node.left), text_of(node.right)
        return f"{left} % {right}" if left and right and not isinstance(node.left, cst.SimpleString) else None
    if isinstance(node, cst.Subscript) and len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        base, key = text_of(node.value), text_of(node.slice[0].slice.value)
        return f"{base}[{key}]" if base and key else None
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in ("isinstance", "hasattr"):
        parts = [text_of(argument.value) for argument in node.args]
        return f"{node.func.value}({', '.join(p for p in parts if p)})" if all(parts) else None
    if isinstance(node, cst.Tuple):
        parts = [text_of(element.value) for element in node.elements]
        return f"({', '.join(p for p in parts if p)})" if all(parts) else None
    return None


def _tests_in_turn(node: cst.BaseExpression) -> _Tests | None:
    """`all((a, b))`, `any(x is None for x in (a, b))`, `None in (a, b)`: a test of each, if they are written out."""
    if isinstance(node, cst.Comparison):
        operator = node.comparisons[0].operator
        if not _is_name(node.left, "None") or not isinstance(operator, (cst.In, cst.NotIn)):
            return None
        operands = _written_out(node.comparisons[0].comparator)
        is_in = isinstance(operator, cst.In)
        return _Tests(operands, is_all=not is_in, is_none=is_in) if operands else None
    if not isinstance(node, cst.Call) or len(node.args) != 1:
        return None
    is_all, given = _is_name(node.func, "all"), node.args[0].value
    if not isinstance(given, (cst.GeneratorExp, cst.ListComp)):
        operands = _written_out(given)
        return _Tests(operands, is_all, None) if operands else None
    loop = given.for_in
    operands = _written_out(loop.iter) if not loop.ifs and loop.inner_for_in is None else ()
    if not operands or not isinstance(loop.target, cst.Name):
        return None
    if _is_name(given.elt, loop.target.value):
        return _Tests(operands, is_all, None)
    if not isinstance(given.elt, cst.Comparison) or not _is_name(given.elt.left, loop.target.value):
        return None
    test = given.elt.comparisons[0]
    if not isinstance(test.operator, (cst.Is, cst.IsNot)) or not _is_name(test.comparator, "None"):
        return None
    return _Tests(operands, is_all, isinstance(test.operator, cst.Is))


def _written_out(node: cst.BaseExpression) -> tuple[cst.BaseExpression, ...]:
    """Return the elements of a display, none if some are hidden behind a star."""
    if not isinstance(node, (cst.Tuple, cst.List, cst.Set)):
        return ()
    elements = tuple(element.value for element in node.elements if isinstance(element, cst.Element))
    return elements if len(elements) == len(node.elements) else ()


def _is_name(node: cst.BaseExpression, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name
