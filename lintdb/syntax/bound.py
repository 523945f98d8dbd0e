"""What calls are given for the placeholders of a text, as far as it can be seen."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.syntax.mappings import changes_in, display
from lintdb.syntax.walk import walk

if TYPE_CHECKING:
    from lintdb.syntax.literals import Evaluator

SPLITS = frozenset({"qmark", "format_set", "named_sequence", "pyformat_sequence"})
"""Styles of libraries that take a text for the sequence of its characters."""
_REFUSES = frozenset({"qmark_exact", "pyformat_bound", "pyformat_exact", "pyformat_names", "named", "any", "prepared"})
"""Styles of libraries that refuse a text and a number in the place of the values."""
_NAMED = frozenset({"named", "named_sequence", "*keywords"})
"""Where values may be arguments of their own, by their names."""
_NO_VALUES = frozenset({"suspend_on_success", "fetch_lobs", "fetch_decimals", "stream", "types"})
"""Arguments of such methods that are no values."""
_HANDED_ON = frozenset({"parameters", "statement", "sql"})
"""Arguments of such methods that hold something else by their name."""
_ALIKE = frozenset({"named", "named_sequence"})
"""Where rows that differ are a matter of all of them: what one lacks is empty."""
_PARAMETERS = frozenset({"parameters", "params"})
"""Arguments of methods that run a statement of SQLAlchemy which hold its values."""
_OPTIONS = frozenset({"execution_options", "bind_arguments"})
"""Arguments of theirs that hold none; what others hold is not known."""
_SINGLE = {"str": "text", "int": "number", "float": "number", "bool": "number"}


@dataclass(frozen=True)
class Values:
    """What goes with a text: so many values, or values by names.

    `is_text`: each character of a text is one. `single` is a `text` or a `number` that was meant to be the only value,
    and of which only the type is known. `packed`: the only value is a list or tuple, of so many. `types` says of values
    whether they are surely a `text` or a `number`.
    """

    given: int | frozenset[str]
    is_text: bool = False
    single: str = ""
    packed: int = 0
    types: Mapping[int | str, str] = field(default_factory=dict)


def values_of(
    node: cst.Call, position: int, style: str, evaluator: Evaluator, *, names: Container[str], is_many: bool
) -> Iterator[Values]:
    """Yield what a call is given after the text at *position*, as far as it can be seen; *is_many*: for each row.

    *names* are those that the method has: `to_thread(conn.execute, text)` is no call of it. *style*: see PEP 249, with
    `*` in front where the values are arguments of their own.
    """
    arguments = node.args
    name = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
    if not isinstance(name, cst.Name) or name.value not in names:
        return
    if any(a.star for a in arguments) or len(arguments) <= position or arguments[position].keyword is not None:
        return
    if style == "named_text":
        yield from _values_of_statement(arguments[position + 1 :], evaluator)
        return
    if any(a.keyword is not None for a in arguments):
        if style in _NAMED:
            yield from _values_by_name(arguments[position + 1 :], evaluator)
        return
    rest = [argument.value for argument in arguments[position + 1 :]]
    if is_many:
        yield from _values_of_rows(rest, style, evaluator)
    elif not rest:
        yield Values(0)
    elif style != "*keywords":
        yield from _values_in_order(rest, style, evaluator)


def _values_in_order(rest: Sequence[cst.BaseExpression], style: str, evaluator: Evaluator) -> Iterator[Values]:
    is_spread = style.startswith("*") and not isinstance(rest[0], (cst.Tuple, cst.List))
    if style == "*numeric_dollar":
        only = rest[0] if len(rest) == 1 else None
        yield Values(len(rest), packed=len(only.elements) if isinstance(only, cst.Tuple | cst.List) else 0)
    elif len(rest) > 1:
        if is_spread:
            yield Values(len(rest))
    elif is_spread:
        if not _may_be_list(rest[0]):
            yield Values(1)
    else:
        yield from _values_in(rest[0], style, evaluator)


def _values_of_rows(rest: Sequence[cst.BaseExpression], style: str, evaluator: Evaluator) -> Iterator[Values]:
    rows = list(_rows(evaluator.resolved(rest[0]))) if rest else []
    found = [each for row in rows for each in _values_in(row, style, evaluator)]
    if style not in _ALIKE or (len(found) == len(rows) and len({each.given for each in found}) == 1):
        yield from found


def _values_of_statement(arguments: Sequence[cst.Arg], evaluator: Evaluator) -> Iterator[Values]:
    """Yield the values that go with a statement of SQLAlchemy, by their names: for one run of it, or for each."""
    given = [a.value for a in arguments if a.keyword is None or a.keyword.value in _PARAMETERS]
    others = {a.keyword.value for a in arguments if a.keyword is not None} - _PARAMETERS
    if not given and others <= _OPTIONS:
        yield Values(0)
    if len(given) != 1 or not others <= _OPTIONS:
        return
    found = evaluator.resolved(given[0])
    if not isinstance(found, (cst.Tuple, cst.List, cst.ListComp, cst.GeneratorExp)):
        yield from _values_in(given[0], "named_text", evaluator)
    elif found is given[0] or _is_used_once(given[0], evaluator):
        for row in _rows(found):
            if display(row) is not None:
                yield from _values_in(row, "named_text", evaluator)


def _values_by_name(arguments: Sequence[cst.Arg], evaluator: Evaluator) -> Iterator[Values]:
    """Yield the values that arguments are by their names; nothing if there are others beside them."""
    named = {a.keyword.value: a.value for a in arguments if a.keyword is not None}
    if len(named) == len(arguments) and not named.keys() & _HANDED_ON:
        values = {name: value for name, value in named.items() if name not in _NO_VALUES}
        yield Values(frozenset(values), types=_types(values.items(), evaluator)) if values else Values(0)


def _rows(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """Yield the rows that can be seen of those that a text is run for."""
    if isinstance(node, (cst.Tuple, cst.List)):
        yield from (element.value for element in node.elements if isinstance(element, cst.Element))
    elif isinstance(node, (cst.ListComp, cst.GeneratorExp)):
        yield node.elt


def _values_in(node: cst.BaseExpression, style: str, evaluator: Evaluator) -> Iterator[Values]:
    """Yield what an expression holds for one run of a text; nothing where that cannot be seen."""
    found = evaluator.resolved(node)
    single = _single(found, evaluator) if style in SPLITS | _REFUSES else ""
    if style in _REFUSES and isinstance(found, cst.SimpleString | cst.ConcatenatedString):
        single = "text"
    if single:
        yield Values(1, single=single)
        return
    if found is not node and not (isinstance(found, cst.Tuple) or _is_used_once(node, evaluator)):
        return
    if isinstance(found, cst.SimpleString) and style in SPLITS:
        if isinstance(found.evaluated_value, str):
            yield Values(len(found.evaluated_value), is_text=True)
    elif isinstance(found, (cst.Tuple, cst.List)):
        if not any(isinstance(element, cst.StarredElement) for element in found.elements):
            yield Values(len(found.elements), types=_types(enumerate(e.value for e in found.elements), evaluator))
    elif isinstance(found, (cst.Dict, cst.Call)) and (display(found) is not None):
        items = evaluator.mapping(node)
        if items is not None:
            yield Values(frozenset(items), types=_types(items.items(), evaluator))


def _single(node: cst.BaseExpression, evaluator: Evaluator) -> str:
    """Return whether an expression is surely a `text` or a `number`, by what it is or a parameter's annotation."""
    if isinstance(node, cst.FormattedString):
        return "text"
    if isinstance(node, (cst.Integer, cst.Float)):
        return "number"
    scope = evaluator.scope
    param = next((each for each in scope.params if isinstance(node, cst.Name) and each.name.value == node.value), None)
    if param is None or param.star or param.name.value in scope.given or param.annotation is None:
        return ""
    said = param.annotation.annotation
    return _SINGLE.get(said.value, "") if isinstance(said, cst.Name) else ""


def _types(
    values: Iterable[tuple[int, cst.BaseExpression]] | Iterable[tuple[str, cst.BaseExpression]], evaluator: Evaluator
) -> Mapping[int | str, str]:
    return {key: found for key, value in values if (found := _type_of(evaluator.resolved(value), evaluator))}


def _type_of(node: cst.BaseExpression, evaluator: Evaluator) -> str:
    """Return whether a value is surely a `text` or a `number`; empty if that is not known."""
    if isinstance(node, cst.SimpleString):
        return "text" if isinstance(node.evaluated_value, str) else ""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
        return _SINGLE.get(node.func.value, "")
    return _single(node, evaluator)


def _is_used_once(node: cst.BaseExpression, evaluator: Evaluator) -> bool:
    """Whether a variable is used in one place alone, so that nobody else can put anything into what it holds."""
    if not isinstance(node, cst.Name):
        return False
    changes = changes_in(evaluator.scope).get(node.value, ())
    names = sum(isinstance(each, cst.Name) and each.value == node.value for each in walk(evaluator.scope.node))
    return None not in changes and names == len(changes) + 2


def _may_be_list(node: cst.BaseExpression) -> bool:
    """Whether an argument may hold all the values: pyodbc takes them either way."""
    return isinstance(
        node, (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Await, cst.BinaryOperation, cst.IfExp)
    )
