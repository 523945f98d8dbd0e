"""LDB703: a handler of requests brings a whole table into memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.places import is_test

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow


class UnboundedFetch(Rule):
    """See rules/LDB703.md."""

    meta = RuleMeta(
        code="LDB703",
        name="unbounded-fetch",
        summary="a handler that brings a whole table into memory",
        severity=Severity.INFO,
        help="give the query a LIMIT and hand out the rows in pages, or read them one by one",
        since="0.1",
        default=False,
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        evidence = ctx.repetition.of_request(flow.function) if flow.read_whole else None
        if evidence is None:
            return
        for node in flow.read_whole:
            yield Report(
                node=node,
                message=f"`{ctx.source_of(node, 50)}` brings all rows into memory {evidence.text}",
                confidence=Confidence.LOW if is_test(flow.function, ctx.path) else Confidence.MEDIUM,
                steps=(ReportStep(evidence.node, evidence.text), ReportStep(node, "all rows are read here")),
            )
