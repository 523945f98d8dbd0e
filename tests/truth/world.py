"""The world that a program is run in: choices that are replayed, opaque values, and a sqlite3 that keeps books.

One run follows one list of choices. Every opaque call may raise, every opaque value may be true or false, None or not,
hold none, one or two elements; each such question is a choice, and `Chooser.next_trail` gives the next list until all
have been followed.
"""

from __future__ import annotations

import gc
import re
import sqlite3
import sys
import types
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace

PROGRAM = "<program>"
MAX_CHOICES = 60
MAX_ELEMENTS = 2
MAX_ROUNDS = 2
MILD = (".close", ".append")
"""Methods of somebody else that hardly fail."""


Event = tuple[str, int, int]
"""A decision of a run: what happened, on which line, at which column (0 where that is not known)."""
RAISES, RAISED, CAUGHT, FAILS, TRUE, FALSE, NEXT, DONE = (
    "raises", "raised here", "handled here", "fails", "is true here", "is false here", "next element",
    "no more elements",
)  # fmt: skip


class OpaqueError(Exception):
    """What code that nobody can see raises: no error of the driver and no builtin."""


class Dropped(BaseException):
    """This run went beyond the bound: it proves nothing."""


class ProcessExit(BaseException):
    """`os._exit` was called."""


class Chooser:
    """Answers questions by a given list of choices, then by the first option, and remembers what was asked."""

    def __init__(self, trail: list[int]) -> None:
        self._given = trail
        self.taken: list[tuple[int, int]] = []

    def choose(self, options: int) -> int:
        """Return a number below *options*; raises Dropped after too many questions."""
        number = len(self.taken)
        if number >= MAX_CHOICES:
            raise Dropped
        choice = self._given[number] if number < len(self._given) else 0
        self.taken.append((choice, options))
        return choice

    def next_trail(self) -> list[int] | None:
        """Return the choices of the next run, None after the last."""
        taken = list(self.taken)
        while taken:
            choice, options = taken.pop()
            if choice + 1 < options:
                return [each for each, _ in taken] + [choice + 1]
        return None


@dataclass(eq=False)
class Frame:
    """One call of a function of the program."""

    function: str
    first_line: int
    last_line: int
    is_generator: bool
    is_manager: bool
    arguments: tuple[object, ...]
    line: int = 0
    result: object = None


@dataclass(eq=False)
class Unit:
    """The work on a connection since its last commit or rollback."""

    line: int
    handled: BaseException | None
    is_of_clean_up: bool = False
    has_raised: bool = False


@dataclass(eq=False)
class Record:
    """What happened to one connection or cursor."""

    family: str
    line: int
    owner: Frame | None
    is_external: bool = False
    is_memory: bool = False
    is_autocommit: bool = False
    parent: Record | None = None
    is_open: bool = True
    is_escaped: bool = False
    is_excused: bool = False
    is_lost: bool = False
    is_collected: bool = False
    is_shared: bool = False
    birth: int = 0
    death: int = 0
    renewal: int | None = None
    has_raised: bool = False
    is_low: bool = False
    uses_after_release: list[int] = field(default_factory=list)
    unit: Unit | None = None

    @property
    def is_owed(self) -> bool:
        """Whether somebody still has to release it."""
        return self.is_open and not (self.is_external or self.is_escaped or self.is_excused or self.is_lost)


@dataclass(frozen=True)
class Outcome:
    """One thing that a run showed: `what` is leak, lost-work, dropped-work, open-unit, left-to-caller or committed.

    Work is lost where its connection is closed. It is dropped, and lintdb may name it or not, where the connection is
    left open, for then that is the defect, and where it was written after an error. `source` is the line that acquired
    the connection.
    """

    what: str
    family: str
    line: int
    on_error: bool
    is_low: bool
    source: int = 0
    paths: tuple[tuple[Event, ...], ...] = ()
    is_shared: bool = False


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
        self.planned.append(error)
        self.arrive(error, frame or sys._getframe(1))
        lines = _program_lines(frame or sys._getframe(1))
        is_low = is_unlikely or self.places.is_low(error, lines, is_driver=is_driver)
        for record in self.records:
            if record.is_owed:
                record.has_raised = True
                record.is_low |= is_low
            if record.unit is not None:
                record.unit.has_raised = True

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
        if error is not None and not isinstance(error, GeneratorExit):
            self.arrive(error, python_frame.f_back)
        if caller is None and error is None:
            self._end_units()
        owed = [record for record in self.records if record.owner is frame and record.is_owed]
        if owed:
            self._hand_on(owed, frame, caller, self._roots(frame, python_frame, error))
        for record in owed:
            if record.owner is frame and record.is_owed:
                self.lose(record)

    def _roots(self, frame: Frame, python_frame: types.FrameType, error: BaseException | None) -> list[object]:
        """Return what the caller can get at once the frame is gone, but for globals."""
        arguments = frame.arguments
        if error is not None and frame.function == "__init__":
            arguments = arguments[1:]  # the object under construction is dropped
        # What a manager returns, nobody gets.
        result = [frame.result] if error is None and not frame.is_manager else []
        return [*arguments, *_captured(python_frame), *result]

    def _hand_on(self, owed: list[Record], frame: Frame, caller: tuple[Frame, int] | None, roots: list[object]) -> None:
        elsewhere = self._reach([*self.globals(), *self.outside])
        handed_on = self._reach(roots)
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
        outcome = Outcome("leak", record.family, record.line, record.has_raised, record.is_low, paths=paths)
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
        if record.has_raised or unit.is_of_clean_up:
            what = "dropped-work"  # written while an error was dealt with
        self.outcomes.append(Outcome(what, "connection", unit.line, on_error=False, is_low=False, source=record.line))

    def lose_unit_of_own(self, record: Record) -> None:
        """A connection is closed with work that nobody committed, unless somebody else may have it, too."""
        if id(record) in self._reach([*self.globals(), *self.outside]):
            record.unit = None
        elif not record.is_shared:
            self.lose_unit(record)

    def _end_units(self) -> None:
        """The function returns: what failed on a connection that lives on, and was not rolled back, stays open."""
        for record in self.records:
            unit = record.unit
            if unit is None or not record.is_external or not record.is_open or record.is_escaped:
                continue
            what = "open-unit" if unit.has_raised else "left-to-caller"
            self.outcomes.append(Outcome(what, "connection", unit.line, on_error=unit.has_raised, is_low=False))

    def program_frame(self, start: types.FrameType | None) -> tuple[Frame, int] | None:
        """Return the innermost call of a program's function at or above a Python frame, with its current line."""
        line = 0
        frame = start
        while frame is not None:
            if frame.f_code.co_filename == PROGRAM:
                name = frame.f_code.co_name
                if name in ("<listcomp>", "<genexpr>", "<setcomp>", "<dictcomp>"):
                    line = line or frame.f_lineno
                elif name == "<lambda>":
                    line = 0
                found = self.frames.get(id(frame))
                if found is not None:
                    return found, line or frame.f_lineno
            frame = frame.f_back
        return None

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
        if not any(record.is_owed or record.unit is not None for record in self.records):
            return
        reached = self._reach(list(values), through_cursors=False)
        for record in self.records:
            if id(record) in reached:
                record.is_escaped = True

    def share(self, *values: object, is_lent: bool) -> None:
        """Somebody else works on these for a while and may commit what is pending; or (not lent) may keep them."""
        reached = self._reach(list(values))
        for record in self.records:
            if id(record) in reached:
                record.unit = None
                record.is_shared |= not is_lent

    def _reach(self, roots: list[object], *, through_cursors: bool = True) -> set[int]:
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

    def line(self) -> int:
        """The line that is being run of the innermost function of the program."""
        place = self.program_frame(sys._getframe(2))
        return place[1] if place is not None else 0


PROGRAM_MODULE = "truth_program"


class Places:
    """What the text says about lines: which stand in clean-up code, which behind handlers of driver errors only.

    `driver_errors` are those that calls of the driver raise, more than one where the program tells them apart;
    `other_errors` those that opaque calls raise besides one that nobody has heard of: what the program handles.
    """

    def __init__(
        self,
        clean_up: frozenset[int],
        past_handler: frozenset[int],
        driver_errors: tuple[type[Exception], ...],
        other_errors: tuple[type[Exception], ...],
    ) -> None:
        self.clean_up = clean_up
        self.past_handler = past_handler
        self.driver_errors = driver_errors
        self.other_errors = other_errors

    def is_low(self, error: BaseException, lines: list[int], *, is_driver: bool) -> bool:
        """Whether an error at a place, innermost line first, is one that lintdb reports with low confidence only.

        It is where somebody else's call, or a helper's, fails in clean-up code, and where an unknown error passes by
        handlers that were written for errors of the driver.
        """
        cleaning_up = lines[1:] if is_driver else lines
        if any(line in self.clean_up for line in cleaning_up):
            return True
        return not isinstance(error, sqlite3.Error) and any(line in self.past_handler for line in lines)


class Opaque:
    """A value that nobody knows: it can be called, asked, iterated, stored into; all answers are choices."""

    def __init__(self, world: Callable[[], World], *, name: str = "value", is_never_none: bool = False) -> None:
        slots = self.__dict__
        slots["_world"] = world
        slots["_name"] = name
        slots["_none"] = False if is_never_none else None
        slots["_truth"] = None
        slots["_length"] = None
        slots["_iterated"] = None
        slots["_children"] = {}
        slots["_equal"] = {}

    def truth_forget(self) -> None:
        """Start a new run: nothing has been asked yet."""
        self.__dict__.update(_none=None, _truth=None, _length=None, _iterated=None, _children={}, _equal={})

    def truth_is_none(self) -> bool:
        """Whether this stands for None; asked once, then known."""
        known = self.__dict__
        if known["_none"] is not None:
            return bool(known["_none"])
        answer = not known["_truth"] and self._world().flip()
        known["_none"] = answer
        if answer:
            known["_truth"] = False
        return answer

    def __bool__(self) -> bool:
        known = self.__dict__
        if known["_truth"] is None:
            if known["_length"] is not None:
                known["_truth"] = known["_length"] > 0
            else:
                # What is not None but false is rare among the values that code tests in both ways.
                known["_truth"] = True if known["_none"] is False else self._world().flip()
        return bool(known["_truth"])

    def __call__(self, *args: object, **kwargs: object) -> object:
        world = self._world()
        world.escape(*args, *kwargs.values())
        world.may_raise(is_unlikely=str(self.__dict__["_name"]).endswith(MILD))
        return self._make("()")

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        children = self.__dict__["_children"]
        if name not in children:
            children[name] = self._make(name)
        return children[name]

    def __setattr__(self, name: str, value: object) -> None:
        self._world().escape(value)
        self._world().outside.append(value)
        self.__dict__["_children"][name] = value

    def __delattr__(self, name: str) -> None:
        self.__dict__["_children"].pop(name, None)

    def __getitem__(self, key: object) -> object:
        name = f"[{key!r}]" if isinstance(key, str | int) else "[]"
        children = self.__dict__["_children"]
        if name not in children:
            children[name] = self._make(name)
        return children[name]

    def __setitem__(self, key: object, value: object) -> None:
        self._world().escape(value, key)
        self._world().outside.append(value)

    def __delitem__(self, key: object) -> None:
        pass

    def __iter__(self) -> Iterator[object]:
        return _Elements(self._world, self._how_many_this_time())

    def __len__(self) -> int:
        return self._how_many()

    def __contains__(self, value: object) -> bool:
        return self._world().flip()

    def __enter__(self) -> object:
        self._world().may_raise()
        return self._make("as")

    def __exit__(self, *exc_info: object) -> None:
        return None

    def __await__(self) -> Generator[None, None, object]:
        yield from ()  # the call that made it has asked whether it raises
        return self._make("await")

    def __aiter__(self) -> AsyncIterator[object]:
        return _Elements(self._world, self._how_many_this_time())

    async def __aenter__(self) -> object:
        return self.__enter__()

    async def __aexit__(self, *exc_info: object) -> None:
        return None

    def __eq__(self, other: object) -> bool:
        if other is None:
            return self.truth_is_none()
        if other is self:
            return True
        return self._compare("==", other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: object) -> bool:
        return self._compare("<", other)

    def __le__(self, other: object) -> bool:
        return not self._compare(">", other)

    def __gt__(self, other: object) -> bool:
        return self._compare(">", other)

    def __ge__(self, other: object) -> bool:
        return not self._compare("<", other)

    __hash__ = object.__hash__

    def __add__(self, other: object) -> object:
        return self._make("+")

    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = __floordiv__ = __truediv__ = __add__
    __or__ = __ror__ = __and__ = __rand__ = __iadd__ = __isub__ = __imul__ = __ior__ = __add__

    def __format__(self, spec: str) -> str:
        return "x"

    def __str__(self) -> str:
        return "x"

    def __repr__(self) -> str:
        return f"<opaque {self.__dict__['_name']}>"

    def __fspath__(self) -> str:
        return "x"

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        return ()

    def _make(self, name: str) -> Opaque:
        return Opaque(self.__dict__["_world"], name=f"{self.__dict__['_name']}.{name}")

    def _how_many_this_time(self) -> int:
        """How many elements a loop takes: an iterator may give none to the next loop."""
        known = self.__dict__
        before: int | None = known["_iterated"]
        if before is not None:
            return max(1, before) if self._world().flip() else 0
        number = self._how_many()
        known.update(_iterated=number, _length=None)
        return number

    def _how_many(self) -> int:
        known = self.__dict__
        if known["_length"] is None:
            if known["_truth"] is not None:
                known["_length"] = 1 + self._world().chooser.choose(MAX_ELEMENTS) if known["_truth"] else 0
            else:
                known["_length"] = self._world().chooser.choose(1 + MAX_ELEMENTS)
        return int(known["_length"])

    def _compare(self, sign: str, other: object) -> bool:
        known: dict[tuple[str, object], bool] = self.__dict__["_equal"]
        key = (sign, other if isinstance(other, str | int) else id(other))
        if key not in known:
            same = [value for (each, value), answer in known.items() if each == "==" and answer]
            if sign == "==" and same:
                known[key] = False
            elif same and isinstance(same[0], int) and isinstance(other, int):
                # What has turned out to be 7 is greater than 3.
                known[key] = same[0] < other if sign == "<" else same[0] > other
            else:
                known[key] = self._world().flip()
        return known[key]

    def _world(self) -> World:
        return self.__dict__["_world"]()  # type: ignore[no-any-return]


class _Elements:
    """An iterator over opaque values; each step may raise."""

    def __init__(self, world: Callable[[], World], number: int, *, is_driver: bool = False) -> None:
        self.world = world
        self.left = number
        self.is_driver = is_driver

    def __iter__(self) -> _Elements:
        return self

    def __aiter__(self) -> _Elements:
        return self

    async def __anext__(self) -> object:
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None

    def __next__(self) -> object:
        self.world().may_raise(is_driver=self.is_driver, frame=sys._getframe(1))
        if self.left == 0:
            raise StopIteration
        self.left -= 1
        return Opaque(self.world, name="element", is_never_none=True)


class Rows(list[object]):
    """The rows that `fetchall` gives: a list, so nothing about it raises."""


class Cursor:
    """A sqlite3 cursor, or what `execute` of a connection gives, which owes nothing."""

    arraysize = 1
    rowcount = 1
    lastrowid = 1
    description = None

    def __init__(self, connection: Connection, *, owes: bool = True) -> None:
        self.connection = connection
        self._world = connection._world
        self.truth_record = self._world().acquire("cursor", parent=connection.truth_record)
        self.truth_record.is_external |= not owes
        self.row_factory: object = None

    def close(self) -> None:
        self.truth_record.is_open = False

    def execute(self, sql: object = "", *args: object) -> Cursor:
        self._use()
        self.connection.truth_run(sql)
        return self

    executemany = execute

    def executescript(self, sql: object = "") -> Cursor:
        self._use()
        self.connection.truth_script()
        return self

    def fetchone(self) -> object:
        self._use()
        self._world().may_raise(is_driver=True)
        return Opaque(self._world, name="row")

    def fetchall(self) -> object:
        self._use()
        world = self._world()
        world.may_raise(is_driver=True)
        number = world.chooser.choose(1 + MAX_ELEMENTS)
        return Rows(Opaque(self._world, name="row", is_never_none=True) for _ in range(number))

    def fetchmany(self, size: object = 1) -> object:
        return self.fetchall()

    def setinputsizes(self, *args: object) -> None:
        pass

    def __iter__(self) -> Iterator[object]:
        self._use()
        return _Elements(self._world, self._world().chooser.choose(1 + MAX_ELEMENTS), is_driver=True)

    def __next__(self) -> object:
        self._world().may_raise(is_driver=True)
        if self._world().flip():
            return Opaque(self._world, name="row", is_never_none=True)
        raise StopIteration

    def _use(self) -> None:
        if not self.truth_record.is_open:
            self.truth_record.uses_after_release.append(self._world().line())
        self.connection.truth_use()


_SQL_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
WRITES = ("insert", "update", "delete", "replace")


class Connection:
    """A sqlite3 connection that keeps books."""

    total_changes = 0

    def __init__(self, *args: object, **kwargs: object) -> None:
        world = _current_world()
        world.may_raise(is_driver=True)
        is_memory = bool(args) and args[0] == ":memory:"
        self._world = _current_world
        self.truth_record = world.acquire("connection", is_memory=is_memory)
        self.truth_record.is_autocommit = "isolation_level" in kwargs and kwargs["isolation_level"] is None
        self.row_factory: object = None
        self.text_factory: object = None

    def __del__(self) -> None:
        if (record := getattr(self, "truth_record", None)) is not None:
            record.is_collected = True
            record.death = len(self._world().log)

    @property
    def in_transaction(self) -> bool:
        return self._world().flip()

    @property
    def isolation_level(self) -> object:
        return None if self.truth_record.is_autocommit else ""

    @isolation_level.setter
    def isolation_level(self, value: object) -> None:
        self.truth_record.is_autocommit = value is None

    def close(self) -> None:
        record = self.truth_record
        record.is_open = False
        if record.unit is not None and not record.is_escaped:
            self._world().lose_unit_of_own(record)

    def cursor(self, *args: object) -> Cursor:
        self.truth_use()
        return Cursor(self)

    def execute(self, sql: object = "", *args: object) -> Cursor:
        self.truth_use()
        self.truth_run(sql)
        return Cursor(self, owes=False)

    executemany = execute

    def executescript(self, sql: object = "") -> Cursor:
        self.truth_use()
        self.truth_script()
        return Cursor(self, owes=False)

    def commit(self) -> None:
        self.truth_use()
        self._world().may_raise(is_driver=True)
        self._commit()

    def rollback(self) -> None:
        self.truth_use()
        self.truth_record.unit = None  # also where it fails: nobody could do more
        self._world().may_raise(is_driver=True)

    def iterdump(self) -> Iterator[object]:
        self.truth_use()
        return _Elements(self._world, 1, is_driver=True)

    def backup(self, *args: object, **kwargs: object) -> None:
        self.truth_use()
        self._world().may_raise(is_driver=True)

    def create_function(self, *args: object, **kwargs: object) -> None:
        self.truth_use()

    create_collation = create_aggregate = set_trace_callback = create_function

    def __enter__(self) -> Connection:  # noqa: PYI034  # Self is too new
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None and self.truth_record.unit is not None:
            unit = self.truth_record.unit
            self.truth_record.unit = None  # a commit that fails here is rolled back
            self._world().may_raise(is_driver=True)
            self.truth_record.unit = unit
            self._commit()
        elif kind is not None:
            self.truth_record.unit = None

    def truth_use(self) -> None:
        """A method was called. On a closed connection that is an error of its own, which is written down; the run
        goes on as if it were open, for what else is wrong with the program."""
        if not self.truth_record.is_open:
            self.truth_record.uses_after_release.append(self._world().line())

    def truth_run(self, sql: object) -> None:
        """A statement is run; it may raise. A write that raises has begun a transaction all the same."""
        world = self._world()
        record = self.truth_record
        statement = _SQL_COMMENT.sub(" ", sql) if isinstance(sql, str) else ""
        word = statement.strip().partition(" ")[0].lower()
        if word in WRITES and record.is_open and not record.is_autocommit and record.unit is None:
            place = world.program_frame(sys._getframe(2))
            if place is not None:
                error = sys.exc_info()[1]
                record.unit = Unit(place[1], error, error is not None and id(error) not in world.caught)
        world.may_raise(is_driver=True)
        if word in ("commit", "end"):
            self._commit()
        elif word == "rollback":
            record.unit = None

    def truth_script(self) -> None:
        """A script is run: what is pending is committed first."""
        self._world().may_raise(is_driver=True)
        self._commit()

    def _commit(self) -> None:
        unit = self.truth_record.unit
        if unit is not None:
            self._world().outcomes.append(Outcome("committed", "connection", unit.line, on_error=False, is_low=False))
        self.truth_record.unit = None


_worlds: list[World] = []


def _current_world() -> World:
    return _worlds[-1]


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


def set_world(world: World) -> None:
    """Make a world the one that the stand-ins speak to."""
    _worlds[:] = [world]


def current_world() -> World:
    """Return the world of the current run."""
    return _current_world()


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
