"""The scripts for developers: starting a rule, and the documents that are made from data."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lintdb import rulebook
from lintdb.drivers.reader import parse_driver
from lintdb.finding import Severity
from lintdb.rules.base import RuleMeta
from scripts import generate, new_rule
from tests import harness
from tests.test_metadata import HEADINGS


def meta(code: str, name: str, summary: str = "is wrong", *, default: bool = True) -> RuleMeta:
    return RuleMeta(code, name, summary, Severity.WARNING, "mend it", "0.1", default)


class TestNewRule:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        (tmp_path / "lintdb").mkdir()
        (tmp_path / "lintdb" / "__init__.py").write_text('__version__ = "0.3.1"\n')
        return tmp_path

    def test_writes_three_files(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert new_rule.main(["LDB298", "commit-on-the-wrong-day"], root) == 0
        module = root / "lintdb" / "rules" / "ldb298_commit_on_the_wrong_day.py"
        page = root / "rules" / "LDB298.md"
        fixture = root / "fixtures" / "rules" / "LDB298.py"
        tree = ast.parse(module.read_text())
        assert [node.name for node in tree.body if isinstance(node, ast.ClassDef)] == ["CommitOnTheWrongDay"]
        assert 'since="0.3"' in module.read_text()
        assert page.read_text().startswith("# LDB298: commit-on-the-wrong-day\n")
        assert {part.name for part in harness.find_subjects(fixture.read_text())} >= {
            "describe_the_defect_bad",
            "describe_what_is_fine_ok",
        }
        assert [mark.code for mark in harness.parse_marks(fixture.read_text())] == ["LDB298"]
        assert capsys.readouterr().out.count("wrote ") == 3

    def test_page_has_the_headings_that_pages_need(self, root: Path) -> None:
        new_rule.main(["LDB298", "commit-on-the-wrong-day"], root)
        page = (root / "rules" / "LDB298.md").read_text()
        assert list(rulebook.sections(page)) == HEADINGS
        assert {example.section for example in rulebook.examples(page)} == {"Bad", "Good"}

    @pytest.mark.parametrize(
        "existing",
        [
            "lintdb/rules/ldb298_something_else.py",
            "lintdb/rules/ldb211_commit_on_the_wrong_day.py",
            "rules/LDB298.md",
            "fixtures/rules/LDB298.py",
        ],
    )
    def test_refuses_to_overwrite(self, root: Path, existing: str, capsys: pytest.CaptureFixture[str]) -> None:
        (root / existing).parent.mkdir(parents=True)
        (root / existing).write_text("mine")
        before = sorted(root.rglob("*"))
        assert new_rule.main(["LDB298", "commit-on-the-wrong-day"], root) == 2
        assert existing in capsys.readouterr().err
        assert sorted(root.rglob("*")) == before
        assert (root / existing).read_text() == "mine"

    @pytest.mark.parametrize(
        ("code", "name", "why"),
        [
            ("LDB1", "some-name", "is not a code"),
            ("ldb298", "some-name", "is not a code"),
            ("LDB2981", "some-name", "is not a code"),
            ("LDB298", "Some-Name", "is not a name"),
            ("LDB298", "../some-name", "is not a name"),
            ("LDB298", "no-commit", "names a cure"),
        ],
    )
    def test_refuses_what_is_no_rule(
        self, root: Path, code: str, name: str, why: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert new_rule.main([code, name], root) == 2
        assert why in capsys.readouterr().err
        assert not (root / "rules").exists()

    def test_project_has_a_version(self) -> None:
        assert new_rule.next_version(harness.ROOT)


class TestGenerate:
    def test_rule_table(self) -> None:
        table = generate.render_rule_table([meta("LDB202", "b"), meta("LDB101", "a", "x | y", default=False)], "rules/")
        assert table.splitlines()[2:] == [
            "| [LDB101](rules/LDB101.md) | a | warning | all | x \\| y |",
            "| [LDB202](rules/LDB202.md) | b | warning | default | is wrong |",
        ]

    def test_preset_table(self) -> None:
        table = generate.render_preset_table(
            [meta("LDB202", "b"), meta("LDB101", "a"), meta("LDB301", "c", default=False)]
        )
        assert [line.split(" | ")[:2] for line in table.splitlines()[2:]] == [
            ["| `core`", "0"],
            ["| `default`", "2"],
            ["| `all`", "3"],
        ]

    def test_rule_index_is_grouped(self) -> None:
        index = generate.render_rule_index([meta("LDB202", "b"), meta("LDB101", "a")])
        assert index.index("## Lifetimes") < index.index("LDB101.md") < index.index("## Transactions")
        assert "## Pools" not in index

    def test_library_table(self) -> None:
        model = '[driver]\nname = "dbx"\ntitle = "DB-X"\nnewest = "2.0"\n[kinds.c]\nfamily = "connection"\n'
        table = generate.render_library_table([(parse_driver(model, "dbx.toml"), ["connection"])])
        assert table.splitlines()[2:] == ["| DB-X | 2.0 | `dbx` | connections |"]

    def test_markers(self) -> None:
        text = "a\n<!-- begin rules (generated) -->\nold\n<!-- end rules -->\nb\n"
        new = generate.replace_between_markers(text, "rules", "n\\1w")
        assert new == "a\n<!-- begin rules (generated) -->\nn\\1w\n<!-- end rules -->\nb\n"
        assert generate.replace_between_markers(new, "rules", "n\\1w") == new

    @pytest.mark.parametrize("text", ["", "<!-- begin rules -->\n", "<!-- begin rules -->\n<!-- end rules -->\n" * 2])
    def test_markers_are_needed_once(self, text: str) -> None:
        with pytest.raises(generate.GenerateError, match="exactly once"):
            generate.replace_between_markers(text, "rules", "")

    def test_check_writes_nothing(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        readme = tmp_path / "README.md"
        names = ("rules", "presets", "options", "libraries")
        markers = "".join(f"<!-- begin {name} -->\n<!-- end {name} -->\n" for name in names)
        readme.write_text(markers)
        (tmp_path / "DRIVERS.md").write_text("<!-- begin schema -->\n<!-- end schema -->\n")
        (tmp_path / "rules").mkdir()
        (tmp_path / "lintdb" / "drivers").mkdir(parents=True)
        assert generate.main(["--check"], tmp_path) == 1
        assert readme.read_text() == markers
        assert "README.md is out of date" in capsys.readouterr().err
        assert generate.main([], tmp_path) == 0
        assert readme.read_text() != markers
        assert generate.main(["--check"], tmp_path) == 0

    def test_missing_markers(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "README.md").write_text("nothing")
        assert generate.main(["--check"], tmp_path) == 2
        assert "README.md needs" in capsys.readouterr().err

    def test_documents_are_up_to_date(self) -> None:
        assert not [path.name for path in generate.outdated(harness.ROOT)], "run `python scripts/generate.py`"
