"""Which expressions of a function stand for containers, by what it does with them: `len(rows)`, `rows.append(row)`.

Reading their elements does not fail, as it may for a generator, or for what a query has found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from lintdb.syntax.names import FunctionInfo, ModuleIndex

_OF_CONTAINERS = frozenset({"append", "extend", "keys", "items", "popitem", "setdefault", "appendleft"})
"""Methods of lists and dictionaries that nothing lazy has."""

_LAZY = re.compile(r"quer|result|reader|stream|iter|generator|objects", re.IGNORECASE)
"""Words of names that may stand for something lazy, of which the length is known all the same."""


def containers_in(function: FunctionInfo, index: ModuleIndex) -> frozenset[str]:
    """Return the sources of such expressions; those of a nested function are its own.

    A variable that is given more than one value, or whose name says that it may be lazy, is none.
    """
    found = {index.code_of(node) for node in _containers(function) if not isinstance(node, cst.Call)}
    params = {each.name.value for each in function.params}
    given = function.given
    return frozenset(
        text for text in found if not _LAZY.search(text) and len(given.get(text, ())) + (text in params) <= 1
    )


def _containers(function: FunctionInfo) -> Iterator[cst.BaseExpression]:
    for call in function.calls:
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in _OF_CONTAINERS:
            yield call.func.value
        elif isinstance(call.func, cst.Name) and call.func.value == "len" and len(call.args) == 1:
            yield call.args[0].value


_MAPPING = re.compile(
    r"(?:typing\.|t\.|collections\.abc\.)?(?:dict|Dict|Mapping|MutableMapping)"
    r"(?:\[\s*\w+\s*,\s*(?:typing\.|t\.)?(?:Any|any|object|str|int|float|bool)\s*\])?"
)
"""Annotations of dictionaries whose values are no resources, as far as they say."""


def mappings_in(function: FunctionInfo, index: ModuleIndex) -> frozenset[str]:
    """Return the parameters that are annotated as dictionaries of data, and never are anything else: no default."""
    annotated = (each for each in function.params if each.annotation is not None and not each.star and not each.default)
    return frozenset(
        each.name.value
        for each in annotated
        if each.annotation is not None
        and each.name.value not in function.given
        and _MAPPING.fullmatch(index.code_of(each.annotation.annotation).strip("\"'"))
    )
