"""LDB605: the placeholders in a query do not fit the library, or the values that go with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.placeholders import has_other_style, placeholders_of, quoted_placeholders, style_of, wrong_percent

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow, QueryText
    from lintdb.syntax.bound import Values

_OWN = {
    "qmark": "?",
    "pyformat": "%s",
    "pyformat_bound": "%s",
    "pyformat_exact": "%s",
    "pyformat_plain": "%s",
    "numeric_dollar": "$1",
}
_PREPARED = frozenset({"pyformat", "pyformat_exact"})
"""Styles of libraries that have cursors for prepared statements beside the usual ones."""
_Told = tuple[str, Confidence]
_SPLIT = "the text that is given for the values counts as its characters, one value each: it stands in no tuple"
_REFUSED = "a {} is given for the values, which the library refuses: it stands in no tuple"


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
            told = next(_messages(query, str(query.pieces[0]), flow, ctx), None)
            if told is not None:
                reported.add(id(query.node))
                yield Report(query.node, *told)


def _messages(query: QueryText, text: str, flow: FunctionFlow, ctx: FileContext) -> Iterator[_Told]:
    """Yield what is wrong with a text and the values that can be seen beside it."""
    from lintdb.syntax.bound import values_of  # loads libcst, which listing rules does not need
    from lintdb.syntax.literals import Evaluator

    style = style_of(query, ctx.program.knowledge)
    if not style or ("prepared" in ctx.text and style in _PREPARED) or ("RawCursor" in ctx.text and "bound" in style):
        return  # such cursors have placeholders of their own
    if style == "pyformat_bound" and "ClientCursor" in ctx.text:
        style = "pyformat"
    evaluator = Evaluator(ctx.program.index, flow.function)
    model = query.call.model
    position = model.sql.position if model.sql is not None and model.sql.position is not None else 0
    is_many = not model.paramstyle
    for values in values_of(query.call.node, position, style, evaluator, names=model.names, is_many=is_many):
        message = _message(text, style.lstrip("*"), values)
        if message is not None:
            yield message, Confidence.MEDIUM
        elif (quoted := _in_quotes(text, style, values)) is not None:
            yield quoted


def _message(text: str, style: str, values: Values) -> str | None:
    given = values.given
    other = has_other_style(text, style, given if isinstance(given, frozenset) else frozenset())
    if other is not None and given:
        return f"`{other}` is no placeholder of this library, which has `{_OWN[style]}`"
    if given and (wrong := wrong_percent(text, style)) is not None:
        around, is_meant = wrong
        if is_meant:
            own = f"{around[: around.index(')') + 1]}s" if ")" in around else "%s"
            return f"`{around}` is no placeholder of this library, which has `{own}` for values of all types"
        return f"the `%` in `{around}` is taken for a placeholder where values are given: for itself it stands as `%%`"
    if values.single:
        found = placeholders_of(text, style)
        is_split = style == "qmark" and values.single == "text"
        told = _SPLIT if is_split else _REFUSED.format(values.single)
        return told if found is not None and found.count + len(found.names) else None
    # Without values the text is sent as it is: what stands in literals means itself.
    found = placeholders_of(text, style, in_literals=given != 0)
    if found is None:
        return None
    if isinstance(given, frozenset):
        missing = sorted(found.names - given)
        if found.count and style != "numeric_dollar":
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


def _in_quotes(text: str, style: str, values: Values) -> _Told | None:
    """Return what is wrong with placeholders that stand in quotes."""
    if not values.given:
        return None
    doubtful: _Told | None = None
    for quoted in quoted_placeholders(text, style):
        if style == "pyformat_bound":
            # Executed: `interval '%s days'` is one day for each value, since `$1 days` is what the server reads.
            said = f"`{quoted.literal}` stays as it is: the value goes to the server apart from the text"
            return f"{said}, and a placeholder in quotes is none", Confidence.MEDIUM
        kind = values.types.get(quoted.value)
        if kind == "text":
            said = f"the quotes in `{quoted.literal}` are one pair too many: the library puts a text in quotes itself"
            return said, Confidence.MEDIUM
        if kind is None and quoted.is_alone and doubtful is None:
            said = f"`{quoted.literal}` stands in quotes, and the library puts a text in quotes itself"
            doubtful = said, Confidence.LOW
    return doubtful


def _number(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def _verb(count: int) -> str:
    return "is" if count == 1 else "are"
