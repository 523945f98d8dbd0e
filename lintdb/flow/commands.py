"""Whether a function is a part of commands alone: somebody has started the process for that, and looks on.

Each use of the function must lead to `if __name__ == "__main__"`, to a function called `main`, or to one that a library
for command lines has registered; none may go through a function that serves for as long as the process lives, and one
must print. What cannot be told speaks against it.
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

_PRINTS = frozenset({"print", "echo", "secho", "tqdm"})
"""How a command tells whoever has started it how far it is. A job of the night writes to a log."""

_RUNS_ONCE = frozenset(
    {"asyncio", "anyio", "trio", "curio", "subprocess", "runner", "loop", "uvloop", "pytest", "unittest"}
)
"""Whose `run` comes back when the work is done: that of others may be a server's."""


def is_part_of_commands(function: FunctionInfo, does_not_count: Callable[[str], bool]) -> bool:
    """Whether commands that print call a function, directly or not, and nothing else of its project ever does.

    *does_not_count* says of a path that uses in that file do not matter, as those in tests.
    """
    if function.is_module or function.decorators:
        return False
    todo = [Target.of(function)]
    seen = set(todo)
    is_started = False
    prints = not _PRINTS.isdisjoint((*function.loads, *function.attributes))
    while todo and len(seen) <= _MOST_FUNCTIONS:
        target = todo.pop()
        uses = list(find_uses(target, function, does_not_count))
        if target.name == "main" and not target.owner and not uses:
            is_started = True  # named in the metadata of a package
            continue
        if not uses:
            return False
        for use in uses:
            if isinstance(use, Unknown) or not _may_be_command(use):
                return False
            prints = prints or any(last_name(node) in _PRINTS for each in _code(use) for node in ast.walk(each))
            user = use.user
            if user is None or _is_command(use.by):
                is_started = True
            elif user not in seen:
                seen.add(user)
                todo.append(user)
    return is_started and prints and not todo


def _may_be_command(use: Use) -> bool:
    """Whether a use stands in a program's block, or in a function that ends and that nothing unknown calls."""
    if use.by is None and not use.place.is_main:
        return False
    if use.by is not None and use.by.decorator_list and not _is_command(use.by):
        return False
    return not any(_goes_on(node) for each in _code(use) for node in ast.walk(each))


def _code(use: Use) -> tuple[ast.AST, ...]:
    return (use.by,) if use.by is not None else use.outside


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
