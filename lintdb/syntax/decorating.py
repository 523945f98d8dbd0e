"""What a decorator is where it has a name: `retried = retry(stop=…)`, and then `@retried`."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from lintdb.syntax.names import FunctionInfo, Variable

_MOST_NAMES = 4
"""Names that stand for one another."""


class Decorating(NamedTuple):
    """An expression that gives a decorator, and the function or module body that it stands in."""

    node: cst.BaseExpression
    scope: FunctionInfo

    @property
    def target(self) -> cst.BaseExpression:
        """What is named: `retry`, whether it decorates itself or is called for what does."""
        return self.node.func if isinstance(self.node, cst.Call) else self.node

    @property
    def dotted(self) -> str | None:
        """The dotted name of that, if it is imported or a builtin."""
        return self.scope.index.dotted(self.target, self.scope)


def decorating(decorator: cst.BaseExpression, info: FunctionInfo, *, is_needed: bool = False) -> Decorating:
    """Return what decorates a function: what a name of a module holds for good, or the decorator as it is written.

    A name that is called, `@retried()`, is followed where it holds no more than another name. *is_needed*: other
    modules of the project are worth a look for that alone.
    """
    found = Decorating(decorator, info.parent or info.index.body)
    for _ in range(_MOST_NAMES):
        held = _held(found, is_needed=is_needed)
        if held is None or (isinstance(found.node, cst.Call) and isinstance(held.node, cst.Call)):
            break
        is_named_alike = isinstance(found.node, cst.Call) and isinstance(held.node, (cst.Name, cst.Attribute))
        if is_named_alike and isinstance(found.node, cst.Call):
            held = Decorating(found.node.with_changes(func=held.node), held.scope)
        found = held
    return found


def _held(given: Decorating, *, is_needed: bool) -> Decorating | None:
    """Return what the name in a decorator holds, if it is one of a module that is given one value."""
    scope, index, name = given.scope, given.scope.index, given.target
    if isinstance(name, cst.Name) and name.value in index.values:
        nearer: FunctionInfo | None = scope
        while nearer is not None and not nearer.is_module:
            if index.is_local(name.value, nearer):
                return None
            nearer = nearer.parent
        value, home = index.constant(name.value), index
    else:
        dotted = given.dotted
        found = index.find(dotted, is_needed=is_needed) if dotted is not None and "." in dotted else None
        if found is None or found.rest or not isinstance(found.symbol, Variable):
            return None
        value, home = found.symbol.index.constant(found.symbol.name), found.symbol.index
    return Decorating(value, home.body) if isinstance(value, (cst.Call, cst.Name, cst.Attribute)) else None
