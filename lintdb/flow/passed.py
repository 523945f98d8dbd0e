"""What a function without annotations is given, as the calls in its own file tell.

Every one of them has to give the same kind; who calls it in other files is taken to do so, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.flow.callings import calls_in_file, constructions_in_file
from lintdb.syntax.given import Given, given_by
from lintdb.syntax.names import ClassInfo, FunctionInfo
from lintdb.syntax.nodes import binds, is_none

if TYPE_CHECKING:
    from lintdb.flow.types_of import ModuleTypes

_MOST_STEPS = 4
"""Variables and methods between what is opened and what is given: a part of it, by one or the other name."""


class Passed:
    """Answers for the parameters of one module's functions, each found once."""

    def __init__(self, types: ModuleTypes) -> None:
        self._types = types
        self._found: dict[tuple[FunctionInfo, str], str | None] = {}
        self._running: set[tuple[FunctionInfo, str]] = set()

    def kind(self, parameter: str, function: FunctionInfo) -> str | None:
        """Return the kind that every call in the file gives for a parameter.

        None if they differ, or one is not known; what a function gives itself says nothing.
        """
        key = (function, parameter)
        if key in self._running:
            return None
        if key not in self._found:
            self._running.add(key)
            try:
                self._found[key] = self._look(parameter, function)
            finally:
                self._running.discard(key)
        return self._found[key]

    def _look(self, parameter: str, function: FunctionInfo) -> str | None:
        if function.is_module or function.is_nested or not isinstance(function.node, cst.FunctionDef):
            return None
        if not function.is_as_written:
            return None  # a decorator may give the function something else than is written
        found: str | None = None
        for each in given_by(calls_in_file(function), parameter, function) or ():
            if is_none(each.node) or self._is_running(each):
                continue
            kind = self._kind_of(each.node, each.caller, _MOST_STEPS)
            if kind is None or found not in (None, kind):
                return None
            found = kind
        return found

    def _is_running(self, given: Given) -> bool:
        """Whether a call hands on a parameter that is being looked at, as recursion does."""
        return isinstance(given.node, cst.Name) and (given.caller, given.node.value) in self._running

    def _kind_of(self, node: cst.BaseExpression | None, scope: FunctionInfo, steps: int) -> str | None:
        """Return the kind of an expression, through the variables and methods of its function."""
        found = self._types.kind_of_expression(node, scope)
        if found is not None or node is None or not steps:
            return found
        is_awaited = isinstance(node, cst.Await)
        if isinstance(node, cst.Await):
            node = node.expression
        if isinstance(node, cst.Name):
            return self._kind_of_variable(node.value, scope, steps)
        if isinstance(node, cst.Attribute):
            holder = self._class_of(node.value, scope, steps - 1)
            return self._types.attribute_kind(holder, node.attr.value) if holder is not None else None
        if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
            return None
        owner = self._kind_of(node.func.value, scope, steps - 1)
        kind = self._types.knowledge.kind(owner) if owner is not None else None
        model = (
            self._types.first_possible(kind.methods.get(node.func.attr.value, ()), node, scope)
            if kind is not None
            else None
        )
        if model is None or model.coroutine is not is_awaited:
            return None
        made = model.acquires or model.gives
        return owner if made == "self" else made

    def _class_of(self, node: cst.BaseExpression | None, scope: FunctionInfo, steps: int) -> ClassInfo | None:
        """Return the class of the file whose object an expression is, through what functions and objects are given."""
        if node is None or scope.index is not self._types.index:
            return None
        found = self._types.own_class(node, scope) or self._types.type_of_expression(node, scope)
        found = found or self._types.type_of_receiver(node, scope)
        if found is not None or steps < 1:
            return found if isinstance(found, ClassInfo) else None
        given: Iterable[tuple[cst.BaseExpression | None, FunctionInfo]] = ()
        if isinstance(node, cst.Name):
            param = next((each for each in scope.params if each.name.value == node.value), None)
            if param is not None and param.annotation is None and node.value not in scope.given:
                given = given_by(_calls_of(scope), node.value, scope) or ()
        elif isinstance(node, cst.Attribute):
            holder = self._class_of(node.value, scope, steps - 1)
            assigned = holder.assigned.get(node.attr.value, ()) if holder is not None else ()
            given = [(value, method) for method, value, _ in assigned]
        classes = {self._class_of(value, caller, steps - 1) for value, caller in given if not is_none(value)}
        return classes.pop() if len(classes) == 1 else None

    def _kind_of_variable(self, name: str, scope: FunctionInfo, steps: int) -> str | None:
        """Return the kind of what a local variable holds: all that it is assigned, or what a block binds it to."""
        param = next((each for each in scope.params if each.name.value == name), None)
        if param is not None:
            is_plain = param.annotation is None and name not in scope.given
            return self.kind(name, scope) if is_plain else None
        values = [each for each in scope.given.get(name, ()) if each is not None]
        blocks = [each for each in scope.nodes if isinstance(each, cst.WithItem) and binds(each, name)]
        if len(values) + len(blocks) != len(scope.given.get(name, ())):
            return None  # a part of something, or an item
        kinds = {self._kind_of(each, scope, steps - 1) for each in values if not is_none(each)}
        kinds |= {_kind_entered(self._kind_of(each.item, scope, steps - 1), self._types) for each in blocks}
        return kinds.pop() if len(kinds) == 1 else None


def _calls_of(function: FunctionInfo) -> list[tuple[FunctionInfo, cst.Call]]:
    """Return the calls of a function in its own file, those that make an object for its `__init__`."""
    if function.owner is not None and function.name == "__init__":
        return constructions_in_file(function.owner)
    return calls_in_file(function)


def _kind_entered(kind_id: str | None, types: ModuleTypes) -> str | None:
    """Return the kind of what a `with` block on something binds."""
    kind = types.knowledge.kind(kind_id) if kind_id is not None else None
    return kind_id if kind is None or kind.enters == "self" else kind.enters
