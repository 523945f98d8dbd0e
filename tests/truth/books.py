"""What is written down about a run: its decisions, calls, resources, units of work, and what they came to."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

PROGRAM = "<program>"
PROGRAM_MODULE = "truth_program"

Event = tuple[str, int, int]
"""A decision of a run: what happened, on which line, at which column (0 where that is not known)."""
RAISES, RAISED, CAUGHT, FAILS, TRUE, FALSE, NEXT, DONE = (
    "raises", "raised here", "handled here", "fails", "is true here", "is false here", "next element",
    "no more elements",
)  # fmt: skip


@dataclass(eq=False)
class Frame:
    """One call of a function of the program."""

    function: str
    first_line: int
    last_line: int
    is_generator: bool
    is_manager: bool
    arguments: tuple[object, ...]
    line: int = 0
    result: object = None


@dataclass(eq=False)
class Unit:
    """The work on a connection since its last commit or rollback."""

    line: int
    handled: BaseException | None
    is_of_clean_up: bool = False
    has_raised: bool = False


@dataclass(eq=False)
class Record:
    """What happened to one connection or cursor."""

    family: str
    line: int
    owner: Frame | None
    is_external: bool = False
    is_memory: bool = False
    is_autocommit: bool = False
    parent: Record | None = None
    is_open: bool = True
    is_escaped: bool = False
    is_excused: bool = False
    is_lost: bool = False
    is_collected: bool = False
    is_shared: bool = False
    birth: int = 0
    death: int = 0
    renewal: int | None = None
    has_raised: bool = False
    is_low: bool = False
    uses_after_release: list[int] = field(default_factory=list)
    unit: Unit | None = None

    @property
    def is_owed(self) -> bool:
        """Whether somebody still has to release it."""
        return self.is_open and not (self.is_external or self.is_escaped or self.is_excused or self.is_lost)


@dataclass(frozen=True)
class Outcome:
    """One thing that a run showed: `what` is leak, lost-work, dropped-work, open-unit, left-to-caller or committed.

    Work is lost where its connection is closed. It is dropped, and lintdb may name it or not, where the connection is
    left open, for then that is the defect, and where it was written after an error. `source` is the line that acquired
    the connection.
    """

    what: str
    family: str
    line: int
    on_error: bool
    is_low: bool
    source: int = 0
    paths: tuple[tuple[Event, ...], ...] = ()
    is_shared: bool = False


class Places:
    """What the text says about lines: which stand in clean-up code, which behind handlers of driver errors only.

    `driver_errors` are those that calls of the driver raise, more than one where the program tells them apart;
    `other_errors` those that opaque calls raise besides one that nobody has heard of: what the program handles.
    """

    def __init__(
        self,
        clean_up: frozenset[int],
        past_handler: frozenset[int],
        driver_errors: tuple[type[Exception], ...],
        other_errors: tuple[type[Exception], ...],
    ) -> None:
        self.clean_up = clean_up
        self.past_handler = past_handler
        self.driver_errors = driver_errors
        self.other_errors = other_errors

    def is_low(self, error: BaseException, lines: list[int], *, is_driver: bool) -> bool:
        """Whether an error at a place, innermost line first, is one that lintdb reports with low confidence only.

        It is where somebody else's call, or a helper's, fails in clean-up code, and where an unknown error passes by
        handlers that were written for errors of the driver.
        """
        cleaning_up = lines[1:] if is_driver else lines
        if any(line in self.clean_up for line in cleaning_up):
            return True
        return not isinstance(error, sqlite3.Error) and any(line in self.past_handler for line in lines)
