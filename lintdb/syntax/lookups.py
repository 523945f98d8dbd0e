"""By what a query of models looks for a row: `User.query.filter_by(name="root").first()` by a constant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.syntax.ancestry import first_name

if TYPE_CHECKING:
    from lintdb.syntax.literals import Evaluator

_NARROWS = frozenset({"filter_by", "filter", "where", "get", "get_or_none", "one_or_none"})
"""Methods of queries and models that are told what the row must have."""
_FROM_OUTSIDE = re.compile(r"request|req|payload|body|form|args|params|query|event|message|msg|command|cmd|input|dto")
"""Names of what somebody else fills in, and what it refers to need not be there."""


_ASKS = frozenset({"query", "select"})
_RUNS = frozenset({"execute", "scalars", "scalar"})
"""With these and `first` alone nothing narrows or orders what is asked for."""
_WHOLE_TABLE = re.compile(
    r"\s*select\b(?:(?!\b(?:where|order|limit|group|join|having)\b).)*\bfrom\s+[\w.\"`]+\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)


def is_any_row(call: cst.CSTNode | None) -> bool:
    """Whether a chain of calls asks for any row of a table, as of one that has one row: `query(Settings).first()`."""
    names: list[str] = []
    while isinstance(call, cst.Call):
        func = call.func
        names.append(func.attr.value if isinstance(func, cst.Attribute) else getattr(func, "value", ""))
        if any(isinstance(each.value, (cst.Lambda, cst.Comparison)) for each in call.args):
            return False  # `User.select(lambda user: user.name == name)`
        is_given_query = names[-1] in _RUNS and len(call.args) > 0
        call = call.args[0].value if is_given_query else func.value if isinstance(func, cst.Attribute) else None
    return "first" in names and not _ASKS.isdisjoint(names) and (_ASKS | _RUNS | {"first"}).issuperset(names)


def is_any_row_of(text: str) -> bool:
    """Whether a statement asks for all rows of one table, of which the first is taken."""
    return _WHOLE_TABLE.fullmatch(text) is not None


def keys_of(call: cst.CSTNode | None, evaluator: Evaluator) -> list[cst.BaseExpression]:
    """Return what the calls of a chain compare with: values of keywords, right sides of `==`, a primary key.

    A query object that has a name is what the one assignment to it says.
    """
    keys: list[cst.BaseExpression] = []
    seen: set[str] = set()
    while call is not None:
        if isinstance(call, cst.Name) and call.value not in seen:
            seen.add(call.value)
            call = evaluator.single_assignment(call.value)
        elif isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute):
            if call.func.attr.value in _NARROWS:
                keys += _keys_of_one(call)
            call = call.func.value
        else:
            break
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
    """Whether the program itself names what is looked for: a text, or a constant in capitals."""
    name = key.attr if isinstance(key, cst.Attribute) else key
    if isinstance(name, cst.Name):
        return name.value.isupper()
    return isinstance(key, (cst.SimpleString, cst.ConcatenatedString))


def is_reference(key: cst.BaseExpression) -> bool:
    """Whether the key is one that an object of the program keeps of another row: `order.customer_id`."""
    is_key = isinstance(key, cst.Attribute) and key.attr.value.endswith("_id")
    return is_key and not _FROM_OUTSIDE.fullmatch((first_name(key) or "").lower())


def is_of_whoever_asks(key: cst.BaseExpression) -> bool:
    """Whether the key is that of the user who is logged in: `current_user.id`."""
    return isinstance(key, cst.Attribute) and first_name(key) == "current_user"


def bound_values(call: cst.Call, position: int) -> list[cst.BaseExpression]:
    """Return the values that are written in a call after its argument at a position: those of a tuple, list or dict."""
    if any(argument.star or argument.keyword is not None for argument in call.args):
        return []
    given = [argument.value for argument in call.args[position + 1 :]]
    found: list[cst.BaseExpression] = []
    for each in given:
        if isinstance(each, (cst.Tuple, cst.List, cst.Dict)):
            found += [element.value for element in each.elements]
        else:
            found.append(each)
    return found


def is_own(key: cst.BaseExpression) -> bool:
    """Whether the key is one that the object keeps itself: `self.order_id`."""
    return isinstance(key, cst.Attribute) and isinstance(key.value, cst.Name) and key.value.value in ("self", "cls")
