"""LDB406: a limit is longer than the one that contains it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Severity
from lintdb.rules.base import FileContext, Opening, Report, Rule, RuleMeta

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow

_NAMES = ("checkout-timeout", "query-timeout", "wait-timeout", "connect-timeout")


class TimeoutsOutOfOrder(Rule):
    """See rules/LDB406.md."""

    meta = RuleMeta(
        code="LDB406",
        name="timeouts-out-of-order",
        summary="a time limit that is longer than the one around it",
        severity=Severity.WARNING,
        help="make the inner limit the shorter one: it is there to fail first, and to say why",
        since="0.1",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        for order in opening.kind.orders:
            inner = ctx.seconds_of(order.inner, opening)
            outer = ctx.seconds_of(order.outer, opening)
            if inner is not None and outer is not None and inner[0] > outer[0]:
                yield Report(
                    node=opening.at(),
                    message=f"`{inner[1]}` is longer than `{outer[1]}`, which ends first",
                    resource_kind=opening.kind.label,
                    acquired_at=opening.at(),
                )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        for call in flow.calls:
            wait = ctx.seconds_within(call, flow.function) if call.model.settings else None
            if wait is not None and wait[0] > wait[1]:
                source = ctx.source_of(call.node, 50)
                message = f"`{source}` waits longer than `{wait[2]}` of its client allows, which ends it with an error"
                yield Report(call.node, message, acquired_at=call.node)
                continue
            for name in _NAMES:
                found = ctx.seconds_around(call, flow.function, name)
                if found is not None and found[0] > found[1]:
                    source = ctx.source_of(call.node, 50)
                    message = f"the limit of `{source}`, {found[0]:g} s, is longer than the {found[1]:g} s around it"
                    yield Report(call.node, message, acquired_at=call.node)
                    break
