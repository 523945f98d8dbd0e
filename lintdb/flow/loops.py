"""Whether an event loop is started for a coroutine function alone, so that nobody waits while it blocks.

A command does that: `asyncio.run(import_all())`. Each use of the function must lead to a plain function that runs it,
or to a coroutine function of which the same is true. What cannot be told speaks against it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import NamedTuple

import libcst as cst

from lintdb.flow.users import Target, Unknown, Use, find_uses, last_name
from lintdb.flow.words import BESIDE
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.plain import walk_tree
from lintdb.syntax.walk import walk

_THREADS = re.compile(r"_?(?:thread_?pool_?)?executor|_?thread_?pool")
"""What is called so has threads that can wait, where it is there at all."""
_HANDS_OVER = frozenset(
    {"put", "put_nowait", "submit", "run_in_executor", "to_thread", "run_sync", "enqueue", "apply_async"}
)
"""What methods and functions are called that give a function to another thread, or to a queue that one empties."""
_ALONE = frozenset({"create_task", "run_forever", "close", "set_debug", "stop", "is_running"})
"""What is done with a loop that has one task: running something else on it first may leave that there."""
_MOST_FUNCTIONS = 12
"""Coroutine functions between one that blocks and those that run it."""


class _Running(NamedTuple):
    """What one use makes of a coroutine function: it is run, or awaited by another, perhaps beside other things."""

    by: Target | None
    is_run: bool
    is_beside: bool


def has_loop_to_itself(function: FunctionInfo, does_not_count: Callable[[str], bool]) -> bool:
    """Whether commands start a loop for a coroutine function, directly or not, and nothing else ever uses it.

    *does_not_count* says of a path that uses in that file do not matter, as those in tests. Neither the function nor
    its users start anything beside it. See `stands_beside` for single calls.
    """
    if function.decorators or any(_starts_others(each) for each in _reached(function)):
        return False
    todo = [Target.of(function)]
    seen = set(todo)
    is_run = False
    while todo and len(seen) <= _MOST_FUNCTIONS:
        target = todo.pop()
        found = find_uses(target, function, does_not_count)
        # A coroutine that is dropped, or asked for something, never runs: the name belongs to another function there.
        uses = [_running(use) for use in found if isinstance(use, Unknown) or not use.place.is_used_at_once]
        if not uses or target.is_open or any(use.is_beside or not (use.is_run or use.by) for use in uses):
            return False
        is_run = is_run or any(use.is_run for use in uses)
        new = dict.fromkeys(use.by for use in uses if use.by is not None and not use.is_run and use.by not in seen)
        seen.update(new)
        todo.extend(new)
    return is_run and not todo


def stands_beside(node: cst.CSTNode, function: FunctionInfo) -> bool:
    """Whether a call stands in an `async with` or `async for` of its function: a library may have work on the loop."""
    blocks = [each for each in function.nodes if isinstance(each, (cst.For, cst.With)) and each.asynchronous]
    return any(inner is node for block in blocks for inner in walk(block.body))


def stands_without_threads(node: cst.CSTNode, function: FunctionInfo) -> bool:
    """Whether a call runs only where the program has no threads to give it to: `if self.executor is None: ...`."""
    for each in function.nodes:
        if isinstance(each, cst.If):
            when = _says_of_threads(each.test)
            branch = {False: each.body, True: each.orelse}.get(when) if when is not None else None
            inside = list(walk(branch)) if branch is not None else []
            makes = any(isinstance(inner, cst.AssignTarget) and _names_threads(inner.target) for inner in inside)
            if not makes and any(inner is node for inner in inside):
                return True
    return False


def stands_for_others(node: cst.CSTNode, function: FunctionInfo) -> bool:
    """Whether a call of what the function is given runs only where another thread is not there yet to call it.

    `if self.is_alive(): self.jobs.put((call, args))`, and `else: call(*args)`.
    """
    called = node.func if isinstance(node, cst.Call) else None
    if not isinstance(called, cst.Name) or all(param.name.value != called.value for param in function.params):
        return False
    for each in function.nodes:
        if isinstance(each, cst.If) and each.orelse is not None:
            branches = [list(walk(each.body)), list(walk(each.orelse))]
            for here, other in (branches, reversed(branches)):
                if any(inner is node for inner in here):
                    return any(_hands_over(inner, called.value) for inner in other)
    return False


def _hands_over(node: cst.CSTNode, name: str) -> bool:
    """Whether a call gives what a name holds to a queue, or to another thread."""
    method = node.func if isinstance(node, cst.Call) else None
    called = method.attr if isinstance(method, cst.Attribute) else method
    if not isinstance(node, cst.Call) or not isinstance(called, cst.Name) or called.value not in _HANDS_OVER:
        return False
    given = [arg.value for arg in node.args]
    given += [each.value for tuple_ in given if isinstance(tuple_, cst.Tuple) for each in tuple_.elements]
    return any(isinstance(each, cst.Name) and each.value == name for each in given)


def _says_of_threads(test: cst.BaseExpression) -> bool | None:
    """Whether there are threads if a test holds; None where it does not ask for them."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        inner = _says_of_threads(test.expression)
        return None if inner is None else not inner
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        target = test.comparisons[0]
        is_none = isinstance(target.comparator, cst.Name) and target.comparator.value == "None"
        if not is_none or not isinstance(target.operator, (cst.Is, cst.IsNot)) or not _names_threads(test.left):
            return None
        return isinstance(target.operator, cst.IsNot)
    return True if _names_threads(test) else None


def _names_threads(node: cst.BaseExpression) -> bool:
    name = node.attr if isinstance(node, cst.Attribute) else node
    return isinstance(name, cst.Name) and _THREADS.fullmatch(name.value.lower()) is not None


def _running(use: Use | Unknown) -> _Running:
    if isinstance(use, Unknown):
        return _Running(None, is_run=False, is_beside=False)
    # What a coroutine hands over as it is will be called by others, whenever they like.
    if _is_only_task(use):
        return _Running(None, is_run=True, is_beside=False)
    is_handed_over = not (use.place.is_called or use.place.is_given or use.place.is_main)
    is_beside = use.place.is_beside or is_handed_over or use.place.is_deferred
    is_beside = is_beside or any(_is_beside(node) for each in use.code for node in walk_tree(each))
    by = use.by
    if not isinstance(by, ast.AsyncFunctionDef):
        return _Running(None, use.place.is_main or use.place.is_given, is_beside)
    return _Running(None if by.decorator_list else use.user, is_run=False, is_beside=is_beside)


def _is_only_task(use: Use) -> bool:
    """Whether a coroutine is the one task of a loop that its user makes for it and runs: `loop.create_task(work())`."""
    if not isinstance(use.by, ast.FunctionDef) or use.place.is_repeated or use.place.is_deferred:
        return False
    inside = walk_tree(use.by)
    names = [last_name(node) for node in inside if isinstance(node, ast.Name | ast.Attribute)]
    started = [name for name in names if name in BESIDE]
    if "new_event_loop" not in names or sorted(started) != ["create_task", "run_forever"]:
        return False
    tasks = [node for node in inside if isinstance(node, ast.Call) and use.place.call in node.args]
    loops = [_receiver(task) for task in tasks if last_name(task.func) == "create_task"]
    return len(loops) == 1 and _has_to_itself(use.by, loops[0])


def _receiver(call: ast.Call) -> str:
    value = getattr(call.func, "value", None)
    return value.id if isinstance(value, ast.Name) else ""


def _has_to_itself(function: ast.FunctionDef, name: str) -> bool:
    """Whether a variable is the function's own, and nobody else gets its value: it is called, and made current."""
    inside = walk_tree(function)
    if any(isinstance(node, ast.Global | ast.Nonlocal) and name in node.names for node in inside):
        return False
    own = {id(node.value) for node in inside if isinstance(node, ast.Attribute) and node.attr in _ALONE}
    calls = (node for node in inside if isinstance(node, ast.Call) and last_name(node.func) == "set_event_loop")
    own |= {id(arg) for node in calls for arg in node.args}
    used = [node for node in inside if isinstance(node, ast.Name) and node.id == name]
    return all(isinstance(node.ctx, ast.Store) or id(node) in own for node in used) and bool(used)


def _is_beside(node: ast.AST) -> bool:
    is_wait = isinstance(node, ast.Attribute) and node.attr == "wait" and last_name(node.value) == "asyncio"
    return is_wait or last_name(node) in BESIDE


def _starts_others(function: FunctionInfo) -> bool:
    """Whether a function mentions what runs other things beside it."""
    if not BESIDE.isdisjoint(_mentioned(function)):
        return True
    return any(function.index.dotted(call.func, function) == "asyncio.wait" for call in function.calls)


def _reached(function: FunctionInfo) -> list[FunctionInfo]:
    """Return a function with those of its class and those of its file that they may call, by their names."""
    everywhere = function.index.all_functions
    reached = [each for each in everywhere if each is function or (each.owner and each.owner is function.owner)]
    for current in reached:  # grows
        reached += [each for each in everywhere if each.name in _mentioned(current) and each not in reached]
    return reached


def _mentioned(function: FunctionInfo) -> set[str]:
    return function.loads | function.attributes
