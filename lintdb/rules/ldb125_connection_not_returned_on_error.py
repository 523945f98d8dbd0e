"""LDB125: a pooled connection is left checked out when something raises."""

from __future__ import annotations

from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from lintdb.rules.lifetimes import LeakRule


class ConnectionNotReturnedOnError(LeakRule):
    """See rules/LDB125.md."""

    family = "checkout"
    on_error = True
    meta = RuleMeta(
        code="LDB125",
        name="connection-not-returned-on-error",
        summary="connection taken from a pool is not returned when something raises",
        severity=Severity.WARNING,
        help="give it back in `finally`, or take it in a `with` block",
        since="0.1",
        cause="release",
    )
