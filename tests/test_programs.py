"""The repaired versions of the sample programs: lintdb has nothing to say about them, whatever is selected."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lintdb.finding import Confidence
from lintdb.rules.registry import all_metas
from tests import harness

PROGRAMS = harness.FIXTURES / "programs"
REPAIRED = sorted(path for path in PROGRAMS.iterdir() if path.name.endswith("_fixed"))
ALL = frozenset(meta.code for meta in all_metas())


def files_of(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.py"))}


@pytest.mark.parametrize("folder", REPAIRED, ids=lambda folder: folder.name)
def test_repaired_program_is_silent(folder: Path) -> None:
    for path in files_of(folder).values():
        text = path.read_text(encoding="utf-8")
        shown = str(path.relative_to(harness.FIXTURES))
        result = harness.run(shown, text, ALL, harness.parse_directive(text), Confidence.MEDIUM)
        assert result.problem is None
        found = [f"{finding.span.line}: {finding.code} {finding.message}" for finding in result.findings]
        assert not found, f"{shown}:\n  " + "\n  ".join(found)
        assert "lintdb:" not in text.replace("lintdb-fixture:", ""), "it is not silent because it was told to be"
        assert "noqa" not in text


@pytest.mark.parametrize("folder", REPAIRED, ids=lambda folder: folder.name)
def test_repaired_program_is_the_same_program(folder: Path) -> None:
    """Its files are those of the defective one, and most of what these define is still there."""
    defective = files_of(PROGRAMS / folder.name.removesuffix("_fixed"))
    repaired = files_of(folder)
    assert defective.keys() == repaired.keys()
    marks = [mark for path in defective.values() for mark in harness.parse_marks(path.read_text(encoding="utf-8"))]
    assert len([mark for mark in marks if mark.kind == harness.EXPECTED]) >= 5
    for name, path in defective.items():
        before, after = _definitions(path), _definitions(repaired[name])
        assert len(before & after) >= 0.8 * len(before), name


def test_there_are_enough() -> None:
    assert len(REPAIRED) >= 11


def _definitions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    wanted = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {node.name for node in ast.walk(tree) if isinstance(node, wanted)}
