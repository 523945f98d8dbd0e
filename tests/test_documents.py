"""What the documents promise holds: commands, examples, links."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lintdb.cli import main
from lintdb.config import read_config
from lintdb.drivers import catalog
from lintdb.drivers.reader import parse_driver
from lintdb.engine import EngineOptions, check_source
from lintdb.reporters.text import render_full
from lintdb.rules.registry import all_metas
from lintdb.source import SourceFile
from tests import harness, test_architecture

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


def test_own_factories_are_shown_alike() -> None:
    assert OWN_FACTORY in blocks("DRIVERS.md", "toml")


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
