"""Compares what lintdb says about generated programs with what they do when they are run.

    python -m tests.truth.compare --count 20000 --seed 1 --jobs 2

prints how often they agree, and for each disagreement the smallest program that still shows it. Exits with 1 if lintdb
misses more, or reports more that is not there, than the bars allow.
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lintdb.engine import EngineOptions, check_source
from lintdb.finding import Confidence, Finding
from lintdb.source import SourceFile
from tests.truth.execute import Program, Truth
from tests.truth.generator import generate
from tests.truth.verdicts import (
    CODES,
    COMMITTED_ON_ERROR,
    CURSORS,
    FAILED_UNITS,
    FALSE,
    FOUND,
    MISSED,
    RIGHT,
    TABLES,
    WITNESSES,
    Verdict,
    compare_function,
    key_of,
)
from tests.truth.witness import follows, is_replayable

MAX_MISSED = 0.002
MAX_FALSE = 0.001
MAX_RUNS = 1500
MANY_RUNS, MANY_RAISES = 6000, 5
"""The bound for a function that lintdb says more of than was seen within the usual one."""

KNOWN = Path(__file__).with_name("known.txt")
QUICK_RUNS = 400
REPORT_EVERY = 80
QUICK_CHUNKS = [range(start, start + 50) for start in range(1, 301, 50)]


@dataclass
class Comparison:
    """All verdicts about one program; None for functions with more paths than were followed."""

    verdicts: list[Verdict] = field(default_factory=list)
    runs: int = 0
    unfinished: int = 0
    functions: int = 0
    mistakes: int = 0


def findings_of(text: str) -> list[Finding]:
    """Return what lintdb finds, at any confidence."""
    options = EngineOptions(codes=frozenset({*CODES, COMMITTED_ON_ERROR}), min_confidence=Confidence.LOW)
    result = check_source(SourceFile("program.py", text), options)
    assert result.problem is None, result.problem
    return list(result.findings)


def compare_program(text: str, *, max_runs: int = MAX_RUNS) -> Comparison:
    """Run and analyse a program, and compare function by function and line by line."""
    comparison = Comparison()
    program = Program(text)
    findings = findings_of(text)
    for name, info in program.parsed.functions.items():
        if info.is_method:
            continue
        truth = program.truth(name, max_runs=max_runs)
        comparison.functions += 1
        comparison.runs += truth.runs
        comparison.mistakes += truth.mistakes
        if not truth.is_complete or truth.runs == truth.dropped:
            comparison.unfinished += 1
            continue
        here = [each for each in findings if info.first_line <= each.span.line <= info.last_line]
        verdicts = list(compare_function(truth, here))
        # Of a resource one unit is named, which may be another than was seen within the usual bound.
        if any(each.outcome == FALSE or (each.table, each.outcome) == (FAILED_UNITS, MISSED) for each in verdicts):
            truth = program.truth(name, max_runs=MANY_RUNS, max_raises=MANY_RAISES)
            verdicts = list(compare_function(truth, here))
        # Where some path ended by a mistake, a finding, and its witness, may be about what would have come there.
        is_partial = truth.mistakes > 0 or not truth.is_complete
        comparison.verdicts += [each for each in verdicts if each.outcome != FALSE or not is_partial]
        real = {(each.table, each.line) for each in verdicts if each.outcome == FOUND}
        named = [each for each in here if each.code in CODES and key_of(each) in real]
        witnesses = _replayed(program, truth, named)
        comparison.verdicts += [each for each in witnesses if each.outcome == FOUND or not is_partial]
    return comparison


def _replayed(program: Program, truth: Truth, findings: list[Finding]) -> Iterator[Verdict]:
    """Whether the witnesses of what was rightly found can be followed."""
    for finding in findings:
        is_sure = finding.confidence >= Confidence.MEDIUM or CODES[finding.code] in CURSORS
        is_given = finding.span.line == truth.function.first_line  # it was not opened, so no path leads from there
        if not is_replayable(finding) or not is_sure or is_given:
            continue
        is_followed = follows(finding, truth)
        if not is_followed:
            more = program.truth(truth.function.name, max_runs=MANY_RUNS, max_raises=MANY_RAISES)
            is_followed = follows(finding, more)
        yield Verdict(WITNESSES, finding.span.line, FOUND if is_followed else MISSED, f"witness of {finding.code}")


# Smaller programs.


def shrink(text: str, wanted: Verdict, *, max_tries: int = 600) -> str:
    """Return a smaller program that still shows a disagreement of the same sort; helpers stay whole or go."""
    current = ast.unparse(ast.parse(text)) + "\n"
    if not _shows(current, wanted):
        return text
    tries = 0
    is_smaller = True
    while is_smaller and tries < max_tries:
        is_smaller = False
        for candidate in _smaller(current):
            tries += 1
            if tries >= max_tries:
                break
            if len(candidate) < len(current) and _shows(candidate, wanted):
                current, is_smaller = candidate, True
                break
    return current


def _shows(text: str, wanted: Verdict) -> bool:
    try:
        comparison = compare_program(text, max_runs=1500)
    except Exception:  # noqa: BLE001  # a candidate may be nonsense
        return False
    if comparison.mistakes:
        return False
    return any(
        each.table == wanted.table and each.outcome == wanted.outcome and each.detail == wanted.detail
        for each in comparison.verdicts
    )


def _smaller(text: str) -> Iterator[str]:
    """Yield programs with a helper, a statement or a block less, or with a block replaced by what it holds."""
    yield from _without_helpers(text)
    count = len(_bodies(_subject(ast.parse(text))))
    for number in range(count):
        tree = ast.parse(text)
        body = _bodies(_subject(tree))[number]
        for position in range(len(body) - 1, -1, -1):
            tree = ast.parse(text)
            body = _bodies(_subject(tree))[number]
            removed = body.pop(position)
            if body or _may_be_empty(tree, body):
                yield _unparse(tree)
            for inner in _bodies(removed):
                if inner:
                    tree = ast.parse(text)
                    body = _bodies(_subject(tree))[number]
                    body[position : position + 1] = inner
                    yield _unparse(tree)
            if isinstance(removed, ast.Try) and removed.handlers:
                yield from _without_handler(text, number, position)


def _subject(tree: ast.Module) -> ast.stmt:
    return tree.body[-1]


def _without_helpers(text: str) -> Iterator[str]:
    tree = ast.parse(text)
    for number, node in enumerate(tree.body[:-1]):
        is_used = isinstance(node, ast.FunctionDef | ast.ClassDef) and text.count(f"{node.name}(") > 1
        if not is_used and not (isinstance(node, ast.Import) and node.names[0].name == "sqlite3"):
            smaller = ast.parse(text)
            smaller.body.pop(number)
            if all(f"{name}(" not in ast.unparse(smaller) for name in _imported(node)):
                yield _unparse(smaller)


def _imported(node: ast.stmt) -> list[str]:
    return [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []


def _without_handler(text: str, number: int, position: int) -> Iterator[str]:
    tree = ast.parse(text)
    node = _bodies(_subject(tree))[number][position]
    assert isinstance(node, ast.Try)
    for index in range(len(node.handlers)):
        if len(node.handlers) == 1 and not node.finalbody:
            continue
        tree = ast.parse(text)
        again = _bodies(_subject(tree))[number][position]
        assert isinstance(again, ast.Try)
        again.handlers.pop(index)
        if not again.handlers:
            again.body += again.orelse
            again.orelse = []
        yield _unparse(tree)


def _unparse(tree: ast.Module) -> str:
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _may_be_empty(tree: ast.Module, body: list[ast.stmt]) -> bool:
    for node in ast.walk(tree):
        if getattr(node, "orelse", None) is body:
            return True
        if isinstance(node, ast.Try) and node.finalbody is body and node.handlers:
            return True
    return False


def _bodies(node: ast.AST) -> list[list[ast.stmt]]:
    found = []
    for each in ast.walk(node):
        for name in ("body", "orelse", "finalbody"):
            value = getattr(each, name, None)
            if isinstance(value, list):
                found.append(value)
    return found


# Many programs.


@dataclass
class Tally:
    """The confusion table of many programs, and what they disagreed about."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    disagreements: list[tuple[int, Verdict]] = field(default_factory=list)
    programs: int = 0
    functions: int = 0
    runs: int = 0
    unfinished: int = 0

    def add(self, seed: int, comparison: Comparison) -> None:
        """Count one program."""
        self.programs += 1
        self.functions += comparison.functions
        self.runs += comparison.runs
        self.unfinished += comparison.unfinished
        for verdict in comparison.verdicts:
            self.counts[verdict.table, verdict.outcome] += 1
            if verdict.is_disagreement:
                self.disagreements.append((seed, verdict))

    def merge(self, other: Tally) -> None:
        """Count what another tally counted."""
        self.counts.update(other.counts)
        self.disagreements += other.disagreements
        self.programs += other.programs
        self.functions += other.functions
        self.runs += other.runs
        self.unfinished += other.unfinished

    def rates(self, table: str) -> tuple[float, float]:
        """Return the missed part of what is really wrong, and the false part of what is really fine."""
        found, missed, false, silent = (self.counts[table, outcome] for outcome in (FOUND, MISSED, FALSE, RIGHT))
        return missed / max(found + missed, 1), false / max(false + silent, 1)

    def is_within_bars(self) -> bool:
        """Whether no row misses more, or makes up more, than is allowed."""
        return all(missed <= MAX_MISSED and false <= MAX_FALSE for missed, false in map(self.rates, TABLES))

    def render(self) -> str:
        """Return the table as text."""
        width = max(map(len, TABLES))
        lines = [f"{'':{width}} {FOUND:>8} {MISSED:>8} {FALSE:>8} {RIGHT:>8}   missed    false"]
        for table in TABLES:
            cells = [f"{self.counts[table, outcome]:>8}" for outcome in (FOUND, MISSED, FALSE, RIGHT)]
            missed, false = self.rates(table)
            lines.append(f"{table:{width}} {' '.join(cells)} {missed:>8.3%} {false:>8.3%}")
        lines.append(
            f"{self.programs} programs, {self.functions} functions, {self.runs} runs, "
            f"{self.unfinished} functions beyond the bound"
        )
        return "\n".join(lines)


def tally(seeds: range, *, max_runs: int = MAX_RUNS) -> Tally:
    """Compare the programs of some seeds."""
    total = Tally()
    for seed in seeds:
        total.add(seed, compare_program(generate(seed), max_runs=max_runs))
    return total


def known_lines(total: Tally) -> list[str]:
    """Return one line for each disagreement, as `known.txt` has them."""
    return [f"{seed} {verdict.line} {verdict.outcome}: {verdict.table}" for seed, verdict in total.disagreements]


def read_known() -> list[str]:
    """Return the disagreements that are known in the programs of the quick slice."""
    lines = KNOWN.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _write_known() -> None:
    lines = [line for chunk in QUICK_CHUNKS for line in known_lines(tally(chunk, max_runs=QUICK_RUNS))]
    head = "# What lintdb gets wrong in generated programs: seed, line, what. Written by `compare --write-known`."
    KNOWN.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    print(f"{KNOWN}: {len(lines)}")


def _explain(seed: int) -> None:
    text = generate(seed)
    print(render(text))
    for verdict in compare_program(text).verdicts:
        if verdict.is_disagreement:
            print(f"\nseed {seed}, line {verdict.line}: {verdict.table}: {verdict.outcome} ({verdict.detail})")
            print(render(shrink(text, verdict)))


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.truth.compare", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many programs")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the first")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    parser.add_argument("--show", type=int, default=20, help="how many disagreements to shrink and print")
    parser.add_argument("--table", action="append", help="print disagreements of this table only")
    parser.add_argument("--explain", type=int, metavar="SEED", help="show one program and what is wrong about it")
    parser.add_argument("--write-known", action="store_true", help="write the known disagreements of the quick slice")
    options = parser.parse_args(arguments)
    if options.write_known:
        _write_known()
        return 0
    if options.explain is not None:
        _explain(options.explain)
        return 0
    last = options.seed + options.count
    size = 25
    chunks = [range(start, min(start + size, last)) for start in range(options.seed, last, size)]
    total = Tally()
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for done, part in enumerate(pool.map(tally, chunks), 1):
            total.merge(part)
            if sys.stderr.isatty():
                print(f"\r{done * size}", end="", file=sys.stderr)
            if done % REPORT_EVERY == 0 and done < len(chunks):
                print(f"{total.render()}\n", file=sys.stderr, flush=True)
    shown = [(seed, each) for seed, each in total.disagreements if options.table is None or each.table in options.table]
    for seed, verdict in shown[: options.show]:
        print(f"seed {seed}, line {verdict.line}: {verdict.table}: {verdict.outcome} ({verdict.detail})")
        print(render(shrink(generate(seed), verdict)))
    print(total.render())
    return 0 if total.is_within_bars() else 1


def render(text: str) -> str:
    """Return a program with what is said and what is true about its lines."""
    notes: dict[int, list[str]] = {}
    for verdict in compare_program(text).verdicts:
        if verdict.is_disagreement:
            notes.setdefault(verdict.line, []).append(f"{verdict.outcome}: {verdict.detail}")
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        note = f"  # <== {'; '.join(notes[number])}" if number in notes else ""
        lines.append(f"    {line}{note}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
