"""Variables that hold what a parameter was given, as it came in: `text = query`, `if query is None: query = first`."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from lintdb.syntax.ancestry import Ancestry
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.nodes import presence_asked


class Meant(NamedTuple):
    """A parameter that a variable may hold; `only_without`: another one, if it does only where that is None."""

    parameter: str
    only_without: str = ""


@functools.lru_cache(maxsize=1024)
def parameters_behind(function: FunctionInfo) -> dict[str, tuple[Meant, ...]]:
    """Return the parameters that each variable of a function may hold, unchanged, when it has been given its values.

    A parameter holds itself where nothing gives it another value, or only something that does so where it was None.
    Another one or a variable that is given it counts as it, as long as it has not been given anything else before.
    """
    params = {param.name.value for param in function.params}
    found: dict[str, list[Meant]] = {name: [Meant(name)] for name in params - function.given.keys()}
    given = defaultdict[str, list[_Assignment]](list)
    if function.given:
        for each in _assignments(function):
            given[each.name].append(each)
    ancestry = Ancestry(function.node) if given else None
    for name, assignments in given.items():
        is_all = len(assignments) >= len(function.given[name])
        if ancestry is None or (name in params and not is_all):
            continue
        is_param = name in params
        if is_param and not all(_only_for_none(each, ancestry) for each in assignments):
            continue
        found[name] = [Meant(name)] if is_param else []
        for each in assignments:
            for value in _values(each.value):
                if isinstance(value, cst.Name) and value.value in params - {name} and _is_first(each, value, given):
                    found[name].append(Meant(value.value, name if is_param else ""))
    return {name: tuple(meant) for name, meant in found.items()}


class _Assignment(NamedTuple):
    name: str
    value: cst.BaseExpression
    node: cst.CSTNode
    place: int


def _assignments(function: FunctionInfo) -> Iterator[_Assignment]:
    """Yield what is given to each name, in the order of the text: `a, b = c, d` gives each its own."""
    for place, node in enumerate(function.nodes):
        if isinstance(node, cst.AnnAssign) and node.value is not None and isinstance(node.target, cst.Name):
            yield _Assignment(node.target.value, node.value, node, place)
        if isinstance(node, cst.Assign):
            for target in node.targets:
                for name, value in _pairs(target.target, node.value):
                    yield _Assignment(name, value, node, place)


def _pairs(target: cst.CSTNode, value: cst.BaseExpression) -> Iterator[tuple[str, cst.BaseExpression]]:
    if isinstance(target, cst.Name):
        yield target.value, value
    elif isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple) and len(target.elements) == len(value.elements):
        for left, right in zip(target.elements, value.elements, strict=True):
            if isinstance(left, cst.Element) and isinstance(right, cst.Element):
                yield from _pairs(left.value, right.value)


def _values(value: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """Yield what an expression may be: one side of `a or b` and of `a if test else b`."""
    if isinstance(value, cst.BooleanOperation) and isinstance(value.operator, cst.Or):
        yield from (value.left, value.right)
    elif isinstance(value, cst.IfExp):
        yield from (value.body, value.orelse)
    else:
        yield value


def _is_first(given: _Assignment, value: cst.Name, others: dict[str, list[_Assignment]]) -> bool:
    """Whether the parameter that is given on has not been given another value before."""
    return all(each.place >= given.place for each in others.get(value.value, ()))


def _only_for_none(given: _Assignment, ancestry: Ancestry) -> bool:
    """Whether a parameter is given a value where it was None (or empty), and keeps its own where it was not."""
    name, value = given.name, given.value
    if isinstance(value, cst.BooleanOperation):
        return isinstance(value.operator, cst.Or) and _is(value.left, name)
    if isinstance(value, cst.IfExp) and (_is(value.body, name) or _is(value.orelse, name)):
        asks_none = _asks_none(value.test, name)
        return asks_none is not None and _is(value.orelse if asks_none else value.body, name)
    inner = given.node
    for outer in ancestry.ancestors(given.node):
        if isinstance(outer, cst.If) and inner is outer.body and _asks_none(outer.test, name):
            return True
        inner = outer
    return False


def _asks_none(test: cst.BaseExpression, name: str) -> bool | None:
    """Whether a test holds where a variable is None: True, or False where it is something; None for another test."""
    asked = presence_asked(test)
    return not asked[1] if asked is not None and _is(asked[0], name) else None


def _is(node: cst.BaseExpression, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name
