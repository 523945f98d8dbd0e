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

_PLAIN = frozenset({str, bool, type(None), cst.MaybeSentinel})
"""What stands in fields that is no node. To ask whether it is one takes longer: all classes of nodes are abstract."""

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
        kind = type(value)
        if kind is tuple or kind is list:
            yield from value
        elif kind not in _PLAIN:
            yield value


def push_children(node: cst.CSTNode, stack: list[cst.CSTNode]) -> None:
    """Put the children of a node that are code onto a stack, the first one on top."""
    found: list[cst.CSTNode] = []
    for name in _fields_of.get(type(node)) or child_fields(type(node)):
        value = getattr(node, name)
        kind = type(value)
        if kind is tuple or kind is list:
            found.extend(value)
        elif kind not in _PLAIN:
            found.append(value)
    found.reverse()
    stack.extend(found)


def is_same_code(left: cst.CSTNode, right: cst.CSTNode) -> bool:
    """Whether two nodes are written alike, however they are spread over lines and whichever quotes they use."""
    return left is right or unspaced(left) == unspaced(right)


def unspaced(node: cst.CSTNode) -> str:
    """Return the code of a node without its white space, with double quotes: equal for what is written alike."""
    return "".join(cst.Module([]).code_for_node(node).split()).replace("'", '"')


def outermost_calls(node: cst.CSTNode) -> Iterator[cst.Call]:
    """Yield the calls in some code that are in no other call of it."""
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, cst.Call):
            yield current
        else:
            push_children(current, stack)


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield *node* and all code below it in preorder, without recursion."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        push_children(current, stack)
