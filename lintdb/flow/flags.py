"""Flags by which a function and one that it calls both go: `add(conn, row, dry)`, and then `if not dry: commit()`."""

from __future__ import annotations

from collections.abc import Collection

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.state import State
from lintdb.flow.summaries import argument_for
from lintdb.flow.values import NOT_NONE
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import walk

_MOST_FLAGS = 3
"""Flags of one function: each doubles the ways in which a call of it is followed."""


def flag_of_both(op: ir.CallOp, info: FunctionInfo, tested: Collection[str], state: State) -> str:
    """Return a variable of unknown truth that decides in a callee what is done, and is *tested* later in the caller.

    Args:
        op: the call.
        info: the function that is called.
        tested: the variables of the caller that conditions test from there on.
        state: what the caller knows.
    """
    if not state.resources or not info.deciding or op.is_elsewhere:
        return ""
    if len(info.deciding) > _MOST_FLAGS:
        return ""
    for name in sorted(info.deciding):
        operand = argument_for(info, name, op.arguments)
        flag = operand.name if isinstance(operand, ir.Local) and not operand.name.startswith("$") else ""
        if flag in tested and state.env.get(flag) in (None, NOT_NONE):
            return flag
    return ""


def chooses_by_itself(info: FunctionInfo) -> bool:
    """Whether what a function does hangs on tests, and on nothing that a call gives: `if self.stopped: return`.

    Its callers do not choose then, as they do by a flag; what its object has come to may rule a path out.
    """
    given = {param.name.value for param in info.params[info.is_method :]}
    tests = [node.test for node in info.nodes if isinstance(node, (cst.If, cst.IfExp))]
    named = {each.value for test in tests for each in (test, *walk(test)) if isinstance(each, cst.Name)}
    return bool(named) and given.isdisjoint(named)
