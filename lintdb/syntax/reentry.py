"""Generators of context managers that hand out again, to an inner block, what the outer one has got."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.nodes import presence_asked
from lintdb.syntax.walk import walk


def lends_again(info: FunctionInfo) -> bool:
    """Whether a method keeps what it yields in an attribute, and takes another only where that is empty.

    `if self.session is not None: yield self.session`, or `if self.session is None: self.session = make()`.
    """
    if not info.is_instance_method or not info.params:
        return False
    own = info.params[0].name.value
    filled = set(_filled(info.node, own))
    lent = filled & set(_lent(info.node, own))
    for node in info.nodes if lent else ():
        if not isinstance(node, cst.If):
            continue
        name, is_there = _asked(node.test, own)
        if name in lent and name in set(_lent(node.body, own) if is_there else _filled(node.body, own)):
            return True
    return False


def _attribute(node: cst.CSTNode | None, own: str) -> str:
    """Return the name of an attribute of the object, empty for anything else."""
    is_own = isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and node.value.value == own
    return node.attr.value if isinstance(node, cst.Attribute) and is_own else ""


def _lent(code: cst.CSTNode, own: str) -> Iterator[str]:
    """Yield the attributes that code yields."""
    for node in walk(code):
        if isinstance(node, cst.Yield) and (name := _attribute(node.value, own)):
            yield name


def _filled(code: cst.CSTNode, own: str) -> Iterator[str]:
    """Yield the attributes that code gives what a call gives."""
    for node in walk(code):
        if isinstance(node, cst.Assign | cst.AnnAssign):
            targets = [each.target for each in node.targets] if isinstance(node, cst.Assign) else [node.target]
            value = node.value.expression if isinstance(node.value, cst.Await) else node.value
            yield from (name for each in targets if isinstance(value, cst.Call) and (name := _attribute(each, own)))


def _asked(test: cst.BaseExpression, own: str) -> tuple[str, bool]:
    """Return the attribute that a test asks for, and whether there is something in it where the test holds."""
    asked = presence_asked(test)
    return (_attribute(asked[0], own), asked[1]) if asked is not None else ("", False)
