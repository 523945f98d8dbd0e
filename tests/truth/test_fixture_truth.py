"""The marks of fixtures and rule pages that use sqlite3 alone are proven: each function is run on every path, and what
it leaks, loses or leaves open must be what its marks say. The witnesses of its findings are replayed.

A mark `# low:` need not be true: it says that people disagree about the case. All other marks do.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lintdb.finding import Confidence, Finding
from tests import harness
from tests.truth.compare import MANY_RAISES
from tests.truth.execute import LineTruth, Truth
from tests.truth.subjects import Subject, all_subjects, checked, program_of, survey, truth_of
from tests.truth.witness import follows, is_replayable

MIN_FUNCTIONS = 820

CONNECTION_CODES = {"LDB101": "leaks", "LDB111": "leaks", "LDB121": "leaks on error"}
CURSOR_CODES = {"LDB102": "leaks", "LDB122": "leaks on error"}

JUDGED = [each for each in all_subjects() if not each.reason]


@pytest.mark.parametrize("subject", JUDGED, ids=lambda subject: subject.key)
def test_marks_are_true(subject: Subject) -> None:
    truth = truth_of(subject.source, subject.name)
    info = truth.function
    assert truth.is_complete, f"more than {truth.runs} paths"
    assert truth.runs > truth.dropped, "no path could be followed to its end"
    program = checked(subject.source)
    marks = [each for each in program.marks if info.first_line <= each.line <= info.last_line]
    problems = list(_wrong_marks(truth, marks, subject.source.codes))
    harness.fail_if(problems, program.path, program.text)


@pytest.mark.parametrize("subject", JUDGED, ids=lambda subject: subject.key)
def test_witnesses_can_be_followed(subject: Subject) -> None:
    """A run takes the decisions that the finding tells of, no others, and leaves the resource open."""
    truth = truth_of(subject.source, subject.name)
    program = checked(subject.source)
    lines = range(truth.function.first_line, truth.function.last_line + 1)
    problems = [
        harness.Problem(each.span.line, f"{each.code}: no run takes these decisions: {_decisions(each)}")
        for each in program.with_low
        if each.span.line in lines
        and is_replayable(each)
        and _is_judged(each, truth)
        and not _is_followed(each, subject)
    ]
    harness.fail_if(problems, program.path, program.text)


def _is_followed(finding: Finding, subject: Subject) -> bool:
    if follows(finding, truth_of(subject.source, subject.name)):
        return True
    # It may take more errors in a row.
    return follows(finding, program_of(subject.source).truth(subject.name, max_raises=MANY_RAISES))


def _is_judged(finding: Finding, truth: Truth) -> bool:
    """Whether a finding is sure, and true: the other test speaks of those that are not."""
    known = truth.cursors if finding.code in CURSOR_CODES else truth.connections
    is_sure = finding.confidence > Confidence.LOW or finding.code in CURSOR_CODES
    is_real = finding.span.line in known and known[finding.span.line].verdict in ("leaks", "leaks on error")
    return is_sure and is_real


def _decisions(finding: Finding) -> str:
    return "; ".join(f"{step.span.line} {step.message}" for step in finding.steps)


def _wrong_marks(truth: Truth, marks: list[harness.Mark], codes: frozenset[str]) -> Iterator[harness.Problem]:
    lost = {min(lines) for lines in truth.lost_work.values()}
    for line in range(truth.function.first_line, truth.function.last_line + 1):
        here = {each.code: each.kind for each in marks if each.line == line and each.code in codes}
        yield from _wrong(line, here, codes, CONNECTION_CODES, truth.connections.get(line, LineTruth()))
        yield from _wrong(line, here, codes, CURSOR_CODES, truth.cursors.get(line, LineTruth()))
        yield from _wrong_unit(line, here, "LDB202", codes, line in lost)
        if line not in truth.perhaps_misused:
            yield from _wrong_unit(line, here, "LDB112", codes, line in truth.misused)
        if line not in truth.perhaps_unfinished:
            yield from _wrong_unit(line, here, "LDB205", codes, line in truth.unfinished & truth.ended)


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
    assert len(JUDGED) >= MIN_FUNCTIONS, survey()
