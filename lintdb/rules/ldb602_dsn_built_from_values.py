"""LDB602: a connection string is put together from values that nobody has escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Opening, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.dsn_pieces import HOLE, ODBC, QUOTED, iter_pieces, text_of
from lintdb.rules.places import is_test
from lintdb.rules.settings import look

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.rules.dsn_pieces import Pieces
    from lintdb.syntax.names import FunctionInfo

_IN_URL = re.compile(rf"\w[\w+.-]*://(?:(?P<user>{HOLE})|[^/@:\s{HOLE}]*):(?P<password>{HOLE})@")
_IN_TEXT = re.compile(rf"\b(?P<key>password|pwd|passwd)\s*=\s*(?P<password>{HOLE})", re.IGNORECASE)

_ESCAPED = re.compile(r"quot|escap|encod|safe|clean", re.IGNORECASE)
"""How something is called that has been escaped where it was made."""

_IN_BRACES = "put the password between braces, with each `}` in it written twice"


class DsnBuiltFromValues(Rule):
    """See rules/LDB602.md."""

    meta = RuleMeta(
        code="LDB602",
        name="dsn-built-from-values",
        summary="a connection string put together from values that are not escaped",
        severity=Severity.WARNING,
        help="give the parts as arguments, use the library's own builder, or escape them with `quote_plus()`",
        since="0.1",
        cause="connection-string",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        evaluator, arguments, _ = look(opening, ctx)
        node = arguments.find(opening.model.dsn) if opening.model.dsn is not None else None
        if node is None:
            return
        for pieces in iter_pieces(node, evaluator, opening.function):
            text = text_of(pieces)
            match = _IN_URL.search(text) or _IN_TEXT.search(text)
            if match is not None:
                yield from _judge(match, pieces, opening, ctx)
                return


def _judge(match: re.Match[str], pieces: Pieces, opening: Opening, ctx: FileContext) -> Iterator[Report]:
    """Report the password or user name that stands where *match* has found one, unless it is escaped."""
    holes = [piece for piece in pieces if not isinstance(piece, str)]
    for name in ("password", "user"):
        start = match.start(name) if name in match.groupdict() else -1
        hole = holes[match.string.count(HOLE, 0, start)] if start >= 0 else None
        if hole is not None and not _is_escaped(hole, name, opening, ctx):
            yield _report(opening, hole, name, match, ctx)
            return


def _is_escaped(hole: cst.BaseExpression, name: str, opening: Opening, ctx: FileContext) -> bool:
    """Whether a value is a constant, or has been through something that escapes.

    For the text of a query a name in capitals is a constant, and so is what another module has; a password that is
    called so may be any.
    """
    from lintdb.syntax.origins import Origins, Trust

    is_harmless = Origins(ctx.program.index, opening.function).of(hole).trust is Trust.HARMLESS
    return is_harmless and not (name == "password" and _is_kept_plain(hole, opening.function))


def _is_kept_plain(node: cst.BaseExpression, scope: FunctionInfo, depth: int = 3) -> bool:
    """Whether an expression names what a module, or settings, keep, and that has not been through anything."""
    import libcst as cst

    from lintdb.syntax.literals import HIDDEN, Evaluator
    from lintdb.syntax.names import Variable
    from lintdb.syntax.origins import Origins, Trust

    index = scope.index
    if not isinstance(node, (cst.Name, cst.Attribute)) or _ESCAPED.search(index.code_of(node)) or not depth:
        return False
    if Evaluator(index, scope).value(node) is not HIDDEN or _is_of_function(node, scope):
        return False
    symbol = index.symbol_of(node, scope, is_needed=True)
    home = symbol.index if isinstance(symbol, Variable) else index
    name = symbol.name if isinstance(symbol, Variable) else getattr(node, "value", "")
    value = home.constant(name) if isinstance(name, str) else None
    if value is None:
        return isinstance(node, cst.Attribute)
    is_plain = Origins(home, home.body).of(value).trust is not Trust.HARMLESS
    return is_plain or _is_kept_plain(value, home.body, depth - 1)


def _is_of_function(node: cst.BaseExpression, scope: FunctionInfo) -> bool:
    """Whether an expression is a name of a function, or of one around it."""
    function: FunctionInfo | None = scope
    while function is not None and not function.is_module:
        if scope.index.is_local(getattr(node, "value", ""), function):
            return True
        function = function.parent
    return False


def _report(opening: Opening, hole: cst.BaseExpression, name: str, match: re.Match[str], ctx: FileContext) -> Report:
    what = "password" if name == "password" else "name of the user"
    is_quoted = QUOTED in match.string[: match.start()]
    # PostgreSQL's own texts have blanks between their parts, and no `PWD`.
    is_of_odbc = match.re is _IN_TEXT and (";" in match.string or match["key"].lower() == "pwd")
    if match.re is _IN_URL:
        breaks = f"a `@`, `/` or `%` in the {what} has to be escaped in a URL"
    elif is_of_odbc:
        is_in_url = ODBC.search(match.string) is not None and not is_quoted
        breaks = f"{'a `;`, `%` or `&`' if is_in_url else 'a `;`'} in the {what} breaks it"
    else:
        breaks = f"a blank or a `\\` in the {what} breaks it"
    # Who quotes the whole for the URL has thought of what is in it.
    is_low = is_quoted or is_test(opening.function, ctx.path)
    return Report(
        node=hole,
        message=f"`{ctx.source_of(hole, 40)}` is put into the connection string as it is: {breaks}",
        confidence=Confidence.LOW if is_low else Confidence.MEDIUM,
        steps=(ReportStep(hole, "put into the connection string here"), ReportStep(opening.node, "connects here")),
        help=_IN_BRACES if is_of_odbc else None,
        resource_kind=opening.kind.label,
        acquired_at=opening.at(),
    )
