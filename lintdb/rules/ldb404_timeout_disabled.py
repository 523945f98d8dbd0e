"""LDB404: a time limit is switched off."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Severity
from lintdb.rules.base import Bound, FileContext, Opening, Report, Rule, RuleMeta

_WHAT = {
    "connect-timeout": "connecting", "query-timeout": "a query", "checkout-timeout": "taking a connection",
    "lock-timeout": "waiting for a lock",
}  # fmt: skip


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
            if answer.bound is Bound.DISABLED:
                value = f"={ctx.source_of(answer.node)}" if answer.node is not None else ""
                yield Report(
                    node=opening.node,
                    message=f"`{answer.spelling}{value}` lets {_WHAT[answer.setting.name]} wait for ever",
                    resource_kind=opening.kind.label,
                    acquired_at=opening.node,
                )
                return
