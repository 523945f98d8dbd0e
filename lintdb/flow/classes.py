"""Questions about the classes of a module: relatives, what they open on `self`, whether their users can release it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from lintdb.effects import CallModel, Duty, Kind
from lintdb.flow.types_of import ModuleTypes
from lintdb.syntax.literals import only_value, unawaited
from lintdb.syntax.names import ClassInfo, FunctionInfo

_RELEASING_NAMES = (
    "close", "aclose", "disconnect", "shutdown", "stop", "dispose", "release", "cleanup", "teardown", "quit",
    "terminate", "finish", "close_connection", "close_connections", "__exit__", "__aexit__",
)  # fmt: skip
_CLASS_SET_UPS = ("setUpClass", "setup_class")
"""Class methods that a test runner calls once, with a twin that takes down what they set up."""


class OpenedAttribute(NamedTuple):
    """An attribute of `self` that a method fills with what it opens: the call, and the kind that it gives."""

    name: str
    method: FunctionInfo
    call: cst.Call
    kind: Kind


class Classes:
    """Answers for the classes of one module."""

    def __init__(self, types: ModuleTypes) -> None:
        self.index = types.index
        self.types = types

    def constructors_of_base(self, owner: ClassInfo) -> tuple[CallModel, ...]:
        """Return the models of the driver's class that a class derives from, if no `__init__` is on the way."""
        for each in owner.lineage:
            if "__init__" in each.methods:
                return ()
            knowledge = self.types.peers.types(each.index).knowledge
            for dotted in each.outside_bases:
                models = knowledge.function(dotted) if dotted is not None else ()
                if any(model.acquires is not None for model in models):
                    return models
        return ()

    def opened_attributes(self, owner: ClassInfo) -> Iterator[OpenedAttribute]:
        """Yield what the methods of a class open and keep on `self`."""
        for attribute, assignments in owner.assigned.items():
            values = [(scope, _origin(value, scope)) for scope, value, _ in assignments]
            if any(isinstance(value, cst.Name) and value.value != "None" for _, value in values):
                continue  # given from outside, at least sometimes: whoever gave it may close it
            for scope, value in values:
                call = unawaited(value)
                kind_id = self.types.kind_of_expression(value, scope)
                kind = self.types.knowledge.kind(kind_id) if kind_id is not None else None
                is_known = kind_id is not None and self.types.attribute_kind(owner, attribute) == kind_id
                if (
                    isinstance(call, cst.Call)
                    and kind is not None
                    and is_known
                    and kind.duty is Duty.MUST
                    and scope.owner is owner
                    and (scope.is_instance_method or scope.name in _CLASS_SET_UPS)
                    and self.types.opens(value, scope)
                ):
                    yield OpenedAttribute(attribute, scope, call, kind)

    @staticmethod
    def is_made_by_init(owner: ClassInfo) -> bool:
        """Whether calling the class makes a new object and runs its `__init__`, and nothing else has a say in it."""
        return not any(
            "__new__" in each.methods
            or each.node.decorators
            or any(
                word.keyword is not None
                and word.keyword.value == "metaclass"
                and each.index.dotted(word.value, each.index.body) != "abc.ABCMeta"
                for word in each.node.keywords
            )
            for each in owner.lineage
        )

    def family_of(self, owner: ClassInfo) -> list[ClassInfo]:
        """Return the class with its bases, as far as the project has them, and its subclasses in this module."""
        children = [child for child in self.index.classes.values() if owner in child.parents and child is not owner]
        return list(dict.fromkeys([*owner.lineage, *children]))

    def offers_release(self, owner: ClassInfo) -> bool:
        """Whether the class has a method with which its users are meant to release what it holds."""
        names = {name for each in owner.lineage for name in each.methods}
        return any(name in names for name in _RELEASING_NAMES) and "__del__" not in names

    @staticmethod
    def is_release(name: str) -> bool:
        """Whether a method of that name is meant to release what an object holds."""
        return name in _RELEASING_NAMES

    def attributes_of(self, owner: ClassInfo) -> set[str]:
        """Return the names of all attributes that instances have."""
        return {name for each in owner.lineage for name in (*each.assigned, *each.body_values)}


def _origin(value: cst.BaseExpression | None, scope: FunctionInfo) -> cst.BaseExpression | None:
    """Return what a local variable was given before it was kept, or the expression itself."""
    if isinstance(value, cst.Name) and value.value in scope.bound and not _is_parameter(value.value, scope):
        return only_value(value.value, scope) or value
    return value


def _is_parameter(name: str, scope: FunctionInfo) -> bool:
    return any(param.name.value == name for param in scope.params)
