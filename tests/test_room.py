"""Work on a deep stack: what it returns, what it raises, and what is left behind."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from lintdb.room import ran_out_of_room, with_room


def depth(levels: int) -> int:
    return 0 if levels == 0 else 1 + depth(levels - 1)


def through_c(levels: int) -> int:
    """Recurse through calls that take stack on every version of Python."""
    return 0 if levels == 0 else 1 + max(map(through_c, [levels - 1]))


def test_there_is_more_room_than_elsewhere() -> None:
    before = sys.getrecursionlimit(), threading.stack_size()
    assert with_room(lambda: depth(50_000)) == 50_000
    # Python 3.12 bounds calls through C by a number that nobody can change.
    levels = 3_000 if sys.version_info[:2] != (3, 12) else 400
    assert with_room(lambda: through_c(levels)) == levels
    assert (sys.getrecursionlimit(), threading.stack_size()) == before


def test_room_within_room_is_the_same() -> None:
    assert with_room(lambda: with_room(threading.get_ident) == threading.get_ident())


def test_what_is_raised_arrives() -> None:
    with pytest.raises(KeyError, match="GONE"):
        with_room(lambda: os.environ["GONE"])
    with pytest.raises(KeyboardInterrupt):
        with_room(lambda: (_ for _ in ()).throw(KeyboardInterrupt))


def test_recursion_without_end_ends() -> None:
    with pytest.raises(RecursionError):
        with_room(lambda: depth(-1))


def test_without_a_thread_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    before = sys.getrecursionlimit()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert with_room(threading.get_ident) == threading.get_ident()
    assert with_room(sys.getrecursionlimit) == before


def test_who_ran_out_of_room() -> None:
    error = ValueError("while following")
    assert not ran_out_of_room(error)
    error.__cause__ = RecursionError()
    assert ran_out_of_room(error)
