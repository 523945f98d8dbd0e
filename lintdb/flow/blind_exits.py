"""Whether the end of an object's `with` block does the same after an error of the block as without one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import libcst as cst

from lintdb.syntax.ancestry import Ancestry
from lintdb.syntax.names import FunctionInfo

_EXITS = ("__exit__", "__aexit__")


def is_blind(node: cst.CSTNode, attribute: str, function: FunctionInfo) -> bool:
    """Whether a call on an attribute, in what ends a block, runs after an error of the block, too.

    It does where the method never looks at the error, unless a condition asks for something else than the attribute:
    that may say that all is well. Where the class rolls back anywhere, its methods may do that where they fail.
    """
    owner = function.owner
    if owner is None or not function.is_method or function.name not in _EXITS or not function.params:
        return False
    star = function.node.params.star_arg if isinstance(function.node, cst.FunctionDef) else None
    told = {param.name.value for param in function.params[1:]}
    told |= {star.name.value} if isinstance(star, cst.Param) else set()
    if told & (function.loads | function.free_names):
        return False
    if any("rollback" in name for each in owner.methods.values() for name in each.attributes):
        return False
    own = f"{function.params[0].name.value}.{attribute}"
    around = [node, *Ancestry(function.node).ancestors(node)]
    tests = [
        each.test for inner, each in itertools.pairwise(around) if isinstance(each, cst.If) and inner is not each.test
    ]
    return all(name == own or name.startswith(f"{own}.") for test in tests for name in _names_in(test))


def calls_blindly(method: str, function: FunctionInfo) -> bool:
    """Whether such a function calls a method of that name, on an attribute, after an error of the block, too."""
    for call in function.calls:
        called = call.func if isinstance(call.func, cst.Attribute) else None
        owner = called.value if called is not None and called.attr.value == method else None
        if isinstance(owner, cst.Attribute) and is_blind(call, owner.attr.value, function):
            return True
    return False


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
