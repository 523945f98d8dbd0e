"""Placeholders in the text of a query: which style, and how many."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOT_CODE = re.compile(r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_LITERAL = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`")
_FORMAT = re.compile(r"%(?:\((?P<name>[^)]*)\))?(?P<type>[sbtdif%])")


@dataclass(frozen=True)
class Placeholders:
    """What a text has: `count` values in order, or values by `names`. None: that cannot be told."""

    count: int
    names: frozenset[str]


def placeholders_of(text: str, style: str) -> Placeholders | None:
    """Return the placeholders of a text in a driver's style; None where another way of marking is mixed in."""
    if style == "pyformat":
        # The library replaces them in literals and comments, too.
        found = [match for match in _FORMAT.finditer(text) if match["type"] != "%"]
        names = frozenset(match["name"] for match in found if match["name"])
        count = sum(not match["name"] for match in found)
        return None if names and count else Placeholders(count, names)
    code = _code(text)
    if style == "qmark":
        return (
            None
            if re.search(r"\?\d|(?<![:\w]):[A-Za-z_]|@\w|\$\w", code)
            else Placeholders(code.count("?"), frozenset())
        )
    numbers = [int(number) for number in re.findall(r"\$(\d+)", code)]
    return Placeholders(max(numbers, default=0), frozenset())


def has_other_style(text: str, style: str) -> str | None:
    """Return a placeholder of another library's that a text has instead of this one's."""
    code = _code(text)
    if style in ("qmark", "numeric_dollar"):
        match = re.search(r"%s\b|%\(\w+\)s", code)
        own = "?" in code if style == "qmark" else "$" in code
        return match.group() if match is not None and not own else None
    match = re.search(r"[=,(]\s*(\?)\s*(?:[,)]|$|\s)", code)
    return "?" if match is not None and "%" not in text else None


def _code(text: str) -> str:
    return _LITERAL.sub("''", _NOT_CODE.sub(" ", text))
