"""LDB306: the limits of a pool contradict each other, or the pool does not take them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Severity
from lintdb.rules.base import FileContext, Opening, Report, Rule, RuleMeta

if TYPE_CHECKING:
    from lintdb.rules.base import Answer


class ContradictoryPoolLimits(Rule):
    """See rules/LDB306.md."""

    meta = RuleMeta(
        code="LDB306",
        name="contradictory-pool-limits",
        summary="limits of a pool that contradict each other",
        severity=Severity.ERROR,
        help="give limits that fit together",
        since="0.1",
        cause="size",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        refused = ctx.refused(opening)
        if refused:
            names = " and ".join(f"`{name}`" for name in refused)
            reason = "is of another class" if opening.kind.is_pool else "class keeps no connections"
            yield _report(opening, f"{names}: this pool {reason} and refuses limits")
            return
        limits = {answer.setting.name: answer for answer in ctx.answers(opening, "min-size", "max-size")}
        if len(limits) < 2:
            return
        low, high = limits["min-size"], limits["max-size"]
        least, most = ctx.number_of(low, opening), ctx.number_of(high, opening)
        if least is not None and most is not None and least > most:
            yield _report(opening, f"{_words(low, least)} is more than {_words(high, most)}")


def _report(opening: Opening, message: str) -> Report:
    return Report(opening.at(), message, resource_kind=opening.kind.label, acquired_at=opening.at())


def _words(answer: Answer, number: float) -> str:
    keyword = next((a.keyword for a in answer.setting.arguments if a.keyword is not None), answer.setting.name)
    name = answer.spelling.partition("=")[0] or keyword
    is_default = answer.node is None and not answer.spelling
    where = f" of {answer.version}" if answer.version else ""
    return f"`{name}={number:g}`" + (f" (the default{where})" if is_default else "")
