"""What can be told of expressions by looking: constants, names given once, dictionaries, the code around a call."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import libcst as cst

from lintdb.syntax.fields import Certainty, Held, held_by_attribute, imported_variable
from lintdb.syntax.grown import certain_text
from lintdb.syntax.mappings import (
    SEVERAL,
    Items,
    add,
    changes_in,
    display,
    inside,
    is_changed_in,
    own_value,
    removed_in,
    returned,
)
from lintdb.syntax.names import CONSTANTS, FunctionInfo, ModuleIndex
from lintdb.syntax.walk import walk

_SECONDS = {"milliseconds": 0.001, "seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}


_CONVERSIONS: dict[str, Callable[[str | float], object]] = {"int": int, "float": float, "str": str}
_ENVIRONMENT = frozenset({"os.environ.get", "os.getenv"})


def _converted(value: object, convert: Callable[[str | float], object]) -> object:
    if not isinstance(value, (str, int, float)):
        return HIDDEN
    try:
        return convert(value)
    except ValueError:
        return HIDDEN


class Default(NamedTuple):
    """A literal that holds unless somebody says otherwise, and who may."""

    value: object
    certainty: Certainty = Certainty.ENVIRONMENT


class _Hidden:
    """A value that cannot be seen."""


HIDDEN = _Hidden()


class Evaluator:
    """Evaluates what is literal in one function of a module."""

    def __init__(self, index: ModuleIndex, scope: FunctionInfo) -> None:
        self.index = index
        self.scope = scope

    def at(self, index: ModuleIndex, scope: FunctionInfo) -> Evaluator:
        """Return an evaluator for another place."""
        return Evaluator(index, scope)

    def value(self, node: cst.CSTNode, depth: int = 0) -> object:
        """Return the literal that an expression stands for, `HIDDEN` where it cannot be told."""
        if isinstance(node, cst.Name) and node.value in CONSTANTS:
            return CONSTANTS[node.value]
        if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
            text = node.evaluated_value
            return text if text is not None else HIDDEN
        if isinstance(node, (cst.Integer, cst.Float)):
            return node.evaluated_value
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
            inner = self.value(node.expression, depth + 1)
            return -inner if isinstance(inner, (int, float)) else HIDDEN
        held = self.held(node) if depth < 4 else None
        if held is not None and held.certainty is Certainty.FIXED:
            return held.evaluator.value(held.node, depth + 1)
        return self._number(node, depth + 1)

    def held(self, node: cst.CSTNode) -> Held | None:
        """Return the expression that a name, an attribute or an item of a dictionary holds."""
        if isinstance(node, cst.Name):
            target = self.single_assignment(node.value)
            return Held(self, target) if target is not None else self._imported(node)
        if isinstance(node, cst.Attribute):
            return self._imported(node) or held_by_attribute(node, self)
        if isinstance(node, cst.Subscript) and len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
            key = self.value(node.slice[0].slice.value, 3)
            items = self.mapping(node.value) if isinstance(key, str) else None
            found = items.get(key) if items is not None and isinstance(key, str) else None
            return Held(self, found) if found is not None else None
        return None

    def _imported(self, node: cst.BaseExpression) -> Held | None:
        """Return what a variable of another module of the project holds."""
        variable = imported_variable(node, self.index, self.scope)
        value = variable.index.constant(variable.name) if variable is not None else None
        if variable is None or value is None:
            return None
        return Held(self.at(variable.index, variable.index.body), value)

    def _number(self, node: cst.CSTNode, depth: int) -> object:
        """`30 * 1000`, and the seconds of `timedelta(minutes=1)` or its `total_seconds()`."""
        if isinstance(node, cst.BinaryOperation) and depth < 8:
            left, right = self.value(node.left, depth), self.value(node.right, depth)
            if not (isinstance(left, (int, float)) and isinstance(right, (int, float))):
                return HIDDEN
            if isinstance(node.operator, cst.Multiply):
                return left * right
            if isinstance(node.operator, cst.Add):
                return left + right
            return left / right if isinstance(node.operator, cst.Divide) and right else HIDDEN
        if isinstance(node, cst.Call) and isinstance(node.func, (cst.Name, cst.Attribute)):
            name = node.func.value if isinstance(node.func, cst.Name) else node.func.attr.value
            if name == "total_seconds" and isinstance(node.func, cst.Attribute):
                return self.value(node.func.value, depth)
            if name == "timedelta":
                return self._seconds(node, depth)
        return HIDDEN

    def _seconds(self, node: cst.Call, depth: int) -> object:
        total = 0.0
        for argument in node.args:
            factor = _SECONDS.get(argument.keyword.value) if argument.keyword is not None else None
            value = self.value(argument.value, depth)
            if factor is None or not isinstance(value, (int, float)):
                return HIDDEN
            total += factor * value
        return total

    def default(self, node: cst.CSTNode, depth: int = 0) -> Default:
        """Return the literal that holds unless somebody says otherwise, `HIDDEN` where there is none.

        The environment may: `os.environ.get("X", "5")`, `env.int("X", default=5)`, also through `int(…)` and `… or 5`,
        fields of objects of settings. Or callers, who hand such an object over.
        """
        if depth > 4:
            return Default(HIDDEN)
        held = self.held(node)
        if held is not None:
            value, certainty = held.evaluator.default(held.node, depth + 1)
            return Default(value, min(certainty, held.certainty))
        if isinstance(node, cst.BooleanOperation) and isinstance(node.operator, cst.Or):
            return Default(self.default(node.right, depth + 1).value)
        if not isinstance(node, cst.Call):
            return Default(self.value(node))
        dotted = self.index.dotted(node.func, self.scope)
        if dotted in _CONVERSIONS and len(node.args) == 1:
            inner = self.default(node.args[0].value, depth + 1)
            return inner._replace(value=_converted(inner.value, _CONVERSIONS[dotted]))
        given = self.default_of(node)
        return Default(self.value(given if given is not None else node))

    def default_of(self, call: cst.Call) -> cst.BaseExpression | None:
        """Return what a call gives that holds if the environment, or other settings, say nothing; else None."""
        if not call.args or not isinstance(call.args[0].value, cst.SimpleString):
            return None
        if len(call.args) == 2 and self.index.dotted(call.func, self.scope) in _ENVIRONMENT:
            return call.args[1].value
        named = (argument.value for argument in call.args if argument.keyword and argument.keyword.value == "default")
        return next(named, None)

    def single_assignment(self, name: str) -> cst.BaseExpression | None:
        """Return the only value that a local or module-level name is given, or None."""
        home = self._home(name)
        if any(param.name.value == name for param in home.params):
            return None
        return self.index.constant(name) if home.is_module else only_value(name, home)

    def _home(self, name: str) -> FunctionInfo:
        """Return the function that a name is bound in, from inside outwards; the module's body at last."""
        function = self.scope
        while not function.is_module and function.parent is not None:
            if self.index.is_local(name, function) or any(param.name.value == name for param in function.params):
                return function
            function = function.parent
        return self.index.body

    def mapping(self, node: cst.CSTNode, depth: int = 0) -> Items | None:
        """Return the items of a dictionary of arguments: see `syntax.mappings`; None if some cannot be seen."""
        if depth > 4:
            return None
        if isinstance(node, cst.Name):
            value = self.single_assignment(node.value)
            if value is None:
                return self._mapping_of_imported(node, depth)
            items = self.mapping(value, depth + 1)
            return self._with_changed_parts(self._grown(items, node.value, self._home(node.value), depth), node.value)
        if isinstance(node, cst.Attribute):
            own = self._mapping_of_attribute(node, depth)
            return own if own is not None else self._mapping_of_imported(node, depth)
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.BitOr):
            left, right = self.mapping(node.left, depth + 1), self.mapping(node.right, depth + 1)
            return {**left, **right} if left is not None and right is not None else None
        if isinstance(node, cst.IfExp):
            return self._union([(self, node.body), (self, node.orelse)], depth)
        pairs = display(node)
        if pairs is not None:
            found: Items = {}
            for key, value in pairs:
                inner = self.items_of_change(key, value, depth)
                if inner is None:
                    return None
                found.update(inner)
            return found
        return self._mapping_of_call(node, depth) if isinstance(node, cst.Call) else None

    def options(self, call: cst.Call) -> Items | None:
        """Return what a call is given as `**options`; None if some of it, or a `*` argument, is hidden."""
        found: Items = {}
        for argument in call.args:
            inner = self.mapping(argument.value) if argument.star == "**" else {}
            if inner is None or argument.star == "*":
                return None
            found |= inner
        return found

    def items_of_change(
        self, key: cst.BaseExpression | str | None, value: cst.BaseExpression, depth: int = 0
    ) -> Items | None:
        """Return what one item, or a dictionary that is merged in, puts into another one."""
        if key is None:
            return self.mapping(value, depth + 1)
        word = key if isinstance(key, str) else self.value(key)
        return {word: value} if isinstance(word, str) else None

    def items_of(self, node: cst.BaseExpression, name: str, home: FunctionInfo) -> Items | None:
        """Return the items of a dictionary, and those that code puts in later; *name* as in `mappings.spelled`."""
        return self._grown(self.mapping(node), name, home, 0)

    def values_of(self, node: cst.BaseExpression, name: str, home: FunctionInfo, key: str) -> list[cst.BaseExpression]:
        """Return all that a dictionary is given under a key; see `items_of`."""
        changes = (each for each in changes_in(home).get(name, ()) if each is not None)
        found = [self.mapping(node), *(Evaluator(self.index, home).items_of_change(*each) for each in changes)]
        return [items[key] for items in found if items is not None and key in items and items[key] is not SEVERAL]

    def _grown(self, items: Items | None, name: str, home: FunctionInfo, depth: int) -> Items | None:
        """Return items together with those that are put in under a name."""
        for change in changes_in(home).get(name, ()) if items is not None else ():
            more = Evaluator(self.index, home).items_of_change(*change, depth) if change is not None else None
            if more is None or items is None:
                return None
            items = dict(items)
            for key, value in more.items():
                add(items, key, value)
        for node in removed_in(home).get(name, ()) if items is not None else ():
            word = Evaluator(self.index, home).value(node)
            if not isinstance(word, str) or items is None:
                return None
            items = {**items, word: SEVERAL} if word in items else items
        return items

    def _with_changed_parts(self, items: Items | None, name: str) -> Items | None:
        """`options["connect_args"]["options"] = …`: what an inner dictionary holds then is hidden."""
        home = self._home(name)
        changed = [key for key in items or () if is_changed_in(inside(name, key), home)]
        return items if items is None or not changed else {**items, **dict.fromkeys(changed, SEVERAL)}

    def _mapping_of_attribute(self, node: cst.Attribute, depth: int) -> Items | None:
        """`connect(**self.options)`: what the class puts there, once."""
        scope, base = self.scope, node.value
        owner = scope.owner
        if owner is None or not scope.is_method or not scope.params or not isinstance(base, cst.Name):
            return None
        found = own_value(owner, node.attr.value) if base.value == scope.params[0].name.value else None
        if found is None or found[0].index is not self.index:
            return None
        where, value = found
        items = Evaluator(self.index, where).mapping(value, depth + 1)
        for method in [method for each in owner.lineage for method in each.methods.values() if method.params]:
            name = f"{method.params[0].name.value}.{node.attr.value}"
            if method.index is not self.index and is_changed_in(name, method):
                return None
            items = self._grown(items, name, method, depth)
        return _of_elsewhere(items)

    def _mapping_of_imported(self, node: cst.Name | cst.Attribute, depth: int) -> Items | None:
        """`connect(**config.OPTIONS)`: what another module of the project, or a class, has for a constant."""
        variable = imported_variable(node, self.index, self.scope)
        if variable is not None:
            home = self.at(variable.index, variable.index.body)
            return _of_elsewhere(home.mapping(cst.Name(variable.name), depth + 1))
        held = held_by_attribute(node, self) if isinstance(node, cst.Attribute) else None
        if held is None or held.certainty is not Certainty.FIXED:
            return None
        return _of_elsewhere(held.evaluator.mapping(held.node, depth + 1))

    def _mapping_of_call(self, node: cst.Call, depth: int) -> Items | None:
        """`connect(**self._options())`: what a function of this module returns, each time."""
        function: FunctionInfo | None = None
        if isinstance(node.func, cst.Name):
            function = self.index.find_function(node.func.value, self.scope)
        elif isinstance(node.func, cst.Attribute) and isinstance(node.func.value, cst.Name):
            scope = self.scope
            if node.func.attr.value == "copy" and not node.args:
                return self.mapping(node.func.value, depth + 1)
            if scope.owner is not None and scope.is_method and scope.params:
                is_own = node.func.value.value == scope.params[0].name.value
                function = scope.owner.find_method(node.func.attr.value) if is_own else None
        values = returned(function) if function is not None and function.index is self.index else None
        if function is None or values is None or function.decorators:
            return None
        evaluator = Evaluator(self.index, function)
        return _of_elsewhere(self._union([(evaluator, value) for value in values], depth))

    @staticmethod
    def _union(parts: list[tuple[Evaluator, cst.BaseExpression]], depth: int) -> Items | None:
        """Return the items of several dictionaries, one of which it is."""
        found: Items = {}
        for evaluator, part in parts:
            items = evaluator.mapping(part, depth + 1)
            if items is None:
                return None
            for key, each in items.items():
                add(found, key, each)
        return found

    def resolved(self, node: cst.BaseExpression) -> cst.BaseExpression:
        """Return the expression that a name stands for, or the expression itself.

        A text that a name collects piece by piece is the sum of the pieces.
        """
        if not isinstance(node, cst.Name):
            return node
        target = self.single_assignment(node.value)
        return target or certain_text(node.value, self._home(node.value)) or node

    def code_of(self, node: cst.CSTNode) -> str:
        """Return the code of a part of the module."""
        return self.index.code_of(node)

    @staticmethod
    def template(node: cst.CSTNode, hidden: str) -> str | None:
        """Return the text of an f-string with *hidden* for what it interpolates; None for other expressions."""
        if not isinstance(node, cst.FormattedString):
            return None
        return "".join(p.value if isinstance(p, cst.FormattedStringText) else hidden for p in node.parts)

    def surroundings(self, node: cst.CSTNode) -> str:
        """Return the code that handles what a call opens: its function or class, or what uses the module-level name."""
        index = self.index
        function = self.scope
        while function.parent is not None and not function.parent.is_module:
            function = function.parent
        if function.owner is not None:
            return index.code_of(function.owner.node)
        if not function.is_module:
            code = index.code_of(function.node)
            # What the file hands the connection to may bound it.
            helpers = [
                self.index.functions[name] for name in _handed_to(node, function) if name in self.index.functions
            ]
            return code + "".join(index.code_of(helper.node) for helper in helpers if helper is not function)
        names = [
            target.target.value
            for statement in index.module.body
            if isinstance(statement, cst.SimpleStatementLine)
            for small in statement.body
            if isinstance(small, cst.Assign) and small.value is node
            for target in small.targets
            if isinstance(target.target, cst.Name)
        ]
        return self._mentions(names)

    def _mentions(self, names: list[str]) -> str:
        """Return the top-level statements, and the functions and classes that mention one of the names."""
        body = self.index.module.body
        parts = [self.index.code_of(s) for s in body if isinstance(s, cst.SimpleStatementLine)]
        for statement in body:
            if isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
                code = self.index.code_of(statement)
                if any(re.search(rf"\b{re.escape(name)}\b", code) for name in names):
                    parts.append(code)
        return "".join(parts)


def _of_elsewhere(items: Items | None) -> Items | None:
    """Return items of another function: only literals mean the same here."""
    if items is None:
        return None
    return {
        key: value if all(not isinstance(n, cst.Name) or n.value in CONSTANTS for n in walk(value)) else SEVERAL
        for key, value in items.items()
    }


def _handed_to(node: cst.CSTNode, function: FunctionInfo) -> set[str]:
    """Return the names of the functions that get the value of an expression of a function, or may get it."""
    names: set[str] = set()
    for each in function.nodes:
        if isinstance(each, cst.Assign) and unawaited(each.value) is node:
            names.update(target.target.value for target in each.targets if isinstance(target.target, cst.Name))
        elif isinstance(each, cst.WithItem) and unawaited(each.item) is node and each.asname is not None:
            names.update([each.asname.name.value] if isinstance(each.asname.name, cst.Name) else ())
    found: set[str] = set()
    for call in function.nodes:
        if isinstance(call, cst.Call) and isinstance(call.func, cst.Name):
            given = {part.value for argument in call.args for part in walk(argument) if isinstance(part, cst.Name)}
            if not names or names & given:
                found.add(call.func.value)
    return found


def is_literal(node: cst.CSTNode) -> bool:
    """Whether an expression is written down as it is: a text, a number, or several of them."""
    if isinstance(node, (cst.SimpleString, cst.Integer, cst.Float)):
        return True
    if isinstance(node, (cst.Tuple, cst.List, cst.Set)):
        return all(is_literal(element.value) for element in node.elements)
    if isinstance(node, cst.Dict):
        return all(is_literal(element.value) for element in node.elements)
    if isinstance(node, cst.ConcatenatedString):
        return is_literal(node.left) and is_literal(node.right)
    return isinstance(node, cst.Name) and node.value in ("None", "True", "False")


def only_value(name: str, function: FunctionInfo) -> cst.BaseExpression | None:
    """Return the expression of a local name that is given one value only, by an assignment; else None."""
    found = function.given.get(name, ())
    return found[0] if len(found) == 1 else None


def unawaited(node: cst.BaseExpression | None) -> cst.BaseExpression | None:
    """Return what an `await` waits for, or the expression itself."""
    return node.expression if isinstance(node, cst.Await) else node
