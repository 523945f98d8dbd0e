"""The project's own consistency: every rule has metadata in form, a page with the right headings, and a fixture."""

from __future__ import annotations

import re

import pytest

from benchmarks import triage
from lintdb import rulebook
from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from lintdb.rules.registry import all_metas
from lintdb.selection import PRESETS, matching_codes
from tests import harness

METAS = sorted(all_metas(), key=lambda meta: meta.code)
_JUDGED = triage.parse_verdicts(triage.VERDICTS.read_text(encoding="utf-8"))
HEADINGS = [
    "What it does",
    "Why is this bad",
    "Bad",
    "Good",
    "How it decides",
    "Known limits",
    "References",
]
# The rules about the run itself have no module of their own: the engine and the command line report them.
ABOUT_THE_RUN = {"LDB001", "LDB002"}

each_rule = pytest.mark.parametrize("meta", METAS, ids=lambda meta: meta.code)


@each_rule
def test_code_and_name(meta: RuleMeta) -> None:
    assert re.fullmatch(r"LDB\d{3}", meta.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", meta.name)
    assert not re.match(r"no-|disallow-", meta.name), "a name says the defect and reads after `allow`"


@each_rule
@pytest.mark.parametrize("field", ["summary", "help"])
def test_texts(meta: RuleMeta, field: str) -> None:
    text: str = getattr(meta, field)
    assert text
    assert text == text.strip()
    assert not text.endswith("."), "no final period"
    first_word = text.split(maxsplit=1)[0]
    # A name in code font or an abbreviation (`SQL`) may start with a capital letter.
    assert not text[0].isupper() or first_word.isupper(), "starts in lower case"


@each_rule
def test_page(meta: RuleMeta) -> None:
    page = rulebook.find_page(meta.code)
    assert page.splitlines()[0] == f"# {meta.code}: {meta.name}"
    sections = rulebook.sections(page)
    assert list(sections) == HEADINGS
    empty = [title for title, text in sections.items() if not text]
    assert not empty


@each_rule
def test_fixture(meta: RuleMeta) -> None:
    assert (harness.FIXTURES / "rules" / f"{meta.code}.py").is_file()


@each_rule
def test_module_is_named_for_code_and_name(meta: RuleMeta) -> None:
    if meta.code in ABOUT_THE_RUN:
        return
    modules = {path.name for path in (harness.ROOT / "lintdb" / "rules").glob("ldb*.py")}
    own = f"{meta.code.lower()}_{meta.name.replace('-', '_')}.py"
    shared = [name for name in modules if name.startswith(meta.code.lower())]
    assert own in modules, f"expected lintdb/rules/{own}; with this code there is {shared}"


@each_rule
def test_preset(meta: RuleMeta) -> None:
    """What is left out of `core` is left out for a reason that can be looked up, and only then."""
    judged = [each for each in _JUDGED if each.place.code == meta.code and each.reported]
    right = [each for each in judged if each.verdict != "false"]
    if meta.preset == "core":
        assert meta.default
        assert meta.severity is Severity.ERROR
        least = 0.85 if len(judged) >= 10 else 0.5
        assert len(right) >= least * len(judged), "benchmarks/PRECISION.md does not bear it: set `core=False`"
    elif not meta.core:
        assert meta.default
        assert meta.severity is Severity.ERROR
        assert len(right) < len(judged) or len(judged) < 10, "its sample is without a fault: it may be `core`"


def test_presets_hold_one_another() -> None:
    core, default, everything = (matching_codes([name], METAS) for name in PRESETS)
    assert core < default < everything
    assert default == {meta.code for meta in METAS if meta.default}
    assert everything == matching_codes(["ALL"], METAS) == {meta.code for meta in METAS}


@pytest.mark.parametrize("field", ["code", "name"])
def test_codes_and_names_are_unique(field: str) -> None:
    values = [getattr(meta, field) for meta in METAS]
    assert len(values) == len(set(values))


@pytest.mark.parametrize(
    ("folder", "pattern"), [("rules", "LDB*.md"), ("fixtures/rules", "*.py")], ids=["pages", "fixtures"]
)
def test_nothing_is_left_of_rules_that_are_gone(folder: str, pattern: str) -> None:
    stems = {path.stem for path in (harness.ROOT / folder).glob(pattern)}
    assert stems <= {meta.code for meta in METAS}
