"""Results that are computed on demand, depend on each other, and may depend on themselves.

A computation that is asked for while it is under way is *cut*: the asker gets None. What was computed from a cut is
right for the computation that was under way, and for that alone; kept for good, it would make results depend on which
of two functions that call each other was looked at first. So it is kept only until that computation ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple, TypeVar, cast

T = TypeVar("T")

MAX_NESTED = 24
"""Computations within computations; what lies deeper is cut, too."""
MAX_RUNS = 3
"""How often a result is looked for that depends on itself: many that depend on each other would never end."""
_TOO_DEEP = ("too deep",)


class _Entry(NamedTuple):
    """A result. `keys`: for one that passes, what it was cut at; for a lasting one, what was computed from its cuts."""

    value: Any
    keys: frozenset[Hashable]


class Memo:
    """Remembers results by key, and forgets those that hold for the computation under way only."""

    def __init__(self) -> None:
        self._lasting: dict[Hashable, _Entry] = {}
        self._passing: dict[Hashable, _Entry] = {}
        self._running: set[Hashable] = set()
        self._cuts: set[Hashable] = set()
        self._runs: Counter[Hashable] = Counter()

    def known(self) -> Iterator[Hashable]:
        """Yield the keys of the results that are kept for good, in the order in which they were found."""
        yield from self._lasting

    def get(self, key: Hashable, compute: Callable[[], T]) -> T | None:
        """Return the result for *key*; None where it depends on itself, or is nested too deeply."""
        lasting = self._lasting.get(key)
        if lasting is not None and self._running.isdisjoint(lasting.keys):
            return cast("T | None", lasting.value)
        passing = self._passing.get(key)
        if passing is not None:
            self._cuts |= passing.keys
            return cast("T | None", passing.value)
        if key in self._running or len(self._running) >= MAX_NESTED or self._runs[key] >= MAX_RUNS:
            self._cuts.add(key if key in self._running else _TOO_DEEP)
            return None
        return self._run(key, compute)

    def _run(self, key: Hashable, compute: Callable[[], T]) -> T:
        if not self._running:
            self._runs.clear()
        self._runs[key] += 1
        outer, self._cuts = self._cuts, set()
        self._running.add(key)
        try:
            value = compute()
        finally:
            self._running.discard(key)
            cuts, self._cuts = self._cuts - {key}, outer
            dependent = frozenset(other for other, entry in self._passing.items() if key in entry.keys)
            for other in dependent:
                del self._passing[other]
        if not cuts:
            self._lasting[key] = _Entry(value, dependent)
        elif self._running:
            self._passing[key] = _Entry(value, frozenset(cuts))
            self._cuts |= cuts
        else:
            self._passing.clear()
        return value
