"""Indentation that Python takes and libcst does not: blanks and tabs mixed, of the same width however one counts."""

from __future__ import annotations

import io
import tokenize


def with_blanks(text: str) -> str | None:
    """Return a text whose lines are indented with blanks alone; None if it is so already, or cannot be split in tokens.

    A tab goes on to the next multiple of eight, as in Python's own grammar. Lines stay lines, and what stands within
    a text over several lines stays as it is; columns change.
    """
    lines = list(io.StringIO(text))  # as they are counted below: other breaks than these are none to Python
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return None
    within = {line for each in tokens for line in range(each.start[0] + 1, each.end[0] + 1)}
    changed = [line if number in within else _expanded(line) for number, line in enumerate(lines, 1)]
    return "".join(changed) if changed != lines else None


def _expanded(line: str) -> str:
    bare = line.lstrip(" \t")
    return line[: len(line) - len(bare)].expandtabs(8) + bare
