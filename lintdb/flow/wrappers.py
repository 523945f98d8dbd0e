"""Decorators of the project that run a function and give what it gives: `@retried(3)`, `@timed`, `@logged`.

A call of the decorated name can be followed through such a one as if it were not there. Code is read, not run: what
catches errors for good, keeps the result, hands in arguments of its own, or has to do with connections is none.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintdb.flow.stdlib import LOG_METHODS
from lintdb.flow.words import ENDS_OR_BEGINS
from lintdb.syntax.decorating import Decorating
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.nodes import is_none
from lintdb.syntax.walk import walk

_HandedOn = tuple[tuple[str, str | None, str], ...]


def gives_what_it_gets(decorator: Decorating, info: FunctionInfo) -> bool:
    """Whether a decorator is one of the project whose wrapper calls a function and returns what that returns.

    Args:
        decorator: what one of `info.decorators` stands for.
        info: the decorated function; a coroutine is awaited by a wrapper that is one, too.
    """
    symbol = _function_behind(decorator)
    if symbol is None or symbol is info or symbol.is_async or symbol.is_generator:
        return False
    makers = _decorators_made_by(symbol) if isinstance(decorator.node, cst.Call) else [symbol]
    wrappers = [wrapper for maker in makers for wrapper in _wrappers_of(maker)]
    mine = [wrapper for wrapper in wrappers if wrapper.is_async is info.is_async] or wrappers
    return bool(mine) and all(_is_transparent(wrapper) for wrapper in mine)


def _function_behind(decorator: Decorating) -> FunctionInfo | None:
    """Return the function of the project that a decorator names, or calls."""
    symbol = decorator.scope.index.symbol_of(decorator.target, decorator.scope, is_needed=True)
    return symbol if isinstance(symbol, FunctionInfo) else None


def _decorators_made_by(maker: FunctionInfo) -> list[FunctionInfo]:
    """Return what `@retried(3)` can be: an inner function that it returns."""
    return [maker.nested[name] for name in _returned_names(maker) if name in maker.nested]


def _wrappers_of(decorator: FunctionInfo) -> list[FunctionInfo]:
    """Return the inner functions that a decorator returns; none where it may return anything else."""
    names = list(_returned_names(decorator))
    returned = [decorator.nested[name] for name in names if name in decorator.nested]
    return returned if len(returned) == len(names) and decorator.params else []


def _returned_names(function: FunctionInfo) -> Iterator[str]:
    """Yield the names that a function returns; an empty text for anything else."""
    for statement in _own_nodes(function):
        if isinstance(statement, cst.Return):
            yield statement.value.value if isinstance(statement.value, cst.Name) else ""


def catches_errors(decorator: Decorating) -> bool:
    """Whether the wrapper of such a decorator may let other errors out than the function, or none: it handles some."""
    symbol = _function_behind(decorator)
    nodes = symbol.nodes if symbol is not None else ()
    return any(isinstance(each, (cst.ExceptHandler, cst.ExceptStarHandler, cst.With)) for each in nodes)


def _is_transparent(wrapper: FunctionInfo) -> bool:
    """Whether a wrapper gives what the function gives that its decorator has, and does nothing to its arguments."""
    decorator = wrapper.parent
    if decorator is None or wrapper.is_generator or not _is_only_named_alike(wrapper):
        return False
    given = decorator.params[0].name.value
    nodes = list(_own_nodes(wrapper))
    if given in wrapper.bound or any(ENDS_OR_BEGINS.search(name) for name in _names_beside(nodes, wrapper)):
        return False
    calls = [each for each in nodes if isinstance(each, cst.Call) and _is_name(each.func, given)]
    named = sum(_is_name(each, given) for each in nodes)
    is_handed_on = all(_handed_on(call) == _signature(wrapper) for call in calls)
    if not calls or not is_handed_on or named > len(calls) + _looks_at(nodes, given):
        return False
    if _calls_project(nodes, wrapper) or not _leaves_arguments(nodes, calls, wrapper):
        return False
    results = {name for name, values in wrapper.given.items() if any(_is_result(each, calls) for each in values)}
    return _returns_results(wrapper, nodes, calls, results) and not _swallows(nodes)


def _is_only_named_alike(wrapper: FunctionInfo) -> bool:
    """Whether nothing but `functools.wraps()` decorates a wrapper."""
    scope = wrapper.parent or wrapper.index.body
    targets = (each.func if isinstance(each, cst.Call) else each for each in wrapper.decorators)
    return all(wrapper.index.dotted(each, scope) == "functools.wraps" for each in targets)


def _calls_project(nodes: list[cst.CSTNode], wrapper: FunctionInfo) -> bool:
    """Whether a wrapper calls functions or classes of the project, which may do anything."""
    return any(
        isinstance(each, cst.Call) and wrapper.index.symbol_of(each.func, wrapper, is_needed=True) is not None
        for each in nodes
    )


def _leaves_arguments(nodes: list[cst.CSTNode], calls: list[cst.Call], wrapper: FunctionInfo) -> bool:
    """Whether a wrapper does nothing with what it is given but hand it on, and write it to a log."""
    params = {param.name.value for param in wrapper.params}
    harmless = [
        each
        for each in nodes
        if isinstance(each, cst.Call)
        and (each in calls or (isinstance(each.func, cst.Attribute) and each.func.attr.value in LOG_METHODS))
    ]
    allowed = {id(node) for call in harmless for node in walk(call)}
    return not any(isinstance(each, cst.Name) and each.value in params and id(each) not in allowed for each in nodes)


def _returns_results(wrapper: FunctionInfo, nodes: list[cst.CSTNode], calls: list[cst.Call], results: set[str]) -> bool:
    """Whether each value that a wrapper returns is one of the function's, and nothing else gets it."""
    returned = [each.value for each in nodes if isinstance(each, cst.Return) and each.value is not None]
    values = [each for each in returned if not _is_name(each, "None")]
    if not values or not all(_is_result(each, calls) or (_text(each) in results) for each in values):
        return False
    if any(not _is_result(each, calls) for name in results for each in wrapper.given[name] if not is_none(each)):
        return False
    # What is put anywhere else, may be kept for the next call.
    named = sum(isinstance(each, cst.Name) and each.value in results for each in nodes)
    written = sum(len(wrapper.given[name]) for name in results)
    return named == written + sum(_text(each) in results for each in values)


def _swallows(nodes: list[cst.CSTNode]) -> bool:
    """Whether a wrapper ends errors for good: by a handler outside of any loop, from `finally`, by a block for that."""
    loops = [each for each in nodes if isinstance(each, cst.For | cst.While)]
    retried = {id(node) for loop in loops for node in walk(loop.body)}
    for handler in nodes:
        is_handler = isinstance(handler, cst.ExceptHandler | cst.ExceptStarHandler)
        if is_handler and id(handler) not in retried and not any(isinstance(each, cst.Raise) for each in walk(handler)):
            return True
    finals = [each for each in nodes if isinstance(each, cst.Finally)]
    if any(isinstance(node, cst.Return) for each in finals for node in walk(each)):
        return True
    return any(isinstance(each, cst.Call) and _text(each.func).endswith("suppress") for each in nodes)


def _own_nodes(function: FunctionInfo) -> Iterator[cst.CSTNode]:
    """Yield the nodes of a function's body, but for those of functions within it."""
    inner = {id(node) for nested in function.nested.values() for node in walk(nested.node)}
    body = function.node.body if isinstance(function.node, cst.FunctionDef) else None
    return (node for node in (walk(body) if body is not None else ()) if id(node) not in inner)


def _names_beside(nodes: list[cst.CSTNode], wrapper: FunctionInfo) -> Iterator[str]:
    """Yield what a wrapper names, but for its own variables and the classes of errors that it catches."""
    caught = {
        id(node)
        for each in nodes
        if isinstance(each, cst.ExceptHandler) and each.type is not None
        for node in walk(each.type)
    }
    for node in nodes:
        if isinstance(node, cst.Attribute) and id(node) not in caught:
            yield node.attr.value
        elif isinstance(node, cst.Name) and id(node) not in caught and node.value not in wrapper.bound:
            yield node.value


def _looks_at(nodes: list[cst.CSTNode], given: str) -> int:
    """Return how often the function's own attributes are looked at: `function.__name__`."""
    return sum(isinstance(each, cst.Attribute) and _is_name(each.value, given) for each in nodes)


def _signature(wrapper: FunctionInfo) -> _HandedOn:
    """Return how a call hands on all that a wrapper is given: each as what it is called with."""
    node = wrapper.node
    if not isinstance(node, cst.FunctionDef):
        return ()
    params = node.params
    found: list[tuple[str, str | None, str]] = [
        ("", None, each.name.value) for each in [*params.posonly_params, *params.params]
    ]
    if isinstance(params.star_arg, cst.Param):
        found.append(("*", None, params.star_arg.name.value))
    found += [("", each.name.value, each.name.value) for each in params.kwonly_params]
    if params.star_kwarg is not None:
        found.append(("**", None, params.star_kwarg.name.value))
    return tuple(found)


def _handed_on(call: cst.Call) -> _HandedOn:
    return tuple(
        (each.star, each.keyword.value if each.keyword is not None else None, _text(each.value)) for each in call.args
    )


def _is_result(node: cst.BaseExpression | None, calls: list[cst.Call]) -> bool:
    inner = node.expression if isinstance(node, cst.Await) else node
    return any(inner is call for call in calls)


def _is_name(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def _text(node: cst.BaseExpression) -> str:
    """Return a name, or the last part of a dotted one."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""
