"""The functions of fixtures and rule pages that use sqlite3: which can be judged by running them, and which not.

    python -m tests.truth.subjects

prints how many, and why not.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lintdb import rulebook
from tests import harness
from tests.truth.execute import Program, Truth

JUDGED = frozenset({"LDB101", "LDB111", "LDB121", "LDB102", "LDB122", "LDB112", "LDB201", "LDB202", "LDB205"})
"""The rules whose marks are proven."""

OTHER_LIBRARY = "another library takes part"
OTHER_RULES = "only rules of other subjects run there"

_TEST_CASE = "the methods of a test case that take clean-up over are not run"
_SUPPRESSED = "reported if it were not for the comment, which is the point"
EXCLUDED = {
    "patterns/c_with_blocks.py:P097Test.p097_enter_context_ok": _TEST_CASE,
    "patterns/c_with_blocks.py:P097Test.p097_enter_context_keeps_open_bad": _TEST_CASE,
    "patterns/c_with_blocks.py:P097Test.p097_enter_class_context_ok": _TEST_CASE,
    "patterns/c_with_blocks.py:P097Test.p098_add_cleanup_ok": _TEST_CASE,
    "patterns/c_with_blocks.py:P097Test.p098_add_cleanup_of_something_else_bad": _TEST_CASE,
    "patterns/c_with_blocks.py:P097Test.p098_add_cleanup_too_late_bad": _TEST_CASE,
    "patterns/c_with_blocks.py:P097Test.p098_add_class_cleanup_ok": _TEST_CASE,
    "patterns/c_with_blocks.py:p106_connection_without_finally_bad": "a dependency only by its use in another function",
    "patterns/c_neighbours.py:p112_async_with_on_a_plain_connection_bad": "such a block cannot be entered",
    "patterns/k_frameworks.py:init_connection_ok": "what stands outside of the function says that it is run to its end",
}
"""Functions that cannot be run here in a way that proves their marks, and why."""


@dataclass(frozen=True)
class Source:
    """A program with marks: a file of `fixtures/`, or an example of a rule page."""

    label: str
    text: str
    default_codes: frozenset[str]

    @property
    def codes(self) -> frozenset[str]:
        """The rules that run on it and whose marks can be proven."""
        select = harness.parse_directive(self.text).select
        return (harness.codes_for(select) if select else self.default_codes) & JUDGED


@dataclass(frozen=True)
class Subject:
    """One function; `reason` says why it cannot be judged, and is empty if it can."""

    source: Source
    name: str
    reason: str

    @property
    def key(self) -> str:
        """What it is called in tests."""
        return f"{self.source.label}:{self.name}"


@functools.cache
def checked(source: Source) -> harness.Checked:
    """Return what lintdb finds in a source, and its marks."""
    return harness.check(source.label, source.text, source.default_codes)


@functools.cache
def truth_of(source: Source, name: str) -> Truth:
    """Return what a function does when it is run."""
    return program_of(source).truth(name)


@functools.cache
def program_of(source: Source) -> Program:
    """Return a source as a program that can be run."""
    return Program(source.text)


def iter_sources() -> Iterator[Source]:
    """Yield all that has marks and names sqlite3."""
    for folder in ("patterns", "rules", "programs"):
        for path in harness.iter_fixtures(folder):
            codes = frozenset({path.stem}) if folder == "rules" else harness.default_codes()
            yield Source(str(path.relative_to(harness.FIXTURES)), path.read_text(encoding="utf-8"), codes)
    for path in sorted((harness.ROOT / "rules").glob("LDB*.md")):
        for number, example in enumerate(rulebook.examples(path.read_text(encoding="utf-8")), 1):
            yield Source(f"{path.name}#{number}", example.code, frozenset({path.stem}))


@functools.cache
def all_subjects() -> tuple[Subject, ...]:
    """Return the functions of all sources that use sqlite3, themselves or by what they call."""
    return tuple(subject for source in iter_sources() if "sqlite3" in source.text for subject in _subjects_of(source))


def _subjects_of(source: Source) -> Iterator[Subject]:
    try:
        tree = ast.parse(source.text)
    except SyntaxError:
        return  # a fixture about files that are no Python
    strangers, of_sqlite3 = _imported(tree, of_python=False), _imported(tree, of_python=True)
    definitions: dict[str, ast.AST] = {node.name: node for node in tree.body if isinstance(node, _DEFINITIONS)}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _used_by([node], {}) & strangers:
            strangers.add(node.targets[0].id)
    is_marked = harness.parse_marks(source.text) or "#" in source.label
    for name, node, bases in _functions(tree):
        if harness.verdict_of(name) is None and source.label.startswith(("patterns", "rules")):
            continue  # a helper of those that are judged
        used = _used_by([node, *bases], definitions)
        if not used & of_sqlite3 or not is_marked:
            continue
        reason = EXCLUDED.get(f"{source.label}:{name}", "")
        if used & strangers:
            reason = OTHER_LIBRARY
        elif not source.codes:
            reason = OTHER_RULES
        elif _SUPPRESSION.search(ast.get_source_segment(source.text, node) or ""):
            reason = _SUPPRESSED
        yield Subject(source, name, reason)


_SUPPRESSION = re.compile(r"#\s*(noqa(?!: (?!LDB))|lintdb: ignore)")
_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.stmt, list[ast.expr]]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node, []
        elif isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{each.name}", each, node.bases


def _used_by(roots: list[ast.AST], definitions: dict[str, ast.AST]) -> set[str]:
    """Return the names that some code uses, itself or by what it calls of the same file."""
    used: set[str] = set()
    todo = list(roots)
    seen: set[int] = set()
    while todo:
        part = todo.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        names = {each.id for each in ast.walk(part) if isinstance(each, ast.Name)}
        used |= names
        todo += [definitions[name] for name in names if name in definitions]
    return used


def _imported(tree: ast.Module, *, of_python: bool) -> set[str]:
    """Return the names that a file imports from sqlite3 (*of_python*), or from libraries that are not Python's own."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            bound = [(alias.name, alias.asname or alias.name.partition(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            bound = [(node.module or "", alias.asname or alias.name) for alias in node.names]
        else:
            continue
        for module, name in bound:
            top = module.partition(".")[0]
            if top == "sqlite3" if of_python else top not in sys.stdlib_module_names:
                found.add(name)
    return found


def survey() -> str:
    """Return how many functions can be judged, and why the others cannot."""
    subjects = all_subjects()
    reasons = Counter(each.reason for each in subjects if each.reason)
    judged = len(subjects) - sum(reasons.values())
    lines = [
        f"{len(subjects)} functions use sqlite3; {judged} are judged by running them, {len(subjects) - judged} not:"
    ]
    lines += [f"{count:5} {reason}" for reason, count in reasons.most_common()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(survey())
