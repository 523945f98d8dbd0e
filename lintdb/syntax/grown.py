"""Texts that a variable collects piece by piece: `dsn = "redis://"`, then `dsn += f":{password}@"`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import libcst as cst

from lintdb.syntax.ancestry import Ancestry
from lintdb.syntax.names import FunctionInfo
from lintdb.syntax.walk import walk


class GrownText(NamedTuple):
    """All pieces of a text as one sum; `is_certain` if each path through the function puts together that one."""

    sum: cst.BaseExpression
    is_certain: bool


class _Piece(NamedTuple):
    """What one statement starts the text with, or adds to it, and what is around the statement, from inside out."""

    statement: cst.CSTNode
    value: cst.BaseExpression
    is_start: bool
    around: list[cst.CSTNode]


@functools.lru_cache(maxsize=256)
def grown_texts(name: str, function: FunctionInfo) -> tuple[GrownText, ...]:
    """Return the texts that a local name may come to, one for each that it starts with, with all that may be added.

    None are told where anything else is done with it before the last piece is there, or a loop adds to it.
    """
    if function.is_module or name in function.outer or any(param.name.value == name for param in function.params):
        return ()
    pieces = _pieces(name, function)
    starts = [each for each in pieces or () if each.is_start]
    added = [each for each in pieces or () if not each.is_start]
    if not starts or not added or not any(_is_spelled(each.value) for each in (*starts, *added)):
        return ()
    found: list[GrownText] = []
    for start in starts:
        chosen = [start]
        for each in added:
            if not any(_excludes(each, other) for other in chosen):
                chosen.append(each)
        is_certain = len(chosen) == len(pieces or ()) and all(_is_always_run(each, start) for each in added)
        found.append(GrownText(_sum([each.value for each in chosen]), is_certain))
    return tuple(found)


def certain_text(name: str, function: FunctionInfo) -> cst.BaseExpression | None:
    """Return the sum of the pieces of a local name where each path puts together the same."""
    found = grown_texts(name, function)
    return found[0].sum if len(found) == 1 and found[0].is_certain else None


def _pieces(name: str, function: FunctionInfo) -> list[_Piece] | None:
    """Return the pieces in the order of the source, all that it starts with first; None where there is more to it."""
    given = function.given.get(name, ())
    if len(given) < 2 or not any(_added(node, name) is not None for node in function.nodes):
        return None
    around = Ancestry(function.node)
    found: list[_Piece] = []
    own: set[int] = set()
    for node in function.nodes:
        added = _added(node, name)
        value = added if added is not None else _started(node, name)
        if value is not None:
            if next(around.loops(node), None) is not None or (added is None and any(not p.is_start for p in found)):
                return None
            found.append(_Piece(node, value, added is None, list(around.ancestors(node))))
            own.update(id(each) for each in _names_besides(node, value, name))  # its target, and what it adds to
    named = [node for node in function.nodes if isinstance(node, cst.Name) and node.value == name]
    uses = [number for number, node in enumerate(named) if id(node) not in own]
    is_used_later = all(id(node) not in own for node in named[min(uses, default=len(named)) :])
    return found if is_used_later and len(found) == len(given) else None


def _started(node: cst.CSTNode, name: str) -> cst.BaseExpression | None:
    """`name = value`"""
    if isinstance(node, cst.Assign) and len(node.targets) == 1:
        return node.value if _is_name(node.targets[0].target, name) else None
    return node.value if isinstance(node, cst.AnnAssign) and _is_name(node.target, name) else None


def _added(node: cst.CSTNode, name: str) -> cst.BaseExpression | None:
    """`name += value`, `name = name + value`"""
    if isinstance(node, cst.AugAssign) and isinstance(node.operator, cst.AddAssign):
        return node.value if _is_name(node.target, name) else None
    value = _started(node, name)
    values: list[cst.BaseExpression] = []
    while isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Add):
        values.insert(0, value.right)
        value = value.left
    return _sum(values) if values and value is not None and _is_name(value, name) else None


def _names_besides(statement: cst.CSTNode, value: cst.BaseExpression, name: str) -> list[cst.CSTNode]:
    """Return where a statement names the variable, but for what it adds to it."""
    inside = {id(value), *(id(node) for node in walk(value))}
    return [n for n in walk(statement) if isinstance(n, cst.Name) and n.value == name and id(n) not in inside]


def _excludes(piece: _Piece, other: _Piece) -> bool:
    """Whether two statements stand in different branches of one `if`."""
    outer = {id(node): inner for inner, node in zip((other.statement, *other.around), other.around, strict=False)}
    for inner, node in zip((piece.statement, *piece.around), piece.around, strict=False):
        if isinstance(node, cst.If) and id(node) in outer:
            return outer[id(node)] is not inner
    return False


_BRANCHES = (cst.If, cst.Else, cst.Try, cst.TryStar, cst.ExceptHandler, cst.Match, cst.MatchCase)


def _is_always_run(piece: _Piece, start: _Piece) -> bool:
    """Whether whoever has started the text comes past a statement that adds to it."""
    return all(any(node is each for each in start.around) for node in piece.around if isinstance(node, _BRANCHES))


def _sum(values: Sequence[cst.BaseExpression]) -> cst.BaseExpression:
    return functools.reduce(lambda left, right: cst.BinaryOperation(left, cst.Add(), right), values)


def _is_spelled(node: cst.BaseExpression) -> bool:
    """Whether something is a text, as it is written."""
    if isinstance(node, cst.BinaryOperation):
        return _is_spelled(node.left) or _is_spelled(node.right)
    return isinstance(node, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString))


def _is_name(node: cst.BaseExpression, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name
