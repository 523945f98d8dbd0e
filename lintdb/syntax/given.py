"""What the calls of a function give for a parameter, where all of them are seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import libcst as cst

from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.nodes import last_name
from lintdb.syntax.walk import walk


class Given(NamedTuple):
    """An expression that a call gives, and the function that the call stands in."""

    node: cst.BaseExpression
    caller: FunctionInfo


def given_for(parameter: str, function: FunctionInfo) -> list[Given] | None:
    """Return what every call gives for a parameter of a function or method; None if one of them may not be seen.

    They are seen where nothing but its own file mentions the function, and that does nothing but call it; one that is
    nested or private stays in its file. Others may be called from outside of the project: a call outside of functions,
    which shows how it is done, does not tell what they give. A method that may come from a base which is not seen is
    called by that; calls of a method are those of its name, whatever object they are made on.
    """
    if function.is_module or not function.params or not _is_called_as_written(function):
        return None
    calls = list(_calls_of(function))
    if function.owner is not None and re.search(rf"""["']{function.name}["']""", function.index.text):
        return None  # `getattr(self, "name")`
    meant = cst.Attribute if function.owner is not None else cst.Name
    mentions = [each for each in walk(function.index.module) if isinstance(each, meant)]
    named = sum(last_name(each) == function.name for each in mentions) - (meant is cst.Name)  # its own `def`
    if not calls or named != len(calls) or _is_mentioned_elsewhere(function):
        return None
    if not _stays_in_file(function) and all(caller.is_module for caller, _ in calls):
        return None
    return given_by(calls, parameter, function)


def _is_called_as_written(function: FunctionInfo) -> bool:
    """Whether calls of a function run it with what they give, and nothing calls it but by its name."""
    if function.owner is None:
        return not function.decorators
    is_special = function.name.startswith("__") and function.name.endswith("__")
    is_plain = all(last_name(each) in ("staticmethod", "classmethod") for each in function.decorators)
    return is_plain and not is_special and not function.owner.has_unknown_base


def given_by(
    calls: Sequence[tuple[FunctionInfo, cst.Call]], parameter: str, function: FunctionInfo
) -> list[Given] | None:
    """Return what each of some calls, in the functions beside them, gives for a parameter; None if one is not seen."""
    found: list[Given] = []
    for caller, call in calls:
        given = _given_by(call, parameter, function)
        if given is None:
            return None
        is_default = any(given is param.default for param in function.params)
        found.append(Given(given, function.index.body if is_default else caller))
    return found


def _calls_of(function: FunctionInfo) -> Iterator[tuple[FunctionInfo, cst.Call]]:
    for caller in function.index.all_functions:
        for call in caller.calls:
            if function.owner is not None:
                if isinstance(call.func, cst.Attribute) and call.func.attr.value == function.name:
                    yield caller, call
                continue
            is_meant = isinstance(call.func, cst.Name) and call.func.value == function.name
            if is_meant and function.index.find_function(function.name, caller) is function:
                yield caller, call


def _is_mentioned_elsewhere(function: FunctionInfo) -> bool:
    if _stays_in_file(function) and function.owner is None:
        return False
    links = function.index.links
    texts = links.texts_with(function.name, function.index) if links is not None else None
    if texts is None:  # where the other files are not known, any may
        return not _stays_in_file(function)
    return any(path != function.index.name.path for path, _ in texts)


def _stays_in_file(function: FunctionInfo) -> bool:
    return function.is_nested or function.name.startswith("_")


def _given_by(call: cst.Call, parameter: str, function: FunctionInfo) -> cst.BaseExpression | None:
    if any(argument.star for argument in call.args):
        return None
    params = function.params[1:] if function.is_method else function.params
    names = [param.name.value for param in params]
    positional = [argument.value for argument in call.args if argument.keyword is None]
    for argument in call.args:
        if argument.keyword is not None and argument.keyword.value == parameter:
            return argument.value
    if parameter not in names:
        return None
    place = names.index(parameter)
    return positional[place] if place < len(positional) else params[place].default


def items_at(place: int, display: cst.BaseExpression | None) -> list[cst.BaseExpression] | None:
    """Return what stands at one place of each of the tuples that a list is written with; None for anything else."""
    if not isinstance(display, (cst.List, cst.Tuple)):
        return None
    rows = [element.value for element in display.elements]
    found: list[cst.BaseExpression] = []
    for row in rows:
        if not isinstance(row, (cst.Tuple, cst.List)) or place >= len(row.elements):
            return None
        if any(isinstance(element, cst.StarredElement) for element in row.elements[: place + 1]):
            return None
        found.append(row.elements[place].value)
    return found
