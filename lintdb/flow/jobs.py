"""How many jobs of a worker, which do all the work of a function, run at a time in one process.

Celery forks processes that do one task at a time each; arq runs some jobs beside each other on one loop. Each use of
the function must lead to a job. What cannot be told speaks against it.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable

from lintdb.flow.users import AnyFunction, Target, Unknown, Use, find_uses, last_name
from lintdb.flow.words import BESIDE
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.plain import walk_tree
from lintdb.syntax.refusal import parsed_by_python

_MOST_FUNCTIONS = 12
"""Functions between the one in question and the tasks that run it."""

_CELERY = re.compile("celery")
_ARQ = re.compile(r"(?:^|[._])arq(?:$|[._])")
_APP = re.compile(r"(?:\w+_)?(?:celery|app|capp)(?:_\w+)?", re.IGNORECASE)
"""What an application of Celery is called: others, whose tasks run beside each other, have a broker or a router."""


_AT_ONCE_OF_ARQ = 10
"""What arq runs at a time where nothing else is said (read in its source, 0.25 and 0.26: `Worker.__init__`)."""


def most_jobs_at_once(function: FunctionInfo, does_not_count: Callable[[str], bool]) -> int | None:
    """Return how many jobs that call a function, directly or not, one process runs at a time.

    None where something else may call it. *does_not_count* says of a path that uses in that file do not matter, as
    those in tests.
    """
    if not _may_be_job(function):
        return None
    start = Target.of(function)
    tasks = {start} if function.decorators else set()
    most = 1 if tasks else 0
    todo, seen = [start], {start}
    while todo and len(seen) <= _MOST_FUNCTIONS:
        target = todo.pop()
        uses = list(find_uses(target, function, does_not_count))
        if target.is_open or not (uses or target in tasks):
            return None
        for use in uses:
            if isinstance(use, Use) and function.is_async and (at_once := _listed_by_arq(use, function)):
                most = max(most, at_once)
                continue
            if target in tasks and isinstance(use, Use) and not use.place.is_called:
                continue  # `remind.delay()`, or a schedule: a worker does it
            user = use.user if isinstance(use, Use) else None
            if isinstance(use, Unknown) or use.by is None or user is None or not _runs_here(use, function):
                return None
            if _is_task(use.by, is_known=any(_imports(_CELERY, each) for each in use.outside)):
                tasks.add(user)
                most = max(most, 1)
            elif use.by.decorator_list or any(last_name(node) in BESIDE for node in walk_tree(use.by)):
                return None
            if user not in seen:
                seen.add(user)
                todo.append(user)
    return most if most and not todo else None


def _may_be_job(function: FunctionInfo) -> bool:
    """Whether a function can be a job, or a part of one that does one thing after the other."""
    if function.is_module:
        return False
    if function.is_async:
        return not function.decorators and BESIDE.isdisjoint(function.loads | function.attributes)
    return not function.decorators or _is_itself_task(function)


def _runs_here(use: Use, function: FunctionInfo) -> bool:
    """Whether a use is a call that runs the function there and then.

    One of a coroutine function stands behind `await`: others may run what they are handed at once.
    """
    if use.by is None or not use.place.is_called or use.place.is_deferred or _is_async(use.by) != function.is_async:
        return False
    if not function.is_async:
        return True
    return any(isinstance(node, ast.Await) and node.value is use.place.call for node in walk_tree(use.by))


def _is_async(function: AnyFunction) -> bool:
    return isinstance(function, ast.AsyncFunctionDef)


def _listed_by_arq(use: Use, near: FunctionInfo) -> int:
    """Return how many jobs run at a time by the settings of arq that list a function; 0 if none do so here.

    What mentions their number anywhere else may change it.
    """
    settings = use.place.around[-1] if use.place.around else None
    if not isinstance(settings, ast.ClassDef) or not any(_imports(_ARQ, each) for each in use.outside):
        return 0
    values = {
        last_name(target): each.value
        for each in settings.body
        if isinstance(each, ast.Assign | ast.AnnAssign) and each.value is not None
        for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
    }
    if "functions" not in values and "cron_jobs" not in values:
        return 0
    links = near.index.links
    texts = links.texts_with("max_jobs", near.index) if links is not None else ()
    mentions = sum(text.count("max_jobs") for _, text in texts or ())
    if mentions > ("max_jobs" in values):
        return 0
    given = values.get("max_jobs", ast.Constant(_AT_ONCE_OF_ARQ))
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, int) else 0


def _is_itself_task(function: FunctionInfo) -> bool:
    tree = parsed_by_python(textwrap.dedent(function.index.code_of(function.node)))
    own = tree.body[0] if isinstance(tree, ast.Module) else None
    is_known = any(_CELERY.search(name.lower()) for name in function.index.imported_names())
    return isinstance(own, AnyFunction) and _is_task(own, is_known=is_known)


def _imports(library: re.Pattern[str], statement: ast.stmt) -> bool:
    """Whether a statement imports a library, or what is named for it: `from shop import celery`."""
    if isinstance(statement, ast.ImportFrom):
        names = [statement.module or "", *(each.name for each in statement.names)]
    elif isinstance(statement, ast.Import):
        names = [each.name for each in statement.names]
    else:
        names = []
    return any(library.search(name.lower()) for name in names)


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
