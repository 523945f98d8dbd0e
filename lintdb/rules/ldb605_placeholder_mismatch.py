"""LDB605: the placeholders in a query do not fit the library, or the values that go with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.placeholders import has_other_style, placeholders_of, single_percent, style_of

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow, QueryText
    from lintdb.syntax.bound import Values

_OWN = {"qmark": "?", "pyformat": "%s", "numeric_dollar": "$1"}
_SINGLE = {
    "text": "the text that is given for the values counts as its characters, one value each: it stands in no tuple",
    "number": "a number is given for the values, which the library refuses: it stands in no tuple",
}


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
            if query.is_guess or len(query.pieces) != 1 or id(query.node) in reported:
                continue
            message = next(_messages(query, str(query.pieces[0]), flow, ctx), None)
            if message is not None:
                reported.add(id(query.node))
                yield Report(query.node, message, Confidence.MEDIUM)


def _messages(query: QueryText, text: str, flow: FunctionFlow, ctx: FileContext) -> Iterator[str]:
    """Yield what is wrong with a text and the values that can be seen beside it."""
    from lintdb.syntax.bound import values_of  # loads libcst, which listing rules does not need
    from lintdb.syntax.literals import Evaluator

    style = style_of(query, ctx.program.knowledge)
    if not style or ("prepared" in ctx.text and style == "pyformat"):
        return  # such cursors have placeholders of their own
    evaluator = Evaluator(ctx.program.index, flow.function)
    model = query.call.model
    position = model.sql.position if model.sql is not None and model.sql.position is not None else 0
    is_many = not model.paramstyle
    for values in values_of(query.call.node, position, style, evaluator, names=model.names, is_many=is_many):
        message = _message(text, style.lstrip("*"), values)
        if message is not None:
            yield message


def _message(text: str, style: str, values: Values) -> str | None:
    given = values.given
    other = has_other_style(text, style, given if isinstance(given, frozenset) else frozenset())
    if other is not None and given:
        return f"`{other}` is no placeholder of this library, which has `{_OWN[style]}`"
    if style == "pyformat" and given and (single := single_percent(text)) is not None:
        return f"the `%` in `{single}` is taken for a placeholder where values are given: for itself it stands as `%%`"
    if values.single:
        found = placeholders_of(text, style)
        return _SINGLE[values.single] if found is not None and found.count + len(found.names) else None
    # Without values the text is sent as it is: what stands in literals means itself.
    found = placeholders_of(text, style, in_literals=given != 0)
    if found is None:
        return None
    if isinstance(given, frozenset):
        missing = sorted(found.names - given)
        if found.count and style in ("qmark", "pyformat"):
            return "the values have names, and the placeholders have none"
        return f"no value is given for the placeholder `{missing[0]}`" if missing else None
    if found.names and style != "qmark":
        return "the text has placeholders with names, and the values have none" if given else None
    # SQLite takes values in order for names, too: one for each.
    count = found.count + len(found.names)
    if count == given:
        return None
    if values.is_text:
        return f"each character of the text that is given for the values counts as one: these are {given}"
    return f"the text has {_number(count, 'placeholder')}, and {_number(given, 'value')} {_verb(given)} given"


def _number(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def _verb(count: int) -> str:
    return "is" if count == 1 else "are"
