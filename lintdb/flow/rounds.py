"""Loops that count, and tests that tell whether there is another round: `for n in range(N): … if n == N - 1: raise`."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from lintdb.syntax.ancestry import Ancestry, names_bound
from lintdb.syntax.walk import walk

_MODULE = cst.Module([])


class Sum(NamedTuple):
    """An expression and a number that is added to it: `tries - 1`. A number alone has no expression."""

    base: str
    number: int


class Counted(NamedTuple):
    """A loop whose variable goes up by one, to `last`."""

    variable: str
    last: Sum


def counted(loop: cst.For) -> Counted | None:
    """Return what a `for` over `range(…)` or `enumerate(…)` counts with, and how far; None for other loops.

    Nor for one whose body changes either, or hands what is counted to somebody who may.
    """
    found = _counted(loop)
    return found if found is not None and not _changes(loop.body, found) else None


def _changes(body: cst.BaseSuite, counted: Counted) -> bool:
    """Whether code may change the variable, or what the loop counts to."""
    root = counted.last.base.removeprefix("len(").removesuffix(")")
    bound = names_bound(body)
    if counted.variable in bound or root in bound:
        return True
    if root == counted.last.base:
        attribute = root.rpartition(".")[2] if "." in root else None
        targets = (each.target for each in walk(body) if isinstance(each, (cst.AssignTarget, cst.AugAssign)))
        return any(isinstance(each, cst.Attribute) and each.attr.value == attribute for each in targets)
    # Of a container the body may look at the length, and at items.
    ancestry = Ancestry(body)
    for node in walk(body):
        if isinstance(node, (cst.Name, cst.Attribute)) and _MODULE.code_for_node(node) == root:
            outer, further = [*ancestry.ancestors(node), None, None][:2]
            is_item = isinstance(outer, cst.Subscript) and outer.value is node
            is_measured = isinstance(outer, cst.Arg) and isinstance(further, cst.Call) and _is_len(further)
            if not (is_measured or (is_item and not isinstance(further, (cst.AssignTarget, cst.Del, cst.AugAssign)))):
                return True
    return False


def _is_len(call: cst.Call) -> bool:
    return isinstance(call.func, cst.Name) and call.func.value == "len"


def _counted(loop: cst.For) -> Counted | None:
    call = loop.iter
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Name) or loop.asynchronous is not None:
        return None
    values = [each.value for each in call.args if each.keyword is None and not each.star]
    if len(values) != len(call.args) or not values:
        return None
    if call.func.value == "range" and len(values) <= 2 and isinstance(loop.target, cst.Name):
        stop = _sum(values[-1])
        return Counted(loop.target.value, stop._replace(number=stop.number - 1)) if stop is not None else None
    if call.func.value == "enumerate" and len(values) == 1 and isinstance(loop.target, cst.Tuple):
        first = loop.target.elements[0].value if loop.target.elements else None
        if isinstance(first, cst.Name):
            return Counted(first.value, Sum(f"len({_MODULE.code_for_node(values[0])})", -1))
    return None


def goes_on_if(test: cst.Comparison, loop: Counted) -> bool | None:
    """Return the outcome of a test after which the loop has another round; None where neither says so."""
    if len(test.comparisons) != 1:
        return None
    operator, left, right = test.comparisons[0].operator, _sum(test.left), _sum(test.comparisons[0].comparator)
    sign = _SIGNS.get(type(operator))
    if sign is None or left is None or right is None:
        return None
    if left.base != loop.variable:
        left, right, sign = right, left, sign.translate(_MIRROR)
    if left.base != loop.variable or right.base != loop.last.base:
        return None
    # `variable <sign> last + beyond`
    beyond = right.number - left.number - loop.last.number
    if beyond == 0 and sign in ("==", ">="):
        return False
    if (beyond == 0 and sign in ("<", "!=")) or (beyond == -1 and sign == "<="):
        return True
    return False if beyond == -1 and sign == ">" else None


_SIGNS: dict[type[cst.CSTNode], str] = {
    cst.Equal: "==", cst.NotEqual: "!=", cst.LessThan: "<", cst.LessThanEqual: "<=", cst.GreaterThan: ">",
    cst.GreaterThanEqual: ">=",
}  # fmt: skip
_MIRROR = str.maketrans("<>", "><")


def _sum(node: cst.BaseExpression) -> Sum | None:
    """Return an expression as a sum; None for one that is not the same each time."""
    if isinstance(node, cst.Integer):
        return Sum("", node.evaluated_value)
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, (cst.Add, cst.Subtract)):
        base = _sum(node.left)
        if base is not None and isinstance(node.right, cst.Integer):
            number = node.right.evaluated_value
            return Sum(base.base, base.number + (number if isinstance(node.operator, cst.Add) else -number))
        return None
    if isinstance(node, cst.Name) or (isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name)):
        return Sum(_MODULE.code_for_node(node), 0)
    return Sum(_MODULE.code_for_node(node), 0) if isinstance(node, cst.Call) and _is_len(node) else None
