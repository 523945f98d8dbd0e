"""Entries of `per-file-ignores` that silence nothing: a warning for a pattern without files, findings if asked for.

And patterns of `exclude` and `extend-exclude` that leave out nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lintdb.cli import main

LEAK = """\
import sqlite3


def compact(path):
    conn = sqlite3.connect(path)
    conn.execute("vacuum")
"""
CONFIGURATION = """\
[project]
name = "shop"

[tool.lintdb.per-file-ignores]
"jobs.py" = ["LDB101", "LDB601"]
"clean.py" = ["LDB1"]
"old/*.py" = ["LDB1", "LDB2"]
"""
GONE = "pyproject.toml:7"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command in a small project, and returns its exit code and what it says."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    Path("pyproject.toml").write_text(CONFIGURATION)
    Path("jobs.py").write_text(LEAK)
    Path("clean.py").write_text("import sqlite3\n")
    Path("sub").mkdir()
    Path("sub/more.py").write_text("import sqlite3\n")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["check", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_pattern_without_files_is_warned_of(run: Run) -> None:
    code, out, err = run()
    assert (code, out) == (0, "")
    assert f"warning: {GONE}: `per-file-ignores`: `old/*.py` names no file that is checked\n" in err


def test_entries_are_findings_if_asked_for(run: Run) -> None:
    code, out, err = run("--unused-ignores")
    assert code == 1
    assert out.splitlines() == [
        "pyproject.toml:5:1: LDB001 `per-file-ignores`: `LDB601` silences nothing in `jobs.py`",
        "pyproject.toml:6:1: LDB001 `per-file-ignores`: `LDB1` silences nothing in `clean.py`",
        f"{GONE}:1: LDB001 `per-file-ignores`: `old/*.py` names no file that is checked",
    ]
    assert "warning" not in err


def test_findings_say_what_to_do(run: Run) -> None:
    findings = json.loads(run("--unused-ignores", "--output-format", "json")[1])
    assert {finding["help"] for finding in findings} == {"take it out of the configuration"}


@pytest.mark.parametrize("paths", [["jobs.py"], ["sub"], ["jobs.py", "clean.py", "sub"]])
def test_a_run_over_a_part_of_the_project_judges_no_entry(run: Run, paths: list[str]) -> None:
    assert "per-file-ignores" not in "".join(run(*paths)[1:])
    code, out, err = run("--unused-ignores", *paths)
    assert (code, out) == (0, "")
    assert err.startswith("warning: --unused-ignores judges a configuration only if its whole folder is checked\n")


def test_a_folder_above_the_configuration_is_all_of_it(run: Run, tmp_path: Path) -> None:
    assert run("--unused-ignores", os.pardir)[1].count("LDB001") == 3
    assert run("--unused-ignores", str(tmp_path))[1].count("LDB001") == 3


def test_rules_that_are_off_are_not_judged(run: Run) -> None:
    assert "LDB601" not in run("--unused-ignores", "--select", "LDB0,LDB1")[1]
    assert run("--unused-ignores", "--ignore", "LDB001")[:2] == (0, "")


def test_who_asks_is_told_whatever_is_selected(run: Run) -> None:
    found = run("--unused-ignores", "--select", "core")[1]
    assert found.count("LDB001") > 0
    assert run("--unused-ignores", "--select", "core", "--ignore", "LDB0")[1].count("LDB001") == 0


def test_what_a_comment_silences_needs_no_entry(run: Run) -> None:
    Path("jobs.py").write_text(LEAK.replace("path)\n    conn", "path)  # noqa: LDB101\n    conn"))
    assert "`LDB101` silences nothing in `jobs.py`" in run("--unused-ignores")[1]


def test_entries_of_the_command_line_are_no_findings(run: Run) -> None:
    Path("pyproject.toml").write_text('[tool.lintdb.per-file-ignores]\n"jobs.py" = ["LDB101"]\n')
    code, out, err = run("--unused-ignores", "--per-file-ignores", "absent.py:LDB1")
    assert (code, out) == (0, "")
    assert err.startswith("warning: `--per-file-ignores`: `absent.py` names no file that is checked\n")


@pytest.mark.parametrize("paths", [[], ["."], [os.pardir]])
def test_pattern_of_the_command_line_without_files_is_warned_of(run: Run, paths: list[str]) -> None:
    Path("pyproject.toml").unlink()
    said = run("--per-file-ignores", "jobs.py:LDB1,sub/gone.py,more.py:LDB1", *paths)[2]
    assert said.count("warning:") == 1
    assert "warning: `--per-file-ignores`: `sub/gone.py` names no file that is checked\n" in said


def test_pattern_of_the_command_line_may_be_about_files_that_are_not_asked_for(run: Run) -> None:
    assert "warning" not in run("--per-file-ignores", "jobs.py:LDB1", "sub")[2]


def test_a_file_of_our_own_has_its_keys_at_the_top(run: Run) -> None:
    Path("lintdb.toml").write_text('jobs = 1\n\n[per-file-ignores]\n"old/*.py" = ["LDB1"]\n')
    assert "warning: lintdb.toml:4: `per-file-ignores`: `old/*.py` names no file" in run("--ignore", "LDB1")[2]


class TestExclusions:
    """What nobody leaves out by a pattern that somebody has written."""

    def test_pattern_that_leaves_out_nothing_is_warned_of(self, run: Run) -> None:
        Path("pyproject.toml").write_text(
            '[tool.lintdb]\nexclude = ["build", "sub", "gone"]\n'
            'extend-exclude = [\n    "jobs.py",\n    "sub/old.py",\n]\n'
        )
        assert [line for line in run()[2].splitlines() if line.startswith("warning")] == [
            "warning: pyproject.toml:2: `exclude`: `gone` leaves out nothing that would be checked",
            "warning: pyproject.toml:5: `extend-exclude`: `sub/old.py` leaves out nothing that would be checked",
        ]
        assert "warning" not in run("sub")[2]
        assert "warning" not in run("jobs.py")[2]
        assert "`exclude`" not in run("--exclude", "sub")[2]

    def test_what_is_there_or_may_come_is_not_warned_of(self, run: Run) -> None:
        Path(".gitignore").write_text("made/\n*_pb2.py\n")
        Path("docs").mkdir()
        Path("docs/notes.md").write_text("")
        Path("sub/lintdb.toml").write_text('extend-exclude = ["more.py"]\n')
        patterns = [
            "docs/notes.md",
            "docs",
            "made/by/x.py",
            "*_pb2.py",
            "made",
            "node_modules",
            "clean.py",
            "./jobs.py",
        ]
        Path("pyproject.toml").write_text(f"[tool.lintdb]\nextend-exclude = {patterns}\n")
        assert "leaves out nothing" not in run()[2]
        assert "leaves out nothing" not in run(".", "--force-exclude")[2]

    @pytest.mark.parametrize("paths", [[], ["."], [os.pardir]])
    def test_patterns_of_the_command_line(self, run: Run, paths: list[str]) -> None:
        Path("pyproject.toml").unlink()
        said = run("--exclude", "jobs.py,gone", "--extend-exclude", "sub,old/*.py", *paths)[2]
        assert [line for line in said.splitlines() if line.startswith("warning")] == [
            "warning: `--exclude`: `gone` leaves out nothing that would be checked",
            "warning: `--extend-exclude`: `old/*.py` leaves out nothing that would be checked",
        ]
        assert "leaves out" not in run("--exclude", "gone", "sub")[2]

    def test_whole_paths_on_the_command_line(self, run: Run) -> None:
        Path("pyproject.toml").unlink()
        here = Path.cwd()
        for text in (f"{here}/jobs.py", f"{here}/*.py", "/jobs.py"):
            for option in (["--exclude", text], ["--extend-exclude", text], ["--per-file-ignores", f"{text}:LDB1"]):
                assert run(*option)[0] == 0, option
                assert run(*option, f"{here}")[0] == 0, option
        Path("sub/deep").mkdir()
        Path("sub/deep/x.py").write_text(LEAK)
        os.chdir("sub/deep")
        assert run("--extend-exclude", f"{here}/jobs.py", "x.py", str(here))[1].count("LDB101") == 1
