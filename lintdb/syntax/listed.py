"""What a function puts into a list of its own, one after the other: pieces of a text that `join` puts together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from lintdb.syntax.ancestry import Ancestry
from lintdb.syntax.names import FunctionInfo

_ADDS_ONE = {"append": 0, "appendleft": 0, "add": 0, "insert": 1}
"""Methods that put one thing into a container, and which of their arguments that is."""

_HARMLESS = frozenset({
    "append", "appendleft", "add", "insert", "extend", "update", "copy", "count", "index", "sort", "reverse", "pop",
    "remove", "clear", "discard",
})  # fmt: skip


_ONLY_READ = frozenset({"join", "len", "list", "tuple", "set", "sorted", "bool", "enumerate", "print", "any", "all"})


class ListedText(NamedTuple):
    """One element: `is_repeated` stands for any number of such, `is_optional` for one that may not be there."""

    node: cst.BaseExpression
    is_repeated: bool = False
    is_optional: bool = False


def texts_of(node: cst.BaseExpression, function: FunctionInfo) -> list[ListedText] | None:
    """Return the elements of a list that is written out, or that the function fills; None where it may hold others."""
    shown = _shown(node)
    if shown is not None:
        return shown
    is_own = isinstance(node, cst.Name) and not function.is_module and node.value in function.bound - function.outer
    is_given = isinstance(node, cst.Name) and any(param.name.value == node.value for param in function.params)
    if is_given or not (is_own or isinstance(node, cst.Attribute)):
        return None
    changes = list(_changes(node, function))
    if not any(added for _, added in changes) or any(added is None for _, added in changes):
        return None
    found: list[ListedText] = []
    around = Ancestry(function.node)
    is_open = not is_own or _is_lent(node, function)
    for each, added in changes:
        outer = list(around.ancestors(each))
        is_optional = is_open or any(isinstance(one, (cst.If, cst.Try, cst.Match, cst.IfExp)) for one in outer)
        is_repeated = any(True for _ in around.loops(each))
        found += [
            ListedText(one.node, one.is_repeated or is_repeated, one.is_optional or is_optional) for one in added or ()
        ]
    return found


def _shown(node: cst.BaseExpression | None) -> list[ListedText] | None:
    """Return the elements of a display or a comprehension."""
    if isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        elements = [each for each in node.elements if not isinstance(each, cst.StarredElement)]
        return [ListedText(each.value) for each in elements] if len(elements) == len(node.elements) else None
    if isinstance(node, (cst.ListComp, cst.GeneratorExp, cst.SetComp)):
        return [ListedText(node.elt, is_repeated=True)]
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Name):
        return None
    called, given = node.func.value, [each.value for each in node.args]
    if called == "map" and given and isinstance(given[0], cst.Lambda):
        return [ListedText(given[0].body, is_repeated=True)]
    if called not in ("list", "tuple", "sorted"):
        return None
    return _shown(given[0]) if len(given) == 1 else [] if called == "list" and not given else None


def _changes(name: cst.BaseExpression, function: FunctionInfo) -> Iterator[tuple[cst.CSTNode, list[ListedText] | None]]:
    """Yield what is done to a variable, in the order of the source, with what that puts into it; None: not known."""
    for node in function.nodes:
        if isinstance(node, cst.Assign):
            for target in node.targets:
                if _is_same(target.target, name):
                    yield node, _shown(node.value)
                elif any(_is_same(each, name) for each in _parts(target.target)):
                    yield node, _shown(_part_for(name, target.target, node.value))
        elif isinstance(node, cst.AnnAssign) and _is_same(node.target, name):
            yield node, _shown(node.value) if node.value is not None else []
        elif isinstance(node, cst.AugAssign) and _is_same(node.target, name):
            yield node, _shown_or_unknown(node.value)
        elif isinstance(node, (cst.For, cst.CompFor, cst.NamedExpr)) and _is_same(node.target, name):
            yield node, None
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and _is_same(node.func.value, name):
            yield node, _added(node, node.func.attr.value)


def _added(call: cst.Call, method: str) -> list[ListedText] | None:
    if method not in _HARMLESS:
        return None
    values = [each.value for each in call.args]
    if method in _ADDS_ONE and len(values) > _ADDS_ONE[method]:
        return [ListedText(values[_ADDS_ONE[method]])]
    return _shown_or_unknown(values[0]) if method in ("extend", "update") and values else []


def _shown_or_unknown(node: cst.BaseExpression) -> list[ListedText]:
    shown = _shown(node)
    return shown if shown is not None else [ListedText(node, is_repeated=True)]


def _is_lent(name: cst.BaseExpression, function: FunctionInfo) -> bool:
    """Whether something else gets a list, and may put more into it."""
    return any(
        _is_same(argument.value, name) and getattr(getattr(call.func, "attr", call.func), "value", "") not in _ONLY_READ
        for call in function.calls
        for argument in call.args
    )


def _parts(target: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    if isinstance(target, (cst.Tuple, cst.List)):
        for each in target.elements:
            yield each.value
            yield from _parts(each.value)


def _part_for(
    name: cst.BaseExpression, target: cst.BaseExpression, value: cst.BaseExpression
) -> cst.BaseExpression | None:
    """`names, values = [], {}`: what one of several targets is given, if both sides are written out."""
    if not isinstance(target, (cst.Tuple, cst.List)) or not isinstance(value, (cst.Tuple, cst.List)):
        return None
    elements = [*target.elements, *value.elements]
    if len(target.elements) != len(value.elements) or any(isinstance(each, cst.StarredElement) for each in elements):
        return None
    pairs = zip(target.elements, value.elements, strict=True)
    return next((given.value for each, given in pairs if _is_same(each.value, name)), None)


def _is_same(node: cst.CSTNode, other: cst.BaseExpression) -> bool:
    return type(node) is type(other) and node.deep_equals(other)
