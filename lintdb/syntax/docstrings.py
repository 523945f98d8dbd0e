"""The types that a docstring gives to parameters, where no annotation does. Nothing checks them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

if TYPE_CHECKING:
    from lintdb.syntax.names import FunctionInfo

_WITHOUT_TEXT = frozenset({
    "int", "float", "bool", "complex", "integer", "boolean", "Decimal", "decimal.Decimal", "datetime", "timedelta",
    "datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "UUID", "uuid.UUID", "np.int64",
    "numpy.int64", "np.float64", "numpy.float64",
})  # fmt: skip
"""Types whose values hold no text that anybody could write SQL into; a plain `date` or `number` may be one itself."""
_BESIDE = frozenset(
    {"optional", "Optional", "or", "of", "None", "list", "List", "positive", "non-negative", "negative"}
)
"""What may stand beside them; what is in a plain list nobody says."""

_DEFAULT = re.compile(r",?\s*\bdefaults?\b[^,]*$")
_ROLE = re.compile(r":\w+:`([^`]*)`|C\{([^{}]*)\}")
_GOOGLE = re.compile(r"^(?:Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments):[ \t]*$")
_NUMPY = re.compile(r"^(?:Other )?Parameters[ \t]*\n-{3,}[ \t]*\n", re.MULTILINE)
_UNDERLINED = re.compile(r"^\S[^\n]*\n-{3,}[ \t]*$", re.MULTILINE)


def is_said_to_hold_no_text(name: str, function: FunctionInfo) -> bool:
    """Whether the docstring of a function says that a parameter is a number or a date, and nothing besides.

    A function with a decorator may be given anything by that, as the text of a path: its docstring does not count.
    """
    node = function.node
    decorators = {getattr(each, "value", "") for each in function.decorators}
    if not isinstance(node, cst.FunctionDef) or not decorators <= {"staticmethod", "classmethod"}:
        return False
    text = node.get_docstring()
    said = list(_types_of(name, inspect.cleandoc(text))) if text is not None else []
    return bool(said) and all(_holds_no_text(each) for each in said)


def _holds_no_text(said: str) -> bool:
    plain = _DEFAULT.sub("", _ROLE.sub(lambda match: match[1] or match[2], said))
    words = re.findall(r"[^\s,|/\[\]()`]+", plain)
    return set(words) <= _WITHOUT_TEXT | _BESIDE and not _WITHOUT_TEXT.isdisjoint(words)


def _types_of(name: str, text: str) -> Iterator[str]:
    """Yield what a docstring says of the type of a parameter, in any of the common styles."""
    word = re.escape(name)
    for marker in (":", "@"):
        # What follows, further in, belongs to it.
        yield from re.findall(
            rf"^[ \t]*{marker}type[ \t]+{word}[ \t]*:[ \t]*([^\n]*(?:\n[ \t]+[^\n:@]+)*)", text, re.MULTILINE
        )
    yield from re.findall(rf"^[ \t]*:param[ \t]+([^:\n]+?)[ \t]+{word}[ \t]*:", text, re.MULTILINE)
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if _GOOGLE.match(line):
            for inner in lines[number + 1 :]:
                if inner and not inner[0].isspace():
                    break
                yield from re.findall(rf"^[ \t]+{word}[ \t]*\(([^\n]+?)\)[ \t]*:", inner)
    for section in _NUMPY.finditer(text):
        end = _UNDERLINED.search(text, section.end())
        inside = text[section.end() : end.start() if end is not None else None]
        yield from re.findall(rf"^(?:\w+,[ \t]*)*{word}(?:,[ \t]*\w+)*[ \t]*:[ \t]*([^\n]+)$", inside, re.MULTILINE)
