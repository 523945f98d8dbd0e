"""Which expressions of a function stand for containers, by what it does with them: `len(rows)`, `rows.append(row)`.

Reading their elements does not fail, as it may for a generator, or for the rows of a query.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintdb.syntax.names import FunctionInfo, ModuleIndex

_OF_CONTAINERS = frozenset({"append", "extend", "insert", "keys", "items", "popitem", "setdefault", "appendleft"})
"""Methods of lists and dictionaries that nothing lazy has."""


def containers_in(function: FunctionInfo, index: ModuleIndex) -> frozenset[str]:
    """Return the sources of such expressions; those of a nested function are its own."""
    return frozenset(index.code_of(node) for node in _containers(function) if not isinstance(node, cst.Call))


def _containers(function: FunctionInfo) -> Iterator[cst.BaseExpression]:
    for call in function.calls:
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in _OF_CONTAINERS:
            yield call.func.value
        elif isinstance(call.func, cst.Name) and call.func.value == "len" and len(call.args) == 1:
            yield call.args[0].value
