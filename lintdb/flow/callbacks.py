"""What a function lends to a callback that it was given, and releases when that has come back."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintdb.effects import Argument, Kind
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import walk


def is_given(name: str, function: FunctionInfo) -> bool:
    """Whether a name is a parameter of a function, or of one around it, that is given nothing else there."""
    scope: FunctionInfo | None = function
    while scope is not None and not scope.is_module:
        if any(param.name.value == name for param in scope.params):
            return name not in scope.given
        if name in scope.bound:
            return False
        scope = scope.parent
    return False


def releases_after(node: cst.CSTNode, name: str, kind: Kind, owner: Kind | None, function: FunctionInfo) -> bool:
    """Whether a function releases a variable after a node, in a statement of the same block: on each way that goes on.

    *kind* is that of the variable's value, *owner* that of what it was taken from.
    """
    for statements in _blocks(function):
        at = next((i for i, each in enumerate(statements) if any(inner is node for inner in walk(each))), None)
        if at is None or not isinstance(statements[at], cst.SimpleStatementLine):
            continue
        for number, each in enumerate(statements[at:]):
            inside = list(walk(each))
            calls = (inner for inner in inside if isinstance(inner, cst.Call))
            if (
                number
                and isinstance(each, cst.SimpleStatementLine)
                and any(_releases(call, name, kind, owner) for call in calls)
            ):
                return True
            if any(_leads_elsewhere(inner, name) for inner in inside):
                return False
    return False


def _leads_elsewhere(node: cst.CSTNode, name: str) -> bool:
    """Whether a part of a statement may leave the block, or gives the variable something else."""
    if isinstance(node, cst.AssignTarget):
        return any(isinstance(each, cst.Name) and each.value == name for each in walk(node.target))
    return isinstance(node, cst.Return | cst.Raise | cst.Break | cst.Continue)


def _blocks(function: FunctionInfo) -> Iterator[list[cst.BaseStatement]]:
    for node in (function.node, *function.nodes):
        for inner in (getattr(node, "body", None), getattr(getattr(node, "orelse", None), "body", None)):
            if isinstance(inner, cst.IndentedBlock):
                yield list(inner.body)


def _releases(call: cst.Call, name: str, kind: Kind, owner: Kind | None) -> bool:
    if not isinstance(call.func, cst.Attribute):
        return False
    method, base = call.func.attr.value, call.func.value
    if isinstance(base, cst.Name) and base.value == name:
        return any(model.releases == "self" for model in kind.methods.get(method, ()))
    models = owner.methods.get(method, ()) if owner is not None else ()
    given = (argument.value for argument in call.args)
    is_named = any(isinstance(value, cst.Name) and value.value == name for value in given)
    return is_named and any(isinstance(model.releases, Argument) for model in models)
