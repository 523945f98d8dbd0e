"""TOML, read with the standard library where it can, else with its backport."""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    from tomllib import TOMLDecodeError, loads
else:  # pragma: no cover - the backport has the same interface
    from tomli import TOMLDecodeError, loads

__all__ = ["TOMLDecodeError", "load_toml"]


def load_toml(text: str) -> dict[str, Any]:
    """Return what a TOML text says; raises `TOMLDecodeError`, a ValueError."""
    return loads(text)
