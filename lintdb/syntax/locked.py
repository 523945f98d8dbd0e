"""Handlers that expect a database to be locked: they look for that in the error that they have caught."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import walk

_LOCKED = re.compile(r"locked|busy|is_?lock|lock_?e(?:rr|xc)", re.IGNORECASE)
"""What is asked for: a part of the message, SQLITE_BUSY, `BusyError`, somebody's `is_locked(error)`."""


def expects_lock(call: cst.Call, function: FunctionInfo) -> bool:
    """Whether what a call opens is used in a `try` of which a handler asks whether the error is a lock."""
    names = set(_names_for(call, function))
    is_kept = any(name.startswith(".") for name in names)
    around = function.owner.node if is_kept and function.owner is not None else function.node
    return any(
        isinstance(node, cst.Try)
        and any(each is call or _name_of(each) in names for each in walk(node.body))
        and any(_asks_for_lock(handler) for handler in node.handlers)
        for node in walk(around)
    )


def _names_for(call: cst.Call, function: FunctionInfo) -> Iterator[str]:
    """Yield what the result of a call is called, or what is made of it: `conn`, `.conn` for an attribute."""
    targets: list[cst.BaseExpression | cst.BaseAssignTargetExpression]
    for node in function.nodes:
        if isinstance(node, cst.Assign):
            value, targets = node.value, [each.target for each in node.targets]
        elif isinstance(node, (cst.AnnAssign, cst.NamedExpr)) and node.value is not None:
            value, targets = node.value, [node.target]
        elif isinstance(node, cst.WithItem) and node.asname is not None:
            value, targets = node.item, [node.asname.name]
        else:
            continue
        if any(each is call for each in walk(value)):
            yield from (name for target in targets if (name := _name_of(target)) is not None)


def _name_of(node: cst.CSTNode) -> str | None:
    if isinstance(node, cst.Attribute):
        return f".{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else None


def _asks_for_lock(handler: cst.ExceptHandler) -> bool:
    asked = [node.test for node in walk(handler.body) if isinstance(node, (cst.If, cst.IfExp))]
    words = (
        node.value if isinstance(node, cst.SimpleString) else _name_of(node) or ""
        for each in (*asked, *([handler.type] if handler.type is not None else ()))
        for node in walk(each)
    )
    return any(_LOCKED.search(word) is not None for word in words)
