"""By what a query of models looks for a row: `User.query.filter_by(name="root").first()` by a constant."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

_NARROWS = frozenset({"filter_by", "filter", "where", "get", "get_or_none", "one_or_none"})
"""Methods of queries and models that are told what the row must have."""


def keys_of(call: cst.CSTNode) -> list[cst.BaseExpression]:
    """Return what the calls of a chain compare with: values of keywords, right sides of `==`, a primary key."""
    keys: list[cst.BaseExpression] = []
    while isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute):
        if call.func.attr.value in _NARROWS:
            keys += _keys_of_one(call)
        call = call.func.value
    return keys


def _keys_of_one(call: cst.Call) -> Iterator[cst.BaseExpression]:
    for argument in call.args:
        if argument.keyword is not None:
            yield argument.value
        elif isinstance(argument.value, cst.Comparison):
            yield argument.value.comparisons[0].comparator
        elif argument is call.args[-1]:
            yield argument.value


def is_constant(key: cst.BaseExpression) -> bool:
    """Whether the program itself names what is looked for: a literal, or a name in capitals."""
    name = key.attr if isinstance(key, cst.Attribute) else key
    if isinstance(name, cst.Name):
        return name.value.isupper()
    return isinstance(key, (cst.SimpleString, cst.Integer, cst.ConcatenatedString))


def is_reference(key: cst.BaseExpression) -> bool:
    """Whether the key is one that something keeps of another row: `order.customer_id`."""
    return isinstance(key, cst.Attribute) and key.attr.value.endswith("_id")
