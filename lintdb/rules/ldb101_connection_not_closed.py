"""LDB101: a connection is left open on a path without errors."""

from __future__ import annotations

from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from lintdb.rules.lifetimes import LeakRule


class ConnectionNotClosed(LeakRule):
    """See rules/LDB101.md."""

    family = "connection"
    on_error = False
    meta = RuleMeta(
        code="LDB101",
        name="connection-not-closed",
        summary="connection is not closed on every path",
        severity=Severity.ERROR,
        help="close it in `finally`, or open it in `with contextlib.closing(...)`",
        since="0.1",
        cause="release",
    )
