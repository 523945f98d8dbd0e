"""LDB121: a connection is left open when something raises."""

from __future__ import annotations

from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from lintdb.rules.lifetimes import LeakRule


class ConnectionNotClosedOnError(LeakRule):
    """See rules/LDB121.md."""

    family = "connection"
    on_error = True
    meta = RuleMeta(
        code="LDB121",
        name="connection-not-closed-on-error",
        summary="connection is not closed when something raises",
        severity=Severity.WARNING,
        help="close it in `finally`, or open it in `with contextlib.closing(...)`",
        since="0.1",
        cause="release",
    )
