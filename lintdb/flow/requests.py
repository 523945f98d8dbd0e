"""Whether the requests of a server run a function at the same time: a handler calls it, directly or through others.

Who calls it is read from names, in all files of the project. What cannot be told is no handler.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from lintdb.flow.users import AnyFunction, Target, Use, find_uses, last_name
from lintdb.syntax.names import FunctionInfo

_MOST_TARGETS = 12
"""Functions between a handler and the one in question, and beside those."""
_ROUTES = frozenset({"route", "get", "post", "put", "delete", "patch", "head", "options", "api_route", "websocket"})
_VERBS = frozenset({"get", "post", "put", "delete", "patch", "head", "options", "dispatch"})
_VIEWS = re.compile(r"\w*(?:View|ViewSet|Resource)")
_TO_THREADS = frozenset({"to_thread", "run_in_executor", "run_in_threadpool", "run_sync", "submit", "sync_to_async"})
_TAKES_TURNS = re.compile(r"lock|sem|mutex|limit", re.IGNORECASE)


def is_run_by_requests(function: FunctionInfo, does_not_count: Callable[[str], bool]) -> bool:
    """Whether several requests may be in a function at once.

    A handler that is a coroutine function runs plain functions one at a time, unless it hands them to a thread; what is
    called with a lock held has its turn. *does_not_count* says of a path that uses in that file do not matter.
    """
    if function.is_module or function.is_nested:
        return False
    first = Target.of(function)
    todo, seen = [first], {first}
    coroutines = {first} if function.is_async else set[Target]()
    while todo and len(seen) <= _MOST_TARGETS:
        target = todo.pop()
        for use in find_uses(target, function, does_not_count):
            if not isinstance(use, Use) or use.by is None or not _is_beside(use, is_async=target in coroutines):
                continue
            if _is_handler(use, use.by):
                return True
            user = use.user
            if user is not None and user not in seen:
                seen.add(user)
                todo.append(user)
                if isinstance(use.by, ast.AsyncFunctionDef):
                    coroutines.add(user)
    return False


def _is_beside(use: Use, *, is_async: bool) -> bool:
    """Whether what calls a function there may do so for another request at the same time."""
    place = use.place
    if any(isinstance(each, ast.With | ast.AsyncWith) and _is_turn(each) for each in place.watched_by):
        return False
    if place.given_to in _TO_THREADS:
        return True
    return place.is_called and (is_async or not isinstance(use.by, ast.AsyncFunctionDef))


def _is_turn(block: ast.With | ast.AsyncWith) -> bool:
    return any(_TAKES_TURNS.search(ast.unparse(item.context_expr)) for item in block.items)


def _is_handler(use: Use, by: AnyFunction) -> bool:
    """`@app.get("/orders")`, a view of Django, a method of a class of views."""
    for decorator in by.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in _ROUTES:
            return True
    outer = use.place.around[use.place.around.index(by) - 1] if use.place.around.index(by) else None
    if isinstance(outer, ast.ClassDef):
        is_view = any(_VIEWS.fullmatch(last_name(each)) for each in outer.bases)
        return is_view and by.name in _VERBS
    params = [each.arg for each in by.args.args]
    return outer is None and params[:1] == ["request"] and not by.decorator_list
