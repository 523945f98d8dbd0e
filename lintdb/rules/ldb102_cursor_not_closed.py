"""LDB102: a cursor is left open on a path without errors."""

from __future__ import annotations

from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from lintdb.rules.lifetimes import LeakRule


class CursorNotClosed(LeakRule):
    """See rules/LDB102.md."""

    family = "cursor"
    on_error = False
    meta = RuleMeta(
        code="LDB102",
        name="cursor-not-closed",
        summary="cursor is not closed on every path",
        severity=Severity.ERROR,
        help="close it in `finally`, or use `with` where the driver's cursor supports it",
        since="0.1",
        cause="release",
    )
