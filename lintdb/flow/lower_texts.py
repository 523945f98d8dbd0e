"""Texts that are put together: f-strings, `%`, `+`, `format` and `join`, as far as the pieces can be seen."""

from __future__ import annotations

import re

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.stdlib import KEEPS_TEXT

_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\'": "'", '\\"': '"', "\\\n": "", "\\\\": "\\", "{{": "{", "}}": "}"}
_ESCAPE = re.compile("|".join(re.escape(escape) for escape in _ESCAPES))


def unescaped(text: str, node: cst.FormattedString) -> str:
    """Return the text between the braces of an f-string as it is at run time, for the usual escapes."""
    if "r" in node.prefix.lower():
        return text.replace("{{", "{").replace("}}", "}")
    return _ESCAPE.sub(lambda match: _ESCAPES[match.group()], text)


def concatenate(left: ir.Part, right: ir.Part) -> ir.Operand:
    """Two texts, or a text and something else that must then be one; anything else is not known."""
    if not (_is_text(left.operand) or _is_text(right.operand)):
        return ir.UNKNOWN
    parts: list[str | ir.Part] = []
    for part in (left, right):
        if isinstance(part.operand, ir.Constant):
            parts.append(str(part.operand.value))
        elif isinstance(part.operand, ir.Text):
            parts += part.operand.parts
        else:
            parts.append(part)
    if all(isinstance(part, str) for part in parts):
        return ir.Constant("".join(part for part in parts if isinstance(part, str)))
    return ir.Text(tuple(parts))


def _is_text(operand: ir.Operand) -> bool:
    return isinstance(operand, (ir.Text, ir.Format)) or (
        isinstance(operand, ir.Constant) and isinstance(operand.value, str)
    )


def arguments_of_modulo(node: cst.BaseExpression, operand: ir.Operand) -> tuple[tuple[object, ir.Part], ...]:
    """Return what stands to the right of a `%`, keyed by position or name."""
    if isinstance(node, cst.Tuple) and isinstance(operand, ir.Display):
        pairs = zip(operand.items, node.elements, strict=True)
        return tuple((number, ir.Part(item, element.value)) for number, (item, element) in enumerate(pairs))
    if isinstance(node, cst.Dict) and isinstance(operand, ir.DictDisplay):
        items = zip(operand.items, node.elements, strict=True)
        return tuple((key, ir.Part(item, element.value)) for (key, item), element in items)
    return ((0, ir.Part(operand, node)),)


def _joined(separator: str, node: cst.BaseExpression) -> ir.Operand:
    """`separator.join(node)`: of elements that cannot be counted two stand for all."""
    if isinstance(node, (cst.List, cst.Tuple)):
        elements = [_spelled(element.value) for element in node.elements]
    elif isinstance(node, (cst.ListComp, cst.GeneratorExp, cst.SetComp)):
        elements = [_spelled(node.elt)] * 2
    else:
        elements = [[ir.Part(ir.UNKNOWN, node)]] * 2
    parts: list[str | ir.Part] = []
    for element in elements:
        parts += [separator, *element] if parts else element
    return ir.Text(tuple(parts))


def _spelled(node: cst.BaseExpression) -> list[str | ir.Part]:
    """Return the pieces of a text as its spelling shows them, without evaluating anything."""
    if isinstance(node, cst.SimpleString) and isinstance(node.evaluated_value, str):
        return [node.evaluated_value]
    if isinstance(node, cst.FormattedString):
        return [
            unescaped(p.value, node) if isinstance(p, cst.FormattedStringText) else ir.Part(ir.UNKNOWN, p)
            for p in node.parts
        ]
    return [ir.Part(ir.UNKNOWN, node)]


_METHODS = frozenset({"format", "replace"}) | KEEPS_TEXT
"""Methods that give a text again, with more or less in it, whatever the text is called."""


def method_of_text(callee: ir.Operand) -> ir.AttributeOf | None:
    """Return what is called as a method that gives a text again, if it may be one; of imported names, too."""
    if isinstance(callee, ir.Dotted):
        owner, _, name = callee.name.rpartition(".")
        return ir.AttributeOf(ir.Dotted(owner), name) if owner and name in _METHODS else None
    is_one = isinstance(callee, ir.AttributeOf) and callee.name in _METHODS
    is_there = isinstance(callee, ir.AttributeOf) and isinstance(callee.base, (ir.Local, ir.AttributeOf, ir.Dotted))
    return callee if is_one and is_there and isinstance(callee, ir.AttributeOf) else None


def string_method(
    node: cst.Call, callee: ir.AttributeOf, arguments: list[ir.CallArgument], otherwise: ir.Operand | None = None
) -> ir.Operand:
    """`"…".format(x)`, `", ".join(names)`, `"…".replace("{a}", x)`; *otherwise* is the value if it is no text."""
    if callee.name == "format" and not any(argument.star for argument in arguments):
        items = [
            (argument.keyword or number, ir.Part(argument.operand, node.args[number].value))
            for number, argument in enumerate(arguments)
        ]
        return ir.Format(ir.Part(callee.base, node.func), "{", tuple(items), otherwise)
    if callee.name == "replace" and len(arguments) == 2:
        old, new = arguments
        if isinstance(old.operand, ir.Constant) and old.operand.value and not (old.keyword or new.keyword or new.star):
            item = (old.operand.value, ir.Part(new.operand, node.args[1].value))
            return ir.Format(ir.Part(callee.base, node.func), "=", (item,), otherwise)
    if callee.name == "join" and isinstance(callee.base, ir.Constant) and len(node.args) == 1:
        return _joined(str(callee.base.value), node.args[0].value)
    if callee.name in KEEPS_TEXT and otherwise is None:
        return callee.base
    operands = [each.operand for each in arguments]
    if callee.name in KEEPS_TEXT and all(isinstance(o, ir.Constant) and isinstance(o.value, str) for o in operands):
        items = [(number, ir.Part(each.operand, node)) for number, each in enumerate(arguments)]
        return ir.Format(ir.Part(callee.base, node.func), callee.name, tuple(items), otherwise)
    return otherwise or ir.UNKNOWN
