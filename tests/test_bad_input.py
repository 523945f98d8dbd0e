"""Files that no one should check, with the real engine."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command import Ran, Run, write
from tests.harness import ROOT

DATABASE = "import sqlite3\n"


def _in_shell(arguments: str) -> subprocess.CompletedProcess[str]:
    command = f"{shlex.quote(sys.executable)} -m lintdb {arguments}"
    return subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)


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
            (DATABASE + 'def f():\n    """(\\Noselect)"""\n    sqlite3.connect("x")\n', "x.py:"),
            (DATABASE + 'sqlite3.connect("\\x1")\n', "x.py:2:"),
            (DATABASE + 'sqlite3.connect(b"\u00e9")\n', "x.py:2:"),
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

    @pytest.mark.parametrize(
        "statement",
        [
            "if a == 0:\n        pass\n" + "    elif a == 1:\n        return 1\n" * 550,
            "a" + ".b(1)" * 300,
            "x = 'a'" + " + a" * 550,
            "x = [" + ", ".join(["'' " + "+ a" * 40] * 100) + "]",
        ],
        ids=["elif", "calls", "plus", "many"],
    )
    def test_deep_code_is_followed(self, run: Run, statement: str) -> None:
        write("x.py", f"{DATABASE}def f(a):\n    {statement}\n    c = sqlite3.connect('x')\n")
        line = len(Path("x.py").read_text().splitlines())
        ran = run("check", "x.py")
        assert (ran.code, ran.out) == (1, f"x.py:{line}:9: LDB101 `c` is never closed\n")
        # As flake8 hands files over, too: one by one, and not on a thread that serves them all.
        ran = run("check", "-", stdin=Path("x.py").read_bytes())
        assert (ran.code, ran.out) == (1, f"<stdin>:{line}:9: LDB101 `c` is never closed\n")
        assert "LDB101 `c` is never closed" in run("why", f"x.py:{line}").out
        assert f"acquires a sqlite3 connection `c` (line {line})" in run("debug", "summary", "x.py").out
        assert run("debug", "flow", "x.py:f").code == 0

    def test_code_too_deep_to_be_followed(
        self, check: Callable[[], Ran], run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write("x.py", f"{DATABASE}def f(a):\n    c = sqlite3.connect('x')\n    x = 'a'{' + a' * 1_000}\n")
        monkeypatch.setattr("lintdb.room._FRAMES", 1_000)
        ran = check()
        assert ran.code == 2
        message = "the code is nested too deeply to be followed in `f()`: split it into smaller"
        assert f"x.py:4:1: LDB002 {message}" in ran.out
        assert "This is a bug" not in ran.err
        for question in (("why", "x.py:3"), ("debug", "summary", "x.py")):
            answer = run(*question)
            assert (answer.code, answer.out) == (2, "")
            assert f"lintdb: error: x.py:4:1: {message}" in answer.err
            assert "This is a bug" not in answer.err

    def test_notebook(self, run: Run) -> None:
        write("nb.ipynb", '{"cells": [], "nbformat": 4, "about": "sqlite3"}\n')
        ran = run("check", "nb.ipynb")
        assert ran.code == 2
        assert ran.out.startswith("nb.ipynb:1:1: LDB002 this is a notebook, which lintdb does not read: check it with")
        ran = run("check", "--stdin-filename", "nb.ipynb", stdin=Path("nb.ipynb").read_bytes())
        assert ran.code == 2
        answer = run("why", "nb.ipynb:1")
        assert answer.code == 2
        assert answer.err.startswith("lintdb: error: nb.ipynb: this is a notebook")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
    def test_named_pipe(self, check: Callable[[], Ran], run: Run) -> None:
        os.mkfifo("pipe.py")
        write("leak.py", f"{DATABASE}def f():\n    c = sqlite3.connect('x')\n")
        ran = run("check", "pipe.py", "leak.py")
        assert ran.code == 2
        assert ran.out.splitlines()[0] == "leak.py:3:9: LDB101 `c` is never closed"
        assert "pipe.py:1:1: LDB002 this is a named pipe, not a file: `lintdb check - < pipe.py` reads" in ran.out
        assert run("why", "pipe.py:1").code == 2
        assert "pipe.py" not in check().out

    @pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="the system has no such file")
    def test_standard_input_by_its_path(self, tmp_path: Path) -> None:
        text = f"{DATABASE}def f():\n    c = sqlite3.connect('x')\n"
        ran = subprocess.run(
            [sys.executable, "-m", "lintdb", "check", "/dev/stdin"],
            input=text, capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        assert (ran.returncode, ran.stdout) == (1, "/dev/stdin:3:9: LDB101 `c` is never closed\n")

    def test_links_and_folders(self, check: Callable[[], Ran]) -> None:
        Path("dangling.py").symlink_to("gone.py")
        Path("loop.py").symlink_to("loop.py")
        Path("folder.py").mkdir()
        Path("again").symlink_to(".", target_is_directory=True)
        ran = check()
        assert ran.code == 2
        assert ran.out.splitlines()[0] == (
            "dangling.py:1:1: LDB002 dangling link: it points to 'gone.py', which does not exist: "
            "mend the link, or take it away"
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

    @pytest.fixture
    def closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let nobody look into a folder that is called so; permissions themselves do not bind the superuser."""

        def refuse(look: Callable[..., Any]) -> Callable[..., Any]:
            def looking(path: Any, *arguments: Any, **options: Any) -> Any:
                if "closed" in Path(path).parts[:-1]:
                    raise PermissionError(13, "Permission denied", str(path))
                return look(path, *arguments, **options)

            return looking

        for where, name in ((os, "stat"), (os, "lstat"), (Path, "stat"), (Path, "read_bytes")):
            monkeypatch.setattr(where, name, refuse(getattr(where, name)))

    @pytest.mark.usefixtures("closed")
    @pytest.mark.parametrize("path", ["closed/x.py", "closed/x"])
    def test_path_in_a_folder_that_nobody_may_look_into(self, run: Run, path: str) -> None:
        Path("closed").mkdir()
        write("leak.py", f"{DATABASE}def f():\n    c = sqlite3.connect('x')\n")
        ran = run("check", path, "leak.py")
        said = "no permission to read the file: grant it, or leave the file out with `extend-exclude`"
        leak = "leak.py:3:9: LDB101 `c` is never closed"
        assert (ran.code, sorted(ran.out.splitlines())) == (2, [f"{path}:1:1: LDB002 {said}", leak])
        assert ran.err.splitlines()[-1].endswith("(checked 1 file, could not check 1 file)")
        for answer in (run("why", f"{path}:1"), run("debug", "summary", path), run("debug", "summary", f"{path}:f")):
            assert (answer.code, answer.err) == (2, f"lintdb: error: {path}: {said}\n")
        assert "This is a bug" not in run("baseline", path).err

    @pytest.mark.skipif(os.name == "nt", reason="streams are closed otherwise there")
    @pytest.mark.parametrize("output_format", ["concise", "github"])
    def test_standard_input_that_is_closed(self, output_format: str) -> None:
        said = "standard input is closed: there is nothing to read for `-`"
        # A shell can close the stream; to do that in the child of a process with threads is not safe.
        ran = _in_shell(f"check - --output-format {output_format} <&-")
        assert (ran.returncode, ran.stderr) == (2, f"lintdb: error: {said}\n")
        assert ran.stdout == ("" if output_format == "concise" else f"::error title=lintdb::{said}\n")

    @pytest.mark.skipif(os.name == "nt", reason="streams are closed otherwise there")
    def test_output_that_is_closed(self, tmp_path: Path) -> None:
        (tmp_path / "leak.py").write_text(f"{DATABASE}def f():\n    c = sqlite3.connect('x')\n")
        ran = _in_shell(f"check {shlex.quote(str(tmp_path))} >&-")
        assert (ran.returncode, ran.stderr) == (1, "Found 1 finding in 1 file (checked 1 file)\n")
        assert _in_shell(f"check {shlex.quote(str(tmp_path))} 2>&-").returncode == 1

    @pytest.mark.parametrize(
        "text",
        [
            *("hello\n", "hello world\n", "# Title\n\nA text.\n", "", "'one'\n", "x = '\\\n"),
            # What names a library is read further.
            *("import sqlite3\nhello world\n", "# Title\n\n```python\nimport sqlite3\n```\n"),
            *('[project]\nname = "sqlite3"\n', "[tool.x]\na = 1\nimport = 'sqlite3'\n"),
            *(b"\x89PNG\0import sqlite3\n", b"import sqlite3\n\xff\n", b"\xff\xfei\0"),
        ],
    )
    @pytest.mark.parametrize("name", ["a.txt", "README", "a.cfg"])
    def test_file_that_is_no_python(self, run: Run, name: str, text: str | bytes) -> None:
        write(name, text)
        write("x.py", "x = 1\n")
        ran = run("check", name, "x.py")
        assert (ran.code, ran.out) == (0, "")
        assert ran.err == (
            f"warning: {name}: this does not look like Python, and lintdb checks nothing else\n"
            "All clean: checked 1 file\n"
        )
        ran = run("check", name)
        assert (ran.code, ran.out, ran.err.count("\n"), "All clean" in ran.err) == (0, "", 1, False)
        assert "does not look like Python" in run("check", name, "--output-format", "sarif").out
        assert run("check").err == "All clean: checked 1 file\n"

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("tool", "#!/usr/bin/env python3\nprint 'for another Python'\n"),
            ("tool.cgi", "#!/usr/bin/python -u\n"),
            ("wscript", "def build(ctx):\n    ctx(rule='touch ${TGT}', target='x')\n"),
            ("conf.in", "import os\n"),
            ("conf.in", "configure('\\d')\n"),
            ("stub.pyi", "...\n"),
            ("window.pyw", ""),
            ("x.py", "hello world\n"),
        ],
    )
    def test_file_that_is_python_by_another_name(self, run: Run, name: str, text: str) -> None:
        write(name, text)
        assert run("check", name) == (0, "", "All clean: checked 1 file\n")

    @pytest.mark.parametrize("name", ["x.py", "x.pyi", "tool"])
    @pytest.mark.parametrize("rest", [b"hello world\n", b"\xff\n", b"\0\n"])
    def test_broken_python_is_told_of(self, run: Run, name: str, rest: bytes) -> None:
        write(name, b"#!/usr/bin/env python3\nimport sqlite3\n" + rest)
        ran = run("check", name)
        assert (ran.code, "LDB002" in ran.out, "does not look like Python" in ran.err) == (2, True, False)

    def test_defect_in_a_file_of_another_name(self, run: Run) -> None:
        write("tool.txt", DATABASE + "def f():\n    c = sqlite3.connect('x')\n")
        ran = run("check", "tool.txt")
        assert (ran.code, "LDB101" in ran.out, ran.err) == (1, True, "Found 1 finding in 1 file (checked 1 file)\n")

    def test_long_file_without_a_database(self, check: Callable[[], Ran]) -> None:
        write("x.py", "x = 1\n" * 50_000)
        assert check().code == 1

    def test_unreadable_configuration(self, run: Run) -> None:
        write("x.py", DATABASE)
        Path("lintdb.toml").mkdir()
        assert run("check").code == 0
