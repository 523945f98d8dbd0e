"""TOML, read with the standard library where it can, else with its backport; and its strings, written."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from typing import Any

if sys.version_info >= (3, 11):
    from tomllib import TOMLDecodeError, loads
else:  # pragma: no cover - the backport has the same interface
    from tomli import TOMLDecodeError, loads

__all__ = ["TOMLDecodeError", "fault_in", "load_toml", "render_list", "render_string"]


def load_toml(text: str) -> dict[str, Any]:
    """Return what a TOML text says; raises `TOMLDecodeError`, a ValueError."""
    return loads(text)


def fault_in(text: str, error: TOMLDecodeError) -> tuple[int, str]:
    """Return the line of what is wrong in a TOML text, from 1, and what it is."""
    place = re.search(r"\(at line (\d+), column \d+\)", str(error))
    reason = str(error).partition(" (at ")[0]
    return (int(place[1]) if place else len(text.splitlines())), reason


def render_string(text: str) -> str:
    """Return *text* as a string of TOML, on one line."""
    # The escapes of JSON are a part of those of TOML, but for characters beyond 16 bits; TOML wants one more.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def render_list(texts: Iterable[str]) -> str:
    """Return *texts* as a list of TOML, on one line."""
    return "[" + ", ".join(map(render_string, texts)) + "]"
