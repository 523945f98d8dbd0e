"""Whether the end of an object's `with` block does the same after an error of the block as without one."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintdb.syntax.ancestry import Ancestry
from lintdb.syntax.names import FunctionInfo

_EXITS = ("__exit__", "__aexit__")


def is_blind(node: cst.CSTNode, attribute: str, function: FunctionInfo) -> bool:
    """Whether a call on an attribute, in what ends a block, runs after an error of the block, too.

    It does where the method never looks at the error, unless something else than the attribute decides whether it is
    made: that may say that all is well. Where the class rolls back anywhere, its methods may do that where they fail;
    and what the method does itself on the attribute may be all that there is to keep.
    """
    owner = function.owner
    if owner is None or not function.is_method or function.name not in _EXITS or not function.params:
        return False
    star = function.node.params.star_arg if isinstance(function.node, cst.FunctionDef) else None
    told = {param.name.value for param in function.params[1:]}
    told |= {star.name.value} if isinstance(star, cst.Param) else set()
    if told & (function.loads | function.free_names) or "exc_info" in function.attributes | function.loads:
        return False
    if "rollback" in function.index.code_of(owner.node).lower():
        return False
    method = node.func.attr.value if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) else ""
    workers = [
        each for name, each in owner.methods.items() if not name.startswith("__") and attribute in each.attributes
    ]
    if workers and all(method in each.attributes for each in workers):
        return False  # each of them keeps what it does itself
    own = f"{function.params[0].name.value}.{attribute}"
    return not _is_decided(node, own, function) and not _works_itself(own, function)


def _is_decided(node: cst.CSTNode, own: str, function: FunctionInfo) -> bool:
    """Whether something but the attribute decides that a call is made: around it, or by leaving before it."""
    inner = node
    for outer in Ancestry(function.node).ancestors(node):
        if isinstance(outer, (cst.Match, cst.IfExp, cst.BooleanOperation)):
            return True
        asked = _names_in(outer.test) if isinstance(outer, cst.If) and inner is not outer.test else ()
        if any(name != own and not name.startswith(f"{own}.") for name in asked):
            return True
        inner = outer
    for each in function.nodes:
        if each is node:
            return False
        if isinstance(each, (cst.Return, cst.Raise)):
            return True
    return False


def _works_itself(own: str, function: FunctionInfo) -> bool:
    """Whether the method does something of its own on the attribute, which it then keeps."""
    called = [call.func for call in function.calls if isinstance(call.func, cst.Attribute)]
    return any(_dotted(each.value) == own and each.attr.value.startswith("exec") for each in called)


def called_blindly(method: str, function: FunctionInfo) -> Iterator[str]:
    """Yield the attributes on which such a function calls a method of that name after an error of the block, too."""
    for call in function.calls:
        called = call.func if isinstance(call.func, cst.Attribute) else None
        owner = called.value if called is not None and called.attr.value == method else None
        if isinstance(owner, cst.Attribute) and is_blind(call, owner.attr.value, function):
            yield owner.attr.value


def _names_in(test: cst.BaseExpression) -> Iterator[str]:
    """Yield the dotted names in a condition."""
    todo: list[cst.CSTNode] = [test]
    while todo:
        node = todo.pop()
        name = _dotted(node)
        if name:
            yield name
        else:
            todo += node.children


def _dotted(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        base = _dotted(node.value)
        return f"{base}.{node.attr.value}" if base else ""
    return node.value if isinstance(node, cst.Name) else ""
