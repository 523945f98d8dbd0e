"""LDB501: a blocking driver call inside `async def` stops the event loop while it waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.places import is_migration, is_test, is_test_file

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.results import FunctionFlow, KnownCall


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
        # Whose results are awaited is the asyncio twin, whatever annotations say.
        calls = [call for call in flow.calls if call.model.blocking]
        twins = {call.root for call in calls if ctx.is_awaited(call.node, flow.function)}
        calls = [call for call in calls if call.root not in twins]
        if not (calls or flow.readings or flow.blocking_helpers):
            return
        from lintdb.syntax.ancestry import is_done_once  # loads libcst, which listing rules does not need

        confidence = _confidence(flow, ctx)
        around = ctx.repetition.fates.ancestry(flow.function)
        blocking = {id(call.node) for call in calls}
        queried = {call.root for call in calls if not _is_fetch(call)}
        for call in calls:
            if _is_fetch(call) and call.root in queried:
                continue  # the query that it reads from is reported
            if not _continues(call.node, blocking):
                message = f"`{ctx.source_of(call.node.func, 50)}()` blocks the event loop"
                is_once = is_done_once(call.node, around)
                yield Report(
                    call.node,
                    message,
                    Confidence.LOW if is_once else confidence(call.node),
                    resource_kind=call.receiver,
                )
        for node in flow.readings:
            yield Report(node, f"iterating `{ctx.source_of(node, 50)}` blocks the event loop", confidence(node))
        for node, inner in flow.blocking_helpers:
            message = f"`{ctx.source_of(node, 50)}` blocks the event loop: it calls `{ctx.source_of(inner.node, 40)}`"
            steps = (ReportStep(node, "called here"), ReportStep(inner.node, "blocks here"))
            is_rare = inner.is_rare or is_done_once(node, around)
            yield Report(node, message, Confidence.LOW if is_rare else confidence(node), steps)


def _confidence(flow: FunctionFlow, ctx: FileContext) -> Callable[[cst.CSTNode], Confidence]:
    """Return what tells how sure it is that others wait while a call blocks."""
    from lintdb.flow.loops import has_loop_to_itself, stands_beside, stands_without_threads  # loads libcst, as rarely

    if is_test(flow.function, ctx.path) or is_migration(ctx.path) or _runs_at_startup(flow, ctx):
        return lambda _: Confidence.LOW
    if not has_loop_to_itself(flow.function, is_test_file):
        return lambda node: Confidence.LOW if stands_without_threads(node, flow.function) else Confidence.HIGH
    return lambda node: Confidence.HIGH if stands_beside(node, flow.function) else Confidence.LOW


def _is_fetch(call: KnownCall) -> bool:
    return call.method.startswith("fetch")


def _continues(node: cst.Call, blocking: set[int]) -> bool:
    """Whether a call is chained to another that is reported: `connect(path).execute(sql)` blocks in one place."""
    inner = node.func
    while True:
        if id(inner) in blocking:
            return True
        following = getattr(inner, "value", None) or getattr(inner, "func", None)
        if following is None or isinstance(following, str):
            return False
        inner = following


def _runs_at_startup(flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether a function runs before requests are served, as it is registered or called, or is a server's life."""
    from lintdb.flow.lifelong import runs_at_start  # loads libcst, as rarely

    if ctx.program.frameworks.is_start_up(flow.function):
        return True
    for decorator in flow.function.decorators:
        target = getattr(decorator, "func", decorator)
        name = getattr(getattr(target, "attr", target), "value", "")
        if name in ("on_event", "on_startup", "before_serving", "before_first_request", "listener"):
            return True
    return runs_at_start(flow.function, is_test_file)
