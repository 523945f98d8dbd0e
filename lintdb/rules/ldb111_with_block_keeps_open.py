"""LDB111: a `with` block on a connection ends the transaction, not the connection, and nothing else releases it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.lifetimes import cure_of, is_left_by_block, report_leak
from lintdb.rules.places import is_test_file

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow


class WithBlockKeepsOpen(Rule):
    """See rules/LDB111.md."""

    meta = RuleMeta(
        code="LDB111",
        name="with-block-keeps-open",
        summary="a `with` block that does not release what it is given",
        severity=Severity.ERROR,
        help="close it, too: `with contextlib.closing(...) as conn, conn:` ends the transaction as before",
        since="0.1",
        cause="release",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        for leak in flow.leaks:
            if not is_left_by_block(leak, flow, ctx) or leak.is_covered:
                continue
            name = f"`{leak.name}`" if leak.name else f"the {leak.kind.label}"
            if leak.kind.family == "checkout":
                message = f"the `with` block does not give {name} back to its pool"
            else:
                message = f"the `with` block ends the transaction but does not close {name}"
            if leak.kind.block_is_of_version:
                message += f" ({ctx.program.knowledge.version_of(leak.kind.driver)})"
            help_text = cure_of(leak, ctx) or "give it back in `finally`" if leak.kind.family == "checkout" else None
            if leak.kind.family != "checkout" and (leak.kind.block_is_of_version or leak.kind.is_released_by_coroutine):
                help_text = "release it in `finally` after the block"
            report = report_leak(leak, flow, ctx, message)
            if leak.kind.is_silent and is_test_file(ctx.path):
                report = replace(report, confidence=Confidence.LOW)  # closed at once when the test drops it
            yield replace(report, help=help_text)
