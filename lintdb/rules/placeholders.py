"""Placeholders in the text of a query: which style, and how many; and the values that a call is given for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintdb.effects import CallModel
    from lintdb.flow.results import QueryText

_NOT_CODE = re.compile(r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_LITERAL = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`")
_NAMED = re.compile(r"(?<![:\w\]]):([A-Za-z_]\w*)")
_FORMAT = re.compile(r"%(?:\((?P<name>[^)]*)\))?(?P<type>[sbtdif%])")


@dataclass(frozen=True)
class Placeholders:
    """What a text has: `count` values in order, or values by `names`. None: that cannot be told."""

    count: int
    names: frozenset[str]


def placeholders_of(text: str, style: str, *, in_literals: bool = True) -> Placeholders | None:
    """Return the placeholders of a text in a driver's style; None where another way of marking is mixed in."""
    if style == "pyformat":
        # The library replaces them in literals and comments, too.
        found = [m for m in _FORMAT.finditer(text if in_literals else _code(text)) if m["type"] != "%"]
        if not in_literals:
            # What is sent as it is may calculate: `a %b` is a modulo.
            found = [match for match in found if match["type"] == "s"]
        names = frozenset(match["name"] for match in found if match["name"])
        count = sum(not match["name"] for match in found)
        return None if names and count else Placeholders(count, names)
    code = _code(text)
    if style == "qmark":
        names = frozenset(_NAMED.findall(code))
        is_mixed = re.search(r"\?\d|@\w|\$\w", code) or (names and "?" in code)
        return None if is_mixed else Placeholders(code.count("?"), names)
    numbers = [int(number) for number in re.findall(r"\$(\d+)", code)]
    return Placeholders(max(numbers, default=0), frozenset())


def single_percent(text: str) -> str | None:
    """Return what stands around a `%` that is neither doubled nor a placeholder; None if there is none."""
    match = re.search(r"[^\s%]*(?<!%)(?:%%)*%(?![%(sbtdif])[^\s%]*", text)
    return match.group() if match is not None else None


def has_other_style(text: str, style: str, names: frozenset[str] = frozenset()) -> str | None:
    """Return a placeholder of another library's that a text has instead of this one's; *names* are those of values."""
    code = _code(text)
    if style == "pyformat" and "%" not in text:
        named = next((name for name in _NAMED.findall(code) if name in names), None)
        if named is not None:
            return f":{named}"
    if style in ("qmark", "numeric_dollar"):
        match = re.search(r"%s\b|%\(\w+\)s", code)
        own = "?" in code if style == "qmark" else "$" in code
        return match.group() if match is not None and not own else None
    match = re.search(r"[=,(]\s*(\?)\s*(?:[,)]|$|\s)", code)
    return "?" if match is not None and "%" not in text else None


def _code(text: str) -> str:
    return _LITERAL.sub("''", _NOT_CODE.sub(" ", text))


def values_of(query: QueryText, *, is_spread: bool) -> int | frozenset[str] | None:
    """Return how many values a call is given, or the names of those that it is given; None where that is hidden."""
    import libcst as cst  # listing rules does not need it

    arguments = query.call.node.args
    position = _position(query.call.model)
    if any(a.star or a.keyword is not None for a in arguments) or len(arguments) <= position:
        return None
    rest = [argument.value for argument in arguments[position + 1 :]]
    if not rest:
        return 0
    first = rest[0]
    if query.call.model.paramstyle == "*numeric_dollar":
        return len(rest)
    if is_text(query, query.call.model.paramstyle):
        return len(first.evaluated_value) if isinstance(first, cst.SimpleString) else None
    if isinstance(first, (cst.Tuple, cst.List)) and len(rest) == 1:
        elements = first.elements
        return None if any(isinstance(e, cst.StarredElement) for e in elements) else len(elements)
    if isinstance(first, cst.Dict) and len(rest) == 1 and not is_spread:
        named = [e.key if isinstance(e, cst.DictElement) else None for e in first.elements]
        keys = [key.evaluated_value if isinstance(key, cst.SimpleString) else None for key in named]
        return frozenset(str(key) for key in keys) if None not in keys else None
    if (
        isinstance(first, cst.Call)
        and isinstance(first.func, cst.Name)
        and first.func.value == "dict"
        and not is_spread
    ):
        given = [argument.keyword.value if argument.keyword is not None else None for argument in first.args]
        return frozenset(str(key) for key in given) if given and None not in given else None
    is_one = is_spread and not isinstance(first, (cst.Tuple, cst.List)) and not (len(rest) == 1 and _may_be_list(first))
    return len(rest) if is_one else None


def is_text(query: QueryText, style: str) -> bool:
    """Whether the values are a text, `("abc")`, where the library takes any sequence for values in order."""
    arguments = query.call.node.args
    position = _position(query.call.model) + 1
    is_one = style == "qmark" and len(arguments) == position + 1
    return is_one and type(arguments[position].value).__name__ == "SimpleString"


def _may_be_list(node: object) -> bool:
    """Whether an argument may hold all the values: pyodbc takes them either way."""
    return type(node).__name__ in ("Name", "Attribute", "Call", "Subscript", "Await", "BinaryOperation", "IfExp")


def _position(model: CallModel) -> int:
    return model.sql.position if model.sql is not None and model.sql.position is not None else 0
