"""Where a program writes settings down: in variables of a module, attributes of a class, items of an object."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import libcst as cst

from lintdb.syntax.literals import Evaluator
from lintdb.syntax.mappings import SEVERAL, Items, add, changes_in, inside, is_handed_on
from lintdb.syntax.names import ClassInfo, FunctionInfo, ModuleIndex


@dataclass(frozen=True)
class Settings:
    """The settings that stand together in one place: name → expression.

    `is_complete`: no others can be meant for it. `scope` is the code that its names have a meaning in. `holder` is what
    the object is called that has them as items (`app.config`), empty for variables and attributes. `owner` is the class
    that has them as attributes.
    """

    scope: FunctionInfo
    items: Items
    is_complete: bool
    holder: str = ""
    owner: ClassInfo | None = None

    def name_of(self, key: str) -> str:
        """Return what the dictionary is called that a setting holds; see `mappings.spelled`."""
        return inside(self.holder, key) if self.holder else key


def iter_settings(index: ModuleIndex, words: Collection[str]) -> Iterator[Settings]:
    """Yield each place of a module that gives one of the named settings."""
    seen: set[int] = set()
    for function in index.all_functions:
        if not function.is_module:
            yield from _of_objects(index, function, words, seen)
    yield from _of_objects(index, index.body, words, seen)
    yield from _of_module(index, words)
    for owner in index.classes.values():
        if any(word in owner.body_values for word in words):
            yield _of_class(owner, words)


def _of_module(index: ModuleIndex, words: Collection[str]) -> Iterator[Settings]:
    """Yield the variables; of one that several branches give a value each value stands for itself."""
    given = [word for word in words if word in index.values]
    is_complete = not index.stars and not any(
        is_handed_on(word, index.module) or (index.links is not None and index.links.is_continued(word, index))
        for word in given
    )
    values = {word: [value for value in index.values.get(word, ()) if value is not None] for word in words}
    single = {word: found[0] for word, found in values.items() if len(found) == 1}
    several = [word for word, found in values.items() if len(found) > 1]
    if single:
        yield Settings(index.body, single | dict.fromkeys(several, SEVERAL), is_complete)
    for word in several:
        for value in values[word]:
            yield Settings(index.body, {word: value}, is_complete)


def _of_class(owner: ClassInfo, words: Collection[str]) -> Settings:
    items: Items = {}
    is_complete = not owner.has_unknown_base
    for each in owner.lineage:
        for word in words:
            if word in each.methods or word in each.assigned:
                is_complete = False
            value, _ = each.body_values.get(word, (None, None))
            if value is not None:
                items.setdefault(word, value if each.index is owner.index else SEVERAL)
    return Settings(owner.index.body, items, is_complete, owner=owner)


def _of_objects(
    index: ModuleIndex, function: FunctionInfo, words: Collection[str], seen: set[int]
) -> Iterator[Settings]:
    """Yield the objects that a function gives settings as items; *seen* are expressions that others gave before."""
    evaluator = Evaluator(index, function)
    for holder, changes in changes_in(function).items():
        items: Items = {}
        is_complete = True
        for change in changes:
            given = evaluator.items_of_change(*change) if change is not None else None
            is_complete = is_complete and given is not None
            for key, value in (given or {}).items():
                if key in words and id(value) not in seen:
                    seen.add(id(value))
                    add(items, key, value)
        if items:
            yield Settings(function, items, is_complete, holder)


def first_place(items: Items) -> cst.BaseExpression | None:
    """Return an expression that stands for a place with settings: the first of them."""
    return next((value for value in items.values() if value is not SEVERAL), None)
