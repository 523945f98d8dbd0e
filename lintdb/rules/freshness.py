"""What LDB304 and LDB307 share: whether a pool may hand out a connection that the other side has given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintdb.rules.base import Bound, Report

if TYPE_CHECKING:
    from lintdb.rules.base import Answer, FileContext, Opening

_MISSING = (Bound.ABSENT, Bound.DISABLED)


def missing_setting(opening: Opening, ctx: FileContext, name: str) -> Answer | None:
    """Return the answer for the setting of that name if a pool lacks it, and no other keeps stale connections away.

    A check before use and a bound on the age are two cures of one defect: either is enough.
    """
    if not opening.kind.is_pool or ctx.is_test or ctx.is_local(opening) or not ctx.is_long_lived(opening):
        return None
    if ctx.may_be_local(opening):
        return None
    answers = {answer.setting.name: answer for answer in ctx.answers(opening, "recycle", "health-check")}
    if name not in answers or any(answer.bound not in _MISSING for answer in answers.values()):
        return None
    return answers[name]


def stale_report(opening: Opening, message: str) -> Report:
    """Return the report for a pool that keeps stale connections; its help names every cure of the library."""
    cures = [s.suggest for s in opening.settings("health-check", "recycle") if s.suggest]
    return Report(
        node=opening.at(),
        message=message,
        help=f"give it {' or '.join(f'`{cure}`' for cure in dict.fromkeys(cures))}" if cures else None,
        resource_kind=opening.kind.label,
        acquired_at=opening.at(),
    )
