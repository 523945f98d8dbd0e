"""The pieces of a connection string that is put together in several steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.syntax.literals import Evaluator
    from lintdb.syntax.names import FunctionInfo

    Pieces = list[str | cst.BaseExpression]
    """What is known of a text, and the expressions in its holes."""

HOLE = "\0"
ODBC = re.compile(r"\bodbc_connect\s*=\s*", re.IGNORECASE)
"""The part of a URL of SQLAlchemy that is a text of keywords itself, for ODBC."""
QUOTED = "\1"
"""What stands in front of a text that is quoted as a whole for the URL that it is put into."""

_FOR_URL = frozenset({"urllib.parse.quote", "urllib.parse.quote_plus"})
_MOST_STEPS = 4


def text_of(pieces: Pieces) -> str:
    """Return a text with a mark for each of its holes."""
    return "".join(piece if isinstance(piece, str) else HOLE for piece in pieces)


def written_in(node: cst.BaseExpression, evaluator: Evaluator) -> tuple[cst.BaseExpression, Evaluator, str]:
    """Return what a text is put together from, with what evaluates it, where another module of the project does that.

    The last is the name of the variable that the text comes by; empty for one that is written in the module itself.
    """
    from lintdb.syntax.fields import imported_variable  # loads libcst, which listing rules does not need

    name = ""
    for _ in range(_MOST_STEPS):
        node = evaluator.resolved(node)
        variable = imported_variable(node, evaluator.index, evaluator.scope)
        value = variable.index.constant(variable.name) if variable is not None else None
        if variable is None or value is None:
            break
        name = name or evaluator.code_of(node)
        node, evaluator = value, evaluator.at(variable.index, variable.index.body)
    return node, evaluator, name


def iter_pieces(node: cst.BaseExpression, evaluator: Evaluator) -> Iterator[Pieces]:
    """Yield the pieces of a text, then those with what the variables in its holes are put together from, and so on.

    Of a text that may be one of several each is gone through.
    """
    scope = evaluator.scope
    for text in _texts(evaluator.resolved(node), scope):
        pieces: Pieces = [text]
        for _ in range(_MOST_STEPS):
            longer = _expanded(pieces, evaluator, scope)
            if longer == pieces:
                break
            pieces = longer
            yield pieces


def _texts(node: cst.BaseExpression, scope: FunctionInfo) -> list[cst.BaseExpression]:
    """Return what a text may be: what a variable collects on different paths, the branches of `a if test else b`.

    Of a sum that is asked of its start.
    """
    import libcst as cst

    from lintdb.syntax.grown import grown_texts

    if isinstance(node, cst.IfExp):
        return [*_texts(node.body, scope), *_texts(node.orelse, scope)]
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        starts = _texts(node.left, scope)
        is_other = len(starts) > 1 or starts[0] is not node.left
        return [node.with_changes(left=start) for start in starts] if is_other else [node]
    grown = grown_texts(node.value, scope) if isinstance(node, cst.Name) else ()
    return [each for text in grown for each in _texts(text.sum, scope)] or [node]


def _expanded(pieces: Pieces, evaluator: Evaluator, scope: FunctionInfo) -> Pieces:
    from lintdb.syntax.templates import template_of  # loads libcst, which listing rules does not need

    found: Pieces = []
    for piece in pieces:
        inner: Pieces = [piece]
        if not isinstance(piece, str):
            node = evaluator.resolved(piece)
            quoted = _quoted_for_url(node, evaluator, scope) if _ends_with_odbc(found) else None
            inner = template_of(quoted or node, evaluator.index, scope)
            inner = [QUOTED, *inner] if quoted is not None else inner
        is_text = any(isinstance(each, str) for each in inner)
        found += inner if is_text else [piece]
    return found


def _ends_with_odbc(pieces: Pieces) -> bool:
    return re.search(f"{ODBC.pattern}$", text_of(pieces), re.IGNORECASE) is not None


def _quoted_for_url(node: cst.BaseExpression, evaluator: Evaluator, scope: FunctionInfo) -> cst.BaseExpression | None:
    """Return what `quote_plus(…)` is given; None for anything else."""
    import libcst as cst

    is_quoting = isinstance(node, cst.Call) and evaluator.index.dotted(node.func, scope) in _FOR_URL
    return evaluator.resolved(node.args[0].value) if is_quoting and isinstance(node, cst.Call) and node.args else None
