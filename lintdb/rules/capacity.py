"""How many connections the engines of a project have at least, read from the calls that make them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintdb.syntax.names import ModuleIndex

_MAKERS = ("create_engine", "create_async_engine")
_OTHER_MAKERS = ("engine_from_config", "async_engine_from_config", "SQLALCHEMY_ENGINE_OPTIONS", "SQLAlchemy")
"""What makes engines with settings that are written elsewhere."""
_PLAIN = frozenset({"echo", "pool_recycle", "pool_pre_ping", "future", "pool_timeout", "echo_pool", "query_cache_size"})
_SIZE, _OVERFLOW = 5, 10
"""Defaults of SQLAlchemy's QueuePool, in 1.4 and 2.0."""


def least_connections(index: ModuleIndex, does_not_count: Callable[[str], bool]) -> int:
    """Return the smallest limit of the engines that a project makes; 0 where one cannot be told, or there is none.

    *does_not_count* says of a path that its engines do not matter, as those of tests.
    """
    from lintdb.flow.users import ParsedFile, last_name, parsed_file  # loads libcst, which listing rules does not need
    from lintdb.syntax.plain import walk_tree

    links = index.links
    if links is None or any(_other_files(links.texts_with(word, index), does_not_count) for word in _OTHER_MAKERS):
        return 0
    found: list[int] = []
    for word in _MAKERS:
        for path, text in links.texts_with(word, index) or ():
            file = parsed_file(text) if not does_not_count(path) else None
            if isinstance(file, ParsedFile):
                calls = [node for node in walk_tree(file.tree) if isinstance(node, ast.Call)]
                found += [_limit(call) for call in calls if last_name(call.func) == word]
    return min(found, default=0)


def _other_files(texts: tuple[tuple[str, str], ...] | None, does_not_count: Callable[[str], bool]) -> bool:
    return texts is None or any(not does_not_count(path) for path, _ in texts)


def _limit(call: ast.Call) -> int:
    """Return what one engine is limited to: 0 where its pool is another one, or its size is not written there."""
    given = {each.arg: each.value for each in call.keywords}
    if "poolclass" in given and ast.unparse(given["poolclass"]).rpartition(".")[2] == "NullPool":
        return sys.maxsize
    size, overflow = (
        _number(given.pop(name, ast.Constant(default)))
        for name, default in (("pool_size", _SIZE), ("max_overflow", _OVERFLOW))
    )
    if not given.keys() <= _PLAIN or size <= 0 or overflow < 0:
        return 0
    return size + overflow


def _number(node: ast.expr) -> int:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else -1
