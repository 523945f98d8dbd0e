"""What Python itself says against a file, asked before libcst is.

Two things are better known here. Python's messages name the fault and often the cure (`Missing parentheses in call to
'print'`), where libcst's name tokens of its grammar, some lines on. And Python refuses code that is nested beyond
reason, for which libcst's parser needs time that grows with the square of the depth, and which at last overflows its
stack and kills the process.
"""

from __future__ import annotations

import ast
import functools
import re
import tokenize
import warnings
from collections.abc import Iterator, Sequence

from lintdb.finding import FileProblem
from lintdb.source import SourceFile

# libcst's parser fails somewhere beyond three thousand levels, and needs seconds long before.
_MOST_LEVELS = 2_000
# Shorter statements cannot reach that depth: a level takes at least two characters.
_SHORT = 4_000
# What newer Pythons say of the syntax of Python 2, and what they have no words for.
_PYTHON_2 = (
    "Missing parentheses in call to 'print'",
    "Missing parentheses in call to 'exec'",
    "multiple exception types",
)
_PYTHON_2_LINE = re.compile(
    r"<>|^\s*(?:print\s+[^\s(=.]|exec\s+[\w'\"]|raise\s+[\w.]+\s*,|except\s+[^:()]+,\s*\w+\s*:)"
)
# Nobody writes that by hand.
_DEEP = 100
_CURE = "split it into smaller statements or functions, or write a long chain as a table or a loop"
_MIXED = "inconsistent use of tabs and spaces"
_BAD_LITERALS = {
    "(unicode error)": ": write the backslash twice, or an `r` before the quotes",
    "(value error)": ": write the backslash twice, or an `r` before the quotes",
    "bytes can only contain ASCII": ": write text, and encode it",
}
"""What Python says against literals that libcst takes without looking into them, and the cure."""
_TOO_DEEP = ("too many nested parentheses", "too many levels of indentation", "too many statically nested blocks")


def find_excess(source: SourceFile) -> FileProblem | None:
    """Return the problem of a file that libcst must not be given, or takes as it is; None for ordinary faults."""
    refusal = _parse(source)
    if isinstance(refusal, SyntaxError) and (refusal.msg or "").startswith((*_TOO_DEEP, *_BAD_LITERALS)):
        return _problem(source, refusal)
    if isinstance(refusal, RecursionError | MemoryError) or _is_too_deep(refusal, source.lines):
        return locate_excess(source, "cannot parse: the code is nested too deeply")
    return None


def describe_overflow(source: SourceFile) -> FileProblem | None:
    """Return the problem of a file that is parsed, and for which lintdb has not enough stack.

    None where the file nests no deeper than others do: then lintdb recurses without end, and that is a bug.
    """
    tree = _parse(source)
    if isinstance(tree, ast.Module) and _deepest_statement(tree)[0] < _DEEP:
        return None
    return locate_excess(source, "the code is nested too deeply to be followed")


def locate_excess(source: SourceFile, message: str) -> FileProblem:
    """Return the problem of a file that is nested too deeply: where the guilty statement begins, and the cure."""
    tree = _parse(source)
    _, line, name = _deepest_statement(tree) if isinstance(tree, ast.Module) else (0, _longest_statement(source), "")
    where = f" in `{name}()`" if name else ""
    return FileProblem(source.path, f"{message}{where}: {_CURE}", line, 1 if line else 0)


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


def _is_too_deep(tree: ast.Module | Exception, lines: Sequence[str]) -> bool:
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
        if any(head is not None and _is_long(head, lines) and _depth(head) > _MOST_LEVELS for head in heads):
            return True
    return False


def _is_long(node: ast.stmt | ast.expr, lines: Sequence[str]) -> bool:
    end = node.end_lineno or node.lineno
    if end == node.lineno:
        return (node.end_col_offset or 0) > _SHORT
    return end - node.lineno > _SHORT or sum(map(len, lines[node.lineno - 1 : end])) > _SHORT


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


def _deepest_statement(tree: ast.Module) -> tuple[int, int, str]:
    """Return how deep a file nests, and where: the line of the statement of a function's first level, and its name."""
    deepest, line, name = 0, 0, ""
    pending: list[tuple[ast.AST, int, int, str]] = [(tree, 0, 0, "")]
    while pending:
        node, level, begin, function = pending.pop()
        level += len(node.values) - 1 if isinstance(node, ast.BoolOp) else 0
        if level > deepest:
            deepest, line, name = level, begin, function
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        is_scope = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            first = child.lineno if is_scope and isinstance(child, ast.stmt) else begin
            pending.append((child, level + 1, first, function))
    return deepest, line, name


def _longest_statement(source: SourceFile) -> int:
    """Return the line of the statement with the most words, in a file that Python cannot parse.

    The branches of an `if` count for the `if`.
    """
    words: dict[int, int] = {}
    begun: dict[int, int] = {}
    try:
        for first, count in _iter_logical_lines(source):
            column = first.start[1]
            if first.string != "elif" or column not in begun:
                begun[column] = first.start[0]
            words[begun[column]] = words.get(begun[column], 0) + count
    except (tokenize.TokenError, SyntaxError):
        # What was read so far is what there is to go by.
        pass
    return max(words, key=lambda line: words[line], default=0)


def _iter_logical_lines(source: SourceFile) -> Iterator[tuple[tokenize.TokenInfo, int]]:
    """Yield the first word of each line, continuations put together, with the number of its words."""
    reader = iter(source.lines)
    empty = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT}
    first: tokenize.TokenInfo | None = None
    count = 0
    for token in tokenize.generate_tokens(lambda: next(reader) + "\n"):
        if token.type == tokenize.NEWLINE and first is not None:
            yield first, count
            first, count = None, 0
        elif token.type not in empty:
            first = first or token
            count += 1


def _problem(source: SourceFile, error: SyntaxError) -> FileProblem:
    line, column = error.lineno or 0, error.offset or 0
    text = source.lines[line - 1] if 0 < line <= len(source.lines) else ""
    cure = ""
    if (error.msg or "").startswith(_PYTHON_2) or _PYTHON_2_LINE.search(text) or text[column - 1 : column] == "`":
        cure = " (this looks like Python 2: convert the file, or leave it out with `extend-exclude`)"
    elif (error.msg or "").startswith(_TOO_DEEP):
        cure = f": {_CURE}"
    elif (error.msg or "").startswith((*_BAD_LITERALS,)):
        cure = next(cure for begin, cure in _BAD_LITERALS.items() if (error.msg or "").startswith(begin))
    elif (error.msg or "").startswith(_MIXED):
        cure = ": indent the lines of a block all alike, best with spaces"
    elif error.msg == "invalid syntax":
        cure = " (correct it; a template, or code for another Python, can be left out with `extend-exclude`)"
    return FileProblem(source.path, f"cannot parse: {error.msg}{cure}", line, column)
