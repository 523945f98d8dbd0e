"""The text that an expression spells out, with the expressions that fill its holes; nothing is followed."""

from __future__ import annotations

import re
from typing import TypeGuard

import libcst as cst

from lintdb.syntax.fields import imported_variable
from lintdb.syntax.literals import only_value
from lintdb.syntax.names import FunctionInfo, ModuleIndex

_CONVERSION = re.compile(r"%(?:\((?P<key>\w+)\))?[#0\- +]*\d*(?:\.\d+)?[a-zA-Z%]")
_FORMATS = ("format", "format_map")
_PUTS = frozenset({"update", "setdefault"})
_OTHERS = "*"
"""The key of a mapping that cannot be seen: it fills all gaps that have a name."""
_FIELD = re.compile(r"\{(?P<key>\w*)[^{}]*\}")


def template_of(node: cst.BaseExpression, index: ModuleIndex, scope: FunctionInfo) -> list[str | cst.BaseExpression]:
    """Return the pieces of a text that an f-string, `+`, `%` or `format()` puts together; one hole if it is none."""
    if isinstance(node, cst.SimpleString):
        value = node.evaluated_value
        return [value] if isinstance(value, str) else [node]
    if isinstance(node, cst.FormattedString):
        return [p.value if isinstance(p, cst.FormattedStringText) else _filling(p) for p in node.parts]
    if isinstance(node, cst.ConcatenatedString) or _is(node, cst.Add):
        return [*template_of(node.left, index, scope), *template_of(node.right, index, scope)]
    found: list[str | cst.BaseExpression] | None = None
    if _is(node, cst.Modulo):
        found = _filled(_text(node.left, index, scope), _CONVERSION, _items(node.right, scope))
    elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _FORMATS:
        values: dict[object, cst.BaseExpression] = {}
        for number, argument in enumerate(node.args):
            is_mapping = argument.star == "**" or node.func.attr.value == "format_map"
            key = argument.keyword.value if argument.keyword is not None else number
            if not is_mapping:
                values[key] = argument.value
            elif _is_as_it_came(argument.value, scope):
                values[_OTHERS] = argument.value
        found = _filled(_text(node.func.value, index, scope), _FIELD, values)
    return found if found is not None else [node]


def _is(node: cst.BaseExpression, operator: type[cst.BaseBinaryOp]) -> TypeGuard[cst.BinaryOperation]:
    return isinstance(node, cst.BinaryOperation) and isinstance(node.operator, operator)


def _filling(part: cst.BaseFormattedStringContent) -> cst.BaseExpression:
    assert isinstance(part, cst.FormattedStringExpression)
    return part.expression


def _is_as_it_came(node: cst.BaseExpression, scope: FunctionInfo) -> bool:
    """Whether a mapping comes from elsewhere, and the function puts nothing into it: what it holds may be escaped."""
    text = scope.index.code_of(node)
    for each in scope.nodes:
        target = each.target if isinstance(each, cst.AssignTarget) else None
        if isinstance(target, cst.Subscript) and scope.index.code_of(target.value) == text:
            return False
        function = each.func if isinstance(each, cst.Call) else None
        is_put = isinstance(function, cst.Attribute) and function.attr.value in _PUTS
        if is_put and isinstance(function, cst.Attribute) and scope.index.code_of(function.value) == text:
            return False
    if isinstance(node, cst.Name):
        return any(param.name.value == node.value for param in scope.params) and only_value(node.value, scope) is None
    return isinstance(node, (cst.Attribute, cst.Subscript))


def _items(node: cst.BaseExpression, scope: FunctionInfo) -> dict[object, cst.BaseExpression]:
    if isinstance(node, cst.Tuple):
        return {number: element.value for number, element in enumerate(node.elements)}
    if isinstance(node, cst.Dict):
        keys = [e.key if isinstance(e, cst.DictElement) else None for e in node.elements]
        return {
            key.evaluated_value if isinstance(key, cst.SimpleString) else number: element.value
            for number, (key, element) in enumerate(zip(keys, node.elements, strict=True))
        }
    return {0: node, _OTHERS: node} if _is_as_it_came(node, scope) else {0: node}


def _text(template: cst.BaseExpression, index: ModuleIndex, scope: FunctionInfo) -> str | None:
    """Return a literal text, directly or as a constant of the function, the module or another one of the project."""
    if isinstance(template, cst.Name):
        name = template.value
        if any(param.name.value == name for param in scope.params):
            return None
        template = (only_value(name, scope) if index.is_local(name, scope) else index.constant(name)) or template
    if isinstance(template, (cst.Name, cst.Attribute)):
        variable = imported_variable(template, index, scope)
        template = (variable.index.constant(variable.name) if variable is not None else None) or template
    text = template.evaluated_value if isinstance(template, (cst.SimpleString, cst.ConcatenatedString)) else None
    return text if isinstance(text, str) else None


def _filled(
    text: str | None, gap: re.Pattern[str], values: dict[object, cst.BaseExpression]
) -> list[str | cst.BaseExpression] | None:
    """Put values into the gaps of a template; None where that cannot be seen."""
    if text is None:
        return None
    found: list[str | cst.BaseExpression] = []
    end = number = 0
    for match in gap.finditer(text):
        found.append(text[end : match.start()])
        end = match.end()
        key: object = match["key"] or number
        if not match["key"]:
            number += 1
        elif str(key).isdigit():
            key = int(str(key))
        filling = values.get(key) or (values.get(_OTHERS) if match["key"] else None)
        if filling is None:
            return None
        found.append(filling)
    return [*found, text[end:]]
