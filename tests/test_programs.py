"""The repaired versions of the sample programs, which `test_fixtures.py` shows to be silent, are still programs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import harness

PROGRAMS = harness.FIXTURES / "programs"
REPAIRED = sorted(path for path in PROGRAMS.iterdir() if path.name.endswith("_fixed"))


def files_of(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.py"))}


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
