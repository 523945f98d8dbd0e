"""Which variables hold objects of certain classes: clients of other services, which wait; parsers, which exit."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping

import libcst as cst

from lintdb.flow.stdlib import ENDS_COMMAND, PASSES_CONTEXT, SERVICE_CLIENTS
from lintdb.syntax.names import FunctionInfo, ModuleIndex


def clients_in(function: FunctionInfo, index: ModuleIndex) -> frozenset[str]:
    """Return the variables that a function, or the module around it, gives nothing but a client that it has made."""
    return holders_in(function, index, SERVICE_CLIENTS)


def holders_in(function: FunctionInfo, index: ModuleIndex, classes: Collection[str]) -> frozenset[str]:
    """Return the variables that a function, or the module around it, gives nothing but objects of some classes."""
    packages = {name.partition(".")[0] for name in classes}
    imported = [*function.imports.values(), *index.body.imports.values()]
    if not any(name.partition(".")[0] in packages for name in imported):
        return frozenset()
    found: set[str] = set()
    others: set[str] = set()
    for name, value in [*_values_of_module(function, index), *_values_of(function)]:
        is_made = isinstance(value, cst.Call) and index.dotted(value.func, function) in classes
        (found if is_made else others).add(name)
    return frozenset(found - others)


@functools.lru_cache(maxsize=256)
def ends_of_command(function: FunctionInfo, index: ModuleIndex) -> Mapping[str, frozenset[str]]:
    """Return the methods that end the command which is run, each with the variables of a function that have it.

    These are what a parser of the command line, or the context of a command, is put into, or given as.
    """
    found: dict[str, frozenset[str]] = {}
    for name, methods in ENDS_COMMAND.items():
        holders = holders_in(function, index, {name}) | _declared(function, index, name)
        for method in methods if holders else ():
            found[method] = found.get(method, frozenset()) | holders
    return found


def _declared(function: FunctionInfo, index: ModuleIndex, name: str) -> frozenset[str]:
    """Return the parameters that a class annotates, or that a decorator gives such an object."""
    passes = name == "click.Context" and any(
        index.dotted(each, index.body) in PASSES_CONTEXT for each in function.decorators
    )
    return frozenset(
        param.name.value
        for number, param in enumerate(function.params)
        if (passes and number == function.is_method)
        or (param.annotation is not None and index.dotted(param.annotation.annotation, function) == name)
    )


def _values_of_module(function: FunctionInfo, index: ModuleIndex) -> Iterator[tuple[str, cst.CSTNode | None]]:
    for name, values in index.values.items():
        if not index.is_local(name, function):
            yield from ((name, value) for value in values)


def _values_of(function: FunctionInfo) -> Iterator[tuple[str, cst.CSTNode | None]]:
    for node in function.nodes if not function.is_module else ():
        if isinstance(node, cst.Assign):
            yield from ((each.target.value, node.value) for each in node.targets if isinstance(each.target, cst.Name))
        elif isinstance(node, cst.WithItem) and node.asname is not None and isinstance(node.asname.name, cst.Name):
            yield node.asname.name.value, node.item
