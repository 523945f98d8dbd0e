"""What an author says in comments at a statement."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from lintdb.syntax.ancestry import Ancestry

_NO_REASON = re.compile(
    r"#[\s:!]*(?:noqa|lintdb|type|pragma|pylint|mypy|nosec|fmt|(?-i:[A-Z]+\d+)|todo|fixme|xxx|hack)\b", re.IGNORECASE
)
"""Said to a tool (of whose rules some have a code), or of what is still to be done."""


def comments_beside(node: cst.CSTNode, ancestry: Ancestry) -> list[str]:
    """Return what is said of the innermost statement that holds *node*: above it, between its lines, behind it.

    Of a statement with a body only its head counts. What is said to tools, and what is still to be done, are left out.
    """
    for outer in ancestry.ancestors(node):
        if isinstance(outer, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
            return [text for text in _comments(outer) if not _NO_REASON.match(text)]
    return []


def _comments(node: cst.CSTNode) -> Iterator[str]:
    if isinstance(node, cst.Comment):
        yield node.value
    elif isinstance(node, cst.IndentedBlock):
        yield from _comments(node.header)
    else:
        for child in node.children:
            yield from _comments(child)
