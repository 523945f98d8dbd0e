"""The plugin inside the real flake8: selection, suppression, options, standard input, processes, and parity."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lintdb.rules.registry import all_metas
from tests.harness import ROOT

LEAK = """\
import sqlite3


def f(path):
    conn = sqlite3.connect(path, timeout=5){comment}
    conn.execute("vacuum")
"""
LEAK_AT = "leak.py:5:12: LDB101"
CURSOR = """\
from contextlib import closing

import psycopg2


def f(dsn):
    with closing(psycopg2.connect(dsn, connect_timeout=5, options="-c statement_timeout=5000")) as conn:
        cur = conn.cursor()
        cur.execute("select 1")
"""
# flake8 in a process in which LDB101 is off by default: it does not matter which rules really are.
LDB101_IS_OPTIONAL = """
import dataclasses, sys
from flake8.main.cli import main
from lintdb.rules import ldb101_connection_not_closed, registry

rule = ldb101_connection_not_closed.ConnectionNotClosed
rule.meta = dataclasses.replace(rule.meta, default=False)
sys.exit(main(["-j1", *sys.argv[1:]]))
"""


def run_flake8(
    cwd: Path, *arguments: str, text: str | None = None, script: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run flake8 in a process of its own, or a script that does."""
    start = ["-m", "flake8"] if script is None else ["-c", script]
    return run_python(cwd, *start, *arguments, text=text)


def run_python(cwd: Path, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, with lintdb of this checkout."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def lines(result: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the findings of lintdb as `path:line:column: code`."""
    assert result.returncode in (0, 1), result.stderr
    assert not result.stderr
    return [" ".join(line.split()[:2]).removeprefix("./") for line in result.stdout.splitlines() if " LDB" in line]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Without a configuration here flake8 would look for one in the folders above.
    (tmp_path / ".flake8").write_text("[flake8]\nmax-line-length = 120\n")
    return tmp_path


@pytest.fixture
def leak(folder: Path) -> Path:
    (folder / "leak.py").write_text(LEAK.format(comment=""))
    return folder


def test_version_is_shown(folder: Path) -> None:
    assert "lintdb" in run_flake8(folder, "--version").stdout


def test_finding(leak: Path) -> None:
    result = run_flake8(leak)
    assert result.returncode == 1
    assert lines(result) == [LEAK_AT]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--select", "LDB"], [LEAK_AT]),
        (["--select", "LDB1"], [LEAK_AT]),
        (["--select", "LDB101,E"], [LEAK_AT]),
        (["--select", "E,W,F"], []),
        (["--select", "LDB2"], []),
        (["--ignore", "LDB101"], []),
        (["--extend-ignore", "LDB"], []),
        (["--extend-ignore", "LDB2"], [LEAK_AT]),
        (["--per-file-ignores", "leak.py:LDB101"], []),
        (["--per-file-ignores", "other.py:LDB101"], [LEAK_AT]),
    ],
)
def test_selection_is_flake8s(leak: Path, arguments: list[str], expected: list[str]) -> None:
    assert lines(run_flake8(leak, *arguments)) == expected


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("  # noqa", []),
        ("  # noqa: LDB101", []),
        ("  # noqa: LDB1", []),
        ("  # noqa: E501", [LEAK_AT]),
        ("  # lintdb: ignore[LDB101] known", []),
        ("  # lintdb: ignore", []),
    ],
)
def test_suppression(folder: Path, comment: str, expected: list[str]) -> None:
    (folder / "leak.py").write_text(LEAK.format(comment=comment))
    assert lines(run_flake8(folder)) == expected


@pytest.mark.parametrize("codes", ["", ": LDB101", ": E501, LDB1"])
def test_comment_for_the_whole_file(folder: Path, codes: str) -> None:
    (folder / "leak.py").write_text(f"# flake8: noqa{codes}\n" + LEAK.format(comment=""))
    assert lines(run_flake8(folder)) == []


def test_disable_noqa_shows_what_noqa_hides(folder: Path) -> None:
    (folder / "leak.py").write_text(LEAK.format(comment="  # noqa: LDB101"))
    assert lines(run_flake8(folder, "--disable-noqa")) == [LEAK_AT]


def test_noqa_on_the_last_line_of_a_statement(folder: Path) -> None:
    text = LEAK.format(comment="").replace("path, timeout=5)", "path,\n    )  # noqa: LDB101")
    (folder / "leak.py").write_text(text)
    assert lines(run_flake8(folder)) == []
    assert lines(run_flake8(folder, "--disable-noqa")) == [LEAK_AT]


def test_skip_file(folder: Path) -> None:
    (folder / "leak.py").write_text("# lintdb: skip-file\n" + LEAK.format(comment=""))
    assert lines(run_flake8(folder)) == []


def test_unused_suppressions_are_reported_for_our_comments_only(folder: Path) -> None:
    # Another plugin may need the `noqa`; flake8 owns it.
    (folder / "a.py").write_text("a = 1  # lintdb: ignore[LDB101]\nb = 2  # noqa: LDB101\n")
    assert lines(run_flake8(folder)) == ["a.py:1:25: LDB001"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], []),
        (["--extend-select", "LDB101"], [LEAK_AT]),
        (["--extend-select", "LDB"], [LEAK_AT]),
        (["--select", "LDB101"], [LEAK_AT]),
        # flake8 forgets what is off by default once `ignore` is given; lintdb does not.
        (["--ignore", "W503"], []),
    ],
)
def test_rule_that_is_off_by_default(leak: Path, arguments: list[str], expected: list[str]) -> None:
    assert lines(run_flake8(leak, *arguments, script=LDB101_IS_OPTIONAL)) == expected


def test_rule_that_our_configuration_selects(leak: Path) -> None:
    (leak / "lintdb.toml").write_text('extend-select = ["LDB101"]\n')
    assert lines(run_flake8(leak, script=LDB101_IS_OPTIONAL)) == [LEAK_AT]


def test_rule_that_our_configuration_ignores(leak: Path) -> None:
    (leak / "lintdb.toml").write_text('ignore = ["LDB101"]\n')
    assert lines(run_flake8(leak)) == []
    assert lines(run_flake8(leak, "--extend-select", "LDB101")) == [LEAK_AT]


# What flake8 is told → what the command is.
LIKE_THE_COMMAND = [
    ([], []),
    (["--lintdb-select", "default"], ["--select", "default"]),
    (["--lintdb-select", "LDB2"], ["--select", "LDB2"]),
    (["--select", "LDB"], ["--select", "LDB"]),
    (["--select", "E,LDB5"], ["--select", "LDB5"]),
    (["--extend-select", "LDB"], ["--extend-select", "LDB"]),
    (["--select", "LDB", "--lintdb-select", "default"], ["--select", "default"]),
    (["--lintdb-select", "LDB5", "--extend-select", "LDB101"], ["--select", "LDB5", "--extend-select", "LDB101"]),
]


CHOICES = (
    'ignore = ["LDB101"]',
    'select = ["LDB5"]',
    'extend-select = ["LDB604"]',
    'per-file-ignores = { "leak.py" = ["LDB101"] }',
    'select = ["LDB5"]\nper-file-ignores = { "leak.py" = ["LDB1"] }',
    'per-file-ignores = { "other.py" = ["LDB101"] }',
)


@pytest.mark.parametrize(("of_flake8", "of_command"), LIKE_THE_COMMAND, ids=" ".join)
def test_rules_are_chosen_as_for_the_command(folder: Path, of_flake8: list[str], of_command: list[str]) -> None:
    """By `[tool.lintdb]`, and what is laid over it."""
    for number, choice in enumerate(CHOICES):
        (folder / str(number)).mkdir()
        (folder / str(number) / "lintdb.toml").write_text(f"{choice}\n")
        (folder / str(number) / "leak.py").write_text(LEAK.format(comment=""))
    command = run_python(folder, "-m", "lintdb", "check", "--output-format", "concise", *of_command)
    expected = [" ".join(line.split()[:2]) for line in command.stdout.splitlines() if " LDB" in line]
    assert "3/leak.py:5:12: LDB101" not in expected, "what is ignored in a file is off there in any case"
    assert lines(run_flake8(folder, "-j1", *of_flake8)) == expected


def test_files_are_chosen_by_flake8(leak: Path) -> None:
    (leak / "lintdb.toml").write_text('exclude = ["leak.py"]\n')
    assert lines(run_flake8(leak)) == [LEAK_AT]
    assert lines(run_flake8(leak, "--exclude", "leak.py")) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--lintdb-select", "core"], [LEAK_AT]),
        (["--lintdb-select", "LDB2,missing-commit"], []),
        (["--lintdb-select", "core", "--select", "LDB"], [LEAK_AT]),
        (["--lintdb-select", "LDB2", "--select", "LDB"], []),
        (["--lintdb-select", "LDB2", "--extend-select", "LDB101"], [LEAK_AT]),
        (["--lintdb-select", "core", "--ignore", "LDB101"], []),
    ],
)
def test_presets_and_names_are_chosen_by_an_option_of_ours(
    leak: Path, arguments: list[str], expected: list[str]
) -> None:
    assert lines(run_flake8(leak, *arguments)) == expected


@pytest.mark.parametrize(("preset", "expected"), [("default", []), ("all", [LEAK_AT])])
def test_preset_with_a_rule_that_is_off_by_default(leak: Path, preset: str, expected: list[str]) -> None:
    (leak / ".flake8").write_text(f"[flake8]\nlintdb-select = {preset}\n")
    assert lines(run_flake8(leak, script=LDB101_IS_OPTIONAL)) == expected
    assert lines(run_flake8(leak, "--select", "LDB", script=LDB101_IS_OPTIONAL)) == expected


@pytest.mark.parametrize("where", ["option", "flake8", "lintdb"])
def test_strict_cursors(folder: Path, where: str) -> None:
    (folder / "cursor.py").write_text(CURSOR)
    assert lines(run_flake8(folder)) == []
    arguments = ["--lintdb-strict-cursors"] if where == "option" else []
    if where == "flake8":
        (folder / ".flake8").write_text("[flake8]\nlintdb-strict-cursors = true\n")
    if where == "lintdb":
        (folder / "lintdb.toml").write_text("strict-cursors = true\n")
    assert [line.split()[1] for line in lines(run_flake8(folder, *arguments))] == ["LDB102"]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("min-confidence", "huge", "`lintdb-min-confidence`: 'huge' is not a confidence"),
        ("target-version", "psycopg2", "is not LIBRARY=VERSION"),
        ("target-version", "redsi=5", "did you mean `redis`?"),
        ("config", "absent.toml", "absent.toml"),
        ("select", "cores", "`lintdb-select`: no rule is called 'cores'; did you mean `core`?"),
    ],
)
@pytest.mark.parametrize("in_file", [False, True], ids=["option", "configuration"])
def test_option_that_cannot_be_followed(folder: Path, name: str, value: str, why: str, *, in_file: bool) -> None:
    (folder / "a.py").write_text("a = 1\n")
    if in_file:
        (folder / ".flake8").write_text(f"[flake8]\nlintdb-{name} = {value}\n")
    result = run_flake8(folder, *([] if in_file else [f"--lintdb-{name}", value]))
    assert result.returncode == 1
    assert why in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


PINNED = """\
import pymysql


def f():
    with pymysql.connect(host="db", connect_timeout=5, read_timeout=5, write_timeout=5):
        pass
"""


@pytest.mark.parametrize(
    ("options", "of_command", "expected"),
    [
        ([], [], ["LDB111"]),
        (["--lintdb-config", "own.toml"], ["--config", "own.toml"], ["LDB111"]),
        (["--lintdb-isolated"], ["--isolated"], []),
        # A plugin is not told of flake8's own option.
        (["--isolated"], [], ["LDB111"]),
    ],
)
def test_isolated_is_without_pins_here_and_in_the_command(
    folder: Path, options: list[str], of_command: list[str], expected: list[str]
) -> None:
    (folder / "x.py").write_text(PINNED)
    (folder / "own.toml").write_text("")
    # Before 1.0 the block leaves the connection open.
    (folder / "requirements.txt").write_text("PyMySQL==0.9.3\n")
    command = run_python(folder, "-m", "lintdb", "check", "--output-format", "json", *of_command)
    assert [finding["code"] for finding in json.loads(command.stdout)] == expected
    assert [line.split()[1] for line in lines(run_flake8(folder, *options))] == expected


def test_broken_configuration_of_a_folder(leak: Path) -> None:
    (leak / "sub").mkdir()
    (leak / "sub" / "lintdb.toml").write_text("[tool.lintdb\n")
    (leak / "sub" / "x.py").write_text(LEAK.format(comment=""))
    result = run_flake8(leak)
    assert lines(result) == [LEAK_AT, "sub/x.py:1:1: LDB002"]
    assert "not checked, because of its configuration: sub/lintdb.toml:1: this is not valid TOML" in result.stdout


def test_isolated_reads_no_configuration(leak: Path) -> None:
    (leak / "lintdb.toml").write_text('ignore = ["LDB101"]\n')
    assert lines(run_flake8(leak)) == []
    assert lines(run_flake8(leak, "--lintdb-isolated")) == [LEAK_AT]
    (leak / ".flake8").write_text("[flake8]\nlintdb-isolated = true\n")
    assert lines(run_flake8(leak)) == [LEAK_AT]
    result = run_flake8(leak, "--lintdb-config", "lintdb.toml")
    assert result.returncode == 1
    assert "contradict each other" in result.stdout + result.stderr


def test_standard_input(folder: Path) -> None:
    text = LEAK.format(comment="")
    assert lines(run_flake8(folder, "-", text=text)) == ["stdin:5:12: LDB101"]
    named = run_flake8(folder, "--stdin-display-name", "src/x.py", "-", text=text)
    assert lines(named) == ["src/x.py:5:12: LDB101"]


def test_file_with_a_byte_order_mark_and_foreign_line_ends(folder: Path) -> None:
    (folder / "leak.py").write_bytes(b"\xef\xbb\xbf" + LEAK.format(comment="").replace("\n", "\r\n").encode())
    assert lines(run_flake8(folder)) == [LEAK_AT]


def test_file_that_is_no_python_is_left_to_flake8(folder: Path) -> None:
    (folder / "broken.py").write_text("import sqlite3\ndef f(:\n")
    result = run_flake8(folder)
    assert "E999" in result.stdout
    assert lines(result) == []


def test_file_without_a_database_costs_no_parser(folder: Path) -> None:
    (folder / "plain.py").write_text("import os\n\nprint(os.name)\n")
    script = (
        "import sys; from flake8.main.cli import main; code = main(['-j1', 'plain.py']); "
        "print('libcst' in sys.modules, code)"
    )
    result = run_python(folder, "-c", script)
    assert result.stdout.split() == ["False", "0"], result.stderr


def _can_be_parsed(path: Path) -> bool:
    try:
        ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return False
    return True


def test_same_findings_as_the_command_on_projects() -> None:
    """Each project is of several files, which the plugin is given one at a time."""
    _compare_with_the_command("fixtures/projects")


@pytest.mark.slow
def test_same_findings_as_the_command_on_all_fixtures() -> None:
    _compare_with_the_command("fixtures")


def _compare_with_the_command(folder: str) -> None:
    """Both look at every file with every rule; LDB001 about `noqa` is flake8's business and left out."""
    options = ["--isolated", "--select", "ALL", "--output-format", "json"]
    command = run_python(ROOT, "-m", "lintdb", "check", *options, folder)
    assert command.returncode in (1, 2), command.stderr
    ours = Counter(_findings_in(json.loads(command.stdout)))
    result = run_flake8(ROOT, "--isolated", "--lintdb-isolated", "-j2", "--select", "LDB", folder)
    assert result.returncode == 1, result.stderr
    theirs = Counter(_parse(line) for line in result.stdout.splitlines())
    # flake8 reads files with the Python that runs it: what that Python cannot parse, no plugin is asked about.
    unparsable = {key[0] for key in ours if key[3] == "LDB002" or not _can_be_parsed(ROOT / key[0])}
    for counter in (ours, theirs):
        for key in list(counter):
            if key[3] in {"LDB001", "LDB002"} or key[0] in unparsable:
                del counter[key]
    assert ours
    assert theirs == ours


def _parse(line: str) -> tuple[str, int, int, str, str]:
    path, row, column, rest = line.split(":", 3)
    code, message = rest.strip().split(" ", 1)
    return str(Path(path).resolve().relative_to(ROOT)), int(row), int(column), code, message


def _findings_in(report: list[dict[str, Any]]) -> list[tuple[str, int, int, str, str]]:
    return [(each["path"], each["line"], each["column"], each["code"], each["message"]) for each in report]


def test_every_code_can_be_a_flake8_code() -> None:
    assert all(meta.code.startswith("LDB") and len(meta.code) == 6 for meta in all_metas())
