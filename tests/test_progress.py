"""How far a run has come: said to who watches a terminal, and to nobody else."""

from __future__ import annotations

import io
import multiprocessing
import re
import sys
import time
from contextlib import suppress

import pytest

from lintdb import files, progress
from lintdb.finding import FileResult
from lintdb.progress import watching
from lintdb.project.surroundings import Projects
from tests.command import LEAK, Ran, Run, write

LINE = re.compile(r"\rchecked (\d+) of 12 files, \d+ s")


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


class TestLine:
    """What is written, and when."""

    def test_short_runs_say_nothing(self, clock: Clock) -> None:
        stream = io.StringIO()
        with watching(3, stream) as shown:
            assert shown is not None
            clock.now += 1.9
            shown.reach(2)
        assert stream.getvalue() == ""

    def test_long_runs_write_one_line_over_and_over(self, clock: Clock) -> None:
        stream = io.StringIO()
        with watching(1000, stream) as shown:
            assert shown is not None
            for seconds, done in ((2.5, 99), (0.1, 100), (7, 300)):
                clock.now += seconds
                shown.reach(done)
        first, second = "checked 99 of 1000 files, 2 s", "checked 300 of 1000 files, 10 s"
        assert stream.getvalue() == f"\r{first}\r{second}\r{' ' * len(second)}\r"

    def test_nothing_is_left_after_an_interrupt(self, clock: Clock) -> None:
        stream = io.StringIO()
        with suppress(KeyboardInterrupt), watching(10, stream) as shown:
            assert shown is not None
            clock.now += 3
            shown.reach(1)
            raise KeyboardInterrupt
        assert shown is not None
        assert stream.getvalue().endswith(" \r")
        clock.now += 3
        shown.reach(2)
        assert stream.getvalue().endswith(" \r")

    def test_a_terminal_that_has_gone_away(self, clock: Clock) -> None:
        class Gone(io.StringIO):
            def write(self, _: str) -> int:
                raise OSError(5, "Input/output error")

        with watching(10, Gone()) as shown:
            assert shown is not None
            clock.now += 3
            shown.reach(1)


@pytest.mark.usefixtures("fake")
class TestCommand:
    """Who sees it."""

    @pytest.fixture(autouse=True)
    def _twelve_files(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(12):
            write(f"f{number}.py", LEAK)
        monkeypatch.setattr(progress, "_PATIENCE", 0)
        monkeypatch.setattr(progress, "_PAUSE", 0)
        monkeypatch.setattr(progress, "_TICK", 60)
        monkeypatch.delenv("TERM", raising=False)

    @pytest.fixture
    def terminal(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
        """Standard error is a terminal."""

        def on_terminal(*arguments: str) -> Ran:
            monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
            return run(*arguments)

        return on_terminal

    @pytest.mark.parametrize("command", ["check", "baseline"])
    def test_a_terminal(self, terminal: Run, command: str) -> None:
        ran = terminal(command)
        assert [int(done) for done in LINE.findall(ran.err)] == list(range(1, 13))
        assert "checked" not in ran.out
        *_, blank, rest = ran.err.split("\r")
        assert blank.strip() == ""
        assert rest.startswith(("Found 12 findings", "12 findings"))

    def test_several_processes(self, terminal: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files, "_SMALL_RUN_BYTES", 0)
        told = [int(done) for done in LINE.findall(terminal("check", "--jobs", "2").err)]
        assert told == sorted(told)
        assert told[-1] == 12

    def test_processes_tell_of_each_file(self, terminal: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def slowly(task: files.FileTask, projects: Projects | None) -> FileResult:
            time.sleep(0.1)
            return check_file(task, projects)

        check_file = files.check_file
        monkeypatch.setattr(files, "check_file", slowly)
        monkeypatch.setattr(files, "_SMALL_RUN_BYTES", 0)
        monkeypatch.setattr(files, "_CHUNKS_PER_JOB", 1)
        monkeypatch.setattr(files, "_TELL_SECONDS", 0.05)
        if multiprocessing.get_start_method() != "fork":
            pytest.skip("workers would not see the change")
        assert len(set(LINE.findall(terminal("check", "--jobs", "2").err))) > 3

    def test_one_file_that_takes_long(self, terminal: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def slowly(task: files.FileTask, projects: Projects | None) -> FileResult:
            time.sleep(0.5)
            return check_file(task, projects)

        check_file = files.check_file
        monkeypatch.setattr(files, "check_file", slowly)
        monkeypatch.setattr(progress, "_TICK", 0.02)
        told = re.findall(r"\rchecked (\d) of 1 file, \d+ s", terminal("check", "f0.py").err)
        assert told.count("0") > 2
        assert told.count("1") <= 2

    def test_nobody_watches(self, run: Run) -> None:
        assert "\r" not in run("check").err

    def test_a_terminal_that_can_do_nothing(self, terminal: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "dumb")
        assert "\r" not in terminal("check").err

    @pytest.mark.parametrize("output_format", ["json", "sarif", "github"])
    def test_data(self, terminal: Run, monkeypatch: pytest.MonkeyPatch, output_format: str) -> None:
        assert "\r" in terminal("check", "--output-format", output_format).err
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert "\r" not in terminal("check", "--output-format", output_format).err
        assert "\r" in terminal("check", "--output-format", output_format, "--output-file", "out").err
