"""`rule`, `rules`, `config`, `drivers`, `debug` as users meet them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lintdb import __version__
from lintdb.config import KEYS
from lintdb.toml import load_toml
from tests.command import NAMES, Run, write

EVERY_KEY = """
select = ["LDB1"]
extend-select = ["LDB001"]
ignore = ["LDB117"]
exclude = ["a"]
extend-exclude = ["b"]
min-confidence = "low"
strict-cursors = true
follow-imports = false
respect-gitignore = false
output-format = "json"
jobs = 3
driver-models = []
[target-version]
redis = "5"
[per-file-ignores]
"x.py" = ["LDB121"]
[drivers.mine]
extends = "redis"
"""


@pytest.mark.usefixtures("fake")
class TestOtherCommands:
    """`rule`, `rules`, `config`, `drivers`, `debug`."""

    def test_rules(self, run: Run) -> None:
        ran = run("rules")
        assert ran.code == 0
        assert [line.split()[0] for line in ran.out.splitlines()] == list(NAMES)
        assert "LDB117  release-in-del                  all      error    summary of LDB117" in ran.out

    @pytest.mark.parametrize(
        ("selectors", "expected"),
        [
            ("core", ["LDB002", "LDB101"]),
            ("Default", ["LDB001", "LDB002", "LDB101", "LDB121"]),
            ("all", list(NAMES)),
            ("core,LDB12", ["LDB002", "LDB101", "LDB121"]),
        ],
    )
    def test_rules_of_presets(self, run: Run, selectors: str, expected: list[str]) -> None:
        ran = run("rules", "--select", selectors)
        assert ran.code == 0
        assert [line.split()[0] for line in ran.out.splitlines()] == expected
        rules = json.loads(run("rules", "--select", selectors, "--output-format", "json").out)
        assert [rule["code"] for rule in rules] == expected

    def test_preset_that_does_not_exist(self, run: Run) -> None:
        for command in ("check", "rules", "config"):
            ran = run(command, "--select", "strict")
            assert (ran.code, ran.out) == (2, "")
            assert "no rule is called 'strict'; the presets are core, default, all" in ran.err
        assert "no rule is called 'cor'; did you mean `core`?" in run("rules", "--select", "cor").err

    def test_presets_are_listed(self, run: Run) -> None:
        assert "# presets that select can name: core (2 rules), default (4 rules), all (5 rules)\n" in run("config").out
        assert "core (what to adopt first" in " ".join(run("check", "--help").out.split())
        assert run("config", "--select", "core").out.endswith("# 2 rules on: LDB002, LDB101\n")

    def test_rules_as_json(self, run: Run) -> None:
        rules = json.loads(run("rules", "--output-format", "json").out)
        assert [rule["code"] for rule in rules] == list(NAMES)
        assert set(rules[0]) == {"code", "name", "summary", "severity", "default", "preset", "help", "since"}

    @pytest.mark.parametrize("wanted", ["LDB117", "ldb117", "release-in-del"])
    def test_rule(self, run: Run, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lintdb.rulebook.find_page", lambda code: f"# {code}: the page\n\n")
        assert run("rule", wanted) == (0, "# LDB117: the page\n", "")

    def test_rule_keeps_to_itself_how_its_examples_are_tested(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        page = "# A page\n\n```python\n# lintdb-fixture: select=LDB1\nimport redis\nredis.Redis()  # LDB117\n```\n"
        monkeypatch.setattr("lintdb.rulebook.find_page", lambda _: page)
        assert run("rule", "LDB117").out == "# A page\n\n```python\nimport redis\nredis.Redis()  # LDB117\n```\n"

    def test_rule_without_page(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def find_page(code: str) -> str:
            raise LookupError(code)

        monkeypatch.setattr("lintdb.rulebook.find_page", find_page)
        assert run("rule", "LDB117").out == "# LDB117: release-in-del\n\nsummary of LDB117\n\nhelp\n"

    def test_unknown_rule(self, run: Run) -> None:
        ran = run("rule", "release-in-dell")
        assert ran.code == 2
        assert "no rule is called 'release-in-dell'; did you mean `release-in-del`?" in ran.err
        for code in ("LDB9", "LDB999"):
            said = f"lintdb: error: no rule is called {code!r}; `lintdb rules` lists all codes\n"
            assert run("rule", code) == (2, "", said)

    def test_preset_is_no_rule(self, run: Run) -> None:
        said = "lintdb: error: 'core' is a preset, not a rule: `lintdb rules --select core` lists what it has\n"
        assert run("rule", "core") == run("rule", "CORE") == (2, "", said)

    @pytest.mark.parametrize(("wrong", "right"), [("explain", "rule"), ("driver", "drivers"), ("chek", "check")])
    def test_command_that_does_not_exist(self, run: Run, wrong: str, right: str) -> None:
        ran = run(wrong, "LDB101")
        assert (ran.code, ran.out) == (2, "")
        assert f"no command is called {wrong!r}; did you mean `{right}`?" in ran.err
        assert "did you mean" not in run("nonsense").err

    def test_family_of_rules(self, run: Run) -> None:
        ran = run("rule", "ldb1")
        assert ran.code == 0
        assert [line.split()[0] for line in ran.out.splitlines()] == ["LDB101", "LDB117", "LDB121"]

    def test_config(self, run: Run) -> None:
        write("a/lintdb.toml", "select = ['LDB1']\nignore = ['LDB121']\n[per-file-ignores]\n'x.py' = ['LDB117']\n")
        write("a/x.py", "")
        ran = run("config", "a", "--target-version", "redis=5")
        assert ran.out.startswith(f"# from {Path('a/lintdb.toml').absolute()}\n")
        assert ran.out.endswith("# 2 rules on: LDB101, LDB117\n")
        assert run("config", "a/x.py").out.endswith("# 1 rule on: LDB101\n")
        assert run("config").out.startswith("# no configuration file: these are the defaults\n")
        table = load_toml(ran.out)
        assert table["select"] == ["LDB1"]
        assert table["target-version"] == {"redis": "5"}

    def test_config_has_all_keys(self, run: Run) -> None:
        write("all/lintdb.toml", EVERY_KEY)
        assert set(load_toml(EVERY_KEY)) == set(KEYS)
        Path("none").mkdir()
        for folder in ("all", "none"):
            out = run("config", folder).out
            assert [key for key in KEYS if not re.search(rf"^(# )?\[?{key}\b|in .*\b{key}\b", out, re.M)] == []
        as_comments = {"drivers", "driver-models"}
        wanted = {key: value for key, value in load_toml(EVERY_KEY).items() if key not in as_comments}
        assert load_toml(run("config", "all").out) == wanted
        assert "#   mine (all/lintdb.toml)\n" in run("config", "all").out

    def test_config_shows_the_pinned_versions(self, run: Run) -> None:
        write("app/.git/HEAD", "")
        write("app/requirements.txt", "redis==5.0.1\nSQLAlchemy==2.0.30\n")
        write("app/Pipfile.lock", "{")
        write("app/x.py", "")
        out = run("config", "app", "--target-version", "sqlalchemy=1.4").out.splitlines()
        file = Path("app/requirements.txt").absolute()
        assert f"#   redis 5.0.1 ({file})" in out
        assert f"#   sqlalchemy 2.0.30 ({file}, but target-version counts)" in out
        assert any("Pipfile.lock:1: not valid JSON (" in line for line in out)
        assert run("config", "app/x.py").out.count(str(file)) == 2
        assert str(file) not in run("config", "app", "--isolated").out

    def test_config_of_nothing(self, run: Run) -> None:
        assert run("config", "absent") == (2, "", "lintdb: error: absent: no such file or folder\n")
        assert run("config", "") == (2, "", "lintdb: error: '': no such file or folder\n")

    def test_config_says_which_file_does_not_count(self, run: Run) -> None:
        write("pyproject.toml", "[tool.lintdb]\nselect = ['all']\n")
        assert "does not count" not in run("config").out
        write("lintdb.toml", "")
        said = f"# not from {Path('pyproject.toml').absolute()}: its [tool.lintdb] does not count beside a lintdb.toml"
        assert run("config").out.splitlines()[1] == said

    def test_table_in_the_wrong_place_is_told_of(self, run: Run) -> None:
        write("pyproject.toml", "[lintdb]\nselect = ['LDB3']\n")
        write("x.py", "")
        said = "pyproject.toml:1: `[lintdb]` does not count here: call the table `[tool.lintdb]`"
        assert f"# {said}" in run("config").out.splitlines()
        for arguments in (["check"], ["check", "x.py"], ["check", "-", "--stdin-filename", "x.py"], ["baseline"]):
            assert run(*arguments).err.count(f"warning: {said}\n") == 1, arguments
        assert said not in run("check", "--isolated").err

    def test_versions_that_no_model_reaches_are_told_of(self, run: Run) -> None:
        write("x.py", "import redis\n\n\ndef f():\n    redis.Redis()\n")
        for arguments in (["check"], ["baseline"], ["why", "x.py:5"]):
            err = run(*arguments, "--target-version", "redis-py=99,psycopg2=2.9,pymysql=0.1").err
            assert [line.partition(" (")[0] for line in err.splitlines() if "--target-version" in line] == [
                "warning: `--target-version`: redis: 99 is newer than what lintdb knows",
                "warning: `--target-version`: pymysql: 0.1 is older than what lintdb knows",
            ]

    def test_config_says_which_versions_no_model_reaches(self, run: Run) -> None:
        write(".git/HEAD", "")
        write("pyproject.toml", "[tool.poetry.dependencies]\npsycopg2-binary = '9.0'\nredis = '6.0'\n")
        out = run("config", "--target-version", "psycopg=2.0,pymysql=1.1").out.splitlines()
        assert [line for line in out if "taken" in line] == [
            "#   psycopg: 2.0 is older than what lintdb knows (3.0 \N{EN DASH} 3.3); what holds for 3.0 is taken",
            "#   psycopg2: 9.0 is newer than what lintdb knows (2.7 \N{EN DASH} 2.9); what holds for 2.9 is taken",
        ]
        out = run("config", "--target-version", "psycopg2=2.9").out.splitlines()
        assert [line for line in out if "taken" in line] == []

    def test_drivers_says_which_versions_no_model_reaches(self, run: Run) -> None:
        said = "  2.0 is older than what lintdb knows (3.5 \N{EN DASH} 8.1); what holds for 3.5 is taken"
        assert run("drivers", "redis=2.0").out.splitlines()[1] == said
        assert "sqlite3 3.9 (knows" in run("drivers", "sqlite3=3.9").out
        for version in ("redis=3", "redis=3.5", "redis=8", "redis=8.1.99", "redis", "alembic=1.2", "mariadb=1.1.2"):
            assert "what lintdb knows" not in run("drivers", version).out, version
        for version in ("redis=8.2", "redis=9", "mariadb=2.0rc1", "alembic=2"):
            assert " is newer than what lintdb knows" in run("drivers", version).out, version
        for version in ("redis=3x", "redis=5.0.", "redis=new"):
            assert "is not a version, such as 2.9" in run("drivers", version).err

    def test_drivers(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def describe(name: str, version: str | None, own: object) -> str:
            if name != "redis":
                raise LookupError(f"no driver is called {name!r}")
            return "redis: connection"

        monkeypatch.setattr("lintdb.drivers.catalog.describe_all", lambda own: "redis\npsycopg", raising=False)
        monkeypatch.setattr("lintdb.drivers.catalog.describe", describe, raising=False)
        assert run("drivers") == (0, "redis\npsycopg\n", "")
        assert run("drivers", "redis") == (0, "redis: connection\n", "")
        assert run("drivers", "oracle") == (2, "", "lintdb: error: no driver is called 'oracle'\n")

    def test_drivers_by_other_names(self, run: Run) -> None:
        for name, title in (("redis-py", "redis-py"), ("psycopg2_binary", "psycopg2"), ("SQLAlchemy", "SQLAlchemy")):
            assert run("drivers", name).out.startswith(f"{title} ")
        ran = run("drivers", "psycog2")
        assert (ran.code, ran.err) == (
            2,
            "lintdb: error: no library is called 'psycog2'; did you mean `psycopg2`?\n",
        )

    def test_debug_flow(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lintdb.engine.debug_flow", lambda path, name: f"{path} {name}", raising=False)
        assert run("debug", "flow", "C:/a.py:Class.method").out == "C:/a.py Class.method\n"

    def test_version_and_help(self, run: Run) -> None:
        assert run("--version") == (0, f"lintdb {__version__}\n", "")
        assert "Exit codes" in run("--help").out
        assert "--no-cache" in run("check", "-h").out
