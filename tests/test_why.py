"""`lintdb why`: each line that acquires something gets a reason, and the reasons agree with what a check reports."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from lintdb.cli import main
from lintdb.engine import EngineOptions
from lintdb.finding import Confidence
from lintdb.flow.watch import Watcher
from lintdb.insight.opened import open_source
from lintdb.insight.why import Acquired, Inquiry
from lintdb.source import SourceFile
from tests import harness

LEAKS = frozenset(f"LDB1{digit}{last}" for digit in "02" for last in "123456") | {"LDB111", "LDB116"}
"""Codes of findings that stand where something is acquired."""

# Every shape that ends a lifetime is in one of these; to ask about all fixtures takes minutes.
SAMPLE = [
    path
    for path in (
        *harness.iter_fixtures("rules"),
        *harness.iter_fixtures("patterns"),
        *harness.iter_fixtures("programs"),
    )
    if path.stem in {"LDB101", "LDB105", "LDB106", "LDB111", "LDB114", "LDB116", "LDB122", "LDB123"}
    or path.stem in {"d_class_attributes", "d_neighbours", "b_neighbours", "i_async"}
    or "orders" in path.parts
]


def inquire(text: str, *, path: str = "app.py", codes: frozenset[str] | None = None, low: bool = False) -> Inquiry:
    options = EngineOptions(codes or harness.default_codes(), Confidence.LOW if low else Confidence.MEDIUM)
    return Inquiry(open_source(SourceFile(path, textwrap.dedent(text)), options))


def one(text: str) -> Acquired:
    """Return why of the only thing that a program acquires on the lines with the comment `# here`."""
    lines = [number for number, line in enumerate(textwrap.dedent(text).splitlines(), 1) if "# here" in line]
    [acquired] = inquire(text).answer(lines[0]).acquired
    return acquired


@pytest.fixture(params=SAMPLE, ids=lambda path: str(path.relative_to(harness.FIXTURES)))
def asked(request: pytest.FixtureRequest) -> tuple[harness.Checked, Inquiry]:
    """Return a fixture as it is checked, and as it is asked about."""
    path: Path = request.param
    checked = harness.check_fixture(path)
    directive = harness.parse_directive(checked.text)
    codes = harness.codes_for(directive.select) if directive.select else harness.default_codes()
    codes = frozenset({path.stem}) if path.parent.name == "rules" else codes
    options = harness.options_of(checked.path, codes, directive, Confidence.MEDIUM)
    source, _ = harness.place(checked.path, checked.text)
    return checked, Inquiry(open_source(source, options))


def test_reasons_agree_with_the_findings(asked: tuple[harness.Checked, Inquiry]) -> None:
    checked, inquiry = asked
    subjects = harness.find_subjects(checked.text)
    known_false = {(mark.line, mark.code) for mark in checked.marks if mark.kind == harness.FALSE}
    everything = inquiry.everything()
    said = Counter(finding for each in everything for finding in each.findings)
    wrong = [f"{f.span.line}: {f.code} is not told of" for f in checked.findings if f.code in LEAKS and not said[f]]
    wrong += [f"{f.span.line}: {f.code} is told of, and not reported" for f in said if f not in checked.findings]
    for each in everything:
        if not each.reasons:
            wrong.append(f"{each.span.line}: no reason")
        verdict = harness.verdict_of(harness.subject_of(each.span.line, subjects).name)
        told = {(finding.span.line, finding.code) for finding in each.findings} - known_false
        if verdict == "ok" and told:
            wrong.append(f"{each.span.line}: reported, in a part that is called ok")
        if (each.verdict == "reported") is not bool(each.findings):
            wrong.append(f"{each.span.line}: the verdict is {each.verdict}, with {len(each.findings)} findings")
    assert not wrong, "\n".join(wrong)
    assert everything


def test_whoever_watches_changes_nothing(asked: tuple[harness.Checked, Inquiry]) -> None:
    _, inquiry = asked
    program = inquiry.opened.program
    for function in inquiry.opened.functions:
        watched = inquiry.opened.watch(function)
        assert isinstance(watched, Watcher)
        assert watched.leaks() == program.run(function).leaks()
        assert watched.is_complete == program.run(function).is_complete


class TestReasons:
    def verdict_and_reasons(self, text: str) -> tuple[str, list[tuple[str, int | None]]]:
        acquired = one(text)
        return acquired.verdict, [
            (each.what, each.place.span.line if each.place else None) for each in acquired.reasons
        ]

    def test_released_by_a_call(self) -> None:
        text = """\
            import sqlite3
            def load(path):
                conn = sqlite3.connect(path)  # here
                try:
                    conn.execute("select 1")
                finally:
                    conn.close()
            """
        assert self.verdict_and_reasons(text) == ("released", [("released", 7)])
        assert one(text).summary == "not reported: closed on every path that lintdb follows"
        assert one(text).reasons[0].text == "closed by `conn.close()`"

    def test_never_used(self) -> None:
        text = """\
            import redis
            def f(host):
                client = redis.Redis(host)  # here
                print(host)
            """
        assert self.verdict_and_reasons(text) == ("released", [("unused", None)])
        expected = "not reported: it opens nothing before it is used, and no path that lintdb follows uses it"
        assert one(text).summary == expected
        text = """\
            import redis
            def f(host):
                client = redis.Redis(host)  # here
                if host:
                    with client:
                        client.ping()
            """
        assert one(text).summary == "not reported: closed on every path that lintdb follows and that uses it"

    def test_released_by_a_block_and_with_its_parent(self) -> None:
        text = """\
            import contextlib, sqlite3, psycopg2
            def load(dsn):
                with contextlib.closing(psycopg2.connect(dsn)) as conn:
                    cur = conn.cursor()  # here
                    cur.execute("select 1")
            """
        assert self.verdict_and_reasons(text) == ("released", [("parent", 3)])
        assert one(text).reasons[0].text == "goes with `conn` when that is closed where the `with` block ends"

    def test_paths_differ(self) -> None:
        text = """\
            import sqlite3
            from library import keep
            def load(path, flag):
                conn = sqlite3.connect(path)  # here
                if flag:
                    keep(conn)
                else:
                    conn.close()
            """
        assert self.verdict_and_reasons(text) == ("lost", [("lost", 6), ("released", 8)])
        assert one(text).reasons[0].text == (
            "given to `keep()`, of which lintdb knows nothing (for example if `flag` is true)"
        )

    def test_handed_over(self) -> None:
        text = "import sqlite3\ndef load(path):\n    return sqlite3.connect(path)  # here\n"
        assert self.verdict_and_reasons(text) == ("transferred", [("returned", None)])
        text = "import sqlite3\nCONN = sqlite3.connect('x')  # here\n"
        assert self.verdict_and_reasons(text) == ("transferred", [("kept", 2)])
        text = """\
            import contextlib, sqlite3
            @contextlib.contextmanager
            def lend(path):
                conn = sqlite3.connect(path)  # here
                try:
                    yield conn
                finally:
                    conn.close()
            """
        assert self.verdict_and_reasons(text) == ("released", [("yielded", 6), ("released", 8)])

    def test_kept_by_an_object_whose_class_releases_it(self) -> None:
        text = """\
            import sqlite3
            class Store:
                def __init__(self, path):
                    self.conn = sqlite3.connect(path)  # here
                def stop(self):
                    self.conn.close()
            """
        assert self.verdict_and_reasons(text) == ("transferred", [("kept", 4)])
        assert one(text).reasons[0].text == "kept as `self.conn`, closed by `Store.stop()` (line 6)"

    def test_kept_by_an_object_whose_class_does_not(self) -> None:
        acquired = one("""\
            import psycopg2
            class Store:
                def __init__(self, path):
                    self.conn = psycopg2.connect(host=path)  # here
            """)
        assert (acquired.verdict, [each.code for each in acquired.findings]) == ("reported", ["LDB116"])
        assert acquired.reasons[0].text == "kept as `self.conn`; no method of `Store` is seen to release it"
        assert [finding.code for finding in acquired.others] == ["LDB401", "LDB402"]

    def test_kept_along_with_what_belongs_to_it(self) -> None:
        text = """\
            import sqlalchemy
            class Store:
                def __init__(self, url):
                    engine = sqlalchemy.create_engine(url)  # here
                    self.conn = engine.connect()
                def close(self):
                    self.conn.close()
            """
        assert one(text).reasons[0].text.startswith("kept by the object, along with what `self.conn` holds")

    def test_a_function_of_the_project_takes_it(self) -> None:
        text = """\
            import sqlite3
            from library import odd
            @odd
            def store(conn):
                conn.close()
            def shut(conn):
                conn.close()
            def load(path):
                store(sqlite3.connect(path))  # here
            """
        assert self.verdict_and_reasons(text) == ("lost", [("lost", 9)])
        reason = one(text).reasons[0].text
        assert reason == "given to `store()`, which lintdb does not follow: its decorator may make something else of it"
        text = text.replace("store(sqlite3", "shut(sqlite3")
        assert self.verdict_and_reasons(text) == ("released", [("released", 9)])
        assert one(text).reasons[0].text == "closed by `shut()`"

    def test_it_is_borrowed(self) -> None:
        text = """\
            import contextlib, psycopg2
            @contextlib.contextmanager
            def lend(dsn):
                conn = psycopg2.connect(dsn)
                try:
                    yield conn
                finally:
                    conn.close()
            def load(dsn):
                with lend(dsn) as conn:  # here
                    conn.commit()
            """
        assert self.verdict_and_reasons(text)[0] == "borrowed"
        assert one(text).reasons[0].text == "`lend(dsn)` lends it to the block, and releases it when the block ends"

        text = "from alembic import op\ndef upgrade():\n    bind = op.get_bind()  # here\n    bind.execute('x')\n"
        assert one(text).verdict == "borrowed"
        assert one(text).reasons[0].text == "`op.get_bind()` hands it out, and leaves nothing to release"

    def test_the_process_ends(self) -> None:
        text = """\
            import sqlite3, sys
            def load(path):
                conn = sqlite3.connect(path)  # here
                sys.exit(1)
            """
        assert self.verdict_and_reasons(text) == ("released", [("killed", None)])
        assert one(text).summary == "not reported: no path leaves it open where the function ends"

    def test_no_path_gets_there(self) -> None:
        text = """\
            import sqlite3
            def load(path):
                return None
                conn = sqlite3.connect(path)  # here
            """
        assert self.verdict_and_reasons(text) == ("unreached", [("unreached", None)])

    def test_a_release_that_is_not_awaited(self) -> None:
        acquired = one("""\
            import asyncpg
            async def load(dsn):
                conn = await asyncpg.connect(dsn)  # here
                conn.close()
            """)
        assert [each.code for each in acquired.findings] == ["LDB504"]


class TestNotShown:
    TEXT = "import sqlite3\ndef load(path):\n    conn = sqlite3.connect(path)\n    conn.execute('select 1')\n"

    def because(self, inquiry: Inquiry, line: int = 3) -> tuple[str, str]:
        [acquired] = inquiry.answer(line).acquired
        [silenced] = acquired.silenced
        assert acquired.verdict == "silenced"
        return silenced.finding.code, silenced.because

    def test_by_a_comment(self) -> None:
        text = self.TEXT.replace("(path)\n    conn.e", "(path)  # noqa: LDB101\n    conn.e")
        assert self.because(inquire(text)) == ("LDB101", "silenced by the comment on line 3")
        inquiry = inquire(
            "# flake8: noqa: LDB101\n" + self.TEXT.replace("(path)\n    c", "(path)  # noqa: E501\n    c")
        )
        assert self.because(inquiry, 4) == ("LDB101", "silenced by the comment on line 1")
        inquiry = inquire("# lintdb: skip-file\n" + self.TEXT)
        assert self.because(inquiry, 4) == ("LDB101", "a comment asks to skip the whole file")

    def test_by_the_confidence(self) -> None:
        text = "import psycopg2\ndef f(dsn):\n    cur = dsn.x\ndef main(dsn):\n    conn = psycopg2.connect(dsn)\n"
        text += "    conn.cursor().execute('x')\n    conn.close()\n"
        [acquired] = inquire(text).answer(5).acquired
        assert [each.because for each in acquired.silenced] == ["its confidence is low, and `min-confidence` is medium"]
        [acquired] = inquire(text, low=True).answer(5).acquired
        assert [each.code for each in acquired.findings] == ["LDB121"]

    def test_by_the_selection(self) -> None:
        inquiry = inquire(self.TEXT, codes=frozenset({"LDB401"}))
        assert self.because(inquiry) == ("LDB101", "LDB101 is not selected for this file")


PROGRAM = """\
import psycopg2
from store import Store, connect


def load(dsn):
    conn = connect(dsn)
    conn.cursor().execute("select 1")
    conn.close()
    store = Store(dsn)
    store.close()
"""
STORE = """\
import psycopg2


def connect(dsn):
    return psycopg2.connect(dsn)


class Store:
    def __init__(self, dsn):
        self.conn = connect(dsn)

    def close(self):
        self.conn.close()
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder, which is the current one, with a program of two files."""
    return harness.enter_program(tmp_path, monkeypatch, {"app.py": PROGRAM, "store.py": STORE})


@pytest.mark.usefixtures("project")
class TestCommand:
    def test_left_by_its_end(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        file = tmp_path / "end.py"
        file.write_text("import sqlite3\n\n\ndef f():\n    conn = sqlite3.connect('x')\n    conn.execute('select 1')\n")
        assert main(["why", f"{file}:5"]) == 0
        out = capsys.readouterr().out
        assert "      line 5: sqlite3 connection opened here\n      leaves f() with `conn` still open\n" in out

    def test_text(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["why", "app.py:6"]) == 0
        assert capsys.readouterr().out == textwrap.dedent("""\
            app.py:6:12: psycopg2 connection `conn`, acquired by `connect(dsn)` in `load()`
              reported
                LDB121 `conn` (from `connect()`) is not closed if `execute()` raises
                  line 6: psycopg2 connection opened here
                  line 7: raises
                  line 8: not reached on this path
                  line 7: leaves load() with `conn` still open
              what becomes of it:
              - line 8: closed by `conn.close()`
              - still open where `load()` ends, after something has raised (for example if
                  `conn.cursor().execute()` raises)
            """)

    def test_other_files_are_followed(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["why", "app.py:9"]) == 0
        assert "  - line 10: closed by `close()`\n" in capsys.readouterr().out
        assert main(["why", "app.py:9", "--no-follow-imports"]) == 0
        assert "app.py:9: nothing that lintdb knows is acquired on this line\n" in capsys.readouterr().out

    def test_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["why", "app.py:6:12", "--output-format", "json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert (answer["path"], answer["line"], answer["column"], answer["nearest"]) == ("app.py", 6, 12, [])
        [acquired] = answer["acquired"]
        assert acquired["verdict"] == "reported"
        assert (acquired["line"], acquired["column"], acquired["end_column"]) == (6, 12, 24)
        assert [finding["code"] for finding in acquired["findings"]] == ["LDB121"]
        assert acquired["reasons"][0] == {
            "what": "released", "text": "closed by `conn.close()`", "path": "app.py", "line": 8, "column": 5,
        }  # fmt: skip
        assert acquired["reasons"][1]["line"] is None

    def test_nothing_there(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["why", "app.py:1"]) == 0
        assert capsys.readouterr().out == (
            "app.py:1: nothing that lintdb knows is acquired on this line\n"
            "  the nearest lines that acquire something:\n"
            "  - line 6: psycopg2 connection `conn`\n"
            "  - line 7: psycopg2 cursor\n"
            "  - line 9: psycopg2 connection `store`\n"
        )
        assert main(["why", "app.py:9:5"]) == 0
        out = capsys.readouterr().out
        assert out.startswith(
            "app.py:9: nothing that lintdb knows is acquired on this line, column 5\n  but at column 1"
        )
        assert out.endswith(
            ": psycopg2 connection `store`\n"
            "  the nearest lines that acquire something:\n"
            "  - line 6: psycopg2 connection `conn`\n"
            "  - line 7: psycopg2 cursor\n"
        )
        for column in (5, 99):
            assert main(["why", f"app.py:6:{column}"]) == 0
            assert capsys.readouterr().out == (
                f"app.py:6: nothing that lintdb knows is acquired on this line, column {column}\n"
                "  but at column 12: psycopg2 connection `conn`\n"
                "  the nearest lines that acquire something:\n"
                "  - line 7: psycopg2 cursor\n"
                "  - line 9: psycopg2 connection `store`\n"
            )
        Path("none.py").write_text("x = 1\n", encoding="utf-8")
        assert main(["why", "none.py:1"]) == 0
        assert capsys.readouterr().out.endswith("\n  nor anywhere else in this file\n")

    def test_other_findings_on_the_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        text = "import sqlite3\ndef f(path):\n    conn = sqlite3.connect(path)\n    conn.close()\n"
        Path("late.py").write_text(text + "    conn.commit()\n", encoding="utf-8")
        assert main(["why", "late.py:5"]) == 0
        out = capsys.readouterr().out
        assert out.startswith("late.py:5: LDB112 ")
        assert "LDB112" not in out.partition("\n")[2]
        assert "      line 4: released here\n" in out
        assert "  help: " in out
        assert "nothing that lintdb knows" not in out
        assert "nearest" not in out
        assert main(["why", "late.py:5:5"]) == 0
        assert capsys.readouterr().out == out
        assert main(["why", "late.py:5:40"]) == 0
        out = capsys.readouterr().out
        assert out.startswith(
            "late.py:5: nothing that lintdb knows is acquired on this line, column 40\n  but at column 5: LDB112 "
        )

    def test_two_on_a_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        text = "import sqlite3\ndef f(a, b):\n    one, two = sqlite3.connect(a), sqlite3.connect(b)\n"
        Path("two.py").write_text(text, encoding="utf-8")
        for column, name in ((16, "one"), (36, "two")):
            assert main(["why", f"two.py:3:{column}"]) == 0
            out = capsys.readouterr().out
            assert out.startswith(f"two.py:3:{column}: sqlite3 connection `{name}`")
            assert out.count("LDB101") == 1

    def test_an_excluded_file(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["why", "app.py:6", "--exclude", "app.py"]) == 0
        assert "app.py is excluded" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("target", "message"),
        [
            ("app.py", "say FILE:LINE or FILE:LINE:COLUMN, for example orders/report.py:14"),
            ("app.py:x", "say FILE:LINE"),
            ("app.py:99", "app.py has no line 99: it has 10 lines"),
            ("app.py:0", "app.py has no line 0"),
            ("gone.py:1", "gone.py: no such file"),
            ("broken.py:1", "broken.py:1:"),
        ],
    )
    def test_questions_without_an_answer(self, target: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
        Path("broken.py").write_text("import sqlite3\ndef (:\n", encoding="utf-8")
        assert main(["why", target]) == 2
        ran = capsys.readouterr()
        assert ran.out == ""
        assert message.removesuffix("1:") in ran.err
        assert "Traceback" not in ran.err


MISUSED = """\
    import psycopg2
    from psycopg2.pool import SimpleConnectionPool

    def late(dsn):
        conn = psycopg2.connect(dsn)
        try:
            cur = conn.cursor()
            cur.execute("select 1")
        finally:
            conn.close()
        return cur.fetchall()

    def twice(pool: SimpleConnectionPool):
        conn = pool.getconn()
        try:
            conn.reset()
        finally:
            pool.putconn(conn)
            pool.putconn(conn)

    def lost(dsn):
        conn = psycopg2.connect(dsn)
        try:
            with conn.cursor() as cur:
                cur.execute("delete from orders")
        finally:
            conn.close()

    def again(dsn):
        conn = psycopg2.connect(dsn)
        conn.close()
        with conn:
            pass

    def kept(dsn):
        pool = SimpleConnectionPool(1, 5, dsn)
        conn = pool.getconn()
        conn.reset()
        pool.closeall()
    """


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (5, [(11, "LDB112")]),
        (7, [(11, "LDB112")]),
        (14, [(19, "LDB113")]),
        (22, [(25, "LDB202")]),
        (24, [(25, "LDB202")]),
        (30, [(32, "LDB112")]),
        (36, []),  # what is taken from it is not returned
    ],
)
def test_what_is_reported_on_other_lines(line: int, expected: list[tuple[int, str]]) -> None:
    acquired = inquire(MISUSED).answer(line).acquired[0]
    assert [(each.span.line, each.code) for each in acquired.elsewhere] == expected


def test_other_lines_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text(textwrap.dedent(MISUSED), encoding="utf-8")
    assert main(["why", "app.py:14", "--no-follow-imports"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "  reported on other lines:",
        "  - line 19: LDB113 `conn` is returned a second time",
    ]
    assert main(["why", "app.py:14", "--output-format", "json"]) == 0
    [found] = json.loads(capsys.readouterr().out)["acquired"][0]["elsewhere"]
    assert (found["line"], found["code"]) == (19, "LDB113")


def test_what_other_files_do_with_a_global_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = """\
        from flask import Flask
        {}
        app = Flask(__name__)

        @app.route("/jobs")
        def jobs():
            {}conn.ping()
        """
    (tmp_path / ".git").mkdir()
    text = "import pymysql\n\nconn = pymysql.connect(host='')\nother = pymysql.connect(host='')\n"
    harness.enter_program(
        tmp_path,
        monkeypatch,
        {
            "db.py": text,
            "direct.py": textwrap.dedent(handler).format("from db import conn", ""),
            "dotted.py": textwrap.dedent(handler).format("import db", "db."),
            "apart.py": "conn = None\n",
        },
    )

    def said(*arguments: str) -> str:
        assert main(["why", *arguments]) == 0
        return " ".join(capsys.readouterr().out.split())

    told = said("db.py:3")
    users = "other files use `conn`, too (direct.py, dotted.py): what is wrong with that is reported there"
    assert f"- {users} reported on other lines: - direct.py, line 7: LDB502 `conn`, which another module keeps" in told
    assert "- dotted.py, line 7: LDB502 `conn`, which another module keeps" in told
    for each in (said("db.py:4"), said("db.py:3", "--no-follow-imports")):
        assert "other files use" not in each
        assert "LDB502" not in each


def test_what_is_ignored_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text(
        "import sqlite3\n\ndef f(path):\n    conn = sqlite3.connect(path)\n    conn.execute('x')\n"
    )

    def because(*options: str) -> str:
        assert main(["why", "app.py:4", *options]) == 0
        lines = (line.strip() for line in capsys.readouterr().out.splitlines())
        return next(line for line in lines if line.startswith("because "))

    assert because("--ignore", "LDB1") == "because LDB101 is not selected for this file"
    expected = "because `per-file-ignores` leaves LDB101 out, by the pattern `{}`"
    assert because("--per-file-ignores", "b.py:LDB1,*.py:LDB1") == expected.format("*.py")
    Path("lintdb.toml").write_text(
        'per-file-ignores = { "gone.py" = ["LDB1"], "./app.py" = ["connection-not-closed"] }\n'
    )
    assert because() == expected.format("./app.py")
