"""LDB307: a pool hands out connections without a check that they still work."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Severity
from lintdb.rules.base import FileContext, Opening, Report, Rule, RuleMeta
from lintdb.rules.freshness import missing_setting, stale_report


class PoolWithoutHealthCheck(Rule):
    """See rules/LDB307.md."""

    meta = RuleMeta(
        code="LDB307",
        name="pool-without-health-check",
        summary="a pool that hands out connections unchecked",
        severity=Severity.INFO,
        help="let the pool check a connection before it is used, or bound the age of its connections",
        since="0.1",
        default=False,
        cause="stale",
        supersedes=("LDB304",),
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        missing = missing_setting(opening, ctx, "health-check")
        if missing is not None:
            message = f"the {opening.kind.label} neither checks nor renews connections that the server may have cut"
            yield stale_report(opening, message + ctx.said_of_version(missing))
