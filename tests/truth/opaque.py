"""Values that nobody knows: whatever a program asks them is a choice."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import TYPE_CHECKING

from tests.truth.choices import MAX_ELEMENTS

if TYPE_CHECKING:
    from tests.truth.world import World

MILD = (".close", ".append")
"""Methods of somebody else that hardly fail."""


class Opaque:
    """A value that nobody knows: it can be called, asked, iterated, stored into; all answers are choices."""

    def __init__(self, world: Callable[[], World], *, name: str = "value", is_never_none: bool = False) -> None:
        slots = self.__dict__
        slots["_world"] = world
        slots["_name"] = name
        slots["_none"] = False if is_never_none else None
        slots["_truth"] = None
        slots["_length"] = None
        slots["_iterated"] = None
        slots["_children"] = {}
        slots["_equal"] = {}

    def truth_forget(self) -> None:
        """Start a new run: nothing has been asked yet."""
        self.__dict__.update(_none=None, _truth=None, _length=None, _iterated=None, _children={}, _equal={})

    def truth_is_none(self) -> bool:
        """Whether this stands for None; asked once, then known."""
        known = self.__dict__
        if known["_none"] is not None:
            return bool(known["_none"])
        answer = not known["_truth"] and self._world().flip()
        known["_none"] = answer
        if answer:
            known["_truth"] = False
        return answer

    def __bool__(self) -> bool:
        known = self.__dict__
        if known["_truth"] is None:
            if known["_length"] is not None:
                known["_truth"] = known["_length"] > 0
            else:
                # What is not None but false is rare among the values that code tests in both ways.
                known["_truth"] = True if known["_none"] is False else self._world().flip()
        return bool(known["_truth"])

    def __call__(self, *args: object, **kwargs: object) -> object:
        world = self._world()
        world.escape(*args, *kwargs.values())
        world.may_raise(is_unlikely=str(self.__dict__["_name"]).endswith(MILD))
        return self._make("()")

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        children = self.__dict__["_children"]
        if name not in children:
            children[name] = self._make(name)
        return children[name]

    def __setattr__(self, name: str, value: object) -> None:
        self._world().escape(value)
        self._world().outside.append(value)
        self.__dict__["_children"][name] = value

    def __delattr__(self, name: str) -> None:
        self.__dict__["_children"].pop(name, None)

    def __getitem__(self, key: object) -> object:
        name = f"[{key!r}]" if isinstance(key, str | int) else "[]"
        children = self.__dict__["_children"]
        if name not in children:
            children[name] = self._make(name)
        return children[name]

    def __setitem__(self, key: object, value: object) -> None:
        self._world().escape(value, key)
        self._world().outside.append(value)

    def __delitem__(self, key: object) -> None:
        pass

    def __iter__(self) -> Iterator[object]:
        return Elements(self._world, self._how_many_this_time())

    def __len__(self) -> int:
        return self._how_many()

    def __contains__(self, value: object) -> bool:
        return self._world().flip()

    def __enter__(self) -> object:
        self._world().may_raise()
        return self._make("as")

    def __exit__(self, *exc_info: object) -> None:
        return None

    def __await__(self) -> Generator[None, None, object]:
        yield from ()  # the call that made it has asked whether it raises
        return self._make("await")

    def __aiter__(self) -> AsyncIterator[object]:
        return Elements(self._world, self._how_many_this_time())

    async def __aenter__(self) -> object:
        return self.__enter__()

    async def __aexit__(self, *exc_info: object) -> None:
        return None

    def __eq__(self, other: object) -> bool:
        if other is None:
            return self.truth_is_none()
        if other is self:
            return True
        return self._compare("==", other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: object) -> bool:
        return self._compare("<", other)

    def __le__(self, other: object) -> bool:
        return not self._compare(">", other)

    def __gt__(self, other: object) -> bool:
        return self._compare(">", other)

    def __ge__(self, other: object) -> bool:
        return not self._compare("<", other)

    __hash__ = object.__hash__

    def __add__(self, other: object) -> object:
        return self._make("+")

    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = __floordiv__ = __truediv__ = __add__
    __or__ = __ror__ = __and__ = __rand__ = __iadd__ = __isub__ = __imul__ = __ior__ = __add__

    def __format__(self, spec: str) -> str:
        return "x"

    def __str__(self) -> str:
        return "x"

    def __repr__(self) -> str:
        return f"<opaque {self.__dict__['_name']}>"

    def __fspath__(self) -> str:
        return "x"

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        return ()

    def _make(self, name: str) -> Opaque:
        return Opaque(self.__dict__["_world"], name=f"{self.__dict__['_name']}.{name}")

    def _how_many_this_time(self) -> int:
        """How many elements a loop takes: an iterator may give none to the next loop."""
        known = self.__dict__
        before: int | None = known["_iterated"]
        if before is not None:
            if not self._world().flip():
                return 0
            return before or 1 + self._world().chooser.choose(MAX_ELEMENTS)
        number = self._how_many()
        known.update(_iterated=number, _length=None)
        return number

    def _how_many(self) -> int:
        known = self.__dict__
        if known["_length"] is None:
            if known["_truth"] is not None:
                known["_length"] = 1 + self._world().chooser.choose(MAX_ELEMENTS) if known["_truth"] else 0
            else:
                known["_length"] = self._world().chooser.choose(1 + MAX_ELEMENTS)
        return int(known["_length"])

    def _compare(self, sign: str, other: object) -> bool:
        known: dict[tuple[str, object], bool] = self.__dict__["_equal"]
        key = (sign, other if isinstance(other, str | int) else id(other))
        if key not in known:
            same = [value for (each, value), answer in known.items() if each == "==" and answer]
            if sign == "==" and same:
                known[key] = False
            elif same and isinstance(same[0], int) and isinstance(other, int):
                # What has turned out to be 7 is greater than 3.
                known[key] = same[0] < other if sign == "<" else same[0] > other
            else:
                known[key] = self._world().flip()
        return known[key]

    def _world(self) -> World:
        world: World = self.__dict__["_world"]()
        return world


class Elements:
    """An iterator over opaque values; each step may raise."""

    def __init__(self, world: Callable[[], World], number: int, *, is_driver: bool = False) -> None:
        self.world = world
        self.left = number
        self.is_driver = is_driver

    def __iter__(self) -> Elements:
        return self

    def __aiter__(self) -> Elements:
        return self

    async def __anext__(self) -> object:
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None

    def __next__(self) -> object:
        self.world().may_raise(is_driver=self.is_driver, frame=sys._getframe(1))
        if self.left == 0:
            raise StopIteration
        self.left -= 1
        return Opaque(self.world, name="element", is_never_none=True)
