"""One preorder walk over a libcst tree by a table of fields; whitespace and punctuation are never visited.

libcst's own visitors format and look up a method name for every node and attribute; reading a fixed tuple of fields
for each node class is an order of magnitude faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import libcst as cst

_PUNCTUATION = (
    "whitespace", "lpar", "rpar", "lbracket", "rbracket", "lbrace", "rbrace", "semicolon", "comma", "equal",
    "leading_lines", "header", "footer", "trailing_whitespace", "lines_after", "colon", "operator", "dot", "indent",
    "first_line", "second_colon", "encoding", "default_indent", "default_newline", "has_trailing_newline",
    "newline", "separator", "bar", "asynchronous", "first_colon", "star_etc", "posonly_ind", "relative",
)  # fmt: skip

# The names after a dot and before `=` in an argument are not names that are read.
_fields_of: dict[type, tuple[str, ...]] = {cst.Attribute: ("value",), cst.Arg: ("value",)}


def child_fields(kind: type) -> tuple[str, ...]:
    """Names of the fields of a node class that can hold code."""
    names = _fields_of.get(kind)
    if names is None:
        names = tuple(
            f.name
            for f in fields(kind)
            if not f.name.startswith("_") and not any(f.name.startswith(word) for word in _PUNCTUATION)
        )
        _fields_of[kind] = names
    return names


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the direct children that are code, in source order."""
    for name in child_fields(type(node)):
        value = getattr(node, name)
        if isinstance(value, cst.CSTNode):
            yield value
        elif isinstance(value, (tuple, list)):
            for item in value:
                if isinstance(item, cst.CSTNode):
                    yield item


def is_same_code(left: cst.CSTNode, right: cst.CSTNode) -> bool:
    """Whether two nodes are written alike, however they are spread over lines."""
    return left is right or _unspaced(left) == _unspaced(right)


def _unspaced(node: cst.CSTNode) -> str:
    return "".join(cst.Module([]).code_for_node(node).split())


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield *node* and all code below it in preorder, without recursion."""
    stack = [node]
    table = _fields_of
    while stack:
        current = stack.pop()
        yield current
        names = table.get(type(current)) or child_fields(type(current))
        found: list[cst.CSTNode] = []
        for name in names:
            value = getattr(current, name)
            if isinstance(value, cst.CSTNode):
                found.append(value)
            elif isinstance(value, (tuple, list)):
                found.extend(item for item in value if isinstance(item, cst.CSTNode))
        found.reverse()
        stack.extend(found)
