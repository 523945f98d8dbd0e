"""LDB103: a session is left open on a path without errors."""

from __future__ import annotations

from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from lintdb.rules.lifetimes import LeakRule


class SessionNotClosed(LeakRule):
    """See rules/LDB103.md."""

    family = "session"
    on_error = False
    meta = RuleMeta(
        code="LDB103",
        name="session-not-closed",
        summary="session is not closed on every path",
        severity=Severity.ERROR,
        help="open it in a `with` block, or close it in `finally`",
        since="0.1",
        cause="release",
    )
