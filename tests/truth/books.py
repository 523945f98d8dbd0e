"""What is written down about a run: its decisions, calls, resources, units of work, and what they came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

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
    result: object = None
    result_line: int = 0


@dataclass(eq=False)
class Unit:
    """The work on a connection since its last commit or rollback."""

    line: int
    handled: BaseException | None
    birth: int
    is_of_clean_up: bool = False
    has_raised: bool = False
    is_done: bool = False
    """Whether some write has gone well: a statement that fails alone spoils nothing."""
    is_begun: bool = False
    """Whether a statement had begun it, whose transaction has ended since: its commit has failed."""
    is_given_up: bool = False
    """Whether the function returns from a handler that was entered since."""
    is_low: bool = False
    """Whether an error that hardly happens has come since."""
    caught_at: int = 0
    """The handler that has dealt with the last error since."""
    begun_by: Frame | None = None
    """The call that has begun it: once that is over, it is work of the line that has made the call."""


Place = tuple[Frame, int]
"""Where a call of a function of the program stands."""


@dataclass(eq=False)
class Record:
    """What happened to one connection or cursor.

    `begun` is the line of the statement that began a transaction which is still open, `switched` that of the mode which
    is not set back. `released_at` are the calls that stood when it was released, outermost first; `is_doubted`: a use
    after that is written down, or others have it. `is_misused`: such a use has raised, in truth, so that nothing comes
    behind it.
    """

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
    has_raised_by_death: bool = False
    is_low: bool = False
    unit: Unit | None = None
    begun: int = 0
    switched: int = 0
    released_at: tuple[Place, ...] = ()
    is_doubted: bool = False
    is_misused: bool = False

    @property
    def is_owed(self) -> bool:
        """Whether somebody still has to release it."""
        return self.is_open and not (self.is_external or self.is_escaped or self.is_excused or self.is_lost)


@dataclass(frozen=True)
class Outcome:
    """One thing that a run showed: `what` is leak, lost-work, dropped-work, open-unit, begun-unit, left-to-caller,
    committed, unfinished, ended or misused.

    Work is lost where its connection is closed. It is dropped, and lintdb may name it or not, where the connection
    is left open, for then that is the defect, and where it was written after an error; and where the loop that
    would have kept it, one of those `skipped`, had no rounds. `source` is the line that acquired the connection; of
    a unit that is left open, the handler that has swallowed the error. A transaction that a statement began is
    unfinished if it is open when the function ends, or ended by then. Something is misused after its release.
    """

    what: str
    family: str
    line: int
    on_error: bool
    is_low: bool
    source: int = 0
    paths: tuple[tuple[Event, ...], ...] = ()
    is_shared: bool = False
    skipped: frozenset[Event] = frozenset()


class Guard(NamedTuple):
    """A block around which errors are dealt with: its first and last line, what is caught, and whether for a driver.

    `raises_again`: some handler raises what it has caught.
    """

    first: int
    last: int
    catches: tuple[type[BaseException], ...]
    names_driver: bool
    raises_again: bool


@dataclass(frozen=True)
class Places:
    """What the text says about lines: which stand in clean-up code, those of `handlers` included, and whose errors are
    dealt with around them.

    `guards` are the `try` and `suppress` blocks, inner ones first. `waiting` are those by first and last line around
    which somebody waits for an error of the driver. `driver_errors` are those that calls of the driver raise, more than
    one where the program tells them apart; `other_errors` those that opaque calls raise besides one that nobody has
    heard of: what the program handles.
    """

    clean_up: frozenset[int]
    handlers: frozenset[int]
    guards: tuple[Guard, ...]
    waiting: tuple[tuple[int, int], ...]
    driver_errors: tuple[type[Exception], ...]
    other_errors: tuple[type[Exception], ...]

    def is_low(self, error: BaseException, lines: list[int], *, is_driver: bool) -> bool:
        """Whether an error at a place, innermost line first, is one that lintdb reports with low confidence only.

        It is where somebody else's call, or a helper's, fails in clean-up code, and where an error of unknown code
        passes by handlers that were written for errors of the driver.
        """
        cleaning_up = lines[1:] if is_driver else lines
        if any(line in self.clean_up for line in cleaning_up):
            return True
        return not is_driver and any(self._passes_by(error, line) for line in lines)

    def _passes_by(self, error: BaseException, line: int) -> bool:
        for guard in self.guards:
            if guard.first <= line <= guard.last:
                is_caught = isinstance(error, guard.catches)
                if is_caught and not guard.raises_again:
                    return False
                if guard.names_driver and not is_caught:
                    return True
        return False

    def is_awaited(self, line: int, since: int) -> bool:
        """Whether an error of the driver at a line is waited for by somebody who did not at another line (0: none)."""
        around = [(first, last) for first, last in self.waiting if first <= line <= last]
        return any(not first <= since <= last for first, last in around)
