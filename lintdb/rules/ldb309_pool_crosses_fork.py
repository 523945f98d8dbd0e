"""LDB309: connections that are made when the module is imported are used in processes that are forked off later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.effects import Duty
from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Opening, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.forking import is_used_before, names_of, uses
from lintdb.rules.places import is_test

if TYPE_CHECKING:
    from lintdb.flow.processes import Start
    from lintdb.flow.results import KnownCall

_LOOKED_AFTER = re.compile(
    r"\bdispose\(|register_at_fork|worker_process_init|worker_init|post_fork|after_fork|postfork|\bspawn\b|\bforkserver\b|"
    r"getpid\(\)"
)
"""Signs that somebody has thought of it: connections are dropped in the child, or the child shares no memory."""


class PoolCrossesFork(Rule):
    """See rules/LDB309.md."""

    meta = RuleMeta(
        code="LDB309",
        name="pool-crosses-fork",
        summary="connections that are shared with forked processes",
        severity=Severity.WARNING,
        help="make it in the child, or drop the connections that the child has inherited when it starts",
        since="0.1",
        default=False,
        cause="at-import",
        supersedes=("LDB505",),
    )

    def check_file(self, ctx: FileContext) -> Iterator[Report]:
        openings = [opening for opening in ctx.openings if _is_shared_by_fork(opening)]
        if not openings or _LOOKED_AFTER.search(ctx.text):
            return
        from lintdb.flow.processes import Processes  # loads libcst, which listing rules does not need

        processes = Processes(ctx.repetition.fates)
        for opening in openings if processes.starts else ():
            names = names_of(opening, ctx)
            for start in processes.starts if names else ():
                used = next(uses(processes.reached(start.function), names, ctx), None)
                # What connects with its first use has no connection yet when the child begins.
                if used is not None and (not opening.kind.is_lazy or is_used_before(start, names, processes, ctx)):
                    yield _report(opening, start, used, ctx)
                    break


def _report(opening: Opening, start: Start, used: KnownCall, ctx: FileContext) -> Report:
    label = opening.kind.label
    return Report(
        node=opening.at(),
        message=f"the processes that `{start.function.name}()` runs in share the connections of this {label}",
        confidence=Confidence.LOW if is_test(opening.function, ctx.path) else Confidence.MEDIUM,
        steps=(
            ReportStep(opening.node, "made when the module is imported"),
            ReportStep(start.node, "runs in other processes"),
            ReportStep(used.node, "used there"),
        ),
        resource_kind=label,
        acquired_at=opening.at(),
    )


def _is_shared_by_fork(opening: Opening) -> bool:
    """Whether an opening call makes, at import, what a forked process must not go on with."""
    kind = opening.kind
    is_held = kind.is_pool or (kind.family in ("connection", "session", "checkout") and not kind.is_lazy)
    return opening.function.is_module and is_held and not kind.survives_fork and kind.duty is not Duty.NONE
