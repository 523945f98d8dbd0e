"""LDB123: a session is left open when something raises."""

from __future__ import annotations

from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from lintdb.rules.lifetimes import LeakRule


class SessionNotClosedOnError(LeakRule):
    """See rules/LDB123.md."""

    family = "session"
    on_error = True
    meta = RuleMeta(
        code="LDB123",
        name="session-not-closed-on-error",
        summary="session is not closed when something raises",
        severity=Severity.WARNING,
        help="open it in a `with` block, or close it in `finally`",
        since="0.1",
        cause="release",
    )
