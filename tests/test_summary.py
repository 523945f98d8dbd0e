"""`lintdb debug summary`: what lintdb understood of functions and classes, the same in every run."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lintdb.cli import main
from lintdb.engine import EngineOptions
from lintdb.finding import Confidence
from lintdb.insight.opened import open_source
from lintdb.insight.summary import describe
from lintdb.source import SourceFile
from tests import harness

SAMPLE = [
    path
    for path in (
        *harness.iter_fixtures("rules"),
        *harness.iter_fixtures("patterns"),
        *harness.iter_fixtures("programs"),
    )
    if path.stem in {"LDB101", "LDB116", "LDB201", "LDB305", "LDB501", "d_class_attributes", "i_async"}
    or "orders" in path.parts
]


def told(text: str, name: str) -> list[str]:
    """Return what is said of the only function or class of that name, without its headline."""
    options = EngineOptions(harness.default_codes())
    [part] = describe(open_source(SourceFile("app.py", textwrap.dedent(text)), options), name)
    return part[1:]


@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: str(path.relative_to(harness.FIXTURES)))
def test_every_function_can_be_described(path: Path) -> None:
    checked = harness.check_fixture(path)
    directive = harness.parse_directive(checked.text)
    options = harness.options_of(checked.path, harness.default_codes(), directive, Confidence.MEDIUM)
    opened = open_source(SourceFile(checked.path, checked.text), options)
    parts = list(describe(opened))
    headlines = [part[0] for part in parts]
    assert len(set(headlines)) == len(headlines)
    for headline, *lines in parts:
        assert lines or ": class" in headline, headline
        # What is written to users has labels, not ids, and no holes.
        assert not any(word in line for line in lines for word in ("None`", "$", "<", "?")), lines


class TestFunctions:
    def test_properties_are_followed(self) -> None:
        text = """\
            import functools, sqlite3
            class Store:
                @property
                def conn(self):
                    return sqlite3.connect("store.db")
                @functools.cached_property
                def kept(self):
                    return sqlite3.connect("store.db")
            """
        assert told(text, "Store.conn")[-1] == "followed to its end, which its callers see in 2 ways"
        assert told(text, "Store.kept")[-1].startswith("callers do not follow it: its decorator may make")

    def test_what_it_returns(self) -> None:
        text = """\
            import psycopg2, sqlite3
            CONN = psycopg2.connect("")
            def fresh(dsn, flag):
                if flag:
                    return psycopg2.connect(dsn)
                return None
            def shared():
                return CONN
            def same(conn: psycopg2.extensions.connection):
                return conn
            def nothing(dsn):
                psycopg2.connect(dsn)
            def pair(dsn):
                return psycopg2.connect(dsn), 1
            def ended(path):
                conn = sqlite3.connect(path)
                conn.close()
                return conn
            def never(dsn):
                conn = psycopg2.connect(dsn)
                raise SystemExit
            class Store:
                def __init__(self, dsn):
                    self.conn = psycopg2.connect(dsn)
                def close(self):
                    self.conn.close()
                def __enter__(self):
                    return self
            def store(dsn):
                return Store(dsn)
            """
        assert "returns a new psycopg2 connection, which its caller must see closed, or None" in told(text, "fresh")
        assert "returns a psycopg2 connection that it does not own (`CONN`)" in told(text, "shared")
        assert "returns its parameter `conn`" in told(text, "same")
        assert "returns None" in told(text, "nothing")
        pair = "returns several things, among them a new psycopg2 connection, which its caller must see closed"
        assert pair in told(text, "pair")
        assert "returns a sqlite3 connection that is closed already" in told(text, "ended")
        assert "never returns: every path raises, ends the process, or has no end" in told(text, "never")
        assert "returns a new object of `Store`, which its caller must release" in told(text, "store")
        assert "returns the object itself" in told(text, "Store.__enter__")

    def test_what_it_yields(self) -> None:
        text = """\
            import contextlib, psycopg2
            @contextlib.contextmanager
            def lend(dsn):
                conn = psycopg2.connect(dsn)
                try:
                    yield conn
                finally:
                    conn.close()
            @contextlib.contextmanager
            def forget(dsn):
                yield psycopg2.connect(dsn)
            @contextlib.contextmanager
            def hope(dsn):
                conn = psycopg2.connect(dsn)
                yield conn
                conn.close()
            def rounds(dsn):
                conn = psycopg2.connect(dsn)
                yield conn
                conn.close()
            def sure(dsn):
                with contextlib.closing(psycopg2.connect(dsn)) as conn:
                    yield conn
            """
        released = "yields a psycopg2 connection, and releases it afterwards"
        assert released in told(text, "lend")
        assert released in told(text, "sure")
        assert f"{released} if no error comes from the block" in told(text, "hope")
        assert f"{released} if whoever iterates goes on to the end" in told(text, "rounds")
        assert "yields a psycopg2 connection, and does not release it on every path" in told(text, "forget")

    def parameter(self, body: str, *, call: str = "") -> str:
        """Return what is said of the parameter of a function with a body."""
        annotation = "" if call else ": psycopg2.extensions.connection"
        text = f"import psycopg2\nfrom library import keep\nCONN = None\ndef work(conn{annotation}, flag):\n"
        text += textwrap.indent(textwrap.dedent(body), "    ") + call
        [line] = [each for each in told(text, "work") if each.startswith("`conn`")]
        return line

    def test_what_becomes_of_a_parameter(self) -> None:
        lead = "`conn`, by its annotation a psycopg2 connection: "
        assert self.parameter("conn.close()\n") == lead + "closed on every path"
        assert self.parameter("if flag:\n    conn.close()\n") == lead + "closed on some paths"
        less = "closed on every path, but not on every path that raises"
        assert self.parameter("conn.cursor().execute('x')\nconn.close()\n") == lead + less
        assert self.parameter("conn.cursor()\n") == lead + "borrowed: as open afterwards as before"
        assert self.parameter("keep(conn)\n") == lead + "given to `keep()`, of which lintdb knows nothing"
        kept = "kept in the global `CONN`, which lives as long as the program"
        assert self.parameter("global CONN\nCONN = conn\n") == lead + kept
        assert self.parameter("conn.cursor().execute('insert into t values (1)')\nconn.commit()\n") == (
            lead + "borrowed: as open afterwards as before; its work is committed"
        )
        assert self.parameter("conn.cursor().execute('insert into t values (1)')\n") == (
            lead + "borrowed: as open afterwards as before; work on it is left uncommitted on some path"
        )

    def test_a_parameter_without_annotation(self) -> None:
        call = "def load(dsn):\n    work(psycopg2.connect(dsn), 1)\n"
        line = self.parameter("conn.close()\n", call=call)
        assert line == "`conn`, called here with a psycopg2 connection: closed on every path"

    def test_a_parameter_of_which_nothing_is_known(self) -> None:
        text = """\
            import psycopg2
            from psycopg2.pool import SimpleConnectionPool
            POOL = SimpleConnectionPool(1, 5, "")
            KEPT = []
            def give_back(conn):
                POOL.putconn(conn)
            def shut(conn):
                conn.close()
            def end(thing, flag):
                if flag:
                    thing.close()
            def keep(conn, text):
                KEPT.append(conn)
                print(text.strip())
            def words(text: str, number, others):
                others.append(text)
                return number
            class Owner:
                def finish(self):
                    self.close()
            """
        assert "`conn`, if it is a psycopg2 pool connection: returned on every path" in told(text, "give_back")
        assert "`conn`, if it is a psycopg2 connection: closed on every path" in told(text, "shut")
        kinds = "a psycopg2 connection, a psycopg2 cursor, a psycopg2 server-side cursor or the like"
        assert f"`thing`, if it is {kinds}: closed on some paths" in told(text, "end")
        kinds = "a psycopg2 connection or a psycopg2 pool connection"
        [kept] = [each for each in told(text, "keep") if each.startswith("`")]
        assert kept == f"`conn`, if it is {kinds}: given to `KEPT.append()`, of which lintdb knows nothing"
        for name in ("words", "Owner.finish"):
            assert not [each for each in told(text, name) if each.startswith("`")]
        options = EngineOptions(harness.default_codes())
        opened = open_source(SourceFile("app.py", textwrap.dedent(text)), options)
        names = [part[0].partition("(")[0] for part in describe(opened)]
        assert names == ["give_back", "shut", "end"]

    def test_errors_and_waiting(self) -> None:
        text = """\
            import asyncpg, psycopg2
            from library import odd
            def load(dsn):
                conn = psycopg2.connect(dsn)
                odd()
                conn.close()
            def quiet(conn: psycopg2.extensions.connection):
                conn.close()
            async def slow(dsn):
                conn = psycopg2.connect(dsn)
                conn.close()
            """
        assert "can raise `psycopg2.Error` or anything else" in told(text, "load")
        assert "makes its thread wait: `psycopg2.connect()` (line 4)" in told(text, "load")
        assert "raises nothing that lintdb sees" in told(text, "quiet")
        assert "makes the thread, and so the event loop, wait: `psycopg2.connect()` (line 10)" in told(text, "slow")

    def test_how_far_it_is_followed(self) -> None:
        text = """\
            import sqlite3
            from library import odd
            def plain(path):
                return sqlite3.connect(path)
            @odd
            def wrapped(path):
                return sqlite3.connect(path)
            def again(path):
                return again(path) if path else sqlite3.connect(path)
            def rows(path):
                with sqlite3.connect(path) as conn:
                    yield conn
            """
        assert told(text, "plain")[-1] == "followed to its end, which its callers see in 2 ways"
        assert told(text, "wrapped")[-1] == "callers do not follow it: its decorator may make something else of it"
        assert told(text, "rows")[-1] == "followed to its end; it runs when somebody iterates"
        assert "returns something that lintdb does not follow, or a new sqlite3 connection" in "".join(
            told(text, "again")
        )

    def test_what_it_does_to_attributes_and_globals(self) -> None:
        text = """\
            import sqlite3
            CONN = sqlite3.connect("x")
            class Store:
                def __init__(self, path):
                    self.conn = sqlite3.connect(path)
                def close(self):
                    self.conn.close()
                def save(self):
                    self.conn.execute("insert into t values (1)")
                    self.conn.commit()
            def shut():
                CONN.close()
            """
        assert "gives another value to `self.conn`" in told(text, "Store.__init__")
        assert "`self.conn` is closed on every path" in told(text, "Store.close")
        assert "commits the work on `self.conn`" in told(text, "save")
        assert "`CONN` is closed on every path" in told(text, "shut")


class TestClasses:
    def test_what_it_opens_and_owes(self) -> None:
        text = """\
            import sqlite3
            class Store:
                def __init__(self, path):
                    self.conn = sqlite3.connect(path)
                def close(self):
                    self.conn.close()
            class Sealed:
                def __init__(self, path):
                    self.conn = sqlite3.connect(path)
            """
        opened = "`__init__()` opens a sqlite3 connection and keeps it as `self.conn` (line {}); {}"
        assert told(text, "Store") == [
            opened.format(4, "closed by `close()` (line 6)"),
            "whoever makes an object of it owes the release of `self.conn`: `close()`",
        ]
        assert told(text, "Sealed") == [
            opened.format(9, "no method is seen to have it closed"),
            "it has no method that is meant for releasing `self.conn`: that is its own defect, LDB116",
        ]

    def test_bases(self) -> None:
        text = """\
            import sqlite3
            from library import Base
            class Child(Base):
                def __init__(self):
                    self.conn = sqlite3.connect("x")
            class Conn(sqlite3.Connection):
                def load(self):
                    self.execute("select 1")
            """
        assert told(text, "Child")[0].startswith("of `library.Base` nothing is known")
        assert (
            told(text, "Conn")[0] == "derives from a class of a library: its objects are of the kind sqlite3 connection"
        )


BASE = """\
import psycopg2


class Base:
    def __init__(self, dsn):
        self.conn = psycopg2.connect(dsn)
"""
APP = """\
from base import Base


class Store(Base):
    def __exit__(self, *error):
        self.conn.close()


def load(dsn):
    store = Store(dsn)
    return store
"""
SUMMARY = """\
Store: class, line 4
  - derives from `Base` (base.py), which is followed
  - `__init__()` opens a psycopg2 connection and keeps it as `self.conn` (base.py:6); closed by
      `__exit__()` (line 6)
  - whoever makes an object of it owes the release of `self.conn`: a `with` block

Store.__exit__(self, *error): method, line 5
  - returns None
  - `self.conn` is closed on every path
  - raises nothing that lintdb sees
  - followed to its end, which its callers see in 2 ways

load(dsn): function, line 9
  - acquires a psycopg2 connection `store` (line 10)
  - returns a new object of `Store`, which its caller must release
  - can raise `psycopg2.Error`
  - makes its thread wait: `psycopg2.connect()`
  - followed to its end, which its callers see in 2 ways
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder, which is the current one, with a program of two files."""
    return harness.enter_program(tmp_path, monkeypatch, {"app.py": APP, "base.py": BASE})


@pytest.mark.usefixtures("project")
class TestCommand:
    def test_a_file(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["debug", "summary", "app.py"]) == 0
        assert capsys.readouterr().out == SUMMARY

    def test_a_parameter_that_only_other_files_know(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (project / ".git").mkdir()
        (project / "ends.py").write_text("def end(conn):\n    conn.close()\n", encoding="utf-8")
        assert main(["debug", "summary", "ends.py:end"]) == 0
        assert "`conn`" not in capsys.readouterr().out
        text = "import psycopg2\nfrom ends import end\nend(psycopg2.connect(''))\n"
        (project / "start.py").write_text(text, encoding="utf-8")
        assert main(["debug", "summary", "ends.py:end"]) == 0
        assert "  - `conn`, if it is a psycopg2 connection: closed on every path\n" in capsys.readouterr().out

    def test_one_name(self, capsys: pytest.CaptureFixture[str]) -> None:
        for name, headline in (("load", "load(dsn)"), ("Store.__exit__", "Store.__exit__("), ("Store", "Store: class")):
            assert main(["debug", "summary", f"app.py:{name}"]) == 0
            out = capsys.readouterr().out
            assert out.startswith(headline)
            assert "\n\n" not in out

    def test_a_file_without_anything(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path("none.py").write_text("def f():\n    return 1\n", encoding="utf-8")
        assert main(["debug", "summary", "none.py"]) == 0
        assert capsys.readouterr().out == "none.py: nothing in it has to do with anything that lintdb knows\n"

    @pytest.mark.parametrize(
        ("target", "message"),
        [
            ("app.py:lod", "app.py has no function or class 'lod'; did you mean `load`?"),
            ("app.py:zzz", "app.py has no function or class 'zzz'; it has: Store.__exit__, load, Store"),
            ("app.py:", "say FILE or FILE:NAME"),
            ("gone.py", "gone.py: no such file"),
            ("gone.py:f", "gone.py: no such file"),
            ("broken.py", "broken.py:2:"),
        ],
    )
    def test_questions_without_an_answer(self, target: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
        Path("broken.py").write_text("import sqlite3\ndef (:\n", encoding="utf-8")
        assert main(["debug", "summary", target]) == 2
        ran = capsys.readouterr()
        assert ran.out == ""
        assert message in ran.err
        assert "Traceback" not in ran.err

    @pytest.mark.parametrize("seed", ["1", "2"])
    def test_the_order_of_sets_does_not_show(self, project: Path, seed: str) -> None:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(harness.ROOT)}
        command = [sys.executable, "-m", "lintdb", "debug", "summary", "app.py"]
        ran = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, SUMMARY, "")
