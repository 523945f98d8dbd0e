"""LDB702: a call whose value alone tells what has failed, and nobody looks at the value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.places import is_test

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow


class IgnoredPartialErrors(Rule):
    """See rules/LDB702.md."""

    meta = RuleMeta(
        code="LDB702",
        name="ignored-partial-errors",
        summary="a result that alone tells what has failed is thrown away",
        severity=Severity.WARNING,
        help="look at the result, or let the call raise",
        since="0.1",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        for call in flow.calls:
            if call.model.hides_errors and call.is_dropped:
                yield Report(
                    node=call.node,
                    message=f"`{ctx.source_of(call.node.func, 50)}()` tells only by its value what has failed, and "
                    "nothing looks at it",
                    confidence=Confidence.LOW if is_test(flow.function, ctx.path) else Confidence.HIGH,
                )
