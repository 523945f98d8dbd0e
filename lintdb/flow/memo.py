"""Results that are computed on demand, depend on each other, and may depend on themselves.

A computation that is asked for while it is under way is *cut*: the asker gets None. What was computed from a cut is
right for the computation that was under way, and for that alone; kept for good, it would make results depend on which
of two functions that call each other was looked at first. So it is kept only until that computation ends.

Results that all depend on each other would so be computed for each way through them. Where that takes too many
computations they are given up: what lies on the way is None for good, which way ever that was.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeVar, cast

T = TypeVar("T")

MAX_NESTED = 24
"""Computations within computations; what lies deeper is cut, too."""
MAX_RUNS = 400
"""Computations for the sake of one that depends on itself. Many that all depend on each other would never end."""
_TOO_DEEP = ("too deep",)


class _Entry(NamedTuple):
    """A result. `keys`: for one that passes, what it was cut at; for a lasting one, what was computed from its cuts."""

    value: Any
    keys: frozenset[Hashable]


class _TooMuchError(Exception):
    """A result depends on itself in more ways than are looked at. `key`: which one, of those under way."""

    def __init__(self, key: Hashable) -> None:
        super().__init__(key)
        self.key = key


class Memo:
    """Remembers results by key, and forgets those that hold for the computation under way only."""

    def __init__(self) -> None:
        self._lasting: dict[Hashable, _Entry] = {}
        self._passing: dict[Hashable, _Entry] = {}
        self._running: dict[Hashable, int] = {}
        self._cuts: set[Hashable] = set()
        self._runs = 0

    def known(self) -> tuple[Hashable, ...]:
        """Return the keys of the results that are kept for good by now, in the order in which they were found."""
        return tuple(self._lasting)

    def get(self, key: Hashable, compute: Callable[[], T], *, may_give_up: bool = False) -> T | None:
        """Return the result for *key*; None where it depends on itself, or is nested too deeply.

        *may_give_up*: and for good, where results depend on each other in more ways than can be looked at.
        """
        lasting = self._lasting.get(key)
        if lasting is not None and self._running.keys().isdisjoint(lasting.keys):
            return cast("T | None", lasting.value)
        passing = self._passing.get(key)
        if passing is not None:
            self._cuts |= passing.keys
            return cast("T | None", passing.value)
        if key in self._running:
            self._cuts.add(key)
            if self._runs - self._running[key] > MAX_RUNS:
                raise _TooMuchError(key)
            return None
        if len(self._running) >= MAX_NESTED:
            self._cuts.add(_TOO_DEEP)
            return None
        return self._run(key, compute, may_give_up)

    def _run(self, key: Hashable, compute: Callable[[], T], may_give_up: bool) -> T | None:
        self._runs += 1
        outer, self._cuts = self._cuts, set()
        self._running[key] = self._runs
        value: T | None = None
        is_given_up = False
        try:
            value = compute()
        except _TooMuchError as error:
            if may_give_up:
                self._lasting[key] = _Entry(None, frozenset())
            if error.key != key:
                raise
            is_given_up = True
        finally:
            del self._running[key]
            cuts, self._cuts = self._cuts - {key}, outer
            dependent = frozenset(other for other, entry in self._passing.items() if key in entry.keys)
            for other in dependent:
                del self._passing[other]
        if is_given_up:
            if not may_give_up:
                self._cuts.add(_TOO_DEEP)
            return None
        if not cuts:
            self._lasting[key] = _Entry(value, dependent)
        elif self._running:
            self._passing[key] = _Entry(value, frozenset(cuts))
            self._cuts |= cuts
        else:
            self._passing.clear()
        return value
