"""LDB401: connecting can wait for ever."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import Bound, FileContext, Opening, Report, Rule, RuleMeta
from lintdb.rules.switches import is_on_this_host


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
        for answer in ctx.answers(opening, "connect-timeout"):
            if answer.bound is Bound.ABSENT:
                suggest = answer.setting.suggest
                # On this machine no packet is lost: a connection is refused or made at once.
                is_mild = ctx.is_rehearsal(opening.function) or is_on_this_host(opening, ctx)
                yield Report(
                    node=opening.node,
                    message=f"nothing bounds the time to connect ({opening.driver} {opening.version} waits for ever)",
                    confidence=Confidence.LOW if is_mild else Confidence.HIGH,
                    help=f"bound it: `{suggest}`" if suggest else None,
                    resource_kind=opening.kind.label,
                    acquired_at=opening.node,
                    cause=answer.setting.name,
                )
            elif answer.bound is Bound.PARTIAL:
                suggest = answer.setting.suggest
                yield Report(
                    node=opening.node,
                    message="only the network connection is bounded: a server that never answers is waited for",
                    confidence=Confidence.LOW,
                    help=f"bound it: `{suggest}`" if suggest else None,
                    resource_kind=opening.kind.label,
                    acquired_at=opening.node,
                    cause=answer.setting.name,
                )
