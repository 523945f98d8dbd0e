"""What the documents promise holds: commands, examples, links."""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from lintdb.cli import main
from lintdb.commands.check import check_command
from lintdb.config import KEYS, read_config
from lintdb.drivers import catalog
from lintdb.drivers.reader import parse_driver
from lintdb.engine import EngineOptions, check_source
from lintdb.reporters.text import render_full
from lintdb.rules.registry import all_metas
from lintdb.source import SourceFile
from tests import harness, test_architecture
from tests.command import Run, write

ROOT = harness.ROOT
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "DRIVERS.md", "CHANGELOG.md", "rules/README.md"]


OPENING = '''\
"""How many orders there are."""

import psycopg2

LIMITS = {"connect_timeout": 5, "options": "-c statement_timeout=5000"}
SQL = """
    select status, count(*)
    from orders
    group by status
"""


def count_orders(dsn):
    conn = psycopg2.connect(dsn, **LIMITS)
    cur = conn.cursor()
    cur.execute(SQL)
    rows = cur.fetchall()
    cur.close()
    conn.close()
    return dict(rows)
'''


def blocks(name: str, language: str) -> list[str]:
    """Return the code blocks of a language in a document."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.S)


def test_ci_ends_with_the_test_command_of_the_readme() -> None:
    [command] = [line for block in blocks("README.md", "console") for line in block.splitlines() if "pytest" in line]
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == command


def test_opening_example_of_the_readme_is_what_the_tool_prints() -> None:
    source = SourceFile("orders/report.py", OPENING)
    codes = frozenset(meta.code for meta in all_metas() if meta.default)
    printed = render_full(check_source(source, EngineOptions(codes)).findings, lambda _: source.lines)
    assert blocks("README.md", "")[0] == printed.rstrip("\n") + "\n"


def test_answers_in_the_readme_are_what_the_tool_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Ask it")[2].partition("\n## ")[0]
    [program] = re.findall(r"```python\n(.*?)```", section, re.S)
    answers = re.findall(r"`lintdb ([^`]+)`[^`]*```text\n(.*?)```", section, re.S)
    monkeypatch.chdir(tmp_path)
    Path("orders").mkdir()
    Path("orders/export.py").write_text(program, encoding="utf-8")
    assert len(answers) == section.count("```text")
    for command, answer in answers:
        assert main([*command.split(), "--isolated"]) == 0
        assert capsys.readouterr().out == answer, command


class TestAdoption:
    """The guide is followed, step by step, with the program that it names."""

    SECTION = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Adopt it")[2].partition("\n## ")[0]
    COPY = re.findall(r"```console\n(.*?)```", SECTION, re.S)[0]
    FIRST, SECOND, THIRD = re.split(r"\n(?=\*\*\w[^\n]*(?:default|by group))", SECTION)

    @pytest.fixture
    def lintdb(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[int, str]]:
        """Return a function that runs a line of a shell in the copy of the program that the guide makes."""
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "lintdb").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lintdb "$@"\n')
        (programs / "lintdb").chmod(0o755)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        copied = subprocess.run(
            ["sh", "-c", f"{self.COPY.strip()} && pwd"],
            cwd=ROOT, env={**environment, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        folder = Path(copied.stdout.strip())
        monkeypatch.chdir(folder)

        def run(line: str) -> tuple[int, str]:
            ran = subprocess.run(
                ["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            assert ran.returncode in (0, 1), ran.stderr
            return ran.returncode, ran.stdout

        return run

    @staticmethod
    def of(stage: str, language: str) -> list[str]:
        return re.findall(rf"```{language}\n(.*?)```", stage, re.S)

    def test_first_day(self, lintdb: Callable[[str], tuple[int, str]]) -> None:
        _, look, pass_ = self.of(self.FIRST, "console")
        [printed], [configuration] = self.of(self.FIRST, "text"), self.of(self.FIRST, "toml")
        every, rest = look.splitlines()
        assert len(lintdb(every)[1].splitlines()) == 7
        assert lintdb(rest) == (0, printed)
        assert configuration.endswith("\n" + printed.partition("\n")[2])
        assert lintdb(pass_)[0] == 1
        Path("pyproject.toml").write_text(configuration)
        assert lintdb(pass_) == (0, "")
        Path("new.py").write_text("import sqlite3\n\n\ndef f(path):\n    sqlite3.connect(path).execute('select 1')\n")
        assert lintdb(pass_)[0] == 1, "new files are held to it"

    def test_default(self, lintdb: Callable[[str], tuple[int, str]]) -> None:
        [look], [first], [second] = (
            self.of(self.SECOND, "console"), self.of(self.FIRST, "toml"), self.of(self.SECOND, "toml")
        )  # fmt: skip
        Path("pyproject.toml").write_text(first)
        # What the exceptions of the first day name is mended by now.
        found = [_codes_in(lintdb(line)[1]) for line in look.splitlines()]
        assert [sorted(each) for each in found] == [["LDB201"], ["LDB121", "LDB201", "LDB401"]]
        assert "adds LDB201 in `service.py`, the second one LDB121 there and LDB401 in `storage.py`" in self.SECOND
        for name, excused in (
            ("storage.py", "LDB401"),
            ("service.py", "LDB121"),
            ("notify.py", ""),
            ("warehouse.py", ""),
        ):
            _mend(Path(name), excused)
        choice = first.partition("[tool.lintdb.per-file-ignores]")[0]
        Path("pyproject.toml").write_text(choice)
        [baseline] = re.findall(r"`(lintdb\s+baseline[^`]*)`", self.SECOND)
        assert second.endswith("\n" + lintdb(" ".join(baseline.split()))[1].partition("\n")[2])
        assert _codes_in(lintdb("lintdb check --isolated")[1]) == {"LDB121", "LDB401"}
        Path("pyproject.toml").write_text(second)
        assert lintdb("lintdb check") == (0, "")

    def test_rest(self, lintdb: Callable[[str], tuple[int, str]]) -> None:
        for line in self.of(self.THIRD, "console")[0].splitlines():
            assert lintdb(line)[0] == 0
        table = re.findall(r"^\| .*\?.* \| (.*) \|$", self.THIRD, re.M)
        named = [code for cell in table for code in re.findall(r"`(LDB\d{3})`", cell)]
        assert sorted(named) == sorted(meta.code for meta in all_metas() if not meta.default)


def _mend(path: Path, but: str) -> None:
    """Repair a file of the program as `orders_fixed` does it, but for the changes of lines that are marked *but*."""
    old = path.read_text().splitlines(keepends=True)
    new = (ROOT / "fixtures" / "programs" / "orders_fixed" / path.name).read_text().splitlines(keepends=True)
    mended: list[str] = []
    for _, start, end, new_start, new_end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        is_kept = but and any(but in line for line in old[start:end])
        mended += old[start:end] if is_kept else new[new_start:new_end]
    path.write_text("".join(mended))


def _codes_in(output: str) -> set[str]:
    return set(re.findall(r"^\S+:\d+:\d+: (LDB\d{3})", output, re.M))


CONFIGURATION = [
    (document, block)
    for document in ("README.md", "DRIVERS.md")
    for block in blocks(document, "toml")
    if block.startswith("[tool.lintdb") and "driver-models" not in block
]


@pytest.mark.parametrize(("document", "text"), CONFIGURATION)
def test_configuration_in_the_documents_is_accepted(tmp_path: Path, document: str, text: str) -> None:
    path = tmp_path / "pyproject.toml"
    # What refines a kind stands below the model that has it.
    base = "" if "extends" in text or "[tool.lintdb]" in text else OWN_FACTORY
    path.write_text(base + text, encoding="utf-8")
    assert read_config(str(path), all_metas(), must_apply=False) is not None


OWN_FACTORY = next(block for block in blocks("README.md", "toml") if "extends" in block)
OWN_CLASS = next(block for block in blocks("README.md", "toml") if "kinds.database" in block)
USE_OF_CLASS = """\
from mycompany.db import Database


def called():
    db = Database()
    conn = db.get()
    conn.cursor().execute("select 1")


def annotated(db: Database):
    conn = db.get()
    conn.cursor().execute("select 1")


def given_back(db: Database):
    conn = db.get()
    try:
        conn.cursor().execute("select 1")
    finally:
        db.put(conn)
"""


def test_own_factories_are_shown_alike() -> None:
    assert {OWN_FACTORY, OWN_CLASS} <= set(blocks("DRIVERS.md", "toml"))


def test_own_class_can_be_seen_to_work(run: Run) -> None:
    write("pyproject.toml", OWN_CLASS)
    write("shop/report.py", USE_OF_CLASS)
    assert run("check").out == (
        "shop/report.py:6:12: LDB101 `conn` is never closed\nshop/report.py:11:12: LDB101 `conn` is never closed\n"
    )


def test_own_class_is_described_with_what_it_releases(run: Run) -> None:
    write("pyproject.toml", OWN_CLASS)
    lines = run("drivers", "mycompany").out.splitlines()
    described = lines[lines.index("mycompany.database: mycompany database [other] (owes nothing)") + 1 :]
    assert described[:2] == [
        "  acquired by         mycompany.db.Database()",
        "  releases            put(first argument)",
    ]


def test_own_factories_can_be_seen_to_work(run: Run) -> None:
    write("pyproject.toml", OWN_FACTORY)
    lines = run("drivers", "mycompany").out.splitlines()
    assert "  acquired by         mycompany.db.get_conn()" in lines
    assert lines[lines.index("functions that release") + 1].strip() == "mycompany.db.release(first argument)"
    write("shop/report.py", "from mycompany.db import get_conn\n\n\ndef report():\n    conn = get_conn()\n")
    assert "psycopg2 connection `conn`, acquired by `get_conn()` in `report()`" in run("why", "shop/report.py:5").out


def test_more_shapes_of_own_functions(tmp_path: Path) -> None:
    [text] = [block for block in blocks("DRIVERS.md", "toml") if block.startswith("functions = [")]
    path = tmp_path / "lintdb.toml"
    path.write_text('[drivers.mycompany]\nextends = "psycopg2"\n' + text, encoding="utf-8")
    settings = read_config(str(path), all_metas(), must_apply=True)
    assert settings is not None
    functions = catalog.load_models(["mycompany"], None, settings.own_models).functions
    assert functions["mycompany.db.session"][0].acquires == "mycompany.connection"
    assert {f"mycompany.db.{name}" for name in ("connect", "current", "fetch_all", "keep")} < functions.keys()


def test_the_model_file_in_the_documents_is_right(tmp_path: Path) -> None:
    [text] = [block for block in blocks("DRIVERS.md", "toml") if "[driver]" in block]
    path = tmp_path / "exampledb.toml"
    path.write_text(text, encoding="utf-8")
    assert catalog.read_own_file(str(path)).name == "exampledb"
    assert text.startswith(f"#:schema {json.loads(catalog.json_schema())['$id']}\n")


def test_codes_in_the_documents_exist() -> None:
    known = [meta.code for meta in all_metas()]
    for code in re.findall(r"\bLDB\d+\b", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert any(text.startswith(code) for text in known), code


def test_driver_model_in_the_guide_is_valid() -> None:
    [model] = [block for block in blocks("CONTRIBUTING.md", "toml") if "[driver]" in block]
    driver = parse_driver(model, "CONTRIBUTING.md")
    assert set(driver.kinds) == {"exampledb.connection", "exampledb.cursor"}


def test_marks_in_the_guide_are_marks() -> None:
    [example] = [block for block in blocks("CONTRIBUTING.md", "python") if "missed:" in block]
    assert [(mark.code, mark.kind) for mark in harness.parse_marks(example)] == [
        ("LDB121", "expected"),
        ("LDB101", "missed"),
    ]


def test_options_and_keys_are_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for parameter in check_command.params:
        if isinstance(parameter, click.Option):
            for name in (*parameter.opts, *parameter.secondary_opts):
                assert re.search(rf"`{name}[ `]", text), name
    rows = {key for row in re.findall(r"^\| (`[^|]+) \| ", text, re.M) for key in re.findall(r"`([\w-]+)`", row)}
    assert set(KEYS) <= rows


def test_layout_in_the_guide_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    layout = text[text.index("```\nlintdb/\n") + len("```\n") :].partition("```")[0]
    for line in layout.splitlines():
        name = line.split()[0]
        path = ROOT / "lintdb" / name if line.startswith("  ") else ROOT / name
        assert path.exists(), name


def test_layers_in_the_guide_are_those_of_the_test() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text[text.index("**Who may import whom**") :]
    rows = re.findall(r"^\| (`[^|]+) \|", table[: table.index("libcst takes longer")], re.M)
    named = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    tops = {"engine", "insight", "cli", "commands", "flake8_plugin"}
    assert named == (test_architecture.MAY_IMPORT.keys() | tops) - {"source", "gate"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    path = ROOT / name
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith("https://"):
            file, _, anchor = target.partition("#")
            linked = path.parent / file if file else path
            assert linked.is_file(), target
            assert not anchor or anchor in _anchors(linked.read_text(encoding="utf-8")), target


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
