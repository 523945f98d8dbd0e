"""LDB407: a SQLite database is opened so that a lock of another connection is an error at once."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import Bound, FileContext, Opening, Report, Rule, RuleMeta


class BusyTimeoutOff(Rule):
    """See rules/LDB407.md."""

    meta = RuleMeta(
        code="LDB407",
        name="busy-timeout-off",
        summary="a lock on the database file that is not waited for",
        severity=Severity.WARNING,
        help="give writers a few seconds to finish",
        since="0.1",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        from lintdb.syntax.locked import expects_lock  # loads libcst, which listing rules does not need

        if ctx.is_test:
            return
        for answer in ctx.answers(opening, "lock-timeout"):
            if answer.bound is not Bound.IMMEDIATE or expects_lock(opening.node, opening.function):
                continue
            if answer.node is not None:
                reason = f"with `{ctx.words_of(answer, opening)}`"
            else:
                reason = f"by default of {answer.version or opening.driver}"
            suggest = answer.setting.suggest
            yield Report(
                node=opening.at(answer.node),
                message=f"{reason} the lock of another connection is an error at once",
                confidence=answer.surest if answer.node is not None else Confidence.MEDIUM,
                help=f"wait for it: `{suggest}`" if suggest else None,
                resource_kind=opening.kind.label,
                acquired_at=opening.at(),
                cause=answer.setting.name,
            )
