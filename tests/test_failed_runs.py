"""Runs that could not do their job: what machines read says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import LEAK, Ran, Run, write

pytestmark = pytest.mark.usefixtures("fake")

TABLE = "[tool.lintdb]\n"
SARIF = ("--output-format", "sarif", "--output-file", "out.sarif")

FAILURES = [
    pytest.param("", ["--select", "LDB9"], ("", 0), "`--select`: no rule is called 'LDB9'", id="select"),
    pytest.param("", ["--target-version", "redsi=5"], ("", 0), "no library is called 'redsi'", id="library"),
    pytest.param("", ["--min-confidence", "sure"], ("", 0), "Invalid value for '--min-confidence'", id="choice"),
    pytest.param("", ["--jobs", "0"], ("", 0), "Invalid value for '--jobs'", id="range"),
    pytest.param("", ["--config", "absent.toml"], ("", 0), "File 'absent.toml' does not exist", id="absent"),
    pytest.param("", ["--no-such-option"], ("", 0), "No such option", id="unknown"),
    pytest.param("", ["-", "x.py"], ("", 0), "standard input", id="stdin"),
    pytest.param("", ["--isolated", "--config", "lintdb.toml"], ("", 0), "contradict each other", id="both"),
    pytest.param("[tool.lintdb\n", [], ("pyproject.toml", 1), "this is not valid TOML", id="toml"),
    pytest.param(f"{TABLE}select = ['LDB9']\n", [], ("pyproject.toml", 2), "`select`: no rule is called", id="key"),
    pytest.param("[tool]\nlintdb = 3\n", [], ("pyproject.toml", 2), "`tool.lintdb`: must be a table", id="table"),
]
cases = pytest.mark.parametrize(("text", "arguments", "place", "message"), FAILURES)


@pytest.fixture
def failing(run: Run) -> Run:
    write("x.py", LEAK)
    return run


def prepare(text: str, arguments: list[str]) -> None:
    if text:
        write("pyproject.toml", text)
    if "lintdb.toml" in arguments:
        write("lintdb.toml", "")


def notification_in(log: str) -> dict[str, Any]:
    [run_] = json.loads(log)["runs"]
    assert run_["results"] == []
    [invocation] = run_["invocations"]
    assert invocation["executionSuccessful"] is False
    [told] = invocation["toolExecutionNotifications"]
    assert told["level"] == "error"
    return dict(told)


@cases
@pytest.mark.parametrize("first", [True, False])
def test_sarif(
    failing: Run, text: str, arguments: list[str], place: tuple[str, int], message: str, *, first: bool
) -> None:
    prepare(text, arguments)
    write("out.sarif", "of yesterday")
    ran = failing("check", *(*SARIF, *arguments) if first else (*arguments, *SARIF))
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "out.sarif has no findings, because nothing was checked" in ran.err
    told = notification_in(Path("out.sarif").read_text())
    assert message in told["message"]["text"]
    if place[0]:
        [location] = told["locations"]
        physical = location["physicalLocation"]
        assert (physical["artifactLocation"]["uri"], physical["region"]["startLine"]) == place
    else:
        assert "locations" not in told


@cases
def test_github(failing: Run, text: str, arguments: list[str], place: tuple[str, int], message: str) -> None:
    prepare(text, arguments)
    ran = failing("check", "--output-format", "github", *arguments)
    assert ran.code == 2
    [line] = ran.out.splitlines()
    path, number = place
    start = f"::error title=lintdb,file={path},line={number}::{path}:{number}: " if path else "::error title=lintdb::"
    assert line.startswith(start)
    assert message in line


@cases
def test_json(failing: Run, text: str, arguments: list[str], place: tuple[str, int], message: str) -> None:
    prepare(text, arguments)
    ran = failing("check", "--output-format", "json", *arguments)
    assert (ran.code, json.loads(ran.out)) == (2, [])
    assert message in ran.err


@cases
def test_texts_have_it_on_standard_error(
    failing: Run, text: str, arguments: list[str], place: tuple[str, int], message: str
) -> None:  # fmt: skip
    prepare(text, arguments)
    write("out.txt", "of yesterday")
    ran = failing("check", "--output-format", "full", "--output-file", "out.txt", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert Path("out.txt").read_text() == "of yesterday"


def test_format_of_the_configuration(failing: Run) -> None:
    write("x.py", "")
    write("lintdb.toml", "output-format = 'sarif'\n")
    write("sub/lintdb.toml", "select = ['LDB9']\n")
    write("sub/y.py", LEAK)
    told = notification_in(failing("check").out)
    [location] = told["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "sub/lintdb.toml"
    assert notification_in(failing("check", "--select", "LDB9").out)["message"]["text"].startswith("`--select`")
    assert failing("check", "--isolated", "--select", "LDB9").out == ""
    # What is wrong is another key of the same file.
    write("lintdb.toml", "output-format = 'sarif'\nselect = ['LDB9']\n")
    told = notification_in(failing("check").out)
    assert told["locations"][0]["physicalLocation"]["region"]["startLine"] == 2
    for odd in ("'xml'", "3", "['sarif']"):
        write("lintdb.toml", f"output-format = {odd}\nselect = ['LDB9']\n")
        assert failing("check").out == ""


def test_file_that_cannot_be_written(failing: Run) -> None:
    ran = failing("check", "--output-format", "sarif", "--output-file", "absent/out.sarif", "--select", "LDB9")
    assert (ran.code, ran.out) == (2, "")
    assert "cannot write absent/out.sarif" in ran.err
    assert "no rule is called 'LDB9'" in ran.err
    assert "has no findings" not in ran.err


class TestCurrentFolder:
    """It has been deleted, or nobody may ask for its path."""

    @pytest.fixture
    def lost(self, failing: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
        def run(*arguments: str) -> Ran:
            with monkeypatch.context() as patch:
                patch.setattr("os.getcwd", refuse)
                return failing(*arguments)

        def refuse() -> str:
            raise FileNotFoundError(2, "No such file or directory")

        return run

    @pytest.mark.parametrize(
        "arguments",
        [
            ["check", "{x}"],
            ["check"],
            ["config"],
            ["drivers"],
            ["baseline"],
            ["why", "{x}:4"],
            ["debug", "summary", "{x}"],
        ],
    )
    def test_message(self, lost: Run, arguments: list[str]) -> None:
        path = Path("x.py").absolute()
        ran = lost(*(each.format(x=path) for each in arguments))
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == (
            "lintdb: error: the current folder cannot be found (No such file or directory): "
            "it may have been deleted; change to another one\n"
        )

    def test_what_needs_none_goes_on(self, lost: Run) -> None:
        assert lost("rule", "LDB101").code == 0

    def test_data_formats_say_it(self, lost: Run) -> None:
        path = str(Path("x.py").absolute())
        told = notification_in(lost("check", "--output-format", "sarif", path).out)
        assert told["message"]["text"].startswith("the current folder cannot be found")


def test_github_has_what_no_finding_tells_of(failing: Run) -> None:
    write("y.py", b"\0")
    ran = failing("check", "--output-format", "github", "y.py", "absent.py")
    assert ran.code == 2
    assert [line.partition(" ")[0] for line in ran.out.splitlines()] == ["::error", "::error"]
    assert ran.out.splitlines()[-1] == "::error title=lintdb,file=absent.py,line=1::absent.py: no such file or folder"
    ran = failing("check", "--output-format", "github", "--ignore", "LDB002", "y.py")
    assert ran.out.startswith("::error title=lintdb,file=y.py,line=1::y.py:1: the file holds a NUL byte")
