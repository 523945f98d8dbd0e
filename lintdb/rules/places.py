"""Where a piece of code stands, as far as rules care: in a test, in a loop, behind a guard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintdb.syntax.names import FunctionInfo

_TEST_FILE = re.compile(r"(?:test_.*|.*_tests?|tests?|conftest)\.py")


def is_test(function: FunctionInfo, path: str) -> bool:
    """Whether code belongs to a test, where an error is the message that somebody waits for."""
    parts = Path(path).parts
    if _TEST_FILE.fullmatch(parts[-1]) or "tests" in parts[:-1]:
        return True
    scope: FunctionInfo | None = function
    while scope is not None and not scope.is_module:
        if scope.name.startswith("test_") or (scope.name.startswith("test") and scope.owner is not None):
            return True
        scope = scope.parent
    return False
