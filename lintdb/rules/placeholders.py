"""Placeholders in the text of a query: which style, and how many; and the values that a call is given for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintdb.flow.knowledge import Knowledge
    from lintdb.flow.results import QueryText

_NOT_CODE = re.compile(r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_LITERAL = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`")
_NAMED = re.compile(r"(?<![:\w\]]):([A-Za-z_]\w*)")
_TYPES = {"pyformat": "sb", "pyformat_bound": "sbt", "pyformat_exact": "s", "pyformat_plain": "sd"}
"""What may follow a `%` that stands for a value: `b` is one of mysqlclient's."""
_ITSELF = frozenset({"pyformat_exact", "pyformat_plain"})
"""Where libraries look for their own placeholders alone: any other `%` is itself, and `%%` is two of them."""
_FORMATS = {
    style: re.compile(rf"%(?:\((?P<name>[^)]*)\))?(?P<type>[{types}{'' if style in _ITSELF else '%'}])")
    for style, types in _TYPES.items()
}
_PERCENT = re.compile(r"%(?:\((?P<name>[^)]*)\))?(?P<type>.?)", re.DOTALL)
_NUMBERS = frozenset("bdfit")
"""What is written for a placeholder by those who think of the language's own formats, or of another library."""
_SKIPPED_OR_LITERAL = re.compile(
    r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|(?P<literal>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")", re.DOTALL
)


@dataclass(frozen=True)
class Quoted:
    """A placeholder within a literal: the literal, and which value it stands for, by its place or its name."""

    literal: str
    value: int | str

    @property
    def is_alone(self) -> bool:
        """Whether nothing else stands in the literal."""
        return _PERCENT.fullmatch(self.literal[1:-1]) is not None


@dataclass(frozen=True)
class Placeholders:
    """What a text has: `count` values in order, or values by `names`. None: that cannot be told."""

    count: int
    names: frozenset[str]


def placeholders_of(text: str, style: str, *, in_literals: bool = True) -> Placeholders | None:
    """Return the placeholders of a text in a driver's style; None where another way of marking is mixed in."""
    if style in _FORMATS:
        # The library replaces them in literals and comments, too.
        found = [m for m in _FORMATS[style].finditer(text if in_literals else _code(text)) if m["type"] != "%"]
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


def wrong_percent(text: str, style: str) -> tuple[str, bool] | None:
    """Return what stands around the first `%` that the library refuses; and whether it is meant as a placeholder.

    None if there is none.
    """
    if style not in _TYPES or style in _ITSELF:
        return None
    for match in _PERCENT.finditer(text):
        name, kind = match["name"], match["type"]
        if kind in _TYPES[style] + "%" and kind and not (kind == "%" and name is not None):
            continue
        if name is not None:
            return f"%({name}){kind if kind in _NUMBERS else ''}", True
        if kind in _NUMBERS and kind and not re.match(r"\w", text[match.end() :]):
            return match.group(), True
        before, after = re.split(r"\s", text[: match.start()])[-1], re.split(r"[\s%]", text[match.start() + 1 :])[0]
        return f"{before}%{after}", False
    return None


def quoted_placeholders(text: str, style: str) -> Iterator[Quoted]:
    """Yield the placeholders of a text that stand within quotes."""
    if style not in _FORMATS or "\\" in text:
        return  # with a backslash it is the server's settings that say where a literal ends
    literals = [match for match in _SKIPPED_OR_LITERAL.finditer(text) if match["literal"]]
    number = 0
    for match in _FORMATS[style].finditer(text):
        if match["type"] == "%":
            continue
        around = next((each for each in literals if each.start() < match.start() < each.end()), None)
        if around is not None:
            yield Quoted(around.group(), match["name"] or number)
        number += not match["name"]


def has_other_style(text: str, style: str, names: frozenset[str] = frozenset()) -> str | None:
    """Return a placeholder of another library's that a text has instead of this one's; *names* are those of values."""
    code = _code(text)
    if style in _FORMATS and "%" not in text:
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


def style_of(query: QueryText, knowledge: Knowledge) -> str:
    """Return how the values of a call are marked in its text: as PEP 249 calls it, with `*` if they are spread."""
    call = query.call
    kind = knowledge.kind(call.receiver) if call.receiver is not None else None
    if call.model.paramstyle or kind is None or call.method not in kind.repeats:
        return call.model.paramstyle
    # What runs a text for many rows marks them as what runs it for one.
    return next((each.paramstyle for each in kind.methods.get("execute", ()) if each.paramstyle), "")
