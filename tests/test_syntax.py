"""The walk, the import table and the positions, each held against libcst's own slower answers."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from lintdb.syntax.indexer import build_index
from lintdb.syntax.spans import spans_of, statements_of
from lintdb.syntax.walk import walk
from tests.harness import ROOT

SOURCES = sorted([*(ROOT / "fixtures" / "patterns").glob("*.py"), *(ROOT / "lintdb").glob("*.py")])
REPORTED = (cst.Call, cst.Name, cst.Attribute, cst.With, cst.If, cst.SimpleStatementLine, cst.ExceptHandler, cst.Await)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_spans_are_those_of_the_library(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    module = cst.parse_module(text)
    nodes = [node for node in walk(module) if isinstance(node, REPORTED)][::7]
    spans = spans_of(module, nodes, text)
    positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    for node in nodes:
        expected = positions[node]
        span = spans[id(node)]
        assert (span.line, span.column - 1, span.end_line, span.end_column - 1) == (
            expected.start.line,
            expected.start.column,
            expected.end.line,
            expected.end.column,
        ), module.code_for_node(node)


@pytest.mark.parametrize("head", ["", "# a comment\n\n", "\n\n", '"""doc"""\n', "#!/usr/bin/env python\n"])
def test_spans_after_any_head(head: str) -> None:
    text = head + "import os; import sys\n\n\n# why\n@decorated\n@twice(\n    1\n)\ndef f():\n    return call()\n"
    module = cst.parse_module(text)
    calls = [node for node in walk(module) if isinstance(node, cst.Call)]
    spans = spans_of(module, calls, text)
    lines = text.splitlines()
    for node in calls:
        span = spans[id(node)]
        assert lines[span.line - 1][span.column - 1 :].startswith(module.code_for_node(node).splitlines()[0])


def test_walk_reaches_every_node_but_layout() -> None:
    text = (ROOT / "fixtures" / "patterns" / "m_robustness.py").read_text(encoding="utf-8")
    module = cst.parse_module(text)
    reached = {id(node) for node in walk(module)}
    todo: list[cst.CSTNode] = [module]
    missed = set()
    while todo:
        node = todo.pop()
        todo.extend(node.children)
        if (
            isinstance(node, (cst.BaseExpression, cst.BaseStatement, cst.BaseSmallStatement))
            and id(node) not in reached
        ):
            missed.add(type(node).__name__)
    # The names after a dot and before `=` are parts of their node, and annotations have a walk of their own.
    assert missed <= {"Name", "Attribute"}


def test_statement_of_a_node() -> None:
    module = cst.parse_module("x = f(\n    g(),\n)\nwith h() as y:\n    pass\n")
    calls = {module.code_for_node(node.func): node for node in walk(module) if isinstance(node, cst.Call)}
    statements = statements_of(module, calls.values())
    assert isinstance(statements[id(calls["g"])], cst.SimpleStatementLine)
    assert id(calls["h"]) not in statements, "the head of a block has no line of its own"


def resolve(text: str, expression: str, function: str | None = None) -> str | None:
    index = build_index(cst.parse_module(text))
    scope = index.body if function is None else next(f for f in index.all_functions if f.qualname == function)
    return index.dotted(cst.parse_expression(expression), scope)


@pytest.mark.parametrize(
    ("text", "expression", "expected"),
    [
        ("import a.b", "a.b.c", "a.b.c"),
        ("import a.b as x", "x.c", "a.b.c"),
        ("from a import b", "b.c", "a.b.c"),
        ("from a import b as c", "c", "a.b"),
        ("from . import db", "db.connect", ".db.connect"),
        ("from .db import connect", "connect", ".db.connect"),
        ("from ..x import y", "y.z", "..x.y.z"),
        ("try:\n    import a as x\nexcept ImportError:\n    import b as x", "x.c", "a.c"),
        ("", "len", "len"),
        ("def len(): pass", "len", None),
        ("class print: pass", "print", None),
        ("x = 1", "x.y", None),
    ],
)
def test_dotted_names(text: str, expression: str, expected: str | None) -> None:
    assert resolve(text, expression) == expected


def test_a_local_name_hides_an_import() -> None:
    text = "import sqlite3\ndef f(sqlite3):\n    pass\ndef g():\n    sqlite3 = 1\ndef h():\n    pass\n"
    assert resolve(text, "sqlite3.connect", "f") is None
    assert resolve(text, "sqlite3.connect", "g") is None
    assert resolve(text, "sqlite3.connect", "h") == "sqlite3.connect"


def test_an_import_inside_a_function_is_seen_there_and_below() -> None:
    text = "def f():\n    import sqlite3\n    def g():\n        pass\ndef h():\n    pass\n"
    assert resolve(text, "sqlite3.x", "f") == "sqlite3.x"
    assert resolve(text, "sqlite3.x", "f.g") == "sqlite3.x"
    assert resolve(text, "sqlite3.x", "h") is None


def test_classes_know_what_their_methods_assign() -> None:
    text = "class A:\n    x = 1\n    def __init__(self):\n        self.conn = open()\n        self.a, self.b = 1, 2\n"
    owner = build_index(cst.parse_module(text)).classes["A"]
    assert set(owner.assigned) == {"conn", "a", "b"}
    assert set(owner.body_values) == {"x"}


def test_free_names_of_a_closure() -> None:
    index = build_index(
        cst.parse_module("def f(a):\n    b = 1\n    def g(c):\n        return a + b + c\n    return g\n")
    )
    inner = next(function for function in index.all_functions if function.qualname == "f.g")
    assert inner.free_names >= {"a", "b"}
    assert "c" not in inner.free_names
