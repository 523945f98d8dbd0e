"""Which handler gets which exception."""

from __future__ import annotations

import builtins
import enum
import sys

from lintdb.flow.ir import Handler
from lintdb.flow.knowledge import ExceptionClasses
from lintdb.flow.values import Raised

_RENAMES_BUILTINS = frozenset({"asyncio", "builtins", "concurrent", "os", "select", "shutil", "socket", "ssl"})
"""Modules whose exceptions are, or derive, what libraries raise: `socket.timeout` is `TimeoutError`."""


class Match(enum.Enum):
    """Whether a handler catches an exception."""

    ALWAYS = 1
    MAYBE = 2
    NEVER = 3


def builtin_is_subclass(name: str, base: str) -> bool | None:
    """Compare two builtin exception classes by name; None where one of them is not builtin."""
    first, second = getattr(builtins, name, None), getattr(builtins, base, None)
    if isinstance(first, type) and isinstance(second, type) and issubclass(first, BaseException):
        return issubclass(first, second)
    return None


def _is_of_another_module(name: str, classes: ExceptionClasses) -> bool:
    """Whether a class is one of Python's own modules, and no other name for a builtin: `queue.Empty`."""
    module, _, rest = name.partition(".")
    if classes.is_subclass(name, "Exception"):
        return False
    return bool(rest) and module in sys.stdlib_module_names and module not in _RENAMES_BUILTINS


def match_type(handler: str | None, raised: Raised, classes: ExceptionClasses) -> Match:
    """Match one class of an `except` clause (None: a class that is not known)."""
    if handler in ("BaseException", "Exception"):
        return Match.ALWAYS
    if handler is not None and any(is_same_or_below(handler, passed, classes) for passed in raised.passed):
        return Match.NEVER
    if handler is None or raised.type is None:
        return Match.MAYBE
    upward = classes.is_subclass(raised.type, handler)
    if upward:
        return Match.ALWAYS
    if raised.is_exact:
        return Match.NEVER if upward is False else Match.MAYBE
    downward = classes.is_subclass(handler, raised.type)
    if downward:
        return Match.MAYBE
    if upward is None or downward is None:
        is_of_others = _is_of_another_module(handler, classes) or (upward is False and "." in handler)
        return Match.NEVER if is_of_others else Match.MAYBE
    return Match.NEVER


def is_same_or_below(name: str, other: str, classes: ExceptionClasses) -> bool:
    """Whether all exceptions of one class are surely of another one, too."""
    return name == other or classes.is_subclass(name, other) is True


def match_handler(handler: Handler, raised: Raised, classes: ExceptionClasses) -> Match:
    """Match a whole `except` clause."""
    if handler.catches_all:
        return Match.ALWAYS
    results = [match_type(name, raised, classes) for name in handler.types]
    if Match.ALWAYS in results:
        return Match.ALWAYS
    return Match.MAYBE if Match.MAYBE in results else Match.NEVER


def is_caught_before(handler: Handler, earlier: tuple[Handler, ...], classes: ExceptionClasses) -> bool:
    """Whether earlier clauses of the same `try` catch all that an `except` clause would."""
    taken = [name for each in earlier for name in each.types if name is not None]
    if not taken or not handler.types:
        return False
    return all(
        name is not None and any(name == other or classes.is_subclass(name, other) is True for other in taken)
        for name in handler.types
    )


def match_types(types: tuple[str | None, ...], raised: Raised, classes: ExceptionClasses) -> Match:
    """Match the classes given to `contextlib.suppress`."""
    results = [match_type(name, raised, classes) for name in types]
    if Match.ALWAYS in results:
        return Match.ALWAYS
    return Match.MAYBE if Match.MAYBE in results else Match.NEVER
