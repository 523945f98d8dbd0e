"""LDB505: importing the module connects."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Opening, Report, Rule, RuleMeta
from lintdb.rules.places import is_script, is_test


class ConnectionAtImport(Rule):
    """See rules/LDB505.md."""

    meta = RuleMeta(
        code="LDB505",
        name="connection-at-import",
        summary="a connection that is opened when its module is imported",
        severity=Severity.WARNING,
        help="open it where the program starts, or with its first use",
        since="0.1",
        default=False,
        cause="at-import",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        kind = opening.kind
        if opening.is_configured or not opening.function.is_module:
            return
        if kind.is_lazy or kind.in_memory or kind.family not in ("connection", "checkout", "session"):
            return
        if _is_program(ctx) or is_script(opening.function, opening.node):
            return
        yield Report(
            node=opening.at(),
            message=f"importing the module opens a {kind.label}",
            confidence=Confidence.LOW if is_test(opening.function, ctx.path) else Confidence.MEDIUM,
            resource_kind=kind.label,
            acquired_at=opening.at(),
        )


def _is_program(ctx: FileContext) -> bool:
    """Whether the file is no module: it defines nothing that somebody could import."""
    return ctx.text.startswith("#!") or not (ctx.program.index.functions or ctx.program.index.classes)
