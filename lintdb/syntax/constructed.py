"""Which attributes an object has from the start, whatever its constructor is told."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintdb.syntax.names import ClassInfo, FunctionInfo, ModuleIndex
from lintdb.syntax.walk import walk


def has_from_start(owner: ClassInfo, name: str, *, of_class: bool) -> bool:
    """Whether every object of a class has an attribute, and none of its methods takes it away again.

    *of_class*: what the class itself keeps counts, too, methods and values alike.
    """
    if any(_takes_away(method, name) for each in owner.lineage for method in each.methods.values()):
        return False
    if of_class and (owner.find_method(name) is not None or _is_valued(owner, name)):
        return True
    return any(name in _set_by(init) for init in _constructors(owner))


def set_later(index: ModuleIndex) -> frozenset[str] | None:
    """Return the attributes that code of a module gives values other than in the constructor of their object.

    None if that may be any.
    """
    if "setattr(" in index.text or "__dict__" in index.text:
        return None
    constructors = [each for each in index.all_functions if each.name == "__init__" and each.owner is not None]
    first = {id(node) for each in constructors for node in each.nodes}
    return frozenset(
        target.attr.value
        for node in walk(index.module)
        for target in _targets(node)
        if isinstance(target, cst.Attribute) and not (id(target) in first and _is_name(target.value, "self"))
    )


def _is_valued(owner: ClassInfo, name: str) -> bool:
    return any(each.body_values[name][0] is not None for each in owner.lineage if name in each.body_values)


def _constructors(owner: ClassInfo) -> Iterator[FunctionInfo]:
    """Yield the constructors that run: the class's own, and each of its bases that the one before calls."""
    for each in owner.lineage:
        init = each.methods.get("__init__")
        if init is None:
            continue
        yield init
        if not any(isinstance(call.func, cst.Attribute) and call.func.attr.value == "__init__" for call in init.calls):
            return


def _set_by(init: FunctionInfo) -> set[str]:
    """Return the attributes that a constructor gives its object on each of its ways."""
    body = init.node.body if isinstance(init.node, cst.FunctionDef) else None
    first = init.params[0].name.value if init.params else ""
    return _set_in(body, first) if body is not None else set()


def _set_in(body: cst.BaseSuite, first: str) -> set[str]:
    found: set[str] = set()
    for statement in body.body:
        if isinstance(statement, cst.SimpleStatementLine):
            found |= {name for each in statement.body for name in _assigned(each, first)}
        elif isinstance(statement, (cst.With, cst.Try)):
            found |= (
                _set_in(statement.body, first) if isinstance(statement, cst.With) or not statement.handlers else set()
            )
        elif isinstance(statement, cst.If) and isinstance(statement.orelse, (cst.Else, cst.If)):
            found |= _set_in(statement.body, first) & _set_otherwise(statement.orelse, first)
    return found


def _set_otherwise(branch: cst.Else | cst.If, first: str) -> set[str]:
    if isinstance(branch, cst.Else):
        return _set_in(branch.body, first)
    return _set_in(branch.body, first) & _set_otherwise(branch.orelse, first) if branch.orelse is not None else set()


def _targets(node: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    """Yield what a node gives a value, or takes it from; tuples one by one."""
    target: cst.CSTNode | None = None
    if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.For, cst.Del)):
        target = node.target
    elif isinstance(node, cst.AsName):
        target = node.name
    if isinstance(target, (cst.Tuple, cst.List)):
        yield from (each.value for each in target.elements)
    elif isinstance(target, cst.BaseExpression):
        yield target


def _assigned(statement: cst.BaseSmallStatement, first: str) -> Iterator[str]:
    targets: list[cst.BaseExpression] = []
    if isinstance(statement, cst.Assign):
        targets = [each.target for each in statement.targets]
    elif isinstance(statement, cst.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    for target in targets:
        parts = [each.value for each in target.elements] if isinstance(target, (cst.Tuple, cst.List)) else [target]
        yield from (
            part.attr.value for part in parts if isinstance(part, cst.Attribute) and _is_name(part.value, first)
        )


def _takes_away(method: FunctionInfo, name: str) -> bool:
    """Whether a method deletes an attribute of that name."""
    for node in method.nodes:
        if isinstance(node, cst.Del):
            targets = (
                [each.value for each in node.target.elements] if isinstance(node.target, cst.Tuple) else [node.target]
            )
            if any(isinstance(each, cst.Attribute) and each.attr.value == name for each in targets):
                return True
        elif isinstance(node, cst.Name) and node.value == "delattr":
            return True
    return False


def _is_name(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name
