"""LDB404: a time limit is switched off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import Answer, Bound, FileContext, Opening, Report, Rule, RuleMeta
from lintdb.rules.sharing import takes_connection

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.results import FunctionFlow
    from lintdb.syntax.names import FunctionInfo

_WHAT = {
    "connect-timeout": "connecting", "query-timeout": "a query", "checkout-timeout": "taking a connection",
    "lock-timeout": "waiting for a lock",
}  # fmt: skip
_MATTER = r"time-?\s?outs?\b|_timeout\b|\bwait|\bblock|\blimit|\bfor\s?ever\b|\bindefinite|\bunbounded\b|\bhang"


class TimeoutDisabled(Rule):
    """See rules/LDB404.md."""

    meta = RuleMeta(
        code="LDB404",
        name="timeout-disabled",
        summary="a time limit that is switched off",
        severity=Severity.ERROR,
        help="give a real limit: this value means for ever",
        since="0.1",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        for answer in ctx.answers(opening, *_WHAT):
            if answer.bound is Bound.DISABLED and not _never_matters(answer, opening, ctx):
                yield Report(
                    node=opening.at(answer.node),
                    message=f"`{ctx.words_of(answer, opening)}` lets {_WHAT[answer.setting.name]} wait for ever",
                    confidence=min(
                        _confidence(opening.at(answer.node), opening.function, ctx), answer.surest, _choice(answer)
                    ),
                    resource_kind=opening.kind.label,
                    acquired_at=opening.at(),
                    cause=answer.setting.name,
                )
                return

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        opened = {id(opening.node) for opening in ctx.openings}
        for call in flow.calls:
            # A queue that is made by hand may hold anything.
            is_of_others = call.model.driver == "stdlib" and not takes_connection(call, ctx)
            if id(call.node) in opened or is_of_others:
                continue
            for name, what in _WHAT.items():
                answer = ctx.answer_of_call(call, flow.function, name)
                if answer is not None and answer.bound is Bound.DISABLED and answer.node is not None:
                    value = f"{answer.spelling}={ctx.source_of(answer.node)}" if answer.spelling else "this"
                    message = f"`{value}` lets {what} wait for ever"
                    confidence = min(_confidence(call.node, flow.function, ctx), answer.surest)
                    yield Report(call.node, message, confidence, acquired_at=call.node, cause=name)
                    break


def _never_matters(answer: Answer, opening: Opening, ctx: FileContext) -> bool:
    """Whether nobody ever waits: a pool without a limit always has another connection."""
    is_wait = answer.setting.name == "checkout-timeout"
    return is_wait and any(each.bound in (Bound.ABSENT, Bound.DISABLED) for each in ctx.answers(opening, "max-size"))


def _choice(answer: Answer) -> Confidence:
    """Where there is nothing between an error at once and waiting for ever, to wait may be the better choice."""
    is_all = answer.setting.default == "immediate" and True in answer.setting.unlimited and not answer.setting.suggest
    return Confidence.LOW if is_all else Confidence.HIGH


def _confidence(node: cst.CSTNode, function: FunctionInfo, ctx: FileContext) -> Confidence:
    """Who says why there is no limit has thought about it."""
    is_meant = ctx.is_rehearsal(function) or ctx.is_explained(node, function, _MATTER)
    return Confidence.LOW if is_meant else Confidence.HIGH
