"""The password or the user name in a connection string that nobody has escaped, and what that breaks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintdb.rules.dsn_pieces import HOLE, ODBC, QUOTED, iter_pieces, text_of

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.rules.dsn_pieces import Pieces
    from lintdb.syntax.literals import Evaluator
    from lintdb.syntax.names import FunctionInfo

_IN_URL = re.compile(rf"\w[\w+.-]*://(?:(?P<user>{HOLE})|[^/@:\s{HOLE}]*):(?P<password>{HOLE})@")
_IN_TEXT = re.compile(rf"\b(?P<key>password|pwd|passwd)\s*=\s*(?P<password>{HOLE})", re.IGNORECASE)

_ESCAPED = re.compile(r"quot|escap|encod|safe|clean", re.IGNORECASE)
"""How something is called that has been escaped where it was made."""


@dataclass(frozen=True)
class PlainPart:
    """What is put into a connection string as it is: the password, or the name of the user."""

    node: cst.BaseExpression
    is_password: bool
    match: re.Match[str]

    @property
    def is_quoted(self) -> bool:
        """Whether the text around it is quoted as a whole, for the URL that it is put into."""
        return QUOTED in self.match.string[: self.match.start()]

    @property
    def is_in_url(self) -> bool:
        """Whether it stands in front of the `@` of a URL."""
        return self.match.re is _IN_URL

    @property
    def is_of_odbc(self) -> bool:
        """Whether it stands in a text for ODBC: PostgreSQL's own have blanks between their parts, and no `PWD`."""
        return not self.is_in_url and (";" in self.match.string or self.match["key"].lower() == "pwd")

    @property
    def danger(self) -> str:
        """What a text of its kind does not take as it is."""
        what = "password" if self.is_password else "name of the user"
        if self.is_in_url:
            return f"a `@`, `/` or `%` in the {what} has to be escaped in a URL"
        if not self.is_of_odbc:
            return f"a blank or a `\\` in the {what} breaks it"
        is_in_url = ODBC.search(self.match.string) is not None and not self.is_quoted
        return f"{'a `;`, `%` or `&`' if is_in_url else 'a `;`'} in the {what} breaks it"


def find_plain_part(node: cst.BaseExpression, evaluator: Evaluator) -> PlainPart | None:
    """Return what a connection string holds that is not escaped; None if nothing of it can be seen to be so."""
    for pieces in iter_pieces(node, evaluator):
        text = text_of(pieces)
        match = _IN_URL.search(text) or _IN_TEXT.search(text)
        if match is not None:
            return _plain_part(match, pieces, evaluator.scope)
    return None


def _plain_part(match: re.Match[str], pieces: Pieces, scope: FunctionInfo) -> PlainPart | None:
    holes = [piece for piece in pieces if not isinstance(piece, str)]
    for name in ("password", "user"):
        start = match.start(name) if name in match.groupdict() else -1
        hole = holes[match.string.count(HOLE, 0, start)] if start >= 0 else None
        if hole is not None and not _is_escaped(hole, name, scope):
            return PlainPart(hole, name == "password", match)
    return None


def _is_escaped(hole: cst.BaseExpression, name: str, scope: FunctionInfo) -> bool:
    """Whether a value is a constant, or has been through something that escapes.

    For the text of a query a name in capitals is a constant, and so is what another module has; a password that is
    called so may be any.
    """
    from lintdb.syntax.origins import Origins, Trust

    is_harmless = Origins(scope.index, scope).of(hole).trust is Trust.HARMLESS
    return is_harmless and not (name == "password" and _is_kept_plain(hole, scope))


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
