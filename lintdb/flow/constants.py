"""What a module keeps under a name for good: texts and numbers, and statements that are made once and run often."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.flow.text_literals import text_of_literals
from lintdb.flow.values import Literal, Query, Table, Value

if TYPE_CHECKING:
    from lintdb.flow.types_of import ModuleTypes


_MOST_KEPT = 200
"""Entries of a dictionary: one with more is no collection of statements."""


def constant_value(value: cst.BaseExpression | None, types: ModuleTypes) -> Literal | Query | Table | None:
    """Return the text or number that an expression on module level is, or the statement; None for anything else.

    `text("insert …")` is the text, and so is `dedent("insert …")`; `table.insert().values(…)` is a statement that
    writes; of a dictionary it is the texts that are written out.
    """
    if isinstance(value, cst.Dict) and len(value.elements) <= _MOST_KEPT:
        return _table(value, types)
    if isinstance(value, cst.Integer):
        return Literal(value.evaluated_value)
    text = text_of_literals(value, types.index)
    if text is not None:
        return Literal(text)
    while isinstance(value, cst.Call):
        dotted = types.index.dotted(value.func, types.index.body)
        model = types.model_of_call(dotted, value, types.index.body) if dotted is not None else None
        if model is not None and model.unwraps is not None:
            inner = constant_value(types.given_argument(value, model.unwraps), types)
            if isinstance(inner, Table):
                return None
            return replace(inner, is_clause=True) if isinstance(inner, Literal) else inner
        if model is not None and model.query_event is not None:
            return Query(model.query_event)
        if not isinstance(value.func, cst.Attribute):
            return None
        event = types.knowledge.statement_event(value.func.attr.value) if not value.args else None
        if event is not None:
            return Query(event)
        value = value.func.value
    return None


def _table(node: cst.Dict, types: ModuleTypes) -> Table | None:
    items: list[tuple[object, Value | None]] = []
    for each in node.elements:
        if not isinstance(each, cst.DictElement) or not isinstance(each.key, (cst.SimpleString, cst.Integer)):
            return None
        items.append((each.key.evaluated_value, constant_value(each.value, types)))
    return Table(tuple(items)) if any(item is not None for _, item in items) else None
