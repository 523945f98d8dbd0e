"""The text gate: can anything be said about a file at all? It decides on text alone, long before a parser is loaded."""

from __future__ import annotations

import functools
import re

from lintdb.drivers.catalog import import_roots

_STATEMENT = re.compile(r"(?:[^#\n]*[:;])?[ \t]*(?:from|import)\b")


@functools.cache
def _words() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, import_roots()))})\b")


def mentioned(text: str) -> frozenset[str]:
    """Return the drivers whose libraries an import statement of the text names."""
    # Searching the text for one fixed word and looking at its lines alone is several times faster than any pattern.
    found: set[str] = set()
    position = text.find("import")
    while position >= 0:
        start = text.rfind("\n", 0, position) + 1
        end = text.find("\n", position)
        while end > 0 and text.endswith(("\\", "\\\r"), start, end):
            end = text.find("\n", end + 1)
        end = len(text) if end < 0 else end
        if _STATEMENT.match(text, start, end) is not None:
            found.update(_words().findall(text[start:end].partition("#")[0]))
        position = text.find("import", end)
    roots = import_roots()
    return frozenset(roots[word] for word in found)


def passes(text: str) -> bool:
    """Whether a file must be looked at: it imports a library that lintdb knows."""
    return bool(mentioned(text))
