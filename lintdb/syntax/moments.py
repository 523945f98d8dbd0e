"""Where a point in time is taken that says of no time zone, and where it is put. Looks; follows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.syntax.walk import walk

if TYPE_CHECKING:
    from lintdb.syntax.names import FunctionInfo, ModuleIndex

_LOCAL = {"datetime.datetime.now": 0, "datetime.datetime.today": 0, "datetime.datetime.fromtimestamp": 1}
"""Calls that give local time, with the number of arguments up to which they name no zone."""
_UTC = {"datetime.datetime.utcnow": 0, "datetime.datetime.utcfromtimestamp": 1}
_SAME = frozenset({"isoformat", "__str__"})
_TEXT = frozenset({"str", "repr", "format"})


@dataclass(frozen=True)
class Moment:
    """A call that gives a point in time without a zone: the clock of the machine, or that of UTC."""

    node: cst.Call
    is_utc: bool


class Moments:
    """Answers for one function of a module."""

    def __init__(self, index: ModuleIndex, function: FunctionInfo) -> None:
        self.index = index
        self.function = function
        self._seen: set[str] = set()

    def inside(self, node: cst.CSTNode) -> Iterator[Moment]:
        """Yield the moments that a value is, or that a display of values holds."""
        if isinstance(node, (cst.Tuple, cst.List, cst.Set)):
            for element in node.elements:
                yield from self.inside(element.value)
        elif isinstance(node, cst.Dict):
            for entry in node.elements:
                yield from self.inside(entry.value)
        elif isinstance(node, (cst.ListComp, cst.GeneratorExp)):
            yield from self.inside(node.elt)
        elif isinstance(node, cst.Name) and (values := self._values(node.value)):
            self._seen.add(node.value)
            held = [list(self.inside(value)) for value in values]
            self._seen.discard(node.value)
            if all(held):
                yield from next((each for each in held if _ITSELF not in each), ())
        elif isinstance(node, cst.Call) and self.index.dotted(node.func, self.function) in ("dict", "tuple", "list"):
            for argument in node.args:
                yield from self.inside(argument.value)
        else:
            found = self._moment(node)
            if found is not None:
                yield found

    def _values(self, name: str) -> list[cst.BaseExpression]:
        """Return what a variable of the function is assigned; nothing if it gets a value in another way, too."""
        if name in self._seen or not self.index.is_local(name, self.function):
            return []
        if any(param.name.value == name for param in self.function.params):
            return []
        values: list[cst.BaseExpression] = []
        for node in self.function.nodes:
            for target, value in _bindings(node):
                if isinstance(target, cst.Name) and target.value == name and value is not None:
                    values.append(value)
                elif not isinstance(target, (cst.Attribute, cst.Subscript)) and _names(target, name):
                    return []
        return values

    def _moment(self, node: cst.CSTNode) -> Moment | None:
        """Return the moment that an expression is, perhaps moved by a span of time or written as a text."""
        if isinstance(node, cst.Name):
            if node.value in self._seen:
                return _ITSELF  # `now = now.replace(second=0)`
            values = self._values(node.value)
            self._seen.add(node.value)
            found = [each for value in values if (each := self._moment(value)) is not _ITSELF]
            self._seen.discard(node.value)
            return found[0] if found and None not in found else None
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, (cst.Add, cst.Subtract)):
            left, right = self._moment(node.left), self._moment(node.right)
            return None if left is not None and right is not None else left or right
        if isinstance(node, cst.IfExp):
            body, orelse = self._moment(node.body), self._moment(node.orelse)
            return body if orelse is not None else None
        return self._of_call(node) if isinstance(node, cst.Call) else None

    def _of_call(self, node: cst.Call) -> Moment | None:
        dotted = self.index.dotted(node.func, self.function) or ""
        for calls in (_LOCAL, _UTC):
            if dotted in calls:
                zones = node.args[calls[dotted] :]
                named = [
                    each for each in zones if not (isinstance(each.value, cst.Name) and each.value.value == "None")
                ]
                return None if named else Moment(node, calls is _UTC)
        if dotted in _TEXT and len(node.args) == 1:
            return self._moment(node.args[0].value)
        if not isinstance(node.func, cst.Attribute):
            return None
        method = node.func.attr.value
        keywords = {argument.keyword.value for argument in node.args if argument.keyword is not None}
        keeps = method == "replace" and len(keywords) == len(node.args) and "tzinfo" not in keywords
        return self._moment(node.func.value) if keeps or method in _SAME else None


_ITSELF = Moment(cst.Call(cst.Name("itself")), False)
"""What a variable is in a value of its own."""


def _bindings(node: cst.CSTNode) -> list[tuple[cst.CSTNode, cst.BaseExpression | None]]:
    """Return the targets that a statement binds, each with what it is assigned if that is one expression."""
    if isinstance(node, cst.Assign):
        return [(each.target, node.value) for each in node.targets]
    if isinstance(node, (cst.AnnAssign, cst.NamedExpr)):
        return [(node.target, node.value)] if node.value is not None else []
    if isinstance(node, (cst.For, cst.CompFor, cst.AugAssign)):
        return [(node.target, None)]
    return [(node.name, None)] if isinstance(node, cst.AsName) else []


def _names(target: cst.CSTNode, name: str) -> bool:
    return any(isinstance(node, cst.Name) and node.value == name for node in [target, *walk(target)])
