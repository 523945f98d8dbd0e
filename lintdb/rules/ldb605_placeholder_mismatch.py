"""LDB605: the placeholders in a query do not fit the library, or the values that go with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.placeholders import (
    NO_MORE_NAMES,
    cast_names,
    has_names,
    has_other_style,
    is_for_rows,
    keeps_values,
    mixed_marks,
    placeholders_of,
    quoted_placeholders,
    style_of,
    wrong_percent,
)
from lintdb.rules.places import is_meant_to_raise

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.results import FunctionFlow, QueryText
    from lintdb.syntax.bound import Values
    from lintdb.syntax.literals import Evaluator

_OWN = {
    "qmark": "?",
    "qmark_exact": "?",
    "any": "?",
    "prepared": "?",
    "pyformat": "%s",
    "pyformat_sequence": "%s",
    "pyformat_any": "%s",
    "pyformat_bound": "%s",
    "pyformat_exact": "%s",
    "pyformat_names": "%(name)s",
    "pyformat_plain": "%s",
    "pyformat_set": "%s",
    "format_set": "%s",
    "numeric_dollar": "$1",
    "named": ":name",
    "named_sequence": ":name",
    "keywords": ":name",
}
_KEPT = frozenset({"named", "named_sequence"})
"""Libraries that keep values of an earlier call, or take them before it."""
_SPLIT = "the text that is given for the values counts as its characters, one value each: it stands in no tuple"
_REFUSED = "a {} is given for the values, which the library refuses: it stands in no tuple"
_IN_TUPLE = "give the values in a tuple, also if there is only one: `(value,)`"


class _Told(NamedTuple):
    """What is wrong with a text and its values; `help` where there is a better one than the rule's."""

    message: str
    confidence: Confidence
    help: str | None = None


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
            around = ctx.repetition.fates.ancestry(flow.function)
            if told is not None and not is_meant_to_raise(around.ancestors(query.node)):
                reported.add(id(query.node))
                yield Report(query.node, told.message, told.confidence, help=told.help)


def _messages(query: QueryText, text: str, flow: FunctionFlow, ctx: FileContext) -> Iterator[_Told]:
    """Yield what is wrong with a text and the values that can be seen beside it."""
    from lintdb.syntax.bound import values_of  # loads libcst, which listing rules does not need
    from lintdb.syntax.literals import Evaluator

    style = style_of(query, ctx.program.knowledge)
    if not style or ("bound" in style and has_names(ctx, "RawCursor", "AsyncRawCursor")):
        return  # such cursors have placeholders of their own
    if style == "pyformat_bound" and has_names(ctx, "ClientCursor", "AsyncClientCursor"):
        style = "pyformat"
    if style in _KEPT and keeps_values(query, flow):
        return
    evaluator = Evaluator(ctx.program.index, flow.function)
    model = query.call.model
    position = model.sql.position if model.sql is not None and model.sql.position is not None else 0
    is_many = is_for_rows(query, ctx.program.knowledge)
    if style == "named_text" and not _is_statement(query.call.node, position, flow, evaluator, ctx):
        return
    # What only callers tell may be another library's for others, with placeholders of its own.
    is_passed = any(ctx.program.kind_passed(each, flow.function) is not None for each in flow.function.params)
    for values in values_of(query.call.node, position, style, evaluator, names=model.names, is_many=is_many):
        message = _message(text, style.lstrip("*"), values)
        if is_passed and _message_of_text(text, style.lstrip("*"), values) is not None:
            continue
        if message is not None:
            yield _Told(message, Confidence.MEDIUM, _help(text, style, values))
        elif (quoted := _in_quotes(text, style, values)) is not None:
            yield quoted


def _message(text: str, style: str, values: Values) -> str | None:
    if not values.given:
        return None if style == "prepared" else _message_of_count(text, style, values)  # it is prepared, and not run
    if style == "pyformat_names" and not isinstance(values.given, frozenset) and not values.single:
        return None  # rows, which the text has no placeholders for
    return _message_of_text(text, style, values) or _message_of_count(text, style, values)


def _message_of_text(text: str, style: str, values: Values) -> str | None:
    """Say what is wrong with a text that goes with some values, however many they are."""
    given = values.given
    if style == "any" and (mixed := mixed_marks(text)):
        return f"the text has {' and '.join(f'`{mark}`' for mark in mixed)}, which this library does not take together"
    other = has_other_style(text, style, given if isinstance(given, frozenset) else frozenset())
    if other is not None:
        return f"`{other}` is no placeholder of this library, which has `{_OWN[style]}`"
    if (wrong := wrong_percent(text, style)) is not None:
        around, is_meant = wrong
        if is_meant:
            own = f"{around[: around.index(')') + 1]}s" if ")" in around else "%s"
            return f"`{around}` is no placeholder of this library, which has `{own}` for values of all types"
        return f"the `%` in `{around}` is taken for a placeholder where values are given: for itself it stands as `%%`"
    return None


def _message_of_count(text: str, style: str, values: Values) -> str | None:
    from lintdb.syntax.bound import SPLITS  # loads libcst, which listing rules does not need

    given = values.given
    # Without values the text is sent as it is: what stands in literals means itself.
    found = placeholders_of(text, style, in_literals=given != 0)
    if found is None:
        return None
    if values.single:
        told = _SPLIT if style in SPLITS and values.single == "text" else _REFUSED.format(values.single)
        return told if found.count + len(found.names) else None
    if isinstance(given, frozenset):
        if style == "named_text" and (cast := cast_names(text, given)):
            return f"`:{cast[0]}` stands right before `::`, where it is no parameter: it goes to the server as it is"
        if found.count and style != "numeric_dollar":
            return "the values have names, and the placeholders have none"
        return _message_of_names(found.names, given, style)
    if found.in_order is None:
        if given:
            return "the text has placeholders with names, and the values have none"
        is_sent = "pyformat" not in style and found.names
        return f"no value is given for the placeholder `{min(found.names)}`" if is_sent else None
    count = found.in_order
    if count == given:
        return None
    if values.is_text:
        return f"each character of the text that is given for the values counts as one: these are {given}"
    message = f"the text has {_number(count, 'placeholder')}, and {_number(given, 'value')} {_verb(given)} given"
    if values.packed and values.packed == count:
        message += f", which holds {count}: the library takes each as an argument of its own"
    return message


def _is_statement(node: cst.Call, position: int, flow: FunctionFlow, evaluator: Evaluator, ctx: FileContext) -> bool:
    """Whether the text stands in a call that makes a statement of it, and is given nothing else.

    `DDL()`, whose argument has another name, takes no parameters: `:new` of a trigger is what the server is sent.
    """
    given = node.args[position].value if len(node.args) > position else None
    made = evaluator.resolved(given) if given is not None else None
    function, arguments = getattr(made, "func", None), getattr(made, "args", ())
    dotted = ctx.program.index.dotted(function, flow.function) if function is not None else None
    models = ctx.program.knowledge.function(dotted) if dotted is not None else ()
    return len(arguments) == 1 and any(
        model.unwraps is not None and model.unwraps.keyword == "text" for model in models
    )


def _help(text: str, style: str, values: Values) -> str | None:
    """Return the cure for values that are written in a wrong way, None where they may be right."""
    if values.single or values.is_text:
        return _IN_TUPLE
    if style == "named_text" and isinstance(values.given, frozenset) and cast_names(text, values.given):
        return "write `CAST(:name AS type)`"
    return "give the values one by one, behind the text" if values.packed and style == "*numeric_dollar" else None


def _message_of_names(wanted: frozenset[str], given: frozenset[str], style: str) -> str | None:
    if style in _KEPT:
        given = frozenset(name.upper().removeprefix(":") for name in given)  # what is quoted is not told apart
    missing, left = sorted(wanted - given), sorted(given - wanted)
    if missing:
        return f"no value is given for the placeholder `{missing[0]}`"
    if left and style in NO_MORE_NAMES:
        return f"the text has no placeholder for the value of `{left[0]}`, which the library refuses"
    return None


def _in_quotes(text: str, style: str, values: Values) -> _Told | None:
    """Return what is wrong with placeholders that stand in quotes."""
    if not values.given:
        return None
    doubtful: _Told | None = None
    for quoted in quoted_placeholders(text, style):
        if style == "pyformat_bound":
            # Executed: `interval '%s days'` is one day for each value, since `$1 days` is what the server reads.
            said = f"`{quoted.literal}` stays as it is: the value goes to the server apart from the text"
            message = f"{said}, and a placeholder in quotes is none"
            return _Told(message, Confidence.MEDIUM, "make the whole text the value, or calculate with it in SQL")
        kind = values.types.get(quoted.value)
        if kind == "text":
            said = f"the quotes in `{quoted.literal}` are one pair too many: the library puts a text in quotes itself"
            return _Told(said, Confidence.MEDIUM, "leave the quotes out")
        if kind is None and quoted.is_alone and doubtful is None:
            said = f"`{quoted.literal}` stands in quotes, and the library puts a text in quotes itself"
            doubtful = _Told(said, Confidence.LOW, "leave the quotes out")
    return doubtful


def _number(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def _verb(count: int) -> str:
    return "is" if count == 1 else "are"
