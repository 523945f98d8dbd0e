"""Attributes that a class itself has, and that nothing but its own text gives a value."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from lintdb.syntax.literals import is_literal, only_value
from lintdb.syntax.names import ClassInfo, FunctionInfo

_OF_CLASSES = re.compile(r"\b[Tt]ype\[[ \t]*['\"]?([A-Za-z_]\w*)")
"""`Sequence[type[Model]]`"""


def is_constant(owner: ClassInfo, name: str) -> bool:
    """Whether an attribute of a class, or of its objects, gets nothing but literals, by the class and its methods."""
    for each in owner.lineage:
        values = [value for _, value, _ in each.assigned.get(name, ())]
        values += [value for _, value, _ in each.given.get(name, ())]
        if name in each.body_values:
            values.append(each.body_values[name][0])
        if values:
            return all(value is not None and is_literal(value) for value in values)
    return False


def is_constant_of_classes(node: cst.Attribute, function: FunctionInfo) -> bool:
    """Whether something is read of a class by its name, or of one class after another, and a constant of each of them.

    A class that an annotation speaks of (`type[Model]`) may be any that derives from it: what it only declares
    (`table: str`) these give.
    """
    if not isinstance(node.value, cst.Name):
        return False
    name, scope = node.value.value, function
    while not scope.is_module and scope.parent is not None and not scope.index.is_local(name, scope):
        scope = scope.parent
    if scope.is_module:
        symbol = function.index.symbol_of(node.value, function)
        return isinstance(symbol, ClassInfo) and is_constant(symbol, node.attr.value)
    classes = list(_classes_called(name, scope))
    return bool(classes) and all(
        each is not None and (is_constant(each, node.attr.value) or (is_open and _declares(each, node)))
        for each, is_open in classes
    )


def _classes_called(name: str, function: FunctionInfo) -> Iterator[tuple[ClassInfo | None, bool]]:
    """Yield the classes that a local name stands for, and whether those may that derive from one; None for anything."""
    for param in function.params:
        if param.name.value == name:
            said = param.annotation.annotation if param.annotation is not None else None
            yield _class_said(said, function) or (None, True)
    loops = [
        node
        for node in function.nodes
        if isinstance(node, (cst.For, cst.CompFor)) and isinstance(node.target, cst.Name) and node.target.value == name
    ]
    if len(function.given.get(name, ())) != len(loops):
        yield None, True
    for loop in loops:
        yield from _classes_in(loop.iter, function)


def _classes_in(listed: cst.BaseExpression, function: FunctionInfo) -> Iterator[tuple[ClassInfo | None, bool]]:
    if isinstance(listed, cst.Name):
        values = function.index.values.get(listed.value, ())
        local = only_value(listed.value, function)
        listed = local if local is not None else values[0] if len(values) == 1 and values[0] is not None else listed
    elif isinstance(listed, cst.Attribute) and isinstance(listed.value, cst.Name) and function.owner is not None:
        value, annotation = function.owner.body_values.get(listed.attr.value, (None, None))
        said = _class_said(annotation.annotation, function) if annotation is not None else None
        if said is not None:
            yield said
            return
        listed = value if value is not None else listed
    if not isinstance(listed, (cst.Tuple, cst.List, cst.Set)):
        yield None, True
        return
    for element in listed.elements:
        symbol = function.index.symbol_of(element.value, function.index.body)
        yield (symbol if isinstance(symbol, ClassInfo) else None), False


def _class_said(annotation: cst.BaseExpression | None, function: FunctionInfo) -> tuple[ClassInfo, bool] | None:
    """Return the class that an annotation speaks of as such: `type[Model]`, `Sequence[type[Model]]`."""
    found = _OF_CLASSES.findall(function.index.code_of(annotation)) if annotation is not None else []
    symbol = function.index.symbol_called(found[0], function.index.body) if len(found) == 1 else None
    return (symbol, True) if isinstance(symbol, ClassInfo) else None


def _declares(owner: ClassInfo, node: cst.Attribute) -> bool:
    """Whether a class says in its body that it has an attribute, and no method gives its objects one of their own."""
    is_said = any(node.attr.value in each.body_values for each in owner.lineage)
    return is_said and not any(node.attr.value in each.assigned for each in (*owner.lineage, *owner.derived))
