"""LDB113: a resource is released twice where that is an error, or given back to an owner it did not come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Severity
from lintdb.rules.afterlife import report_misuse, shown
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.lifetimes import verb_of

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow


class DoubleRelease(Rule):
    """See rules/LDB113.md."""

    meta = RuleMeta(
        code="LDB113",
        name="double-release",
        summary="something is released twice, or given back to the wrong pool",
        severity=Severity.WARNING,
        help="release it in one place: in `finally`, or by a `with` block",
        since="0.1",
        cause="use-after-release",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        for misuse in flow.misuses:
            name = shown(misuse)
            if misuse.what == "foreign":
                call = ctx.source_of(misuse.node, 50)
                yield report_misuse(
                    misuse, f"`{call}` gives {name} to another pool than it came from", "given back here"
                )
            elif misuse.what == "release" and misuse.owner is None:
                again = f"{name} is {verb_of(misuse.kind)} a second time"
                yield report_misuse(misuse, again, "released again here")
