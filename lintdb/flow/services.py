"""Clients of other services: which variables hold one, so that its methods are known to wait for an answer."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintdb.flow.stdlib import SERVICE_CLIENTS
from lintdb.syntax.names import FunctionInfo, ModuleIndex
from lintdb.syntax.walk import walk

_PACKAGES = {name.partition(".")[0] for name in SERVICE_CLIENTS}


def clients_in(function: FunctionInfo, index: ModuleIndex) -> frozenset[str]:
    """Return the variables that a function, or the module around it, gives nothing but a client that it has made."""
    imported = [*function.imports.values(), *index.body.imports.values()]
    if not any(name.partition(".")[0] in _PACKAGES for name in imported):
        return frozenset()
    found: set[str] = set()
    others: set[str] = set()
    for name, value in [*_values_of_module(function, index), *_values_of(function)]:
        is_client = isinstance(value, cst.Call) and index.dotted(value.func, function) in SERVICE_CLIENTS
        (found if is_client else others).add(name)
    return frozenset(found - others)


def _values_of_module(function: FunctionInfo, index: ModuleIndex) -> Iterator[tuple[str, cst.CSTNode | None]]:
    for name, values in index.values.items():
        if not index.is_local(name, function):
            yield from ((name, value) for value in values)


def _values_of(function: FunctionInfo) -> Iterator[tuple[str, cst.CSTNode | None]]:
    for node in walk(function.node) if not function.is_module else ():
        if isinstance(node, cst.Assign):
            yield from ((each.target.value, node.value) for each in node.targets if isinstance(each.target, cst.Name))
        elif isinstance(node, cst.WithItem) and node.asname is not None and isinstance(node.asname.name, cst.Name):
            yield node.asname.name.value, node.item
