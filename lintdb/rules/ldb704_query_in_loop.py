"""LDB704: a loop over the rows of a query runs another query for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.effects import Event
from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.lifetimes import called
from lintdb.rules.places import is_migration, is_test
from lintdb.rules.query_holes import asks_for_rows

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.results import FunctionFlow, KnownCall


class QueryInLoop(Rule):
    """See rules/LDB704.md."""

    meta = RuleMeta(
        code="LDB704",
        name="query-in-loop",
        summary="a query for each row of another one",
        severity=Severity.INFO,
        help="let one query give all of it: a join, `IN (…)`, `= ANY(…)`; in an ORM, load related rows with them",
        since="0.1",
        default=False,
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        if not flow.row_loops:
            return
        runs_once = is_test(flow.function, ctx.path) or is_migration(ctx.path)
        confidence = Confidence.LOW if runs_once else Confidence.MEDIUM
        reported: set[int] = set()
        for node, query in _queries(flow, ctx):
            rows = _rows_around(node, flow)
            if rows is not None and id(rows) not in reported:
                reported.add(id(rows))  # one loop is one defect, however many queries are in it
                yield Report(
                    node=node,
                    message=f"{called(node, ctx)} runs a query for each element of `{ctx.source_of(rows, 40)}`",
                    confidence=confidence,
                    steps=(ReportStep(rows, "for each of these"), ReportStep(query, "a query runs")),
                )


def _queries(flow: FunctionFlow, ctx: FileContext) -> Iterator[tuple[cst.Call, cst.CSTNode]]:
    """Yield the calls that run a query, themselves or in a function of this module, each with the call that does."""
    for call in flow.calls:
        if _asks(call, flow, ctx):
            yield call.node, call.node
    known = {id(call.node) for call in flow.calls}
    for node in flow.function.calls:
        callee = ctx.repetition.fates.callee(node, flow.function) if id(node) not in known else None
        inner = next((each for each in ctx.flows if callee is not None and each.function is callee), None)
        if inner is None or Event.WRITE in inner.events.values():
            continue  # what looks for something and makes it where it is not there has to do so one by one
        asking = next((call for call in inner.calls if _asks(call, inner, ctx)), None)
        if asking is not None:
            yield node, asking.node


def _asks(call: KnownCall, flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether a call sends a query for rows, and is not one that only fetches what a query has found."""
    if flow.events.get(id(call.node)) is not Event.READ:
        return False
    if call.model.sql is None:
        kind = ctx.program.knowledge.kind(call.receiver) if call.receiver is not None else None
        return kind is not None and kind.family not in ("cursor", "result")
    return all(asks_for_rows(text.pieces) for text in flow.query_texts if text.node is call.node)


def _rows_around(node: cst.Call, flow: FunctionFlow) -> cst.CSTNode | None:
    """Return what a loop around a call goes through, if those are rows and the call is about the one at hand."""
    from lintdb.syntax.ancestry import Ancestry, is_left_early, iterated, names_bound, names_given  # loads libcst

    given = names_given(node)
    for loop in Ancestry(flow.function.node).loops(node):
        rows = next((each for each in iterated(loop) if id(each) in flow.row_loops), None)
        if rows is not None and given & names_bound(loop) and not is_left_early(loop):
            return rows
    return None
