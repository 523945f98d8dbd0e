"""LDB114: a releasing method is named as a statement, without the parentheses that would call it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.lifetimes import LEAK_CODES

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow

_METHODS = frozenset({"close", "aclose", "closeall", "putconn", "release", "dispose", "disconnect", "wait_closed"})
_RECEIVERS = frozenset({
    "conn", "connection", "con", "cnx", "cxn", "cur", "curs", "cursor", "session", "db", "database", "dbh", "pool",
    "engine", "client", "redis", "mongo",
})  # fmt: skip


class ReleaseNotCalled(Rule):
    """See rules/LDB114.md."""

    meta = RuleMeta(
        code="LDB114",
        name="release-not-called",
        summary="a releasing method is named, but not called",
        severity=Severity.ERROR,
        help="add the parentheses",
        since="0.1",
        cause="release",
        supersedes=(*LEAK_CODES, "LDB111", "LDB116"),
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        for bare in flow.uncalled:
            source = ctx.source_of(bare.node, 60)
            is_known = bare.kind is not None or bare.name is not None
            if not is_known and not _is_named_like_one(source, bare.method):
                continue
            yield Report(
                node=bare.node,
                message=f"`{source}` names the method and does not call it: nothing is released",
                confidence=Confidence.HIGH if is_known else Confidence.LOW,
                resource_kind=bare.kind.label if bare.kind is not None else None,
                resource_name=bare.name,
                acquired_at=bare.acquired_at,
            )


def _is_named_like_one(source: str, method: str) -> bool:
    """Whether the name of a receiver of which nothing else is known says that it is a connection or the like."""
    receiver = source.removeprefix("await ").removesuffix(f".{method}").rpartition(".")[2].lower().strip("_")
    return method in _METHODS and (receiver in _RECEIVERS or receiver.rpartition("_")[2] in _RECEIVERS)
