"""LDB308: each round of a loop opens a connection to the same database and closes it again."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Opening, Report, ReportStep, Rule, RuleMeta


class ConnectionPerIteration(Rule):
    """See rules/LDB308.md."""

    meta = RuleMeta(
        code="LDB308",
        name="connection-per-iteration",
        summary="a fresh connection in each round of a loop",
        severity=Severity.WARNING,
        help="open one connection before the loop, or take one from a pool",
        since="0.1",
        cause="made-again",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        # Without a network opening is cheap; a pool is LDB305; what stays open is reported as that.
        is_remote = any(True for _ in opening.settings("connect-timeout"))
        if opening.kind.family != "connection" or opening.kind.is_pool or not is_remote or ctx.is_test:
            return
        evidence = ctx.repetition.of_opening_in_loop(opening.node, opening.kind, opening.function)
        if evidence is None or ctx.is_left_open(opening, evidence.made_by):
            return
        yield Report(
            node=evidence.made_by or opening.at(),
            message=f"a fresh {opening.kind.label} is opened {evidence.text}",
            confidence=Confidence.MEDIUM,
            steps=(ReportStep(opening.node, "opened here"), ReportStep(evidence.node, evidence.text)),
            resource_kind=opening.kind.label,
            acquired_at=opening.at(),
        )
