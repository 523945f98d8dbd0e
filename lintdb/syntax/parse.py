"""The only call of libcst's parser."""

from __future__ import annotations

import libcst as cst

from lintdb.finding import FileProblem
from lintdb.source import SourceFile
from lintdb.syntax.indents import with_blanks
from lintdb.syntax.refusal import explain_fault, find_excess, is_sound, locate_excess


def parse_module(source: SourceFile) -> cst.Module | FileProblem:
    """Return the module's tree, or the problem: a syntax error with its place, or nesting that is too deep."""
    problem = find_excess(source)
    if problem is not None:
        return problem
    try:
        return cst.parse_module(source.text)
    except cst.ParserSyntaxError as error:
        module = _parse_with_blanks(source)
        if module is not None:
            return module
        message = f"cannot parse: {_first_line(error.message)}"
        return explain_fault(source, FileProblem(source.path, message, error.raw_line, error.raw_column + 1))
    except RecursionError:
        return locate_excess(source, "cannot parse: the code is nested too deeply")
    except Exception as error:  # the native parser raises bare Exception subclasses for inputs it cannot take
        return FileProblem(source.path, f"cannot parse: {_first_line(str(error)) or type(error).__name__}")


def _parse_with_blanks(source: SourceFile) -> cst.Module | None:
    """Return the tree of a file whose indentation only libcst refuses; the columns in it are those of blanks."""
    text = with_blanks(source.text) if is_sound(source) else None
    try:
        return cst.parse_module(text) if text is not None else None
    except cst.ParserSyntaxError:
        return None


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
