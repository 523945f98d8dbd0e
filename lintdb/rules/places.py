"""Where a piece of code stands, as far as rules care: in a test, in a loop, behind a guard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintdb.syntax.names import FunctionInfo

_TEST_FILE = re.compile(r"(?:test_.*|.*_tests?|tests?|conftest)\.py")


_ROUTES = frozenset({
    "route", "get", "post", "put", "delete", "patch", "head", "options", "websocket", "api_route", "before_request",
    "after_request", "middleware",
})  # fmt: skip


def is_handler(function: FunctionInfo) -> bool:
    """Whether a decorator registers the function to answer requests, of which there are many at a time."""
    for decorator in function.decorators:
        target = getattr(decorator, "func", None)
        name = getattr(getattr(target, "attr", None), "value", "")
        if name in _ROUTES and getattr(decorator, "args", None):
            return True
    return False


def is_migration(path: str) -> bool:
    """Whether a file changes a database from one version to the next: it runs once."""
    return not {"migrations", "alembic", "versions"}.isdisjoint(Path(path).parts[:-1])


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
