"""What generated programs are made of: their first lines, their helpers, their texts."""

from __future__ import annotations

HEADER = """import logging
import sqlite3
from contextlib import (
    AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager, nullcontext, suppress,
)
from functools import partial

log = logging.getLogger(__name__)
"""

HELPERS = {
    "shut": """
def shut(conn):
    conn.close()
""",
    "shut_if_open": """
def shut_if_open(conn):
    if conn is not None:
        conn.close()
""",
    "shut_quietly": """
def shut_quietly(conn):
    try:
        conn.close()
    except sqlite3.Error:
        log.warning("not closed")
""",
    "shut_if": """
def shut_if(conn, wanted):
    if wanted:
        conn.close()
""",
    "count": """
def count(conn):
    return conn.execute("select count(*) from orders").fetchone()
""",
    "count_safely": """
def count_safely(conn):
    try:
        return conn.execute("select count(*) from orders").fetchone()
    except sqlite3.Error:
        return None
""",
    "store": """
def store(conn, value):
    with conn:
        conn.execute("insert into orders values (?)", (value,))
""",
    "note": """
def note(conn, value):
    conn.execute("insert into notes values (?)", (value,))
""",
    "save": """
def save(conn):
    conn.commit()
""",
    "undo": """
def undo(conn):
    conn.rollback()
""",
    "undo_quietly": """
def undo_quietly(conn):
    try:
        conn.rollback()
    except sqlite3.Error:
        log.warning("not rolled back")
""",
    "make": """
def make(path):
    conn = sqlite3.connect(path)
    conn.row_factory = sqlite3.Row
    return conn
""",
    "make_safely": """
def make_safely(path):
    conn = sqlite3.connect(path)
    try:
        conn.execute("pragma foreign_keys = on")
    except sqlite3.Error:
        conn.close()
        raise
    return conn
""",
    "make_or_none": """
def make_or_none(path, wanted):
    if not wanted:
        return None
    return sqlite3.connect(path)
""",
    "try_make": """
def try_make(path):
    try:
        return sqlite3.connect(path)
    except sqlite3.Error:
        return None
""",
    "managed": """
@contextmanager
def managed(path):
    conn = sqlite3.connect(path)
    try:
        yield conn
    finally:
        conn.close()
""",
    "managed_badly": """
@contextmanager
def managed_badly(path):
    conn = sqlite3.connect(path)
    yield conn
    conn.close()
""",
    "unit": """
@contextmanager
def unit(conn):
    try:
        yield conn.cursor()
        conn.commit()
    except Exception:
        conn.rollback()
        raise
""",
    "Store": """
class Store:
    def __init__(self, path):
        self.conn = sqlite3.connect(path)

    def add(self, value):
        self.conn.execute("insert into orders values (?)", (value,))
        self.conn.commit()

    def close(self):
        self.conn.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()
""",
    "Ledger": """
class Ledger:
    def __init__(self, path):
        self.path = path
        self.store = Store(path)

    def add(self, value):
        self.store.add(value)

    def close(self):
        self.store.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()
""",
    "Keeper": """
class Keeper:
    def __init__(self, store):
        self.store = store

    def add(self, value):
        self.store.add(value)

    def close(self):
        self.store.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.store.close()
""",
    "Office": """
class Office:
    def __init__(self, path):
        self.store = None
        self.open(path)

    def open(self, path):
        self.store = Store(path)

    def add(self, value):
        with self.store.conn as conn:
            conn.execute("insert into orders values (?)", (value,))

    def close(self):
        if self.store is not None:
            self.store.close()
            self.store = None

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()
""",
    "Recorder": """
class Recorder:
    def __init__(self, conn):
        self.conn = conn

    def execute(self, sql):
        return self.conn.execute(sql)

    def close(self):
        self.conn.close()
""",
    "Opened": """
class Opened:
    def __init__(self, path):
        self.path = path
        self.conn = None

    def __enter__(self):
        self.conn = sqlite3.connect(self.path)
        return self.conn

    def __exit__(self, *exc_info):
        self.conn.close()
""",
    "Archive": """
class Base:
    def __init__(self, path):
        self.conn = sqlite3.connect(path)

    def close(self):
        self.conn.close()


class Archive(Base):
    def add(self, value):
        with self.conn:
            self.conn.execute("insert into orders values (?)", (value,))
""",
    "Lazy": """
class Lazy:
    def __init__(self, path):
        self.path = path
        self.conn = None

    def get(self):
        if self.conn is None:
            self.conn = sqlite3.connect(self.path)
        return self.conn

    def close(self):
        if self.conn is not None:
            self.conn.close()
            self.conn = None
""",
    "make_pair": """
def make_pair(path):
    conn = sqlite3.connect(path)
    return conn, conn.cursor()
""",
    "configured": """
def configured(conn):
    conn.row_factory = sqlite3.Row
    return conn
""",
    "keep": """
kept = []


def keep(conn):
    kept.append(conn)
""",
    "lent": """
@asynccontextmanager
async def lent(path):
    conn = sqlite3.connect(path)
    try:
        yield conn
    finally:
        conn.close()
""",
    "lent_badly": """
@asynccontextmanager
async def lent_badly(path):
    conn = sqlite3.connect(path)
    yield conn
    conn.close()
""",
    "fetch": """
async def fetch(conn):
    return conn.execute("select id from orders").fetchall()
""",
    "open_later": """
async def open_later(path, work):
    await work()
    return sqlite3.connect(path)
""",
    "rows_of": """
def rows_of(path):
    with closing(sqlite3.connect(path)) as conn:
        for row in conn.execute("select id from orders"):
            yield row
""",
}

NEEDS = {"Ledger": "Store", "Office": "Store"}
"""What a helper is built on."""

PARAMETERS = [
    "path",
    "other_path",
    "work",
    "check",
    "flag",
    "urgent",
    "items",
    "number",
    "size",
    "build",
    "sink",
    "wanted",
]
READS = ["select id from orders", "select 1", "pragma foreign_keys = on"]
WRITES = ["delete from orders", "insert into orders values (1)", "update orders set id = 2"]
ERRORS = [
    "sqlite3.Error", "sqlite3.Error", "sqlite3.Error", "sqlite3.OperationalError", "sqlite3.DatabaseError",
    "sqlite3.IntegrityError", "Exception", "Exception", "Exception", "ValueError", "KeyError",
    "(KeyError, sqlite3.Error)", "(ValueError, KeyError)", "BaseException", "",
]  # fmt: skip
