"""Positions of the few nodes that are reported, computed while the module's text is generated once.

libcst keeps no positions in its nodes. Its own provider computes those of every node of a file; here only the wanted
nodes are recorded, and only for files that have something to report.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState

from lintdb.finding import Span
from lintdb.syntax.refusal import parsed_by_python
from lintdb.syntax.walk import children, walk


class _RecordingState(CodegenState):
    """A code generator that counts lines and columns and remembers where wanted nodes begin and end."""

    def __init__(self, default_indent: str, default_newline: str, wanted: set[int]) -> None:
        super().__init__(default_indent=default_indent, default_newline=default_newline, provider=None)
        self.wanted = wanted
        self.line = 1
        self.column = 1
        self.spans: dict[int, Span] = {}
        self._open: dict[int, tuple[int, int]] = {}

    def add_token(self, value: str) -> None:
        newlines = value.count("\n")
        if newlines:
            self.line += newlines
            self.column = len(value) - value.rfind("\n")
        elif "\r" in value:
            self.line += value.count("\r")
            self.column = len(value) - value.rfind("\r")
        else:
            self.column += len(value)

    def pop_trailing_newline(self) -> None:
        """Nothing is kept, so nothing is taken back."""

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self.column += len(token)

    def before_codegen(self, node: Any) -> None:
        if id(node) in self.wanted:
            self._open[id(node)] = (self.line, self.column)

    def after_codegen(self, node: Any) -> None:
        key = id(node)
        if key in self._open and key not in self.spans:
            line, column = self._open[key]
            self.spans[key] = Span(line, column, self.line, self.column)

    def record_syntactic_position(self, node: Any, *, start_node: Any = None, end_node: Any = None) -> Any:
        return _Syntactic(self, node, start_node, end_node) if id(node) in self.wanted else _NOTHING


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


_NOTHING = _Nothing()


class _Syntactic:
    """Records the span without the whitespace and parentheses round a node, as libcst's own provider does."""

    def __init__(self, state: _RecordingState, node: Any, start_node: Any, end_node: Any) -> None:
        self.state = state
        self.node = node
        self.added = [id(n) for n in (start_node, end_node) if n is not None and id(n) not in state.wanted]
        self.start_node = start_node
        self.end_node = end_node

    def __enter__(self) -> None:
        self.state.wanted.update(self.added)
        self.start = (self.state.line, self.state.column)

    def __exit__(self, *_: object) -> None:
        state = self.state
        start, end = self.start, (state.line, state.column)
        first = state.spans.get(id(self.start_node)) if self.start_node is not None else None
        last = state.spans.get(id(self.end_node)) if self.end_node is not None else None
        if first is not None:
            start = (first.line, first.column)
        if last is not None:
            end = (last.end_line, last.end_column)
        state.wanted.difference_update(self.added)
        state.spans[id(self.node)] = Span(*start, *end)


def spans_of(module: cst.Module, nodes: Iterable[cst.CSTNode], text: str) -> dict[int, Span]:
    """Return `id(node)` → span for the nodes of the module with source *text*; a node not part of it has no entry.

    Only the top-level statements that hold a wanted node are generated; Python's own parser says where they begin.
    """
    wanted = {id(node) for node in nodes}
    state = _RecordingState(module.default_indent, module.default_newline, wanted)
    starts = _first_lines(module, text)
    if starts is None:
        module._codegen(state)
        return state.spans
    for statement, line in zip(module.body, starts, strict=True):
        if any(id(node) in wanted for node in walk(statement)):
            state.line, state.column = line, 1
            statement._codegen(state)
    return state.spans


def _first_lines(module: cst.Module, text: str) -> list[int] | None:
    """Return the line on which each top-level statement begins, blank lines and comments before it included.

    None where Python does not parse the code, or sees other statements.
    """
    tree = parsed_by_python(text)
    if isinstance(tree, Exception):
        return None
    parsed = tree.body
    lines: list[int] = []
    position = 0
    for statement in module.body:
        if position >= len(parsed):
            return None
        first = parsed[position]
        line = first.lineno
        lead = len(statement.leading_lines)
        if isinstance(statement, (cst.FunctionDef, cst.ClassDef)) and statement.decorators:
            decorators: list[ast.expr] = getattr(first, "decorator_list", [])
            if len(decorators) != len(statement.decorators):
                return None
            line = decorators[0].lineno
            lead += len(statement.decorators[0].leading_lines)
            if statement.decorators[0].whitespace_after_at.value.strip(" \t"):
                return None
        lines.append(line - lead)
        position += len(statement.body) if isinstance(statement, cst.SimpleStatementLine) else 1
    return lines if position == len(parsed) else None


def statements_of(module: cst.Module, nodes: Iterable[cst.CSTNode]) -> dict[int, cst.CSTNode]:
    """Return `id(node)` → the line or the head of the compound statement that holds it.

    For a compound statement that is its header expression's own extent: comments inside the body do not count.
    """
    wanted = {id(node) for node in nodes}
    found: dict[int, cst.CSTNode] = {}
    stack: list[tuple[cst.CSTNode, cst.CSTNode | None]] = [(module, None)]
    while stack and wanted:
        node, line = stack.pop()
        if isinstance(node, cst.SimpleStatementLine):
            line = node
        elif isinstance(node, cst.BaseCompoundStatement):
            line = None
        if id(node) in wanted:
            wanted.discard(id(node))
            if line is not None:
                found[id(node)] = line
        stack.extend((child, line) for child in children(node))
    return found
