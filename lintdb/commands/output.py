"""What all commands share of standard output and standard error: texts, notes, failures, crashes."""

from __future__ import annotations

import errno
import os
import sys
import textwrap
import traceback
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

if TYPE_CHECKING:
    from lintdb.finding import FileProblem

CLEAN, FINDINGS, FAILED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""
_WIDTH = 100
BUG = "This is a bug in lintdb, please report it. LINTDB_DEBUG=1 shows where it happened."


def wants_color(stream: TextIO) -> bool:
    """Whether what is written there may be coloured; NO_COLOR and FORCE_COLOR have the first word."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (is_terminal(stream) and os.environ.get("TERM") != "dumb")


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody reads along."""
    return stream.isatty()


def shows_progress(output_format: str | None, output_file: str | None) -> bool:
    """Whether somebody watches standard error, and no data for machines is written to the same terminal."""
    from lintdb.reporters import TEXT_FORMATS

    if not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        return False
    return output_format in (None, *TEXT_FORMATS) or output_file is not None or not is_terminal(sys.stdout)


def write(text: str) -> None:
    """Write to standard output. A reader that has gone away (`lintdb check | head`) is no failure."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        drop(sys.stdout)


def is_full(error: OSError) -> bool:
    """Whether something could not be written because there is no room for it, or the device does not take it."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def drop(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, or the interpreter would complain about it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def end_now(code: int) -> NoReturn:
    """End the process without waiting for anything but what is written already."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def note(text: str) -> None:
    """Tell the user something on standard error; if that is full, there is nobody to tell."""
    try:
        if text:
            click.echo(text, err=True)
    except OSError as error:
        if not is_full(error):
            raise
        drop(sys.stderr)


def fail(message: str) -> int:
    """Say why the command could not do its job; returns its exit code."""
    note(f"lintdb: error: {message}")
    return FAILED


def report_crash(error: Exception) -> None:
    """Turn an error that nobody expected into a message; the traceback is for those who ask."""
    note(f"lintdb: error: {type(error).__name__}: {error}\n{BUG}")
    if os.environ.get("LINTDB_DEBUG"):
        traceback.print_exception(error)


def describe_problem(problem: FileProblem) -> str:
    """Return why a file could not be checked, with its place."""
    from lintdb.reporters.text import printable

    place = ":".join(str(part) for part in (printable(problem.path), problem.line, problem.column) if part)
    if not problem.is_crash:
        return f"{place}: {printable(problem.message)}"
    return f"{place}: lintdb crashed on this file: {printable(problem.message)}\n{BUG}"


def tell_warnings(warnings: Iterable[FileProblem]) -> None:
    """Say what could not be learnt about the project; the check goes on without it."""
    for warning in warnings:
        note(f"warning: {describe_problem(warning)}")


def count(number: int, word: str) -> str:
    """Return `1 file`, `2 files`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def wrapped(text: str, lead: str) -> list[str]:
    """Return a text in lines that are easy to read, the first behind *lead*, the others set in below it."""
    blank = " " * (len(lead) + 2)
    return textwrap.wrap(text, _WIDTH, initial_indent=lead, subsequent_indent=blank, break_on_hyphens=False)
