"""LDB205: a path leaves a transaction that the function began, or a mode that it changed, as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.lifetimes import caught_in, last_turn, steps_of

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow, UnfinishedUnit


class UnfinishedTransaction(Rule):
    """See rules/LDB205.md."""

    meta = RuleMeta(
        code="LDB205",
        name="unfinished-transaction",
        summary="a transaction that some path neither commits nor rolls back",
        severity=Severity.ERROR,
        help="use the driver's transaction block, or roll back in a handler and raise again",
        since="0.1",
        core=False,
        cause="transaction",
        supersedes=("LDB201", "LDB103", "LDB123"),
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        for unit in flow.unfinished:
            name = f"`{unit.name}`" if unit.name else f"the {unit.kind.label}"
            cause = last_turn(unit.path, ctx, on_error=unit.on_error) or "on some path"
            if unit.is_mode:
                message = f"the mode of {name} that is set here is not set back {cause}"
                end, cure = f"leaves with {name} in the other mode", "set the mode back in `finally`"
            else:
                message = f"the transaction on {name} that begins here is neither committed nor rolled back {cause}"
                end, cure = f"leaves with the transaction on {name} open", None
            yield Report(
                node=unit.node,
                message=message,
                confidence=_confidence(unit, flow, ctx),
                steps=steps_of(unit.path, None, "", end),
                help=cure,
                resource_kind=unit.kind.label,
                resource_name=unit.name,
                about=caught_in(unit.path, unit.node),
            )


def _confidence(unit: UnfinishedUnit, flow: FunctionFlow, ctx: FileContext) -> Confidence:
    """Return how sure it is that the mode matters afterwards: where a process cannot start, it does not."""
    is_start = unit.is_mode and unit.on_error and ctx.repetition.is_named_for_start(flow.function)
    return Confidence.LOW if is_start else unit.confidence
