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
        return Elements(self._world, self._world().chooser.choose(1 + MAX_ELEMENTS), is_driver=True)

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
        world = current_world()
        world.may_raise(is_driver=True)
        is_memory = bool(args) and args[0] == ":memory:"
        self._world = current_world
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
