"""What the documents promise holds: commands, examples, links."""

from __future__ import annotations

import re

import pytest

from lintdb.drivers.schema import parse_driver
from tests import harness, test_architecture

ROOT = harness.ROOT
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "rules/README.md"]


def blocks(name: str, language: str) -> list[str]:
    """Return the code blocks of a language in a document."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.S)


def test_ci_ends_with_the_test_command_of_the_readme() -> None:
    [command] = [line for block in blocks("README.md", "console") for line in block.splitlines() if "pytest" in line]
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == command


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
    assert named == (test_architecture.MAY_IMPORT.keys() | {"engine", "cli", "flake8_plugin"}) - {"source", "gate"}


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
