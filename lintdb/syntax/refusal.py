"""What Python itself says against a file, asked before libcst is.

Two things are better known here. Python's messages name the fault and often the cure (`Missing parentheses in call to
'print'`), where libcst's name tokens of its grammar, some lines on. And Python refuses code that is nested beyond
reason, for which libcst's parser needs time that grows with the square of the depth, and which at last overflows its
stack and kills the process.
"""

from __future__ import annotations

import ast
import functools
import warnings

from lintdb.finding import FileProblem
from lintdb.source import SourceFile

# libcst's parser fails somewhere beyond three thousand levels, and needs seconds long before.
_MOST_LEVELS = 2_000
# Shorter statements cannot reach that depth: a level takes at least two characters.
_SHORT_LINES, _SHORT_COLUMNS = 40, 4_000
_TOO_DEEP = ("too many nested parentheses", "too many levels of indentation", "too many statically nested blocks")


def find_excess(source: SourceFile) -> FileProblem | None:
    """Return the problem of a file that libcst must not be given, or None; says nothing about ordinary faults."""
    refusal = _parse(source)
    if isinstance(refusal, SyntaxError) and (refusal.msg or "").startswith(_TOO_DEEP):
        return _problem(source, refusal)
    if isinstance(refusal, RecursionError | MemoryError) or _is_too_deep(refusal):
        return FileProblem(source.path, "cannot parse: the code is nested too deeply")
    return None


def is_sound(source: SourceFile) -> bool:
    """Whether Python parses the file."""
    return isinstance(_parse(source), ast.Module)


def explain_fault(source: SourceFile, fallback: FileProblem) -> FileProblem:
    """Return Python's account of a fault that libcst has found, or *fallback* where Python finds none.

    That is so for files that only an older or a newer Python takes.
    """
    refusal = _parse(source)
    return _problem(source, refusal) if isinstance(refusal, SyntaxError) else fallback


def _parse(source: SourceFile) -> ast.Module | Exception:
    return parsed_by_python(source.text)


@functools.lru_cache(maxsize=1)
def parsed_by_python(text: str) -> ast.Module | Exception:
    """Return the tree, or why there is none; the last one is kept. Nothing is compiled, let alone run."""
    try:
        with warnings.catch_warnings():
            # Escapes such as "\d" are worth a warning to others, not here.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        return error


def _is_too_deep(tree: ast.Module | Exception) -> bool:
    """Whether libcst would see more levels than it can take: not all that Pythons accept, and no two accept the same.

    Only statements long enough to be that deep are looked into; chains of `elif` count as levels.
    """
    if not isinstance(tree, ast.Module):
        return False
    pending: list[tuple[ast.stmt, int]] = [(statement, 1) for statement in tree.body]
    while pending:
        statement, level = pending.pop()
        if level > _MOST_LEVELS:
            return True
        blocks = [child for field in ("body", "orelse", "finalbody") for child in getattr(statement, field, ())]
        blocks += [
            child for group in ("handlers", "cases") for part in getattr(statement, group, ()) for child in part.body
        ]
        pending += [(child, level + 1) for child in blocks]
        heads = [getattr(statement, name, None) for name in ("test", "iter", "subject")] if blocks else [statement]
        if any(head is not None and _is_long(head) and _depth(head) > _MOST_LEVELS for head in heads):
            return True
    return False


def _is_long(node: ast.stmt | ast.expr) -> bool:
    lines = (node.end_lineno or node.lineno) - node.lineno
    return lines > _SHORT_LINES or (node.end_col_offset or 0) > _SHORT_COLUMNS


def _depth(root: ast.AST) -> int:
    """Return the levels that libcst makes of *root*; a chain of `and` is one node to Python, many to libcst."""
    deepest = 0
    pending: list[tuple[ast.AST, int]] = [(root, 1)]
    while pending and deepest <= _MOST_LEVELS:
        node, level = pending.pop()
        level += len(node.values) - 1 if isinstance(node, ast.BoolOp) else 0
        deepest = max(deepest, level)
        pending += [(child, level + 1) for child in ast.iter_child_nodes(node)]
    return deepest


def _problem(source: SourceFile, error: SyntaxError) -> FileProblem:
    return FileProblem(source.path, f"cannot parse: {error.msg}", error.lineno or 0, error.offset or 0)
