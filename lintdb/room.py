"""Room on the stack for code that nests deeply.

The analysis recurses where code nests, a few frames for each level, and a chain of `elif` nests as deeply as it is
long. Python allows a thousand frames, and the stack of a main thread or of a worker bears not many more. A thread of
its own has as much stack as it is given; what it does not touch costs nothing. Python 3.12 alone bounds calls through
C by a number that cannot be changed: there is room for some hundred levels of expressions, and no more.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_FRAMES = 100_000
"""Enough for a few thousand levels; should lintdb ever recurse without end, it gets there within a second."""
_STACK_BYTES = 512 * 1024 * 1024
"""Five kilobytes for each frame: older Pythons take stack for every call, and so do calls through C on all."""

_here = threading.local()
_left: list[threading.Event] = []
"""The ends of threads that nobody waits for any more, because of an interrupt."""


def with_room(work: Callable[[], T]) -> T:
    """Return what *work* returns, or raise what it raises; it runs on a thread with a deep stack.

    Where the system allows no such thread it runs here, as deep as it gets. Room within room is the same room.
    """
    if getattr(_here, "has_room", False):
        return work()
    done: list[T] = []
    raised: list[BaseException] = []
    # An interrupted `join()` may take a thread for one that has ended.
    has_ended = threading.Event()

    def run() -> None:
        _here.has_room = True
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 - handed on to who waits
            raised.append(error)
        finally:
            has_ended.set()

    # An interrupt reaches the thread that waits; this one must not keep the process alive then.
    thread = threading.Thread(target=run, name="lintdb", daemon=True)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _FRAMES))
    try:
        has_started = _start(thread)
        while thread.is_alive():
            # Not all systems let an interrupt through to who waits without a limit.
            thread.join(1)
    except BaseException:
        _left.append(has_ended)
        raise
    finally:
        sys.setrecursionlimit(before)
    if not has_started:
        return work()
    if raised:
        raise raised[0]
    return done[0]


def is_left_behind() -> bool:
    """Whether a thread goes on with work that was interrupted.

    It cannot be stopped. Where it is in code that is no Python, such as the parser, an interpreter that ends in the
    usual way takes the whole process down with a signal.
    """
    return any(not has_ended.is_set() for has_ended in _left)


def ran_out_of_room(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, says that there was not enough stack."""
    while error is not None and not isinstance(error, RecursionError):
        error = error.__cause__
    return error is not None


def _start(thread: threading.Thread) -> bool:
    before = threading.stack_size()
    try:
        threading.stack_size(_STACK_BYTES)
        thread.start()
    except (RuntimeError, ValueError, MemoryError):
        # A limit on the memory of the process, or a system that knows no such sizes.
        return False
    finally:
        threading.stack_size(before)
    return True
