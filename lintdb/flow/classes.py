"""Questions about the classes of a module: relatives, what they open on `self`, whether their users can release it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintdb.effects import CallModel, Duty, Kind
from lintdb.flow.types_of import ModuleTypes
from lintdb.syntax.names import ClassInfo, FunctionInfo

_RELEASING_NAMES = (
    "close", "aclose", "disconnect", "shutdown", "stop", "dispose", "release", "cleanup", "teardown", "quit",
    "terminate", "finish", "close_connection", "close_connections", "__exit__", "__aexit__",
)  # fmt: skip
_CLASS_SET_UPS = ("setUpClass", "setup_class")
"""Class methods that a test runner calls once, with a twin that takes down what they set up."""


class Classes:
    """Answers for the classes of one module."""

    def __init__(self, types: ModuleTypes) -> None:
        self.index = types.index
        self.types = types

    def constructors_of_base(self, owner: ClassInfo, seen: frozenset[str] = frozenset()) -> tuple[CallModel, ...]:
        """Return the models of the driver's class that a class of this module derives from, if it has no `__init__`."""
        if "__init__" in owner.methods or owner.name in seen:
            return ()
        for base in owner.bases:
            dotted = self.index.dotted(base, self.index.body)
            models = self.types.knowledge.function(dotted) if dotted is not None else ()
            if any(model.acquires is not None for model in models):
                return models
        found = (self.constructors_of_base(base, seen | {owner.name}) for base in self.bases_of(owner))
        return next((models for models in found if models), ())

    def opened_attributes(self, owner: ClassInfo) -> Iterator[tuple[str, FunctionInfo, cst.Call, Kind]]:
        """Yield what the methods of a class open and keep on `self`: attribute, method, call, kind."""
        for attribute, assignments in owner.assigned.items():
            if any(isinstance(value, cst.Name) and value.value != "None" for _, value, _ in assignments):
                continue  # given from outside, at least sometimes: whoever gave it may close it
            for scope, value, _ in assignments:
                call = value.expression if isinstance(value, cst.Await) else value
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
                ):
                    yield attribute, scope, call, kind

    def bases_of(self, owner: ClassInfo) -> list[ClassInfo]:
        """Return the direct bases of a class that this module has."""
        names = [base.value for base in owner.bases if isinstance(base, cst.Name) and base.value != owner.name]
        return [self.index.classes[name] for name in names if name in self.index.classes]

    def is_made_by_init(self, owner: ClassInfo, seen: frozenset[str] = frozenset()) -> bool:
        """Whether calling the class makes a new object and runs its `__init__`, and nothing else has a say in it."""
        metaclasses = [word.value for word in owner.node.keywords if word.keyword and word.keyword.value == "metaclass"]
        if any(self.index.dotted(each, self.index.body) != "abc.ABCMeta" for each in metaclasses):
            return False
        if "__new__" in owner.methods or owner.node.decorators:
            return False
        bases = [base for base in self.bases_of(owner) if base.name not in seen]
        return all(self.is_made_by_init(base, seen | {owner.name}) for base in bases)

    def family_of(self, owner: ClassInfo) -> list[ClassInfo]:
        """Return the class with its bases and its subclasses, as far as this module has them."""
        found = [owner]
        for each in found:
            for base in each.bases:
                if isinstance(base, cst.Name) and base.value in self.index.classes:
                    parent = self.index.classes[base.value]
                    if parent not in found:
                        found.append(parent)
        for child in self.index.classes.values():
            if child not in found and any(isinstance(b, cst.Name) and b.value == owner.name for b in child.bases):
                found.append(child)
        return found

    def offers_release(self, owner: ClassInfo) -> bool:
        """Whether the class has a method with which its users are meant to release what it holds."""
        names = self._methods_of(owner)
        return any(name in names for name in _RELEASING_NAMES) and "__del__" not in names

    @staticmethod
    def is_release(name: str) -> bool:
        """Whether a method of that name is meant to release what an object holds."""
        return name in _RELEASING_NAMES

    def _methods_of(self, owner: ClassInfo, seen: frozenset[str] = frozenset()) -> dict[str, FunctionInfo]:
        found: dict[str, FunctionInfo] = {}
        for base in owner.bases:
            if isinstance(base, cst.Name) and base.value in self.index.classes and base.value not in seen:
                found.update(self._methods_of(self.index.classes[base.value], seen | {owner.name}))
        found.update(owner.methods)
        return found

    def attributes_of(self, owner: ClassInfo, seen: frozenset[str] = frozenset()) -> set[str]:
        names = set(owner.assigned) | set(owner.body_values)
        for base in owner.bases:
            if isinstance(base, cst.Name) and base.value in self.index.classes and base.value not in seen:
                names |= self.attributes_of(self.index.classes[base.value], seen | {owner.name})
        return names
