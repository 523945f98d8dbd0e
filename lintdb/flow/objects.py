"""Objects that hold objects: what a caller and its callee call the attributes of both.

On either side of a call an object has another name, and so has what it holds: `app.store.conn` of the caller is
`self.store.conn` in a method of `app`, and `self.conn` in one of `app.store`. An object within another one has a path
of its own from there, which stays the same whatever attribute it moves to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from lintdb.flow.state import State
from lintdb.flow.values import Instance, Part, Value, prefix_of

_DEEPEST = 3
"""How many objects deep resources are followed that an object holds in an object."""

Path = tuple[str, ...]


class Field(NamedTuple):
    """An attribute of an object, or of one in it: the object, the attribute, its value, its name from the first."""

    holder: Part
    attribute: str
    value: Value
    name: str


def parts_of(
    root: Part, state: State, detached: Value | None = None, others: Collection[Part] = ()
) -> dict[Part, Path]:
    """Return an object and the objects in it that hold resources, each with its path from the first.

    *detached* is one that may have been in it, and still has its path. *others* are objects that have a name
    of their own, so that they are no part of this one.
    """
    number, start = root
    paths: dict[Part, Path] = {root: ()}
    if isinstance(detached, Instance) and detached.id == number and detached.path[: len(start)] == start:
        paths[detached.part] = detached.path[len(start) :]
    todo = list(paths)
    while todo:
        part = todo.pop(0)
        for attribute, value in attributes_of(part, state):
            if not isinstance(value, Instance) or value.part in paths or value.part in others:
                continue
            is_inside = value.id == number and value.path[: len(start)] == start
            path = value.path[len(start) :] if is_inside else (*paths[part], attribute)
            if len(path) <= _DEEPEST and path not in paths.values() and state.holds_any(value):
                paths[value.part] = path
                todo.append(value.part)
    return paths


def fields_of(paths: Mapping[Part, Path], state: State) -> Iterator[Field]:
    """Yield the attributes of all *paths*, in a stable order."""
    for part, path in paths.items():
        for attribute, value in attributes_of(part, state):
            yield Field(part, attribute, value, ".".join((*path, attribute)))


def as_part(value: Value | None, paths: Mapping[Part, Path], number: int) -> Instance | None:
    """Return an object among *paths* as a part of the object *number*; None for any other value."""
    path = paths.get(value.part) if isinstance(value, Instance) else None
    return replace(value, id=number, path=path) if isinstance(value, Instance) and path is not None else None


def attributes_of(part: Part, state: State) -> list[tuple[str, Value]]:
    """Return the names and values of an object's own attributes, in a stable order."""
    prefix = prefix_of(part)
    found = [(name.removeprefix(prefix), value) for name, value in state.env.items() if name.startswith(prefix)]
    return sorted((each for each in found if "." not in each[0]), key=lambda each: each[0])
