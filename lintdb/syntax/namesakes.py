"""Attributes that are other names for one another: `self.reader = self.conn`, `self.conn = self.reader = connect()`."""

from __future__ import annotations

from collections.abc import Hashable

import libcst as cst

from lintdb.syntax.literals import only_value
from lintdb.syntax.names import ClassInfo, FunctionInfo
from lintdb.syntax.nodes import is_none


def names_of(owner: ClassInfo, attribute: str) -> frozenset[str]:
    """Return the attributes that hold what an attribute of a class does, itself among them.

    Those are they that are never given anything else, other than None.
    """
    sources = _sources_in(owner)
    found = {attribute}
    grown = 0
    while grown < len(found):
        grown = len(found)
        known: set[Hashable] = {*found, *(sources[name] for name in found if name in sources)}
        found |= {name for name, source in sources.items() if source in known}
        found |= {source for source in known if isinstance(source, str)}
    return frozenset(found)


def _sources_in(owner: ClassInfo) -> dict[str, Hashable]:
    """Return what each attribute is given that is given one thing: the name of another, or a key of its own."""
    found: dict[str, Hashable] = {}
    for name in {name for each in owner.lineage for name in each.assigned}:
        assigned = [(scope, value) for each in owner.lineage for scope, value, _ in each.assigned.get(name, ())]
        sources = {_source(value, scope) for scope, value in assigned if not is_none(value)}
        if len(sources) == 1 and (source := sources.pop()) is not None:
            found[name] = source
    return found


def _source(value: cst.BaseExpression | None, scope: FunctionInfo) -> Hashable:
    if isinstance(value, cst.Attribute):
        first = scope.params[0].name.value if scope.is_method and scope.params else ""
        return value.attr.value if isinstance(value.value, cst.Name) and value.value.value == first else None
    if isinstance(value, cst.Name):
        return (scope.number, value.value) if only_value(value.value, scope) is not None else None
    return id(value) if isinstance(value, (cst.Call, cst.Await)) else None
