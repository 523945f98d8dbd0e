"""Limits on time that a block or a call puts around another call."""

from __future__ import annotations

import libcst as cst

from lintdb.flow.fates import Fates
from lintdb.syntax.names import FunctionInfo

_BLOCKS = frozenset({
    "asyncio.timeout", "async_timeout.timeout", "anyio.fail_after", "anyio.move_on_after", "trio.fail_after",
    "trio.move_on_after",
})  # fmt: skip
_CALLS = frozenset({"asyncio.wait_for"})


def limit_around(node: cst.CSTNode, fates: Fates, function: FunctionInfo) -> cst.BaseExpression | None:
    """Return the seconds, as written, of the innermost limit around a node in its function."""
    for outer in fates.ancestry(function).ancestors(node):
        if isinstance(outer, (cst.FunctionDef, cst.Lambda)):
            return None
        if isinstance(outer, cst.Call) and fates.index.dotted(outer.func, function) in _CALLS:
            return _second_argument(outer)
        if isinstance(outer, cst.With):
            for item in outer.items:
                call = item.item
                if isinstance(call, cst.Call) and fates.index.dotted(call.func, function) in _BLOCKS and call.args:
                    return call.args[0].value
    return None


def _second_argument(call: cst.Call) -> cst.BaseExpression | None:
    for position, argument in enumerate(call.args):
        if argument.keyword is not None and argument.keyword.value == "timeout":
            return argument.value
        if argument.keyword is None and position == 1:
            return argument.value
    return None
