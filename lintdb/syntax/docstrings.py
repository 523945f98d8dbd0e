"""The types that a docstring gives to parameters, where no annotation does."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import libcst as cst

if TYPE_CHECKING:
    from lintdb.syntax.names import FunctionInfo

TYPES_WITHOUT_TEXT = frozenset({
    "int", "float", "bool", "Decimal", "date", "datetime", "time", "timedelta", "UUID", "Literal", "Fraction",
    "complex", "LiteralString",
})  # fmt: skip
"""Types whose values hold no text that anybody could write SQL into, as they are called in code."""
_OTHER_NAMES = frozenset({
    "integer", "integers", "ints", "floats", "number", "numbers", "boolean", "booleans", "numeric", "long", "double",
})  # fmt: skip
_BESIDE_TYPES = frozenset({"optional", "Optional", "or", "of", "None", "list", "List", "positive", "non", "negative"})
"""What docstrings call such types, and what may stand beside them; what is in a plain list they do not say."""

_WAYS = (
    r"^[ \t]*{name}[ \t]*\(([^()\n]+)\)[ \t]*(?::|-|$)",  # Google
    r"^[ \t]*{name}[ \t]*:[ \t]*([^\n]+)$",  # NumPy
    r":type[ \t]+{name}[ \t]*:[ \t]*([^\n]+)$",
    r":param[ \t]+([^:\n]+?)[ \t]+{name}[ \t]*:",
)
"""How the common styles write a parameter with its type."""


def is_said_to_hold_no_text(name: str, function: FunctionInfo) -> bool:
    """Whether the docstring of a function says that a parameter is a number or a date, and nothing besides."""
    said = _documented_type(name, function) or ""
    words = {each.rpartition(".")[2] for each in re.findall(r"[A-Za-z][\w.]*", re.split(r",?\s*default", said)[0])}
    return words <= TYPES_WITHOUT_TEXT | _OTHER_NAMES | _BESIDE_TYPES and not words <= _BESIDE_TYPES


def _documented_type(name: str, function: FunctionInfo) -> str | None:
    """Return what the docstring of a function says of the type of a parameter; None if it says nothing, or two things.

    A function with a decorator may be given anything by that, as the text of a path: its docstring does not count.
    """
    node = function.node
    decorators = {getattr(each, "value", "") for each in function.decorators}
    if not isinstance(node, cst.FunctionDef) or not decorators <= {"staticmethod", "classmethod"}:
        return None
    text = node.get_docstring()
    if text is None:
        return None
    cleaned = inspect.cleandoc(text)
    patterns = (way.format(name=re.escape(name)) for way in _WAYS)
    found = {each.strip() for pattern in patterns for each in re.findall(pattern, cleaned, re.MULTILINE)}
    return found.pop() if len(found) == 1 else None
