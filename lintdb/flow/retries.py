"""Whether the function around another one catches its errors and goes on with the connection that it gave it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.effects import Argument
from lintdb.syntax.ancestry import Ancestry
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import walk

if TYPE_CHECKING:
    from lintdb.flow.types_of import ModuleTypes


def goes_on_with(info: FunctionInfo, parameter: str, types: ModuleTypes) -> bool:
    """Whether some call of a nested function is in a `try` whose handler works on with what it was given.

    The handler neither calls a method that cleans up, nor raises at its end. What was given is a variable; *parameter*
    is its name in the nested function.
    """
    around = info.parent
    if around is None or around.is_module:
        return False
    argument = Argument([param.name.value for param in info.params].index(parameter), parameter)
    ancestry = None
    for call in around.calls:
        is_called = isinstance(call.func, cst.Name) and call.func.value == info.name
        given = types.given_argument(call, argument) if is_called else None
        if not isinstance(given, cst.Name):
            continue
        ancestry = ancestry or Ancestry(around.node)
        for handler in _handlers(call, ancestry):
            mentioned = {node.value for node in walk(handler.body) if isinstance(node, cst.Name)}
            if given.value in mentioned and not _ends_with_raise(handler) and not _cleans_up(handler, types):
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


def _cleans_up(handler: cst.ExceptHandler, types: ModuleTypes) -> bool:
    methods = [node.func for node in walk(handler.body) if isinstance(node, cst.Call)]
    return any(isinstance(each, cst.Attribute) and types.knowledge.is_clean_up(each.attr.value) for each in methods)


def _ends_with_raise(handler: cst.ExceptHandler) -> bool:
    last = handler.body.body[-1] if handler.body.body else None
    return isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Raise)
