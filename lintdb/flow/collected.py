"""What a program keeps several of in one container: `POOLS[name] = create_pool(dsn)`, for whoever asks for one by name.

One stands for all, so that this is for what is there for many users: pools. Who releases one of several connections
tells nothing of the next one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from lintdb.syntax.names import ClassInfo, FunctionInfo
from lintdb.syntax.nodes import last_name

if TYPE_CHECKING:
    from lintdb.flow.types_of import ModuleTypes

PLACE = "[...]"
"""How a message spells the key of what is taken out of a container."""
GIVE_ONE = frozenset({"get", "setdefault"})
"""Methods of a container that give what is under a key, and leave it there."""
_MAPPINGS = frozenset({"dict", "Dict", "DefaultDict", "defaultdict", "OrderedDict", "Mapping", "MutableMapping"})
_SEQUENCES = frozenset({"list", "List", "Sequence", "MutableSequence", "deque", "Deque"})


class _Stored(NamedTuple):
    """What a function puts into a container."""

    container: cst.BaseExpression
    scope: FunctionInfo
    value: cst.BaseExpression | None


class Collected:
    """Answers for the containers of one module and its classes."""

    def __init__(self, types: ModuleTypes) -> None:
        self._types = types
        self._index = types.index

    def kind_in_global(self, name: str) -> str | None:
        """Return the kind of pool of which a module-level container holds some, if all that is known agrees."""
        key = ("collected", self._index.name, name, self._types.is_wide)
        return self._types.peers.memo.get(key, lambda: self._only(self._given_to_global(name)))

    def kind_in_attribute(self, owner: ClassInfo, attribute: str) -> str | None:
        """Return the kind of pool of which objects of a class keep some in a container; or the class itself does."""
        key = ("collected in", owner, attribute, self._types.is_wide)
        return self._types.peers.memo.get(key, lambda: self._only(self._given_to_attribute(owner, attribute)))

    def _only(self, found: Iterator[str | None]) -> str | None:
        kinds = {each for each in found if each is not None}
        kind = self._types.knowledge.kind(kinds.pop()) if len(kinds) == 1 else None
        return kind.id if kind is not None and kind.is_pool else None

    def _given_to_global(self, name: str) -> Iterator[str | None]:
        index = self._index
        values = index.values.get(name, ())
        annotation = index.annotations.get(name)
        if annotation is not None:
            yield self._said(annotation, index.body)
        if any(not _is_container(value) for value in values):
            return
        for value in values:
            yield from self._displayed(value, index.body)
        for each in self._stored.get(name, ()):
            is_nearer = not each.scope.is_module and index.is_local(name, each.scope)
            if isinstance(each.container, cst.Name) and not is_nearer:
                yield from self._kinds(each.value, each.scope)

    def _given_to_attribute(self, owner: ClassInfo, attribute: str) -> Iterator[str | None]:
        for each in owner.lineage:
            yield from self._types.of_module(each.index).collected.given_by_class(each, attribute)

    def given_by_class(self, owner: ClassInfo, attribute: str) -> Iterator[str | None]:
        """Yield what a class of the module says of a container that its objects keep, and puts into it."""
        given = list(owner.assigned.get(attribute, ()))
        if attribute in owner.body_values:
            given.append((self._index.body, *owner.body_values[attribute]))
        for scope, _, annotation in given:
            if annotation is not None:
                yield self._said(annotation, scope)
        if any(value is not None and not _is_container(value) for _, value, _ in given):
            return
        for scope, value, _ in given:
            yield from self._displayed(value, scope)
        for each in self._stored.get(attribute, ()):
            if isinstance(each.container, cst.Attribute) and _is_own(each.container.value, owner, each.scope):
                yield from self._kinds(each.value, each.scope)

    @functools.cached_property
    def _stored(self) -> dict[str, list[_Stored]]:
        """What the module puts into containers, by the last names of these."""
        found: dict[str, list[_Stored]] = {}
        for base, scope, value in self._index.stored:
            found.setdefault(last_name(base), []).append(_Stored(base, scope, value))
        for scope in self._index.all_functions:
            for call in scope.calls:
                function = call.func
                if isinstance(function, cst.Attribute) and function.attr.value == "setdefault" and len(call.args) > 1:
                    stored = _Stored(function.value, scope, call.args[1].value)
                    found.setdefault(last_name(function.value), []).append(stored)
        return found

    def _kinds(self, value: cst.BaseExpression | None, scope: FunctionInfo) -> Iterator[str | None]:
        """Yield what is put into a container: all that a variable is given, with `POOLS.get(name)` first, say."""
        given = scope.given.get(value.value, ()) if isinstance(value, cst.Name) else ()
        for each in given if len(given) > 1 else (value,):
            yield self._types.kind_of_expression(each, scope)

    def _displayed(self, value: cst.BaseExpression | None, scope: FunctionInfo) -> Iterator[str | None]:
        """Yield what a container is made with."""
        if isinstance(value, (cst.Dict, cst.List)):
            for element in value.elements:
                yield self._types.kind_of_expression(element.value, scope)
        elif isinstance(value, cst.DictComp):
            yield self._types.kind_of_expression(value.value, scope)
        elif isinstance(value, cst.ListComp):
            yield self._types.kind_of_expression(value.elt, scope)

    def _said(self, annotation: cst.Annotation, scope: FunctionInfo) -> str | None:
        """Return what `dict[str, Pool]` says."""
        node = annotation.annotation
        if not isinstance(node, cst.Subscript):
            return None
        name = node.value.attr if isinstance(node.value, cst.Attribute) else node.value
        inner = [each.slice.value for each in node.slice if isinstance(each.slice, cst.Index)]
        word = name.value if isinstance(name, cst.Name) else ""
        is_container = (word in _MAPPINGS and len(inner) == 2) or (word in _SEQUENCES and len(inner) == 1)
        return self._types.kind_of_annotation(inner[-1], scope) if is_container else None


def _is_container(value: cst.BaseExpression | None) -> bool:
    """Whether a value is a new container: a display, a comprehension, or the call of a class of containers."""
    if isinstance(value, cst.Call):
        name = value.func.attr if isinstance(value.func, cst.Attribute) else value.func
        return isinstance(name, cst.Name) and (
            name.value in _MAPPINGS | _SEQUENCES or name.value.endswith("Dictionary")
        )
    return isinstance(value, (cst.Dict, cst.List, cst.DictComp, cst.ListComp))


def _is_own(base: cst.BaseExpression, owner: ClassInfo, scope: FunctionInfo) -> bool:
    """Whether an expression is the object of a class, in a method of it, or that class by its name."""
    if not isinstance(base, cst.Name):
        return False
    method: FunctionInfo | None = scope
    while method is not None and method.owner is None:
        method = method.parent
    is_first = method is not None and method.owner is owner and bool(method.params)
    return base.value == owner.name or (is_first and method is not None and base.value == method.params[0].name.value)
