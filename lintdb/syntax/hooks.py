"""Methods that say nothing of what they do: other classes do it, or users of the library that write their own."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintdb.syntax.names import FunctionInfo

_PROTOCOLS = frozenset({"typing.Protocol", "typing_extensions.Protocol"})
_SAY_SO = frozenset({
    "abc.abstractmethod", "abc.abstractproperty", "typing.overload", "typing_extensions.overload",
})  # fmt: skip
"""Decorators that say that the body of a function is not what is run."""


def is_hook(function: FunctionInfo) -> bool:
    """Whether the body of a method does nothing, or refuses: another class says what is done."""
    if function.owner is None or function.name.startswith("__") or not isinstance(function.node, cst.FunctionDef):
        return False
    return all(_says_nothing(each) for each in _statements(function.node)) or _is_marked(function)


def is_promised(function: FunctionInfo) -> bool:
    """Whether a hook stands for what each class has to do; others may as well be left as they are."""
    if not isinstance(function.node, cst.FunctionDef) or function.owner is None:
        return False
    is_of_protocol = any(base in _PROTOCOLS for each in function.owner.lineage for base in each.outside_bases)
    written = any(
        isinstance(each, cst.Raise) or (isinstance(each, cst.Expr) and isinstance(each.value, cst.Ellipsis))
        for each in _statements(function.node)
    )
    return is_of_protocol or written or _is_marked(function)


def _is_marked(function: FunctionInfo) -> bool:
    scope = function.parent or function.index.body
    return any(function.index.dotted(each, scope) in _SAY_SO for each in function.decorators)


def _statements(node: cst.FunctionDef) -> Iterator[cst.CSTNode]:
    for line in node.body.body:
        if isinstance(line, cst.SimpleStatementLine):
            yield from line.body
        else:
            yield line


def _says_nothing(node: cst.CSTNode) -> bool:
    """Whether a statement is `pass`, `...`, a text that stands for itself, or a refusal to do anything."""
    if isinstance(node, cst.Expr):
        return isinstance(node.value, (cst.Ellipsis, cst.SimpleString, cst.ConcatenatedString))
    if isinstance(node, cst.Raise):
        made = node.exc.func if isinstance(node.exc, cst.Call) else node.exc
        return isinstance(made, cst.Name) and made.value == "NotImplementedError"
    return isinstance(node, cst.Pass)
