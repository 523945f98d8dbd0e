"""LDB402: nothing bounds the queries of a connection, pool or client."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import Bound, FileContext, Opening, Report, Rule, RuleMeta
from lintdb.rules.places import is_migration, is_program, is_script, prints_before
from lintdb.rules.switches import is_rehearsal


class QueryWithoutTimeout(Rule):
    """See rules/LDB402.md."""

    meta = RuleMeta(
        code="LDB402",
        name="query-without-timeout",
        summary="queries that can run for ever",
        severity=Severity.WARNING,
        help="bound the time of a query, on the server where the driver allows it",
        since="0.1",
        supersedes=("LDB303",),
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        if id(opening.node) in ctx.handed_on:
            return
        for answer in ctx.answers(opening, "query-timeout"):
            if answer.bound is Bound.ABSENT:
                suggest = answer.setting.suggest
                yield Report(
                    node=opening.at(),
                    message=f"nothing bounds the queries of this {opening.kind.label}{ctx.said_of_version(answer)}",
                    confidence=Confidence.LOW if _is_watched(opening, ctx) else Confidence.MEDIUM,
                    help=f"bound them: `{suggest}`" if suggest else None,
                    resource_kind=opening.kind.label,
                    acquired_at=opening.at(),
                    cause=answer.setting.name,
                )


def _is_watched(opening: Opening, ctx: FileContext) -> bool:
    """Whether somebody waits who can break it off: at a test, a migration, or a program that runs once or prints."""
    function = opening.function
    is_once = is_program(function) or is_script(function, opening.node) or is_migration(ctx.path)
    return is_rehearsal(opening, ctx) or is_once or prints_before(function, opening.node)
