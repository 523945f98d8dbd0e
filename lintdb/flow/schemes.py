"""The schemes of connection strings that what attributes, globals and calls hold was made with: they name the server.

Only what is written out is read, in the project's other files, too; through what a thing was made of, as the factory
was of an engine. An empty scheme: not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.effects import Argument
from lintdb.syntax.literals import Evaluator, unawaited
from lintdb.syntax.names import ClassInfo, FunctionInfo, ModuleIndex, Variable
from lintdb.syntax.nodes import binds, is_none

if TYPE_CHECKING:
    from lintdb.flow.types_of import ModuleTypes

_SCHEME = re.compile(r"([A-Za-z]\w*(?:\+\w+)?)://")
_MOST_STEPS = 6
"""Things that are made one of the other: a session of a factory, that of an engine."""


Place = tuple[str, ClassInfo | ModuleIndex]


class Schemes:
    """The schemes of what one module keeps and makes."""

    def __init__(self, types: ModuleTypes) -> None:
        self._types = types
        self._kept: dict[Place, str] = {}

    def of_kept(self, name: str, holder: ClassInfo | ModuleIndex) -> str:
        """Return the scheme of what an attribute or a global keeps: that of all that it is given, if it is one."""
        place = (name, holder)
        if place not in self._kept:
            self._kept[place] = _the_one(self._kept_under(place, set()))
        return self._kept[place]

    def of_expression(self, node: cst.CSTNode | None, scope: FunctionInfo) -> str:
        """Return the scheme of what an expression of a function names, or makes."""
        return _the_one(self._of_expression(node, scope, set(), _MOST_STEPS))

    def _kept_under(self, place: Place, seen: set[Place]) -> Iterator[str]:
        """Yield the schemes of what a place is given; nothing for one that was *seen* before."""
        if place in seen:
            return
        seen.add(place)
        if _is_given_otherwise(*place):
            yield ""
        for call, scope in makers_of(*place):
            yield from self._types.of_module(scope.index).schemes.of_call(call, scope, seen, _MOST_STEPS)

    def of_call(self, call: cst.Call, scope: FunctionInfo, seen: set[Place], steps: int) -> Iterator[str]:
        """Yield the schemes of what a call makes, through places that were not *seen* before."""
        dotted = self._types.index.dotted(call.func, scope)
        model = self._types.model_of_call(dotted, call, scope) if dotted is not None else None
        made = self._types.called(call, scope) if model is None else None
        if isinstance(made, FunctionInfo):
            yield self._of_function(made)
        elif model is None:
            yield from self._of_expression(call.func, scope, seen, steps - 1)
        elif model.dsn is not None:
            yield self._of_text(self._types.given_argument(call, model.dsn), scope)
        else:
            given = self._types.given_argument(call, model.parent) if isinstance(model.parent, Argument) else None
            yield from self._of_expression(given, scope, seen, steps - 1)

    def _of_expression(
        self, node: cst.CSTNode | None, scope: FunctionInfo, seen: set[Place], steps: int
    ) -> Iterator[str]:
        owner = _owner_of(node, scope)
        place: Place | None = None
        if isinstance(node, cst.Attribute) and owner is not None:
            place = (node.attr.value, owner)
        elif isinstance(node, cst.Name) and _is_of_module(node.value, scope):
            place = (node.value, scope.index) if node.value in scope.index.values else None
        elif isinstance(node, cst.Name) and node.value not in scope.bound:
            node = None  # of the function around
        elif isinstance(node, cst.Name):
            node = unawaited(Evaluator(scope.index, scope).single_assignment(node.value)) or _entered(node.value, scope)
            node = node if isinstance(node, cst.Call) else None
        symbol = scope.index.symbol_of(node, scope) if place is None and node is not None else None
        place = (symbol.name, symbol.index) if isinstance(symbol, Variable) else place
        if place is not None:
            yield from self._kept_under(place, seen)
        elif isinstance(node, cst.Call) and steps:
            yield from self.of_call(node, scope, seen, steps)
        elif isinstance(node, cst.Attribute):
            # `engine.connect()`, `session.connection()`: what a method makes has the scheme of its object.
            yield from self._of_expression(node.value, scope, seen, steps)
        else:
            yield ""

    def _of_function(self, function: FunctionInfo) -> str:
        """Return the scheme of what a function hands out: that of all that it opens itself."""
        schemes = self._types.of_module(function.index).schemes
        returned = [each.value for each in function.nodes if isinstance(each, cst.Return)]
        if any(isinstance(each, cst.Call) and schemes.of_opening(each, function) is None for each in returned):
            return ""  # what another one has made
        return _the_one(scheme for call in function.calls if (scheme := schemes.of_opening(call, function)) is not None)

    def of_opening(self, call: cst.Call, scope: FunctionInfo) -> str | None:
        """Return the scheme of the connection string that a call is given; None where it takes none."""
        dotted = self._types.index.dotted(call.func, scope)
        model = self._types.model_of_call(dotted, call, scope) if dotted is not None else None
        if model is None or model.dsn is None:
            return None
        return self._of_text(self._types.given_argument(call, model.dsn), scope)

    @staticmethod
    def _of_text(node: cst.BaseExpression | None, scope: FunctionInfo) -> str:
        """Return the scheme of a connection string: of a text, or of an attribute that holds nothing but such texts."""
        owner = _owner_of(node, scope)
        if owner is None or not isinstance(node, cst.Attribute):
            return _scheme_at(node, scope)
        name = node.attr.value
        if any(name in (*each.assigned, *each.body_values) for each in owner.derived):
            return ""
        texts = [(value, by) for each in owner.lineage for by, value, _ in each.assigned.get(name, ())]
        shared = [(each.body_values[name][0], each.index.body) for each in owner.lineage if name in each.body_values]
        texts += [(value, body) for value, body in shared if not _is_empty(value)]
        return _the_one(_scheme_at(value, by) for value, by in texts)


def makers_of(name: str, holder: ClassInfo | ModuleIndex | None) -> Iterator[tuple[cst.Call, FunctionInfo]]:
    """Yield the calls whose values an attribute or a global is given, and where they stand."""
    values: list[tuple[cst.BaseExpression | None, FunctionInfo]] = []
    if isinstance(holder, ClassInfo):
        assigned = [
            each for owner in holder.lineage for each in (*owner.assigned.get(name, ()), *owner.given.get(name, ()))
        ]
        values = [(value, scope) for scope, value, _ in assigned]
    elif holder is not None:
        values = [(value, holder.body) for value in holder.values.get(name, ())]
    for value, scope in values:
        call = _call_of(value, scope)
        if call is not None:
            yield call, scope


def _call_of(value: cst.BaseExpression | None, scope: FunctionInfo) -> cst.Call | None:
    """Return the call that gives a value, written here or put into a variable before."""
    call = unawaited(value)
    if isinstance(call, cst.Name):
        call = unawaited(Evaluator(scope.index, scope).single_assignment(call.value))
    return call if isinstance(call, cst.Call) else None


def _is_of_module(name: str, scope: FunctionInfo) -> bool:
    """Whether a name is none of a function, nor of one around it."""
    around: FunctionInfo | None = scope
    while around is not None and not around.is_module:
        if name in around.bound and name not in around.outer:
            return False
        around = around.parent
    return True


def _is_given_otherwise(name: str, holder: ClassInfo | ModuleIndex) -> bool:
    """Whether an attribute or a global is given what no call makes, or another one in a class that derives."""
    if not isinstance(holder, ClassInfo):
        return any(not _is_empty(each) and _call_of(each, holder.body) is None for each in holder.values.get(name, ()))
    if any(name in (*each.assigned, *each.given, *each.body_values) for each in holder.derived):
        return True
    assigned = [each for owner in holder.lineage for each in owner.assigned.get(name, ())]
    return any(not _is_empty(value) and _call_of(value, by) is None for by, value, _ in assigned)


def _entered(name: str, scope: FunctionInfo) -> cst.BaseExpression | None:
    """Return what the only `with` block of a function is entered by that binds a variable."""
    found = [each.item for each in scope.nodes if isinstance(each, cst.WithItem) and binds(each, name)]
    return found[0] if len(found) == 1 else None


def _the_one(schemes: Iterator[str]) -> str:
    found = set(schemes)
    return found.pop() if len(found) == 1 else ""


def _owner_of(node: cst.CSTNode | None, scope: FunctionInfo) -> ClassInfo | None:
    """Return the class that keeps an expression: `self.url`."""
    if not (isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and scope.is_instance_method):
        return None
    return scope.owner if scope.params and node.value.value == scope.params[0].name.value else None


def _is_empty(value: cst.BaseExpression | None) -> bool:
    """Whether a text, or None, only stands for what is told later."""
    return value is None or is_none(value) or (isinstance(value, cst.SimpleString) and not value.evaluated_value)


def _scheme_at(node: cst.BaseExpression | None, scope: FunctionInfo) -> str:
    """Return the scheme that an expression's text begins with, if that is written out."""
    evaluator = Evaluator(scope.index, scope)
    node = evaluator.resolved(node) if node is not None else None
    while isinstance(node, cst.BinaryOperation):
        node = node.left
    text = evaluator.template(node, " ") or evaluator.value(node) if node is not None else None
    match = _SCHEME.match(text) if isinstance(text, str) else None
    return match.group(1).lower() if match is not None else ""
