"""LDB310: a second connection is taken from a pool while one of the same pool is held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.places import is_work_of_workers, runs_for_somebody

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow


class NestedCheckout(Rule):
    """See rules/LDB310.md."""

    meta = RuleMeta(
        code="LDB310",
        name="nested-checkout",
        summary="a second connection of the same pool while one is held",
        severity=Severity.WARNING,
        help="use the connection that is already there, or give it back first",
        since="0.1",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        if ctx.is_test or flow.function.is_module:  # which runs once, for nobody
            return
        told: set[int] = set()
        for overlap in flow.overlaps:
            if id(overlap.held) in told:
                continue  # the cause is the same: what is held while others are taken
            is_session = overlap.kind.family == "session" and overlap.kind.is_lazy
            if is_session or overlap.kind.family == "checkout":
                told.add(id(overlap.held))
                source = ctx.source_of(overlap.node, 50)
                message = f"`{source}` takes a second connection from the pool"
                steps = [ReportStep(overlap.held, "taken here"), ReportStep(overlap.node, "and another one here")]
                if overlap.inner is not None:
                    message += f" (it calls `{ctx.source_of(overlap.inner, 40)}`)"
                    steps[1:] = [
                        ReportStep(overlap.node, "called here"),
                        ReportStep(overlap.inner, "takes another one"),
                    ]
                is_of_one = is_session and runs_for_somebody(flow.function, ctx.path)
                is_of_one = is_of_one or is_work_of_workers(flow.function, has_sessions=is_session)
                yield Report(
                    node=overlap.node,
                    message=f"{message} while one is held: if all its users do so at once, they wait for each other",
                    confidence=Confidence.LOW if is_of_one else Confidence.MEDIUM,
                    steps=tuple(steps),
                    resource_kind=overlap.kind.label,
                    acquired_at=overlap.held,
                )
