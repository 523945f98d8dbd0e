"""TOML, read with the standard library where it can, else with its backport; and its strings, written."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

if sys.version_info >= (3, 11):
    from tomllib import TOMLDecodeError, loads
else:  # pragma: no cover - the backport has the same interface
    from tomli import TOMLDecodeError, loads

__all__ = ["TOMLDecodeError", "fault_in", "find_line", "load_toml", "render_list", "render_string"]


def load_toml(text: str) -> dict[str, Any]:
    """Return what a TOML text says; raises `TOMLDecodeError`, a ValueError."""
    return loads(text)


def fault_in(text: str, error: TOMLDecodeError) -> tuple[int, str]:
    """Return the line of what is wrong in a TOML text, from 1, and what it is."""
    place = re.search(r"\(at line (\d+), column \d+\)", str(error))
    reason = str(error).partition(" (at ")[0]
    return (int(place[1]) if place else len(text.splitlines())), reason


def find_line(text: str, keys: Sequence[str | int]) -> int:
    """Return the line, from 1, at which the deepest of *keys* that is there stands in a TOML text; 0 if none is.

    They lead from the outermost table inwards; numbers count the items of a list. The reader gives no positions, so
    this asks which word of the text, written otherwise, takes the key away.
    """
    data = load_toml(text)
    lines = text.splitlines(keepends=True)
    for depth in range(len(keys), 0, -1):
        path = keys[:depth]
        word = path[-1]
        if isinstance(word, int) or not _leads_somewhere(data, path):
            continue
        if depth < len(keys) and isinstance(number := keys[depth], int):
            header = re.compile(rf"\s*\[\[[^\]]*(?<![\w-]){re.escape(word)}[\"']?\s*\]\]")
            headers = [line for line, each in enumerate(lines, start=1) if header.match(each)]
            if number < len(headers):
                return headers[number]
        for place in re.finditer(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text):
            if not _leads_somewhere(_load_or_nothing(f"{text[: place.end()]}_{text[place.end() :]}", data), path):
                return text.count("\n", 0, place.start()) + 1
    return 0


def _load_or_nothing(text: str, instead: dict[str, Any]) -> dict[str, Any]:
    try:
        return load_toml(text)
    except TOMLDecodeError:
        return instead


def _leads_somewhere(data: object, keys: Sequence[str | int]) -> bool:
    for key in keys:
        if isinstance(key, int):
            if not isinstance(data, list) or key >= len(data):
                return False
            data = data[key]
        else:
            if not isinstance(data, dict) or key not in data:
                return False
            data = data[key]
    return True


def render_string(text: str) -> str:
    """Return *text* as a string of TOML, on one line."""
    # The escapes of JSON are a part of those of TOML, but for characters beyond 16 bits; TOML wants one more.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def render_list(texts: Iterable[str]) -> str:
    """Return *texts* as a list of TOML, on one line."""
    return "[" + ", ".join(map(render_string, texts)) + "]"
