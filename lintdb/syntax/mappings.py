"""Which items a dictionary of arguments holds: a display, one that is filled step by step, one that a helper returns.

All that may be in it must be seen. An item counts wherever it is put in, before or after the dictionary is used, and
whether or not a branch leads there: who asks for a missing argument must find none. So does one that is taken out by
its key again. Where an item has several values, `SEVERAL` stands for it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TypeGuard

import libcst as cst

from lintdb.syntax.names import ClassInfo, FunctionInfo
from lintdb.syntax.walk import walk

SEVERAL = cst.Ellipsis()

Items = dict[str, cst.BaseExpression]

Change = tuple[cst.BaseExpression | str | None, cst.BaseExpression]
"""A key and its value; the key None stands for a dictionary that is merged in."""

_READS = {"get", "keys", "values", "items", "copy"}
_UPDATES = {"update", "from_mapping"}


def display(node: cst.CSTNode) -> Iterator[Change] | None:
    """Return keys and values of `{…}` or `dict(…)`; None for other expressions."""
    if isinstance(node, cst.Dict):
        return ((e.key if isinstance(e, cst.DictElement) else None, e.value) for e in node.elements)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "dict":
        return _given(node)
    return None


def _given(call: cst.Call) -> Iterator[Change]:
    return ((a.keyword.value if a.keyword is not None else None, a.value) for a in call.args)


def add(items: Items, key: str, value: cst.BaseExpression) -> None:
    """Put an item in."""
    items[key] = value if key not in items else SEVERAL


def changes_in(function: FunctionInfo) -> dict[str, list[Change | None]]:
    """Return what a function puts into dictionaries, by name (`options`, `self.options`); None for what is not seen."""
    return _changes_of(function).found


def removed_in(function: FunctionInfo) -> dict[str, list[cst.BaseExpression]]:
    """Return the keys that a function takes out of dictionaries, by name: on some path they may be gone."""
    return _changes_of(function).removed


def is_changed_in(name: str, function: FunctionInfo) -> bool:
    """Whether a function puts something into the dictionary that is called so, or takes something out."""
    return name in changes_in(function) or name in removed_in(function)


@functools.lru_cache(maxsize=64)
def _changes_of(function: FunctionInfo) -> _Changes:
    return _Changes(function.node)


class _Changes:
    def __init__(self, code: cst.CSTNode) -> None:
        self.found: dict[str, list[Change | None]] = {}
        self.removed: dict[str, list[cst.BaseExpression]] = {}
        for node in walk(code):
            if isinstance(node, cst.Assign):
                for target in node.targets:
                    self._put(target.target, node.value)
            elif isinstance(node, (cst.AugAssign, cst.AnnAssign, cst.For, cst.CompFor)):
                if isinstance(node, cst.AugAssign) and isinstance(node.operator, cst.BitOrAssign):
                    self._note(node.target, None, node.value)
                elif isinstance(node.target, cst.Subscript):
                    self._lose(node.target.value)
            elif isinstance(node, cst.Del):
                targets = node.target.elements if isinstance(node.target, cst.Tuple) else (node.target,)
                for each in targets:
                    expression = each.value if isinstance(each, cst.Element) else each
                    if isinstance(expression, cst.Subscript):
                        self._remove(expression.value, _key_of(expression))
            elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
                self._call(node, node.func)

    def _put(self, target: cst.BaseExpression, value: cst.BaseExpression) -> None:
        if isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                if isinstance(element.value, cst.Subscript):
                    self._lose(element.value.value)
        elif isinstance(target, cst.Subscript):
            key = _key_of(target)
            if key is not None:
                self._note(target.value, key, value)
            else:
                self._lose(target.value)

    def _call(self, node: cst.Call, function: cst.Attribute) -> None:
        name = function.attr.value
        positional = [argument for argument in node.args if argument.keyword is None]
        if name in _UPDATES:
            for key, value in _given(node):
                self._note(function.value, key, value)
        elif name == "setdefault" and len(positional) == 2:
            self._note(function.value, positional[0].value, positional[1].value)
        elif name == "pop" and positional:
            self._remove(function.value, positional[0].value)
        elif name not in _READS:
            self._lose(function.value)

    def _note(
        self, holder: cst.BaseExpression, key: cst.BaseExpression | str | None, value: cst.BaseExpression
    ) -> None:
        name = spelled(holder)
        if name is not None:
            self.found.setdefault(name, []).append((key, value))

    def _remove(self, holder: cst.BaseExpression, key: cst.BaseExpression | None) -> None:
        name = spelled(holder)
        if key is None:
            self._lose(holder)
        elif name is not None:
            self.removed.setdefault(name, []).append(key)

    def _lose(self, holder: cst.BaseExpression) -> None:
        name = spelled(holder)
        if name is not None:
            self.found.setdefault(name, []).append(None)


def is_handed_on(name: str, code: cst.CSTNode) -> bool:
    """Whether code does more with a variable than to give it, or its items, values: then others may be added to it.

    Reading counts, too: the dictionaries that `values()` gives can be filled.
    """
    found: set[int] = set()
    given: set[int] = set()
    for node in walk(code):
        if isinstance(node, cst.Name) and node.value == name:
            found.add(id(node))
        elif isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign)):
            given.add(id(_outermost(node.target)))
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _UPDATES:
            given.add(id(_outermost(node.func.value)))
    return not found <= given


def _outermost(node: cst.BaseExpression) -> cst.BaseExpression:
    """Return the dictionary that `whole[key][inner]` leads into."""
    while isinstance(node, cst.Subscript):
        node = node.value
    return node


def spelled(node: cst.BaseExpression) -> str | None:
    """Return how a dictionary is called that code changes: `options`, `self.options`, `options[inner]`."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name):
        return f"{node.value.value}.{node.attr.value}"
    if isinstance(node, cst.Subscript) and len(node.slice) == 1:
        outer, index = spelled(node.value), _key_of(node)
        key = index.evaluated_value if index is not None and _is_text(index) else None
        return inside(outer, key) if outer is not None and isinstance(key, str) else None
    return None


def _key_of(node: cst.Subscript) -> cst.BaseExpression | None:
    """Return what stands between the brackets, if that is one key."""
    index = node.slice[0].slice if len(node.slice) == 1 else None
    return index.value if isinstance(index, cst.Index) else None


def inside(outer: str, key: str) -> str:
    """Return how the dictionary under a key of another one is called; see `spelled`."""
    return f"{outer}[{key}]"


def _is_text(node: cst.BaseExpression) -> TypeGuard[cst.SimpleString]:
    return isinstance(node, cst.SimpleString)


def returned(function: FunctionInfo) -> list[cst.BaseExpression] | None:
    """Return what a function returns, each expression; None if it may end without."""
    if not isinstance(function.node, cst.FunctionDef) or function.is_async or function.is_generator:
        return None
    nested = [each.node for each in function.nested.values()]
    found: list[cst.BaseExpression] = []
    for node in walk(function.node.body):
        if isinstance(node, cst.Return):
            if node.value is None:
                return None
            found.append(node.value)
    return found if found and not nested else None


def own_value(owner: ClassInfo, attribute: str) -> tuple[FunctionInfo, cst.BaseExpression] | None:
    """Return the one expression that a class gives an attribute of its instances, and where; else None."""
    assigned = [(scope, value) for each in owner.lineage for scope, value, _ in each.assigned.get(attribute, ())]
    if owner.has_unknown_base or len(assigned) != 1:
        return None
    scope, value = assigned[0]
    return (scope, value) if value is not None else None
