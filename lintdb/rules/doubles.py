"""One defect, one finding: which of several reports speaks where rules have found the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lintdb.finding import Confidence

if TYPE_CHECKING:
    from lintdb.rules.base import Report, Rule

    Reported = tuple[Rule, Report]


def without_superseded(reports: Sequence[Reported], minimum: Confidence) -> list[Reported]:
    """Return the reports that no other one speaks for: one that will be shown, of a rule that supersedes theirs."""
    exact: dict[int, list[Reported]] = {}
    for rule, report in reports:
        if rule.meta.supersedes and report.confidence >= minimum:
            for node in (report.node, *report.about):
                exact.setdefault(id(node), []).append((rule, report))
    return [
        (rule, report)
        for rule, report in reports
        if not any(
            rule.meta.code in better.meta.supersedes and not _differ(report, other)
            for place in _places(report)
            for better, other in exact.get(place, ())
        )
    ]


def find_doubles(reports: Sequence[Reported]) -> Iterator[tuple[Reported, Reported]]:
    """Yield pairs of reports by different rules that have one cause, and a place in common."""
    at: dict[tuple[int, str], list[Reported]] = {}
    for rule, report in reports:
        for place in _places(report):
            known = at.setdefault((place, report.cause or rule.meta.cause or rule.meta.code), [])
            for other in known:
                if other[0] is not rule:
                    yield other, (rule, report)
            known.append((rule, report))


def _places(report: Report) -> set[int]:
    """Return the identities of the nodes that a report is about."""
    return {id(node) for node in (report.node, report.acquired_at, *report.about) if node is not None}


def _differ(report: Report, other: Report) -> bool:
    """Whether two reports say what they are about, and it is not the same."""
    return bool(report.cause and other.cause) and report.cause != other.cause
