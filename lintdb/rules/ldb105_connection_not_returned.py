"""LDB105: a pooled connection is left checked out on a path without errors."""

from __future__ import annotations

from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from lintdb.rules.lifetimes import LeakRule


class ConnectionNotReturned(LeakRule):
    """See rules/LDB105.md."""

    family = "checkout"
    on_error = False
    meta = RuleMeta(
        code="LDB105",
        name="connection-not-returned",
        summary="connection taken from a pool is not returned on every path",
        severity=Severity.ERROR,
        help="give it back in `finally`, or take it in a `with` block",
        since="0.1",
        cause="release",
    )
