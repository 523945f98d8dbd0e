"""LDB501: a blocking driver call inside `async def` stops the event loop while it waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow


class BlockingDriverInAsync(Rule):
    """See rules/LDB501.md."""

    meta = RuleMeta(
        code="LDB501",
        name="blocking-driver-in-async",
        summary="a blocking driver call inside `async def`",
        severity=Severity.ERROR,
        help="use the driver's asyncio twin, or run the call in `asyncio.to_thread(...)`",
        since="0.1",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        if not flow.function.is_async:
            return
        for call in flow.calls:
            if call.model.blocking:
                yield Report(
                    node=call.node,
                    message=f"`{ctx.source_of(call.node.func, 50)}()` blocks the event loop",
                    confidence=Confidence.HIGH,
                    resource_kind=call.receiver,
                )
