"""Whether the end of an object's `with` block does the same after an error of the block as without one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from lintdb.flow.stdlib import LOG_METHODS
from lintdb.syntax.ancestry import Ancestry
from lintdb.syntax.names import ClassInfo, FunctionInfo
from lintdb.syntax.nodes import last_name

_EXITS = ("__exit__", "__aexit__")
_DEEPEST = 2
"""Methods of an object that are followed one from the other."""


def is_blind(node: cst.CSTNode, attribute: str, function: FunctionInfo) -> bool:
    """Whether a call on an attribute, in what ends a block, runs after an error of the block, too.

    It does where the method never looks at the error, or only tells of it, unless something else than the attribute
    decides whether it is made: that may say that all is well. Where the class rolls back anywhere, its methods may do
    that where they fail; and what the method does itself on the attribute may be all that there is to keep.
    """
    owner = function.owner
    if owner is None or not function.is_method or function.name not in _EXITS or not function.params:
        return False
    star = function.node.params.star_arg if isinstance(function.node, cst.FunctionDef) else None
    told = {param.name.value for param in function.params[1:]}
    told |= {star.name.value} if isinstance(star, cst.Param) else set()
    if "exc_info" in function.attributes | function.loads or _is_heeded(told, function):
        return False
    if "rollback" in function.index.code_of(owner.node).lower():
        return False
    method = last_name(node.func) if isinstance(node, cst.Call) else ""
    is_own = method in owner.methods
    workers = [
        each
        for name, each in owner.methods.items()
        if not name.startswith("__") and name != method and attribute in each.attributes
    ]
    if is_own and (not workers or _asks(owner.methods[method], attribute, _DEEPEST)):
        return False  # it may be all that there is to keep, or keep it only where all is well
    if workers and all(method in each.attributes for each in workers):
        return False  # each of them keeps what it does itself
    own = f"{function.params[0].name.value}.{attribute}"
    return not _is_decided(node, own, function) and not _works_itself(own, function)


def _is_heeded(told: set[str], function: FunctionInfo) -> bool:
    """Whether anything depends on what a method is told of the error, but for what it writes to a log.

    What it returns decides what becomes of the error, not of the work.
    """
    if told & function.free_names - function.loads:
        return True  # by a function that is defined in it
    ancestry = Ancestry(function.node)
    named = [each for each in function.nodes if isinstance(each, cst.Name) and each.value in told]
    params = {id(param.name) for param in function.params}
    return any(id(each) not in params and not _is_only_told(each, ancestry) for each in named)


def _is_only_told(name: cst.Name, ancestry: Ancestry) -> bool:
    inner: cst.CSTNode = name
    for outer in ancestry.ancestors(name):
        if (isinstance(outer, cst.Call) and _tells(outer)) or isinstance(outer, cst.Return):
            return True
        if isinstance(outer, cst.If):
            return inner is outer.test and outer.orelse is None and _only_tells(outer.body)
        inner = outer
    return False


def _only_tells(body: cst.BaseSuite) -> bool:
    """Whether a block does nothing but write to a log."""
    lines = body.body if isinstance(body, (cst.IndentedBlock, cst.SimpleStatementSuite)) else ()
    found = [each for line in lines for each in (line.body if isinstance(line, cst.SimpleStatementLine) else (line,))]
    return all(isinstance(each, cst.Expr) and isinstance(each.value, cst.Call) and _tells(each.value) for each in found)


def _tells(call: cst.Call) -> bool:
    name = last_name(call.func)
    if isinstance(call.func, cst.Attribute):
        return name in LOG_METHODS or last_name(call.func.value) == "traceback"
    return name == "print" or name.startswith("print_")


def _asks(method: FunctionInfo, attribute: str, depth: int) -> bool:
    """Whether something but the attribute, and what it is given, decides that a method of the object commits."""
    if not method.is_method or not method.params:
        return False
    own = f"{method.params[0].name.value}.{attribute}"
    for call in method.calls:
        if attribute not in _called_by(call, "commit", method, depth):
            continue
        followed = method.owner.find_method(last_name(call.func)) if method.owner is not None else None
        is_followed = depth > 0 and followed is not None and followed is not method
        if _is_decided(call, own, method) or (
            is_followed and followed is not None and _asks(followed, attribute, depth - 1)
        ):
            return True
    return False


def _is_decided(node: cst.CSTNode, own: str, function: FunctionInfo) -> bool:
    """Whether something but the attribute decides that a call is made: around it, or by leaving before it.

    What a method is given is known where it is followed, but for what the end of a block is told.
    """
    inner = node
    for outer in Ancestry(function.node).ancestors(node):
        if isinstance(outer, (cst.Match, cst.IfExp, cst.BooleanOperation)):
            return True
        asked = _names_in(outer.test) if isinstance(outer, cst.If) and inner is not outer.test else ()
        if any(not _tells_nothing(name, own, function) for name in asked):
            return True
        inner = outer
    for each in function.nodes:
        if each is node:
            return False
        if isinstance(each, (cst.Return, cst.Raise)):
            return True
    return False


def _tells_nothing(name: str, own: str, function: FunctionInfo) -> bool:
    """Whether what a condition asks for says nothing of an error: it belongs to the attribute, or is set beforehand."""
    first, _, rest = name.partition(".")
    if name == own or name.startswith(f"{own}."):
        return True
    if not rest:
        if function.name not in _EXITS and any(param.name.value == first for param in function.params):
            return True
        given = function.given.get(first, ())
        return bool(given) and all(each is not None and _dotted(each).startswith(f"{own}.") for each in given)
    return function.owner is not None and first == own.partition(".")[0] and _is_setting(rest, function.owner)


def _is_setting(attribute: str, owner: ClassInfo) -> bool:
    """Whether nothing in its file but the constructor of a class sets an attribute."""
    made = owner.methods.get("__init__")
    sets = re.compile(rf"\.{re.escape(attribute)}\s*(?:=(?!=)|:[^\n=]*=(?!=)|[-+*/|&^]=)")
    in_all = len(sets.findall(owner.index.text))
    return made is not None and in_all > 0 and in_all == len(sets.findall(owner.index.code_of(made.node)))


def _works_itself(own: str, function: FunctionInfo) -> bool:
    """Whether the method does something of its own on the attribute, which it then keeps."""
    called = [call.func for call in function.calls if isinstance(call.func, cst.Attribute)]
    return any(_dotted(each.value) == own and each.attr.value.startswith("exec") for each in called)


def called_blindly(method: str, function: FunctionInfo) -> Iterator[str]:
    """Yield the attributes on which such a function calls a method of that name after an error of the block, too.

    It may have another method of its object do so.
    """
    for call in function.calls:
        for attribute in _called_by(call, method, function, _DEEPEST):
            if is_blind(call, attribute, function):
                yield attribute


def _called_by(call: cst.Call, method: str, function: FunctionInfo, depth: int) -> Iterator[str]:
    """Yield the attributes on which a call in a function calls a method, itself or by way of the object's own."""
    called = call.func if isinstance(call.func, cst.Attribute) else None
    holder = called.value if called is not None else None
    if called is None:
        return
    if isinstance(holder, cst.Attribute) and called.attr.value == method:
        yield holder.attr.value
    own = function.params[0].name.value if function.is_method and function.params else ""
    if depth and function.owner is not None and isinstance(holder, cst.Name) and holder.value == own:
        followed = function.owner.find_method(called.attr.value)
        if followed is not None:
            for each in followed.calls:
                yield from _called_by(each, method, followed, depth - 1)


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
