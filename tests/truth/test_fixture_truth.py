"""The marks of fixtures that use sqlite3 alone are proven: each function is run on every path, and what it leaks,
loses or leaves open must be what its marks say.

A mark `# low:` need not be true: it says that people disagree about the case. All other marks do.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lintdb.finding import Confidence, Finding
from tests import harness
from tests.truth.compare import MANY_RAISES
from tests.truth.execute import LineTruth, Program, Truth
from tests.truth.witness import follows, is_replayable

MIN_FUNCTIONS = 560

CONNECTION_CODES = {"LDB101": "leaks", "LDB111": "leaks", "LDB121": "leaks on error"}
CURSOR_CODES = {"LDB102": "leaks", "LDB122": "leaks on error"}
JUDGED = frozenset({*CONNECTION_CODES, *CURSOR_CODES, "LDB201", "LDB202"})

# Functions that cannot be run here in a way that proves their marks, and why.
_TEST_CASE = "the methods of a test case that take clean-up over are not run"
_SUPPRESSED = "reported if it were not for the comment, which is the point"
EXCLUDED = {
    "c_with_blocks:P097Test.p097_enter_context_ok": _TEST_CASE,
    "c_with_blocks:P097Test.p097_enter_context_keeps_open_bad": _TEST_CASE,
    "c_with_blocks:P097Test.p097_enter_class_context_ok": _TEST_CASE,
    "c_with_blocks:P097Test.p098_add_cleanup_ok": _TEST_CASE,
    "c_with_blocks:P097Test.p098_add_cleanup_of_something_else_bad": _TEST_CASE,
    "c_with_blocks:P097Test.p098_add_cleanup_too_late_bad": _TEST_CASE,
    "c_with_blocks:P097Test.p098_add_class_cleanup_ok": _TEST_CASE,
    "c_with_blocks:p106_connection_without_finally_bad": "a dependency only by its use in another function",
    "k_frameworks:init_connection_ok": "what stands outside of the function says that it is run to its end",
    "m_robustness:p298_suppressed_on_the_only_line_ok": _SUPPRESSED,
    "m_robustness:p298_suppressed_on_the_first_line_ok": _SUPPRESSED,
    "m_robustness:p298_suppressed_on_the_last_line_ok": _SUPPRESSED,
    "m_robustness:p298_suppressed_with_a_reason_ok": _SUPPRESSED,
}


def _files() -> Iterator[Path]:
    for path in [*harness.iter_fixtures("patterns"), *harness.iter_fixtures("rules")]:
        if path.parent.name == "patterns" or path.stem.startswith("LDB1") or path.stem in ("LDB201", "LDB202"):
            yield path


@functools.cache
def _program(path: Path) -> Program:
    return Program(path.read_text(encoding="utf-8"))


@functools.cache
def _truth(path: Path, name: str) -> Truth:
    return _program(path).truth(name)


def _strangers(tree: ast.Module) -> set[str]:
    """Names that a file imports from libraries that are not Python's own."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {
                alias.asname or alias.name.partition(".")[0]
                for alias in node.names
                if alias.name.partition(".")[0] not in sys.stdlib_module_names
            }
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] not in sys.stdlib_module_names:
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _subjects(path: Path) -> Iterator[str]:
    """Yield the functions that only sqlite3 and Python's own library take part in."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    strangers = _strangers(tree)
    definitions: dict[str, ast.AST] = {
        node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    for node in tree.body:
        methods = node.body if isinstance(node, ast.ClassDef) else []
        owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for each in methods or [node]:
            if not isinstance(each, ast.FunctionDef) or harness.verdict_of(each.name) is None:
                continue
            used: set[str] = set()
            todo: list[ast.AST] = [each]
            if isinstance(node, ast.ClassDef):
                todo += node.bases
            seen: set[int] = set()
            while todo:
                part = todo.pop()
                if id(part) in seen:
                    continue
                seen.add(id(part))
                names = _names(part)
                used |= names
                todo += [definitions[name] for name in names if name in definitions]
            if not used & strangers:
                yield owner + each.name


def _parameters() -> Iterator[object]:
    for path in _files():
        for name in _subjects(path):
            key = f"{path.stem}:{name}"
            marks = [pytest.mark.skip(reason=EXCLUDED[key])] if key in EXCLUDED else []
            yield pytest.param(path, name, id=key, marks=marks)


@pytest.mark.parametrize(("path", "name"), list(_parameters()))
def test_marks_are_true(path: Path, name: str) -> None:
    truth = _truth(path, name)
    info = truth.function
    assert truth.is_complete, f"more than {truth.runs} paths"
    assert truth.runs > truth.dropped, "no path could be followed to its end"
    checked = harness.check_fixture(path)
    marks = [each for each in checked.marks if info.first_line <= each.line <= info.last_line]
    codes = _codes(path, checked.text)
    problems = list(_wrong_marks(truth, marks, codes))
    harness.fail_if(problems, f"fixtures/{checked.path}", checked.text)


@pytest.mark.parametrize(("path", "name"), list(_parameters()))
def test_witnesses_can_be_followed(path: Path, name: str) -> None:
    """A run takes the decisions that the finding tells of, no others, and leaves the resource open."""
    truth = _truth(path, name)
    checked = harness.check_fixture(path)
    lines = range(truth.function.first_line, truth.function.last_line + 1)
    problems = [
        harness.Problem(each.span.line, f"{each.code}: no run takes these decisions: {_decisions(each)}")
        for each in checked.with_low
        if each.span.line in lines
        and is_replayable(each)
        and _is_judged(each, truth)
        and not _is_followed(each, path, name)
    ]
    harness.fail_if(problems, f"fixtures/{checked.path}", checked.text)


def _is_followed(finding: Finding, path: Path, name: str) -> bool:
    if follows(finding, _truth(path, name)):
        return True
    return follows(finding, _program(path).truth(name, max_raises=MANY_RAISES))  # it takes more errors in a row


def _is_judged(finding: Finding, truth: Truth) -> bool:
    """Whether a finding is sure, and true: the other test speaks of those that are not."""
    known = truth.cursors if finding.code in CURSOR_CODES else truth.connections
    is_sure = finding.confidence > Confidence.LOW or finding.code in CURSOR_CODES
    is_real = finding.span.line in known and known[finding.span.line].verdict in ("leaks", "leaks on error")
    return is_sure and is_real


def _decisions(finding: Finding) -> str:
    return "; ".join(f"{step.span.line} {step.message}" for step in finding.steps)


def _codes(path: Path, text: str) -> frozenset[str]:
    select = harness.parse_directive(text).select
    codes = harness.codes_for(select) if select else frozenset({path.stem})
    return codes & JUDGED


def _wrong_marks(truth: Truth, marks: list[harness.Mark], codes: frozenset[str]) -> Iterator[harness.Problem]:
    lost = {min(lines) for lines in truth.lost_work.values()}
    for line in range(truth.function.first_line, truth.function.last_line + 1):
        here = {each.code: each.kind for each in marks if each.line == line and each.code in codes}
        yield from _wrong(line, here, codes, CONNECTION_CODES, truth.connections.get(line, LineTruth()))
        yield from _wrong(line, here, codes, CURSOR_CODES, truth.cursors.get(line, LineTruth()))
        yield from _wrong_unit(line, here, "LDB202", codes, line in lost)


def _wrong(
    line: int, here: dict[str, str], codes: frozenset[str], meanings: dict[str, str], truth: LineTruth
) -> Iterator[harness.Problem]:
    claimed = {code: kind for code, kind in here.items() if code in meanings}
    for code, kind in claimed.items():
        is_true = truth.verdict == meanings[code]
        if kind == harness.LOW:
            continue
        if is_true == (kind == harness.FALSE):
            yield harness.Problem(line, f"{kind} {code}, but when it is run it {truth.verdict}")
    real = {code for code, meaning in meanings.items() if truth.verdict == meaning}
    if real & codes - {"LDB111"} and not claimed.keys() & real:
        yield harness.Problem(line, f"no mark, but when it is run it {truth.verdict}")


def _wrong_unit(
    line: int, here: dict[str, str], code: str, codes: frozenset[str], is_true: bool
) -> Iterator[harness.Problem]:
    kind = here.get(code)
    if code not in codes or kind == harness.LOW:
        return
    is_claimed = kind in (harness.EXPECTED, harness.MISSED)
    if is_claimed != is_true:
        yield harness.Problem(line, f"{kind or 'no mark for'} {code}, but when it is run it is {is_true}")


def test_most_fixtures_are_proven() -> None:
    assert sum(1 for _ in _parameters()) - len(EXCLUDED) >= MIN_FUNCTIONS
