"""LDB204: work that an error has cut short is committed, in `finally` or in a handler that has not rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.lifetimes import caught_in, steps_of
from lintdb.rules.places import is_test

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow


class CommitOnErrorPath(Rule):
    """See rules/LDB204.md."""

    meta = RuleMeta(
        code="LDB204",
        name="commit-on-error-path",
        summary="a commit that runs after an error makes half a unit of work permanent",
        severity=Severity.WARNING,
        help="commit at the end of the `try` body or in `else`, and roll back where an error is handled",
        since="0.1",
        cause="transaction",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        for found in flow.error_commits:
            name = f"`{found.name}`" if found.name else f"the {found.kind.label}"
            call = f"`{ctx.source_of(found.node, 40)}`"
            if found.is_of_block:
                message = f"{call} runs after an error of the block, too, and makes its work so far permanent"
            elif found.in_finally:
                message = f"{call} in `finally` runs after an error, too, and makes the work so far permanent"
            else:
                message = f"{call} in a handler commits what the error has cut short: {name} was not rolled back"
            yield Report(
                node=found.node,
                message=message,
                # An error fails a test, and what is left of its work is nobody's.
                confidence=Confidence.LOW if is_test(flow.function, ctx.path) else found.confidence,
                steps=(
                    ReportStep(found.work, "the block that it ends" if found.is_of_block else "written here"),
                    *steps_of(found.path, None, "", "the work so far is committed"),
                ),
                resource_kind=found.kind.label,
                resource_name=found.name,
                about=caught_in(found.path, found.work),
            )
