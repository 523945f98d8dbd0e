"""LDB605: the placeholders in a query do not fit the library, or the values that go with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.placeholders import has_other_style, is_text, placeholders_of, single_percent, values_of

if TYPE_CHECKING:
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
    values = values_of(query, is_spread=is_spread)
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
        if found.count and style == "qmark":
            return "the values have names, and the placeholders have none"
        return f"no value is given for the placeholder `{missing[0]}`" if missing else None
    if found.names and style != "qmark":
        return "the text has placeholders with names, and the values have none" if values else None
    # SQLite takes values in order for names, too: one for each.
    count = found.count + len(found.names)
    if count == values:
        return None
    if is_text(query, style):
        return f"each character of the text that is given for the values counts as one: these are {values}"
    return f"the text has {_number(count, 'placeholder')}, and {_number(values, 'value')} {_verb(values)} given"


def _number(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def _verb(count: int) -> str:
    return "is" if count == 1 else "are"
