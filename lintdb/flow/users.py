"""Who uses a function or a class, in its own file and in the others of its project, read from names alone.

What is found may be too much (another function of that name), hardly too little: what cannot be told is an `Unknown`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lintdb.syntax.modules import ModuleName
from lintdb.syntax.names import ClassInfo, FunctionInfo
from lintdb.syntax.outline import imported_names
from lintdb.syntax.refusal import parsed_by_python

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Target:
    """A function or class, as far as names tell: where it is defined, and how it can be reached from elsewhere."""

    name: str
    path: str
    owner: str = ""
    is_nested: bool = False

    @classmethod
    def of(cls, what: FunctionInfo | ClassInfo) -> Target:
        """Return the target that a function or class of the analysis is."""
        if isinstance(what, ClassInfo):
            return cls(what.name, what.index.name.path)
        owner = what.owner.name if what.owner is not None else ""
        return cls(what.name, what.index.name.path, owner, what.is_nested)

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
            module="" if _is_renamed(module, text) else module,
        )

    def is_offered_by(self, path: str, text: str) -> bool:
        """Whether a package has imported it or its class to pass it on, to whoever uses it in whatever way."""
        if Path(path).name != "__init__.py":
            return False
        return any(each.name in (self.name, self.owner) for each in imported_names(text, ModuleName()))

    def is_meant_by(self, node: ast.AST, names: _Names) -> bool:
        """Whether an expression may stand for it."""
        if isinstance(node, ast.Attribute):
            is_of_module = not names.module or last_name(node.value) == names.module
            return names.by_attribute and is_of_module and node.attr == self.name
        return isinstance(node, ast.Name) and names.by_name and node.id == self.name


class _Names(NamedTuple):
    """Whether a file can mean a function by its name alone, and as an attribute: of a module, or of anything."""

    by_name: bool
    by_attribute: bool
    module: str = ""


class Place(NamedTuple):
    """Where a node stands: the functions and classes around it, and what is special about the place.

    `is_main`: in the block that is run if the file is a program; `is_given`: handed to what runs coroutines;
    `is_called`: as what a call calls; `is_annotation`: in an annotation, which does nothing; `is_beside`: in an
    `async with` or `async for`; `is_repeated`: in a loop. Loops and blocks are those within the innermost function.
    """

    around: tuple[AnyFunction | ast.ClassDef, ...] = ()
    is_main: bool = False
    is_given: bool = False
    is_called: bool = False
    is_annotation: bool = False
    is_beside: bool = False
    is_repeated: bool = False


class Use(NamedTuple):
    """One mention of a function: the file, the place in it, and what that file does outside of functions."""

    path: str
    place: Place
    outside: tuple[ast.stmt, ...]

    @property
    def by(self) -> AnyFunction | None:
        """The function that it stands in."""
        return next((each for each in reversed(self.place.around) if isinstance(each, AnyFunction)), None)

    @property
    def user(self) -> Target | None:
        """The same function, as one that can be looked for."""
        by = self.by
        if by is None:
            return None
        at = self.place.around.index(by)
        outer = self.place.around[at - 1] if at else None
        owner = outer.name if isinstance(outer, ast.ClassDef) else ""
        return Target(by.name, self.path, owner, isinstance(outer, AnyFunction))

    @property
    def code(self) -> tuple[ast.AST, ...]:
        """What runs around it: the outermost function, or all that is outside of functions."""
        functions = [each for each in self.place.around if isinstance(each, AnyFunction)]
        return tuple(functions[:1]) or self.outside


class Unknown(NamedTuple):
    """A file that may use a function in ways that names do not tell."""

    path: str


def find_uses(
    target: Target, near: FunctionInfo | ClassInfo, does_not_count: Callable[[str], bool]
) -> Iterator[Use | Unknown]:
    """Yield what mentions a function or class in the project of *near*; in its file alone if there is no project.

    *does_not_count* says of a path that uses in that file do not matter, as those in tests.
    """
    links = near.index.links
    texts = links.texts_with(target.name, near.index) if links is not None else None
    if texts is None:
        texts = ((target.path, near.index.module.code),)
    for path, text in texts:
        if does_not_count(path) and path != target.path:
            continue
        names = target.names_in(path, text)
        tree = parsed_by_python(text) if names.by_name or names.by_attribute else None
        uses = list(_uses_in(tree, target, path, names)) if isinstance(tree, ast.Module) else []
        yield from uses
        is_renamed = names.by_name and _is_renamed(target.name, text)
        is_offered = not uses and target.is_offered_by(path, text)
        if is_renamed or is_offered or isinstance(tree, Exception):
            yield Unknown(path)


def is_called_elsewhere(function: FunctionInfo, does_not_count: Callable[[str], bool]) -> bool:
    """Whether functions in other files of the project call one, under any name: they go on when that ends."""
    target = Target(function.name, function.index.name.path)
    if function.index.links is None or not target.path:
        return False
    for use in find_uses(target, function, does_not_count):
        if use.path != target.path and (isinstance(use, Unknown) or use.by is not None):
            return True
    return False


def last_name(node: ast.AST) -> str:
    """Return the last part of a dotted name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _uses_in(tree: ast.Module, target: Target, path: str, names: _Names) -> Iterator[Use]:
    outside = tuple(each for each in tree.body if not isinstance(each, AnyFunction | ast.ClassDef))
    todo: list[tuple[ast.AST, Place]] = [(each, Place(is_main=_is_main_guard(each))) for each in tree.body]
    while todo:
        node, place = todo.pop()
        if target.is_meant_by(node, names):
            yield Use(path, place, outside)
        todo.extend(_below(node, place))


def _below(node: ast.AST, place: Place) -> Iterator[tuple[ast.AST, Place]]:
    """Yield the parts of a node, each with its place: `run(main)` and `run(main())` both hand it over."""
    inner = place._replace(is_given=False, is_called=False)
    if isinstance(node, AnyFunction | ast.ClassDef):
        inner = Place((*place.around, node))
    elif isinstance(node, ast.AsyncWith | ast.AsyncFor):
        inner = inner._replace(is_beside=True)
    if isinstance(node, ast.For | ast.AsyncFor | ast.While | ast.ListComp | ast.SetComp | ast.DictComp):
        inner = inner._replace(is_repeated=True)
    annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
    runs = node.args if isinstance(node, ast.Call) and "run" in last_name(node.func) else []
    for child in ast.iter_child_nodes(node):
        is_called = isinstance(node, ast.Call) and child is node.func
        is_given = (place.is_given and is_called) or child in runs
        is_annotation = place.is_annotation or child is annotation
        yield child, inner._replace(is_given=is_given, is_called=is_called, is_annotation=is_annotation)


def _is_renamed(name: str, text: str) -> bool:
    """Whether a file imports something under a name of its own."""
    return re.search(rf"\b{name}[ \t]+as\b", text) is not None


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Constant) and node.value == "__main__" for node in ast.walk(statement.test)
    )


def _last_part(dotted: str) -> str:
    return dotted.rpartition(".")[2]
