"""The text gate: can anything be said about a file at all? It decides on text alone, long before a parser is loaded."""

from __future__ import annotations

import functools
import re

from lintdb.drivers.catalog import driver_names


@functools.cache
def _pattern() -> re.Pattern[str]:
    names = "|".join(re.escape(name) for name in driver_names())
    # One alternation for the words; a hit counts only on a line that imports something.
    return re.compile(rf"^[ \t]*(?:>>> )?(?:from|import)\b[^\n#]*\b({names})\b", re.MULTILINE)


def mentioned(text: str) -> frozenset[str]:
    """Return the drivers that an import statement of the text names."""
    return frozenset(match.group(1) for match in _pattern().finditer(text))


def passes(text: str) -> bool:
    """Whether a file must be parsed: it imports a library that lintdb knows."""
    return _pattern().search(text) is not None
