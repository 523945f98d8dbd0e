"""Settings come from the nearest file, the command line is laid over them, and every fault is told with its place."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from lintdb.config import ConfigError, ConfigFinder, read_config, unused_config
from lintdb.drivers.own import read_own_table
from lintdb.finding import Confidence, Severity
from lintdb.rules.base import RuleMeta
from lintdb.settings import (
    DEFAULT_EXCLUDE,
    Overrides,
    PathPattern,
    PerFileIgnore,
    Settings,
    enabled_codes,
    enabled_codes_for,
    muted_codes_for,
)

NAMES = {
    "LDB101": "connection-not-closed",
    "LDB102": "cursor-not-closed",
    "LDB117": "release-in-del",
    "LDB201": "missing-rollback",
}
OFF_BY_DEFAULT = {"LDB117"}
NOT_CORE = {"LDB102"}
METAS = tuple(
    RuleMeta(
        code,
        name,
        "summary",
        Severity.ERROR,
        "help",
        "0.1",
        default=code not in OFF_BY_DEFAULT,
        core=code not in NOT_CORE,
    )
    for code, name in NAMES.items()
)
NOTHING = Settings.defaults("/project")


def read(tmp_path: Path, text: str, name: str = "lintdb.toml") -> Settings:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    settings = read_config(str(path), METAS, must_apply=False)
    assert settings is not None
    return settings


def fault(tmp_path: Path, text: str, name: str = "lintdb.toml") -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, name)
    return str(caught.value).removeprefix(str(tmp_path) + "/")


ALL_KEYS = """
select = ["LDB1", "missing-rollback"]
ignore = ["LDB102"]
extend-select = ["LDB117"]
exclude = ["generated"]
extend-exclude = ["docs/conf.py"]
min-confidence = "high"
output-format = "github"
strict-cursors = true
respect-gitignore = false
jobs = 3

[target-version]
psycopg = "3.2"

[per-file-ignores]
"tests/**" = ["LDB1"]

[drivers.mycompany]
extends = "psycopg2"
"""


def test_all_keys(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert read(tmp_path, ALL_KEYS) == Settings(
        root=root,
        path=str(tmp_path / "lintdb.toml"),
        select=("LDB1", "missing-rollback"),
        ignore=("LDB102",),
        extend_select=("LDB117",),
        per_file_ignores=(PerFileIgnore(PathPattern("tests/**", root), ("LDB1",)),),
        exclude=(PathPattern("generated", root),),
        extend_exclude=(PathPattern("docs/conf.py", root),),
        min_confidence=Confidence.HIGH,
        output_format="github",
        target_version={"psycopg": "3.2"},
        strict_cursors=True,
        respect_gitignore=False,
        jobs=3,
        own_models=(read_own_table("mycompany", {"extends": "psycopg2"}, "lintdb.toml", "drivers.mycompany"),),
    )


def test_pyproject_says_the_same_in_its_table(tmp_path: Path) -> None:
    own = read(tmp_path, ALL_KEYS)
    table = "[project]\nname = 'x'\n[tool.lintdb]" + ALL_KEYS.replace("\n[", "\n[tool.lintdb.")
    assert read(tmp_path, table, "pyproject.toml") == dataclasses.replace(own, path=str(tmp_path / "pyproject.toml"))


def test_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path, "")
    assert settings == dataclasses.replace(Settings.defaults(str(tmp_path)), path=str(tmp_path / "lintdb.toml"))
    assert [pattern.text for pattern in settings.exclude] == list(DEFAULT_EXCLUDE)
    assert settings.min_confidence is Confidence.MEDIUM


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nselct = []\n", "lintdb.toml:2: `selct`: unknown key; did you mean `select`?"),
        ("strict_cursors = true\n", "lintdb.toml:1: `strict_cursors`: unknown key; did you mean `strict-cursors`?"),
        ("[[", "lintdb.toml:1: this is not valid TOML"),
        ("select = []\nignore = [\n", "lintdb.toml:2: this is not valid TOML"),
        ("a = 1\nb = = 2\n", "lintdb.toml:2: this is not valid TOML"),
        ("select = 'LDB1'\n", "lintdb.toml:1: `select`: must be a list of rules"),
        ("select = ['LDB1', 2]\n", "lintdb.toml:1: `select`: must be a list of rules"),
        (
            "select = [\n  'LDB101',\n  'LDB999',\n]\n",
            "lintdb.toml:3: `select`: no rule is called 'LDB999'",
        ),
        (
            "ignore = ['missing-rollbak']\n",
            "lintdb.toml:1: `ignore`: no rule is called 'missing-rollbak'; did you mean `missing-rollback`?",
        ),
        (
            "ignore = ['E501']\n",
            "lintdb.toml:1: `ignore`: no rule is called 'E501'; the presets are core, default, all",
        ),
        ("select = ['cores']\n", "lintdb.toml:1: `select`: no rule is called 'cores'; did you mean `core`?"),
        ("\n[per-file-ignores]\n'x.py' = ['LDB9']\n", "lintdb.toml:3: `per-file-ignores`: no rule is called 'LDB9'"),
        ("per-file-ignores = ['x.py']\n", "lintdb.toml:1: `per-file-ignores`: must be a table"),
        ("min-confidence = 'hihg'\n", "lintdb.toml:1: `min-confidence`: 'hihg' is not one of low, medium, high; did"),
        ("min-confidence = 3\n", "lintdb.toml:1: `min-confidence`: 3 is not one of low, medium, high"),
        ("output-format = 'xml'\n", "lintdb.toml:1: `output-format`: 'xml' is not one of"),
        ("strict-cursors = 'yes'\n", "lintdb.toml:1: `strict-cursors`: must be true or false, not a string"),
        ("jobs = 0\n", "lintdb.toml:1: `jobs`: must be a whole number from 1, not 0"),
        ("jobs = true\n", "lintdb.toml:1: `jobs`: must be a whole number from 1, not True"),
        ("[target-version]\n\nredis = 5\n", "lintdb.toml:3: `target-version`: the version of redis must be text"),
        (
            "[target-version]\nredis = '5'\npsycog = '3.2'\n",
            "lintdb.toml:3: `target-version`: no library is called 'psycog'; did you mean `psycopg`?",
        ),
        ("target-version = '3'\n", "lintdb.toml:1: `target-version`: must be a table, not a string"),
    ],
)
def test_fault_names_line_key_and_cure(tmp_path: Path, text: str, message: str) -> None:
    assert fault(tmp_path, text).startswith(message)


def test_libraries_have_several_names(tmp_path: Path) -> None:
    text = "[target-version]\nredis-py = '5'\npsycopg2-binary = '2.9'\nSQLAlchemy = '2.0'\n'psycopg 3' = '3.2'\n"
    expected = {"redis": "5", "psycopg2": "2.9", "sqlalchemy": "2.0", "psycopg": "3.2"}
    assert read(tmp_path, text).target_version == expected


def test_line_of_a_key_in_pyproject_is_that_of_the_right_table(tmp_path: Path) -> None:
    text = "[tool.other]\nselect = ['E']\n\n[tool.lintdb]\nselect = ['E']\n"
    assert fault(tmp_path, text, "pyproject.toml").startswith("pyproject.toml:5: `select`")
    text = "[tool.lintdb.per-file-ignores]\n'x.py' = 'LDB1'\n"
    message = (
        'pyproject.toml:2: `per-file-ignores`: "x.py" needs a list of rules, for example ["LDB1", "LDB201"], not a'
    )
    assert fault(tmp_path, text, "pyproject.toml").startswith(message)
    text = "tool = 3\n\n[project]\nname = 'x'\n"
    assert fault(tmp_path, text, "pyproject.toml").startswith("pyproject.toml:1: `tool`: must be a table, written")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool]\nlintdb = 3\n", "pyproject.toml:2: `tool.lintdb`: must be a table"),
        ("[tool.black]\n[tool]\n\nlintdb = []\n", "pyproject.toml:4: `tool.lintdb`: must be a table"),
        ("\ntool = { lintdb = 3 }\n", "pyproject.toml:2: `tool.lintdb`: must be a table"),
        ("tool.lintdb = 3\n", "pyproject.toml:1: `tool.lintdb`: must be a table"),
        ("[[tool.lintdb]]\n", "pyproject.toml:1: `tool.lintdb`: must be a table"),
        ("[tool]\nlintdb = { select = ['LDB9'] }\n", "pyproject.toml:2: `select`: no rule"),
        ("[tool]\nlintdb.jobs = 1\nlintdb.select = ['LDB9']\n", "pyproject.toml:3: `select`: no rule"),
        ("tool = { lintdb = { select = ['LDB9'] } }\n", "pyproject.toml:1: `select`: no rule"),
    ],
)
def test_line_of_a_table_that_is_written_otherwise(tmp_path: Path, text: str, message: str) -> None:
    assert fault(tmp_path, text, "pyproject.toml").startswith(message)


def test_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "lintdb.toml"
    path.write_bytes(b"# a\n# \xe9\n")
    with pytest.raises(ConfigError, match=r"lintdb\.toml:2: not UTF-8"):
        read_config(str(path), METAS, must_apply=False)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_pyproject_that_is_not_utf8_is_not_passed_by(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes("[tool.lintdb]\nselect = ['LDB1']\n".encode(encoding))
    with pytest.raises(ConfigError, match=r"pyproject\.toml:1: .*save (the file|it) as UTF-8"):
        read_config(str(path), METAS, must_apply=False)


@pytest.mark.parametrize("name", ["pyproject.toml", "lintdb.toml"])
@pytest.mark.parametrize("target", ["pyproject.toml", "lintdb.toml", "gone.toml"])
def test_link_that_leads_nowhere_is_not_passed_by(tmp_path: Path, name: str, target: str) -> None:
    (tmp_path / name).symlink_to(target)
    if target not in {name, "gone.toml"}:
        (tmp_path / target).symlink_to(name)
    finder = ConfigFinder(METAS, cwd=str(tmp_path))
    with pytest.raises(ConfigError, match=r"\.toml: cannot read the file: .*: mend the link, or take it away"):
        finder.for_folder(str(tmp_path))


@pytest.mark.parametrize("text", ["[a", "docs/[a", "src/[!a.py", "x/[]", "x/\\"])
def test_pattern_that_matches_nothing(tmp_path: Path, text: str) -> None:
    quoted = json.dumps(text)
    message = (
        r"lintdb\.toml:2: `(exclude|extend-exclude|per-file-ignores)`: .*(never closed: close it|not a pattern of)"
    )
    for settings in (f"\nexclude = [{quoted}]\n", f"\nextend-exclude = ['a', {quoted}]\n"):
        assert re.match(message, fault(tmp_path, settings))
    assert re.match(message, fault(tmp_path, f"[per-file-ignores]\n{quoted} = ['LDB1']\n"))


@pytest.mark.parametrize(
    "text", ["[ab].py", "[!a].py", "docs/[[]a", "[[]a.py", "*", "**/x.py", "a b/*.py", "é", "/x/y"]
)
def test_pattern_that_is_one(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, f"exclude = [{json.dumps(text)}]\n").exclude[0].text == text


class TestFinding:
    """Which file counts for which folder."""

    def find(self, folder: Path, **options: Any) -> Settings:
        return ConfigFinder(METAS, cwd=str(folder), **options).for_folder(str(folder))

    def test_nearest_file_counts_alone(self, tmp_path: Path) -> None:
        inner = tmp_path / "a" / "b"
        inner.mkdir(parents=True)
        (tmp_path / "lintdb.toml").write_text("jobs = 1\nstrict-cursors = true\n")
        assert self.find(inner).jobs == 1
        (tmp_path / "a" / "pyproject.toml").write_text("[tool.lintdb]\njobs = 2\n")
        assert self.find(inner).jobs == 2
        assert not self.find(inner).strict_cursors
        assert self.find(tmp_path).jobs == 1

    def test_what_does_not_count_beside_a_lintdb_toml(self, tmp_path: Path) -> None:
        (tmp_path / "lintdb.toml").write_text("")
        for text, said in (
            ("[tool.lintdb]\n", True),
            ("[tool]\nlintdb = 3\n", True),
            ("[project]\nname = 'lintdb'\n", False),
            ("[tool.lintdb", False),
            ("", False),
        ):
            (tmp_path / "pyproject.toml").write_text(text)
            settings = self.find(tmp_path)
            assert unused_config(settings) == (str(tmp_path / "pyproject.toml") if said else None)
        (tmp_path / "pyproject.toml").unlink()
        assert unused_config(self.find(tmp_path)) is None
        (tmp_path / "lintdb.toml").rename(tmp_path / "pyproject.toml")
        (tmp_path / "pyproject.toml").write_text("[tool.lintdb]\n")
        assert unused_config(self.find(tmp_path)) is None

    @pytest.mark.parametrize(
        ("text", "lines"),
        [
            ("\n[lintdb]\njobs = 1\n", [2]),
            ("[lintdb.target-version]\n[tool.lintdb]\n", [1]),
            ("lintdb = {jobs = 1}\n", [1]),
            ("[project]\nname = 'lintdb'\n", []),
            ("[tool.lintdb]\n", []),
            ("lintdb = 3\n", []),
        ],
    )
    def test_table_that_does_not_stand_below_tool(self, tmp_path: Path, text: str, lines: list[int]) -> None:
        (tmp_path / "pyproject.toml").write_text(text)
        for config in (None, str(tmp_path / "pyproject.toml")):
            finder = ConfigFinder((), config=config, cwd=str(tmp_path))
            assert finder.for_run().jobs is None
            finder.for_folder(str(tmp_path))
            assert [each.line for each in finder.warnings] == lines
            assert {each.message for each in finder.warnings} <= {
                "`[lintdb]` does not count here: call the table `[tool.lintdb]`"
            }

    def test_both_layouts_of_a_lintdb_toml(self, tmp_path: Path) -> None:
        (tmp_path / "lintdb.toml").write_text("[tool.lintdb]\nignore = ['LDB102']\n")
        assert self.find(tmp_path).ignore == ("LDB102",)
        (tmp_path / "lintdb.toml").write_text("[tool.lintdb]\n[drivers.x]\n")
        with pytest.raises(ConfigError, match=r"lintdb.toml:2: `drivers`: stands beside a table `\[tool.lintdb\]`"):
            self.find(tmp_path)

    def test_lintdb_toml_wins_in_one_folder(self, tmp_path: Path) -> None:
        (tmp_path / "lintdb.toml").write_text("jobs = 1\n")
        (tmp_path / "pyproject.toml").write_text("[tool.lintdb]\njobs = 2\n")
        assert self.find(tmp_path).jobs == 1

    @pytest.mark.parametrize("text", ["[project]\nname = 'x'\n", "[broken\n", "[project]\nname = 'lintdb'\n"])
    def test_pyproject_without_our_table_is_passed_by(self, tmp_path: Path, text: str) -> None:
        inner = tmp_path / "inner"
        inner.mkdir()
        (tmp_path / "lintdb.toml").write_text("jobs = 1\n")
        (inner / "pyproject.toml").write_text(text)
        assert self.find(inner).jobs == 1

    def test_each_folder_is_read_once(self, tmp_path: Path) -> None:
        (tmp_path / "lintdb.toml").write_text("jobs = 1\n")
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        finder = ConfigFinder(METAS, cwd=str(tmp_path))
        first = finder.for_folder(str(tmp_path / "a"))
        (tmp_path / "lintdb.toml").write_text("jobs = 2\n")
        assert finder.for_folder(str(tmp_path / "b")) is first
        assert finder.for_file(str(tmp_path / "x.py")) is first

    def test_isolated_reads_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "lintdb.toml").write_text("[broken")
        assert self.find(tmp_path, isolated=True) == Settings.defaults(str(tmp_path))

    def test_forced_file_counts_everywhere(self, tmp_path: Path) -> None:
        (tmp_path / "ci.toml").write_text("[tool.lintdb]\njobs = 7\n")
        (tmp_path / "own.toml").write_text("jobs = 8\n")
        (tmp_path / "lintdb.toml").write_text("jobs = 1\n")
        assert self.find(tmp_path, config=str(tmp_path / "ci.toml")).jobs == 7
        assert self.find(tmp_path, config=str(tmp_path / "own.toml")).jobs == 8

    def test_command_line_is_laid_over_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "lintdb.toml").write_text("jobs = 1\n[target-version]\nredis = '4'\nmotor = '3'\n")
        overrides = Overrides(
            jobs=2,
            min_confidence=Confidence.LOW,
            target_version={"redis": "5"},
            extend_exclude=(PathPattern("gen", str(tmp_path)),),
        )
        settings = self.find(tmp_path, overrides=overrides)
        assert (settings.jobs, settings.min_confidence) == (2, Confidence.LOW)
        assert settings.target_version == {"redis": "5", "motor": "3"}
        assert settings.is_excluded(str(tmp_path / "gen"))
        assert settings.is_excluded(str(tmp_path / ".venv"))


class TestSelection:
    """Which rules are on."""

    def on(self, overrides: Overrides | None = None, **choice: Any) -> list[str]:
        settings = dataclasses.replace(NOTHING, **choice)
        if overrides is not None:
            settings = settings.with_overrides(overrides)
        return sorted(enabled_codes(settings, METAS))

    def test_defaults(self) -> None:
        assert self.on() == ["LDB101", "LDB102", "LDB201"]

    def test_all_takes_those_that_are_off_by_default(self) -> None:
        assert self.on(select=("ALL",)) == sorted(NAMES)
        assert self.on(select=("all",)) == sorted(NAMES)

    def test_presets(self) -> None:
        assert self.on(select=("core",)) == ["LDB101", "LDB201"]
        assert self.on(select=("default",)) == self.on()
        assert self.on(select=("CORE", "release-in-del")) == ["LDB101", "LDB117", "LDB201"]
        assert self.on(extend_select=("all",)) == sorted(NAMES)
        assert self.on(ignore=("core",)) == ["LDB102"]
        assert self.on(Overrides(select=("core",)), select=("all",), ignore=("LDB101",)) == ["LDB101", "LDB201"]

    def test_smaller_presets_are_more_specific(self) -> None:
        assert self.on(select=("all",), ignore=("default",)) == ["LDB117"]
        assert self.on(select=("core",), ignore=("default",)) == ["LDB101", "LDB201"]
        assert self.on(select=("core",), ignore=("LDB1",)) == ["LDB201"]
        assert self.on(select=("LDB",), ignore=("core",)) == ["LDB102", "LDB117"]
        assert self.on(select=("LDB1",), ignore=("core",)) == ["LDB101", "LDB102", "LDB117"]

    def test_select_starts_from_nothing_and_extend_select_does_not(self) -> None:
        assert self.on(select=("LDB117",)) == ["LDB117"]
        assert self.on(select=()) == []
        assert self.on(extend_select=("release-in-del",)) == sorted(NAMES)

    def test_more_specific_selector_wins(self) -> None:
        assert self.on(select=("ALL",), ignore=("LDB1",)) == ["LDB201"]
        assert self.on(select=("LDB101", "LDB2"), ignore=("LDB1",)) == ["LDB101", "LDB201"]
        assert self.on(select=("LDB1",), ignore=("ALL",)) == ["LDB101", "LDB102", "LDB117"]
        assert self.on(select=("LDB1", "LDB102"), ignore=("LDB10",)) == ["LDB102", "LDB117"]

    def test_ignore_wins_between_equals(self) -> None:
        assert self.on(select=("LDB101",), ignore=("LDB101",)) == []
        assert self.on(select=("LDB101",), ignore=("connection-not-closed",)) == []

    def test_select_on_the_command_line_makes_the_choice_of_the_file_void(self) -> None:
        assert self.on(Overrides(select=("LDB1",)), ignore=("LDB101",)) == ["LDB101", "LDB102", "LDB117"]

    def test_ignore_on_the_command_line_beats_a_more_specific_select_of_the_file(self) -> None:
        assert self.on(Overrides(ignore=("LDB1",)), select=("LDB101", "LDB201")) == ["LDB201"]

    def test_per_file_ignores(self) -> None:
        entries = (
            PerFileIgnore(PathPattern("tests/**", "/project"), ("LDB1",)),
            PerFileIgnore(PathPattern("!src/", "/project"), ("LDB201",)),
            PerFileIgnore(PathPattern("./one.py", "/project"), ("LDB1",)),
            PerFileIgnore(PathPattern("!./two.py", "/project"), ("LDB102",)),
        )
        settings = dataclasses.replace(NOTHING, per_file_ignores=entries)

        def on(path: str) -> list[str]:
            return sorted(enabled_codes_for(settings, path, METAS))

        def muted(path: str) -> list[str]:
            return sorted(muted_codes_for(settings, path, METAS))

        assert on("/project/src/x.py") == ["LDB101", "LDB201"]
        assert on("/project/tests/a/b.py") == []
        assert on("/project/x.py") == ["LDB101"]
        assert on("/project/one.py") == []
        assert on("/project/src/one.py") == ["LDB101", "LDB201"]
        assert on("/project/two.py") == ["LDB101", "LDB102"]
        assert muted("/project/two.py") == ["LDB201"]
        assert muted("/project/tests/a/b.py") == ["LDB101", "LDB102", "LDB201"], "not what is off anyway"


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("venv", "/project/venv", True),
        ("venv/", "/project/a/venv", True),
        ("venv", "/project/venv2", False),
        ("*_pb2.py", "/project/a/x_pb2.py", True),
        ("docs/conf.py", "/project/docs/conf.py", True),
        ("./docs/conf.py", "/project/docs/conf.py", True),
        ("docs/conf.py", "/project/a/docs/conf.py", False),
        ("./conf.py", "/project/conf.py", True),
        ("./conf.py", "/project/docs/conf.py", False),
        ("./conf.py", "/other/conf.py", False),
        ("/conf.py", "/project/conf.py", True),
        ("/conf.py", "/project/docs/conf.py", False),
        ("./venv/", "/project/venv", True),
        ("./venv/", "/project/a/venv", False),
        ("docs/conf.py", "/other/docs/conf.py", False),
        ("docs/**/conf.py", "/project/docs/a/b/conf.py", True),
        ("src/gen", "/project/src/gen", True),
        # A walk that starts inside src/gen was asked for by name.
        ("src/gen", "/project/src/gen/x.py", False),
    ],
)
def test_pattern_matches_entry(pattern: str, path: str, expected: bool) -> None:
    assert PathPattern(pattern, "/project").matches_entry(path) is expected
    settings = dataclasses.replace(NOTHING, exclude=(PathPattern(pattern, "/project"),))
    assert settings.is_excluded(path) is expected


def test_files_below_an_excluded_folder() -> None:
    assert NOTHING.is_below_excluded("/project/venv/lib/x.py")
    assert not NOTHING.is_below_excluded("/project/lib/x.py")
    assert not NOTHING.is_below_excluded("/venv/lib/x.py")
