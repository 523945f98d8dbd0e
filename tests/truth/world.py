"""The world that a program is run in: it raises, keeps the books, and asks at every end who can still reach what."""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from tests.truth.afterlife import Afterlife
from tests.truth.books import (
    CAUGHT,
    DONE,
    NEXT,
    PROGRAM,
    PROGRAM_MODULE,
    RAISES,
    Event,
    Frame,
    Outcome,
    Place,
    Places,
    Record,
)
from tests.truth.choices import Chooser, Dropped, OpaqueError, ProcessExit
from tests.truth.opaque import Opaque
from tests.truth.stand_in import Connection, Cursor


class World:
    """The state of one run."""

    def __init__(self, chooser: Chooser, places: Places, max_raises: int) -> None:
        self.chooser = chooser
        self.places = places
        self.raises_left = max_raises
        self.records: list[Record] = []
        self.outcomes: list[Outcome] = []
        self.frames: dict[int, Frame] = {}
        self.explicit: list[BaseException] = []
        self.planned: list[BaseException] = []
        self.rounds: dict[int, int] = {}
        self.caught: set[int] = set()
        self.log: list[tuple[Frame, Event]] = []
        self.arrived: set[tuple[int, int]] = set()
        self.is_setting_up = False
        self.is_over = False
        self.is_dropped = False
        self.is_mistaken = False
        self.is_unlikely = False
        self.is_in_block = False
        self.given: set[tuple[bool, bool]] = set()
        self.keeping: frozenset[Event] = frozenset()
        self.after = Afterlife(self)
        self.globals: Callable[[], list[object]] = list
        self.outside: list[object] = []

    # Questions.

    def flip(self) -> bool:
        """A choice between false and true."""
        return self.chooser.choose(2) == 1

    def may_raise(
        self, *, is_driver: bool = False, is_unlikely: bool = False, frame: types.FrameType | None = None
    ) -> None:
        """Raise here in one of two futures, as long as this run has not raised too often."""
        if self.raises_left <= 0 or self.is_over or self.is_setting_up:
            return
        kinds: tuple[type[Exception], ...] = (OpaqueError, *self.places.other_errors)
        if is_driver:
            kinds = self.places.driver_errors
        choice = self.chooser.choose(1 + len(kinds))
        if choice == 0:
            return
        self.raises_left -= 1
        error = kinds[choice - 1]("planned")
        self.note_raise(error, is_driver=is_driver, is_unlikely=is_unlikely, frame=frame)
        raise error

    def note_raise(
        self,
        error: BaseException,
        *,
        is_driver: bool = False,
        is_unlikely: bool = False,
        frame: types.FrameType | None = None,
    ) -> None:
        """Write into the books of everything that is owed, or in work, that something raises here."""
        handled = sys.exc_info()[1]
        if handled is not None and id(handled) not in self.caught and not self.is_expected(handled):
            # A mistake of the program is on its way out, and this would hide it.
            self.is_over = self.is_dropped = self.is_mistaken = True
        self.planned.append(error)
        self.arrive(error, frame or sys._getframe(1))
        lines = _program_lines(frame or sys._getframe(1))
        is_low = is_unlikely or self.places.is_low(error, lines, is_driver=is_driver)
        self.is_unlikely |= is_low
        for record in self.records:
            record.has_raised |= record.is_owed
            record.is_low |= is_low and (record.is_owed or (record.is_external and record.is_open))
            if record.unit is not None:
                record.unit.has_raised = True
                record.unit.is_low |= is_low

    def is_expected(self, error: BaseException) -> bool:
        """Whether an exception is one that a path may take: planned, or raised by the program's own `raise`."""
        if isinstance(error, GeneratorExit | SystemExit | ProcessExit | Dropped):
            return True
        return any(each is error for each in self.planned) or any(each is error for each in self.explicit)

    # Frames.

    def enter(self, frame: Frame, python_frame: types.FrameType) -> None:
        self.frames[id(python_frame)] = frame

    def happened(self, what: str, python_frame: types.FrameType | None, line: int = 0, column: int = 0) -> None:
        """Write down a decision of a function of the program; a line of 0 is the one that runs."""
        place = self.program_frame(python_frame)
        if place is not None:
            self.log.append((place[0], (what, line or place[1], column)))

    def arrive(self, error: BaseException, python_frame: types.FrameType | None, what: str = RAISES) -> None:
        """An exception comes up in a function of the program: once in each, from what it called or by its own."""
        place = self.program_frame(python_frame)
        if place is not None and (id(error), id(place[0])) not in self.arrived:
            self.arrived.add((id(error), id(place[0])))
            self.log.append((place[0], (what, place[1], 0)))

    def leave(self, frame: Frame, python_frame: types.FrameType, error: BaseException | None) -> None:
        """Ask for everything that the frame owes: is it handed on, does it live elsewhere, or is it lost?"""
        self.frames.pop(id(python_frame), None)
        if self.is_over:
            return
        if isinstance(error, SystemExit | ProcessExit):
            for record in self.records:
                record.is_excused = True
            return
        if error is not None and (isinstance(error, Dropped) or not self.is_expected(error)):
            self.is_over = self.is_dropped = True
            self.is_mistaken = not isinstance(error, Dropped)
            return
        caller = self.program_frame(python_frame.f_back)
        self._hand_on_units(frame, caller)
        if error is None:
            self.after.handed_out(frame.result, frame, frame.result_line)
        elif not isinstance(error, GeneratorExit):
            self.arrive(error, python_frame.f_back)
        if caller is None:
            self._end(frame, error)
        owed = [record for record in self.records if record.owner is frame and record.is_owed]
        if owed:
            self._hand_on(owed, frame, caller, self._roots(frame, python_frame, error))
        for record in owed:
            if record.owner is frame and record.is_owed:
                self.lose(record)

    def _hand_on_units(self, frame: Frame, caller: Place | None) -> None:
        """The work that a call has begun is, from here on, work of the line that has made the call."""
        for record in self.records:
            if record.unit is not None and record.unit.begun_by is frame and caller is not None:
                record.unit.begun_by, record.unit.line = caller

    def _roots(self, frame: Frame, python_frame: types.FrameType, error: BaseException | None) -> list[object]:
        """Return what the caller can get at once the frame is gone, but for globals."""
        arguments = frame.arguments
        if error is not None and frame.function == "__init__":
            arguments = arguments[1:]  # the object under construction is dropped
        # What a manager returns, nobody gets.
        result = [frame.result] if error is None and not frame.is_manager else []
        return [*arguments, *_captured(python_frame), *result]

    def _hand_on(self, owed: list[Record], frame: Frame, caller: tuple[Frame, int] | None, roots: list[object]) -> None:
        elsewhere = self.reach([*self.globals(), *self.outside])
        handed_on = self.reach(roots)
        for record in owed:
            if id(record) in elsewhere or (id(record) in handed_on and caller is None):
                record.is_escaped = True
            elif id(record) in handed_on and caller is not None:
                record.owner, record.line = caller
                record.birth = len(self.log)
                self._renew(record)

    def lose(self, record: Record) -> None:
        """Nobody can release it any more."""
        record.is_lost = True
        if record.family == "cursor" and record.parent is not None:
            parent = record.parent
            if not parent.is_open or parent.is_owed or parent.is_lost or parent.is_escaped:
                return  # it goes with its connection, or the connection is what is lost
        ends = {len(self.log), record.death if record.is_collected else None, record.renewal}
        paths = tuple(
            tuple(event for frame, event in self.log[record.birth : end] if frame is record.owner) for end in ends
        )
        is_overwritten = record.is_collected and record.renewal is not None
        on_error = record.has_raised_by_death if is_overwritten else record.has_raised
        outcome = Outcome("leak", record.family, record.line, on_error, record.is_low, paths=paths)
        self.outcomes.append(replace(outcome, is_shared=record.is_shared))
        if record.unit is not None:
            self.lose_unit(record, "dropped-work")

    def lose_unit(self, record: Record, what: str = "lost-work") -> None:
        """A connection ends with work that nobody committed."""
        unit = record.unit
        record.unit = None
        if unit is None or record.is_memory or record.is_external or unit.has_raised:
            return
        if sys.exc_info()[1] not in (None, unit.handled):
            return
        if record.has_raised or unit.is_of_clean_up or unit.is_given_up:
            what = "dropped-work"  # written while an error was dealt with, or before one that was
        outcome = Outcome(what, "connection", unit.line, on_error=False, is_low=False, source=record.line)
        done = {(NEXT, line, column) for _, (word, line, column) in self.log[unit.birth :] if word == DONE}
        self.outcomes.append(replace(outcome, skipped=frozenset(done) - self._rounds()))

    def _rounds(self) -> frozenset[Event]:
        """Return the loops that have had a round."""
        return frozenset(event for _, event in self.log if event[0] == NEXT)

    def note_kept(self) -> None:
        """Work is made permanent: which loops are under way, or have been?"""
        self.keeping |= self._rounds()

    def note_caught(self, line: int) -> None:
        """A handler deals with an error, and with what that means for the work under way."""
        for record in self.records:
            if record.unit is not None and record.unit.has_raised:
                record.unit.caught_at = line

    def give_up(self, frame: Frame, line: int) -> None:
        """The function returns at a line: if in a handler, it drops the work that was under way before the error."""
        if line not in self.places.handlers:
            return
        caught = [number for number, (known, event) in enumerate(self.log) if known is frame and event[0] == CAUGHT]
        for record in self.records:
            if record.unit is not None and caught and caught[-1] >= record.unit.birth:
                record.unit.is_given_up = True

    def lose_unit_of_own(self, record: Record) -> None:
        """A connection is closed with work that nobody committed, unless somebody else may have it, too."""
        if id(record) in self.reach([*self.globals(), *self.outside]):
            record.unit = None
        elif not record.is_shared:
            self.lose_unit(record)

    def _end_units(self) -> None:
        """The function returns: what failed on a connection that lives on, and was not rolled back, stays open."""
        for record in self.records:
            unit = record.unit
            if unit is None or not record.is_external or not record.is_open or record.is_escaped or record.begun:
                continue
            # Otherwise it may be told of what began it.
            is_certain = unit.is_done and not unit.is_begun and not unit.is_low
            what = ("open-unit" if is_certain else "begun-unit") if unit.has_raised else "left-to-caller"
            self.outcomes.append(
                Outcome(what, "connection", unit.line, unit.has_raised, is_low=False, source=unit.caught_at)
            )

    def _end(self, frame: Frame, error: BaseException | None) -> None:
        """The outermost function ends: how does it leave what it has not opened?"""
        self._end_transactions()
        if error is None:
            self._end_units()
        if frame.is_manager and (error is None or self.is_in_block):
            given = [each.truth_record for each in frame.arguments if isinstance(each, Connection)]
            self.given.update((error is not None, record.is_open) for record in given)

    def _end_transactions(self) -> None:
        """What a statement began on a connection that lives on, and none ended, stays open; so does another mode."""
        for record in self.records:
            if record.is_external and record.is_open and not record.is_escaped:
                for line in filter(None, (record.begun, record.switched)):
                    self.outcomes.append(
                        Outcome("unfinished", "connection", line, on_error=False, is_low=record.is_low)
                    )

    def program_frame(self, start: types.FrameType | None) -> tuple[Frame, int] | None:
        """Return the innermost call of a program's function at or above a Python frame, with its current line."""
        return next(self._standing(start), None)

    def places_of(self, start: types.FrameType | None) -> list[Place]:
        """Return the calls of the program's functions that stand at or above a Python frame, outermost first.

        A generator expression runs where it is read, not where it stands.
        """
        return list(self._standing(start, later=("<lambda>", "<genexpr>")))[::-1]

    def _standing(self, start: types.FrameType | None, later: tuple[str, ...] = ("<lambda>",)) -> Iterator[Place]:
        line = 0
        frame = start
        while frame is not None:
            if frame.f_code.co_filename == PROGRAM:
                name = frame.f_code.co_name
                if name in later:
                    line = 0
                elif name in ("<listcomp>", "<genexpr>", "<setcomp>", "<dictcomp>"):
                    line = line or frame.f_lineno
                found = self.frames.get(id(frame))
                if found is not None:
                    yield found, line or frame.f_lineno
                    line = 0
            frame = frame.f_back

    # Resources.

    def acquire(self, family: str, *, parent: Record | None = None, is_memory: bool = False) -> Record:
        place = self.program_frame(sys._getframe(2))
        owner, line = place if place is not None else (None, 0)
        record = Record(family, line, owner, parent=parent, is_memory=is_memory)
        record.birth = len(self.log)
        record.is_external = self.is_setting_up or owner is None
        self._renew(record)
        self.records.append(record)
        return record

    def _renew(self, record: Record) -> None:
        """A line opens another: what it opened before is lost now, if nothing holds it, whatever happens later."""
        for before in self.records:
            if before is record or (before.line, before.owner) != (record.line, record.owner):
                continue
            if before.is_collected and before.is_owed:
                self.lose(before)
            if before.renewal is None:
                before.renewal = len(self.log)

    def escape(self, *values: object) -> None:
        """Something that outlives the program's functions, or that nobody can see into, has got these values."""
        if not self.records:
            return
        reached = self.reach(list(values), through_cursors=False)
        for record in self.records:
            if id(record) in reached:
                record.is_escaped = True
                record.is_doubted = record.is_doubted or not record.is_open

    def share(self, *values: object, is_lent: bool) -> None:
        """Somebody else works on these for a while and may commit what is pending; or (not lent) may keep them."""
        reached = self.reach(list(values))
        for record in self.records:
            if id(record) in reached:
                record.unit = None
                record.is_shared |= not is_lent

    def reach(self, roots: list[object], *, through_cursors: bool = True) -> set[int]:
        """Return the ids of the records of the connections and cursors that can be reached from some values."""
        found: set[int] = set()
        seen: set[int] = set()
        todo = roots
        while todo:
            value = todo.pop()
            if isinstance(value, _PLAIN) or id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, Connection):
                found.add(id(value.truth_record))
            elif isinstance(value, Cursor):
                found.add(id(value.truth_record))
                if through_cursors:
                    todo.append(value.connection)
            todo.extend(_held_by(value))
        return found


def _held_by(value: object) -> Iterable[object]:
    """Return what a value keeps alive, but for what its class, its module and the library are made of."""
    if isinstance(value, types.FunctionType):
        return (value.__closure__, value.__defaults__, value.__kwdefaults__, value.__dict__)
    if isinstance(value, type):
        is_of_program = value.__module__ == PROGRAM_MODULE
        return [each for each in vars(value).values() if not callable(each)] if is_of_program else ()
    if isinstance(value, Connection | Cursor):
        return ()
    return gc.get_referents(value)


def _program_lines(start: types.FrameType | None) -> list[int]:
    lines = []
    frame = start
    while frame is not None:
        if frame.f_code.co_filename == PROGRAM:
            lines.append(frame.f_lineno)
        frame = frame.f_back
    return lines


def _captured(python_frame: types.FrameType) -> list[object]:
    """Return the values of the names that a nested function has from outside."""
    names = python_frame.f_code.co_freevars
    if not names:
        return []
    known = python_frame.f_locals
    return [known[name] for name in names if name in known]


_PLAIN = (
    str,
    int,
    float,
    bytes,
    bool,
    type(None),
    types.ModuleType,
    types.CodeType,
    Opaque,
    World,
    Record,
    Frame,
    Chooser,
)
