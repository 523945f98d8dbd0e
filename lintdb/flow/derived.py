"""Classes of a project that derive from one of a driver: `class Session(library.Session)`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.effects import OWN_BLOCK, CallModel, Event, Kind
from lintdb.flow.words import RELEASING_NAMES
from lintdb.syntax.names import ClassInfo, FunctionInfo

if TYPE_CHECKING:
    from lintdb.flow.types_of import ModuleTypes

_OWN_WAYS = frozenset({"__enter__", "__exit__", "__aenter__", "__aexit__"})
"""Methods with which an object is entered and left in a way of its class's own."""


def constructors_of_base(owner: ClassInfo, types: ModuleTypes) -> tuple[CallModel, ...]:
    """Return the models of the driver's class that a class derives from, if no `__init__` is on the way.

    Nor one that is left, or releases, in a way of its own.
    """
    for each in owner.lineage:
        if "__init__" in each.methods or not _is_used_as_its_base(each):
            return ()
        knowledge = types.peers.types(each.index).knowledge
        for dotted in _outside_bases(each):
            models = knowledge.function(dotted)
            if any(model.acquires is not None for model in models):
                return models
    return ()


def kind_of_objects(owner: ClassInfo, types: ModuleTypes) -> str | None:
    """Return the kind that objects of a class are, by the driver's class that it derives from.

    None if the class, or one on the way, does something in another way than that, but for its `with` block, of which
    nothing is known then.
    """
    own: set[str] = set()
    for each in owner.lineage:
        if any(map(_releases_itself, each.methods.values())):
            return None
        own.update(each.methods)
        knowledge = types.peers.types(each.index).knowledge
        for dotted in _outside_bases(each):
            kind_id = knowledge.kind_of_type(dotted)
            kind = knowledge.kind(kind_id) if kind_id is not None else None
            if kind_id is not None and kind is not None:
                is_as_its_base = own.isdisjoint(kind.methods.keys() - _OWN_WAYS)
                block = "" if own.isdisjoint(_OWN_WAYS) else OWN_BLOCK
                return f"{kind_id}{block}" if is_as_its_base else None
    return None


def ends_units_itself(made: Kind, expression: cst.BaseExpression, scope: FunctionInfo, types: ModuleTypes) -> bool:
    """Whether an expression names a class of the project whose objects, of a kind, end units of work in their own way.

    `def __exit__(self, *error): self.commit()`, or a `close()` that does so first.
    """
    owner = types.index.symbol_of(expression, scope, is_needed=True)
    commits = {name for name, models in made.methods.items() if any(model.event is Event.COMMIT for model in models)}
    return isinstance(owner, ClassInfo) and any(
        name in _OWN_WAYS or (name in made.methods and name not in commits and not commits.isdisjoint(own))
        for each in owner.lineage
        for name, own in ((method.name, method.own_attributes) for method in each.methods.values())
    )


def is_class_among(
    expression: cst.BaseExpression, scope: FunctionInfo, names: Collection[str], types: ModuleTypes
) -> bool | None:
    """Whether an expression names one of several classes, or one that derives from them; None where that is hidden."""
    dotted = types.index.dotted(expression, scope)
    if dotted in names:
        return True
    owner = types.index.symbol_of(expression, scope, is_needed=types.is_wide)
    if isinstance(owner, ClassInfo):
        return any(base in names for each in owner.lineage for base in _outside_bases(each))
    return False if dotted is not None else None


def _outside_bases(owner: ClassInfo) -> Iterator[str]:
    return (dotted for dotted in owner.outside_bases if dotted is not None)


def _is_used_as_its_base(owner: ClassInfo) -> bool:
    return _OWN_WAYS.isdisjoint(owner.methods) and not any(map(_releases_itself, owner.methods.values()))


def _releases_itself(method: FunctionInfo) -> bool:
    """`def shutdown(self): self.close()`"""
    return any(name in RELEASING_NAMES for name in method.own_attributes)
