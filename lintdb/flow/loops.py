"""Whether an event loop is started for a coroutine function alone, so that nobody waits while it blocks.

A command does that: `asyncio.run(import_all())`. Who uses a function is read from names, in its own file and in the
others of its project: each use must lead to a plain function that runs it, or to a coroutine function of which the same
is true. What cannot be told speaks against it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import libcst as cst

from lintdb.syntax.modules import ModuleName
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.outline import imported_names
from lintdb.syntax.refusal import parsed_by_python
from lintdb.syntax.walk import walk

_BESIDE = frozenset({
    "create_task", "ensure_future", "gather", "as_completed", "wait", "TaskGroup", "create_task_group", "open_nursery",
    "start_soon", "start_server", "create_server", "serve", "serve_forever", "run_forever", "run_coroutine_threadsafe",
    "call_later", "call_soon", "add_reader", "add_signal_handler",
})  # fmt: skip
"""What has a part in everything that runs on an event loop beside the coroutine that it was started for."""

_MOST_FUNCTIONS = 12
"""Coroutine functions between one that blocks and those that run it."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class _Target:
    """A coroutine function, as far as names tell: where it is defined, and how it can be reached from elsewhere."""

    name: str
    path: str
    owner: str = ""
    is_nested: bool = False

    def names_in(self, path: str, text: str) -> _Names:
        """Return how a file can mean it: private and nested functions stay where they are."""
        if path == self.path:
            return _Names(by_name=not self.owner, by_attribute=bool(self.owner))
        if self.name.startswith("_") or self.is_nested:
            return _Names(by_name=False, by_attribute=False)
        if self.owner:
            return _Names(by_name=False, by_attribute=True)
        place = Path(self.path)
        module = place.stem if place.stem != "__init__" else place.parent.name
        imported = imported_names(text, ModuleName())
        given = [each for each in imported if _last_part(each.base) == module]
        return _Names(
            by_name=any(each.name in (self.name, "*") for each in given),
            by_attribute=any(_last_part(each.name or each.base) == module for each in imported),
        )

    def is_meant_by(self, node: ast.AST, names: _Names) -> bool:
        """Whether an expression may stand for it."""
        if isinstance(node, ast.Attribute):
            return names.by_attribute and node.attr == self.name
        return isinstance(node, ast.Name) and names.by_name and node.id == self.name


class _Names(NamedTuple):
    """Whether a file can mean a function by its name alone, and as an attribute of something."""

    by_name: bool
    by_attribute: bool


@dataclass(frozen=True)
class _Use:
    """One mention: by whom, and whether it is given to what runs it, or stands among what runs beside it.

    `is_top`: outside of functions.
    """

    by: _Target | None
    is_run: bool
    is_beside: bool
    is_top: bool = False


def has_loop_to_itself(function: FunctionInfo, does_not_count: Callable[[str], bool]) -> bool:
    """Whether commands start a loop for a coroutine function, directly or not, and nothing else ever uses it.

    *does_not_count* says of a path that uses in that file do not matter, as those in tests. Neither the function nor
    its users start anything beside it. See `stands_beside` for single calls.
    """
    if function.decorators or any(not _BESIDE.isdisjoint(_mentioned(each)) for each in _reached(function)):
        return False
    owner = function.owner.name if function.owner is not None else ""
    todo = [_Target(function.name, function.index.name.path, owner, function.is_nested)]
    seen = set(todo)
    is_run = False
    while todo and len(seen) <= _MOST_FUNCTIONS:
        uses = list(_uses(todo.pop(), function, does_not_count))
        if not uses or any(use.is_beside or not (use.is_run or use.by) for use in uses):
            return False
        is_run = is_run or any(use.is_run for use in uses)
        new = dict.fromkeys(use.by for use in uses if use.by is not None and not use.is_run and use.by not in seen)
        seen.update(new)
        todo.extend(new)
    return is_run and not todo


def is_called_elsewhere(function: FunctionInfo, does_not_count: Callable[[str], bool]) -> bool:
    """Whether functions in other files of the project call one, under any name: they go on when that ends."""
    links, path = function.index.links, function.index.name.path
    target = _Target(function.name, path)
    texts = links.texts_with(function.name, function.index) if links is not None and path else None
    for other, text in texts or ():
        names = target.names_in(other, text)
        if other == path or does_not_count(other) or not names.by_name:
            continue
        tree = parsed_by_python(text)
        is_used = isinstance(tree, ast.Module) and any(
            not use.is_top for use in _Reader(target, other, names).uses(tree)
        )
        if is_used or _is_renamed(target, text):
            return True
    return False


def _reached(function: FunctionInfo) -> list[FunctionInfo]:
    """Return a function with those of its class and those of its file that they may call, by their names."""
    everywhere = function.index.all_functions
    reached = [each for each in everywhere if each is function or (each.owner and each.owner is function.owner)]
    for current in reached:  # grows
        reached += [each for each in everywhere if each.name in _mentioned(current) and each not in reached]
    return reached


def _mentioned(function: FunctionInfo) -> set[str]:
    return function.loads | function.attributes


def stands_beside(node: cst.CSTNode, function: FunctionInfo) -> bool:
    """Whether a call stands in an `async with` or `async for` of its function: a library may have work on the loop."""
    blocks = [each for each in walk(function.node) if isinstance(each, (cst.For, cst.With)) and each.asynchronous]
    return any(inner is node for block in blocks for inner in walk(block.body))


def _uses(target: _Target, function: FunctionInfo, does_not_count: Callable[[str], bool]) -> Iterator[_Use]:
    links = function.index.links
    texts = links.texts_with(target.name, function.index) if links is not None else None
    if texts is None:
        texts = ((target.path, function.index.module.code),)
    for path, text in texts:
        if does_not_count(path) and path != target.path:
            continue
        names = target.names_in(path, text)
        tree = parsed_by_python(text) if names.by_name or names.by_attribute else None
        if isinstance(tree, ast.Module):
            yield from _Reader(target, path, names).uses(tree)
        is_renamed = names.by_name and _is_renamed(target, text)
        if is_renamed or _is_offered(target, path, text) or isinstance(tree, Exception):
            yield _Use(None, is_run=False, is_beside=False)


def _is_renamed(target: _Target, text: str) -> bool:
    """Whether a file imports it under a name of its own."""
    return re.search(rf"\b{target.name}[ \t]+as\b", text) is not None


def _is_offered(target: _Target, path: str, text: str) -> bool:
    """Whether a package passes the function on, or its class, to whoever uses it, and may do so in any way."""
    if Path(path).name != "__init__.py":
        return False
    return any(each.name in (target.name, target.owner) for each in imported_names(text, ModuleName()))


class _Place(NamedTuple):
    """Where a node stands: the functions and classes around it, and what is special about the place.

    `is_main`: in the block that is run if the file is a program; `is_given`: handed to what runs coroutines.
    """

    around: tuple[ast.AST, ...] = ()
    is_main: bool = False
    is_given: bool = False
    is_beside: bool = False


class _Reader:
    """Finds the uses of a function in one file."""

    def __init__(self, target: _Target, path: str, names: _Names) -> None:
        self._target = target
        self._path = path
        self._names = names

    def uses(self, tree: ast.Module) -> Iterator[_Use]:
        outside = [each for each in tree.body if not isinstance(each, _Function | ast.ClassDef)]
        todo: list[tuple[ast.AST, _Place]] = [(each, _Place(is_main=_is_main_guard(each))) for each in tree.body]
        while todo:
            node, place = todo.pop()
            if self._target.is_meant_by(node, self._names):
                yield self._use(place, outside)
            todo.extend(_below(node, place))

    def _use(self, place: _Place, outside: list[ast.stmt]) -> _Use:
        functions = [each for each in place.around if isinstance(each, _Function)]
        code = functions[:1] or outside
        is_beside = place.is_beside or any(_last_name(node) in _BESIDE for each in code for node in ast.walk(each))
        by = functions[-1] if functions else None
        if not isinstance(by, ast.AsyncFunctionDef):
            return _Use(None, place.is_main or place.is_given, is_beside, is_top=by is None)
        at = place.around.index(by)
        outer = place.around[at - 1] if at else None
        owner = outer.name if isinstance(outer, ast.ClassDef) else ""
        user = _Target(by.name, self._path, owner, isinstance(outer, _Function))
        return _Use(None if by.decorator_list else user, is_run=False, is_beside=is_beside)


def _below(node: ast.AST, place: _Place) -> Iterator[tuple[ast.AST, _Place]]:
    """Yield the parts of a node, each with its place: `run(main)` and `run(main())` both hand it over."""
    inner = place._replace(is_given=False)
    if isinstance(node, _Function | ast.ClassDef):
        inner = _Place((*place.around, node))
    elif isinstance(node, ast.AsyncWith | ast.AsyncFor):
        inner = inner._replace(is_beside=True)
    runs = node.args if isinstance(node, ast.Call) and "run" in _last_name(node.func) else []
    for child in ast.iter_child_nodes(node):
        is_called = place.is_given and isinstance(node, ast.Call) and child is node.func
        yield child, inner._replace(is_given=is_called or child in runs)


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Constant) and node.value == "__main__" for node in ast.walk(statement.test)
    )


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _last_part(dotted: str) -> str:
    return dotted.rpartition(".")[2]
