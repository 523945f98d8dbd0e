"""Files of the project from which versions are read, broken: told of once, and the check goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import Run, write

SAID = "pyproject.toml:2: not valid TOML (Invalid value): the versions that it pins are not known\n"


@pytest.fixture
def project(run: Run) -> Run:
    """Return what runs the command in a project whose pyproject.toml is broken, and does not speak of lintdb."""
    write(".git/HEAD", "")
    write("pyproject.toml", "[project]\ndependencies = [redis==4.2.0]\n")
    write("a.py", "import sqlite3\n\n\ndef f():\n    c = sqlite3.connect('x')\n")
    write("sub/b.py", "import sqlite3\n")
    return run


def test_a_warning_is_said_once_and_the_check_goes_on(project: Run) -> None:
    ran = project("check")
    assert (ran.code, ran.out) == (1, "a.py:5:9: LDB101 `c` is never closed\n")
    assert ran.err == f"warning: {SAID}Found 1 finding in 1 file (checked 2 files)\n"
    assert project("check", "sub").code == 0
    ran = project("check", "-", stdin=Path("a.py").read_bytes())
    assert (ran.code, ran.err.count(SAID)) == (1, 1)
    assert f"warning: {SAID}" in project("baseline").err


def test_once_with_several_processes(project: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintdb.files._SMALL_RUN_BYTES", 0)
    for number in range(10):
        write(f"more{number}/x.py", "import sqlite3\n")
    assert project("check", "--jobs", "2").err.count(SAID) == 1


def test_nobody_hears_of_what_was_not_asked_for(project: Run) -> None:
    assert SAID not in project("check", "--isolated").err
    Path("a.py").unlink()
    write("sub/b.py", "import json\n")
    assert project("check").err == "All clean: checked 1 file\n"


def test_data_formats_have_it(project: Run) -> None:
    ran = project("check", "--output-format", "json")
    assert [each["code"] for each in json.loads(ran.out)] == ["LDB101"]
    assert ran.err == f"warning: {SAID}"
    [log] = json.loads(project("check", "--output-format", "sarif").out)["runs"]
    [invocation] = log["invocations"]
    assert invocation["executionSuccessful"] is True
    [told] = invocation["toolExecutionNotifications"]
    assert (told["level"], told["message"]["text"]) == ("warning", SAID.partition(": ")[2].rstrip())
    [place] = told["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "pyproject.toml"
    assert place["physicalLocation"]["region"]["startLine"] == 2
    last = project("check", "--output-format", "github").out.splitlines()[-1]
    assert last == f"::warning title=lintdb,file=pyproject.toml,line=2::{SAID.rstrip()}"


def test_config_says_it(project: Run) -> None:
    lines = project("config").out.splitlines()
    assert f"# {Path('pyproject.toml').absolute()}{SAID.removeprefix('pyproject.toml').rstrip()}" in lines
    assert "# no library versions were found: the newest known ones count, but for those in target-version" in lines


def test_a_broken_configuration_stays_an_error(project: Run) -> None:
    write("pyproject.toml", "[project]\ndependencies = [redis==4.2.0]\n[tool.lintdb]\n")
    ran = project("check")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("lintdb: error: pyproject.toml:2: this is not valid TOML")
