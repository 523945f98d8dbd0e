"""`lintdb check` as users meet it: exit codes, messages for bad input, options, output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lintdb.commands.output import describe_problem
from lintdb.finding import Confidence, FileProblem
from tests.command import LEAK, NAMES, Run, seen_options, write
from tests.harness import ROOT


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

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--exclude", "ok.py,gen", "."], "`exclude` leaves out or git ignores, such as gen/deep/x.py"),
            (["--exclude", "ok.py,gen,git", "."], "`exclude` leaves out, such as gen/deep/x.py"),
            (["--exclude", "ok.py,gen", "--force-exclude", "ok.py"], "`exclude` leaves out, such as ok.py"),
            (["--exclude", "gen", "--force-exclude", "gen"], "`exclude` leaves out, such as gen/deep/x.py"),
            (["--extend-exclude", "ok.py", "git"], "git ignores, such as git/x.py"),
            (
                ["--extend-exclude", "ok.py,gen", "ok.py", "git", "--force-exclude"],
                "`exclude` leaves out or git ignores",
            ),
        ],
    )
    def test_all_files_are_left_out(self, run: Run, arguments: list[str], said: str) -> None:
        write("git/.gitignore", "*.py\n")
        write(".gitignore", "git/sub\n")
        for path in ("ok.py", "gen/deep/x.py", "gen/a/notes.txt", "git/x.py"):
            write(path, LEAK)
        ran = run("check", *arguments)
        assert (ran.code, ran.out) == (0, "")
        assert ran.err.replace(os.sep, "/").startswith(f"warning: no Python files but those that {said}")
        assert ran.err.count("\n") == 1

    def test_no_files_beside_folders_that_are_left_out(self, run: Run) -> None:
        write("venv/notes.txt", "")
        assert run("check") == (0, "", "warning: no Python files found\n")
        assert run("check", "--force-exclude", "venv") == (0, "", "warning: no Python files found\n")

    def test_all_files_are_left_out_by_the_configuration(self, run: Run) -> None:
        write("lintdb.toml", "exclude = ['ok.py']\n")
        write("ok.py", LEAK)
        write("also/ok.py", LEAK)
        said = "warning: no Python files but those that `exclude` leaves out, such as ok.py\n"
        assert run("check") == (0, "", said)

    def test_no_rules(self, run: Run) -> None:
        write("x.py", LEAK)
        write("lintdb.toml", "select = []\n")
        ran = run("check")
        assert (ran.code, ran.out) == (0, "")
        assert ran.err.startswith("warning: no rule is on, so nothing is looked for\n")

    @pytest.mark.parametrize("given", ["", " ", ","])
    def test_option_that_selects_nothing(self, run: Run, given: str) -> None:
        write("x.py", LEAK)
        ran = run("check", "--exit-zero", "--select", given)
        assert ran == (2, "", "lintdb: error: `--select`: names no rule: name some, or leave the option out\n")
        assert run("check", "--select", given, "--select", "LDB1").code == 1
        assert run("check", "--ignore", given, "--extend-select", given).code == 1

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

    def test_empty_path(self, run: Run) -> None:
        ran = run("check", "")
        assert (ran.code, ran.err.splitlines()[0]) == (2, "lintdb: error: '': no such file or folder")

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
        assert (ran.code, ran.out, ran.err.strip()) == (130, "", "lintdb: interrupted")

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
            (
                ["--select", "E501"],
                "no rule is called 'E501'; the presets are core, default, all; `lintdb rules` lists all codes\n",
            ),
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
            (["--per-file-ignores", ""], "'' is not PATTERN:RULES"),
            (["--per-file-ignores", "x.py:"], "'x.py:' is not PATTERN:RULES"),
            (["--per-file-ignores", ":LDB1"], "':LDB1' is not PATTERN:RULES"),
            (["--per-file-ignores", "x.py:LDB1:LDB121"], "'x.py:LDB1:LDB121' is not PATTERN:RULES"),
            (["--per-file-ignores", "x.py: y.py:LDB1"], "'x.py:y.py:LDB1' is not PATTERN:RULES"),
            (["--per-file-ignores", "x.py:LDB1,y.py"], "'y.py' is not PATTERN:RULES"),
            (["--per-file-ignores", "x.py:LDB1,y.py:"], "'y.py:' is not PATTERN:RULES"),
            (["--per-file-ignores", "x.py:LDB9,y.py:LDB1"], "no rule is called 'LDB9'"),
            (["--per-file-ignores", "x.py:conection-not-closed,y.py:LDB1"], "did you mean `connection-not-closed`?"),
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

    @pytest.mark.parametrize("paths", [[], ["sub/x.py", "ok.py", "sub/deep"], ["ok.py", "sub", "--force-exclude"]])
    def test_broken_configuration_of_a_folder(self, run: Run, paths: list[str]) -> None:
        write("sub/lintdb.toml", "[tool.lintdb\n")
        for path in ("sub/x.py", "sub/deep/x.py", "ok.py"):
            write(path, LEAK)
        ran = run("check", *paths)
        assert (ran.code, ran.out) == (2, "ok.py:4:5: LDB101 `leak` is not closed\n")
        error, summary = ran.err.splitlines()
        assert error.replace(os.sep, "/").startswith("lintdb: error: sub/lintdb.toml:1: this is not valid TOML")
        assert summary == "Found 1 finding in 1 file (checked 1 file, none where a configuration is broken)"
        assert run("check", "--exit-zero", *paths).code == 2
        ran = run("check", "--output-format", "json", *paths)
        assert (ran.code, [found["path"] for found in json.loads(ran.out)]) == (2, ["ok.py"])
        [log] = json.loads(run("check", "--output-format", "sarif", *paths).out)["runs"]
        assert log["invocations"][0]["executionSuccessful"] is False
        assert len(log["invocations"][0]["toolExecutionNotifications"]) == 1
        assert "sub/lintdb.toml,line=1" in run("check", "--output-format", "github", *paths).out.replace(os.sep, "/")
        write("ok.py", "")
        ran = run("check", *paths)
        assert ran.err.splitlines()[-1] == (
            "No findings, but not all was checked: checked 1 file, none where a configuration is broken"
        )

    def test_broken_configuration_of_the_run(self, run: Run) -> None:
        write("lintdb.toml", "[tool.lintdb\n")
        write("sub/lintdb.toml", "")
        write("sub/x.py", LEAK)
        for paths in ([], ["sub"]):
            ran = run("check", *paths)
            assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)

    def test_unreadable_configuration(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(path: str, *arguments: object, **options: object) -> object:
            if str(path).endswith("lintdb.toml"):
                raise PermissionError(13, "Permission denied")
            return open_file(path, *arguments, **options)  # type: ignore[call-overload]

        write("sub/lintdb.toml", "")
        write("sub/x.py", LEAK)
        write("ok.py", LEAK)
        # Permissions do not bind the superuser, as whom tests often run in containers.
        open_file = open
        monkeypatch.setattr("builtins.open", refuse)
        ran = run("check")
        assert (ran.code, ran.out) == (2, "ok.py:4:5: LDB101 `leak` is not closed\n")
        assert ran.err.splitlines()[0].replace(os.sep, "/") == (
            "lintdb: error: sub/lintdb.toml: "
            "no permission to read the file: grant it, or name another one with `--config`"
        )


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

    @pytest.mark.parametrize("word", ["high", "High", "HIGH"])
    def test_confidence_in_any_case(self, run: Run, word: str) -> None:
        write("x.py", LEAK)
        run("check", "--min-confidence", word)
        assert seen_options[-1].min_confidence is Confidence.HIGH
        write("lintdb.toml", f"min-confidence = '{word}'\n")
        run("check")
        assert seen_options[-1].min_confidence is Confidence.HIGH

    def test_per_file_ignores(self, run: Run) -> None:
        write("tests/x.py", LEAK)
        write("src/x.py", LEAK)
        ran = run("check", "--per-file-ignores", "tests/*:LDB121,LDB1")
        assert ran.out == f"src{os.sep}x.py:4:5: LDB101 `leak` is not closed\n"

    @pytest.mark.parametrize(
        "text",
        [
            "a.py:LDB101,sub/c.py:LDB101",
            "a.py:LDB101 sub/c.py:LDB101",
            "a.py:LDB121,LDB101,\n  sub/c.py : connection-not-closed ,\n",
            "a.py,sub/c.py:LDB101",
            "gone.py:LDB121 a.py sub:LDB101",
            "gone.py:LDB121,a.py,sub/*:core,LDB1",
        ],
    )
    def test_per_file_ignores_of_several_files(self, run: Run, text: str) -> None:
        for path in ("a.py", "sub/c.py", "b.py"):
            write(path, LEAK)
        assert run("check", "--per-file-ignores", text).out == "b.py:4:5: LDB101 `leak` is not closed\n"

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

    @pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise there")
    def test_interrupt_while_a_file_is_parsed(self, tmp_path: Path) -> None:
        (tmp_path / "x.py").write_text("import sqlite3\n")
        # The parser is no Python: a thread that is in it when the interpreter ends takes the process with it.
        code = (
            "import signal, sys, libcst; from lintdb import cli, engine\n"
            # A shell that runs the tests in the background has all that it starts ignore interrupts.
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "def parse(*_):\n"
            "    text = 'load(1, [2, 3])\\n' * 10_000\n"
            "    print('started', flush=True)\n"
            "    while True: libcst.parse_module(text)\n"
            "engine.check_source = parse\n"
            f"sys.exit(cli.main(['check', {str(tmp_path)!r}]))\n"
        )
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"started\n"
            process.send_signal(signal.SIGINT)
            try:
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
        assert (process.returncode, out, err.strip()) == (130, b"", b"lintdb: interrupted")

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
