"""Files from which versions are read, broken: what is said of them, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintdb import pin_files
from lintdb.drivers import pins
from lintdb.finding import FileProblem
from lintdb.pin_files import JSON, LOCKS, REQUIREMENTS, TEXTS, TOML, faults_around
from lintdb.toml import TOMLDecodeError, load_toml

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


def is_broken(toml: str) -> bool:
    try:
        load_toml(toml)
    except TOMLDecodeError:
        return True
    return False


def test_a_slip_in_a_lock_is_noticed(project: Path) -> None:
    """Whatever makes it other TOML, or none at all, is parsed: characters are left out, or put in."""
    text = LOCKED + (
        'description = "a \\"lock\\""\noptional = false\nfiles = [\n    {file = "x.whl", hash = "sha256:0"},\n'
        '    {file = "x.tar.gz", extras = ["a"]},\n]\n\n[package.extras]\n"a.b" = ["c (>=1.0)", "d"]\n'
    )
    (project / "poetry.lock").write_text(text, encoding="utf-8")
    assert faults(project) == ()
    places = range(len(text))
    changed = {
        *(text[:each] + text[each + 1 :] for each in places),
        *(text[:each] + extra + text[each:] for each in places for extra in '"[]{},=#x\n'),
    }
    broken = {each for each in changed if is_broken(each)}
    assert len(broken) > 1000
    assert {each for each in broken if not pin_files._looks_odd(each)} == set()


@pytest.mark.parametrize(
    ("file", "before", "slip"),
    [
        ("requirements.txt", "pymysql==1.0\n", "redis=4.5"),
        ("requirements-dev.txt", "# why\n", "???"),
        ("requirements.txt", "", "<<<<<<< HEAD"),
        ("constraints.txt", "a==1 \\\n  --hash=sha256:0\n", "PyMySQL=>0.9"),
        ("requirements.txt", "", "redis==4.5; python_version < 3"),
        ("requirements/base.txt", "", "redis 4.5"),
        ("pyproject.toml", '[project]\ndependencies = [\n    "a",\n    "', "redis=4.5"),
        ("setup.cfg", "[options]\ninstall_requires =\n    a\n    ", "redis=4.5"),
        ("setup.py", "from setuptools import setup\n\nsetup(install_requires=['", "redis=4.5"),
    ],
)
def test_a_slip_in_a_requirement_is_told_of(project: Path, file: str, before: str, slip: str) -> None:
    after = {"pyproject.toml": '"]\n', "setup.py": "'])\n"}.get(file, "  # a reason\n")
    write(project / file, before + slip + after)
    [fault] = faults(project)
    assert (fault.path, fault.line) == (str(project / file), before.count("\n") + 1)
    assert fault.message.startswith(f"`{slip}` is no requirement: correct it, for example to `")


def test_what_is_no_version_is_told_of(project: Path) -> None:
    lines = ["# why", "redis===4.5.x", "pymysql===1.0", "aiopg===${AIOPG}", "nobody===1.x"]
    write(project / "requirements.txt", "\n".join(lines))
    [fault] = faults(project)
    assert (fault.path, fault.line) == (str(project / "requirements.txt"), 2)
    cure = "correct it, for example to `redis==1.0`, or take it out"
    assert fault.message == f"`redis===4.5.x`: '4.5.x' is no version: {cure}"


@pytest.mark.parametrize("file", ["requirements.txt", "requirements/notes.txt", "constraints.txt"])
def test_what_pip_and_others_understand_is_no_slip(project: Path, file: str) -> None:
    lines = """\
        \t# comment, redis=4.5
        redis==5.0.1\t# redis=4.5
        --index-url https://example.org/simple
        --find-links=./redis
        -i https://example.org
        --pre
        -e .
        -e git+https://example.org/redis.git#egg=redis
        --no-binary redis
        redis==5.0.1 --hash=sha256:00 --hash=sha256:01
        redis[hiredis]==5.0.1 ; python_version >= "3.8" and sys_platform != 'win32'
        pymysql ~= 1.0, != 1.0.1
        psycopg2 >=2.8 , <3
        redis @ https://example.org/redis.whl
        git+ssh://git@example.org/redis.git@v4
        file:redis/
        ./redis
        redis/
        redis-4.5.tar.gz
        redis-4.5-py3-none-any.whl[x]
        .[redis]
        C:\\redis\\
        {{ redis }}=4
        redis=={{ version }}
        {% if redis %}
        redis==${REDIS}
        redis==@VERSION@
        redis=4.5.1=py39_0
        requests=2
        """
    write(project / file, lines.replace("\\\\", "\\"))
    assert faults(project) == ()
    assert pins.find_versions(project)["redis"] == "5.0.1"


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
