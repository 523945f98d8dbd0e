"""LDB302: a pool's upper bound is switched off."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Severity
from lintdb.rules.base import Bound, FileContext, Opening, Report, Rule, RuleMeta


class UnlimitedPool(Rule):
    """See rules/LDB302.md."""

    meta = RuleMeta(
        code="LDB302",
        name="unlimited-pool",
        summary="a pool whose limit is switched off",
        severity=Severity.ERROR,
        help="give a real limit: the value that looks like none at all means as many as anyone asks for",
        since="0.1",
        cause="size",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        for answer in ctx.answers(opening, "max-size", "overflow"):
            if answer.bound is Bound.DISABLED:
                yield Report(
                    node=opening.at(answer.node),
                    message=f"`{ctx.words_of(answer, opening)}` makes the {opening.kind.label} unlimited",
                    confidence=answer.surest,
                    resource_kind=opening.kind.label,
                    acquired_at=opening.at(),
                )
                return
