"""A file is read as Python reads it, or the reason says where it fails and how to mend it."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from lintdb.finding import FileProblem
from lintdb.source import SourceFile, decode_source, read_source


def text_of(data: bytes) -> str:
    source = decode_source("x.py", data)
    assert isinstance(source, SourceFile), source
    return source.text


def problem_of(data: bytes) -> FileProblem:
    problem = decode_source("x.py", data)
    assert isinstance(problem, FileProblem), problem
    return problem


def test_plain_utf8() -> None:
    assert text_of("name = 'é'\n".encode()) == "name = 'é'\n"


def test_empty_file() -> None:
    source = decode_source("x.py", b"")
    assert isinstance(source, SourceFile)
    assert source.text == ""
    assert source.lines == ()


def test_bom_is_taken_off_and_remembered() -> None:
    source = decode_source("x.py", b"\xef\xbb\xbfx = 1\r\n")
    assert source == SourceFile("x.py", "x = 1\r\n", "utf-8", has_bom=True)


@pytest.mark.parametrize(
    "cookie",
    [
        b"# coding: latin-1",
        b"# -*- coding: iso-8859-1 -*-",
        b"# vim: set fileencoding=latin1 :",
        b"# coding=latin-1-unix",
        b"#!/usr/bin/python\n# coding: latin-1",
        b"\n \t# coding: latin-1",
    ],
)
def test_coding_cookie_is_honoured(cookie: bytes) -> None:
    assert text_of(cookie + b"\nname = '\xe9'\n").endswith("name = 'é'\n")


@pytest.mark.parametrize(
    "head", [b"\n\n# coding: latin-1\n", b"x = 1\n# coding: latin-1\n", b"s = '# coding: latin-1'\n"]
)
def test_cookie_in_another_place_is_none(head: bytes) -> None:
    assert problem_of(head + b"name = '\xe9'\n").message.endswith("add a coding cookie or save as UTF-8")


def test_utf8_cookie_with_line_end_suffix() -> None:
    assert text_of("# coding: utf-8-unix\nx = 'é'\n".encode()) == "# coding: utf-8-unix\nx = 'é'\n"


def test_latin_1_without_cookie_names_the_place_and_the_cure() -> None:
    problem = problem_of(b"x = 1\r\n\xc3\xa9 = '\xe9'\r\n")
    assert (problem.line, problem.column) == (2, 6)
    assert problem.message == "byte 0xe9 is not valid utf-8: add a coding cookie or save as UTF-8"
    assert not problem.is_crash


def test_wrong_cookie_is_blamed() -> None:
    problem = problem_of(b"# coding: ascii\nx = '\xe9'\n")
    assert (problem.line, problem.column) == (2, 6)
    assert "the coding cookie says 'ascii'" in problem.message


@pytest.mark.parametrize("name", ["klingon", "hex", "undefined", "utf-8000"])
def test_cookie_that_names_no_text_encoding(name: str) -> None:
    problem = problem_of(f"#!/usr/bin/python\n# coding: {name}\nx = 1\n".encode())
    assert problem.line in {2, 3}
    assert name in problem.message


def test_bom_and_another_cookie_contradict() -> None:
    problem = problem_of(b"\xef\xbb\xbf# coding: latin-1\n")
    assert problem.line == 1
    assert "remove one of them" in problem.message


def test_nul_byte() -> None:
    problem = problem_of(b"x = 1\ny = '\0'\n")
    assert (problem.line, problem.column) == (2, 6)
    assert "NUL byte" in problem.message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_wide_encodings_are_named(encoding: str) -> None:
    assert encoding.upper() in problem_of("x = 1\n".encode(encoding)).message


def test_lone_surrogates_do_not_get_through() -> None:
    assert "cannot decode this file" in problem_of(b"# coding: utf-7\nx = '+2AA-'\n").message


def test_lines_end_where_python_ends_them() -> None:
    text = "a\r\nb\rc\nd\x0ce\u2028f\x85g"
    assert SourceFile("x.py", text).lines == ("a", "b", "c", "d\x0ce\u2028f\x85g")
    assert SourceFile("x.py", "a\n\n").lines == ("a", "")


def test_source_survives_the_way_to_another_process() -> None:
    source = SourceFile("x.py", "a\nb\n")
    assert source.lines == ("a", "b")
    assert pickle.loads(pickle.dumps(source)) == source


def read_problem(path: Path) -> str:
    problem = read_source(str(path))
    assert isinstance(problem, FileProblem)
    assert problem.path == str(path)
    return problem.message


def test_missing_file(tmp_path: Path) -> None:
    assert read_problem(tmp_path / "absent.py") == "no such file"


def test_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "x.py").symlink_to("gone.py")
    assert read_problem(tmp_path / "x.py") == (
        "dangling link: it points to 'gone.py', which does not exist: mend the link, or take it away"
    )


def test_link_loop(tmp_path: Path) -> None:
    (tmp_path / "x.py").symlink_to("y.py")
    (tmp_path / "y.py").symlink_to("x.py")
    assert read_problem(tmp_path / "x.py").endswith(": mend the link, or take it away")


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "x.py").mkdir()
    assert read_problem(tmp_path / "x.py") == "this is a folder, not a file"


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, os.strerror(13), str(path))

    # Permissions do not bind the superuser, as whom tests often run in containers.
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert read_problem(tmp_path / "x.py") == (
        "no permission to read the file: grant it, or leave the file out with `extend-exclude`"
    )
