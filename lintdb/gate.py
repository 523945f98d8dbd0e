"""The text gate: can anything be said about a file at all? It decides on text alone, long before a parser is loaded."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping

from lintdb.drivers.catalog import Own, words

_STATEMENT = re.compile(r"(?:[^#\n]*[:;])?[ \t]*(?:from|import)\b")
_RELATIVE = re.compile(r"\bfrom[ \t]*\.")


@functools.cache
def _patterns(own: Own) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return what to look for in imports, in relative imports, and in the whole text."""
    known = words(own)
    return _any(known.imported), _any(known.nearby), _any(known.builtin, r"\s*\(")


def _any(found: Iterable[str], after: str = r"\b") -> re.Pattern[str]:
    return re.compile(rf"\b({'|'.join(map(re.escape, found)) or '(?!)'}){after}")


def mentioned(text: str, own: Own = ()) -> frozenset[str]:
    """Return the drivers whose libraries an import statement of the text names, or a method or setting of theirs alone.

    Own models describe functions of the project, too: those that a relative import may lead to, and builtin ones.
    """
    imported, nearby, builtin = _patterns(own)
    known = words(own)
    found: set[str] = set()
    # Searching the text for one fixed word and looking at its lines alone is several times faster than any pattern.
    position = text.find("import")
    while position >= 0:
        start = text.rfind("\n", 0, position) + 1
        end = text.find("\n", position)
        while end > 0 and text.endswith(("\\", "\\\r"), start, end):
            end = text.find("\n", end + 1)
        end = len(text) if end < 0 else end
        if _STATEMENT.match(text, start, end) is not None:
            statement = text[start:end].partition("#")[0]
            found |= _named(imported, statement, known.imported)
            if known.nearby and _RELATIVE.search(statement) is not None:
                names = statement if "(" not in statement else text[start : text.find(")", start)]
                found |= _named(nearby, names, known.nearby)
        position = text.find("import", end)
    for method, drivers in known.telltale.items():
        if f".{method}(" in text:
            found |= drivers
    for setting, drivers in known.settings.items():
        if setting in text:
            found |= drivers
    if known.builtin:
        found |= _named(builtin, text, known.builtin)
    return frozenset(found)


def _named(pattern: re.Pattern[str], text: str, drivers: Mapping[str, frozenset[str]]) -> set[str]:
    return {name for word in set(pattern.findall(text)) for name in drivers[word]}


def passes(text: str) -> bool:
    """Whether a file must be looked at: it imports a library that lintdb knows, or calls a method of one alone."""
    return bool(mentioned(text))
