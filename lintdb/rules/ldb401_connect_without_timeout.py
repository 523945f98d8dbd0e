"""LDB401: connecting can wait for ever."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Severity
from lintdb.rules.base import FileContext, Opening, Report, Rule, RuleMeta
from lintdb.rules.settings import Bound, answers


class ConnectWithoutTimeout(Rule):
    """See rules/LDB401.md."""

    meta = RuleMeta(
        code="LDB401",
        name="connect-without-timeout",
        summary="connecting that can wait for ever",
        severity=Severity.WARNING,
        help="bound the time to connect",
        since="0.1",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        for answer in answers(opening, ctx, "connect-timeout"):
            if answer.bound is Bound.ABSENT:
                suggest = answer.setting.suggest
                yield Report(
                    node=opening.node,
                    message=f"nothing bounds the time to connect ({opening.driver} {opening.version} waits for ever)",
                    help=f"bound it: `{suggest}`" if suggest else None,
                    resource_kind=opening.kind.label,
                    acquired_at=opening.node,
                )
