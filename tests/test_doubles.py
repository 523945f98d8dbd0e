"""Which of two rules speaks where both see one cause is declared by the rules, and each declaration is needed.

That nothing is told twice is a test of every fixture (`test_fixtures.py`). Which reports have one cause is said by the
rules themselves (`RuleMeta.cause`), and which of two speaks by `RuleMeta.supersedes`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from lintdb.finding import Confidence
from lintdb.rules.base import Report, Rule
from lintdb.rules.doubles import find_doubles, without_superseded
from lintdb.rules.lifetimes import LEAK_CODES
from lintdb.rules.registry import all_metas
from tests import harness

FOLDERS = ("rules", "patterns", "projects", "programs")
CODES = frozenset(meta.code for meta in all_metas())
RELATIONS = [(meta.code, code) for meta in all_metas() for code in meta.supersedes]


def test_without_relations_there_would_be_doubles() -> None:
    """What is looked for is there to be found: in programs and in files of projects, too."""
    superseding = {better for better, _ in RELATIONS}
    for folder in FOLDERS:
        paths = [path for path in harness.iter_fixtures(folder) if _marks(path) & superseding]
        assert any(any(True for _ in find_doubles(harness.reports_of(path))) for path in paths), folder


def test_every_relation_is_needed() -> None:
    """Of the rules for the families of resources, which come together, one is enough."""
    assert not [f"{better} over {code}: no fixture shows it" for better, code in RELATIONS if not _shown(better, code)]


def test_relations_are_between_rules_and_have_an_end() -> None:
    assert {code for pair in RELATIONS for code in pair} <= CODES
    assert not [pair for pair in RELATIONS if pair[::-1] in RELATIONS]


def _shown(better: str, code: str) -> bool:
    """Whether some fixture, that of the rule itself first, has a place of which a rule speaks for another."""
    codes = frozenset(LEAK_CODES if code in LEAK_CODES else [code])
    paths = (path for folder in FOLDERS for path in harness.iter_fixtures(folder) if better in _marks(path))
    return any(not codes.isdisjoint(_superseded_by(better, path)) for path in paths)


@functools.cache
def _marks(path: Path) -> frozenset[str]:
    return frozenset(mark.code for mark in harness.parse_marks(path.read_text(encoding="utf-8")))


@functools.cache
def _superseded_by(code: str, path: Path) -> frozenset[str]:
    """Return the rules for which one speaks in a fixture."""
    return frozenset(_silenced(code, harness.reports_of(path)))


def _silenced(code: str, reports: list[tuple[Rule, Report]]) -> Iterator[str]:
    for better in (each for each in reports if each[0].meta.code == code):
        for rule, report in reports:
            if (
                rule.meta.code in better[0].meta.supersedes
                and len(without_superseded([(rule, report), better], Confidence.MEDIUM)) < 2
            ):
                yield rule.meta.code
