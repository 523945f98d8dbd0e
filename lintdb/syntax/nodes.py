"""Small questions about single nodes, asked all over."""

from __future__ import annotations

import libcst as cst


def is_none(node: cst.CSTNode | None) -> bool:
    """Whether an expression is the constant None."""
    return isinstance(node, cst.Name) and node.value == "None"


def last_name(node: cst.CSTNode) -> str:
    """Return the last part of a dotted name; empty for any other expression."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def binds(item: cst.WithItem, name: str) -> bool:
    """Whether a block binds what it is entered by to a variable of that name, and to nothing else."""
    return item.asname is not None and isinstance(item.asname.name, cst.Name) and item.asname.name.value == name
