"""Every function in `fixtures/` says what lintdb must find in it (see `harness.py` for the grammar)."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintdb.engine import check_source
from lintdb.finding import Confidence
from lintdb.rules.doubles import find_doubles, without_superseded
from tests import harness

RULES = list(harness.iter_fixtures("rules"))
PATTERNS = list(harness.iter_fixtures("patterns"))
OWN_MODELS = list(harness.iter_fixtures("own_models"))
PROJECTS = list(harness.iter_fixtures("projects"))
PROGRAMS = list(harness.iter_fixtures("programs"))
REPAIRED = [path for path in PROGRAMS if path.relative_to(harness.FIXTURES).parts[1].endswith("_fixed")]
NAMED = [*RULES, *PATTERNS, *OWN_MODELS, *PROJECTS]
ALL = [*NAMED, *PROGRAMS]


def _shown(path: Path) -> str:
    return str(path.relative_to(harness.FIXTURES))


@pytest.fixture(scope="module", params=ALL, ids=_shown)
def path(request: pytest.FixtureRequest) -> Path:
    """A file of fixtures; the tests that run it come one after the other, so that it is followed once for all."""
    found: Path = request.param
    return found


def test_findings(path: Path) -> None:
    checked = harness.check_fixture(path)
    harness.fail_if(checked.all_problems(), f"fixtures/{checked.path}", checked.text)


def test_no_doubles(path: Path) -> None:
    """One defect is one finding: no two rules report the same cause at the same place, whatever is selected."""
    doubles = {
        f"{first.meta.code} {report.message}\n    {second.meta.code} {other.message}"
        for (first, report), (second, other) in find_doubles(
            without_superseded(harness.reports_of(path), Confidence.MEDIUM)
        )
    }
    assert not doubles, "one cause, two findings:\n  " + "\n  ".join(sorted(doubles))


@pytest.mark.parametrize("path", REPAIRED, indirect=True, scope="module", ids=_shown)
def test_repaired_program_is_silent(path: Path) -> None:
    """Lintdb has nothing to say about the repaired versions of the sample programs, whatever is selected."""
    relative = path.relative_to(harness.FIXTURES)
    text = path.read_text(encoding="utf-8")
    assert not harness.parse_directive(text).select, "all rules run on it"
    checked = harness.check(str(relative), text, harness.codes_for(("LDB",)))
    found = [f"{finding.span.line}: {finding.code} {finding.message}" for finding in checked.findings]
    assert not found, f"{relative}:\n  " + "\n  ".join(found)
    assert "lintdb:" not in text.replace("lintdb-fixture:", ""), "it is not silent because it was told to be"
    assert "noqa" not in text


@pytest.mark.slow
@pytest.mark.parametrize("path", RULES, indirect=True, scope="module", ids=_shown)
def test_rule_finds_the_same_alone(path: Path) -> None:
    """What a rule finds does not depend on which others run: fixtures are examined with all of them at once."""
    checked = harness.check_fixture(path)
    source, projects = harness.place(checked.path, checked.text)
    directive = harness.parse_directive(checked.text)
    codes = harness.codes_for(directive.select) if directive.select else frozenset({path.stem})
    options = harness.options_of(checked.path, codes, directive, Confidence.LOW)
    alone = check_source(source, options, projects)
    assert alone.problem is not None or alone.findings == checked.with_low


@pytest.mark.parametrize("path", NAMED, indirect=True, scope="module", ids=_shown)
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


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.stem)
def test_rule_fixture_has_both_verdicts(rule: Path) -> None:
    verdicts = {harness.verdict_of(part.name) for part in harness.find_subjects(rule.read_text(encoding="utf-8"))}
    assert {"ok", "bad"} <= verdicts or rule.stem == "LDB002", (
        "a rule needs programs that it reports and that it does not"
    )


def test_fixtures_exist() -> None:
    assert RULES
    assert PROJECTS
    assert PROGRAMS
