"""How far a run has come: one line on a terminal, written over and over, and gone before anything else is said."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

_PATIENCE = 2.0
"""Seconds that nobody minds to wait without a word."""
_PAUSE = 0.2
_TICK = 1.0
"""Seconds after which the time is told anew, whether or not another file is done."""


@contextmanager
def watching(total: int, stream: TextIO | None) -> Iterator[Progress | None]:
    """Give what is to be told how many of *total* files are checked; None if there is no *stream* to show it."""
    if stream is None:
        yield None
        return
    progress = Progress(total, stream)
    try:
        yield progress
    finally:
        progress.end()


class Progress:
    """Tells *stream*, a terminal, how many of *total* files are checked, once the run takes longer than a moment."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self._total = total
        self._stream = stream
        self._start = time.monotonic()
        self._next = self._start + _PATIENCE
        self._width = 0
        self._done = 0
        self._is_over = False
        self._lock = threading.Lock()

    def end(self) -> None:
        """Leave no trace, and say nothing more: after an interrupt a thread may go on."""
        with self._lock:
            self._is_over = True
            if self._width:
                self._write("")

    def reach(self, done: int) -> None:
        """Say that *done* files are checked, if it is time to."""
        with self._lock:
            self._done = done
            self._tell()

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Tell how the time goes by even while one file takes long. Start no processes meanwhile: this is a thread."""
        is_over = threading.Event()
        # Where no thread can be started, there is a word after each file.
        with suppress(RuntimeError):
            threading.Thread(target=self._tick, args=(is_over,), name="progress", daemon=True).start()
        try:
            yield
        finally:
            is_over.set()

    def _tick(self, is_over: threading.Event) -> None:
        while not is_over.wait(_TICK):
            with self._lock:
                self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        if self._is_over or now < self._next:
            return
        self._next = now + _PAUSE
        files = "file" if self._total == 1 else "files"
        self._write(f"checked {self._done} of {self._total} {files}, {now - self._start:.0f} s")

    def _write(self, line: str) -> None:
        blank = " " * (self._width - len(line))
        try:
            self._stream.write(f"\r{line}{blank}" if line else f"\r{blank}\r")
            self._stream.flush()
        except OSError:
            # Nobody is there to be told, which is no reason to stop.
            self._is_over = True
        self._width = len(line)
