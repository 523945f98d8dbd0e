"""Python's own word on files: clear messages, and no depth that would kill the parser."""

from __future__ import annotations

import ast
import sys

import libcst as cst
import pytest

from lintdb.finding import FileProblem
from lintdb.source import SourceFile
from lintdb.syntax.parse import parse_module
from lintdb.syntax.refusal import describe_overflow, explain_fault, find_excess

FALLBACK = FileProblem("x.py", "cannot parse: parser error", 9, 9)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1\nprint 'hello'\n", 2, "cannot parse: Missing parentheses in call to 'print'. Did you mean print(...)?"),
        ("x = 1\ndef f(:\n    pass\n", 2, "cannot parse: invalid syntax"),
        ("x = (\n\n", 1, "cannot parse: '(' was never closed"),
        (
            "if x:\n\ty = 1\n        z = 2\n",
            3,
            "cannot parse: inconsistent use of tabs and spaces in indentation: indent the lines of a block all alike",
        ),
        ("if x:\ny = 1\n", 2, "cannot parse: expected an indented block after 'if' statement on line 1"),
    ],
)
def test_fault_is_explained_in_the_words_of_python(text: str, line: int, message: str) -> None:
    source = SourceFile("x.py", text)
    problem = explain_fault(source, FALLBACK)
    assert (problem.path, problem.line, problem.message.partition(" (")[0].partition(", best")[0]) == (
        "x.py",
        line,
        message.partition(" (")[0],
    )
    assert find_excess(source) is None


@pytest.mark.parametrize(
    "statement",
    [
        "print 'hello'",
        "print x, y",
        "exec 'x = 1'",
        "exec code in names",
        "try:\n    x()\nexcept ValueError, error:\n    pass",
        "try:\n    x()\nexcept (A, B), error:\n    pass",
        "raise ValueError, 'no'",
        "x = `y`",
        "if x <> y: pass",
    ],
)
def test_python_2_is_recognized(statement: str) -> None:
    source = SourceFile("x.py", f"import sqlite3\n{statement}\n")
    problem = explain_fault(source, FALLBACK)
    if sys.version_info >= (3, 14) and problem is FALLBACK:
        pytest.skip("this Python takes it")
    assert problem.message.endswith(
        " (this looks like Python 2: convert the file, or leave it out with `extend-exclude`)"
    )


@pytest.mark.parametrize("text", ["def f(:\n    pass\n", "{{ x }} = 1 2\n", "# `x`\nx = y z\n", "x = 'a`b' 'c\n"])
def test_other_faults_are_not_called_python_2(text: str) -> None:
    message = explain_fault(SourceFile("x.py", text), FALLBACK).message
    assert "Python 2" not in message
    assert "invalid syntax" not in message or "can be left out with `extend-exclude`" in message


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
    assert problem.message.endswith(
        ": split it into smaller statements or functions, or write a long chain as a table or a loop"
    )
    assert problem.line
    assert not problem.is_crash


@pytest.mark.parametrize(
    "statement",
    [
        "x = 'a'" + " + a" * 5_000,
        "x = " + "not " * 30_000 + "1",
        "x = [" + ", ".join(["1"] * 99) + "," + "[" * 5_000 + "]" * 5_000 + "]",
        "if a:\n        pass\n" + "    elif a:\n        pass\n" * 3_000,
    ],
    ids=["plus", "not", "brackets", "elif"],
)
def test_excess_is_placed_where_its_statement_begins(statement: str) -> None:
    problem = find_excess(SourceFile("x.py", f"import sqlite3\n\ndef f(a):\n    a += 1\n    {statement}\n"))
    assert problem is not None
    assert problem.line == 5


def test_excess_names_function_and_cure() -> None:
    text = "class C:\n    def f(self, a):\n        return (\n            'a'" + " + a" * 2_500 + "\n        )\n"
    problem = find_excess(SourceFile("x.py", text))
    assert problem is not None
    assert problem.line == 3
    assert problem.message == (
        "cannot parse: the code is nested too deeply in `f()`: split it into smaller statements or functions, or "
        "write a long chain as a table or a loop"
    )


def test_recursion_without_end_is_not_the_fault_of_shallow_code() -> None:
    assert describe_overflow(SourceFile("x.py", "x = [[[1]]]\n")) is None
    problem = describe_overflow(SourceFile("x.py", "x = y" + ".a" * 150 + "\n"))
    assert problem is not None
    assert (problem.line, problem.is_crash) == (1, False)


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


def test_indentation_that_only_libcst_refuses_is_parsed() -> None:
    text = (
        "import sqlite3\n\n\ndef f(path):\n\t\tif path:\n\t\t\treturn '''\n\t\tas it is'''\n\t\telse:\n"
        "               \t\tconn = sqlite3.connect(path)\n\t\treturn conn.execute('SELECT 1').fetchone()\n"
    )
    ast.parse(text)
    with pytest.raises(cst.ParserSyntaxError):
        cst.parse_module(text)
    module = parse_module(SourceFile("x.py", text))
    assert isinstance(module, cst.Module)
    assert module.code.splitlines()[6] == "\t\tas it is'''"
    assert [line.lstrip() for line in module.code.splitlines()] == [line.lstrip() for line in text.splitlines()]
