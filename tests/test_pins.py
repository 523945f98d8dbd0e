"""Library versions from a project's own files: each kind of file, exact against range, near against far, broken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from lintdb.cli import main
from lintdb.drivers import catalog
from lintdb.drivers.pins import MAX_BYTES, find_versions, newest_within, read_pins


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project; nothing above it is read."""
    (tmp_path / ".git").mkdir()
    return tmp_path


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


PIPFILE_LOCK = json.dumps(
    {"default": {"redis": {"version": "==5.0.1"}}, "develop": {"pymysql": {"version": "==0.9.3"}}}
)


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("pyproject.toml", '[project]\ndependencies = ["redis==5.0.1"]', {"redis": "5.0.1"}),
        ("pyproject.toml", '[project]\ndependencies = ["Redis [hiredis] == 5.0.1"]', {"redis": "5.0.1"}),
        ("pyproject.toml", '[project.optional-dependencies]\ndb = ["pymysql==0.9.3"]', {"pymysql": "0.9.3"}),
        (
            "pyproject.toml",
            '[dependency-groups]\ndb = ["asyncpg==0.29.0", {include-group = "x"}]',
            {"asyncpg": "0.29.0"},
        ),
        ("pyproject.toml", '[tool.uv]\ndev-dependencies = ["redis==4.2.0"]', {"redis": "4.2.0"}),
        ("pyproject.toml", '[tool.pdm.dev-dependencies]\ntest = ["redis==4.2.0"]', {"redis": "4.2.0"}),
        ("pyproject.toml", '[tool.poetry.dependencies]\nredis = "4.6.0"', {"redis": "4.6.0"}),
        ("pyproject.toml", '[tool.poetry.dependencies]\nredis = "^5.0"', {"redis": "5.3.1"}),
        ("pyproject.toml", '[tool.poetry.dependencies]\nredis = "*"', {}),
        ("pyproject.toml", '[tool.poetry.dependencies]\nasyncpg = "^0.29.0"', {"asyncpg": "0.29.0"}),
        (
            "pyproject.toml",
            '[tool.poetry.group.db.dependencies]\npsycopg = {version = "~3.1", extras = ["c"]}',
            {"psycopg": "3.1.20"},
        ),
        (
            "pyproject.toml",
            '[tool.poetry.dev-dependencies]\nredis = [{version = "4.2.0", python = "<3.8"}, {version = "5.0.1"}]',
            {"redis": "5.0.1"},
        ),
        ("pyproject.toml", '[tool.poetry.dependencies]\nredis = {path = "../redis"}', {}),
        ("requirements.txt", "# c\n-e .\nredis==5.0.1 # why\n\nrequests\n", {"redis": "5.0.1"}),
        ("requirements.txt", "redis==5.0.1 \\\n    --hash=sha256:00\n", {"redis": "5.0.1"}),
        ("requirements.txt", "psycopg2-binary==2.7.7 ; python_version >= '3'\n", {"psycopg2": "2.7.7"}),
        ("requirements.txt", "redis==3.5.3 ; python_version < '3'\n", {}),
        ("requirements.txt", "redis @ https://example.org/redis.whl\nhttps://example.org/x.whl\n{{ redis }}\n", {}),
        ("requirements-dev.txt", "redis==5.0.1\n", {"redis": "5.0.1"}),
        ("requirements/base.txt", "redis==5.0.1\n", {"redis": "5.0.1"}),
        ("requirement/main.txt", "redis==5.0.1\n", {"redis": "5.0.1"}),
        ("constraints.txt", "redis==5.0.1\n", {"redis": "5.0.1"}),
        ("setup.cfg", "[options]\ninstall_requires =\n    redis==5.0.1\n    x\n", {"redis": "5.0.1"}),
        ("setup.cfg", "[options.extras_require]\ndb =\n    redis<6\n", {"redis": "5.3.1"}),
        ("setup.py", 'setup(name="x", install_requires=["x", "redis==5.0.1"])\n', {"redis": "5.0.1"}),
        ("setup.py", "NEEDS = ('redis==5.0.1',)\nsetuptools.setup(install_requires=NEEDS)\n", {"redis": "5.0.1"}),
        (
            "setup.py",
            'setup(extras_require={"db": ["redis<6"]}, tests_require=["pymysql==0.9.3"])\n',
            {"redis": "5.3.1"},
        ),
        ("setup.py", 'setup(install_requires=open("requirements.in").read().split())\n', {}),
        ("setup.py", "print 'x'\nsetup(install_requires=['redis==5.0.1'])\n", {}),
        ("Pipfile.lock", PIPFILE_LOCK, {"redis": "5.0.1", "pymysql": "0.9.3"}),
        ("poetry.lock", '[[package]]\nname = "redis"\nversion = "5.0.1"\ndescription = ""\n', {"redis": "5.0.1"}),
        ("uv.lock", 'version = 1\n\n[[package]]\r\nname = "redis"\r\nversion = "5.0.1"\r\n', {"redis": "5.0.1"}),
        ("pdm.lock", '[[package]]\nname = "psycopg-pool"\nversion = "3.1.9"\n', {"psycopg_pool": "3.1.9"}),
        (
            "uv.lock",
            '[[package]]\nname = "redis"\nversion = "5.0.1"\n[[package]]\nname = "redis"\nversion = "6.4.0"\n',
            {"redis": "6.4.0"},
        ),
        (
            "environment.yml",
            "dependencies:\n  - redis=5.0.1\n  - sqlalchemy=1.4\n",
            {"redis": "5.0.1", "sqlalchemy": "1.4.54"},
        ),
        (
            "environment.yml",
            "dependencies:\n  - pip:\n      - redis==5.0.1\n      - pymysql >=0.9,<1.0\n",
            {"redis": "5.0.1", "pymysql": "0.10.1"},
        ),
        ("environment.yaml", "dependencies:\n  - redis=5.0.1=py311_0\n  - python\n", {"redis": "5.0.1"}),
        ("environment.yml", "dependencies:\n- conda-forge::redis=5.0.1\n", {"redis": "5.0.1"}),
        (
            "environment.yml",
            "dependencies:\n- conda-forge::redis-py=5.0.1\n- neo4j-python-driver=4.4.11\n- python-duckdb=1.1.3\n",
            {"redis": "5.0.1", "neo4j": "4.4.11", "duckdb": "1.1.3"},
        ),
        (
            "environment.yml",
            "dependencies: [neo4j_driver=4.4.11, valkey-py=6.2.0]\n",
            {"neo4j": "4.4.11", "valkey": "6.2.0"},
        ),
        (
            "environment.yml",
            "dependencies: [python, redis=5.0.1=py_0, 'pymysql >=0.9,<1.0',\n  pip]\n",
            {"redis": "5.0.1", "pymysql": "0.10.1"},
        ),
        ("environment.yml", "dependencies:\n  - pip: [redis==5.0.1]\n", {"redis": "5.0.1"}),
        ("pylock.toml", '[[packages]]\nname = "redis"\nversion = "5.0.1"\n', {"redis": "5.0.1"}),
        ("pylock.db.toml", '[[packages]]\nname = "redis"\nversion = "5.0.1"\n', {"redis": "5.0.1"}),
        ("Pipfile", '[packages]\nredis = "==5.0.1"\n[dev-packages]\npymysql = "*"\n', {"redis": "5.0.1"}),
        ("Pipfile", '[packages]\nredis = {version = "~=5.0.1", extras = ["hiredis"]}\n', {"redis": "5.0.1"}),
    ],
)
def test_each_kind_of_file(project: Path, file: str, text: str, expected: Mapping[str, str]) -> None:
    write(project, {file: text})
    pins = read_pins(project)
    assert pins.versions == expected
    assert pins.warnings == ()
    assert {path.name for path in pins.sources.values()} <= {Path(file).name}


def test_nothing_is_asked_of_packages_that_no_model_knows(project: Path) -> None:
    write(project, {"requirements.txt": "requests==2.0\nnot a requirement\nredis-om==1.0\n"})
    assert find_versions(project) == {}


@pytest.mark.parametrize(
    ("specifier", "expected"),
    [
        ("<6", "5.3.1"),  # the newest that the model knows below 6
        ("<=6.0.0", "6.0.0"),
        ("<8", "7.4.1"),
        (">=4,<5", "4.6.0"),
        (">=6.5,<6.9", "6.5"),  # what the range names is a version, too
        (">6.4,<7", "6.4.0"),  # between two that are known: the model does not change there
        ("~=5.0", "5.3.1"),
        ("~=5.0.1", "5.0.1"),
        ("==5.*", "5.3.1"),
        ("==7.0.*", "7.0.1"),
        ("<3", "3.5.3"),  # older than all that are known
        ("<6,!=5.3.1", "5.2.1"),
        ("<99", None),
        (">=5", None),  # no upper end
        ("", None),
        ("!=5.0.0", None),
    ],
)
def test_ranges(specifier: str, expected: str | None) -> None:
    version = newest_within(SpecifierSet(specifier), catalog.known_versions("redis"))
    if specifier == "<99":
        expected = catalog.load_driver("redis").newest
    assert (str(version) if version is not None else None) == expected


def test_a_version_at_a_cut_over_reads_the_model_of_that_version(project: Path) -> None:
    write(project, {"requirements.txt": "pymysql<1.0\n"})
    versions = find_versions(project)
    kind = catalog.load_models(["pymysql"], versions).kinds["pymysql.connection"]
    assert kind.with_block is not None
    assert kind.with_block.value == "none"


def test_an_exact_pin_wins_over_a_range(project: Path) -> None:
    write(
        project,
        {
            "pyproject.toml": '[project]\ndependencies = ["redis<6"]',
            "uv.lock": '[[package]]\nname = "redis"\nversion = "5.0.1"\n',
        },
    )
    assert find_versions(project) == {"redis": "5.0.1"}


def test_the_nearest_file_wins(project: Path) -> None:
    write(project, {"requirements.txt": "redis==4.2.0\npymysql==0.9.3\n", "service/requirements.txt": "redis==5.0.1\n"})
    (project / "service" / "app").mkdir()
    assert find_versions(project / "service" / "app") == {"redis": "5.0.1", "pymysql": "0.9.3"}
    assert find_versions(project) == {"redis": "4.2.0", "pymysql": "0.9.3"}


def test_a_far_exact_pin_wins_over_a_near_range(project: Path) -> None:
    write(
        project,
        {
            "poetry.lock": '[[package]]\nname = "redis"\nversion = "5.0.1"\n',
            "service/setup.cfg": "[options]\ninstall_requires = redis<7\n",
        },
    )
    assert find_versions(project / "service") == {"redis": "5.0.1"}


def test_nothing_above_the_repository_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "redis==5.0.1\n", "repo/.git/HEAD": ""})
    assert find_versions(tmp_path / "repo") == {}


def test_included_requirements(project: Path) -> None:
    write(
        project,
        {
            "requirements.txt": "-r deps/base.txt\n-c https://example.org/c.txt\n",
            "deps/base.txt": "redis==5.0.1\n--requirement more.txt\n",
            "deps/more.txt": "pymysql==0.9.3\n",
        },
    )
    assert find_versions(project) == {"redis": "5.0.1", "pymysql": "0.9.3"}


def test_files_that_include_each_other_end(project: Path) -> None:
    write(project, {"requirements.txt": "-r requirements.txt\nredis==5.0.1\n"})
    assert find_versions(project) == {"redis": "5.0.1"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", "[project"),
        ("pyproject.toml", "project = 3"),
        ("pyproject.toml", '[project]\ndependencies = "redis"\noptional-dependencies = []'),
        ("pyproject.toml", "[dependency-groups]\na = 3"),
        ("pyproject.toml", "[tool]\npoetry = 1"),
        ("pyproject.toml", '[tool.poetry.dependencies]\nredis = ">>5"'),
        ("pyproject.toml", "[tool.poetry]\ngroup = {a = 1}"),
        ("Pipfile.lock", "{"),
        ("Pipfile.lock", "[]"),
        ("Pipfile.lock", '{"default": {"redis": {"version": "five"}}}'),
        ("setup.cfg", "install_requires = redis"),
        ("setup.cfg", "[options\n"),
        ("uv.lock", '[[package]]\nname = "redis"\nversion = "x y"\n'),
        ("requirements.txt", "-r missing.txt\n"),
        ("environment.yml", "- redis=>>1\n"),
    ],
)
def test_broken_files_are_worth_a_warning(project: Path, file: str, text: str) -> None:
    write(project, {file: text, "constraints.txt": "pymysql==0.9.3\n"})
    pins = read_pins(project)
    assert pins.versions == {"pymysql": "0.9.3"}
    assert len(pins.warnings) == 1
    assert str(project) in pins.warnings[0]
    assert "\n" not in pins.warnings[0]


def test_bytes_that_are_no_text(project: Path) -> None:
    (project / "requirements.txt").write_bytes(b"\xff\xfe\x00redis==5\n\nredis==5.0.1\n")
    assert find_versions(project) == {"redis": "5.0.1"}


def test_a_folder_of_that_name_is_passed_over(project: Path) -> None:
    (project / "requirements.txt").mkdir()
    assert read_pins(project).warnings == ()


def test_huge_files_are_not_read(project: Path) -> None:
    with (project / "uv.lock").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    pins = read_pins(project)
    assert pins.versions == {}
    assert "too large" in pins.warnings[0]


def test_a_folder_that_does_not_exist(project: Path) -> None:
    assert find_versions(project / "no" / "such") == {}


def test_pins_that_contradict_each_other(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        project,
        {
            "requirements.txt": "redis==4.5\npymysql==1.0\nasyncpg==0.29.0\n",
            "requirements-dev.txt": "redis==5.0\npymysql==1.0.0\nasyncpg>=0.20\n",
            "service/requirements.txt": "pymysql==0.9\n",
        },
    )
    at_root, below = read_pins(project), read_pins(project / "service")
    assert dict(at_root.versions) == {"redis": "5.0", "pymysql": "1.0.0", "asyncpg": "0.29.0"}
    assert at_root.others == {"redis": {project / "requirements.txt": "4.5"}}
    assert below.versions["pymysql"] == "0.9"
    assert below.others["pymysql"] == {
        project / "requirements-dev.txt": "1.0.0",
        project / "requirements.txt": "1.0",
    }
    monkeypatch.chdir(project)
    assert main(["config"]) == 0
    lines = capsys.readouterr().out.splitlines()
    [number] = [number for number, line in enumerate(lines) if line.startswith("#   redis 5.0 (")]
    reason = "the nearest file counts, and the newest version of one folder"
    assert lines[number + 1] == f"#     not 4.5 ({project / 'requirements.txt'}): {reason}"
