"""Texts that are put together: f-strings, `%`, `+`, `format` and `join`, as far as the pieces can be seen."""

from __future__ import annotations

import re

import libcst as cst

from lintdb.flow import ir
from lintdb.flow.stdlib import KEEPS_TEXT
from lintdb.flow.texts import ANY_KEY, filled
from lintdb.syntax.given import given_by
from lintdb.syntax.listed import ListedText, texts_of
from lintdb.syntax.names import FunctionInfo

_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\'": "'", '\\"': '"', "\\\n": "", "\\\\": "\\", "{{": "{", "}}": "}"}
_ESCAPE = re.compile("|".join(re.escape(escape) for escape in _ESCAPES))


def unescaped(text: str, node: cst.FormattedString) -> str:
    """Return the text between the braces of an f-string as it is at run time, for the usual escapes."""
    if "r" in node.prefix.lower():
        return text.replace("{{", "{").replace("}}", "}")
    return _ESCAPE.sub(lambda match: _ESCAPES[match.group()], text)


def concatenate(left: ir.Part, right: ir.Part) -> ir.Operand:
    """Two texts, or a text and something else that must then be one; anything else is not known."""
    if not (is_text(left.operand) or is_text(right.operand)):
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


def is_text(operand: ir.Operand) -> bool:
    """Whether an operand is surely a text."""
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


def _joined(separator: str, node: cst.BaseExpression, function: FunctionInfo) -> ir.Operand:
    """`separator.join(node)`: of elements that cannot be counted two stand for all, and something open at the end."""
    listed = texts_of(node, function)
    texts = listed if listed is not None else [ListedText(node, is_repeated=True)]
    parts: list[str | ir.Part] = []
    for text in texts:
        spelled = _spelled(text.node, function)
        for _ in range(2 if text.is_repeated else 1):
            parts += [separator, *spelled] if parts else spelled
    if listed is not None and any(text.is_repeated or text.is_optional for text in texts):
        parts.append(ir.Part(ir.UNKNOWN, _NOTHING))
    return ir.Text(tuple(parts))


_NOTHING = cst.SimpleString('""')
"""Fills what is open at the end of a text: how many elements there are is not known, and it holds no value."""


def _spelled(node: cst.BaseExpression, function: FunctionInfo, depth: int = 2) -> list[str | ir.Part]:
    """Return the pieces of a text as its spelling shows them; of what is evaluated, only variables are."""
    if isinstance(node, cst.SimpleString) and isinstance(node.evaluated_value, str):
        return [node.evaluated_value]
    if isinstance(node, cst.FormattedString):
        return [
            unescaped(p.value, node) if isinstance(p, cst.FormattedStringText) else ir.Part(ir.UNKNOWN, p)
            for p in node.parts
        ]
    if isinstance(node, cst.ConcatenatedString):
        return [*_spelled(node.left, function, depth), *_spelled(node.right, function, depth)]
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add) and _is_spelled(node):
        return [*_spelled(node.left, function, depth), *_spelled(node.right, function, depth)]
    template, values = _template(node)
    if template is not None:
        style = "%" if isinstance(node, cst.BinaryOperation) else "{"
        items = tuple((key, ir.Part(ir.UNKNOWN, value)) for key, value in values.items())
        operand = ir.Format(ir.Part(ir.UNKNOWN, template), style, items)
        found = filled(_spelled(template, function), operand, {key: [part] for key, part in items})
        if found is not None:
            return found
    written = _returned_by(node, function) if isinstance(node, cst.Call) and depth else None
    if written is not None and _is_spelled(written[0]):
        pieces = _spelled(*written, depth - 1)
        return [
            _of_function(each, written[1], node, function) if isinstance(each, ir.Part) else each for each in pieces
        ]
    is_local = isinstance(node, cst.Name) and not function.is_module and node.value in function.bound
    return [ir.Part(ir.Local(node.value) if is_local and isinstance(node, cst.Name) else ir.UNKNOWN, node)]


def _of_function(part: ir.Part, callee: FunctionInfo, call: cst.CSTNode, function: FunctionInfo) -> ir.Part:
    """Return a piece of a text of another function: what it is given is the caller's, its variables are its own."""
    if isinstance(part.node, cst.FormattedStringExpression) and part.node.conversion is None:
        part = ir.Part(part.operand, part.node.expression, part.function)
    name = part.node.value if isinstance(part.node, cst.Name) and part.function is None else ""
    if name and name not in callee.given and isinstance(call, cst.Call):
        given = given_by([(function, call)], name, callee)
        if given is not None and given[0].caller is function:  # and no default
            return ir.Part(ir.UNKNOWN, given[0].node, function)
    return ir.Part(ir.UNKNOWN, part.node, part.function or callee)


def _returned_by(call: cst.Call, function: FunctionInfo) -> tuple[cst.BaseExpression, FunctionInfo] | None:
    """Return the only expression that a called function, or method of the own object, of the file returns, and that."""
    callee: FunctionInfo | None = None
    if isinstance(call.func, cst.Name):
        callee = function.index.find_function(call.func.value, function)
    elif isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Name) and function.owner is not None:
        is_own = bool(function.params) and function.params[0].name.value == call.func.value.value
        callee = function.owner.find_method(call.func.attr.value) if is_own else None
    if callee is None or callee.is_generator or callee.is_async or callee.decorators:
        return None
    own = (each for each in callee.nodes if isinstance(each, cst.Return))
    returned = [each.value for each in own if each.value is not None]
    return (returned[0], callee) if len(returned) == 1 and not callee.nested else None


def _is_spelled(node: cst.BaseExpression) -> bool:
    """Whether a text is, at least in part, written out where it stands."""
    if isinstance(node, cst.BinaryOperation):
        return _is_spelled(node.left) or _is_spelled(node.right)
    return isinstance(node, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString))


def _template(
    node: cst.BaseExpression,
) -> tuple[cst.BaseExpression | None, dict[object, cst.BaseExpression]]:
    """Return the template of `"…" % values` and `"…".format(…)`, with what fills it by place or name."""
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Modulo) and _is_spelled(node.left):
        if isinstance(node.right, cst.Tuple):
            return node.left, {number: each.value for number, each in enumerate(node.right.elements)}
        return (None, {}) if isinstance(node.right, cst.Dict) else (node.left, {0: node.right})
    is_method = isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "format"
    if (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Attribute)
        and is_method
        and _is_spelled(node.func.value)
    ):
        keyed: dict[object, cst.BaseExpression] = {
            each.keyword.value if each.keyword else at: each.value for at, each in enumerate(node.args)
        }
        return (None, {}) if any(each.star for each in node.args) else (node.func.value, keyed)
    return None, {}


_SUBSTITUTES = frozenset({"substitute", "safe_substitute"})
"""Methods of `string.Template`, which counts as its text."""

_METHODS = frozenset({"format", "format_map", "replace"}) | KEEPS_TEXT | _SUBSTITUTES
"""Methods that give a text again, with more or less in it, whatever the text is called."""


_FILLS = {"format": "{", "format_map": "{", **dict.fromkeys(_SUBSTITUTES, "$")}
"""Methods that fill the gaps of a text, and how these are written."""


def method_of_text(callee: ir.Operand) -> ir.AttributeOf | None:
    """Return what is called as a method that gives a text again, if it may be one; of imported names, too."""
    if isinstance(callee, ir.Dotted):
        owner, _, name = callee.name.rpartition(".")
        return ir.AttributeOf(ir.Dotted(owner), name) if owner and name in _METHODS else None
    is_one = isinstance(callee, ir.AttributeOf) and callee.name in _METHODS
    is_there = isinstance(callee, ir.AttributeOf) and isinstance(
        callee.base, (ir.Local, ir.AttributeOf, ir.Dotted, ir.ItemOf)
    )
    return callee if is_one and is_there and isinstance(callee, ir.AttributeOf) else None


def _given(
    node: cst.Call, arguments: list[ir.CallArgument], *, is_mapping: bool
) -> tuple[tuple[object, ir.Part], ...] | None:
    """Return what a call of `format()` is given, by position or name; None where it cannot be told what goes where.

    What a mapping has that is not written there may be under any name.
    """
    found: list[tuple[object, ir.Part]] = []
    for number, (argument, written) in enumerate(zip(arguments, node.args, strict=True)):
        value = written.value
        if argument.star == "*":
            return None
        if not argument.star and (argument.keyword or not is_mapping):
            found.append((argument.keyword or number, ir.Part(argument.operand, value)))
            continue
        items = arguments_of_modulo(value, argument.operand) if isinstance(value, cst.Dict) else ()
        is_seen = bool(items) and all(key is not None for key, _ in items)
        found += items if is_seen else [(ANY_KEY, ir.Part(argument.operand, value))]
    return tuple(found)


def string_method(
    node: cst.Call,
    callee: ir.AttributeOf,
    arguments: list[ir.CallArgument],
    function: FunctionInfo,
    otherwise: ir.Operand | None = None,
) -> ir.Operand:
    """`"…".format(x)`, `", ".join(names)`, `"…".replace("{a}", x)`; *otherwise* is the value if it is no text."""
    if callee.name in _FILLS:
        given = _given(node, arguments, is_mapping=callee.name != "format")
        if given is not None:
            return ir.Format(ir.Part(callee.base, node.func), _FILLS[callee.name], given, otherwise)
    if callee.name == "replace" and len(arguments) == 2:
        old, new = arguments
        if isinstance(old.operand, ir.Constant) and old.operand.value and not (old.keyword or new.keyword or new.star):
            item = (old.operand.value, ir.Part(new.operand, node.args[1].value))
            return ir.Format(ir.Part(callee.base, node.func), "=", (item,), otherwise)
    if callee.name == "join" and isinstance(callee.base, ir.Constant) and len(node.args) == 1:
        return _joined(str(callee.base.value), node.args[0].value, function)
    if callee.name in KEEPS_TEXT and otherwise is None:
        return callee.base
    operands = [each.operand for each in arguments]
    if callee.name in KEEPS_TEXT and all(isinstance(o, ir.Constant) and isinstance(o.value, str) for o in operands):
        items = [(number, ir.Part(each.operand, node)) for number, each in enumerate(arguments)]
        return ir.Format(ir.Part(callee.base, node.func), callee.name, tuple(items), otherwise)
    return otherwise or ir.UNKNOWN
