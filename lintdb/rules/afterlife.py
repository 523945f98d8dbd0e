"""What the rules about released resources share: how a misuse is put into words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintdb.rules.base import Report, ReportStep
from lintdb.rules.lifetimes import steps_of

if TYPE_CHECKING:
    from lintdb.flow.results import Misuse


def report_misuse(misuse: Misuse, message: str, end: str) -> Report:
    """Return the report of a misuse, with the release and the path from there as its witness."""
    released = misuse.released_at
    steps: tuple[ReportStep, ...] = ()
    if released is not None:
        first = ReportStep(released, "released here")
        after = [number for number, step in enumerate(misuse.path) if step.what == "release" and step.node is released]
        rest = misuse.path[after[-1] + 1 :] if after else ()
        steps = (first, *steps_of(rest, None, "", "")[:-1], ReportStep(misuse.node, end))
    return Report(
        node=misuse.node,
        message=message,
        confidence=misuse.confidence,
        steps=steps,
        resource_kind=misuse.kind.label,
        resource_name=misuse.name,
        acquired_at=None,
    )


def shown(misuse: Misuse) -> str:
    """Return how a message names the resource."""
    return f"`{misuse.name}`" if misuse.name else f"the {misuse.kind.label}"
