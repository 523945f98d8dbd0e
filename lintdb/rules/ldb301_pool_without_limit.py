"""LDB301: a pool is made without an upper bound, and the library's default is none."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import Bound, FileContext, Opening, Report, Rule, RuleMeta
from lintdb.rules.places import runs_for_somebody


class PoolWithoutLimit(Rule):
    """See rules/LDB301.md."""

    meta = RuleMeta(
        code="LDB301",
        name="pool-without-limit",
        summary="a pool without an upper bound",
        severity=Severity.WARNING,
        help="give the pool a limit that the server can take from all processes together",
        since="0.1",
        cause="size",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        if opening.kind.family != "pool" and ctx.is_for_one_thread(opening):
            return  # a client, whose pool nobody has asked for
        for answer in ctx.answers(opening, "max-size"):
            if answer.bound is Bound.ABSENT:
                yield Report(
                    node=opening.at(),
                    # Who runs a test or a command does not ask for many connections at once.
                    confidence=Confidence.LOW if runs_for_somebody(opening.function, ctx.path) else Confidence.HIGH,
                    message=f"the {opening.kind.label} has no upper bound in {opening.driver} {opening.version}",
                    help=f"set a limit: `{answer.setting.suggest}`" if answer.setting.suggest else None,
                    resource_kind=opening.kind.label,
                    acquired_at=opening.at(),
                )
