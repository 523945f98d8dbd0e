"""What an expression may be in the end: names, attributes, arguments and helpers are followed through the project."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from lintdb.flow.callings import given_in_project
from lintdb.syntax.fields import Certainty, Held, property_read
from lintdb.syntax.literals import Evaluator
from lintdb.syntax.mappings import own_value, returned
from lintdb.syntax.names import FunctionInfo

_MOST_STEPS = 8


def sources_of(node: cst.BaseExpression, evaluator: Evaluator, does_not_count: Callable[[str], bool]) -> list[Held]:
    """Return the expressions that one may be, each with what evaluates it; itself where nothing more can be told.

    How certain one is tells who may say otherwise: who calls from outside of the project does not count, nor do calls
    in files of which *does_not_count* says so.
    """
    return list(dict.fromkeys(_Follower(does_not_count).follow(Held(evaluator, node), _MOST_STEPS)))


class _Follower:
    def __init__(self, does_not_count: Callable[[str], bool]) -> None:
        self._does_not_count = does_not_count

    def follow(self, held: Held, steps: int) -> Iterator[Held]:
        inner = list(self._inside(held)) if steps else []
        if not inner:
            yield held
        for each in inner:
            yield from self.follow(each._replace(certainty=min(each.certainty, held.certainty)), steps - 1)

    def _inside(self, held: Held) -> Iterator[Held]:
        """Yield what an expression is taken from, one step further."""
        evaluator, node, _ = held
        found = evaluator.held(node)
        if found is not None and found.certainty is not Certainty.CALLERS:
            yield found
        elif isinstance(node, cst.Name):
            yield from self._given(node.value, evaluator)
        elif isinstance(node, cst.Attribute):
            yield from _kept(node, evaluator) or _computed(node, evaluator)
        elif isinstance(node, cst.BooleanOperation) and isinstance(node.operator, cst.Or):
            yield from (Held(evaluator, each) for each in (node.left, node.right) if evaluator.value(each) is not None)
        elif isinstance(node, cst.IfExp):
            yield from (Held(evaluator, each) for each in (node.body, node.orelse))
        elif isinstance(node, cst.Call):
            yield from _returned(node, evaluator)

    def _given(self, name: str, evaluator: Evaluator) -> Iterator[Held]:
        """A parameter is what calls give for it."""
        scope = evaluator.scope
        if not any(param.name.value == name for param in scope.params) or name in scope.given:
            return
        for node, caller in given_in_project(name, scope, self._does_not_count) or ():
            home = evaluator.at(caller.index, caller)
            if home.value(node) is not None:
                yield Held(home, node)


def _kept(node: cst.Attribute, evaluator: Evaluator) -> list[Held]:
    """`self.url` is what a method has assigned to it, if only one does."""
    scope = evaluator.scope
    if scope.owner is None or not scope.is_method or not scope.params or not isinstance(node.value, cst.Name):
        return []
    is_own = node.value.value == scope.params[0].name.value
    found = own_value(scope.owner, node.attr.value) if is_own else None
    return [Held(evaluator.at(found[0].index, found[0]), found[1])] if found is not None else []


def _computed(node: cst.Attribute, evaluator: Evaluator) -> list[Held]:
    """`settings.url` is what a property of the class returns, of parts that the environment may have given."""
    method = property_read(node, evaluator)
    values = returned(method) if method is not None else None
    home = evaluator.at(method.index, method) if method is not None else evaluator
    return [Held(home, value, Certainty.ENVIRONMENT) for value in values or ()]


def _returned(node: cst.Call, evaluator: Evaluator) -> Iterator[Held]:
    """What the environment is asked for is what holds without it; a function of the project gives what it returns."""
    default = evaluator.default_of(node)
    if default is not None:
        yield Held(evaluator, default, Certainty.ENVIRONMENT)
    elif evaluator.index.dotted(node.func, evaluator.scope) == "str" and len(node.args) == 1:
        yield Held(evaluator, node.args[0].value)
    else:
        function = evaluator.index.symbol_of(node.func, evaluator.scope, is_needed=True)
        values = returned(function) if isinstance(function, FunctionInfo) and not function.decorators else None
        if isinstance(function, FunctionInfo):
            yield from (Held(evaluator.at(function.index, function), value) for value in values or ())
