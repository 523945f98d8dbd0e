"""LDB104: a pool or engine is left open on a path without errors."""

from __future__ import annotations

from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from lintdb.rules.lifetimes import LeakRule


class PoolNotClosed(LeakRule):
    """See rules/LDB104.md."""

    family = "pool"
    on_error = False
    meta = RuleMeta(
        code="LDB104",
        name="pool-not-closed",
        summary="pool or engine is not closed on every path",
        severity=Severity.WARNING,
        help="close it in `finally`, or make one for the whole program and close it at shutdown",
        since="0.1",
        cause="release",
    )
