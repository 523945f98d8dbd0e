"""Whether a method leaves an attribute alone between two values that it gives it: nobody has released the first."""

from __future__ import annotations

import itertools

import libcst as cst

from lintdb.flow.reach import Reach
from lintdb.flow.state import State
from lintdb.flow.values import Ref
from lintdb.syntax.names import ClassInfo, FunctionInfo
from lintdb.syntax.walk import walk


def is_left_alone(
    attribute: str, function: FunctionInfo, between: tuple[cst.CSTNode, cst.CSTNode], owner: ClassInfo, reach: Reach
) -> bool:
    """Whether nothing *between* two nodes does more with an attribute than to call methods of it for their effect.

    In a loop what stands before may come between. What is asked of it may say that it is not open any more; methods
    of the object may release it.
    """
    since, until = between
    if function.nested or function.lambdas or function.is_generator or not isinstance(function.node, cst.FunctionDef):
        return False
    first = function.params[0].name.value if function.params else ""
    before = list(itertools.takewhile(lambda node: node is not until, walk(function.node.body)))
    if not any(isinstance(node, (cst.For, cst.While)) for node in before):
        before = list(itertools.dropwhile(lambda node: node is not since, before)) or before
    held = {id(node.value) for node in before if isinstance(node, cst.Attribute) and node.attr.value != "__dict__"}
    if any(isinstance(node, cst.Name) and node.value == first and id(node) not in held for node in before):
        return False
    stored = {id(node.target) for node in before if isinstance(node, (cst.AssignTarget, cst.AnnAssign))}
    run = {id(_run(node.value)) for node in before if isinstance(node, cst.Expr)}
    for node in before:
        if not isinstance(node, cst.Attribute) or not isinstance(node.value, cst.Name) or node.value.value != first:
            continue
        name = node.attr.value
        if name == attribute and id(node) not in stored | run:
            return False
        method = owner.find_method(name)
        if method is not None:
            reached = reach.of(method, owner)
            if reached.hands_object_on or attribute in reached.names:
                return False
    return True


def _run(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return what a method is called on."""
    call = node.expression if isinstance(node, cst.Await) else node
    function = call.func if isinstance(call, cst.Call) else None
    return function.value if isinstance(function, cst.Attribute) else None


def holds_alone(name: str, held: Ref, state: State) -> bool:
    """Whether no other variable, and no other attribute, leads to what one of that name holds."""
    return not any(
        held.rid in state.refs(value) for other, value in state.env.items() if other != name and other[:1] != "$"
    )
