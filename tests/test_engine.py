"""The data path of one file: what is looked at, for which library version, and what is left out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lintdb import gate
from lintdb.engine import EngineOptions, RuleCrash, check_source, debug_flow
from lintdb.finding import Confidence, FileResult
from lintdb.rules.registry import all_metas
from lintdb.source import SourceFile

ALL = frozenset(meta.code for meta in all_metas())
LEAK = "import sqlite3\ndef f(path):\n    conn = sqlite3.connect(path)\n    conn.execute('select 1')\n"


def check(text: str, path: str = "job.py", **options: Any) -> FileResult:
    return check_source(SourceFile(path, text), EngineOptions(ALL, **options))


def codes(text: str, **options: Any) -> list[str]:
    return [finding.code for finding in check(text, **options).findings]


class TestGate:
    @pytest.mark.parametrize(
        "line",
        [
            "import sqlite3",
            "    import sqlite3",
            "from sqlite3 import connect",
            "import os, sqlite3",
            "from sqlite3.dbapi2 import connect as c",
            "from app.compat import sqlite3",
            "import os; import sqlite3",
            "import sqlite3; import os",
            "try: import sqlite3",
            "import os, \\\n    sqlite3",
            "import os, \\\r\n    sqlite3",
        ],
    )
    def test_imports_pass(self, line: str) -> None:
        assert "sqlite3" in gate.mentioned(f"x = 1\n{line}\n")

    def test_every_library_of_a_line_counts(self) -> None:
        assert gate.mentioned("import sqlite3, psycopg2, redis\n") == {"sqlite3", "psycopg2", "redis"}

    def test_old_module_names_stand_for_their_library(self) -> None:
        assert gate.mentioned("from DBUtils.PooledDB import PooledDB\n") == {"dbutils"}

    @pytest.mark.parametrize(
        "text", ["", "x = 'import sqlite3'\n", "# import sqlite3\n", "sqlite3 = 1\n", "import sqlite3x\n"]
    )
    def test_mentions_without_an_import_do_not(self, text: str) -> None:
        assert not gate.passes(text)


class TestParsing:
    def test_a_file_that_only_imports_is_not_parsed(self) -> None:
        """libcst is by far the dearest part; declarations alone do not need it."""
        program = (
            "import sys\n"
            "from lintdb.engine import EngineOptions, check_source\n"
            "from lintdb.source import SourceFile\n"
            "text = 'from sqlalchemy import Column, Integer\\nx = Column(Integer)\\n'\n"
            "assert check_source(SourceFile('m.py', text), EngineOptions(frozenset({'LDB101'}))).findings == ()\n"
            "assert 'libcst' not in sys.modules\n"
        )
        subprocess.run([sys.executable, "-c", program], check=True)

    @pytest.mark.parametrize("text", [LEAK + "def g(:\n", "import sqlite3\ndef g(:\n"])
    def test_a_syntax_error_is_a_problem_with_its_place(self, text: str) -> None:
        problem = check(text).problem
        assert problem is not None
        assert problem.line == text.count("\n")

    def test_a_renamed_function_is_found(self) -> None:
        assert codes("from sqlite3 import connect as c\ndef f(p):\n    x = c(p)\n    x.execute('select 1')\n") == [
            "LDB101"
        ]


class TestVersions:
    TEXT = "import redis\ndef f():\n    return redis.Redis(host='db')\n"

    def test_the_newest_is_the_default(self) -> None:
        assert "LDB401" not in codes(self.TEXT)

    def test_an_option_decides(self) -> None:
        assert "LDB401" in codes(self.TEXT, target_versions={"redis": "5.0.1"})

    def test_pins_of_the_project_decide(self, tmp_path: Path) -> None:
        (tmp_path / "requirements.txt").write_text("redis==5.0.1\n", encoding="utf-8")
        path = str(tmp_path / "job.py")
        assert "LDB401" in [finding.code for finding in check(self.TEXT, path, use_pins=True).findings]
        assert "LDB401" not in [finding.code for finding in check(self.TEXT, path).findings]


class TestFindings:
    def test_a_witness_begins_where_the_resource_is_opened(self) -> None:
        finding = check(LEAK).findings[0]
        assert finding.resource is not None
        assert (finding.resource.kind, finding.resource.name, finding.resource.line) == (
            "sqlite3 connection",
            "conn",
            3,
        )
        assert finding.steps[0].span == finding.span
        assert "still open" in finding.steps[-1].message

    def test_many_outcomes_in_a_row_do_not_multiply_for_ever(self) -> None:
        options = ["every", "cron", "until", "since"]
        stores = "".join(
            f"        self.{name} = {name}\n        if self.{name}:\n            self.next = 1\n" for name in options
        )
        made = "".join(f"    job{n} = Job({', '.join(f'{name}()' for name in options)})\n" for n in range(10))
        kept = ", ".join(f"job{n}" for n in range(10))
        text = (
            f"import sqlite3\nclass Job:\n    def __init__(self, {', '.join(options)}):\n{stores}"
            f"def f(path, {', '.join(options)}):\n    conn = sqlite3.connect(path)\n{made}"
            f"    conn.execute('delete from jobs')\n    return [{kept}]\n"
        )
        assert "LDB101" in codes(text)

    def test_a_comment_for_an_unlikely_finding_is_in_use(self) -> None:
        """Suppression comes before the confidence: the comment is not to be called unused."""
        text = (
            "import psycopg2.extensions\n"
            "def f(conn: psycopg2.extensions.connection):\n"
            "    cur = conn.cursor()  # lintdb: ignore[LDB102] the caller commits\n"
            "    cur.execute('select 1')\n"
        )
        assert "LDB102" in codes(
            text.replace("  # lintdb: ignore[LDB102] the caller commits", ""), min_confidence=Confidence.LOW
        )
        assert codes(text) == []

    def test_only_selected_rules_run(self) -> None:
        assert check_source(SourceFile("job.py", LEAK), EngineOptions(frozenset({"LDB504"}))).findings == ()

    def test_a_crash_names_rule_and_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def crash(*_: object) -> None:
            raise ZeroDivisionError("broken")

        monkeypatch.setattr("lintdb.rules.lifetimes.report_leak", crash)
        with pytest.raises(RuleCrash, match=r"LDB101.*job\.py.*broken"):
            check(LEAK)


class TestDebug:
    def test_graph_and_leaks_of_a_function(self, tmp_path: Path) -> None:
        path = tmp_path / "job.py"
        path.write_text(LEAK, encoding="utf-8")
        text = debug_flow(str(path), "f")
        assert "sqlite3.connect(path)" in text
        assert "on a normal path" in text

    def test_a_function_that_is_not_there(self, tmp_path: Path) -> None:
        path = tmp_path / "job.py"
        path.write_text(LEAK, encoding="utf-8")
        with pytest.raises(ValueError, match="has no function 'g'; it has: f"):
            debug_flow(str(path), "g")


class TestScripts:
    CONNECT = "import argparse\nimport sys\nimport psycopg2\n{}psycopg2.connect(host='db.internal', dbname={})\n"

    @pytest.mark.parametrize(
        ("before", "name", "is_low"),
        [
            ("if __name__ == '__main__':\n    conn = ", "'orders'", True),
            ("given = argparse.ArgumentParser().parse_args()\nconn = ", "given.name", True),
            ("conn = ", "sys.argv[1]", False),
            ("conn = ", "'orders'", False),
            ("print('counts the orders')\nconn = ", "'orders'", True),
            ("conn = ", "'orders')\nfor row in conn.cursor():\n    print(row", True),
            ("print('ready')\nwhile True:\n    conn = ", "'orders'", False),
            ("import flask\napp = flask.Flask('orders')\nprint('ready')\nconn = ", "'orders'", False),
            ("@app.get('/')\ndef answer():\n    pass\nprint('ready')\nconn = ", "'orders'", False),
        ],
    )
    def test_whoever_has_started_a_program_can_end_it(self, before: str, name: str, is_low: bool) -> None:
        found = check(self.CONNECT.format(before, name), min_confidence=Confidence.LOW).findings
        limits = [finding for finding in found if finding.code in ("LDB401", "LDB402")]
        assert [finding.code for finding in limits] == ["LDB401", "LDB402"]
        assert [finding.confidence is Confidence.LOW for finding in limits] == [is_low, is_low]
