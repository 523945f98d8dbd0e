"""Files from which versions are read, broken: what is said of them, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintdb.drivers import pins
from lintdb.finding import FileProblem
from lintdb.pin_files import JSON, LOCKS, REQUIREMENTS, TEXTS, TOML, faults_around

LOCKED = '[[package]]\nname = "redis"\nversion = "5.0.1"\n'
NOT_TEXT = "not UTF-8 (save the file as UTF-8): versions that it pins may be missed"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project; nothing above it is read."""
    (tmp_path / ".git").mkdir()
    return tmp_path


def faults(folder: Path) -> tuple[FileProblem, ...]:
    return faults_around(str(folder), pins.read_pins(folder).warnings)


def write(path: Path, data: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def test_all_files_are_looked_at_from_which_versions_are_read() -> None:
    known = {*TOML, *LOCKS, *JSON, *TEXTS, *(f"{folder}/*.txt" for folder in REQUIREMENTS)}
    # Python programs say themselves how they are encoded, and may be for another Python.
    assert known == {pattern for pattern, _ in pins._FILES} - {"setup.py"}


@pytest.mark.parametrize(
    ("file", "data", "line", "message"),
    [
        ("pyproject.toml", "[project]\nname = x\n", 2, "not valid TOML (Invalid value): the versions that it pins are"),
        ("pyproject.toml", "[project", 1, "not valid TOML ("),
        ("Pipfile", "[packages]\n\nredis\n", 3, "not valid TOML ("),
        ("Pipfile.lock", '{"default":\n', 2, "not valid JSON (Expecting value): the versions that it pins are not"),
        ("Pipfile.lock", "[" * 100_000, 0, "nested too deeply to be read: "),
        ("requirements.txt", b"redis==5.0.1\n# gr\xfc\xdfe\n", 2, NOT_TEXT),
        ("requirements/dev.txt", b"\xe9\n", 1, NOT_TEXT),
        ("requirements.txt", "redis==5.0.1\n".encode("utf-16"), 1, NOT_TEXT),
        ("pyproject.toml", "[project]\n".encode("utf-16"), 1, NOT_TEXT),
        ("poetry.lock", b"\xe9\n", 1, NOT_TEXT),
        ("setup.cfg", b"[options]\nx = \xe9\n", 2, NOT_TEXT),
        # What only the reader of versions knows.
        (
            "requirements.txt",
            "redis\\\n==5.0.1\n  -r missing.txt\n",
            3,
            "`-r missing.txt`: no such file: create it, correct the name, or take the line out",
        ),
        ("requirements.txt", "-c .\n", 1, "`-c .`: this is no file: correct the name, or take the line out"),
        ("setup.cfg", "install_requires = redis", 0, "cannot look for versions in it: "),
        ("pyproject.toml", "[tool]\npoetry = 1", 0, "cannot look for versions in it: "),
    ],
)
@pytest.mark.parametrize("below", ["", "app/views"])
def test_what_is_broken_is_said_once_with_its_line(
    project: Path, file: str, data: str | bytes, line: int, message: str, *, below: str
) -> None:
    write(project / file, data)
    (project / below).mkdir(parents=True, exist_ok=True)
    [fault] = faults(project / below)
    assert Path(fault.path).parent in (project, (project / file).parent)
    assert fault.line == line
    assert fault.message.startswith(message)


@pytest.mark.parametrize("file", ["uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "pylock.dev.toml"])
@pytest.mark.parametrize(
    ("rest", "line"),
    [
        ('<<<<<<< HEAD\n[[package]]\nname = "pymysql"\n', 4),
        ('[[package]]\nname = "pym', 5),
        ('wheels = [\n    { url = "https://example.org/x.whl", si', 5),
        ('wheels = [\n    { url = "https://example.org/x.whl" },\n', 5),
    ],
)
def test_a_broken_lock_says_what_it_can(project: Path, file: str, rest: str, line: int) -> None:
    write(project / file, LOCKED + rest)
    assert pins.find_versions(project) == {"redis": "5.0.1"}
    [fault] = faults(project)
    assert (fault.path, fault.line) == (str(project / file), line)
    assert fault.message.startswith("not valid TOML (")
    assert fault.message.endswith("): versions that it pins may be missed")


@pytest.mark.parametrize(
    "rest",
    [
        'wheels = [\n    { url = "https://example.org/x.whl", size = 3 },\n]\n',
        'markers = "python_version < \\"3.8\\""\nfiles = []\noptional = true\n\n[package.extras]\ndocs = ["a", "b"]\n',
        '"discord.py" = [\n    {file = "x"},\n]\nx = \'a\' # strange, but right\n',
        'text = """\n<<<<<<< HEAD\n"""\n',
    ],
)
def test_a_lock_that_is_right_is_not_spoken_of(project: Path, rest: str) -> None:
    write(project / "uv.lock", LOCKED + rest)
    write(project / "poetry.lock", (LOCKED + rest).replace("\n", "\r\n"))
    write(project / "pyproject.toml", b"\xef\xbb\xbf[project]\r\n")
    assert faults(project) == ()


def test_what_is_no_such_file_is_not_looked_at(project: Path) -> None:
    (project / "requirements.txt").mkdir()
    write(project / "old-pyproject.toml", "[")
    write(project / "pyproject.toml.orig", "[")
    write(project / "setup.py", b"# coding: latin-1\nx = '\xe9'\n")
    write(project / "requirements" / "note.md", b"\xe9")
    assert faults(project) == ()
    assert faults_around(str(project / "no" / "such"), ()) == ()


def test_nothing_above_the_repository_is_read(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[")
    write(tmp_path / "repo" / ".git" / "HEAD", "")
    assert faults(tmp_path / "repo") == ()


def test_one_warning_for_a_file_that_others_include(project: Path) -> None:
    write(project / "requirements.txt", "-r requirements-base.txt\n")
    write(project / "requirements-base.txt", "-r missing.txt\n")
    assert [(fault.path, fault.line) for fault in faults(project)] == [(str(project / "requirements-base.txt"), 1)]


def test_a_file_that_must_not_be_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    write(project / "requirements.txt", "redis==5.0.1\n")
    # Permissions do not bind the superuser, as whom tests often run in containers.
    monkeypatch.setattr(Path, "read_bytes", refuse)
    [fault] = faults(project)
    assert fault.message == "cannot look for versions in it: no permission to read the file: grant it"


def test_huge_files_are_told_of_once(project: Path) -> None:
    with (project / "uv.lock").open("wb") as file:
        file.truncate(pins.MAX_BYTES + 1)
    [fault] = faults(project)
    assert "too large" in fault.message
