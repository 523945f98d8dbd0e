"""Attributes that hold one kind of resource or another, as the program was told or as libraries are installed.

What both do alike could be followed; what is asked here is the one thing on which they often differ: whether a method
is a coroutine. A statement that calls it and does not await the result is wrong for one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.effects import Kind
from lintdb.flow.results import Unawaited
from lintdb.syntax.names import FunctionInfo

if TYPE_CHECKING:
    from lintdb.flow.types_of import ModuleTypes


def never_awaited(info: FunctionInfo, types: ModuleTypes) -> Iterator[Unawaited]:
    """Yield calls of methods that are coroutines for one of the kinds that an attribute holds, and are not awaited.

    A function that awaits what it calls on the attribute elsewhere knows the difference, and so does one that asks for
    anything else than whether there is an object at all.
    """
    owner = info.owner
    if owner is None or not info.is_instance_method or not info.is_async:
        return
    for call in info.calls:
        found = _method_of_attribute(call, info)
        if found is None:
            continue
        attribute, method = found
        kinds = types.attribute_kinds(owner, attribute)
        awaited = [kind for kind in kinds if _is_coroutine(kind, method)]
        if len(kinds) < 2 or not awaited:
            continue
        is_statement = any(isinstance(node, cst.Expr) and node.value is call for node in info.nodes)
        if is_statement and not _knows_which(info, attribute):
            yield Unawaited(call, awaited[0])


def _knows_which(info: FunctionInfo, attribute: str) -> bool:
    """Whether a function tells the kinds apart, or may: what it asks, awaits or fills the attribute with says so."""
    for node in info.nodes:
        if isinstance(node, (cst.If, cst.While, cst.IfExp, cst.Assert)) and _tells_apart(node.test, attribute):
            return True
        if isinstance(node, (cst.Match, cst.BooleanOperation)):
            return True
        call = node.expression if isinstance(node, cst.Await) else None
        if isinstance(call, cst.Call) and (_method_of_attribute(call, info) or ("",))[0] == attribute:
            return True
        if isinstance(node, cst.Assign) and any(_is_filled(each.target, attribute) for each in node.targets):
            is_none = isinstance(node.value, cst.Name) and node.value.value == "None"
            if not is_none:
                return True
    return False


def _is_filled(target: cst.BaseAssignTargetExpression, attribute: str) -> bool:
    return isinstance(target, cst.Attribute) and target.attr.value == attribute


def _method_of_attribute(call: cst.Call, info: FunctionInfo) -> tuple[str, str] | None:
    """Return the names of attribute and method: `self.attribute.method(…)`."""
    function = call.func
    if not isinstance(function, cst.Attribute) or not isinstance(function.value, cst.Attribute):
        return None
    owner = function.value.value
    is_own = isinstance(owner, cst.Name) and bool(info.params) and owner.value == info.params[0].name.value
    return (function.value.attr.value, function.attr.value) if is_own else None


def _is_coroutine(kind: Kind, method: str) -> bool:
    models = kind.methods.get(method, ())
    return bool(models) and all(model.coroutine and not model.eager for model in models)


def _tells_apart(test: cst.BaseExpression, attribute: str) -> bool:
    """Whether a test may ask for more than whether the attribute holds something."""
    if isinstance(test, cst.UnaryOperation):
        return _tells_apart(test.expression, attribute)
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        other = test.comparisons[0].comparator
        is_none = isinstance(other, cst.Name) and other.value == "None"
        return not is_none or _tells_apart(test.left, attribute)
    return not isinstance(test, cst.Attribute) or test.attr.value != attribute
