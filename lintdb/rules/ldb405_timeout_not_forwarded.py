"""LDB405: a function or class takes a time limit and does not pass it to the call that it is meant for."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta


class TimeoutNotForwarded(Rule):
    """See rules/LDB405.md."""

    meta = RuleMeta(
        code="LDB405",
        name="timeout-not-forwarded",
        summary="a time limit that never reaches the call it is meant for",
        severity=Severity.WARNING,
        help="pass it on",
        since="0.1",
        supersedes=("LDB401", "LDB402", "LDB403"),
    )

    def check_file(self, ctx: FileContext) -> Iterator[Report]:
        from lintdb.rules.forwarding import find_unforwarded  # loads libcst, which listing rules does not need

        for found in {id(found.node): found for found in find_unforwarded(ctx)}.values():
            yield Report(
                node=found.node,
                message=f"{found.words} never reaches `{ctx.source_of(getattr(found.node, 'func', found.node), 40)}()`",
                confidence=found.confidence,
                steps=(ReportStep(found.given_at, "given here"), ReportStep(found.node, "not used here")),
                help=f"pass it on: `{found.suggest}`" if found.suggest else None,
                acquired_at=found.node,
                cause=found.setting,
            )
