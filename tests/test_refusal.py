"""Python's own word on files: clear messages, and no depth that would kill the parser."""

from __future__ import annotations

import pytest

from lintdb.finding import FileProblem
from lintdb.source import SourceFile
from lintdb.syntax.refusal import explain_fault, find_excess

FALLBACK = FileProblem("x.py", "cannot parse: parser error", 9, 9)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1\nprint 'hello'\n", 2, "cannot parse: Missing parentheses in call to 'print'. Did you mean print(...)?"),
        ("x = 1\ndef f(:\n    pass\n", 2, "cannot parse: invalid syntax"),
        ("x = (\n\n", 1, "cannot parse: '(' was never closed"),
        ("if x:\n\ty = 1\n        z = 2\n", 3, "cannot parse: inconsistent use of tabs and spaces in indentation"),
        ("if x:\ny = 1\n", 2, "cannot parse: expected an indented block after 'if' statement on line 1"),
    ],
)
def test_fault_is_explained_in_the_words_of_python(text: str, line: int, message: str) -> None:
    source = SourceFile("x.py", text)
    problem = explain_fault(source, FALLBACK)
    assert (problem.path, problem.line, problem.message) == ("x.py", line, message)
    assert find_excess(source) is None


def test_where_python_finds_no_fault_the_account_stays() -> None:
    assert explain_fault(SourceFile("x.py", "match x:\n    case 1: pass\n"), FALLBACK) is FALLBACK


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 5_000 + "]" * 5_000 + "\n",
        "x = " + "not " * 30_000 + "1\n",
        "x = " + "1 + " * 30_000 + "1\n",
        "x" + ".a()" * 30_000 + "\n",
        "x = " + "a and " * 5_000 + "1\n",
        "if " + "a and " * 5_000 + "1:\n    pass\n",
        "if a: pass\n" + "elif b: pass\n" * 30_000,
        "".join(" " * depth + "if a:\n" for depth in range(200)) + " " * 200 + "pass\n",
    ],
    ids=["brackets", "not", "plus", "calls", "and", "condition", "elif", "indentation"],
)
def test_excess_is_refused(text: str) -> None:
    problem = find_excess(SourceFile("x.py", text))
    assert problem is not None
    assert problem.message.startswith("cannot parse: ")
    assert not problem.is_crash


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 90 + "]" * 90 + "\n",
        "x = " + "1 + " * 300 + "1\n",
        "x = 'a and b' # " + "and or " * 5_000 + "\n",
        "x = a and b\n" * 5_000,
        "pattern = '\\d'\n",
    ],
)
def test_ordinary_code_is_taken(text: str) -> None:
    assert find_excess(SourceFile("x.py", text)) is None
