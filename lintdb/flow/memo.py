"""Results that are computed on demand, depend on each other, and may depend on themselves.

A computation that is asked for while it is under way is *cut*: the asker gets None. What was computed from a cut is
right for the computation that was under way, and for that alone; kept for good, it would make results depend on which
of two functions that call each other was looked at first. So it is kept only until that computation ends.

Results that all depend on each other would so be computed for each way through them. Where that takes too many
computations they are given up: what lies on the way is None for good, which way ever that was.

What computations cost is bounded, too, for each purpose that results are asked for (see `begin`). A result that is kept
costs the next purpose what it has cost, with all that it was computed from: so what a purpose gets does not depend on
what has been asked before.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

T = TypeVar("T")

MAX_NESTED = 24
"""Computations within computations; what lies deeper is cut, too."""
MAX_RUNS = 400
"""Computations for the sake of one that depends on itself. Many that all depend on each other would never end."""
MAX_ALIKE = 2
"""Computations of one group within each other: a function that calls itself, each time in another state."""
_TOO_DEEP = ("too deep",)


@dataclass
class _Work:
    """What a computation has cost itself, and the lasting results that it has asked for."""

    cost: int = 0
    asked: set[Hashable] = field(default_factory=set)

    def add(self, part: _Work) -> None:
        """Count a computation within this one, of which no result is kept."""
        self.cost += part.cost
        self.asked |= part.asked


class _Entry(NamedTuple):
    """A result. `keys`: for one that passes, what it was cut at; for a lasting one, what was computed from its cuts.

    `key` is its own: two that are the same object are equal at a glance, and some are long.
    """

    key: Hashable
    value: Any
    keys: frozenset[Hashable]
    work: _Work


class _TooMuchError(Exception):
    """A result depends on itself in more ways than are looked at. `key`: which one, of those under way."""

    def __init__(self, key: Hashable) -> None:
        super().__init__(key)
        self.key = key


class _TooExpensiveError(Exception):
    """What has been asked for costs more than is left."""


class Memo:
    """Remembers results by key, and forgets those that hold for the computation under way only."""

    def __init__(self) -> None:
        self._left = float("inf")
        self._paid: set[Hashable] = set()
        self._spent = 0
        self._reached: set[Hashable] = set()
        self._work = _Work()
        self._lasting: dict[Hashable, _Entry] = {}
        self._passing: dict[Hashable, _Entry] = {}
        self._running: dict[Hashable, int] = {}
        self._alike: dict[Hashable, list[Hashable]] = {}
        self._cuts: set[Hashable] = set()
        self._runs = 0

    def known(self) -> tuple[Hashable, ...]:
        """Return the keys of the results that are kept for good by now, in the order in which they were found."""
        return tuple(self._lasting)

    def begin(self, budget: float) -> None:
        """Begin to ask for another purpose.

        A request that costs more than is left of *budget* gives None, and uses it up. What has been asked for once, for
        the same purpose, costs nothing.
        """
        self._left = budget
        self._paid = set()

    def spend(self, cost: int) -> None:
        """Count what the computation under way costs."""
        self._work.cost += cost
        self._pay(cost)

    def get(
        self, key: Hashable, compute: Callable[[], T], *, group: Hashable = None, may_give_up: bool = False
    ) -> T | None:
        """Return the result for *key*; None where it depends on itself, is nested too deeply, or costs too much.

        *group* is the same for keys that lead to each other without end; a few of these are nested, then it is as if
        they were one. *may_give_up*: and for good, where results depend on each other in more ways than can be looked
        at.
        """
        if self._running:
            return self._get(key, compute, group, may_give_up)
        self._spent = 0
        self._reached = set()
        self._work = _Work()
        try:
            value = self._get(key, compute, group, may_give_up)
        except _TooExpensiveError:
            self._passing.clear()
            self._cuts = set()
            self._left = 0
            return None
        self._left -= self._spent
        self._paid |= self._reached
        return value

    def _get(self, key: Hashable, compute: Callable[[], T], group: Hashable, may_give_up: bool) -> T | None:
        lasting = self._lasting.get(key)
        if lasting is not None and self._running.keys().isdisjoint(lasting.keys):
            self._work.asked.add(lasting.key)
            self._reach(lasting.key)
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
        alike = self._alike.setdefault(group, []) if group is not None else []
        if len(alike) >= MAX_ALIKE:
            self._cuts.update(alike)  # whichever of them had been asked for first would get further
            return None
        alike.append(key)
        try:
            return self._run(key, compute, may_give_up)
        finally:
            alike.pop()

    def _reach(self, key: Hashable) -> None:
        """Pay for a result that is there, and for all that it was computed from."""
        todo = [key]
        while todo:
            current = todo.pop()
            if current not in self._paid and current not in self._reached:
                self._reached.add(current)
                work = self._lasting[current].work
                todo.extend(work.asked)
                self._pay(work.cost)

    def _pay(self, cost: int) -> None:
        self._spent += cost
        if self._spent > self._left:
            raise _TooExpensiveError

    def _keep(self, key: Hashable, value: Any, keys: frozenset[Hashable], work: _Work) -> None:
        """Keep a result for good; it has been paid for."""
        self._lasting[key] = _Entry(key, value, keys, work)
        self._reached.add(key)
        self._work.asked.add(key)

    def _run(self, key: Hashable, compute: Callable[[], T], may_give_up: bool) -> T | None:
        self._runs += 1
        outer, self._cuts = self._cuts, set()
        asker, self._work = self._work, _Work()
        self._running[key] = self._runs
        value: T | None = None
        given_up: _TooMuchError | None = None
        try:
            value = compute()
        except _TooMuchError as error:
            given_up = error
        finally:
            del self._running[key]
            cuts, self._cuts = self._cuts - {key}, outer
            work, self._work = self._work, asker
            dependent = frozenset(other for other, entry in self._passing.items() if key in entry.keys)
            for other in dependent:
                del self._passing[other]
        if given_up is not None:
            if may_give_up:
                self._keep(key, None, frozenset(), work)
            else:
                asker.add(work)
            if given_up.key != key:
                raise given_up
            if not may_give_up:
                self._cuts.add(_TOO_DEEP)
            return None
        if not cuts:
            self._keep(key, value, dependent, work)
            return value
        asker.add(work)
        if self._running:
            self._passing[key] = _Entry(key, value, frozenset(cuts), work)
            self._cuts |= cuts
        else:
            self._passing.clear()
        return value
