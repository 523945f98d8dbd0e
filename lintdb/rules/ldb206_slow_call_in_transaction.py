"""LDB206: a transaction stays open while the program waits for a clock, a person, a program or another service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.lifetimes import called
from lintdb.rules.places import is_test

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow


class SlowCallInTransaction(Rule):
    """See rules/LDB206.md."""

    meta = RuleMeta(
        code="LDB206",
        name="slow-call-in-transaction",
        summary="a transaction stays open while something else is waited for",
        severity=Severity.WARNING,
        help="wait before the transaction begins, or after it has ended",
        since="0.1",
        default=False,
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        confidence = Confidence.LOW if is_test(flow.function, ctx.path) else Confidence.MEDIUM
        for wait in flow.waits:
            inner = "" if wait.inner is wait.node else f" (it calls {called(wait.inner, ctx)})"
            name = f" on `{wait.name}`" if wait.name else ""
            yield Report(
                node=wait.node,
                message=f"{called(wait.node, ctx)} waits while the transaction{name} is open{inner}",
                confidence=confidence,
                steps=(
                    ReportStep(wait.since, "the transaction is open from here on"),
                    ReportStep(wait.inner, "waits, and the transaction with it"),
                ),
                resource_kind=wait.kind.label,
                resource_name=wait.name,
            )
