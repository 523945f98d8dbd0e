"""Runs a function of a program on every path within a bound and says what became of what it opened."""

from __future__ import annotations

import atexit
import builtins
import collections
import contextlib
import functools
import importlib
import inspect
import os
import sqlite3
import sys
import types
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.truth import world as w
from tests.truth.instrument import FunctionInfo, Instrumented, instrument
from tests.truth.world import Chooser, Frame, Opaque, World, current_world

REAL = frozenset(
    {
        "__future__", "collections", "collections.abc", "contextlib", "dataclasses", "enum", "functools", "itertools",
        "typing", "unittest", "unittest.mock", "abc", "types", "sys", "concurrent.futures", "csv",
        "pathlib", "datetime", "operator", "random", "re",
    }
)  # fmt: skip


@dataclass
class LineTruth:
    """What became of what one line acquired, over all runs."""

    leaks: bool = False
    leaks_on_error: bool = False
    leaks_on_unlikely_error: bool = False
    is_released: bool = False
    is_escaped: bool = False
    is_shared: bool = False

    @property
    def verdict(self) -> str:
        """The worst of it, in a word."""
        if self.leaks:
            return "leaks"
        if self.leaks_on_error:
            return "leaks on error"
        if self.leaks_on_unlikely_error:
            return "leaks on an unlikely error"
        return "escapes" if self.is_escaped else "never leaks"


@dataclass
class Truth:
    """What all runs of one function showed, by line of the program; lost work by the line that opened it.

    Of `runs`, those `dropped` went beyond the bound, as a loop does that has another round always, or met `mistakes` of
    another sort, such as a call on None. What happens only there is not known.
    """

    function: FunctionInfo
    connections: dict[int, LineTruth] = field(default_factory=dict)
    cursors: dict[int, LineTruth] = field(default_factory=dict)
    lost_work: dict[int, set[int]] = field(default_factory=dict)
    dropped_work: dict[int, set[int]] = field(default_factory=dict)
    open_units: set[int] = field(default_factory=set)
    left_to_caller: set[int] = field(default_factory=set)
    committed: set[int] = field(default_factory=set)
    used_after_release: set[int] = field(default_factory=set)
    runs: int = 0
    dropped: int = 0
    mistakes: int = 0
    is_complete: bool = True
    witness: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    paths: dict[tuple[str, int, bool], set[tuple[w.Event, ...]]] = field(default_factory=dict)
    tests: frozenset[tuple[int, int]] = frozenset()
    counted_loops: frozenset[tuple[int, int]] = frozenset()


class Program:
    """A program that was compiled once and is run again and again."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parsed: Instrumented = instrument(text)
        self._code = compile(self.parsed.tree, w.PROGRAM, "exec")
        self._namespace: dict[str, object] = {}
        self._start: dict[str, object] = {}
        self._containers: list[tuple[Any, Any]] = []
        self._holders: list[object] = []
        self._load()

    def _load(self) -> None:
        setting = World(Chooser([]), self.parsed.places, 0)
        setting.is_setting_up = True
        w.set_world(setting)
        names = dict(vars(builtins))
        names["__import__"] = _import
        names["print"] = _nothing
        names["input"] = Opaque(current_world, name="input")
        self._namespace = {
            "__builtins__": names, "__name__": w.PROGRAM_MODULE, "__file__": w.PROGRAM, "truth_runtime": _Runtime(),
        }  # fmt: skip
        sys.modules.setdefault(w.PROGRAM_MODULE, types.ModuleType(w.PROGRAM_MODULE))
        exec(self._code, self._namespace)
        self._start = dict(self._namespace)
        for name, value in self._start.items():
            if name.startswith("__"):
                continue
            if isinstance(value, list | dict | set):
                self._containers.append((value, value.copy()))
            kind = value if isinstance(value, type) else type(value)
            if (
                isinstance(value, list | dict | set | functools._lru_cache_wrapper)
                or kind.__module__ == w.PROGRAM_MODULE
            ):
                self._holders.append(value)

    def _reset(self) -> None:
        self._namespace.clear()
        self._namespace.update(self._start)
        for value, content in self._containers:
            value.clear()
            if isinstance(value, list):
                value.extend(content)
            else:
                value.update(content)
        for value in self._start.values():
            if isinstance(value, functools._lru_cache_wrapper):
                value.cache_clear()
            elif isinstance(value, Opaque):
                value.truth_forget()

    def _living(self) -> list[object]:
        """What of the module can hold something: globals that functions set, containers, caches, objects, classes."""
        set_by_functions = [self._namespace[name] for name in self.parsed.globals if name in self._namespace]
        return [*set_by_functions, *self._holders]

    def truth(self, name: str, *, max_runs: int = 4000, max_raises: int = 2) -> Truth:
        """Run one function on every path; `is_complete` is false if there are more than *max_runs*."""
        info = self.parsed.functions[name]
        truth = Truth(info, tests=self.parsed.tests, counted_loops=self.parsed.counted_loops)
        trail: list[int] | None = []
        while trail is not None:
            if truth.runs >= max_runs:
                truth.is_complete = False
                break
            trail = self._run(info, trail, max_raises, truth)
        for place in [*truth.connections.values(), *truth.cursors.values()]:
            if place.is_shared and not place.is_released:
                # A generator that never releases what it yields leaves that to its consumer.
                place.leaks = place.leaks_on_error = place.leaks_on_unlikely_error = False
                place.is_escaped = True
        return truth

    def _run(self, info: FunctionInfo, trail: list[int], max_raises: int, truth: Truth) -> list[int] | None:
        chooser = Chooser(trail)
        world = World(chooser, self.parsed.places, max_raises)
        w.set_world(world)
        self._reset()
        world.globals = self._living
        try:
            _drive(self._namespace, info, world)
        except w.Dropped:
            world.is_dropped = True
        except BaseException as error:  # the program may raise anything
            if isinstance(error, KeyboardInterrupt):
                raise
            if not world.is_expected(error):
                world.is_dropped = world.is_mistaken = True
        truth.runs += 1
        truth.mistakes += world.is_mistaken
        if world.is_dropped:
            truth.dropped += 1
        else:
            _add(truth, world, trail)
        world.is_over = True
        return chooser.next_trail()


def _add(truth: Truth, world: World, trail: list[int]) -> None:
    info = truth.function
    for outcome in world.outcomes:
        if not info.first_line <= outcome.line <= info.last_line:
            continue
        truth.witness.setdefault((f"{outcome.what} {outcome.family} {outcome.on_error}", outcome.line), trail)
        if outcome.what == "leak":
            place = _place(truth, outcome.family, outcome.line)
            place.is_shared |= outcome.is_shared
            place.leaks |= not outcome.on_error
            place.leaks_on_error |= outcome.on_error and not outcome.is_low
            place.leaks_on_unlikely_error |= outcome.on_error and outcome.is_low
            truth.paths.setdefault((outcome.family, outcome.line, outcome.on_error), set()).update(outcome.paths)
        elif outcome.what == "lost-work":
            truth.lost_work.setdefault(outcome.source, set()).add(outcome.line)
        elif outcome.what == "dropped-work":
            truth.dropped_work.setdefault(outcome.source, set()).add(outcome.line)
        elif outcome.what == "open-unit":
            truth.open_units.add(outcome.line)
        elif outcome.what == "left-to-caller":
            truth.left_to_caller.add(outcome.line)
        else:
            truth.committed.add(outcome.line)
    for record in world.records:
        truth.used_after_release.update(record.uses_after_release)
        if record.is_external or record.owner is None or not info.first_line <= record.line <= info.last_line:
            continue
        place = _place(truth, record.family, record.line)
        place.is_escaped |= record.is_escaped
        place.is_released |= not record.is_open


def _place(truth: Truth, family: str, line: int) -> LineTruth:
    lines = truth.connections if family == "connection" else truth.cursors
    return lines.setdefault(line, LineTruth())


# Driving a function.


def _drive(namespace: Mapping[str, object], info: FunctionInfo, world: World) -> None:
    called, first = _callable(namespace, info, world)
    positional: list[object] = list(first)
    keywords: dict[str, object] = {}
    for parameter in info.parameters[len(first) :]:
        if parameter.default == "expression":
            continue
        value = _argument(namespace, parameter.name, parameter.annotation, world)
        if parameter.kind == "keyword":
            keywords[parameter.name] = value
        else:
            positional.append(value)
    result = called(*positional, **keywords)
    _consume(result, world)


def _callable(
    namespace: Mapping[str, object], info: FunctionInfo, world: World
) -> tuple[Callable[..., object], list[object]]:
    if not info.is_method:
        return namespace[info.name], []  # type: ignore[return-value]
    class_name, _, name = info.name.partition(".")
    owner = namespace[class_name]
    assert isinstance(owner, type)
    world.is_setting_up = True
    try:
        instance = _build(owner)
    finally:
        world.is_setting_up = False
    raw = inspect.getattr_static(owner, name)
    if isinstance(raw, classmethod | staticmethod):
        return getattr(owner, name), [owner] if isinstance(raw, classmethod) else []
    return getattr(owner, name), [instance]


def _build(owner: type) -> object:
    try:
        count = len(inspect.signature(owner).parameters)
        return owner(*(Opaque(current_world, name="given", is_never_none=True) for _ in range(count)))
    except (TypeError, ValueError, AttributeError):
        return object.__new__(owner)


def _argument(namespace: Mapping[str, object], name: str, annotation: str, world: World) -> object:
    world.is_setting_up = True
    try:
        if annotation in ("sqlite3.Connection", "Connection"):
            return w.Connection()
        if annotation in ("ExitStack", "contextlib.ExitStack"):
            return contextlib.ExitStack()
        given = namespace.get(annotation) if annotation.isidentifier() else None
        if isinstance(given, type) and given.__module__ == w.PROGRAM_MODULE:
            return _build(given)
    finally:
        world.is_setting_up = False
    return Opaque(current_world, name=name)


def _run_coroutine(coroutine: Coroutine[Any, Any, object]) -> object:
    """Run a coroutine whose awaits never wait."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise w.Dropped


async def _enter(manager: contextlib.AbstractAsyncContextManager[object], world: World) -> None:
    async with manager:
        world.may_raise(frame=manager.gen.ag_frame)  # type: ignore[attr-defined]


def _consume(result: object, world: World) -> None:
    if inspect.iscoroutine(result):
        _run_coroutine(result)
    elif isinstance(result, contextlib._AsyncGeneratorContextManager):
        _run_coroutine(_enter(result, world))
    elif isinstance(result, contextlib._GeneratorContextManager):
        with result:
            world.may_raise(frame=result.gen.gi_frame)  # type: ignore[attr-defined]
    elif inspect.isgenerator(result):
        _iterate(result, world)
    elif isinstance(result, types.FunctionType) and result.__code__.co_filename == w.PROGRAM:
        signature = inspect.signature(result, follow_wrapped=False)
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        names = [each.name for each in signature.parameters.values() if each.kind in kinds]
        result(*(Opaque(current_world, name=each) for each in names))


def _iterate(generator: types.GeneratorType[Any, Any, Any], world: World) -> None:
    """Take everything, stop after some, or throw into it."""
    for _ in range(2 * w.MAX_ELEMENTS + 1):
        try:
            next(generator)
        except StopIteration:
            return
        if world.raises_left <= 0:
            continue
        kinds: tuple[type[Exception], ...] = (w.OpaqueError, *world.places.other_errors)
        what = world.chooser.choose(2 + len(kinds))
        if what == 1:
            world.raises_left -= 1
            world.note_raise(GeneratorExit(), frame=generator.gi_frame)
            generator.close()
            return
        if what > 1:
            world.raises_left -= 1
            error = kinds[what - 2]("thrown in")
            world.note_raise(error, frame=generator.gi_frame)
            generator.throw(error)
    raise w.Dropped


# What the rewritten program calls.


class _Runtime:
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
        world.arrive(made, sys._getframe(1), w.RAISED)
        return made

    def test(self, value: object, line: int, column: int) -> object:
        current_world().happened(w.TRUE if value else w.FALSE, sys._getframe(1), line, column)
        return value

    def each(self, values: Iterable[object], line: int, column: int) -> Iterator[object]:
        return _Rounds(iter(values), line, column)

    def each_later(self, values: AsyncIterable[object], line: int, column: int) -> AsyncIterator[object]:
        return _LaterRounds(values.__aiter__(), line, column)

    def asserts(self, value: object) -> None:
        if not value:
            world = current_world()
            error = AssertionError()
            world.arrive(error, sys._getframe(1), w.FAILS)
            world.note_raise(error, frame=sys._getframe(1))
            raise error

    def caught(self, line: int) -> None:
        world = current_world()
        world.happened(w.CAUGHT, sys._getframe(1), line)
        error = sys.exc_info()[1]
        if isinstance(error, w.Dropped):
            raise error
        if error is not None:
            world.caught.add(id(error))
            if not world.is_expected(error):
                world.is_over = world.is_dropped = True
                world.is_mistaken = not isinstance(error, w.Dropped)

    def is_none(self, value: object) -> bool:
        return value.truth_is_none() if isinstance(value, Opaque) else value is None

    def is_not_none(self, value: object) -> bool:
        return not self.is_none(value)

    def looks_like(self, value: object) -> bool:
        return isinstance(value, Opaque) and not value.truth_is_none() and current_world().flip()

    def round(self, line: int) -> None:
        world = current_world()
        world.rounds[line] = world.rounds.get(line, 0) + 1
        if world.rounds[line] > w.MAX_ROUNDS + 1:
            raise w.Dropped


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
            current_world().happened(w.DONE, sys._getframe(1), self.line, self.column)
            raise
        current_world().happened(w.NEXT, sys._getframe(1), self.line, self.column)
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
            current_world().happened(w.DONE, sys._getframe(1), self.line, self.column)
            raise
        current_world().happened(w.NEXT, sys._getframe(1), self.line, self.column)
        return value


class _FrameHandle:
    __slots__ = ("error", "frame", "world")

    def __init__(self, frame: Frame, world: World) -> None:
        self.frame = frame
        self.world = world
        self.error: BaseException | None = None

    def returns(self, value: object) -> object:
        self.frame.result = value
        return value

    def yields(self, value: object) -> object:
        self.world.share(value, is_lent=self.frame.is_manager)
        return value

    def fails(self) -> None:
        self.error = sys.exc_info()[1]

    def leave(self) -> None:
        error = self.error
        self.error = None
        self.world.leave(self.frame, sys._getframe(1), error)


def _nothing(*args: object, **kwargs: object) -> None:
    return None


class _Quiet:
    """A logger, or the module of loggers: nothing that is called on it raises."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self


class _System:
    """The module os, without a way to end the process."""

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def _exit(self, *args: object) -> None:
        raise w.ProcessExit

    abort = _exit
    environ: ClassVar[Mapping[str, str]] = collections.defaultdict(str)


def _module(name: str, **content: object) -> types.ModuleType:
    made = types.ModuleType(name)
    made.__dict__.update(content)
    return made


def _registers(*args: object, **kwargs: object) -> object:
    current_world().escape(*args, *kwargs.values())
    return args[0] if args else None


class _Registering:
    """A finalizer or a thread: it holds what it is given."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        _registers(*args, **kwargs)

    def start(self) -> None:
        """Nothing runs: what it would do is not of this function."""


def _connect(*args: object, factory: type[w.Connection] = w.Connection, **kwargs: object) -> w.Connection:
    return factory(*args, **kwargs)


def _sqlite3() -> types.ModuleType:
    errors = {name: value for name, value in vars(sqlite3).items() if isinstance(value, type)}
    errors = {name: value for name, value in errors.items() if issubclass(value, Exception)}
    made = _module("sqlite3", **errors, connect=_connect, Connection=w.Connection, Cursor=w.Cursor, Row=object())
    made.dbapi2 = made  # type: ignore[attr-defined]
    return made


_FAKES: dict[str, object] = {
    "sqlite3": _sqlite3(),
    "logging": _Quiet(),
    "os": _System(),
    "time": _module("time", sleep=_nothing, time=lambda: 1.0, monotonic=lambda: 1.0, perf_counter=lambda: 1.0),
    "atexit": _module("atexit", register=_registers, unregister=atexit.unregister),
    "threading": _module("threading", Thread=_Registering, Lock=_Registering),
    "weakref": _module("weakref", finalize=_Registering, ref=weakref.ref),
}


class _StrangerModule(types.ModuleType):
    """A module that is not here: each of its names is opaque."""

    def __getattr__(self, name: str) -> object:
        if name in ("__path__", "__all__"):
            return []
        if name.startswith("__"):
            raise AttributeError(name)
        value = Opaque(current_world, name=f"{self.__name__}.{name}")
        setattr(self, name, value)
        return value


@functools.cache
def _stranger(name: str) -> _StrangerModule:
    return _StrangerModule(name)


def _import(
    name: str,
    globals_: object = None,
    locals_: object = None,
    names: tuple[str, ...] | list[str] | None = (),
    level: int = 0,
) -> object:
    if name in _FAKES:
        return _FAKES[name]
    if name in REAL:
        module = importlib.import_module(name)
        return module if names else sys.modules[name.partition(".")[0]]
    return _stranger(name if names else name.partition(".")[0])
