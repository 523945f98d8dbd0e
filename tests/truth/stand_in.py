"""A sqlite3 that keeps books: it takes the place of the real one in the programs that are run."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.truth.books import Outcome, Unit
from tests.truth.choices import MAX_ELEMENTS
from tests.truth.opaque import Elements, Opaque

if TYPE_CHECKING:
    from tests.truth.world import World

_worlds: list[World] = []


def set_world(world: World) -> None:
    """Make a world the one that the stand-ins speak to."""
    _worlds[:] = [world]


def current_world() -> World:
    """Return the world of the current run."""
    return _worlds[-1]


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
        if not self.connection.truth_record.is_open:
            self._world().after.used(self.truth_record, self.connection.truth_record)
        self._world().after.released(self.truth_record)
        self.truth_record.is_open = False

    def execute(self, sql: object = "", *args: object) -> Cursor:
        self.truth_use()
        self.connection.truth_run(sql)
        return self

    def executemany(self, sql: object = "", *args: object) -> Cursor:
        self.truth_use()
        self.connection.truth_run(sql, is_many=True)
        return self

    def executescript(self, sql: object = "") -> Cursor:
        self.truth_use()
        self.connection.truth_script()
        return self

    def fetchone(self) -> object:
        self.truth_use()
        self._world().may_raise(is_driver=True)
        return Opaque(self._world, name="row")

    def fetchall(self) -> object:
        self.truth_use()
        world = self._world()
        world.may_raise(is_driver=True)
        number = world.chooser.choose(1 + MAX_ELEMENTS)
        return Rows(Opaque(self._world, name="row", is_never_none=True) for _ in range(number))

    def fetchmany(self, size: object = 1) -> object:
        return self.fetchall()

    def setinputsizes(self, *args: object) -> None:
        pass

    def __iter__(self) -> Iterator[object]:
        self.truth_use()
        return _Read(self, self._world().chooser.choose(1 + MAX_ELEMENTS))

    def __next__(self) -> object:
        self.truth_use()
        self._world().may_raise(is_driver=True)
        if self._world().flip():
            return Opaque(self._world, name="row", is_never_none=True)
        raise StopIteration

    def truth_use(self) -> None:
        """See the method of the connection."""
        self._world().after.used(self.truth_record)


class _Read(Elements):
    """The rows of a cursor, which must be open for each of them."""

    def __init__(self, cursor: Cursor, number: int) -> None:
        super().__init__(current_world, number, is_driver=True)
        self._cursor = cursor

    def __next__(self) -> object:
        self._cursor.truth_use()
        return super().__next__()


_SQL_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
WRITES = ("insert", "update", "delete", "replace")
_LOOKS = re.compile(r"\binto\s+(?:\w+\.)?\"?(\w+)\"?\(\"?\1\"?\W.*'integrity-check'", re.IGNORECASE)
"""A command of a full-text table that has the form of a row and writes nothing (executed)."""


_PRIVATE = ("", ":memory:", "file::memory:", "file::memory:?cache=shared")


class Connection:
    """A sqlite3 connection that keeps books."""

    total_changes = 0

    def __init__(self, *args: object, **kwargs: object) -> None:
        world = current_world()
        world.may_raise(is_driver=True)
        # What is opaque must not be compared: each answer would be another path.
        is_memory = bool(args) and isinstance(args[0], str) and args[0] in _PRIVATE
        self._world = current_world
        self.truth_record = world.acquire("connection", is_memory=is_memory)
        self.truth_record.is_autocommit = "isolation_level" in kwargs and kwargs["isolation_level"] is None
        self.row_factory: object = None
        self.text_factory: object = None

    def __del__(self) -> None:
        if (record := getattr(self, "truth_record", None)) is not None:
            record.is_collected = True
            record.has_raised_by_death = record.has_raised
            record.death = len(self._world().log)

    @property
    def in_transaction(self) -> bool:
        # A transaction of somebody else may be open on what the function is given.
        record = self.truth_record
        return bool(record.begun) or record.unit is not None or self._world().flip()

    @property
    def isolation_level(self) -> object:
        return None if self.truth_record.is_autocommit else ""

    @isolation_level.setter
    def isolation_level(self, value: object) -> None:
        record = self.truth_record
        record.is_autocommit = value is None
        place = self._world().program_frame(sys._getframe(1))
        if record.switched:
            self._ended(record.switched)
            record.switched = 0
        elif place is not None:
            record.switched = place[1]

    def close(self) -> None:
        record = self.truth_record
        self._world().after.released(record)
        record.is_open = False
        if record.begun:
            self._ended(record.begun)
        record.begun = 0
        if record.unit is not None and not record.is_escaped:
            self._world().lose_unit_of_own(record)

    def cursor(self, *args: object) -> Cursor:
        self.truth_use()
        return Cursor(self)

    def execute(self, sql: object = "", *args: object) -> Cursor:
        self.truth_use()
        self.truth_run(sql)
        return Cursor(self, owes=False)

    def executemany(self, sql: object = "", *args: object) -> Cursor:
        self.truth_use()
        self.truth_run(sql, is_many=True)
        return Cursor(self, owes=False)

    def executescript(self, sql: object = "") -> Cursor:
        self.truth_use()
        self.truth_script()
        return Cursor(self, owes=False)

    def commit(self) -> None:
        self.truth_use()
        self._end()
        self._world().may_raise(is_driver=True)
        self._commit()

    def rollback(self) -> None:
        self.truth_use()
        self._roll_back()  # also where it fails: nobody could do more
        self._world().may_raise(is_driver=True)

    def iterdump(self) -> Iterator[object]:
        self.truth_use()
        return Elements(self._world, 1, is_driver=True)

    def backup(self, *args: object, **kwargs: object) -> None:
        self.truth_use()
        self._world().may_raise(is_driver=True)

    def create_function(self, *args: object, **kwargs: object) -> None:
        self.truth_use()

    create_collation = create_aggregate = set_trace_callback = create_function

    def __enter__(self) -> Connection:  # noqa: PYI034  # Self is too new
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        record = self.truth_record
        if kind is not None:
            self._roll_back()
            return
        self.truth_use()
        # Who else has it may have committed by then.
        if (record.unit is not None or record.begun) and not record.is_escaped:
            unit = record.unit
            record.unit = None  # a commit that fails here is rolled back
            self._end()
            self._world().may_raise(is_driver=True)
            record.unit = unit
            self._commit()

    def truth_use(self) -> None:
        """A method was called. On a closed connection that is an error of its own, which is written down; the run
        goes on as if it were open, for what else is wrong with the program."""
        self._world().after.used(self.truth_record)

    def truth_run(self, sql: object, *, is_many: bool = False) -> None:
        """A statement is run; it may raise. A write that raises has begun a transaction all the same.

        If it is run for many rows, those before the one that fails are written.
        """
        world = self._world()
        record = self.truth_record
        statement = _SQL_COMMENT.sub(" ", sql) if isinstance(sql, str) else ""
        word = statement.strip().partition(" ")[0].lower() if _LOOKS.search(statement) is None else "look"
        is_in_unit = record.begun or not record.is_autocommit
        if word in WRITES and record.is_open and is_in_unit and record.unit is None:
            self._begin_unit()
        if word in WRITES and record.unit is not None:
            record.unit.is_done |= is_many
        if word in ("commit", "end"):
            self._end()
        elif word == "rollback":
            self._roll_back()
        world.may_raise(is_driver=True)
        unit = record.unit
        if word in WRITES and unit is not None:
            if unit.has_raised and not unit.is_done:
                unit = self._begin_unit()  # what failed before alone has left nothing
            if unit is not None:
                unit.is_done = True
        if word in ("commit", "end"):
            self._commit()
        elif word == "begin" and record.is_open:
            record.unit = None
            place = world.program_frame(sys._getframe(2))
            record.begun = place[1] if place is not None else 0

    def truth_script(self) -> None:
        """A script is run: what is pending is committed first."""
        self._end()
        self._world().may_raise(is_driver=True)
        self._commit()

    def _begin_unit(self) -> Unit | None:
        """Work begins with a write of the line that runs now."""
        world = self._world()
        place = world.program_frame(sys._getframe(3))
        if place is not None:
            error = sys.exc_info()[1]
            is_of_clean_up = error is not None and id(error) not in world.caught
            self.truth_record.unit = Unit(place[1], error, len(world.log), is_of_clean_up, begun_by=place[0])
        return self.truth_record.unit

    def truth_work_in_block(self, line: int) -> None:
        """A block that a manager has lent this to at a line may write, and leave the rest to the manager."""
        record = self.truth_record
        is_lent = record.is_external and record.is_open and not record.is_escaped and not record.is_autocommit
        if is_lent and record.unit is None and not record.begun and self._world().flip():
            record.unit = Unit(line, None, len(self._world().log), is_done=True)

    def _end(self) -> None:
        """What a statement began ends, one way or the other."""
        record = self.truth_record
        if record.begun:
            self._ended(record.begun)
            if record.unit is not None:
                record.unit.is_begun = True
        record.begun = 0

    def _ended(self, line: int) -> None:
        self._world().outcomes.append(Outcome("ended", "connection", line, on_error=False, is_low=False))

    def _roll_back(self) -> None:
        self._end()
        self.truth_record.unit = None

    def _commit(self) -> None:
        unit = self.truth_record.unit
        self._world().note_kept()
        if unit is not None:
            self._world().outcomes.append(Outcome("committed", "connection", unit.line, on_error=False, is_low=False))
        self.truth_record.unit = None
