"""The choices of a run, their bounds, and what ends a run before its program does.

One run follows one list of choices. Every opaque call may raise, every opaque value may be true or false, None or not,
hold none, one or two elements; each such question is a choice, and `Chooser.next_trail` gives the next list until all
have been followed.
"""

from __future__ import annotations

MAX_CHOICES = 60
MAX_ELEMENTS = 2
MAX_ROUNDS = 2


class OpaqueError(Exception):
    """What code that nobody can see raises: no error of the driver and no builtin."""


class Dropped(BaseException):
    """This run went beyond the bound: it proves nothing."""


class ProcessExit(BaseException):
    """`os._exit` was called."""


class Chooser:
    """Answers questions by a given list of choices, then by the first option, and remembers what was asked."""

    def __init__(self, trail: list[int]) -> None:
        self._given = trail
        self.taken: list[tuple[int, int]] = []

    def choose(self, options: int) -> int:
        """Return a number below *options*; raises Dropped after too many questions."""
        number = len(self.taken)
        if number >= MAX_CHOICES:
            raise Dropped
        choice = self._given[number] if number < len(self._given) else 0
        self.taken.append((choice, options))
        return choice

    def next_trail(self) -> list[int] | None:
        """Return the choices of the next run, None after the last."""
        taken = list(self.taken)
        while taken:
            choice, options = taken.pop()
            if choice + 1 < options:
                return [each for each, _ in taken] + [choice + 1]
        return None
