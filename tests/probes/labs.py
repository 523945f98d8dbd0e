"""One connection of each library that can be had here, and how to do the same few things with all of them.

A probe does something and compares what happens with what the driver model says of the version that is installed.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import inspect
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, Literal, NoReturn

import pytest
from packaging.version import Version

from lintdb.drivers.catalog import Models, load_driver, load_models
from lintdb.effects import CallModel, Kind, WithBlock
from tests.probes.servers import Server

Place = Any
"""What a connection is opened with: the path of a file, or a server."""


@dataclass(frozen=True)
class Lab:
    """How to open a connection of a kind; the rest is the same for all, or said here."""

    kind: str
    module: str
    connect: Callable[[Any, Place], Any]
    server: str | None = None
    executes: Literal["cursor", "connection"] = "cursor"
    fetch: str = "fetchone"
    cursor_kind: str | None = None
    starts_by_block: bool = False
    needs: tuple[str, ...] = ()

    @property
    def driver(self) -> str:
        return self.kind.partition(".")[0]

    def __str__(self) -> str:
        return self.kind if self.cursor_kind is None else f"{self.kind} ({self.cursor_kind})"


def _postgresql(keyword: str = "dbname") -> Callable[[Any, Server], Any]:
    return lambda module, server: module.connect(
        host="127.0.0.1", port=server.port, user=server.user, **{keyword: server.database}
    )


def _mysql(keyword: str = "database", **more: Any) -> Callable[[Any, Server], Any]:
    return lambda module, server: module.connect(
        host="127.0.0.1", port=server.port, user=server.user, **{keyword: server.database}, **more
    )


def _psycopg_async(module: Any, server: Server) -> Any:
    return module.AsyncConnection.connect(host="127.0.0.1", port=server.port, user=server.user, dbname=server.database)


FILES = (
    Lab("sqlite3.connection", "sqlite3", lambda module, path: module.connect(path)),
    Lab("aiosqlite.connection", "aiosqlite", lambda module, path: module.connect(path), starts_by_block=True),
    Lab("apsw.connection", "apsw", lambda module, path: module.Connection(str(path))),
    Lab("duckdb.connection", "duckdb", lambda module, path: module.connect(str(path)), executes="connection"),
)  # fmt: skip

SERVED = (
    Lab("psycopg2.connection", "psycopg2", _postgresql(), "postgresql"),
    Lab("psycopg.connection", "psycopg", _postgresql(), "postgresql"),
    Lab("psycopg.async_connection", "psycopg", _psycopg_async, "postgresql"),
    Lab("pg8000.connection", "pg8000.dbapi", _postgresql("database"), "postgresql"),
    Lab("pg8000.legacy_connection", "pg8000", _postgresql("database"), "postgresql"),
    Lab("asyncpg.connection", "asyncpg", _postgresql("database"), "postgresql", "connection", "fetchrow"),
    Lab("aiopg.connection", "aiopg", _postgresql(), "postgresql"),
    Lab("pymysql.connection", "pymysql", _mysql(), "mariadb"),
    Lab("MySQLdb.connection", "MySQLdb", _mysql(), "mariadb"),
    Lab("mysql.connection", "mysql.connector", _mysql(use_pure=True), "mariadb"),
    Lab("mariadb.connection", "mariadb", _mysql(), "mariadb"),
    Lab("aiomysql.connection", "aiomysql", _mysql("db"), "mariadb"),
    Lab("asyncmy.connection", "asyncmy", _mysql(), "mariadb"),
)


def installed_version(driver: str) -> str | None:
    """Return the version of a library that is installed; for one of Python's own, that of Python."""
    if driver in sys.stdlib_module_names:
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    for distribution in load_driver(driver).distributions:
        with suppress(metadata.PackageNotFoundError):
            return metadata.version(distribution)
    return None


def models_of(driver: str) -> Models:
    """Return the models for the version of a library that is installed; skip what comes after all that they know."""
    installed, newest = installed_version(driver), load_driver(driver).newest
    if installed is not None and Version(installed).major > Version(newest).major:
        pytest.skip(f"{driver} {installed} is installed, the model is for {newest}")
    return load_models([driver], {driver: installed} if installed is not None else None)


def module_of(name: str) -> Any:
    """Import a library, or skip what needs it."""
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        pytest.skip(f"{name} is not installed")
    try:
        return importlib.import_module(name)
    except ImportError as error:
        pytest.skip(f"{name} cannot be imported: {error}")


@dataclass
class Subject:
    """A library at work: opens connections in one place, and waits for what must be waited for."""

    lab: Lab
    place: Place
    module: Any = field(init=False)
    models: Models = field(init=False)
    loop: asyncio.AbstractEventLoop = field(init=False)
    opened: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.module = module_of(self.lab.module)
        self.models = models_of(self.lab.driver)
        self.loop = asyncio.new_event_loop()

    @property
    def kind(self) -> Kind:
        """The model of the connection."""
        return self.models.kinds[self.lab.kind]

    @property
    def cursor_kind(self) -> Kind | None:
        """The model of its plain cursors; None where queries are run on the connection itself."""
        if self.lab.executes == "connection":
            return None
        made = self.call("cursor").acquires or self.call("cursor").gives
        return self.models.kinds[made] if made is not None else None

    def leave_out(self, why: str) -> NoReturn:
        """Skip a test that asks about something which the library does not have."""
        pytest.skip(f"{self.kind.label}: {why}")

    def call(self, method: str) -> CallModel:
        """The model of a method of the connection that is called without arguments."""
        return next(each for each in self.kind.methods[method] if not each.when)

    @property
    def block(self) -> WithBlock:
        """What the model says of a block on a connection."""
        block = self.kind.async_with_block if self.is_async else self.kind.with_block
        return block if block is not None else WithBlock.NONE

    @property
    def is_async(self) -> bool:
        return any(call.coroutine for calls in self.kind.methods.values() for call in calls)

    def wait(self, value: Any) -> Any:
        """Return a value, or what it comes to when it is awaited."""
        if not inspect.isawaitable(value):
            return value

        async def waiting() -> Any:
            return await value

        return self.loop.run_until_complete(waiting())

    def open(self) -> Any:
        async def opening() -> Any:
            made = self.lab.connect(self.module, self.place)
            return await made if inspect.isawaitable(made) else made

        conn = self.loop.run_until_complete(opening())
        self.opened.append(conn)
        return conn

    def cursor(self, conn: Any) -> Any:
        return conn if self.lab.executes == "connection" else self.wait(conn.cursor())

    def execute(self, conn: Any, sql: str, *values: Any) -> Any:
        """Run a statement; return the cursor that it was run on (or what the connection gives)."""
        cursor = self.cursor(conn)
        self.run(cursor, sql, *values)
        return cursor

    def run(self, cursor: Any, sql: str, *values: Any) -> Any:
        if not values:
            return self.wait(cursor.execute(sql))
        return self.wait(cursor.execute(sql, *values) if self._spreads else cursor.execute(sql, values))

    @property
    def _spreads(self) -> bool:
        calls = self.kind.methods.get("execute", ())
        return any(call.paramstyle.startswith("*") for call in calls)

    def one(self, conn: Any, sql: str) -> Any:
        """Return the first row that a query gives."""
        if self.lab.fetch == "fetchrow":
            return self.wait(conn.fetchrow(sql))
        cursor = self.execute(conn, sql)
        row = self.wait(cursor.fetchone())
        if cursor is not conn:
            with suppress(Exception):
                self.wait(cursor.close())
        return row

    def count(self, table: str) -> int:
        """Return how many rows a table has for somebody else; -1 if it is not there."""
        conn = self.open()
        try:
            return int(self.one(conn, f"select count(*) from {table}")[0])
        except Exception:
            return -1
        finally:
            self.close(conn)

    def close(self, conn: Any) -> None:
        self.wait(conn.close())

    def close_quietly(self, conn: Any) -> None:
        with suppress(Exception):
            self.close(conn)

    def is_open(self, conn: Any) -> bool:
        try:
            self.one(conn, "select 1")
        except Exception:
            return False
        return True

    @contextmanager
    def in_block(self, conn: Any) -> Iterator[Any]:
        """Enter and leave the block of a connection, or of anything else that has one."""
        enter, leave = ("__aenter__", "__aexit__") if self.is_async else ("__enter__", "__exit__")
        entered = self.wait(getattr(type(conn), enter)(conn))
        self.opened.append(entered)
        try:
            yield entered
        except BaseException as error:
            if not self.wait(getattr(type(conn), leave)(conn, type(error), error, error.__traceback__)):
                raise
        else:
            self.wait(getattr(type(conn), leave)(conn, None, None, None))

    def fresh(self, name: str, columns: str = "n integer") -> str:
        """Make an empty table that is there for good; return its name, which nobody has used before."""
        name = unused(name)
        conn = self.open()
        try:
            self.execute(conn, f"create table {name} ({columns})")
            if self.kind.autocommit is False:
                self.wait(conn.commit())
        finally:
            self.close(conn)
        return name

    def finish(self) -> None:
        """Close what the probe has left open."""
        for conn in self.opened:
            self.close_quietly(conn)
        self.opened.clear()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()
        gc.collect()  # what complains about being dropped shall do so here


_NUMBERS = itertools.count(1)


def unused(name: str) -> str:
    """Return a name for a table: dropping an old one would wait for whoever still looks at it."""
    return f"{name}_{next(_NUMBERS)}"


def raises(function: Callable[[], Any]) -> BaseException | None:
    """Return what a call raises, or None."""
    try:
        function()
    except Exception as error:
        return error
    return None


def identify(labs: Iterable[Lab]) -> dict[str, Any]:
    """Return what pytest's parametrize needs."""
    return {"argvalues": list(labs), "ids": [str(lab) for lab in labs]}
