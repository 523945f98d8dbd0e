"""LDB126: a result is left open when something raises."""

from __future__ import annotations

from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from lintdb.rules.lifetimes import LeakRule


class ResultNotClosedOnError(LeakRule):
    """See rules/LDB126.md."""

    family = "result"
    on_error = True
    meta = RuleMeta(
        code="LDB126",
        name="result-not-closed-on-error",
        summary="result, stream or the like is not closed when something raises",
        severity=Severity.WARNING,
        help="close it in `finally`, or open it in a `with` block",
        since="0.1",
        cause="release",
    )
