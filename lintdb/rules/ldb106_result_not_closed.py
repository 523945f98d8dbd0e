"""LDB106: a result is left open on a path without errors."""

from __future__ import annotations

from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from lintdb.rules.lifetimes import LeakRule


class ResultNotClosed(LeakRule):
    """See rules/LDB106.md."""

    family = "result"
    on_error = False
    meta = RuleMeta(
        code="LDB106",
        name="result-not-closed",
        summary="result, stream or the like is not closed on every path",
        severity=Severity.ERROR,
        help="close it in `finally`, or open it in a `with` block",
        since="0.1",
        core=False,
        cause="release",
    )
