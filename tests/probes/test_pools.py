"""What a model says of pools is what they do: whether they wait, what frees a slot, what becomes of open work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lintdb.effects import Argument, Kind, WithBlock
from tests.probes import labs
from tests.probes.labs import FILES, SERVED, Lab, Subject, raises
from tests.probes.servers import Server

pytestmark = pytest.mark.filterwarnings("ignore")

WATCH = 1.5
"""For so many seconds a pool is watched before it is said to wait."""


@dataclass(frozen=True)
class PoolLab:
    """A pool with room for one; `lab` says how its connections are used."""

    kind: str
    module: str
    make: Callable[[Any, Any], Any]
    lab: str
    acquire: str
    end: str = "close"

    def __str__(self) -> str:
        return self.kind


def _info(server: Server) -> str:
    return f"host=127.0.0.1 port={server.port} user={server.user} dbname={server.database}"


def _options(server: Server, database: str = "database") -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": server.port, "user": server.user, database: server.database}


async def _open(pool: Any) -> Any:
    await pool.open()
    return pool


async def _async_pool(module: Any, server: Server) -> Any:
    return await _open(module.AsyncConnectionPool(_info(server), min_size=1, max_size=1, open=False))


def _dbutils(module: Any, place: Any) -> Any:
    import sqlite3

    return module.PooledDB(sqlite3, maxconnections=1, database=place, check_same_thread=False)


def _engine(module: Any, place: Any) -> Any:
    return module.create_engine(f"sqlite:///{place}", pool_size=1, max_overflow=0)


POOLS = (
    PoolLab("dbutils.manual_pool", "dbutils.pooled_db", _dbutils, "sqlite3.connection", "connection"),
    PoolLab("sqlalchemy.engine", "sqlalchemy", _engine, "sqlite3.connection", "raw_connection", "dispose"),
    PoolLab(
        "psycopg2.pool", "psycopg2.pool", lambda module, server: module.ThreadedConnectionPool(1, 1, _info(server)),
        "psycopg2.connection", "getconn", "closeall",
    ),
    PoolLab(
        "psycopg_pool.pool", "psycopg_pool",
        lambda module, server: module.ConnectionPool(_info(server), min_size=1, max_size=1, open=True),
        "psycopg.connection", "getconn",
    ),
    PoolLab("psycopg_pool.async_pool", "psycopg_pool", _async_pool, "psycopg.async_connection", "getconn"),
    PoolLab(
        "asyncpg.pool", "asyncpg",
        lambda module, server: module.create_pool(min_size=1, max_size=1, **_options(server)),
        "asyncpg.connection", "acquire", "terminate",
    ),
    PoolLab(
        "aiopg.pool", "aiopg",
        lambda module, server: module.create_pool(_info(server), minsize=1, maxsize=1),
        "aiopg.connection", "acquire", "terminate",
    ),
    PoolLab(
        "mysql.pool", "mysql.connector.pooling",
        lambda module, server: module.MySQLConnectionPool(
            pool_size=1, pool_name="p", use_pure=True, **_options(server)
        ),
        "mysql.connection", "get_connection", "",
    ),
    PoolLab(
        "mysql.keeping_pool", "mysql.connector.pooling",
        lambda module, server: module.MySQLConnectionPool(
            pool_size=1, pool_name="q", pool_reset_session=False, use_pure=True, **_options(server)
        ),
        "mysql.connection", "get_connection", "",
    ),
    PoolLab(
        "aiomysql.pool", "aiomysql",
        lambda module, server: module.create_pool(minsize=1, maxsize=1, **_options(server, "db")),
        "aiomysql.connection", "acquire", "terminate",
    ),
    PoolLab(
        "asyncmy.pool", "asyncmy",
        lambda module, server: module.create_pool(minsize=1, maxsize=1, **_options(server)),
        "asyncmy.connection", "acquire", "terminate",
    ),
)  # fmt: skip

LABS = {lab.kind: lab for lab in (*FILES, *SERVED)}


@dataclass
class PoolSubject:
    """A pool at work."""

    pool_lab: PoolLab
    user: Subject
    pool: Any
    kind: Kind
    checkout: Kind
    table: str
    threads: list[threading.Thread] = field(default_factory=list)

    def acquire(self) -> Any:
        return self.user.wait(getattr(self.pool, self.pool_lab.acquire)())

    def acquire_within(self, seconds: float) -> Any:
        """Return a connection, the error of the pool, or None if it still waits."""
        if self.user.is_async:
            import asyncio

            async def trying() -> Any:
                return await getattr(self.pool, self.pool_lab.acquire)()

            try:
                return self.user.loop.run_until_complete(asyncio.wait_for(trying(), seconds))
            except asyncio.TimeoutError:
                return None
            except Exception as error:
                return error
        found: list[Any] = []

        def acquiring() -> None:
            try:
                found.append(self.acquire())
            except Exception as error:
                found.append(error)

        thread = threading.Thread(target=acquiring, daemon=True)
        thread.start()
        thread.join(seconds)
        if not found:
            self.threads.append(thread)
        return found[0] if found else None

    def release(self, conn: Any) -> None:
        """Give a connection back as the model says."""
        owner = next(
            (
                name
                for name, calls in self.kind.methods.items()
                if any(isinstance(call.releases, Argument) for call in calls)
            ),
            None,
        )
        self.user.wait(getattr(self.pool, owner)(conn) if owner is not None else conn.close())

    def finish(self) -> None:
        if self.pool_lab.end and not self.threads:
            labs.raises(lambda: self.user.wait(getattr(self.pool, self.pool_lab.end)()))
        self.user.finish()


@pytest.fixture(
    params=[
        pytest.param(each, id=str(each), marks=pytest.mark.servers if LABS[each.lab].server else ()) for each in POOLS
    ]
)
def subject(request: pytest.FixtureRequest, tmp_path: Path, server: Callable[[str], Server]) -> Iterator[PoolSubject]:
    pool_lab: PoolLab = request.param
    lab: Lab = LABS[pool_lab.lab]
    module = labs.module_of(pool_lab.module)
    models = labs.models_of(pool_lab.kind.partition(".")[0])
    user = Subject(lab, server(lab.server) if lab.server is not None else tmp_path / "probe.db")
    table = user.fresh("probe")

    async def making() -> Any:
        made = pool_lab.make(module, user.place)
        return await made if hasattr(made, "__await__") else made

    kind = models.kinds[pool_lab.kind]
    acquired = next(call.acquires for call in kind.methods[pool_lab.acquire] if not call.when)
    assert acquired is not None
    found = PoolSubject(pool_lab, user, user.loop.run_until_complete(making()), kind, models.kinds[acquired], table)
    yield found
    found.finish()


def test_a_pool_with_nothing_left(subject: PoolSubject) -> None:
    limits = [each for each in (*subject.kind.settings, *subject.checkout.settings) if each.name == "checkout-timeout"]
    expected = next(each.default for each in limits if each.default != "unknown")
    held = subject.acquire()
    found = subject.acquire_within(WATCH)
    is_refused = isinstance(found, Exception)
    subject.release(held)
    assert found is None or is_refused
    assert is_refused is (expected == "immediate")


def test_what_is_given_back_can_be_taken_again(subject: PoolSubject) -> None:
    for _ in range(3):
        found = subject.acquire_within(WATCH)
        assert found is not None
        assert not isinstance(found, Exception)
        subject.release(found)


def test_closing_what_was_taken(subject: PoolSubject) -> None:
    conn = subject.acquire()
    closing = [name for name in ("close", "ensure_closed") if name in subject.checkout.methods]
    if not closing:
        subject.user.leave_out("what is taken from its pool cannot be closed")
    subject.user.wait(getattr(conn, closing[0])())
    found = subject.acquire_within(WATCH)
    is_free = found is not None and not isinstance(found, Exception)
    assert is_free is any(call.releases == "self" for call in subject.checkout.methods[closing[0]])
    if is_free:
        subject.release(found)
    else:
        subject.release(conn)


def test_what_is_not_committed_when_it_is_given_back(subject: PoolSubject) -> None:
    conn = subject.acquire()
    subject.user.execute(conn, f"insert into {subject.table} values (1)")
    subject.release(conn)
    again = subject.acquire()
    rows = subject.user.one(again, f"select count(*) from {subject.table}")[0]
    subject.release(again)
    # Of a raw connection SQLAlchemy does not know the mode: the driver has it.
    mode = subject.checkout.autocommit if subject.kind.id != "sqlalchemy.engine" else False
    assert (rows == 1) is (mode is True or not subject.checkout.return_rolls_back)


def test_the_block_of_what_was_taken(subject: PoolSubject) -> None:
    block = subject.checkout.async_with_block if subject.user.is_async else subject.checkout.with_block
    conn = subject.acquire()
    if block in (None, WithBlock.NONE):
        assert raises(lambda: _enter(subject, conn)) is not None
        subject.release(conn)
        return
    assert block is not None
    _enter(subject, conn)
    found = subject.acquire_within(WATCH)
    is_free = found is not None and not isinstance(found, Exception)
    assert is_free is block.releases
    subject.release(found if is_free else conn)


def test_giving_back_twice(subject: PoolSubject) -> None:
    if subject.checkout.id.startswith("mysql."):
        subject.user.leave_out("the second time puts a connection too many into its pool")
    conn = subject.acquire()
    subject.release(conn)
    assert (raises(lambda: subject.release(conn)) is None) is subject.checkout.idempotent_release


def test_taking_from_a_pool_that_is_closed(subject: PoolSubject) -> None:
    if not subject.pool_lab.end or subject.pool_lab.end not in subject.kind.methods:
        subject.user.leave_out("its pool cannot be closed")
    subject.user.wait(getattr(subject.pool, subject.pool_lab.end)())
    found = subject.acquire_within(WATCH)
    works = found is not None and not isinstance(found, Exception)
    assert works is subject.kind.reusable
    if works:
        subject.release(found)


def _enter(subject: PoolSubject, conn: Any) -> None:
    with subject.user.in_block(conn):
        pass
