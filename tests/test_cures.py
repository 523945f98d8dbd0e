"""The cures that findings name: calls that exist, on what they exist on."""

from __future__ import annotations

import pytest

from lintdb.engine import EngineOptions, check_source
from lintdb.source import SourceFile


def cure(text: str, *codes: str) -> str | None:
    found = check_source(SourceFile("job.py", text), EngineOptions(frozenset(codes))).findings
    assert len(found) == 1, found
    return found[0].help


def taken(library: str, kind: str, take: str) -> str:
    word = "async def" if take.startswith("await") else "def"
    head = f"import {library}\n" if "." not in library else f"from {library} import {kind}\n"
    given = f"{library}.{kind}" if "." not in library else kind
    return f"{head}\n{word} f(pool: {given}):\n    conn = {take}\n    print(conn)\n"


@pytest.mark.parametrize(
    ("library", "kind", "take", "expected"),
    [
        ("asyncpg", "Pool", "await pool.acquire()", "await pool.release(conn)|async with pool.acquire() as conn"),
        ("aiomysql", "Pool", "await pool.acquire()", "await pool.release(conn)|async with pool.acquire() as conn"),
        ("aiopg", "Pool", "await pool.acquire()", "await pool.release(conn)|async with pool.acquire() as conn"),
        ("asyncmy", "Pool", "await pool.acquire()", "await pool.release(conn)|async with pool.acquire() as conn"),
        ("psycopg_pool", "ConnectionPool", "pool.getconn()", "pool.putconn(conn)|with pool.connection() as conn"),
        (
            "psycopg_pool",
            "AsyncConnectionPool",
            "await pool.getconn()",
            "await pool.putconn(conn)|async with pool.connection() as conn",
        ),
        ("psycopg2.pool", "ThreadedConnectionPool", "pool.getconn()", "pool.putconn(conn)|"),
    ],
)
def test_what_a_pool_takes_back_is_given_to_it(library: str, kind: str, take: str, expected: str) -> None:
    giving, _, block = expected.partition("|")
    said = f"call `{giving}` in `finally`" + (f", or take it in `{block}`" if block else "")
    assert cure(taken(library, kind, take), "LDB105") == said


def test_what_closing_gives_back_is_closed() -> None:
    text = taken("mysql.connector.pooling", "MySQLConnectionPool", "pool.get_connection()")
    assert cure(text, "LDB105") == "give it back in `finally`, or take it in a `with` block"


def test_a_transaction_is_what_commits() -> None:
    text = (
        "import asyncpg\n\nasync def f(pool: asyncpg.Pool):\n    async with pool.acquire() as conn:\n"
        "        work = conn.transaction()\n        await work.start()\n"
        "        await conn.execute('delete from jobs')\n"
    )
    expected = "commit the transaction on each path, or begin it with `async with conn.transaction()`"
    assert cure(text, "LDB202") == expected


@pytest.mark.parametrize(
    ("put", "pool"),
    [
        ("app.state.raw = await asyncpg.create_pool(DSN)", "app.state.raw"),
        ("app.state.raw = await asyncpg.create_pool(DSN)", "request.app.state.raw"),
        ("app.raw = await asyncpg.create_pool(DSN)", "current_app.raw"),
        ('app["raw"] = await asyncpg.create_pool(DSN)', 'request.app["raw"]'),
        ("app.state.db = Database(await asyncpg.create_pool(DSN))", "request.app.state.db.pool"),
        ("", "request.app[POOL]"),
    ],
)
def test_what_an_application_keeps_is_named_as_the_code_names_it(put: str, pool: str) -> None:
    text = (
        "import asyncpg\nfrom aiohttp import web\nfrom flask import current_app\n\napp = web.Application()\n"
        "POOL = web.AppKey('pool', asyncpg.Pool)\n\nclass Database:\n    def __init__(self, pool: asyncpg.Pool):\n"
        f"        self.pool = pool\n\nasync def start():\n    {put or 'pass'}\n\n"
        f"async def f(request):\n    conn = await {pool}.acquire()\n    print(conn)\n"
    )
    expected = f"call `await {pool}.release(conn)` in `finally`, or take it in `async with {pool}.acquire() as conn`"
    assert cure(text, "LDB105") == expected


@pytest.mark.parametrize(
    ("methods", "expected"),
    [
        ("def close(self): self.conn.close()", "close it in `finally`, or open it in `with contextlib.closing(...)`"),
        ("def stop(self): self.conn.close()", "call its `stop()` in `finally`"),
        ("def __exit__(self, *error): self.conn.close()", "open it in a `with` block"),
        (
            "def stop(self): self.conn.close()\n    def __exit__(self, *error): self.stop()",
            "call its `stop()` in `finally`, or open it in a `with` block",
        ),
        (
            "def close(self): self.conn.close()\n    def __exit__(self, *error): self.close()",
            "close it in `finally`, or open it in a `with` block",
        ),
        ("async def close(self): self.conn.close()", "`await` its `close()` in `finally`"),
        ("async def __aexit__(self, *error): self.conn.close()", "open it in an `async with` block"),
    ],
)
@pytest.mark.parametrize("made", ["Store(path)", "store(path)"])
def test_an_object_is_released_as_its_class_has_it(methods: str, expected: str, made: str) -> None:
    text = (
        "import sqlite3\n\nclass Store:\n    def __init__(self, path):\n        self.conn = sqlite3.connect(path)\n"
        f"    {methods}\n\ndef store(path):\n    return Store(path)\n\n"
        f"async def f(path):\n    found = {made}\n    print(found.conn.total_changes)\n"
    )
    assert cure(text, "LDB101") == expected


def test_what_a_method_opens_later_is_released_by_its_object() -> None:
    text = (
        "import sqlite3\n\nclass Store:\n    def connect(self, path):\n        self.conn = sqlite3.connect(path)\n"
        "    def stop(self):\n        self.conn.close()\n\n"
        "def f(path):\n    store = Store()\n    store.connect(path)\n    print(store.conn.total_changes)\n"
    )
    assert cure(text, "LDB101") == "call `stop()` of its `Store` in `finally`"


_PUT = "\n    def put(self, conn):\n        self._pool.putconn(conn)"


@pytest.mark.parametrize(
    ("put", "take", "expected"),
    [
        (_PUT, "STORE.get()", "call `STORE.put(conn)` in `finally`"),
        ("", "STORE.get()", "give it back in `finally`, or take it in a `with` block"),
        (_PUT, "STORE._pool.getconn()", "call `STORE._pool.putconn(conn)` in `finally`"),
    ],
)
def test_no_attribute_that_a_class_keeps_to_itself_is_named(put: str, take: str, expected: str) -> None:
    text = (
        "from psycopg2.pool import SimpleConnectionPool\n\nclass Store:\n    def __init__(self, dsn):\n"
        "        self._pool = SimpleConnectionPool(1, 5, dsn)\n    def get(self):\n        return self._pool.getconn()"
        f"{put}\n\nSTORE = Store('')\n\ndef f():\n    conn = {take}\n    print(conn)\n"
    )
    assert cure(text, "LDB105") == expected


_LIST = "write as many placeholders as there are values, and give the values as parameters"
_NO_PARAMETER = "no parameter can stand there: let the library quote the value, or compare it with what is allowed"
_NAME = "no name or part of a statement can be bound: let the library quote a name, or choose a fixed text"
_ARRAY = "; or compare with the whole list as one parameter: `= any({})`"


@pytest.mark.parametrize(
    ("connection", "query", "expected"),
    [
        ("sqlite3.Connection", "f\"select 1 from t where id in ({','.join(given)})\"", _LIST),
        ("sqlite3.Connection", 'f"select 1 from t where id in {tuple(given)}"', _LIST),
        ("sqlite3.Connection", 'f"insert into t values {tuple(given)}"', _LIST),
        ("sqlite3.Connection", "\"insert into t values ('%s')\" % \"','\".join(given)", _LIST),
        ("psycopg.Connection", "f\"select 1 from t where id in ({','.join(given)})\"", _LIST + _ARRAY.format("%s")),
        ("psycopg.Connection", 'f"insert into t values {tuple(given)}"', _LIST),
        ("sqlite3.Connection", "f\"select 1 from t where a = '{given}' or b = '{given}'\"", None),
        ("sqlite3.Connection", "f\"attach '{input()}' as other\"", _NO_PARAMETER),
        ("sqlite3.Connection", 'f"select 1 from {input()}"', _NAME),
    ],
)
def test_a_list_takes_several_placeholders(connection: str, query: str, expected: str | None) -> None:
    library = connection.partition(".")[0]
    text = f"import {library}\n\ndef f(conn: {connection}, given):\n    conn.execute({query})\n"
    assert cure(text, "LDB601") == (expected or "write a placeholder into the text, and give the value as a parameter")


@pytest.mark.parametrize(
    ("library", "text", "expected"),
    [
        (
            "psycopg2",
            "host=db password={given}",
            "give the parts as arguments, or let `make_conninfo()` or `make_dsn()` of",
        ),
        ("psycopg2", "postgresql://app:{given}@db/shop", "give the parts as arguments, use the library's own builder,"),
        ("pyodbc", "DRIVER=x;UID=u;PWD={given}", "put the password between braces,"),
    ],
)
def test_a_password_is_escaped_as_the_text_wants_it(library: str, text: str, expected: str) -> None:
    found = cure(f'import {library}\n\ndef f(given):\n    return {library}.connect(f"{text}")\n', "LDB602")
    assert found is not None
    assert found.startswith(expected)
