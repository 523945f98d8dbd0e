"""Which states a place of a function was reached in: what is new there is followed, within a bound.

A path that knows the same as another one and is less likely cannot show more, so it is not followed. Beyond the bound
only what is new about some resource is followed: that is bounded, too.
"""

from __future__ import annotations

from lintdb.flow.state import Key, State
from lintdb.flow.values import Rid, Status

_Lows = tuple[int, dict[Rid, int]]
_Resources = tuple[int, str | None, tuple[tuple[Rid, Status], ...]]
"""How unlikely a path is, the class of the error in flight, and all that is known of resources."""


class Visited:
    """The states seen at one place. `is_full`: some state was not followed, since there were too many of them."""

    __slots__ = ("_fates", "_most", "_seen", "_unsorted", "is_full")

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: dict[Key, list[_Lows]] = {}
        self._fates: set[object] = set()
        self._unsorted: list[_Resources] = []
        self.is_full = False

    def admit(self, state: State) -> bool:
        """Whether a state is to be followed."""
        lows = _lows_of(state)
        key = state.key()
        known = self._seen.get(key)
        if known is not None:
            if any(_is_as_sure(before, lows) for before in known):
                return False
            known.append(lows)
            return True
        resources = _resources_of(state)
        if len(self._seen) >= self._most and not self._is_new_fate(resources):
            self.is_full = True
            return False
        self._unsorted.append(resources)
        self._seen[key] = [lows]
        return True

    def _is_new_fate(self, resources: _Resources) -> bool:
        """Whether something became of a resource that has not become of it on any path before."""
        for each in self._unsorted:
            self._fates |= _fates_of(each)
        self._unsorted.clear()
        return not _fates_of(resources) <= self._fates


def _lows_of(state: State) -> _Lows:
    return state.low, {rid: status.low for rid, status in state.resources.items() if status.low}


def _resources_of(state: State) -> _Resources:
    return state.low, state.raised.type if state.raised is not None else "", tuple(state.resources.items())


def _fates_of(resources: _Resources) -> set[object]:
    """Return what became of each resource on a path, one by one."""
    low, raised, statuses = resources
    return {
        (rid, status.phase, status.raised, status.low, low, status.pending >= 0, status.failed >= 0, raised)
        for rid, status in statuses
        if status.kind[0] != "$"
    }


def _is_as_sure(before: _Lows, lows: _Lows) -> bool:
    """Whether a path that was followed before is at least as likely as another one, and all that it met is."""
    return before[0] <= lows[0] and all(low <= lows[1].get(rid, 0) for rid, low in before[1].items())
