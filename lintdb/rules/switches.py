"""Safeguards at opening calls: which are switched off where one can see it, and where the server is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintdb.rules.settings import look

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.effects import Switch
    from lintdb.rules.arguments import Arguments
    from lintdb.rules.base import FileContext, Opening
    from lintdb.rules.connection_strings import Dsn
    from lintdb.syntax.literals import Evaluator

_THIS_HOST = re.compile(
    r"(?:.*[@/,=]|)(?:localhost|127(?:\.\d+){3}|::1|\[::1\]|host\.docker\.internal)(?:[:/,;?\s].*)?|/.*|.*\.sock",
    re.DOTALL,
)

_SOCKET = re.compile(r"unix_socket")
"""Arguments that name a socket, which is a file; what it is need not be seen."""


@dataclass(frozen=True)
class Off:
    """A safeguard that is switched off: the argument that does it, and how it is written there.

    `is_plain`: nothing is encrypted then.
    """

    switch: Switch
    node: cst.CSTNode
    spelling: str
    is_plain: bool = False


def find_off(opening: Opening, ctx: FileContext, name: str) -> Iterator[Off]:
    """Yield the safeguards of a name that the call visibly switches off."""
    evaluator, arguments, dsn = look(opening, ctx)
    for switch in opening.switches:
        if switch.name != name:
            continue
        for node, keyword in _spelled(switch, evaluator, arguments):
            if _is_off(node, switch, evaluator):
                is_plain = _matches(evaluator.value(node), switch.plain)
                yield Off(switch, node, opening.written(keyword, ctx.source_of(node, 40)), is_plain)
        if dsn.scheme in switch.schemes:
            yield Off(switch, opening.at(), f"{dsn.scheme}://…")
        for key in switch.dsn:
            for option, value in dsn.options.items():
                if option.lower() == key.lower() and _matches(value, switch.off):
                    yield Off(switch, opening.at(), f"{option}={value}", _matches(value, switch.plain))


def _spelled(switch: Switch, evaluator: Evaluator, arguments: Arguments) -> Iterator[tuple[cst.BaseExpression, str]]:
    """Yield what the call gives for a switch, with the word for it."""
    for argument in switch.arguments:
        node = arguments.find(argument)
        if node is not None:
            yield node, argument.keyword or ""
    for keyword, keys in switch.nested.items():
        outer = arguments.keywords.get(keyword)
        items = evaluator.mapping(outer) if outer is not None else None
        for key in keys:
            if items is not None and key in items:
                yield items[key], key


def _is_off(node: cst.BaseExpression, switch: Switch, evaluator: Evaluator) -> bool:
    dotted = evaluator.index.dotted(getattr(node, "func", node), evaluator.scope)  # of a call: what is called
    if dotted is not None and dotted in switch.off:
        return True
    return _matches(evaluator.value(node), switch.off)


def _matches(value: object, literals: tuple[object, ...]) -> bool:
    """Compare a literal; texts in any case, and `none`, `true` and `false` by their spelling in connection strings."""
    if isinstance(value, str):
        return value.lower() in {str(item).lower() for item in literals}
    return any(value == item and type(value) is type(item) for item in literals)


def is_rehearsal(opening: Opening, ctx: FileContext) -> bool:
    """Whether an opening call belongs to a test or an example, or leads to a server that was started for tests."""
    return ctx.is_rehearsal(opening.function) or look(opening, ctx)[2].is_for_tests


def is_on_this_host(opening: Opening, ctx: FileContext) -> bool:
    """Whether a visible argument says that the server is on the same machine: a host, a socket, a connection string."""
    if opening.is_here:
        return True
    evaluator, arguments, dsn = look(opening, ctx)
    if _names_no_host(opening, arguments, dsn) or any(_SOCKET.search(word) for word in arguments.keywords):
        return True
    for node in (*arguments.positional, *arguments.keywords.values(), *([dsn.host] if dsn.host is not None else ())):
        text = evaluator.template(node, hidden="\0")
        value = text if text is not None else evaluator.value(evaluator.resolved(node))
        if isinstance(value, str) and _THIS_HOST.fullmatch(value):
            return True
    return False


def _names_no_host(opening: Opening, arguments: Arguments, dsn: Dsn) -> bool:
    """Whether all that is given can be seen, and says nothing of a host to a library that stays on the machine then."""
    words = opening.kind.host_words
    if not words or arguments.is_hidden or dsn.is_hidden or dsn.names_host or dsn.host is not None:
        return False
    if arguments.positional and (opening.model.dsn is None or opening.model.dsn.position is None):
        return False
    # libpq takes a folder for the one with the socket.
    given = {word: text for word, text in dsn.options.items() if not text.lower().startswith(("/", "%2f"))}
    return not any(word in arguments.keywords or word in given for word in words)
