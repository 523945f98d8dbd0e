"""LDB504: a coroutine of an async driver is made and never awaited, so it never runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.lifetimes import LEAK_CODES

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.results import FunctionFlow
    from lintdb.syntax.links import Links
    from lintdb.syntax.names import FunctionInfo


class CoroutineNotAwaited(Rule):
    """See rules/LDB504.md."""

    meta = RuleMeta(
        code="LDB504",
        name="coroutine-not-awaited",
        summary="a coroutine of a driver that is never awaited",
        severity=Severity.ERROR,
        help="await it",
        since="0.1",
        cause="release",
        supersedes=(*LEAK_CODES, "LDB111", "LDB116"),
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        for lost in flow.unawaited:
            message = f"`{ctx.source_of(lost.node, 50)}` is not awaited: it never runs"
            if lost.used is not None:
                use = _used(lost.used, ctx)
                what = "neither awaited nor entered" if lost.kind is not None else "not awaited"
                message = f"`{ctx.source_of(lost.node, 50)}` is {what}: `{use}()` fails"
            elif lost.is_entered:
                message = f"`{ctx.source_of(lost.node, 50)}` is not awaited: a block on a coroutine fails"
            elif lost.started:
                rest = "nobody waits for what it starts, nor hears of its errors"
                message = f"`{ctx.source_of(lost.node, 50)}` is not awaited: {rest}"
            yield Report(
                node=lost.node,
                message=message,
                confidence=Confidence.LOW if _never_runs(flow, ctx) else Confidence.HIGH,
                resource_kind=lost.kind.label if lost.kind is not None else None,
                about=lost.started,
            )


def _never_runs(flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether the file cannot be imported, or a test fails where it patches what is gone: to await is no cure.

    Nor is it in what is there for tests, and used by none that can be imported.
    """
    from lintdb.flow.patches import patched_names  # loads libcst, which listing rules does not need

    links, path = flow.function.index.links, flow.function.index.name.path
    if links is None or not path:
        return False
    if links.is_broken(path):
        return True
    patched = patched_names(flow.function, flow.function.index) if ctx.is_test else ()
    return any(links.lacks(name, flow.function.index) for name in patched) or (
        ctx.is_test and _is_for_broken(flow.function, links)
    )


def _is_for_broken(function: FunctionInfo, links: Links) -> bool:
    """Whether files that cannot be imported mention a function, and no other does; its own name is not a test's."""
    from lintdb.flow.users import Target, Use, find_uses  # as above

    if function.decorators or function.owner is not None or function.name.startswith("test"):
        return False
    uses = list(find_uses(Target.of(function), function, lambda _: False))
    return bool(uses) and all(isinstance(use, Use) and links.is_broken(use.path) for use in uses)


def _used(node: cst.CSTNode, ctx: FileContext) -> str:
    """Return the method that is called on a coroutine, with the variable that holds that, if one does."""
    source = ctx.source_of(node, 200)
    name = source.partition("(")[0]
    method = getattr(getattr(getattr(node, "func", None), "attr", None), "value", "")
    return name if name.endswith(f".{method}") and source.count("(") == 1 else f".{method}"
