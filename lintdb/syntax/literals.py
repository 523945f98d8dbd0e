"""What can be told of expressions by looking: constants, names given once, dict displays, the code around a call."""

from __future__ import annotations

import re

import libcst as cst

from lintdb.syntax.names import CONSTANTS, FunctionInfo, ModuleIndex

_SECONDS = {"milliseconds": 0.001, "seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}


class _Hidden:
    """A value that cannot be seen."""


HIDDEN = _Hidden()


class Evaluator:
    """Evaluates what is literal in one function of a module with source *text*."""

    def __init__(self, index: ModuleIndex, scope: FunctionInfo, text: str) -> None:
        self.index = index
        self.scope = scope
        self.text = text

    def value(self, node: cst.CSTNode, depth: int = 0) -> object:
        """Return the literal that an expression stands for, `HIDDEN` where it cannot be told."""
        if isinstance(node, cst.Name):
            if node.value in CONSTANTS:
                return CONSTANTS[node.value]
            target = self.single_assignment(node.value) if depth < 4 else None
            return self.value(target, depth + 1) if target is not None else HIDDEN
        if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
            text = node.evaluated_value
            return text if text is not None else HIDDEN
        if isinstance(node, (cst.Integer, cst.Float)):
            return node.evaluated_value
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
            inner = self.value(node.expression, depth + 1)
            return -inner if isinstance(inner, (int, float)) else HIDDEN
        return self._number(node, depth + 1)

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

    def single_assignment(self, name: str) -> cst.BaseExpression | None:
        """Return the only value that a local or module-level name is given, or None."""
        function: FunctionInfo | None = self.scope
        while function is not None and not function.is_module:
            if any(param.name.value == name for param in function.params):
                return None
            if self.index.is_local(name, function):
                return only_value(name, function)
            function = function.parent
        return self.index.constant(name)

    def mapping(self, node: cst.CSTNode) -> dict[str, cst.BaseExpression] | None:
        """Return the items of a dict display, directly or through a name that nothing changes; None if hidden."""
        if isinstance(node, cst.Name):
            target = self.single_assignment(node.value)
            if target is None or self._is_changed(node.value):
                return None
            node = target
        if isinstance(node, cst.Dict):
            items: dict[str, cst.BaseExpression] = {}
            for element in node.elements:
                if not isinstance(element, cst.DictElement):
                    inner = self.mapping(element.value)
                    if inner is None:
                        return None
                    items.update(inner)
                    continue
                key = self.value(element.key)
                if not isinstance(key, str):
                    return None
                items[key] = element.value
            return items
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "dict":
            items = {}
            for argument in node.args:
                if argument.keyword is None:
                    inner = self.mapping(argument.value)
                    if inner is None:
                        return None
                    items.update(inner)
                else:
                    items[argument.keyword.value] = argument.value
            return items
        return None

    def options(self, call: cst.Call) -> dict[str, cst.BaseExpression] | None:
        """Return what a call is given as `**options`; None if some of it, or a `*` argument, is hidden."""
        found: dict[str, cst.BaseExpression] = {}
        for argument in call.args:
            inner = self.mapping(argument.value) if argument.star == "**" else {}
            if inner is None or argument.star == "*":
                return None
            found |= inner
        return found

    def _is_changed(self, name: str) -> bool:
        """Whether something other than reading is done to a dict under this name: item assignment, `update`, …"""
        is_local = not self.scope.is_module and self.index.is_local(name, self.scope)
        text = self.index.module.code_for_node(self.scope.node) if is_local else self.text
        pattern = rf"\b{re.escape(name)}\s*(?:\[[^\]]*\]\s*=(?!=)|\|=|\.(?:update|setdefault|pop|clear)\b)"
        return re.search(pattern, text) is not None

    def resolved(self, node: cst.BaseExpression) -> cst.BaseExpression:
        """Return the expression that a name stands for, or the expression itself."""
        target = self.single_assignment(node.value) if isinstance(node, cst.Name) else None
        return target if target is not None else node

    @staticmethod
    def template(node: cst.CSTNode, hidden: str) -> str | None:
        """Return the text of an f-string with *hidden* for what it interpolates; None for other expressions."""
        if not isinstance(node, cst.FormattedString):
            return None
        return "".join(p.value if isinstance(p, cst.FormattedStringText) else hidden for p in node.parts)

    def surroundings(self, node: cst.CSTNode) -> str:
        """Return the code that handles what a call opens: its function or class, or what uses the module-level name."""
        module = self.index.module
        function = self.scope
        while function.parent is not None and not function.parent.is_module:
            function = function.parent
        if function.owner is not None:
            return module.code_for_node(function.owner.node)
        if not function.is_module:
            code = module.code_for_node(function.node)
            # What the file hands the connection to may bound it.
            helpers = [f for name, f in self.index.functions.items() if re.search(rf"\b{re.escape(name)}\(", code)]
            return code + "".join(module.code_for_node(helper.node) for helper in helpers if helper is not function)
        names = [
            target.target.value
            for statement in module.body
            if isinstance(statement, cst.SimpleStatementLine)
            for small in statement.body
            if isinstance(small, cst.Assign) and small.value is node
            for target in small.targets
            if isinstance(target.target, cst.Name)
        ]
        return self._mentions(names)

    def _mentions(self, names: list[str]) -> str:
        """Return the top-level statements, and the functions and classes that mention one of the names."""
        module = self.index.module
        parts = [module.code_for_node(s) for s in module.body if isinstance(s, cst.SimpleStatementLine)]
        for statement in module.body:
            if isinstance(statement, (cst.FunctionDef, cst.ClassDef)):
                code = module.code_for_node(statement)
                if any(re.search(rf"\b{re.escape(name)}\b", code) for name in names):
                    parts.append(code)
        return "".join(parts)


def only_value(name: str, function: FunctionInfo) -> cst.BaseExpression | None:
    """Return the expression of a local name that is given one value only, by an assignment; else None."""
    found = function.given.get(name, ())
    return found[0] if len(found) == 1 else None
