"""How what lintdb says of a function compares with what its runs have shown, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lintdb.finding import Confidence, Finding
from tests.truth.books import CAUGHT
from tests.truth.execute import LineTruth, Truth

CONNECTIONS = ("connections, normal paths", "connections, on error")
CURSORS = ("cursors, normal paths", "cursors, on error")
LOST_WORK, FAILED_UNITS, UNFINISHED = "lost work", "failed units", "unfinished transactions"
MISUSES = "use after release"
WITNESSES = "witnesses"
TABLES = (*CONNECTIONS, *CURSORS, LOST_WORK, FAILED_UNITS, UNFINISHED, MISUSES, WITNESSES)
CODES = {
    "LDB101": CONNECTIONS[0], "LDB111": CONNECTIONS[0], "LDB121": CONNECTIONS[1], "LDB102": CURSORS[0],
    "LDB122": CURSORS[1], "LDB201": FAILED_UNITS, "LDB202": LOST_WORK, "LDB205": UNFINISHED, "LDB112": MISUSES,
}  # fmt: skip
COMMITTED_ON_ERROR = "LDB204"
"""What is left open on one path, and made permanent after the same error on another, is told of for the commit."""
FOUND, MISSED, FALSE, RIGHT = "found", "missed", "false", "silent"


@dataclass(frozen=True)
class Verdict:
    """How lintdb and the truth compare about one line."""

    table: str
    line: int
    outcome: str
    detail: str

    @property
    def is_disagreement(self) -> bool:
        return self.outcome in (MISSED, FALSE)


def key_of(finding: Finding) -> tuple[str, int]:
    """Return the row of the table, and the line, that a finding is about."""
    return CODES[finding.code], finding.span.line


def compare_function(truth: Truth, findings: list[Finding]) -> Iterator[Verdict]:
    """Compare what is said of one function with what its runs have shown."""
    said: dict[tuple[str, int], Confidence] = {}
    sure = [each for each in findings if each.code == COMMITTED_ON_ERROR and each.confidence >= Confidence.MEDIUM]
    committed = {step.span.line for each in sure for step in each.steps if step.span.line < each.span.line}
    findings = [each for each in findings if each.code in CODES]
    for each in findings:
        key = key_of(each)
        said[key] = max(each.confidence, said.get(key, Confidence.LOW))
    lines = range(truth.function.first_line, truth.function.last_line + 1)
    for line in lines:
        yield from _compare_lifetime(line, truth.connections.get(line), said, CONNECTIONS, Confidence.MEDIUM)
        # A sqlite3 cursor left open is of low confidence always, so any finding counts.
        yield from _compare_lifetime(line, truth.cursors.get(line), said, CURSORS, Confidence.LOW)
    # A handler that leaves open what a statement has begun is told of for that, once.
    begun = [each for each in findings if CODES[each.code] == UNFINISHED]
    handlers = {
        step.span.line
        for each in begun
        for step in each.steps
        if step.message == CAUGHT and step.span.line > each.span.line
    }
    is_told = bool(handlers & truth.swallowed_at or committed & truth.open_units)
    yield from _compare_units(truth, said, is_told=is_told)
    # Where nothing ever ends it, it is begun for the caller.
    yield from _compare_lines(
        UNFINISHED, truth.unfinished & truth.ended, truth.perhaps_unfinished & truth.ended, truth.ended, said
    )
    yield from _compare_lines(MISUSES, truth.misused, truth.perhaps_misused, truth.used, said)


def _compare_lifetime(
    line: int,
    truth: LineTruth | None,
    said: dict[tuple[str, int], Confidence],
    tables: tuple[str, str],
    least: Confidence,
) -> Iterator[Verdict]:
    """Compare what one line acquires: first on normal paths, then, if nothing is said of these, on error."""
    normal, error = (said.get((table, line)) for table in tables)
    if truth is None and normal is None and error is None:
        return
    known = truth or LineTruth()
    words = ", ".join(
        f"{name} {said_so.label}" for name, said_so in (("normal", normal), ("error", error)) if said_so is not None
    )
    detail = f"it {known.verdict}; said: {words or 'nothing'}"
    is_normal, is_error = (each is not None and each >= least for each in (normal, error))
    if known.leaks:
        yield Verdict(tables[0], line, FOUND if is_normal else MISSED, detail)
        return
    yield Verdict(tables[0], line, FALSE if is_normal else RIGHT, detail)
    if is_normal:
        return
    if known.leaks_on_error:
        yield Verdict(tables[1], line, FOUND if is_error else MISSED, detail)
    elif not known.leaks_on_unlikely_error:
        yield Verdict(tables[1], line, FALSE if is_error else RIGHT, detail)


def _compare_units(truth: Truth, said: dict[tuple[str, int], Confidence], *, is_told: bool) -> Iterator[Verdict]:
    """Work that is lost, or left open, is found if one of the writes to the same connection is named."""
    named = {line for (table, line), sure in said.items() if table == LOST_WORK and sure >= Confidence.MEDIUM}
    for source, lines in truth.lost_work.items():
        dropped = truth.dropped_work.get(source, set())
        if not lines & dropped:
            yield Verdict(LOST_WORK, min(lines), FOUND if (lines | dropped) & named else MISSED, "it is lost")
    real = set().union(*truth.lost_work.values(), *truth.dropped_work.values())
    yield from (Verdict(LOST_WORK, line, FALSE, "it never is lost") for line in sorted(named - real))
    yield from (Verdict(LOST_WORK, line, RIGHT, "committed") for line in sorted(truth.committed - named - real))
    named = {line for (table, line), sure in said.items() if table == FAILED_UNITS and sure >= Confidence.MEDIUM}
    # What the caller is to commit anyway is no defect of this function, though lintdb may see one.
    if failed := (truth.open_units & truth.committed) - truth.left_to_caller:
        is_found = bool((truth.open_units | truth.begun_units) & named)
        if is_found or not is_told:
            yield Verdict(FAILED_UNITS, min(failed), FOUND if is_found else MISSED, "it is left open")
    elif not truth.open_units | truth.begun_units:
        yield from (Verdict(FAILED_UNITS, line, FALSE, "it never is left open") for line in sorted(named))
    silent = truth.committed - named - truth.open_units - truth.begun_units
    yield from (Verdict(FAILED_UNITS, line, RIGHT, "it never is left open") for line in sorted(silent))


def _compare_lines(
    table: str, wrong: set[int], perhaps: set[int], seen: set[int], said: dict[tuple[str, int], Confidence]
) -> Iterator[Verdict]:
    """Compare what is told of whole lines: which are wrong, surely or perhaps, of those that were seen."""
    named = {line for (known, line), sure in said.items() if known == table and sure >= Confidence.MEDIUM}
    yield from (Verdict(table, line, FOUND if line in named else MISSED, "it happens") for line in sorted(wrong))
    fine = (seen | named) - wrong - perhaps
    yield from (Verdict(table, line, FALSE if line in named else RIGHT, "it never does") for line in sorted(fine))
