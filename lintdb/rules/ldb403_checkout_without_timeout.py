"""LDB403: taking a connection from a pool can wait for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import Bound, FileContext, Report, Rule, RuleMeta
from lintdb.rules.sharing import takes_connection

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow, KnownCall


class CheckoutWithoutTimeout(Rule):
    """See rules/LDB403.md."""

    meta = RuleMeta(
        code="LDB403",
        name="checkout-without-timeout",
        summary="taking a connection from a pool without a limit on the wait",
        severity=Severity.WARNING,
        help="bound the time that is waited for a connection",
        since="0.1",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        if ctx.is_test:
            return
        seen: set[object] = set()
        for call in flow.calls:
            if call.root in seen or not _is_shared(call) or not takes_connection(call, ctx):
                continue
            answer = ctx.answer_of_call(call, flow.function, "checkout-timeout")
            if answer is None or answer.bound is not Bound.ABSENT:
                continue
            seen.add(call.root)
            source = ctx.source_of(call.node, 50)
            yield Report(
                node=call.node,
                message=f"`{source}` waits for ever if all connections are in use{ctx.said_of_version(answer)}",
                confidence=Confidence.LOW if _is_drained(call, flow, ctx) else Confidence.MEDIUM,
                help=f"bound the wait: `{answer.setting.suggest}`" if answer.setting.suggest else None,
                acquired_at=call.node,
                cause=answer.setting.name,
            )


def _is_shared(call: KnownCall) -> bool:
    """Whether others take from the pool, too: it was not made in this very function."""
    if not isinstance(call.root, tuple):
        return False
    is_of_object = call.root[0] == "named" and "." in str(call.root[1])
    return is_of_object or call.root[0] in ("self", "global", "param", "field")


def _is_drained(call: KnownCall, flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether a method that stops its object waits for what it then closes: that is what stopping means."""
    import libcst as cst  # listing rules does not need it

    is_release = ctx.program.classes.is_release
    if not is_release(flow.function.name):
        return False
    outer = list(ctx.repetition.fates.ancestry(flow.function).ancestors(call.node))
    bound = next((each for each in outer if isinstance(each, (cst.Assign, cst.NamedExpr))), None)
    targets = bound.targets if isinstance(bound, cst.Assign) else [bound] if bound is not None else []
    names = {each.target.value for each in targets if isinstance(each.target, cst.Name)}
    for node in flow.function.nodes:
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and is_release(node.func.attr.value):
            base = node.func.value
            if base in outer or base is call.node or (isinstance(base, cst.Name) and base.value in names):
                return True
    return False
