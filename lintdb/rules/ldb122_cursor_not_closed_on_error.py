"""LDB122: a cursor is left open when something raises."""

from __future__ import annotations

from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from lintdb.rules.lifetimes import LeakRule


class CursorNotClosedOnError(LeakRule):
    """See rules/LDB122.md."""

    family = "cursor"
    on_error = True
    meta = RuleMeta(
        code="LDB122",
        name="cursor-not-closed-on-error",
        summary="cursor is not closed when something raises",
        severity=Severity.WARNING,
        help="close it in `finally`, or use `with` where the driver's cursor supports it",
        since="0.1",
        cause="release",
    )
