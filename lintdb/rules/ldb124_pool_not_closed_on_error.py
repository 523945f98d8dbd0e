"""LDB124: a pool or engine is left open when something raises."""

from __future__ import annotations

from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from lintdb.rules.lifetimes import LeakRule


class PoolNotClosedOnError(LeakRule):
    """See rules/LDB124.md."""

    family = "pool"
    on_error = True
    meta = RuleMeta(
        code="LDB124",
        name="pool-not-closed-on-error",
        summary="pool or engine is not closed when something raises",
        severity=Severity.WARNING,
        help="close it in `finally`, or make one for the whole program and close it at shutdown",
        since="0.1",
        cause="release",
    )
