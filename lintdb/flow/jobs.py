"""Whether a function does the work of Celery's tasks alone: a worker forks processes that do one task at a time each.

Each use of the function must lead to a task. What cannot be told speaks against it.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable

from lintdb.flow.users import AnyFunction, Target, Unknown, Use, find_uses, last_name
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.refusal import parsed_by_python

_MOST_FUNCTIONS = 12
"""Functions between the one in question and the tasks that run it."""

_APP = re.compile(r"(?:\w+_)?(?:celery|app|capp)(?:_\w+)?", re.IGNORECASE)
"""What an application of Celery is called: others, whose tasks run beside each other, have a broker or a router."""


def is_work_of_tasks(function: FunctionInfo, does_not_count: Callable[[str], bool]) -> bool:
    """Whether tasks of Celery call a function, directly or not, and nothing else of its project ever does.

    *does_not_count* says of a path that uses in that file do not matter, as those in tests.
    """
    if function.is_module or function.is_async:
        return False
    start = Target.of(function)
    tasks = {start} if function.decorators else set()
    if function.decorators and not _is_itself_task(function):
        return False
    todo, seen = [start], {start}
    while todo and len(seen) <= _MOST_FUNCTIONS:
        target = todo.pop()
        uses = list(find_uses(target, function, does_not_count))
        if target.is_open or not (uses or target in tasks):
            return False
        for use in uses:
            if target in tasks and isinstance(use, Use) and not use.place.is_called:
                continue  # `remind.delay()`, or a schedule: a worker does it
            user = use.user if isinstance(use, Use) else None
            if isinstance(use, Unknown) or use.by is None or user is None:
                return False
            if not use.place.is_called or use.place.is_deferred:
                return False
            if _is_task(use.by, is_known=any(_imports_celery(each) for each in use.outside)):
                tasks.add(user)
            elif use.by.decorator_list or isinstance(use.by, ast.AsyncFunctionDef):
                return False
            if user not in seen:
                seen.add(user)
                todo.append(user)
    return not todo


def _is_itself_task(function: FunctionInfo) -> bool:
    tree = parsed_by_python(textwrap.dedent(function.index.code_of(function.node)))
    own = tree.body[0] if isinstance(tree, ast.Module) else None
    is_known = any("celery" in name.lower() for name in function.index.imported_names())
    return isinstance(own, AnyFunction) and _is_task(own, is_known=is_known)


def _imports_celery(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return "celery" in (statement.module or "").lower() or any("celery" in each.name for each in statement.names)
    return isinstance(statement, ast.Import) and any("celery" in each.name for each in statement.names)


def _is_task(function: AnyFunction, *, is_known: bool) -> bool:
    """Whether it is a task; *is_known*: its file imports Celery, or an application of it."""
    if not is_known or not isinstance(function, ast.FunctionDef):
        return False
    return any(_makes_task(each) for each in function.decorator_list)


def _makes_task(decorator: ast.expr) -> bool:
    """`@shared_task`, `@app.task(bind=True)`."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    if last_name(target) == "shared_task":
        return True
    return (
        isinstance(target, ast.Attribute)
        and target.attr == "task"
        and _APP.fullmatch(last_name(target.value)) is not None
    )
