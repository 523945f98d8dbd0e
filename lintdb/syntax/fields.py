"""What attributes hold that are settings: constants of classes, fields with defaults, variables of other modules."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from lintdb.syntax.mappings import own_value, returned
from lintdb.syntax.names import ClassInfo, FunctionInfo, ModuleIndex, Symbol, Variable

if TYPE_CHECKING:
    from lintdb.syntax.literals import Evaluator


class Certainty(enum.IntEnum):
    """Who may say otherwise than what is seen: callers, the environment, nobody."""

    CALLERS = 0
    ENVIRONMENT = 1
    FIXED = 2


class Held(NamedTuple):
    """An expression that something holds, what evaluates it, and how certain that is."""

    evaluator: Evaluator
    node: cst.BaseExpression
    certainty: Certainty = Certainty.FIXED


_RESPELLS = frozenset({"replace", "strip", "rstrip", "lstrip", "removeprefix"})
"""Methods of texts that leave the options of an address as they are."""


class _Instance(NamedTuple):
    """An object of a class: the call that makes it, where that is seen, and what evaluates it."""

    owner: ClassInfo
    made: cst.Call | None
    evaluator: Evaluator


_MOST_STEPS = 4


def imported_variable(name: cst.BaseExpression, index: ModuleIndex, scope: FunctionInfo) -> Variable | None:
    """Return the variable of another module of the project that a name stands for."""
    return variable_called(index.dotted(name, scope), index)


def variable_called(dotted: str | None, index: ModuleIndex) -> Variable | None:
    """Return the variable of another module of the project that a dotted name leads to."""
    found = index.find(dotted, is_needed=True) if dotted is not None and "." in dotted else None
    return found.symbol if found is not None and not found.rest and isinstance(found.symbol, Variable) else None


def held_by_attribute(node: cst.Attribute, evaluator: Evaluator) -> Held | None:
    """Return what an attribute of a class, or of an object of a class of the project, holds by what can be seen."""
    index, scope, name = evaluator.index, evaluator.scope, node.attr.value
    symbol = index.symbol_of(node.value, scope, is_needed=True)
    if isinstance(symbol, ClassInfo):
        return _of_class(symbol, name, evaluator)
    instance = _instance(node.value, evaluator, _MOST_STEPS)
    if instance is None:
        return None
    owner, made, where = instance
    for argument in made.args if made is not None else ():
        if argument.keyword is None or argument.star:
            return None
        if argument.keyword.value == name:
            return Held(where, argument.value)
    held = _of_class(owner, name, evaluator)
    if held is None:
        return None
    is_own = owner is evaluator.scope.owner and isinstance(node.value, cst.Name)
    is_open = made is None and not is_own and not owner.has_unknown_base
    return held._replace(certainty=Certainty.CALLERS if is_open else Certainty.ENVIRONMENT)


def property_read(node: cst.Attribute, evaluator: Evaluator) -> FunctionInfo | None:
    """Return the property of a class of the project that an attribute of an object is."""
    instance = _instance(node.value, evaluator, _MOST_STEPS)
    method = instance.owner.find_method(node.attr.value) if instance is not None else None
    if instance is None or method is None or not method.is_property:
        return None
    is_open = instance.made is None and _is_overridden(instance.owner, node.attr.value)
    return method if not is_open else None


def _is_overridden(owner: ClassInfo, name: str) -> bool:
    """Whether a class of the same file derives from one and has something of its own under a name."""
    return any(name in each.methods or name in each.body_values or name in each.assigned for each in owner.derived)


def _of_class(owner: ClassInfo, name: str, evaluator: Evaluator) -> Held | None:
    for each in owner.lineage:
        if name in each.assigned or name in each.methods or name in each.given:
            return None
        value, _ = each.body_values.get(name, (None, None))
        if value is not None and any(_completes(method, name) for method in owner.methods.values()):
            return None
        if value is not None:
            home = evaluator.at(each.index, each.index.body)
            default = _default_of_field(value, home)
            return Held(home, default) if default is not None else None
    return None


def _completes(method: FunctionInfo, field: str) -> bool:
    """Whether a decorator makes a method change what a field is given: `@field_validator("url")`."""
    given = [arg.value for each in method.decorators if isinstance(each, cst.Call) for arg in each.args]
    is_meant = any(isinstance(each, cst.SimpleString) and each.evaluated_value in (field, "*") for each in given)
    return is_meant and not _only_respells(method)


def _only_respells(method: FunctionInfo) -> bool:
    """Whether a method gives back what it is given but for a few letters: `return v.replace("postgres:", "…:", 1)`."""
    value = method.params[1].name.value if len(method.params) > 1 else None
    results = returned(method)
    values = [*(results or ()), *method.given.get(value or "", ())]
    is_same = all(each is not None and _respelled(each) == value for each in values)
    return bool(results) and value is not None and is_same


def _respelled(node: cst.BaseExpression) -> str | None:
    """Return the variable whose text an expression is, but for what the options of an address are told by."""
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        texts = [each.value for each in node.args if not isinstance(each.value, cst.Integer)]
        is_plain = all(isinstance(each, cst.SimpleString) and not set("?&=") & set(each.value) for each in texts)
        if node.func.attr.value not in _RESPELLS or not is_plain:
            return None
        node = node.func.value
    return node.value if isinstance(node, cst.Name) else None


def _default_of_field(value: cst.BaseExpression, home: Evaluator) -> cst.BaseExpression | None:
    """Return the default in `field(default=5)` and `Field(5, gt=0)`; other expressions as they are."""
    if not isinstance(value, cst.Call):
        return value
    dotted = home.index.dotted(value.func, home.scope) or ""
    if dotted.rpartition(".")[2] not in ("field", "Field"):
        return value
    for argument in value.args:
        keyword = argument.keyword.value if argument.keyword is not None else argument.star
        if keyword in ("", "default"):
            return argument.value if not isinstance(argument.value, cst.Ellipsis) else None
    return None


def _instance(node: cst.BaseExpression, evaluator: Evaluator, steps: int) -> _Instance | None:
    """Return the object of a class of the project that an expression stands for."""
    index, scope = evaluator.index, evaluator.scope
    if not steps:
        return None
    if isinstance(node, cst.Call):
        symbol = _called(node.func, evaluator)
        if isinstance(symbol, ClassInfo):
            return _Instance(symbol, node, evaluator)
        values = returned(symbol) if isinstance(symbol, FunctionInfo) else None
        if isinstance(symbol, FunctionInfo) and values is not None and len(values) == 1:
            found = _instance(values[0], evaluator.at(symbol.index, symbol), steps - 1)
            return found or _annotated(symbol, evaluator)
        return None
    variable = imported_variable(node, index, scope) if isinstance(node, (cst.Name, cst.Attribute)) else None
    if variable is not None:
        value = variable.index.constant(variable.name)
        home = evaluator.at(variable.index, variable.index.body)
        return _instance(value, home, steps - 1) if value is not None else None
    if isinstance(node, cst.Name):
        value = evaluator.single_assignment(node.value)
        return _instance(value, evaluator, steps - 1) if value is not None else _parameter(node.value, evaluator)
    if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name):
        return _attribute_of_self(node, node.value.value, evaluator, steps)
    return None


def _called(func: cst.BaseExpression, evaluator: Evaluator) -> Symbol | None:
    """Return the class or function that a call calls, also a method of a class: `Manager.get_settings()`."""
    index, scope = evaluator.index, evaluator.scope
    symbol = index.symbol_of(func, scope, is_needed=True)
    if symbol is None and isinstance(func, cst.Attribute):
        owner = index.symbol_of(func.value, scope, is_needed=True)
        return owner.find_method(func.attr.value) if isinstance(owner, ClassInfo) else None
    return symbol


def _annotated(function: FunctionInfo, evaluator: Evaluator) -> _Instance | None:
    """An object of the class that a function says it returns."""
    node = function.node
    annotation = node.returns.annotation if isinstance(node, cst.FunctionDef) and node.returns is not None else None
    symbol = function.index.symbol_of(annotation, function, is_needed=True) if annotation is not None else None
    return _Instance(symbol, None, evaluator) if isinstance(symbol, ClassInfo) else None


def _attribute_of_self(node: cst.Attribute, base: str, evaluator: Evaluator, steps: int) -> _Instance | None:
    scope = evaluator.scope
    if scope.owner is None or not scope.is_method or not scope.params or scope.params[0].name.value != base:
        return None
    found = own_value(scope.owner, node.attr.value)
    return _instance(found[1], evaluator.at(found[0].index, found[0]), steps - 1) if found is not None else None


def _parameter(name: str, evaluator: Evaluator) -> _Instance | None:
    """An argument whose annotation names a class; `self` is one of the class of its method."""
    scope = evaluator.scope
    for number, param in enumerate(scope.params):
        if param.name.value != name:
            continue
        if number == 0 and scope.is_method and scope.owner is not None:
            return _Instance(scope.owner, None, evaluator)
        annotation = param.annotation.annotation if param.annotation is not None else None
        symbol = evaluator.index.symbol_of(annotation, scope, is_needed=True) if annotation is not None else None
        return _Instance(symbol, None, evaluator) if isinstance(symbol, ClassInfo) else None
    return None
