"""All calls of a function or class in a project, and what they give; parsed and resolved, not read from names alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import libcst as cst

from lintdb.flow.users import Target, ways_to
from lintdb.syntax.given import Given, given_by
from lintdb.syntax.names import ClassInfo, FunctionInfo, ModuleIndex
from lintdb.syntax.walk import children

_MOST_FILES = 8
"""Files that are parsed for who calls one function; what more of them may call has to be taken as it is."""


def given_in_project(
    parameter: str, function: FunctionInfo, does_not_count: Callable[[str], bool]
) -> list[Given] | None:
    """Return what every call in a project gives for a parameter of a function, or of a class by its `__init__`.

    None if there is none, or the project does anything else with the function. *does_not_count* says of a path that
    calls in that file do not matter, as those in tests.
    """
    symbol: FunctionInfo | ClassInfo | None = function
    if function.owner is not None:
        symbol = function.owner if function.name == "__init__" else None
    if symbol is None or function.is_module or function.is_nested or function.decorators or _is_derived_from(symbol):
        return None
    calls = _calls_in_project(symbol, does_not_count)
    return given_by(calls, parameter, function) if calls else None


def calls_of(function: FunctionInfo, does_not_count: Callable[[str], bool]) -> list[tuple[FunctionInfo, cst.Call]]:
    """Return the calls of a function in a project, or those of a private method in its own file.

    None are returned where the project does anything else with it. See `given_in_project`.
    """
    if function.is_module or function.is_nested or function.decorators:
        return []
    if function.owner is None:
        return _calls_in_project(function, does_not_count) or []
    is_private = function.name.startswith("_") and not function.name.endswith("__")
    calls = _calls_by_name(function.index).get(function.name, []) if is_private else []
    called = {id(call.func) for _, call in calls}
    others = [node for node, _ in _mentions(function.index).get(function.name, ()) if isinstance(node, cst.Attribute)]
    return calls if all(id(node) in called for node in others) else []


def calls_in_file(function: FunctionInfo) -> list[tuple[FunctionInfo, cst.Call]]:
    """Return the calls of a function, or of a method on its own object, in its own file."""
    index = function.index
    calls = _calls_by_name(index).get(function.name, [])
    if function.owner is None:
        return [(caller, call) for caller, call in calls if index.symbol_of(call.func, caller) is function]
    return [(caller, call) for caller, call in calls if _is_on_own_object(call, caller, function)]


def constructions_in_file(owner: ClassInfo) -> list[tuple[FunctionInfo, cst.Call]]:
    """Return the calls of a class in its own file; none where that does anything else with the class."""
    return [] if _is_derived_from(owner) else _calls_in(owner.index, owner) or []


def _is_on_own_object(call: cst.Call, caller: FunctionInfo, method: FunctionInfo) -> bool:
    """Whether a call is `self.method(…)`, and that is the method."""
    owner = call.func.value if isinstance(call.func, cst.Attribute) else None
    is_own = isinstance(owner, cst.Name) and caller.is_method and bool(caller.params)
    if not is_own or caller.owner is None or not isinstance(owner, cst.Name):
        return False
    return caller.params[0].name.value == owner.value and caller.owner.find_method(method.name) is method


def _calls_in_project(
    symbol: FunctionInfo | ClassInfo, does_not_count: Callable[[str], bool]
) -> list[tuple[FunctionInfo, cst.Call]] | None:
    calls: list[tuple[FunctionInfo, cst.Call]] = []
    for index in _modules_with(symbol, does_not_count) or ():
        found = _calls_in(index, symbol)
        if found is None:
            return None
        calls += found
    return calls


def _modules_with(symbol: FunctionInfo | ClassInfo, does_not_count: Callable[[str], bool]) -> list[ModuleIndex] | None:
    """Return the modules of a project that may call a function or class, its own first; None if that is not clear."""
    own, target = symbol.index, Target.of(symbol)
    ways = ways_to(target, symbol)
    texts = own.links.texts_with(symbol.name, own) if own.links is not None else None
    found = [own]
    for path, text in texts or ():
        if path == own.name.path or does_not_count(path):
            continue
        names = target.names_in(path, text, ways)
        if not names.by_name and not names.by_attribute:
            continue
        module = own.links.module_at(path, own) if own.links is not None and len(found) <= _MOST_FILES else None
        if module is None:
            return None
        found.append(module)
    return found


def _is_derived_from(symbol: FunctionInfo | ClassInfo) -> bool:
    """Whether a class of the same file derives from it: `super().__init__(…)` gives it what is not seen here."""
    return isinstance(symbol, ClassInfo) and any(
        symbol in each.lineage and each is not symbol for each in symbol.index.classes.values()
    )


def _calls_in(index: ModuleIndex, symbol: FunctionInfo | ClassInfo) -> list[tuple[FunctionInfo, cst.Call]] | None:
    """Return the calls of a function or class in a module; None if that does anything else with it."""
    calls: list[tuple[FunctionInfo, cst.Call]] = []
    called: set[int] = set()
    for caller, call in _calls_by_name(index).get(symbol.name, ()):
        if index.symbol_of(call.func, caller, is_needed=True) is symbol:
            calls.append((caller, call))
            called.add(id(call.func))
    others = [each for each in _mentions(index).get(symbol.name, ()) if id(each[0]) not in called]
    return None if any(_may_mean(node, symbol, index) for node in others) else calls


@functools.lru_cache(maxsize=32)
def _calls_by_name(index: ModuleIndex) -> dict[str, list[tuple[FunctionInfo, cst.Call]]]:
    """Return the calls of a module by the last name of what they call, each with the function that it stands in."""
    found: dict[str, list[tuple[FunctionInfo, cst.Call]]] = {}
    for caller in index.all_functions:
        for call in caller.calls:
            last = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
            if isinstance(last, cst.Name):
                found.setdefault(last.value, []).append((caller, call))
    return found


@functools.lru_cache(maxsize=32)
def _mentions(index: ModuleIndex) -> dict[str, list[tuple[cst.CSTNode, FunctionInfo]]]:
    """Return what mentions each name, with the function that it stands in; imports and annotations apart."""
    found: dict[str, list[tuple[cst.CSTNode, FunctionInfo]]] = {}
    todo: list[tuple[cst.CSTNode, FunctionInfo]] = [(index.module, index.body)]
    while todo:
        node, scope = todo.pop()
        scope = index.of_node.get(id(node), scope)
        for each in _read_parts(node):
            last = each.attr if isinstance(each, cst.Attribute) else each
            if isinstance(last, cst.Name):
                found.setdefault(last.value, []).append((each, scope))
            todo.append((each, scope))
    return found


def _read_parts(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the parts of a node that read what they name."""
    if isinstance(node, (cst.Import, cst.ImportFrom, cst.Annotation, cst.AssignTarget, cst.AsName)):
        return
    for child in children(node):
        is_own_name = isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Param)) and child is node.name
        if not is_own_name:
            yield child


def _may_mean(mention: tuple[cst.CSTNode, FunctionInfo], symbol: FunctionInfo | ClassInfo, index: ModuleIndex) -> bool:
    node, scope = mention
    around: FunctionInfo | None = scope
    while isinstance(node, cst.Name) and around is not None and not around.is_module:
        if any(param.name.value == node.value for param in around.params):
            return False
        around = around.parent
    return index.symbol_of(node, scope, is_needed=True) is symbol
