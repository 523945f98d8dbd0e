"""Texts that are put together from pieces: what is known of them, and which expressions fill the holes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeGuard, TypeVar

from lintdb.flow import ir
from lintdb.flow.values import Hole, Literal, Opening, Piece, Value

MAX_PIECES = 60
_Filler = TypeVar("_Filler")
"""What fills the gaps of a template: holes, or what they are made of."""
_CONVERSION = re.compile(
    r"%(?:\((?P<key>[^)]*)\))?[#0\- +]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[hlL]?(?P<type>[diouxXeEfFgGcrsab%])"
)
_FIELD = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}!:]*)(?:![rsa])?(?::[^{}]*?(?P<type>[a-zA-Z%]?))?\}")
_VARIABLE = re.compile(r"\$(?:\$|(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\})")
_PATTERNS = {"%": _CONVERSION, "{": _FIELD, "$": _VARIABLE}
ANY_KEY = "*"
"""Stands for all names that have no value of their own: `text.format(**values)`."""
_NUMBERS = frozenset("bdeEfFgGinouxX")
"""Conversions of `%` and `format()` that take nothing but a number (or, in `format()`, a date)."""


def text_of(pieces: Sequence[Piece]) -> Literal:
    """Return the value of a text: a plain literal, or one of which only the start is known, with what follows it."""
    merged: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif piece != "":
            merged.append(piece)
    start = ""
    if merged and isinstance(merged[0], str):
        start = merged[0]
        merged = merged[1:]
    return Literal(start, bool(merged), tuple(merged[:MAX_PIECES]))


def pieces_of(value: Value | None, hole: Hole) -> list[Piece]:
    """Return what a value puts into a text: what is known of it, or a hole."""
    if not isinstance(value, Literal):
        return [hole]
    if not isinstance(value.value, str):
        return [str(value.value)]
    if value.is_prefix and not value.rest:
        return [value.value, hole]
    return [value.value, *value.rest]


def known_pieces(value: Value | None) -> tuple[Piece, ...] | None:
    """Return the pieces of a text that is known to its end, but for the holes; None for anything else."""
    if not isinstance(value, Literal) or not isinstance(value.value, str) or (value.is_prefix and not value.rest):
        return None
    return (value.value, *value.rest)


def is_text(value: Value | None) -> TypeGuard[Literal]:
    """Whether a value is a text of which something is known."""
    return isinstance(value, Literal) and isinstance(value.value, str)


def is_sentence(text: str) -> bool:
    """Whether a text has several words, as statements have; names and addresses have one, and may be settings."""
    return len(text.split(maxsplit=1)) > 1


def opening_of(text: Literal, length: int) -> Opening | None:
    """Return what a function gets to know of a statement of which it asks no more than how it begins.

    Space at the start counts as one character. None where not as much of the text is known.
    """
    value = str(text.value)
    start = value.lstrip()
    if not is_sentence(value) or (text.is_prefix and len(start) < length):
        return None
    return Opening(start[:length] if start == value else f" {start[:length]}")


def lengthened(text: Literal, added: Sequence[Piece]) -> Literal:
    """`text += added`: what a loop adds again is added once, so that a loop comes to an end."""
    pieces: list[Piece] = [str(text.value), *text.rest]
    new = [piece for piece in added if piece != ""]
    size = len(new)
    if has_been_added(pieces, new) or any(pieces[at : at + size] == new for at in range(1, len(pieces) - size + 1)):
        return text
    if len(new) == 1 and isinstance(new[0], str) and any(isinstance(p, str) and p.endswith(new[0]) for p in pieces):
        return text if text.is_prefix else Literal(text.value, True)
    return text_of([*pieces, *new])


def shortened(text: Literal, cut: int) -> Literal:
    """`text[:-1]`: without its last characters, as far as these are known; a hole at the end may lose them as well."""
    pieces = known_pieces(text)
    if pieces is None or not isinstance(pieces[-1], str):
        return text
    return text_of([*pieces[:-1], pieces[-1][:-cut]])


def has_been_added(pieces: Sequence[Piece], new: Sequence[Piece]) -> bool:
    """Whether a text has the holes that are to be added, with what stands round them.

    Strings that follow one another have become one: what is added is to be found within them.
    """
    size = len(new)
    if not any(isinstance(piece, Hole) for piece in new):
        return False
    return any(_is_same(pieces[start : start + size], new) for start in range(len(pieces) - size + 1))


def _is_same(part: Sequence[Piece], new: Sequence[Piece]) -> bool:
    last = len(new) - 1
    for number, (old, piece) in enumerate(zip(part, new, strict=True)):
        if isinstance(old, str) and isinstance(piece, str):
            is_there = old.endswith(piece) if number == 0 else old.startswith(piece) if number == last else old == piece
        else:
            is_there = old == piece
        if not is_there:
            return False
    return True


def filled(
    template: Sequence[str | _Filler], operand: ir.Format, values: Mapping[object, Sequence[str | _Filler]]
) -> list[str | _Filler] | None:
    """Put values into the gaps of a template; None where it cannot be seen which value goes where."""
    pattern = _PATTERNS[operand.style]
    gaps = [match for piece in template if isinstance(piece, str) for match in _gaps(pattern, piece)]
    positional = [key for key in values if isinstance(key, int)]
    if operand.style == "%" and not any(match["key"] for match in gaps) and len(gaps) != len(positional):
        return None
    found: list[str | _Filler] = []
    number = 0
    for piece in template:
        if not isinstance(piece, str):
            found.append(piece)
            continue
        end = 0
        for match in pattern.finditer(piece):
            found.append(piece[end : match.start()])
            end = match.end()
            if match.group() in ("%%", "{{", "}}", "$$"):
                found.append(match.group()[0])
                continue
            name = _name_of(match, operand.style)
            key: object = name or number
            if not name:
                number += 1
            elif operand.style == "{" and name.isdigit():
                key = int(name)
            if key not in values:
                # `"%(name)s" % values`: what a mapping has under the name.
                key = 0 if operand.style == "%" and name else ANY_KEY
            if key not in values:
                return None
            is_number = operand.style != "$" and (match["type"] or "s") in _NUMBERS
            found += ["0" if is_number and not isinstance(each, str) else each for each in values[key]]
        found.append(piece[end:])
    return found


def _name_of(match: re.Match[str], style: str) -> str:
    """Return the name that a gap asks for; empty where it takes what comes next."""
    if style == "$":
        return match["name"] or match["braced"] or ""
    return (match["key"] or "") if style == "%" else re.split(r"[.\[]", match["name"])[0]


def replaced(template: Sequence[Piece], values: dict[object, list[Piece]]) -> list[Piece]:
    """Put values where the template says something else; what has been put in before is left as it is."""
    found = list(template)
    for old, new in values.items():
        pieces, found = found, []
        for piece in pieces:
            parts = piece.split(str(old)) if isinstance(piece, str) else []
            for number, part in enumerate(parts):
                found += [*new, part] if number else [part]
            found += [] if parts else [piece]
    return found


def _stripped_left(text: Sequence[Piece], values: dict[object, list[Piece]]) -> list[Piece]:
    """`text.lstrip(", ")`: what a hole at the end brings along is not known."""
    first, *rest = text
    return [first.lstrip(_characters(values)) if isinstance(first, str) else first, *rest]


def _stripped_right(text: Sequence[Piece], values: dict[object, list[Piece]]) -> list[Piece]:
    *rest, last = text
    return [*rest, last.rstrip(_characters(values)) if isinstance(last, str) else last]


def _stripped(text: Sequence[Piece], values: dict[object, list[Piece]]) -> list[Piece]:
    return _stripped_right(_stripped_left(text, values), values)


def _characters(values: dict[object, list[Piece]]) -> str | None:
    return str(values[0][0]) if values else None


CHANGES: dict[str, Callable[[Sequence[Piece], dict[object, list[Piece]]], list[Piece]]] = {
    "=": replaced, "strip": _stripped, "lstrip": _stripped_left, "rstrip": _stripped_right,
}  # fmt: skip
"""What makes another text of one, by the `style` of its operand."""


def _gaps(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    return (match for match in pattern.finditer(text) if match.group() not in ("%%", "{{", "}}"))
