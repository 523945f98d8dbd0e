"""Which states a place of a function was reached in: what is new there is followed, within a bound.

Two things keep the number of states small. A path that knows the same as another one and is less likely cannot show
more, so it is not followed. And beyond the bound, paths that know the same of every resource are followed as one, which
knows what is common to all: what they differ in is plain data, and most of it decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from lintdb.flow.state import Key, State
from lintdb.flow.values import Box, Data, Literal, Many, Name, Outside, Rid, Table, Truthiness, Value, parts_of

MAX_ALIKE = 12
"""States that differ in plain data only."""
MAX_JOINED = 16
"""Different fates of resources beyond the bounds that are followed on."""
_PLAIN = (Literal, Truthiness, Data, Name, Outside)
_DEEP = 8

_Lows = tuple[int, dict[Rid, int]]


class Visited:
    """The states seen at one place. `is_full`: some state was not followed, since there were too many of them."""

    __slots__ = ("_alike", "_fates", "_joined", "_most", "_seen", "is_full")

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: dict[Key, list[_Lows]] = {}
        self._alike: dict[object, int] = {}
        self._fates: set[object] = set()
        self._joined: dict[object, tuple[frozenset[tuple[str, Value]], frozenset[tuple[str, bool]]]] = {}
        self.is_full = False

    def admit(self, state: State) -> State | None:
        """Return the state that is to be followed: this one, or what is left of it; None if it shows nothing new."""
        lows = _lows_of(state)
        key = state.key()
        known = self._seen.get(key)
        if known is not None:
            if any(_is_as_sure(before, lows) for before in known):
                return None
            known.append(lows)
            return state
        alike = self._alike.get(key.core, 0)
        if alike >= MAX_ALIKE:
            return self._join(state, key, lows)
        fates = state.fates()
        if len(self._seen) >= self._most and fates <= self._fates:
            # Beyond the bound only what is new about some resource is followed as it is: that is bounded, too.
            return self._join(state, key, lows)
        self._fates |= fates
        self._seen[key] = [lows]
        self._alike[key.core] = alike + 1
        return state

    def _join(self, state: State, key: Key, lows: _Lows) -> State | None:
        """Forget what a state does not have in common with those that know the same of every resource."""
        group = _group_of(key)
        before = self._joined.get(group)
        if before is None and len(self._joined) >= MAX_JOINED:
            self.is_full = True
            return None
        common, facts = before or self._in_common(group, key)
        common, facts = common & key.items, facts & key.facts
        if before == (common, facts):
            return None
        self._joined[group] = common, facts
        for item in key.items - common:
            if not _matters(item[1], state.boxes):
                del state.env[item[0]]
        state.facts = dict(facts)
        known = self._seen.setdefault(state.key(), [])
        if any(_is_as_sure(earlier, lows) for earlier in known):
            return None
        known.append(lows)
        return state

    def _in_common(self, group: object, key: Key) -> tuple[frozenset[tuple[str, Value]], frozenset[tuple[str, bool]]]:
        """Return what all states of a group know of variables, and of conditions."""
        common, facts = key.items, key.facts
        for other in self._seen:
            if other.core == key.core and _group_of(other) == group:
                common, facts = common & other.items, facts & other.facts
        return common, facts


def _group_of(key: Key) -> object:
    """Return what tells apart paths that must not be followed as one."""
    contents = dict(key.boxes)
    boxes = frozenset(box for box in key.boxes if any(_matters(item, contents) for item in box[1]))
    return frozenset(item for item in key.items if _matters(item[1], contents)), boxes, key.core


def _matters(value: Value | None, contents: Mapping[int, tuple[Value, ...]], depth: int = 0) -> bool:
    """Whether something can be reached from a value that is more than plain data."""
    if value is None or isinstance(value, _PLAIN):
        return False
    if isinstance(value, Box):
        inside: tuple[Value | None, ...] = contents.get(value.id, ())
    elif isinstance(value, (Many, Table)):
        inside = parts_of(value)
    else:
        return True
    return depth < _DEEP and any(_matters(each, contents, depth + 1) for each in inside)


def _lows_of(state: State) -> _Lows:
    return state.low, {rid: status.low for rid, status in state.resources.items() if status.low}


def _is_as_sure(before: _Lows, lows: _Lows) -> bool:
    """Whether a path that was followed before is at least as likely as another one, and all that it met is."""
    return before[0] <= lows[0] and all(low <= lows[1].get(rid, 0) for rid, low in before[1].items())
