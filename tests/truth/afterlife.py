"""What is used, and what is used after its release: on which line, and whether anybody waits for the error there."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING

from tests.truth.books import Frame, Outcome, Place, Record
from tests.truth.stand_in import Connection, Cursor

if TYPE_CHECKING:
    from tests.truth.world import World


class Afterlife:
    """Watches the uses of what one run opens.

    A use is told of where both it and the release can be seen: in the innermost function that made, or whose callees
    made, both calls. One release is told of once, at the first use after it. That use raises, so what comes behind it
    on the same thing, or on what belongs to it, is reached by nobody: lintdb may name it or not.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.used_at: set[int] = set()

    def released(self, record: Record) -> None:
        """It is released now; if it was before, and that is in doubt, it is from here on."""
        if record.is_open or record.is_doubted:
            record.released_at = tuple(self._world.places_of(sys._getframe(1)))
            for each in self._world.records:
                if each is record or each.parent is record:
                    each.is_doubted = False

    def used(self, record: Record, ended: Record | None = None) -> None:
        """Something is called on it, or it is read; *ended* is what that needs and is released, if it is not plain."""
        ended = ended or _ended(record)
        places = self._world.places_of(sys._getframe(1))
        if ended is None:
            self.used_at.update(line for _, line in places[-1:])
        elif not (ended.is_doubted or record.is_doubted):
            shared = _innermost_shared(ended.released_at, places)
            self._misused(ended, record, places[shared:] if shared is not None else [])

    def handed_out(self, value: object, frame: Frame, line: int) -> None:
        """A function returns or yields a value: whoever gets it means to use it."""
        for each in value if isinstance(value, tuple) else (value,):
            for record in self._needed_by(each):
                ended = _ended(record)
                if ended is not None and any(known is frame for known, _ in ended.released_at):
                    self._misused(ended, record, [(frame, line)])

    def _needed_by(self, value: object) -> list[Record]:
        """Return what must be open for a value to be used: itself, or what a generator expression reads."""
        if isinstance(value, Connection | Cursor):
            return [value.truth_record]
        if not isinstance(value, types.GeneratorType) or value.gi_code.co_name != "<genexpr>":
            return []
        reached = self._world.reach([value], through_cursors=False)
        return [record for record in self._world.records if id(record) in reached]

    def _misused(self, ended: Record, record: Record, places: list[Place]) -> None:
        if not places or ended.is_doubted or record.is_doubted:
            return
        world = self._world
        since = {id(frame): line for frame, line in ended.released_at}
        is_awaited = any(world.places.is_awaited(line, since.get(id(frame), 0)) for frame, line in places)
        is_behind = any(each.is_misused for each in (ended, record, record.parent) if each is not None)
        is_low = is_awaited or is_behind or world.is_unlikely
        world.outcomes.append(Outcome("misused", record.family, places[0][1], on_error=False, is_low=is_low))
        for each in world.records:
            if each is ended or each is record or each.parent is ended:
                each.is_doubted = each.is_misused = True


def _ended(record: Record) -> Record | None:
    """Return what was released: a thing itself, or what it belongs to."""
    if not record.is_open:
        return record
    parent = record.parent
    return parent if parent is not None and not parent.is_open else None


def _innermost_shared(before: tuple[Place, ...], now: list[Place]) -> int | None:
    """Return which of the calls that stand now is the last one that stood before, too."""
    stood = {id(frame) for frame, _ in before}
    shared = [number for number, (frame, _) in enumerate(now) if id(frame) in stood]
    return shared[-1] if shared else None
