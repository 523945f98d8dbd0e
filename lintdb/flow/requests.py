"""Whether the requests of a server run a function at the same time: a handler calls it, directly or through others.

Who calls it is read from names, in all files of the project. What cannot be told is no handler.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lintdb.flow.users import AnyFunction, Target, Use, find_uses, last_name
from lintdb.syntax.names import ClassInfo, FunctionInfo
from lintdb.syntax.plain import walk_tree

_MOST_TARGETS = 12
"""Functions between a handler and the one in question, and beside those."""
_ROUTES = frozenset({"route", "get", "post", "put", "delete", "patch", "head", "options", "api_route", "websocket"})
_VERBS = frozenset({"get", "post", "put", "delete", "patch", "head", "options", "dispatch"})
_VIEWS = re.compile(r"\w*(?:View|ViewSet|Resource)")
_TO_THREADS = frozenset({"to_thread", "run_in_executor", "run_in_threadpool", "run_sync", "submit", "sync_to_async"})
_TAKES_TURNS = re.compile(r"lock|sem|mutex|limit", re.IGNORECASE)


class Kept(NamedTuple):
    """An object that a module keeps: the name that it has there, and the path of the file."""

    name: str
    path: str


def kept_by_modules(owner: ClassInfo, does_not_count: Callable[[str], bool]) -> list[Kept]:
    """Return the objects of a class that modules make when they are imported, and keep: `users = Users()`."""
    found = []
    for use in find_uses(Target.of(owner), owner, does_not_count):
        if not isinstance(use, Use) or use.place.around or use.place.is_main or does_not_count(use.path):
            continue
        for statement in (node for each in use.outside for node in walk_tree(each)):
            if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is use.place.call is not None:
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                found += [Kept(each.id, use.path) for each in targets if isinstance(each, ast.Name)]
    return found


def is_run_by_requests(
    function: FunctionInfo, does_not_count: Callable[[str], bool], kept: Sequence[Kept] | None = None
) -> bool:
    """Whether several requests may be in a function at once.

    A handler that is a coroutine function runs plain functions one at a time, unless it hands them to a thread; what is
    called with a lock held has its turn. *does_not_count* says of a path that uses in that file do not matter. *kept*:
    it is a method, and only those requests count that call it on one of these objects.
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
            if kept is not None and target.owner == first.owner and not _is_of_one(use, target, kept):
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


def _is_of_one(use: Use, target: Target, kept: Sequence[Kept]) -> bool:
    """Whether a method is called on one of some objects, as far as names tell, or by another method of its class."""
    base = use.place.base
    name = last_name(base) if base is not None else ""
    if name in ("self", "cls"):
        return use.user is not None and (use.user.owner, use.user.path) == (target.owner, target.path)
    if isinstance(base, ast.Attribute):
        return any(each.name == name for each in kept)
    functions = [each for each in use.place.around if isinstance(each, AnyFunction)]
    is_local = any(_binds(name, each) for each in functions)
    return not is_local and any(
        each.name == name and (each.path == use.path or _imports(name, (*use.outside, *functions))) for each in kept
    )


def _binds(name: str, function: AnyFunction) -> bool:
    """Whether a function has a variable or parameter of a name."""
    return any(
        (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.arg) and node.arg == name)
        for node in walk_tree(function)
    )


def _imports(name: str, code: Sequence[ast.AST]) -> bool:
    """Whether code imports something under a name, or all that a module has."""
    statements = (node for each in code for node in walk_tree(each) if isinstance(node, ast.Import | ast.ImportFrom))
    return any((alias.asname or alias.name) in (name, "*") for each in statements for alias in each.names)


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
