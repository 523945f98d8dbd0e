"""What the rewritten text of a program calls: it tells the world of calls, decisions and rounds of loops."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

from tests.truth import books, choices
from tests.truth.books import Frame
from tests.truth.opaque import Opaque
from tests.truth.stand_in import current_world
from tests.truth.world import World


class Runtime:
    def enter(  # noqa: PLR0917  # called by rewritten code
        self, name: str, first: int, last: int, is_generator: bool, is_manager: bool, arguments: tuple[object, ...]
    ) -> _FrameHandle:
        frame = Frame(name, first, last, is_generator, is_manager, arguments)
        python_frame = sys._getframe(1)
        world = current_world()
        world.enter(frame, python_frame)
        return _FrameHandle(frame, world)

    def explicit(self, error: BaseException | type[BaseException]) -> BaseException:
        made = error() if isinstance(error, type) else error
        world = current_world()
        world.explicit.append(made)
        world.arrived = {each for each in world.arrived if each[0] != id(made)}
        world.arrive(made, sys._getframe(1), books.RAISED)
        return made

    def test(self, value: object, line: int, column: int) -> object:
        current_world().happened(books.TRUE if value else books.FALSE, sys._getframe(1), line, column)
        return value

    def each(self, values: Iterable[object], line: int, column: int) -> Iterator[object]:
        return _Rounds(iter(values), line, column)

    def each_later(self, values: AsyncIterable[object], line: int, column: int) -> AsyncIterator[object]:
        return _LaterRounds(values.__aiter__(), line, column)

    def asserts(self, value: object) -> None:
        if not value:
            world = current_world()
            error = AssertionError()
            world.arrive(error, sys._getframe(1), books.FAILS)
            world.note_raise(error, frame=sys._getframe(1))
            raise error

    def caught(self, line: int) -> None:
        world = current_world()
        world.happened(books.CAUGHT, sys._getframe(1), line)
        world.note_caught(line)
        error = sys.exc_info()[1]
        if isinstance(error, choices.Dropped):
            raise error
        if error is not None:
            world.caught.add(id(error))
            if not world.is_expected(error):
                world.is_over = world.is_dropped = True
                world.is_mistaken = not isinstance(error, choices.Dropped)

    def is_none(self, value: object) -> bool:
        return value.truth_is_none() if isinstance(value, Opaque) else value is None

    def is_not_none(self, value: object) -> bool:
        return not self.is_none(value)

    def looks_like(self, value: object) -> bool:
        return isinstance(value, Opaque) and not value.truth_is_none() and current_world().flip()

    def round(self, line: int) -> None:
        world = current_world()
        world.rounds[line] = world.rounds.get(line, 0) + 1
        if world.rounds[line] > choices.MAX_ROUNDS + 1:
            world.is_over = world.is_dropped = True  # also if an error of some clean-up hides what is raised here
            raise choices.Dropped


class _Rounds:
    """The iterator of a loop, which tells of each round."""

    def __init__(self, values: Iterator[object], line: int, column: int) -> None:
        self.values = values
        self.line = line
        self.column = column

    def __iter__(self) -> Iterator[object]:
        return self

    def __next__(self) -> object:
        try:
            value = next(self.values)
        except StopIteration:
            current_world().happened(books.DONE, sys._getframe(1), self.line, self.column)
            raise
        current_world().happened(books.NEXT, sys._getframe(1), self.line, self.column)
        return value


class _LaterRounds:
    """The iterator of an `async for`, which tells of each round."""

    def __init__(self, values: AsyncIterator[object], line: int, column: int) -> None:
        self.values = values
        self.line = line
        self.column = column

    def __aiter__(self) -> AsyncIterator[object]:
        return self

    async def __anext__(self) -> object:
        try:
            value = await self.values.__anext__()
        except StopAsyncIteration:
            current_world().happened(books.DONE, sys._getframe(1), self.line, self.column)
            raise
        current_world().happened(books.NEXT, sys._getframe(1), self.line, self.column)
        return value


class _FrameHandle:
    __slots__ = ("error", "frame", "world")

    def __init__(self, frame: Frame, world: World) -> None:
        self.frame = frame
        self.world = world
        self.error: BaseException | None = None

    def returns(self, value: object) -> object:
        self.frame.result = value
        self.frame.result_line = sys._getframe(1).f_lineno
        self.world.give_up(self.frame, self.frame.result_line)
        return value

    def yields(self, value: object) -> object:
        self.world.after.handed_out(value, self.frame, sys._getframe(1).f_lineno)
        self.world.share(value, is_lent=self.frame.is_manager)
        return value

    def fails(self) -> None:
        self.error = sys.exc_info()[1]

    def leave(self) -> None:
        error = self.error
        self.error = None
        self.world.leave(self.frame, sys._getframe(1), error)
