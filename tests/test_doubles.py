"""One defect is one finding: no two rules report the same cause at the same place, whatever is selected.

All rules run over all fixtures. Which reports have one cause is said by the rules themselves (`RuleMeta.cause`), and
which of two speaks by `RuleMeta.supersedes`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from lintdb import gate
from lintdb.drivers.catalog import load_models
from lintdb.engine import find_reports, open_program
from lintdb.finding import Confidence, FileProblem
from lintdb.rules.base import Report, Rule
from lintdb.rules.doubles import find_doubles, without_superseded
from lintdb.rules.lifetimes import LEAK_CODES
from lintdb.rules.registry import all_metas
from tests import harness

FIXTURES = [path for folder in ("rules", "patterns", "projects", "programs") for path in harness.iter_fixtures(folder)]
CODES = frozenset(meta.code for meta in all_metas())
RELATIONS = [(meta.code, code) for meta in all_metas() for code in meta.supersedes]


@functools.cache
def reports_of(path: Path) -> list[tuple[Rule, Report]]:
    """Return all that the rules find in a fixture at the usual confidence, doubles included."""
    text = path.read_text(encoding="utf-8")
    shown = str(path.relative_to(harness.FIXTURES))
    source, projects = harness.place(shown, text)
    options = harness.options_of(shown, CODES, harness.parse_directive(text), Confidence.MEDIUM)
    versions, own = options.target_versions, options.own_models
    program = open_program(source, versions, projects, own)
    if isinstance(program, FileProblem):
        return []
    found = find_reports(source, program, load_models(gate.mentioned(text, own), versions, own), options)
    return [(rule, report) for rule, report in found if report.confidence >= Confidence.MEDIUM]


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: str(path.relative_to(harness.FIXTURES)))
def test_no_doubles(path: Path) -> None:
    doubles = {
        f"{first.meta.code} {report.message}\n    {second.meta.code} {other.message}"
        for (first, report), (second, other) in find_doubles(without_superseded(reports_of(path), Confidence.MEDIUM))
    }
    assert not doubles, "one cause, two findings:\n  " + "\n  ".join(sorted(doubles))


def test_without_relations_there_would_be_doubles() -> None:
    """What is looked for is there to be found: in programs and in files of projects, too."""
    folders = {
        path.relative_to(harness.FIXTURES).parts[0]
        for path in FIXTURES
        if any(True for _ in find_doubles(reports_of(path)))
    }
    assert folders >= {"rules", "patterns", "programs", "projects"}


def test_every_relation_is_needed() -> None:
    """Of the rules for the families of resources, which come together, one is enough."""
    shown = {pair for path in FIXTURES for pair in _superseded(reports_of(path))}
    shown |= {(better, leak) for better, code in shown if code in LEAK_CODES for leak in LEAK_CODES}
    missing = [f"{better} over {code}" for better, code in RELATIONS if (better, code) not in shown]
    assert not missing, f"no fixture shows what is declared: {', '.join(missing)}"


def test_relations_are_between_rules_and_have_an_end() -> None:
    assert {code for pair in RELATIONS for code in pair} <= CODES
    assert not [pair for pair in RELATIONS if pair[::-1] in RELATIONS]


def _superseded(reports: list[tuple[Rule, Report]]) -> Iterator[tuple[str, str]]:
    """Yield which rule speaks for which, one pair of reports at a time."""
    for rule, report in reports:
        for better, other in reports:
            if (
                rule.meta.code in better.meta.supersedes
                and len(without_superseded([(rule, report), (better, other)], Confidence.MEDIUM)) < 2
            ):
                yield better.meta.code, rule.meta.code
