"""LDB401: connecting can wait for ever."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import Answer, Bound, FileContext, Opening, Report, Rule, RuleMeta
from lintdb.rules.places import is_migration, is_script, is_watched
from lintdb.rules.switches import is_on_this_host, is_rehearsal


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
            if answer.bound not in (Bound.ABSENT, Bound.PARTIAL):
                continue
            suggest = answer.setting.suggest
            yield Report(
                node=opening.at(),
                message=_message(answer, opening),
                confidence=_confidence(answer, opening, ctx),
                help=f"bound it: `{suggest}`" if suggest else None,
                resource_kind=opening.kind.label,
                acquired_at=opening.at(),
                cause=answer.setting.name,
            )


def _message(answer: Answer, opening: Opening) -> str:
    if answer.bound is Bound.ABSENT:
        return f"nothing bounds the time to connect ({opening.driver} {opening.version} waits for ever)"
    return "only the network connection is bounded: a server that never answers is waited for"


def _confidence(answer: Answer, opening: Opening, ctx: FileContext) -> Confidence:
    # On this machine no packet is lost: a connection is refused or made at once. Who has started a program can end it.
    is_once = is_watched(opening.function) or is_script(opening.function, opening.node) or is_migration(ctx.path)
    if is_rehearsal(opening, ctx) or is_on_this_host(opening, ctx) or is_once:
        return Confidence.LOW
    if answer.bound is Bound.ABSENT:
        return answer.surest
    # Half a bound that somebody chose is better than the half that the driver brings along.
    return Confidence.LOW if answer.is_given else Confidence.MEDIUM
