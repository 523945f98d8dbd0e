"""Which expressions of a function stand for containers, by what it does with them: `len(rows)`, `rows.append(row)`.

Reading their elements does not fail, as it may for a generator, or for what a query has found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from lintdb.syntax.literals import unawaited
from lintdb.syntax.names import FunctionInfo, ModuleIndex
from lintdb.syntax.nodes import last_name

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


_PARSERS = frozenset({
    "json.loads", "json.load", "orjson.loads", "ujson.loads", "ujson.load", "simplejson.loads", "simplejson.load",
    "tomllib.loads", "tomllib.load", "tomli.loads", "tomli.load", "yaml.safe_load",
})  # fmt: skip
"""What reads data: where a part of that is asked for by its name, it is a dictionary."""
_PARSING = frozenset({"json", "get_json"})
_ASKED = re.compile(r"(?:.*_)?(?:resp|response|reply|req|request)")
"""Methods that do so, of what is called like a request or a response."""


def mappings_in(function: FunctionInfo, index: ModuleIndex) -> frozenset[str]:
    """Return the variables that hold dictionaries of data, and never anything else.

    They are parameters with such an annotation and no default, and what has been read: `payload = json.loads(text)`.
    """
    params = {each.name.value for each in function.params}
    read = {
        name
        for name, values in function.given.items()
        if name not in params and values and all(_is_read(value, function, index) for value in values)
    }
    return _annotated_mappings(function, index) | read


def _is_read(value: cst.BaseExpression | None, function: FunctionInfo, index: ModuleIndex) -> bool:
    call = unawaited(value)
    if not isinstance(call, cst.Call):
        return False
    if isinstance(call.func, cst.Attribute) and call.func.attr.value in _PARSING:
        return _ASKED.fullmatch(last_name(call.func.value)) is not None
    return index.dotted(call.func, function) in _PARSERS


def _annotated_mappings(function: FunctionInfo, index: ModuleIndex) -> frozenset[str]:
    annotated = (each for each in function.params if each.annotation is not None and not each.star and not each.default)
    return frozenset(
        each.name.value
        for each in annotated
        if each.annotation is not None
        and each.name.value not in function.given
        and _MAPPING.fullmatch(index.code_of(each.annotation.annotation).strip("\"'"))
    )
