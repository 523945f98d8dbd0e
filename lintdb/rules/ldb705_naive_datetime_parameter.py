"""LDB705: the time of a clock is sent without its time zone, so that the library or the server has to guess."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.places import is_test

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.results import FunctionFlow, KnownCall
    from lintdb.syntax.moments import Moment

_READS_LOCAL = {
    "session": "the server takes it for the time zone of its session",
    "utc": "the library takes it for UTC",
    "as-is": "what is stored is the local time of one machine",
}
_READS_UTC = {
    "session": "the server takes it for the time zone of its session",
    "local": "the library takes it for local time",
}


class NaiveDatetimeParameter(Rule):
    """See rules/LDB705.md."""

    meta = RuleMeta(
        code="LDB705",
        name="naive-datetime-parameter",
        summary="a time without its time zone is sent as a parameter",
        severity=Severity.WARNING,
        help="take the time with its zone: `datetime.now(timezone.utc)`",
        since="0.1",
        default=False,
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        from lintdb.syntax.moments import Moments  # loads libcst, which listing rules does not need

        moments = Moments(ctx.program.index, flow.function)
        seen: set[int] = set()
        for call in flow.calls:
            for value in _sent(call):
                for moment in moments.inside(value):
                    guess = _guess(moment, ctx.program.knowledge.naive_time(call.model.driver))
                    if guess is not None and id(moment.node) not in seen:
                        seen.add(id(moment.node))
                        yield _report(moment, guess, call, flow, ctx)


def _report(moment: Moment, guess: str, call: KnownCall, flow: FunctionFlow, ctx: FileContext) -> Report:
    return Report(
        node=moment.node,
        message=f"`{ctx.source_of(moment.node, 40)}` has no time zone: {guess}",
        confidence=Confidence.LOW if is_test(flow.function, ctx.path) else Confidence.MEDIUM,
        steps=(ReportStep(moment.node, "taken here"), ReportStep(call.node, "sent here")),
    )


def _sent(call: KnownCall) -> Iterator[cst.CSTNode]:
    """Yield the arguments of a call that go to the server as values."""
    model = call.model
    if model.sql is None and model.event is None:
        return
    position = 0
    for argument in call.node.args:
        keyword = argument.keyword.value if argument.keyword is not None else None
        is_text = model.sql is not None and (
            (keyword is not None and keyword == model.sql.keyword)
            or (keyword is None and position == model.sql.position)
        )
        if not is_text:
            yield argument.value
        position += keyword is None


def _guess(moment: Moment, reading: str) -> str | None:
    """Say what is made of a time without a zone; None where that is what was meant, or is not known."""
    return (_READS_UTC if moment.is_utc else _READS_LOCAL).get(reading)
