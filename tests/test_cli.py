"""The command as users meet it: exit codes, messages for bad input, options, output."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from lintdb import __version__
from lintdb.cli import main
from lintdb.commands.output import describe_problem
from lintdb.config import KEYS
from lintdb.engine import EngineOptions
from lintdb.finding import Confidence, FileProblem, FileResult, Finding, Severity, Span
from lintdb.rules.base import RuleMeta
from lintdb.source import SourceFile
from lintdb.toml import load_toml
from tests.harness import ROOT

NAMES = {
    "LDB001": "unused-suppression",
    "LDB002": "unparsable-file",
    "LDB101": "connection-not-closed",
    "LDB117": "release-in-del",
    "LDB121": "connection-not-closed-on-error",
}
WARNINGS = {"LDB001", "LDB121"}
METAS = tuple(
    RuleMeta(
        code,
        name,
        f"summary of {code}",
        Severity.WARNING if code in WARNINGS else Severity.ERROR,
        "help",
        "0.1",
        default=code != "LDB117",
    )
    for code, name in NAMES.items()
)
EVERY_KEY = """
select = ["LDB1"]
extend-select = ["LDB001"]
ignore = ["LDB117"]
exclude = ["a"]
extend-exclude = ["b"]
min-confidence = "low"
strict-cursors = true
follow-imports = false
respect-gitignore = false
output-format = "json"
jobs = 3
driver-models = []
[target-version]
redis = "5"
[per-file-ignores]
"x.py" = ["LDB121"]
[drivers.mine]
extends = "redis"
"""
LEAK = "import sqlite3\n\ndef load():\n    leak()\n"


class Ran(NamedTuple):
    """What a run of the command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "LINTDB_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(arguments)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


seen_options: list[EngineOptions] = []


def fake_check(source: SourceFile, options: EngineOptions, _projects: object = None) -> FileResult:
    """Report each call of `leak()` as LDB101 and each of `maybe()` as LDB121; crash on a call of `crash()`."""
    seen_options.append(options)
    findings = []
    for node in ast.walk(ast.parse(source.text)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "crash":
            raise KeyError("no such node")
        code = {"leak": "LDB101", "maybe": "LDB121"}.get(node.func.id)
        if code in options.codes and code is not None:
            span = Span(node.lineno, node.col_offset + 1, node.end_lineno or 0, (node.end_col_offset or 0) + 1)
            message = f"`{node.func.id}` is not closed"
            findings.append(Finding(source.path, span, code, NAMES[code], message, Severity.ERROR, Confidence.HIGH))
    return FileResult(source.path, tuple(findings))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a small known engine in the place of the real one."""
    seen_options.clear()
    monkeypatch.setattr("lintdb.engine.check_source", fake_check)
    monkeypatch.setattr("lintdb.rules.registry.all_metas", lambda: METAS)


def write(name: str, data: str | bytes) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


@pytest.mark.usefixtures("fake")
class TestExitCodes:
    """0 clean, 1 findings, 2 could not do the job."""

    def test_clean(self, run: Run) -> None:
        write("x.py", "x = 1\n")
        write("y.py", "y = 1\n")
        assert run("check") == (0, "", "All clean: checked 2 files\n")

    def test_findings(self, run: Run) -> None:
        write("a/x.py", LEAK)
        write("y.py", "")
        assert run("check") == (
            1,
            "a/x.py:4:5: LDB101 `leak` is not closed\n".replace("/", os.sep),
            "Found 1 finding in 1 file (checked 2 files)\n",
        )

    def test_exit_zero_forgives_findings_only(self, run: Run) -> None:
        write("x.py", LEAK)
        assert run("check", "--exit-zero").code == 0
        assert run("check", "--exit-zero", "absent.py").code == 2

    def test_no_files(self, run: Run) -> None:
        assert run("check") == (0, "", "warning: no Python files found\n")

    def test_no_rules(self, run: Run) -> None:
        write("x.py", LEAK)
        ran = run("check", "--select", "")
        assert (ran.code, ran.out) == (0, "")
        assert ran.err.startswith("warning: no rule is on, so nothing is looked for\n")

    def test_unreadable_file_is_a_finding_and_a_failure(self, run: Run) -> None:
        write("x.py", LEAK)
        write("y.py", b"\0")
        ran = run("check", "y.py", "x.py")
        assert ran.code == 2
        assert ran.out.splitlines() == [
            "x.py:4:5: LDB101 `leak` is not closed",
            "y.py:1:1: LDB002 the file holds a NUL byte: it is not Python source, or it is damaged",
        ]
        assert ran.err == "Found 2 findings in 2 files (checked 1 file, could not check 1 file)\n"

    def test_unreadable_file_is_a_failure_even_where_the_rule_is_off(self, run: Run) -> None:
        write("y.py", b"\0")
        ran = run("check", "y.py", "--ignore", "LDB002")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.splitlines() == [
            "y.py:1:1: the file holds a NUL byte: it is not Python source, or it is damaged",
            "No findings, but not all was checked: checked 0 files, could not check 1 file",
        ]

    @pytest.mark.parametrize("more", [[], ["--exit-zero"]])
    def test_path_that_leads_nowhere(self, run: Run, more: list[str]) -> None:
        write("x.py", LEAK)
        ran = run("check", "absent", "x.py", "gone/y.py", *more)
        assert (ran.code, ran.out) == (2, "x.py:4:5: LDB101 `leak` is not closed\n")
        assert ran.err.splitlines() == [
            "lintdb: error: absent: no such file or folder",
            f"lintdb: error: {os.path.join('gone', 'y.py')}: no such file or folder",  # noqa: PTH118
            "Found 1 finding in 1 file (checked 1 file)",
        ]
        assert run("check", "absent", *more) == (2, "", "lintdb: error: absent: no such file or folder\n")

    def test_sarif_says_so_where_something_was_not_checked(self, run: Run) -> None:
        write("x.py", LEAK)
        write("y.py", b"\0")

        def invocation(*paths: str) -> tuple[bool, list[str]]:
            [run_] = json.loads(run("check", "--output-format", "sarif", *paths).out)["runs"]
            [said] = run_["invocations"]
            return said["executionSuccessful"], [
                place["physicalLocation"]["artifactLocation"]["uri"]
                for notification in said["toolExecutionNotifications"]
                for place in notification["locations"]
            ]

        assert invocation("x.py") == (True, [])
        assert invocation("x.py", "y.py") == (False, ["y.py"])
        assert invocation("x.py", "y.py", "absent.py") == (False, ["y.py", "absent.py"])

    def test_crash_in_one_file(self, run: Run) -> None:
        write("x.py", "crash()\n")
        write("y.py", LEAK)
        ran = run("check")
        assert ran.code == 2
        assert ran.out == "y.py:4:5: LDB101 `leak` is not closed\n"
        assert "x.py: lintdb crashed on this file: KeyError: 'no such node'" in ran.err
        assert "This is a bug in lintdb, please report it." in ran.err
        assert "Traceback" not in ran.err

    def test_crash_outside_of_files(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def crash() -> None:
            raise ZeroDivisionError("division by zero")

        monkeypatch.setattr("lintdb.rules.registry.all_metas", crash)
        ran = run("rules")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("lintdb: error: ZeroDivisionError: division by zero\nThis is a bug in lintdb")
        assert "Traceback" not in ran.err
        monkeypatch.setenv("LINTDB_DEBUG", "1")
        assert "Traceback" in run("rules").err

    def test_interrupt(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("lintdb.files.check_files", interrupt)
        ran = run("check")
        assert (ran.code, ran.out, ran.err.strip()) == (130, "", "")

    @pytest.mark.parametrize(
        "arguments",
        [
            ["check", "--nonsense"],
            ["check", "--jobs", "0"],
            ["check", "--output-format", "xml"],
            ["check", "--config", "absent.toml"],
            ["check", "-", "x.py"],
            ["check", "x.py", "--stdin-filename", "x.py"],
            ["nonsense"],
            ["debug", "flow", "x.py"],
            [],
        ],
    )
    def test_bad_usage(self, run: Run, arguments: list[str]) -> None:
        ran = run(*arguments)
        assert ran.code == 2
        assert "Usage: lintdb" in ran.err

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--select", "LDB999"], "`--select`: no rule is called 'LDB999'; `lintdb rules` lists all codes\n"),
            (["--ignore", "conection-not-closed"], "did you mean `connection-not-closed`?"),
            (["--target-version", "psycopg"], "`--target-version`: 'psycopg' is not LIBRARY=VERSION"),
            (["--target-version", "psycopg=new"], "'psycopg=new' is not LIBRARY=VERSION"),
            (
                ["--target-version", "redsi=5"],
                "`--target-version`: no library is called 'redsi'; did you mean `redis`?",
            ),
            (["--target-version", "psycopg=3.2,redsi=5"], "no library is called 'redsi'; did you mean `redis`?"),
            (["--target-version", "nosuch=2"], "no library is called 'nosuch'; `lintdb drivers` lists those"),
            (["--per-file-ignores", "x.py"], "`--per-file-ignores`: 'x.py' is not PATTERN:RULES"),
            (["--per-file-ignores", "x.py:LDB9"], "no rule is called 'LDB9'"),
        ],
    )
    def test_bad_values(self, run: Run, arguments: list[str], message: str) -> None:
        ran = run("check", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert message in ran.err

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[tool.lintdb\n", "pyproject.toml:1: this is not valid TOML"),
            ("[tool.lintdb]\nselect = ['LDB999']\n", "pyproject.toml:2: `select`: no rule is called 'LDB999'"),
            ("[tool.lintdb]\n\nselekt = []\n", "pyproject.toml:3: `selekt`: unknown key; did you mean `select`?"),
        ],
    )
    def test_broken_configuration(self, run: Run, text: str, message: str) -> None:
        write("sub/pyproject.toml", text)
        write("sub/x.py", LEAK)
        ran = run("check")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(f"lintdb: error: {os.path.join('sub', '')}{message}")  # noqa: PTH118
        assert run("check", "--isolated").code == 1


@pytest.mark.usefixtures("fake")
class TestOptions:
    """What the options of `lintdb check` do."""

    def test_rules_are_selected(self, run: Run) -> None:
        write("x.py", "leak()\nmaybe()\n")
        assert run("check", "--select", "LDB10,LDB0").out.count("LDB") == 1
        assert run("check", "--ignore", "LDB101", "--ignore", "LDB0").out == "x.py:2:1: LDB121 `maybe` is not closed\n"
        run("check", "--extend-select", "release-in-del")
        assert seen_options[-1].codes == frozenset(NAMES)

    def test_configuration_is_found_for_each_file(self, run: Run) -> None:
        for folder in "ab":
            write(f"{folder}/x.py", LEAK)
        write("a/lintdb.toml", "ignore = ['LDB101']\nmin-confidence = 'high'\n[target-version]\nredis = '5'\n")
        assert run("check").out == f"b{os.sep}x.py:4:5: LDB101 `leak` is not closed\n"
        assert [options.min_confidence for options in seen_options] == [Confidence.HIGH, Confidence.MEDIUM]
        assert [options.target_versions for options in seen_options] == [{"redis": "5"}, {}]
        assert run("check", "--isolated").out.count("LDB101") == 2
        assert run("check", "--config", "a/lintdb.toml").out == ""

    def test_command_line_wins(self, run: Run) -> None:
        write("x.py", LEAK)
        write("lintdb.toml", "select = ['LDB121']\n")
        assert run("check").code == 0
        run("check", "--select", "ALL", "--min-confidence", "low", "--target-version", "redis-py=5.1, psycopg=3")
        assert seen_options[-1].min_confidence is Confidence.LOW
        assert seen_options[-1].target_versions == {"redis": "5.1", "psycopg": "3"}
        assert "LDB101" in seen_options[-1].codes

    def test_per_file_ignores(self, run: Run) -> None:
        write("tests/x.py", LEAK)
        write("src/x.py", LEAK)
        ran = run("check", "--per-file-ignores", "tests/*:LDB121,LDB1")
        assert ran.out == f"src{os.sep}x.py:4:5: LDB101 `leak` is not closed\n"

    def test_excludes(self, run: Run) -> None:
        for path in ("gen/x.py", "venv/x.py", "x.py"):
            write(path, LEAK)
        assert run("check", "--extend-exclude", "gen").out.count("\n") == 1
        assert run("check", "--exclude", "gen,x.py").out.count("\n") == 0
        assert run("check", "venv/x.py").code == 1
        assert run("check", "venv/x.py", "--force-exclude").code == 0

    def test_standard_input(self, run: Run) -> None:
        assert run("check", "-", stdin=LEAK.encode()).out == "<stdin>:4:5: LDB101 `leak` is not closed\n"
        write("a/lintdb.toml", "ignore = ['LDB1']\n")
        assert run("check", "-", "--stdin-filename", "a/x.py", stdin=LEAK.encode()).code == 0
        ran = run("check", "--stdin-filename", "b/x.py", stdin=LEAK.encode())
        assert ran.out.replace(os.sep, "/") == "b/x.py:4:5: LDB101 `leak` is not closed\n"
        ran = run("check", "-", "--stdin-filename", "b/x.py", "--output-format", "full", stdin=LEAK.encode())
        assert "4 |     leak()\n" in ran.out
        ran = run("check", "-", stdin=b"\xe9")
        assert (ran.code, ran.out) == (
            2,
            "<stdin>:1:1: LDB002 byte 0xe9 is not valid utf-8: add a coding cookie or save as UTF-8\n",
        )

    def test_output_file(self, run: Run) -> None:
        write("x.py", LEAK)
        ran = run("check", "--output-format", "json", "--output-file", "out.json")
        assert (ran.code, ran.out) == (1, "")
        assert json.loads(Path("out.json").read_text())[0]["code"] == "LDB101"
        ran = run("check", "--output-file", "absent/out.txt")
        assert ran.code == 2
        assert "cannot write absent/out.txt" in ran.err

    @pytest.mark.parametrize("output_format", ["json", "sarif"])
    def test_data_on_standard_output_is_not_spoilt(self, run: Run, output_format: str) -> None:
        write("x.py", LEAK)
        ran = run("check", "--statistics", "--output-format", output_format, "absent.py", "x.py")
        json.loads(ran.out)
        assert "1  LDB101  connection-not-closed" in ran.err

    def test_statistics(self, run: Run) -> None:
        write("x.py", "leak()\nleak()\nmaybe()\n")
        ran = run("check", "--statistics")
        assert ran.out.endswith("2  LDB101  connection-not-closed\n1  LDB121  connection-not-closed-on-error\n")

    def test_full_is_the_format_of_terminals(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        write("x.py", LEAK)
        assert run("check", "--output-format", "full").out.startswith("x.py:4:5: LDB101 `leak` is not closed\n  |\n4 |")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert "\x1b[" in run("check").out
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\n4 |     leak()\n" in run("check").out
        write("lintdb.toml", "output-format = 'concise'\n")
        assert run("check").out == "x.py:4:5: LDB101 `leak` is not closed\n"

    def test_no_cache_is_accepted(self, run: Run) -> None:
        assert run("check", "--no-cache").code == 0


@pytest.mark.usefixtures("fake")
class TestOtherCommands:
    """`rule`, `rules`, `config`, `drivers`, `debug`."""

    def test_rules(self, run: Run) -> None:
        ran = run("rules")
        assert ran.code == 0
        assert [line.split()[0] for line in ran.out.splitlines()] == list(NAMES)
        assert "LDB117  release-in-del                  all      error    summary of LDB117" in ran.out

    @pytest.mark.parametrize(
        ("selectors", "expected"),
        [
            ("core", ["LDB002", "LDB101"]),
            ("Default", ["LDB001", "LDB002", "LDB101", "LDB121"]),
            ("all", list(NAMES)),
            ("core,LDB12", ["LDB002", "LDB101", "LDB121"]),
        ],
    )
    def test_rules_of_presets(self, run: Run, selectors: str, expected: list[str]) -> None:
        ran = run("rules", "--select", selectors)
        assert ran.code == 0
        assert [line.split()[0] for line in ran.out.splitlines()] == expected
        rules = json.loads(run("rules", "--select", selectors, "--output-format", "json").out)
        assert [rule["code"] for rule in rules] == expected

    def test_preset_that_does_not_exist(self, run: Run) -> None:
        for command in ("check", "rules", "config"):
            ran = run(command, "--select", "strict")
            assert (ran.code, ran.out) == (2, "")
            assert "no rule is called 'strict'; the presets are core, default, all" in ran.err
        assert "no rule is called 'cor'; did you mean `core`?" in run("rules", "--select", "cor").err

    def test_presets_are_listed(self, run: Run) -> None:
        assert "# presets that select can name: core (2 rules), default (4 rules), all (5 rules)\n" in run("config").out
        assert "core (what to adopt first" in " ".join(run("check", "--help").out.split())
        assert run("config", "--select", "core").out.endswith("# 2 rules on: LDB002, LDB101\n")

    def test_rules_as_json(self, run: Run) -> None:
        rules = json.loads(run("rules", "--output-format", "json").out)
        assert [rule["code"] for rule in rules] == list(NAMES)
        assert set(rules[0]) == {"code", "name", "summary", "severity", "default", "preset", "help", "since"}

    @pytest.mark.parametrize("wanted", ["LDB117", "ldb117", "release-in-del"])
    def test_rule(self, run: Run, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lintdb.rulebook.find_page", lambda code: f"# {code}: the page\n\n")
        assert run("rule", wanted) == (0, "# LDB117: the page\n", "")

    def test_rule_without_page(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def find_page(code: str) -> str:
            raise LookupError(code)

        monkeypatch.setattr("lintdb.rulebook.find_page", find_page)
        assert run("rule", "LDB117").out == "# LDB117: release-in-del\n\nsummary of LDB117\n\nhelp\n"

    def test_unknown_rule(self, run: Run) -> None:
        ran = run("rule", "release-in-dell")
        assert ran.code == 2
        assert "no rule is called 'release-in-dell'; did you mean `release-in-del`?" in ran.err
        for code in ("LDB9", "LDB999"):
            said = f"lintdb: error: no rule is called {code!r}; `lintdb rules` lists all codes\n"
            assert run("rule", code) == (2, "", said)

    def test_family_of_rules(self, run: Run) -> None:
        ran = run("rule", "ldb1")
        assert ran.code == 0
        assert [line.split()[0] for line in ran.out.splitlines()] == ["LDB101", "LDB117", "LDB121"]

    def test_config(self, run: Run) -> None:
        write("a/lintdb.toml", "select = ['LDB1']\nignore = ['LDB121']\n[per-file-ignores]\n'x.py' = ['LDB117']\n")
        ran = run("config", "a", "--target-version", "redis=5")
        assert ran.out.startswith(f"# from {Path('a/lintdb.toml').absolute()}\n")
        assert ran.out.endswith("# 2 rules on: LDB101, LDB117\n")
        assert run("config", "a/x.py").out.endswith("# 1 rule on: LDB101\n")
        assert run("config").out.startswith("# no configuration file: these are the defaults\n")
        table = load_toml(ran.out)
        assert table["select"] == ["LDB1"]
        assert table["target-version"] == {"redis": "5"}

    def test_config_has_all_keys(self, run: Run) -> None:
        write("all/lintdb.toml", EVERY_KEY)
        assert set(load_toml(EVERY_KEY)) == set(KEYS)
        for folder in ("all", "none"):
            out = run("config", folder).out
            assert [key for key in KEYS if not re.search(rf"^(# )?\[?{key}\b|in .*\b{key}\b", out, re.M)] == []
        as_comments = {"drivers", "driver-models"}
        wanted = {key: value for key, value in load_toml(EVERY_KEY).items() if key not in as_comments}
        assert load_toml(run("config", "all").out) == wanted
        assert "#   mine (all/lintdb.toml)\n" in run("config", "all").out

    def test_config_shows_the_pinned_versions(self, run: Run) -> None:
        write("app/.git/HEAD", "")
        write("app/requirements.txt", "redis==5.0.1\nSQLAlchemy==2.0.30\n")
        write("app/Pipfile.lock", "{")
        out = run("config", "app", "--target-version", "sqlalchemy=1.4").out.splitlines()
        file = Path("app/requirements.txt").absolute()
        assert f"#   redis 5.0.1 ({file})" in out
        assert f"#   sqlalchemy 2.0.30 ({file}, but target-version counts)" in out
        assert any("Pipfile.lock: cannot look for versions in it" in line for line in out)
        assert run("config", "app/x.py").out.count(str(file)) == 2
        assert str(file) not in run("config", "app", "--isolated").out

    def test_drivers(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def describe(name: str, version: str | None, own: object) -> str:
            if name != "redis":
                raise LookupError(f"no driver is called {name!r}")
            return "redis: connection"

        monkeypatch.setattr("lintdb.drivers.catalog.describe_all", lambda own: "redis\npsycopg", raising=False)
        monkeypatch.setattr("lintdb.drivers.catalog.describe", describe, raising=False)
        assert run("drivers") == (0, "redis\npsycopg\n", "")
        assert run("drivers", "redis") == (0, "redis: connection\n", "")
        assert run("drivers", "oracle") == (2, "", "lintdb: error: no driver is called 'oracle'\n")

    def test_drivers_by_other_names(self, run: Run) -> None:
        for name, title in (("redis-py", "redis-py"), ("psycopg2_binary", "psycopg2"), ("SQLAlchemy", "SQLAlchemy")):
            assert run("drivers", name).out.startswith(f"{title} ")
        ran = run("drivers", "psycog2")
        assert (ran.code, ran.err) == (
            2,
            "lintdb: error: no library is called 'psycog2'; did you mean `psycopg2`?\n",
        )

    def test_debug_flow(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lintdb.engine.debug_flow", lambda path, name: f"{path} {name}", raising=False)
        assert run("debug", "flow", "C:/a.py:Class.method").out == "C:/a.py Class.method\n"

    def test_version_and_help(self, run: Run) -> None:
        assert run("--version") == (0, f"lintdb {__version__}\n", "")
        assert "Exit codes" in run("--help").out
        assert "--no-cache" in run("check", "-h").out


DATABASE = "import sqlite3\n"


class TestBadInput:
    """Files that no one should check, with the real engine: a clear message or a clean pass, and the others go on."""

    @pytest.fixture
    def check(self, run: Run) -> Callable[[], Ran]:
        """Return a function that checks the folder, and makes sure that a good neighbour was checked."""

        def check() -> Ran:
            write("good.py", "import sqlite3  # noqa: LDB101\n")
            ran = run("check")
            assert "good.py:1:25: LDB001 `LDB101` silences nothing here" in ran.out
            assert "Traceback" not in ran.out + ran.err
            return ran

        return check

    @pytest.mark.parametrize(
        ("data", "place"),
        [
            (DATABASE + "def f(:\n    pass\n", "x.py:2:"),
            (DATABASE + "print 'hello'\n", "x.py:2:"),
            (DATABASE + "x = (\n", "x.py:"),
            (DATABASE + "if x:\n\ty = 1\n        z = 2\n", "x.py:"),
            (DATABASE.encode() + b"x = '\xe9'\n", "x.py:2:6: LDB002 byte 0xe9 is not valid utf-8"),
            (DATABASE + "x = '\0'\n", "x.py:2:6: LDB002 the file holds a NUL byte"),
            ("# coding: klingon\n" + DATABASE, "x.py:1:1: LDB002 unknown encoding 'klingon'"),
            (DATABASE.encode("utf-16"), "x.py:1:1: LDB002 the file is UTF-16"),
        ],
    )
    def test_message(self, check: Callable[[], Ran], data: str | bytes, place: str) -> None:
        write("x.py", data)
        ran = check()
        assert ran.code == 2
        lines = [line for line in ran.out.splitlines() if line.startswith("x.py")]
        assert len(lines) == 1
        assert lines[0].startswith(place)
        assert " LDB002 " in lines[0]

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\n",
            b"\xef\xbb\xbf" + DATABASE.encode(),
            DATABASE.replace("\n", "\r\n").encode() + b"x = 1\r\n",
            DATABASE.encode() + b"x = 1\r",
            DATABASE.encode() + b"\x0c\nx = 1",
            b"# coding: latin-1\n" + DATABASE.encode() + b"x = '\xe9'\n",
        ],
    )
    def test_clean_pass(self, check: Callable[[], Ran], data: bytes) -> None:
        write("x.py", data)
        ran = check()
        assert ran.code == 1
        assert "x.py" not in ran.out

    def test_deep_nesting(self, check: Callable[[], Ran]) -> None:
        write("x.py", DATABASE + "x = " + "[" * 1000 + "]" * 1000 + "\n")
        write("y.py", DATABASE + "x = " + "1 + " * 3000 + "1\n")
        assert check().code in {1, 2}

    def test_links_and_folders(self, check: Callable[[], Ran]) -> None:
        Path("dangling.py").symlink_to("gone.py")
        Path("loop.py").symlink_to("loop.py")
        Path("folder.py").mkdir()
        Path("again").symlink_to(".", target_is_directory=True)
        ran = check()
        assert ran.code == 2
        assert ran.out.splitlines()[0] == (
            "dangling.py:1:1: LDB002 dangling link: it points to 'gone.py', which does not exist"
        )
        assert "loop.py:1:1: LDB002 link loop: the link leads back to itself" in ran.out
        assert "folder.py" not in ran.out
        assert "again" not in ran.out

    def test_unreadable_file(self, check: Callable[[], Ran], monkeypatch: pytest.MonkeyPatch) -> None:
        read_bytes = Path.read_bytes

        def refuse(path: Path) -> bytes:
            if path.name == "x.py":
                raise PermissionError(13, "Permission denied")
            return read_bytes(path)

        write("x.py", DATABASE)
        # Permissions do not bind the superuser, as whom tests often run in containers.
        monkeypatch.setattr(Path, "read_bytes", refuse)
        ran = check()
        assert ran.code == 2
        assert "x.py:1:1: LDB002 no permission to read the file" in ran.out

    def test_long_file_without_a_database(self, check: Callable[[], Ran]) -> None:
        write("x.py", "x = 1\n" * 50_000)
        assert check().code == 1

    def test_unreadable_configuration(self, run: Run) -> None:
        write("x.py", DATABASE)
        Path("lintdb.toml").mkdir()
        assert run("check").code == 0


class TestProcess:
    """The command as a process of its own."""

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "lintdb", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )

    def test_reader_that_has_gone_away(self) -> None:
        with self.start("rules") as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 0

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
    @pytest.mark.parametrize("arguments", [["rules"], ["--help"], ["check", "--exit-zero", "{folder}"]])
    def test_device_that_is_full(self, tmp_path: Path, arguments: list[str]) -> None:
        (tmp_path / "x.py").write_text("import sqlite3  # noqa: LDB101\n")
        command = [sys.executable, "-m", "lintdb", *(each.format(folder=tmp_path) for each in arguments)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with open("/dev/full", "w") as full:  # noqa: PTH123
            ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment, check=False)
            assert (ran.returncode, ran.stderr) == (
                2,
                "lintdb: error: cannot write the output: No space left on device\n",
            )
            ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, text=True, env=environment, check=False)
            assert ran.returncode == 0

    def test_terminal_without_utf8(self, tmp_path: Path) -> None:
        (tmp_path / "é.py").write_text("import sqlite3; name = '数据'; x = 1  # noqa: LDB101\n", encoding="utf-8")
        with self.start("check", str(tmp_path), "--output-format", "full", PYTHONIOENCODING="ascii") as process:
            out, err = process.communicate()
        assert process.returncode == 1
        assert b"\\xe9.py:1:" in out
        assert b"\\u6570\\u636e" in out
        assert b"Traceback" not in err

    def test_parser_is_not_loaded_where_there_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "x.py").write_text("x = 1\n")
        code = (
            "import sys; from lintdb.cli import main; "
            f"code = main(['check', {str(tmp_path)!r}]); sys.exit(code or 'libcst' in sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_problem_with_control_characters_is_made_harmless() -> None:
    problem = FileProblem("a\nb.py", "bad \x1b", 3, 4)
    assert describe_problem(problem) == "a\\nb.py:3:4: bad \\x1b"
