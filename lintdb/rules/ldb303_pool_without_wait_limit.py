"""LDB303: callers of an exhausted pool wait for ever."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Severity
from lintdb.rules.base import Bound, FileContext, Opening, Report, Rule, RuleMeta


class PoolWithoutWaitLimit(Rule):
    """See rules/LDB303.md."""

    meta = RuleMeta(
        code="LDB303",
        name="pool-without-wait-limit",
        summary="an exhausted pool that makes its callers wait for ever",
        severity=Severity.WARNING,
        help="bound the time that a caller waits for a connection",
        since="0.1",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        if not opening.kind.is_pool or ctx.is_test:
            return
        if opening.kind.family != "pool" and ctx.is_for_one_thread(opening):
            return  # a client, of which one function has need of one connection
        for answer in ctx.answers(opening, "checkout-timeout"):
            if answer.bound is not Bound.ABSENT:
                continue
            suggest = answer.setting.suggest
            yield Report(
                node=opening.at(),
                message=f"when all connections of the {opening.kind.label} are in use, its callers wait for ever"
                f"{ctx.said_of_version(answer)}",
                help=f"bound the wait: `{suggest}`" if suggest else None,
                resource_kind=opening.kind.label,
                acquired_at=opening.at(),
                cause="query-timeout" if _is_part_of_the_query_limit(opening, ctx) else answer.setting.name,
            )


def _is_part_of_the_query_limit(opening: Opening, ctx: FileContext) -> bool:
    """Whether nothing bounds the queries either, and the limit that does would bound the wait as well."""
    waits = {argument.keyword for setting in opening.settings("checkout-timeout") for argument in setting.arguments}
    return any(
        answer.bound is Bound.ABSENT and any(argument.keyword in waits for argument in answer.setting.arguments)
        for answer in ctx.answers(opening, "query-timeout")
    )
