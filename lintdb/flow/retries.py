"""Whether the function around another one catches its errors and goes on with the connection that it gave it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.effects import Argument
from lintdb.syntax.ancestry import Ancestry
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import walk

if TYPE_CHECKING:
    from lintdb.flow.types_of import ModuleTypes

_ENDS = re.compile(r"roll_?back|undo|reset|abort|clean|restore", re.IGNORECASE)
"""What statements and helpers are called that end a transaction."""


def goes_on_with(info: FunctionInfo, parameter: str, types: ModuleTypes) -> bool:
    """Whether some call of a nested function is in a `try` whose handler calls it again with what it was given.

    Nothing in the handler cleans up. What was given is a variable; *parameter* is its name in the nested function.
    """
    around = info.parent
    names = [param.name.value for param in info.params]
    if around is None or around.is_module or parameter not in names:
        return False
    argument = Argument(names.index(parameter), parameter)
    ancestry = None
    for call in around.calls:
        is_called = isinstance(call.func, cst.Name) and call.func.value == info.name
        given = types.given_argument(call, argument) if is_called else None
        if not isinstance(given, cst.Name):
            continue
        ancestry = ancestry or Ancestry(around.node)
        for handler in _handlers(call, ancestry):
            if _tries_again(handler, info, given.value) and not _may_clean_up(handler, given.value, info, types):
                return True
    return False


def _handlers(call: cst.Call, ancestry: Ancestry) -> Iterator[cst.ExceptHandler]:
    """Yield the handlers of the innermost `try` that a call is in the body of."""
    inner: cst.CSTNode = call
    for outer in ancestry.ancestors(call):
        if isinstance(outer, cst.Try) and inner is outer.body and outer.handlers:
            yield from outer.handlers
            return
        if isinstance(outer, (cst.FunctionDef, cst.Lambda)):
            return
        inner = outer


def _tries_again(handler: cst.ExceptHandler, info: FunctionInfo, given: str) -> bool:
    """Whether a handler calls the nested function once more, with the same variable."""
    return any(
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Name)
        and node.func.value == info.name
        and any(isinstance(each.value, cst.Name) and each.value.value == given for each in node.args)
        for node in walk(handler.body)
    )


def _may_clean_up(handler: cst.ExceptHandler, given: str, info: FunctionInfo, types: ModuleTypes) -> bool:
    """Whether a handler may roll back: by a method, a statement or a helper; or it takes another connection."""
    for node in walk(handler.body):
        if isinstance(node, cst.SimpleString) and _ENDS.search(node.value) is not None:
            return True
        if isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Name) and node.target.value == given:
            return True
        if isinstance(node, cst.Call) and _is_clean_up(node, info, types):
            return True
    return False


def _is_clean_up(call: cst.Call, info: FunctionInfo, types: ModuleTypes) -> bool:
    name = getattr(call.func, "attr", call.func)
    if (
        not isinstance(name, cst.Name)
        or types.knowledge.is_clean_up(name.value)
        or _ENDS.search(name.value) is not None
    ):
        return True
    helper = types.called(call, info.parent) if info.parent is not None else None
    calls = helper.calls if isinstance(helper, FunctionInfo) and helper is not info else ()
    return any(
        isinstance(each.func, cst.Attribute) and types.knowledge.is_clean_up(each.func.attr.value) for each in calls
    )
