"""Small questions about single nodes, asked all over."""

from __future__ import annotations

import libcst as cst


def is_none(node: cst.CSTNode | None) -> bool:
    """Whether an expression is the constant None."""
    return isinstance(node, cst.Name) and node.value == "None"


def presence_asked(test: cst.BaseExpression) -> tuple[cst.BaseExpression, bool] | None:
    """Return what a test asks for, and whether that is there where the test holds; None for another comparison.

    `x`, `not x`, `x is None`, `x is not None`.
    """
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        asked = presence_asked(test.expression)
        return (asked[0], not asked[1]) if asked is not None else None
    if not isinstance(test, cst.Comparison):
        return test, True
    if len(test.comparisons) != 1 or not is_none(test.comparisons[0].comparator):
        return None
    operator = test.comparisons[0].operator
    return (test.left, isinstance(operator, cst.IsNot)) if isinstance(operator, (cst.Is, cst.IsNot)) else None


def last_name(node: cst.CSTNode) -> str:
    """Return the last part of a dotted name; empty for any other expression."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def binds(item: cst.WithItem, name: str) -> bool:
    """Whether a block binds what it is entered by to a variable of that name, and to nothing else."""
    return item.asname is not None and isinstance(item.asname.name, cst.Name) and item.asname.name.value == name
