"""What fills the holes of a query text: where a hole stands in the text, and whether its value can do harm."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintdb.flow.values import Hole, Piece


class Place(enum.Enum):
    """What a hole stands for in the text."""

    QUOTED = "quoted"
    """between quotes: a value, written as a literal"""
    VALUE = "value"
    """where a value is expected"""
    ROW = "row"
    """a whole row of values, with its parentheses and with quotes round its texts: `VALUES {tuple(row)}`"""
    NAME = "name"
    """the name of a table or column, or a piece of the statement"""


@dataclass(frozen=True)
class PlacedHole:
    """A hole with its place; `can_bind` is false in statements that take no parameters.

    `is_list`: it stands for several values, as far as one can see; `is_compared`: with those behind `IN`.
    """

    hole: Hole
    place: Place
    can_bind: bool
    is_list: bool = False
    is_compared: bool = False


_MOST_STEPS = 4
_NO_PARAMETERS = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*(?:create|alter|drop|grant|revoke|set|attach|detach|copy|pragma|vacuum|use|comment|install|"
    r"load|export|import|show|describe|desc|listen|notify|truncate|reset|lock|declare|unload|kill|analyze|refresh|"
    r"begin|savepoint|release|rollback|explain|flush|optimize|system|put|get|reindex|execute|exec|do|"
    r"purge|change\s+(?:master|replication)|(?:start|stop|reset)\s+(?:slave|replica|group_replication))\b",
    re.IGNORECASE,
)
_BEFORE_VALUE = re.compile(
    r"(?:[=<>]|\b(?:like|ilike|limit|offset|between|regexp|rlike))\s*(?:\(\s*)?$|\b(?:in|values)\s*\(\s*$",
    re.IGNORECASE,
)
_IN_DOUBLE_QUOTES = re.compile(
    r"(?:(?<!->)[=<>]|\b(?:like|ilike|between|regexp|rlike))\s*\"[^\"]*$|\b(?:in|values)\s*\(\s*(?:\"[^\"]*\"\s*,\s*)*\"[^\"]*$",
    re.IGNORECASE,
)
"""MySQL takes that for a text, and SQLite does so where no column is called like it; for others it is a name."""
_ARGUMENT_OF_A_TABLE = re.compile(
    r"\b(?:from\s|join\s|table\s*\()\s*[\w.]*\s*\((?:[^()]|\([^()]*\))*$|=>\s*'[^']*$", re.IGNORECASE
)
_BEFORE_ROWS = re.compile(r"\b(?:(?P<values>values?)|in)\s*(?:x\s*,\s*)*$", re.IGNORECASE)
_BEFORE_LIST = re.compile(r"\bin\s*\(\s*$", re.IGNORECASE)
_BEHIND_IN = re.compile(r"\bin\s*(?:\([^()]*)?$", re.IGNORECASE)
_BETWEEN_VALUES = re.compile(r"[\s'\"()]*,[\s'\"(),]*")
_IN_LIST = re.compile(r"\b(?:in|values)\s*\([^()]*,\s*$", re.IGNORECASE)


def asks_for_rows(pieces: Sequence[Piece]) -> bool:
    """Whether a text is a query for rows of a table that is the same each time: more rows can be asked for at once."""
    start = next(iter(pieces), "")
    is_plain = isinstance(start, str) and re.match(r"\s*(?:--[^\n]*\n\s*)*(?:select|with)\b", start, re.IGNORECASE)
    return is_plain is not None and all(hole.place is not Place.NAME for hole in placed_holes(pieces))


def placed_holes(pieces: Sequence[Piece], *, quotes_names: bool = False, start: str = "") -> Iterator[PlacedHole]:
    """Yield the holes of a text with what they stand for.

    *quotes_names*: double quotes are round names alone; *start*: how the text begins that this one is a part of.
    """
    before = ""
    start = start or next((piece for piece in pieces if isinstance(piece, str)), "")
    quotes_names = quotes_names or _quotes_names(pieces)
    can_bind = _NO_PARAMETERS.match(start) is None
    for number, piece in enumerate(pieces):
        if isinstance(piece, str):
            before += piece
            continue
        place = _place(before, quotes_names=quotes_names)
        rows = _BEFORE_ROWS.search(before) if place is Place.NAME and _is_row(piece) else None
        if rows is not None:
            place = Place.ROW if rows["values"] else Place.VALUE
        is_list = rows is not None or _BEFORE_LIST.search(before) is not None or _is_joined(number, pieces)
        # `FROM read_parquet('…')`: functions that give tables want their arguments as literals.
        is_literal = _ARGUMENT_OF_A_TABLE.search(before) is not None
        yield PlacedHole(piece, place, can_bind and not is_literal, is_list, _BEHIND_IN.search(before) is not None)
        before += "0" if not before.endswith(" ") else "x"


def _is_row(hole: Hole) -> bool:
    """Whether a tuple fills a hole, as it is or turned into a text."""
    import libcst as cst  # takes longer than listing rules does

    from lintdb.syntax.literals import only_value

    node: cst.CSTNode = hole.node.expression if isinstance(hole.node, cst.FormattedStringExpression) else hole.node
    for _ in range(_MOST_STEPS):
        if isinstance(node, cst.Name):
            node = only_value(node.value, hole.function) or node
        called = node.func.value if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) else ""
        if called not in ("str", "repr") or not isinstance(node, cst.Call) or len(node.args) != 1:
            return called == "tuple" or isinstance(node, cst.Tuple)
        node = node.args[0].value
    return False


def _is_joined(number: int, pieces: Sequence[Piece]) -> bool:
    """Whether the same hole follows once more, with nothing but a comma and what stands round values between."""
    between = ""
    hole = pieces[number]
    for piece in pieces[number + 1 :]:
        if isinstance(piece, str):
            between += piece
        elif not isinstance(hole, str) and piece.node is hole.node:
            return _BETWEEN_VALUES.fullmatch(between) is not None
    return False


def _quotes_names(pieces: Sequence[Piece]) -> bool:
    """Whether the first thing between double quotes is a name: who writes `SET "a" = "b"` means columns by both."""
    text = "".join(piece if isinstance(piece, str) else "x" for piece in pieces)
    first = text.find('"')
    return first >= 0 and _IN_DOUBLE_QUOTES.search(text[: first + 1]) is None


def _place(before: str, *, quotes_names: bool) -> Place:
    before = re.sub(r"--[^\n]*(?:\n|$)|/\*.*?\*/", " ", before, flags=re.DOTALL)
    if before.count("'") % 2 or (not quotes_names and _IN_DOUBLE_QUOTES.search(before)):
        return Place.QUOTED
    if re.search(r"[\"`\[.]$", before):
        return Place.NAME
    if _BEFORE_VALUE.search(before) or _IN_LIST.search(before):
        return Place.VALUE
    return Place.NAME
