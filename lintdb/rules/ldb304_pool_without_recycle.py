"""LDB304: nothing bounds the age or the idle time of a pool's connections."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Severity
from lintdb.rules.base import FileContext, Opening, Report, Rule, RuleMeta
from lintdb.rules.freshness import missing_setting, stale_report


class PoolWithoutRecycle(Rule):
    """See rules/LDB304.md."""

    meta = RuleMeta(
        code="LDB304",
        name="pool-without-recycle",
        summary="a pool whose connections may grow old without end",
        severity=Severity.INFO,
        help="bound the age of connections below the time after which the server or a proxy cuts them",
        since="0.1",
        default=False,
        cause="stale",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        missing = missing_setting(opening, ctx, "recycle")
        if missing is not None:
            message = f"nothing bounds the age of the {opening.kind.label}'s connections: the server may have cut them"
            yield stale_report(opening, message + ctx.said_of_version(missing))
