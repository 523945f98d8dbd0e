"""What a program imports: the real thing where it is harmless, a stand-in, or a module that nobody knows."""

from __future__ import annotations

import atexit
import collections
import contextlib
import functools
import importlib
import os
import sqlite3
import sys
import types
import weakref
from collections.abc import Mapping
from typing import ClassVar

from tests.truth import choices, stand_in
from tests.truth.opaque import Opaque
from tests.truth.stand_in import current_world

REAL = frozenset(
    {
        "__future__", "collections", "collections.abc", "dataclasses", "enum", "functools", "inspect", "itertools",
        "typing", "unittest", "unittest.mock", "abc", "types", "sys", "concurrent.futures", "csv",
        "pathlib", "datetime", "operator", "random", "re", "string", "textwrap",
    }
)  # fmt: skip


def nothing(*args: object, **kwargs: object) -> None:
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
        raise choices.ProcessExit

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


def _connect(
    *args: object, factory: type[stand_in.Connection] = stand_in.Connection, **kwargs: object
) -> stand_in.Connection:
    return factory(*args, **kwargs)


def _sqlite3() -> types.ModuleType:
    errors = {name: value for name, value in vars(sqlite3).items() if isinstance(value, type)}
    errors = {name: value for name, value in errors.items() if issubclass(value, Exception)}
    made = _module(
        "sqlite3", **errors, connect=_connect, Connection=stand_in.Connection, Cursor=stand_in.Cursor, Row=object()
    )
    made.__dict__["dbapi2"] = made
    return made


class _Suppress(contextlib.suppress):
    """The real one, but that a mistake of the program, such as a call on None, ends the run."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> bool:
        world = current_world()
        if error is not None and not world.is_expected(error):
            world.is_over = world.is_dropped = world.is_mistaken = True
        return super().__exit__(kind, error, trace)


_FAKES: dict[str, object] = {
    "contextlib": _module("contextlib", **{**vars(contextlib), "suppress": _Suppress}),
    "sqlite3": _sqlite3(),
    "logging": _Quiet(),
    "os": _System(),
    "time": _module("time", sleep=nothing, time=lambda: 1.0, monotonic=lambda: 1.0, perf_counter=lambda: 1.0),
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


def import_module(
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
