"""What Litestar gives a handler by the name of a parameter: `dependencies={"db": Provide(get_db)}`.

A handler, a controller, a router and an application can each name dependencies; the nearest counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import libcst as cst

from lintdb.syntax.names import FunctionInfo, ModuleIndex

_FRAMEWORK = "litestar"
_KEY = "dependencies"
_Written: TypeAlias = tuple[cst.BaseExpression, FunctionInfo]
"""An expression, and the function (or body of a module) that it stands in."""


def is_handler(function: FunctionInfo) -> bool:
    """Whether Litestar calls a function for requests: `@get("/orders")`, `@litestar.post(…)`."""
    return any(_is_of_framework(each, function.index) for each in _calls_above(function))


def provided_for(name: str, handler: FunctionInfo) -> _Written | None:
    """Return what is given for a parameter of a handler, as it is written; None if nobody names it."""
    for value, scope in _given_to(handler):
        found = _item(value, name, scope.index)
        if found is not None:
            return found, scope
    return None


def _given_to(handler: FunctionInfo) -> Iterator[_Written]:
    """Yield the `dependencies` that a handler gets, the nearest first."""
    index = handler.index
    for call in _calls_above(handler):
        yield from _named_in(call, index.body)
    for owner in handler.owner.lineage if handler.owner is not None else ():
        value, _ = owner.body_values.get(_KEY, (None, None))
        if value is not None:
            yield value, owner.index.body
    yield from _of_module(index)
    links = index.links
    for path, text in (links.texts_with(_KEY, index) or ()) if links is not None else ():
        other = links.module_at(path, index) if links is not None and _FRAMEWORK in text else None
        if other is not None and other is not index:
            yield from _of_module(other)


def _of_module(index: ModuleIndex) -> Iterator[_Written]:
    """Yield what a module names for its routers and applications."""
    above = {id(call) for function in index.all_functions for call in _calls_above(function)}
    for scope in index.all_functions:
        for call in scope.calls:
            if _is_of_framework(call, index) and id(call) not in above:
                yield from _named_in(call, scope)


def _named_in(call: cst.Call, scope: FunctionInfo) -> Iterator[_Written]:
    for argument in call.args:
        if argument.keyword is not None and argument.keyword.value == _KEY:
            yield argument.value, scope


def _item(node: cst.BaseExpression, name: str, index: ModuleIndex) -> cst.BaseExpression | None:
    """Return what stands under a name in a dictionary that is written out, perhaps as a constant of the module."""
    value = index.constant(node.value) if isinstance(node, cst.Name) else node
    for element in value.elements if isinstance(value, cst.Dict) else ():
        key = element.key if isinstance(element, cst.DictElement) else None
        if isinstance(key, cst.SimpleString) and key.evaluated_value == name:
            return element.value
    return None


def _calls_above(function: FunctionInfo) -> Iterator[cst.Call]:
    return (each for each in function.decorators if isinstance(each, cst.Call))


def _is_of_framework(call: cst.Call, index: ModuleIndex) -> bool:
    dotted = index.dotted(call.func, index.body)
    return dotted is not None and dotted.partition(".")[0] == _FRAMEWORK
