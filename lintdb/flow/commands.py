"""Whether a function is run by commands alone: somebody has started the process for what it does, and waits for that.

Each use of the function must lead to `if __name__ == "__main__"`, to a function called `main`, or to one that a library
for command lines has registered; none may go through a function that serves for as long as the process lives. What
cannot be told speaks against it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from lintdb.flow.users import AnyFunction, Target, Unknown, Use, find_uses, last_name
from lintdb.syntax.names import FunctionInfo

_MOST_FUNCTIONS = 12
"""Functions between the one in question and the commands that run it."""

_SERVES = frozenset({
    "serve", "serve_forever", "run_forever", "run_app", "run_polling", "run_webhook", "start_polling", "polling",
    "infinity_polling", "loop_forever", "start_consuming", "run_until_disconnected", "idle", "sleep", "run_pending",
    "Thread", "Process", "Timer", "start_server", "create_server", "create_task", "ensure_future", "listen",
})  # fmt: skip
"""What a process calls that goes on until it is stopped, or that leaves its work to others."""

_RUNS_ONCE = frozenset(
    {"asyncio", "anyio", "trio", "curio", "subprocess", "runner", "loop", "uvloop", "pytest", "unittest"}
)
"""Whose `run` comes back when the work is done: that of others may be a server's."""


def is_run_by_commands(function: FunctionInfo, does_not_count: Callable[[str], bool]) -> bool:
    """Whether commands call a function, directly or not, and nothing else of its project ever does.

    *does_not_count* says of a path that uses in that file do not matter, as those in tests.
    """
    if function.is_module or function.decorators:
        return False
    todo = [Target.of(function)]
    seen = set(todo)
    is_started = False
    while todo and len(seen) <= _MOST_FUNCTIONS:
        target = todo.pop()
        uses = list(find_uses(target, function, does_not_count))
        if target.name == "main" and not target.owner and not uses:
            is_started = True  # named in the metadata of a package
            continue
        if not uses:
            return False
        for use in uses:
            if isinstance(use, Unknown) or _serves(use):
                return False
            user = use.user
            if use.by is None and not use.place.is_main:
                return False
            if user is None or _is_command(use.by):
                is_started = True
            elif use.by is not None and use.by.decorator_list:
                return False
            elif user not in seen:
                seen.add(user)
                todo.append(user)
    return is_started and not todo


def _serves(use: Use) -> bool:
    """Whether the function around a use, or the block of a program, goes on until somebody stops it."""
    code = (use.by,) if use.by is not None else use.outside
    return any(_goes_on(node) for each in code for node in ast.walk(each))


def _goes_on(node: ast.AST) -> bool:
    if isinstance(node, ast.While):
        return isinstance(node.test, ast.Constant) and bool(node.test.value)
    if not isinstance(node, ast.Call):
        return False
    name = last_name(node.func)
    if name == "run" and isinstance(node.func, ast.Attribute):
        return last_name(node.func.value) not in _RUNS_ONCE
    return name in _SERVES


def _is_command(function: AnyFunction | None) -> bool:
    """Whether a decorator registers it as one: `@click.command()`, `@app.cli.command("load")`."""
    return function is not None and "command" in _decorators(function)


def _decorators(function: AnyFunction) -> Iterator[str]:
    for decorator in function.decorator_list:
        yield last_name(decorator.func if isinstance(decorator, ast.Call) else decorator)
