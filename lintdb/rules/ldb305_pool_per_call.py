"""LDB305: a pool, an engine or a pooling client is made anew for every call."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Opening, Report, ReportStep, Rule, RuleMeta


class PoolPerCall(Rule):
    """See rules/LDB305.md."""

    meta = RuleMeta(
        code="LDB305",
        name="pool-per-call",
        summary="a pool, engine or pooling client that every call makes anew",
        severity=Severity.ERROR,
        help="make it once for the process, at module level or in a cached function, and share it",
        since="0.1",
        cause="made-again",
        supersedes=("LDB104", "LDB304", "LDB307"),
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        if not opening.kind.is_pool or ctx.is_test:
            return
        evidence = ctx.made_again(opening)
        if evidence is None:
            return
        if opening.kind.family != "pool" and ctx.is_left_open(opening):
            return  # reported as left open
        label = opening.kind.label
        article = "an" if label[:1] in "aeioAEIO" else "a"
        steps = [ReportStep(opening.node, "made here")]
        if evidence.node is not opening.function.node:
            steps.append(ReportStep(evidence.node, evidence.text))
        yield Report(
            node=opening.at(),
            message=f"{article} {label}, with connections of its own, is made {evidence.text}",
            confidence=Confidence.MEDIUM,
            steps=tuple(steps),
            resource_kind=label,
            acquired_at=opening.at(),
        )
