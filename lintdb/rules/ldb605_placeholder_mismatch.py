"""LDB605: the placeholders in a query do not fit the library, or the values that go with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.placeholders import has_other_style, placeholders_of, single_percent

if TYPE_CHECKING:
    from lintdb.effects import CallModel
    from lintdb.flow.results import FunctionFlow, QueryText

_OWN = {"qmark": "?", "pyformat": "%s", "numeric_dollar": "$1"}


class PlaceholderMismatch(Rule):
    """See rules/LDB605.md."""

    meta = RuleMeta(
        code="LDB605",
        name="placeholder-mismatch",
        summary="placeholders that do not fit the library or the values",
        severity=Severity.ERROR,
        help="write the library's own placeholders, one for each value",
        since="0.1",
        cause="query-text",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        reported: set[int] = set()
        for query in flow.query_texts:
            if (
                query.is_guess
                or not query.call.model.paramstyle
                or len(query.pieces) != 1
                or id(query.node) in reported
            ):
                continue
            if "prepared" in ctx.text and query.call.model.paramstyle == "pyformat":
                continue  # such cursors have placeholders of their own
            message = _message(query, str(query.pieces[0]))
            if message is not None:
                reported.add(id(query.node))
                yield Report(query.node, message, Confidence.MEDIUM)


def _message(query: QueryText, text: str) -> str | None:
    style = query.call.model.paramstyle
    style, is_spread = style.lstrip("*"), style.startswith("*")
    values = _values(query, is_spread=is_spread)
    if values is None:
        return None
    other = has_other_style(text, style, values if isinstance(values, frozenset) else frozenset())
    if other is not None and values:
        return f"`{other}` is no placeholder of this library, which has `{_OWN[style]}`"
    if style == "pyformat" and values and (single := single_percent(text)) is not None:
        return f"the `%` in `{single}` is taken for a placeholder where values are given: for itself it stands as `%%`"
    # Without values the text is sent as it is: what stands in literals means itself.
    found = placeholders_of(text, style, in_literals=values != 0)
    if found is None:
        return None
    if isinstance(values, frozenset):
        missing = sorted(found.names - values)
        return f"no value is given for the placeholder `{missing[0]}`" if missing else None
    if found.names:
        # SQLite takes values in order for names, too.
        has_none = style != "qmark" and values
        return "the text has placeholders with names, and the values have none" if has_none else None
    if found.count == values:
        return None
    if _is_text(query, style):
        return f"each character of the text that is given for the values counts as one: these are {values}"
    return f"the text has {_number(found.count, 'placeholder')}, and {_number(values, 'value')} {_verb(values)} given"


def _number(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def _verb(count: int) -> str:
    return "is" if count == 1 else "are"


def _values(query: QueryText, *, is_spread: bool) -> int | frozenset[str] | None:
    """Return how many values a call is given, or the names of those that it is given; None where that is hidden."""
    import libcst as cst  # listing rules does not need it

    arguments = query.call.node.args
    position = _position(query.call.model)
    if any(a.star or a.keyword is not None for a in arguments) or len(arguments) <= position:
        return None
    rest = [argument.value for argument in arguments[position + 1 :]]
    if not rest:
        return 0
    first = rest[0]
    if query.call.model.paramstyle == "*numeric_dollar":
        return len(rest)
    if _is_text(query, query.call.model.paramstyle):
        return len(first.evaluated_value) if isinstance(first, cst.SimpleString) else None
    if isinstance(first, (cst.Tuple, cst.List)) and len(rest) == 1:
        elements = first.elements
        return None if any(isinstance(e, cst.StarredElement) for e in elements) else len(elements)
    if isinstance(first, cst.Dict) and len(rest) == 1 and not is_spread:
        named = [e.key if isinstance(e, cst.DictElement) else None for e in first.elements]
        keys = [key.evaluated_value if isinstance(key, cst.SimpleString) else None for key in named]
        return frozenset(str(key) for key in keys) if None not in keys else None
    is_one = is_spread and not isinstance(first, (cst.Tuple, cst.List)) and not (len(rest) == 1 and _may_be_list(first))
    return len(rest) if is_one else None


def _is_text(query: QueryText, style: str) -> bool:
    """Whether the values are a text, `("abc")`, where the library takes any sequence for values in order."""
    arguments = query.call.node.args
    position = _position(query.call.model) + 1
    is_one = style == "qmark" and len(arguments) == position + 1
    return is_one and type(arguments[position].value).__name__ == "SimpleString"


def _may_be_list(node: object) -> bool:
    """Whether an argument may hold all the values: pyodbc takes them either way."""
    return type(node).__name__ in ("Name", "Attribute", "Call", "Subscript", "Await", "BinaryOperation", "IfExp")


def _position(model: CallModel) -> int:
    return model.sql.position if model.sql is not None and model.sql.position is not None else 0
