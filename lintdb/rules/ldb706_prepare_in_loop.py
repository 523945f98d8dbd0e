"""LDB706: the same statement is prepared in each round of a loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.places import is_test

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow, KnownCall


class PrepareInLoop(Rule):
    """See rules/LDB706.md."""

    meta = RuleMeta(
        code="LDB706",
        name="prepare-in-loop",
        summary="the same statement prepared in each round of a loop",
        severity=Severity.WARNING,
        help="prepare it once, before the loop",
        since="0.1",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        for call in flow.calls:
            if call.model.prepares and _is_same_each_round(call, flow, ctx):
                yield Report(
                    node=call.node,
                    message=f"`{ctx.source_of(call.node, 60)}` prepares the same statement in each round",
                    confidence=Confidence.LOW if is_test(flow.function, ctx.path) else Confidence.HIGH,
                )


def _is_same_each_round(call: KnownCall, flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether a loop around the call changes neither the text nor the connection."""
    from lintdb.syntax.ancestry import Ancestry, names_bound, names_read  # loads libcst
    from lintdb.syntax.literals import Evaluator

    if not call.node.args:
        return False
    loop = next(Ancestry(flow.function.node).loops(call.node), None)
    text = call.node.args[0].value
    if loop is None or not isinstance(Evaluator(ctx.program.index, flow.function).value(text), str):
        return False
    return not names_bound(loop) & (names_read(text) | names_read(call.node.func))
