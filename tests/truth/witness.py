"""Replays the witness of a finding: is there a run that takes these decisions and leaves the resource open?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lintdb.finding import Finding
from lintdb.rules.lifetimes import MAX_STEPS
from tests.truth import books
from tests.truth.execute import Truth

FAMILIES = {
    "LDB101": "connection", "LDB111": "connection", "LDB121": "connection", "LDB102": "cursor", "LDB122": "cursor",
}  # fmt: skip
DECISIONS = frozenset(
    {books.RAISES, books.RAISED, books.CAUGHT, books.FAILS, books.TRUE, books.FALSE, books.NEXT, books.DONE}
)
MAX_VARIANTS = 40
TESTS = frozenset({books.TRUE, books.FALSE})


def is_replayable(finding: Finding) -> bool:
    """Whether a finding says that something is left open."""
    return finding.code in FAMILIES


def follows(finding: Finding, truth: Truth) -> bool:
    """Whether some run takes the decisions of the witness after the opening, no others, and leaves it open."""
    family = FAMILIES[finding.code]
    # An error that a helper swallows shows in what the helper returns: it is no decision of this function.
    runs = set().union(*(truth.paths.get((family, finding.span.line, on_error), set()) for on_error in (False, True)))
    steps = [
        _Decision(each.message, each.span.line, each.span.end_line, each.span.column)
        for each in finding.steps
        if each.message in DECISIONS
    ]
    # Which case of a `match` is taken shows in what follows.
    steps = [each for each in steps if each.what not in TESTS or (each.line, each.column) in truth.tests]
    taken = ([_Decision(what, line, line, column) for what, line, column in run] for run in runs)
    return any(_fits(steps, fewer) for run in taken for fewer in _with_fewer_rounds(run, truth.counted_loops))


class _Decision(NamedTuple):
    """What happened between two lines, at a column (0: not known)."""

    what: str
    line: int
    end_line: int
    column: int

    def is_same(self, other: _Decision) -> bool:
        is_there = self.line <= other.line <= self.end_line
        return self.what == other.what and is_there and other.column in (0, self.column)


def _with_fewer_rounds(run: list[_Decision], counted: frozenset[tuple[int, int]]) -> Iterator[list[_Decision]]:
    """Yield a run, and what it is without some rounds of loops whose number of rounds a constant fixes."""
    seen: set[tuple[_Decision, ...]] = set()
    todo = [run]
    while todo and len(seen) < MAX_VARIANTS:
        current = todo.pop()
        if tuple(current) in seen:
            continue
        seen.add(tuple(current))
        yield current
        for start, each in enumerate(current):
            if each.what == books.NEXT and (each.line, each.column) in counted:
                end = next((n for n in range(start + 1, len(current)) if current[n][1:] == each[1:]), None)
                if end is not None:
                    todo.append([*current[:start], *current[end:]])


def _fits(wanted: list[_Decision], run: list[_Decision]) -> bool:
    if len(wanted) < MAX_STEPS:
        return _are_same(_reduced(wanted), _reduced(run))
    # The middle of a long witness is left out; a loop may be cut in two.
    first, last = _reduced(wanted[: MAX_STEPS // 2])[:-1], _reduced(wanted[-MAX_STEPS // 2 :])[1:]
    taken = _reduced(run)
    return _are_same(first, taken[: len(first)]) and _are_same(last, taken[len(taken) - len(last) :])


def _are_same(wanted: list[_Decision], run: list[_Decision]) -> bool:
    return len(wanted) == len(run) and all(step.is_same(event) for step, event in zip(wanted, run, strict=True))


def _reduced(decisions: list[_Decision]) -> list[_Decision]:
    """Return the decisions without rounds of a loop, and repeated tests, in which nothing new is decided."""
    kept: list[_Decision] = []
    for each in decisions:
        while each.what in (books.NEXT, books.DONE) and kept and kept[-1] == each._replace(what=books.NEXT):
            kept.pop()
        if each.what not in TESTS or not kept or kept[-1] != each:
            kept.append(each)
    return kept
