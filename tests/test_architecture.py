"""Who may import whom, read from the imports, and what must stay out of where.

The table is CONTRIBUTING.md's. Imports under `if TYPE_CHECKING:` count for the layers (a type is a dependency), but
not for start-up time.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.harness import ROOT

PACKAGE = ROOT / "lintdb"

# The part of lintdb (first name below the package) → parts that it may import; libcst is one of them.
MAY_IMPORT: dict[str, set[str]] = {
    "finding": set(),
    "effects": set(),
    "toml": set(),
    "source": {"finding"},
    "room": set(),
    "repository": set(),
    "gate": {"drivers", "rules.base", "rules.registry"},
    "project": {"libcst", "finding", "source", "gate", "syntax", "flow", "drivers"},
    "selection": {"rules.base"},
    "suppress": {"finding", "source", "selection", "rules.base", "rules.registry"},
    "settings": {"finding", "selection", "drivers", "rules.base"},
    "config": {"finding", "selection", "settings", "drivers", "toml", "rules.base", "rules.registry"},
    "syntax": {"libcst", "source", "finding"},
    "flow": {"libcst", "syntax", "effects", "finding"},
    "drivers": {"effects", "toml"},
    "rules": {"libcst", "syntax", "flow", "effects", "finding"},
    "openings": {"libcst", "syntax", "flow", "drivers", "rules", "source", "effects", "finding"},
    "reporters": {"finding", "rules.base", "rules.registry"},
    "rulebook": {"finding", "rules.base", "rules.registry"},
    "pin_files": {"finding", "drivers", "toml"},
}
# These see everything below them; nobody below may see them.
TOP = {"cli", "commands", "flake8_plugin", "server", "__main__"}
NEVER: dict[str, set[str]] = {
    "engine": {*TOP, "reporters", "insight"}, "insight": {*TOP, "reporters", "files"}, "files": {*TOP, "insight"},
}  # fmt: skip

# Inside `drivers` each module imports only those before it.
DRIVERS_IN_ORDER = [
    "shapes",
    "call_grammar",
    "grammar",
    "model",
    "reader",
    "own",
    "describe",
    "catalog",
    "pins",
    "query_text",
    "answers",
    "told",
]

# The flow engine speaks of resources and of the events that `effects` names (begin, commit, …); which library has them,
# and what a resource is called there, is data.
DATABASE_WORDS = re.compile(
    r"database|cursor|psycopg|sqlite|mysql|maria|postgres|redis|mongo|sqlalchemy|asyncpg|oracle", re.I
)

# Without a database in any file these are all that runs, and libcst takes longer to import than they to run. Rules are
# among them, for their metadata.
LIGHT = [
    "cli", "config", "effects", "files", "finding", "flake8_plugin", "gate", "repository", "room", "selection",
    "settings", "source", "suppress", "toml",
]  # fmt: skip
LIGHT_FOLDERS = ["commands", "drivers", "rules"]


class Import(NamedTuple):
    """One imported module or name, as a dotted name, with where it stands."""

    target: str
    line: int
    at_module_level: bool
    for_types_only: bool


def iter_imports(path: Path) -> Iterator[Import]:
    """Yield every import of a module; those of a parent (`from . import x`) are made absolute."""
    package = path.relative_to(ROOT).with_suffix("").parts
    base = package[:-1]

    def walk(nodes: list[ast.stmt], at_module_level: bool, for_types_only: bool) -> Iterator[Import]:
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(alias.name, node.lineno, at_module_level, for_types_only)
            elif isinstance(node, ast.ImportFrom):
                parent = ".".join(base[: len(base) - node.level + 1]) if node.level else ""
                module = ".".join(part for part in (parent, node.module) if part)
                for alias in node.names:
                    yield Import(f"{module}.{alias.name}", node.lineno, at_module_level, for_types_only)
            elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
                yield from walk(node.body, at_module_level, True)
                yield from walk(node.orelse, at_module_level, for_types_only)
            else:
                is_scope = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                yield from walk(_inner(node), at_module_level and not is_scope, for_types_only)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")).body, True, False)


def _inner(node: ast.stmt) -> list[ast.stmt]:
    """Return the statements directly inside a statement: bodies, handlers, cases."""
    found: list[ast.stmt] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            found.append(child)
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            found += child.body
    return found


def part_of(dotted: str) -> str | None:
    """Return the part of lintdb that a dotted name lies in, `libcst` for libcst, None for all else."""
    names = dotted.split(".")
    if names[0] == "libcst":
        return "libcst"
    if names[0] != "lintdb" or len(names) < 2 or names[1] == "__version__":
        return None
    if names[1] == "rules" and len(names) > 2 and names[2] in {"base", "registry"}:
        return ".".join(names[1:3])
    return names[1]


def part_of_file(path: Path) -> str:
    """Return the part that a file of the package is."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def is_allowed(importer: str, imported: str) -> bool:
    """Whether the table lets one part import another; `rules` allows `rules.base`, not the other way round."""
    if imported.split(".", maxsplit=1)[0] == importer:
        return True
    if imported.split(".", maxsplit=1)[0] in TOP:
        return importer in TOP
    if importer in MAY_IMPORT:
        allowed = MAY_IMPORT[importer]
        return imported in allowed or imported.split(".", maxsplit=1)[0] in allowed
    return imported not in NEVER.get(importer, set())


FILES = sorted(path for path in PACKAGE.rglob("*.py") if "_rulebook" not in path.parts)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_imports_follow_the_table(path: Path) -> None:
    importer = part_of_file(path)
    wrong = [
        f"{_name(path)}:{each.line}: {importer} may not import {imported} ({each.target})"
        for each in iter_imports(path)
        if (imported := part_of(each.target)) is not None and not is_allowed(importer, imported)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", sorted((PACKAGE / "flow").rglob("*.py")), ids=_name)
def test_flow_is_free_of_database_words(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    wrong = [
        f"{_name(path)}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if DATABASE_WORDS.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_modules_of_drivers_import_downwards() -> None:
    modules = {path.stem: path for path in (PACKAGE / "drivers").glob("*.py") if path.stem != "__init__"}
    assert set(modules) == set(DRIVERS_IN_ORDER)
    wrong = [
        f"{_name(path)}:{each.line}: {stem} may not import {each.target}"
        for stem, path in modules.items()
        for each in iter_imports(path)
        if each.target.startswith("lintdb.drivers.")
        and each.target.split(".")[2] not in DRIVERS_IN_ORDER[: DRIVERS_IN_ORDER.index(stem)]
    ]
    assert not wrong, "\n".join(wrong)


def light_files() -> list[Path]:
    """Return the files that exist of those which must not import libcst when they are imported."""
    named = [PACKAGE / f"{name}.py" for name in LIGHT]
    folders = [path for folder in LIGHT_FOLDERS for path in (PACKAGE / folder).rglob("*.py")]
    return sorted(path for path in {*named, *folders} if path.exists())


@pytest.mark.parametrize("path", light_files(), ids=_name)
def test_libcst_is_not_imported_for_nothing(path: Path) -> None:
    wrong = [
        f"{_name(path)}:{each.line}: imports {each.target} at module level"
        for each in iter_imports(path)
        if part_of(each.target) in {"libcst", "syntax", "flow"} and each.at_module_level and not each.for_types_only
    ]
    assert not wrong, "\n".join(wrong)


class TestReadingImports:
    """The reader itself, on invented modules."""

    def read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> list[tuple[str, bool, bool]]:
        path = tmp_path / "lintdb" / "flow" / "cfg.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        monkeypatch.setitem(globals(), "ROOT", tmp_path)
        return [(each.target, each.at_module_level, each.for_types_only) for each in iter_imports(path)]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("import libcst as cst", ("libcst", True, False)),
            ("from lintdb.rules import base", ("lintdb.rules.base", True, False)),
            ("from . import builder", ("lintdb.flow.builder", True, False)),
            ("from ..rules.base import Rule", ("lintdb.rules.base.Rule", True, False)),
            ("def f():\n    import libcst", ("libcst", False, False)),
            ("class C:\n    import libcst", ("libcst", True, False)),
            ("if TYPE_CHECKING:\n    import libcst", ("libcst", True, True)),
            ("if TYPE_CHECKING:\n    pass\nelse:\n    import libcst", ("libcst", True, False)),
            ("try:\n    pass\nexcept ImportError:\n    import libcst", ("libcst", True, False)),
        ],
    )
    def test_import(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: tuple[str, bool, bool]
    ) -> None:
        assert self.read(tmp_path, monkeypatch, text) == [expected]

    @pytest.mark.parametrize(
        ("importer", "imported", "allowed"),
        [
            ("flow", "effects", True),
            ("flow", "drivers", False),
            ("flow", "rules.base", False),
            ("rules", "drivers", False),
            ("rules", "flow", True),
            ("reporters", "rules.base", True),
            ("reporters", "rules", False),
            ("reporters", "engine", False),
            ("engine", "cli", False),
            ("engine", "drivers", True),
            ("drivers", "libcst", False),
            ("cli", "engine", True),
            ("files", "engine", True),
            ("files", "cli", False),
        ],
    )
    def test_table(self, importer: str, imported: str, allowed: bool) -> None:
        assert is_allowed(importer, imported) is allowed
