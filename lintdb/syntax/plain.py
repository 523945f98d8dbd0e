"""Trees of Python's own parser, walked without what is no code: names, operators, contexts."""

from __future__ import annotations

import ast

_NO_CODE = frozenset(
    {"ctx", "op", "ops", "id", "attr", "arg", "name", "names", "kind", "kwd_attrs", "type_comment", "type_ignores"}
)
"""Fields of nodes that hold names, operators and the like."""

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Fields of statements, and of their handlers and cases, that hold statements."""

_fields_known: dict[type[ast.AST], tuple[str, ...]] = {ast.Constant: ()}


def fields_of(kind: type[ast.AST]) -> tuple[str, ...]:
    """Return the fields of a node class that can hold nodes of code."""
    found = _fields_known.get(kind)
    if found is None:
        found = _fields_known[kind] = tuple(name for name in kind._fields if name not in _NO_CODE)
    return found


def children_of(node: ast.AST) -> list[ast.AST]:
    """Return the nodes in a node, in source order."""
    found: list[ast.AST] = []
    for name in fields_of(type(node)):
        value = getattr(node, name, None)
        if value.__class__ is list:
            # What is missing in a list is None: the key of `**rest` in a mapping.
            found += value if None not in value else filter(None, value)
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def walk_tree(node: ast.AST) -> list[ast.AST]:
    """Return a node and all nodes in it, outer ones first, as `ast.walk` does in three times the time."""
    found = [node]
    for each in found:
        found += children_of(each)
    return found


def statements_in(node: ast.AST) -> list[ast.AST]:
    """Return all statements in a statement or a module, outer ones first; what they are made of is not looked at."""
    found: list[ast.AST] = []
    for name in _BLOCKS:
        found += getattr(node, name, ())
    for each in found:
        for name in _BLOCKS:
            found += getattr(each, name, ())
    return found
