"""Texts that are put together from nothing but literals: `dedent("insert …")`, `" ".join(["insert", "into …"])`."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Sequence

import libcst as cst

from lintdb.flow.stdlib import KEEPS_TEXT, REINDENTS
from lintdb.syntax.names import ModuleIndex

_DEEPEST = 40
"""Expressions within one another: a sum of more texts than that is none that anybody reads."""

_REINDENTED: dict[str, Callable[[str], str]] = {
    "textwrap.dedent": textwrap.dedent, "inspect.cleandoc": inspect.cleandoc,
}  # fmt: skip


def text_of_literals(node: cst.BaseExpression | None, index: ModuleIndex, depth: int = 0) -> str | None:
    """Return the text that an expression of a module's or a class's body is; None where it takes more to tell.

    Names are not looked up: what a name stands for may have changed before the expression is evaluated.
    """
    if depth > _DEEPEST:
        return None
    if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        left, right = (text_of_literals(each, index, depth + 1) for each in (node.left, node.right))
        return left + right if left is not None and right is not None else None
    return _text_of_call(node, index, depth + 1) if isinstance(node, cst.Call) else None


def _text_of_call(call: cst.Call, index: ModuleIndex, depth: int) -> str | None:
    if any(each.star or each.keyword is not None for each in call.args):
        return None
    values = [each.value for each in call.args]
    dotted = index.dotted(call.func, index.body)
    if dotted in REINDENTS:
        inner = text_of_literals(values[0], index, depth) if len(values) == 1 else None
        return _REINDENTED.get(dotted, str)(inner) if inner is not None else None
    text = text_of_literals(call.func.value, index, depth) if isinstance(call.func, cst.Attribute) else None
    if text is None or not isinstance(call.func, cst.Attribute):
        return None
    method = call.func.attr.value
    if method == "join" and len(values) == 1:
        parts = _texts(values[0].elements, index, depth) if isinstance(values[0], (cst.List, cst.Tuple)) else None
        return text.join(parts) if parts is not None else None
    given = _texts(call.args, index, depth)
    if given is None:
        return None
    if method in KEEPS_TEXT and len(given) < 2:
        return str(getattr(text, method)(*given))
    return text.replace(given[0], given[1]) if method == "replace" and len(given) == 2 else None


def _texts(elements: Sequence[cst.BaseElement] | Sequence[cst.Arg], index: ModuleIndex, depth: int) -> list[str] | None:
    """Return the texts that several expressions are; None where one of them cannot be told."""
    found: list[str] = []
    for each in elements:
        text = text_of_literals(each.value, index, depth) if not isinstance(each, cst.StarredElement) else None
        if text is None:
            return None
        found.append(text)
    return found
