"""Which states a place of a function was reached in: what is new there is followed, within a bound.

A path that knows the same as another one and is less likely cannot show more, so it is not followed. Beyond the bound
only what is new about some resource is followed: that is bounded, too.
"""

from __future__ import annotations

from lintdb.flow.state import Key, State
from lintdb.flow.values import Rid

_Lows = tuple[int, dict[Rid, int]]


class Visited:
    """The states seen at one place. `is_full`: some state was not followed, since there were too many of them."""

    __slots__ = ("_fates", "_most", "_seen", "is_full")

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: dict[Key, list[_Lows]] = {}
        self._fates: set[object] = set()
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
        fates = state.fates()
        if len(self._seen) >= self._most and fates <= self._fates:
            self.is_full = True
            return False
        self._fates |= fates
        self._seen[key] = [lows]
        return True


def _lows_of(state: State) -> _Lows:
    return state.low, {rid: status.low for rid, status in state.resources.items() if status.low}


def _is_as_sure(before: _Lows, lows: _Lows) -> bool:
    """Whether a path that was followed before is at least as likely as another one, and all that it met is."""
    return before[0] <= lows[0] and all(low <= lows[1].get(rid, 0) for rid, low in before[1].items())
