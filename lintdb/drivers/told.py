"""Which version of a library a file is written for, as far as what it says works with old releases alone.

Most scripts pin nothing. Texts are read, not code: comments apart, what looks like it is it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from packaging.version import Version

from lintdb.drivers.catalog import Own, load_driver
from lintdb.effects import Sign

_COMMENT = re.compile(r"^[ \t]*#[^\n]*", re.MULTILINE)


def told_versions(drivers: Iterable[str], text: str, own: Own = ()) -> dict[str, str]:
    """Return the versions of libraries, and of those that they work on, that a file which names them is written for."""
    found: dict[str, str] = {}
    code = ""
    for name in sorted(drivers):
        for each in (name, *load_driver(name, None, own).requires):
            driver = load_driver(each, None, own)
            for sign in driver.signs:
                code = code or _COMMENT.sub("", text)
                older = [version for version in driver.releases if Version(version) < Version(sign.before)]
                if older and _is_said(sign, code):
                    found[each] = max(older, key=Version)
    return found


def _is_said(sign: Sign, code: str) -> bool:
    return _any(sign.code).search(code) is not None and _any(sign.unless).search(code) is None


@functools.cache
def _any(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in patterns) or "(?!)")
