"""Every function in `fixtures/` says what lintdb must find in it (see `harness.py` for the grammar)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import harness

RULES = list(harness.iter_fixtures("rules"))
PATTERNS = list(harness.iter_fixtures("patterns"))
OWN_MODELS = list(harness.iter_fixtures("own_models"))
PROJECTS = list(harness.iter_fixtures("projects"))
PROGRAMS = list(harness.iter_fixtures("programs"))
ALL = [*RULES, *PATTERNS, *OWN_MODELS, *PROJECTS, *PROGRAMS]


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(harness.FIXTURES)))
def test_findings(path: Path) -> None:
    checked = harness.check_fixture(path)
    harness.fail_if(checked.all_problems(), f"fixtures/{checked.path}", checked.text)


@pytest.mark.parametrize(
    "path", [*RULES, *PATTERNS, *OWN_MODELS, *PROJECTS], ids=lambda path: str(path.relative_to(harness.FIXTURES))
)
def test_names_say_the_verdict(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    subjects = harness.find_subjects(text)
    marks = harness.parse_marks(text)
    names = [each.name for each in subjects]
    problems = [
        problem
        for part in subjects
        for problem in harness.naming_problems(part, harness.marks_of_part(part, subjects, marks))
    ]
    harness.fail_if(problems, str(path.relative_to(harness.ROOT)), text)
    assert len(names) == len(set(names)), "two parts have the same name, so a failure would not say which"


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rule_fixture_has_both_verdicts(path: Path) -> None:
    verdicts = {harness.verdict_of(part.name) for part in harness.find_subjects(path.read_text(encoding="utf-8"))}
    assert {"ok", "bad"} <= verdicts or path.stem == "LDB002", (
        "a rule needs programs that it reports and that it does not"
    )


def test_fixtures_exist() -> None:
    assert RULES
    assert PROJECTS
    assert PROGRAMS
