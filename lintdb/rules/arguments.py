"""What can be seen of the arguments of a call, and of the connection string among them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.effects import Argument, CallModel
    from lintdb.syntax.literals import Evaluator
    from lintdb.syntax.names import FunctionInfo

    ModelOf = Callable[[cst.Call, FunctionInfo], CallModel | None]
    """Gives what is known of a call in a function."""


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call with visible `**` dicts merged in; `is_hidden` if some cannot be seen."""

    positional: tuple[cst.BaseExpression, ...]
    keywords: dict[str, cst.BaseExpression]
    is_hidden: bool

    def find(self, argument: Argument) -> cst.BaseExpression | None:
        """Return the expression given for an argument."""
        if argument.keyword is not None and argument.keyword in self.keywords:
            return self.keywords[argument.keyword]
        if argument.position is not None and argument.position < len(self.positional):
            return self.positional[argument.position]
        return None


def arguments_of(evaluator: Evaluator, call: cst.Call) -> Arguments:
    """Return the arguments of the opening call."""
    positional: list[cst.BaseExpression] = []
    keywords: dict[str, cst.BaseExpression] = {}
    is_hidden = False
    for argument in call.args:
        if argument.star == "**":
            inner = evaluator.mapping(argument.value)
            if inner is None:
                is_hidden = True
            else:
                keywords.update(inner)
        elif argument.star:
            is_hidden = True
        elif argument.keyword is not None:
            keywords[argument.keyword.value] = argument.value
        else:
            positional.append(argument.value)
    return Arguments(tuple(positional), keywords, is_hidden)


@dataclass(frozen=True)
class Dsn:
    """A connection string: its scheme and options; `is_hidden` if not all of it can be seen.

    `password` and `host` are given where they are arguments of a call that puts the string together. `names_host`: as
    a URL it has a host in front of the path. `is_for_tests`: it leads to a server that was started for tests.
    """

    scheme: str | None
    options: dict[str, str]
    is_hidden: bool
    password: cst.BaseExpression | None = None
    host: cst.BaseExpression | None = None
    names_host: bool = False
    is_for_tests: bool = False


def dsn_of(evaluator: Evaluator, node: cst.BaseExpression | None, model_of: ModelOf) -> Dsn:
    """Return what can be seen of the connection string that an opening call is given."""
    if node is None:
        return Dsn(None, {}, is_hidden=False)
    node, builder = _resolved(evaluator, node, model_of)
    if builder is not None and builder[1].dsn_scheme:
        return Dsn(builder[1].dsn_scheme, {}, is_hidden=False, is_for_tests=True)
    if builder is not None:
        return _dsn_of_parts(evaluator, *builder)
    value = evaluator.value(node)
    if not isinstance(value, str):
        return _dsn_of_pieces(evaluator, node)
    scheme = value.split("://")[0].lower() if "://" in value else None
    options = _options(value)
    is_elsewhere = "service" in options or not value.strip()
    return Dsn(scheme, options, is_hidden=is_elsewhere, names_host=_names_host(value))


def _resolved(
    evaluator: Evaluator, node: cst.BaseExpression, model_of: ModelOf
) -> tuple[cst.BaseExpression, tuple[Arguments, CallModel] | None]:
    """Return the expression that a connection string is, and the arguments of a call that puts it together."""
    import libcst as cst

    for _ in range(4):
        node = evaluator.resolved(node)
        model = model_of(node, evaluator.scope) if isinstance(node, cst.Call) else None
        if model is None or not isinstance(node, cst.Call):
            break
        arguments = arguments_of(evaluator, node)
        if model.dsn_parts or model.dsn_scheme:
            return node, (arguments, model)
        inner = arguments.find(model.unwraps) if model.unwraps is not None else None
        if inner is None:
            break
        node = inner
    return node, None


def _dsn_of_parts(evaluator: Evaluator, arguments: Arguments, model: CallModel) -> Dsn:
    found = ((name, arguments.find(argument)) for name, argument in model.dsn_parts.items())
    given = {name: node for name, node in found if node is not None}
    scheme = evaluator.value(given["scheme"]) if "scheme" in given else None
    query = given.get("options")
    items = evaluator.mapping(query) if query is not None else {}
    options = {key: evaluator.value(value) for key, value in (items or {}).items()}
    return Dsn(
        scheme.lower() if isinstance(scheme, str) else None,
        {key: value if isinstance(value, str) else "\0" for key, value in options.items()},
        is_hidden=arguments.is_hidden or items is None,
        password=given.get("password"),
        host=given.get("host"),
    )


def _dsn_of_pieces(evaluator: Evaluator, node: cst.BaseExpression) -> Dsn:
    """Return what can be seen of a connection string that is put together."""
    from lintdb.syntax.templates import template_of

    pieces = template_of(node, evaluator.index, evaluator.scope)
    text = "".join(piece if isinstance(piece, str) else "\0" for piece in pieces)
    scheme = text.split("://")[0] if "://" in text else None
    options = _options(text)
    is_hidden = "service" in options or any(
        not isinstance(piece, str)
        and _may_hold_options(evaluator.code_of(piece), pieces[:number], pieces[number + 1 :])
        for number, piece in enumerate(pieces)
    )
    scheme = scheme if scheme and "\0" not in scheme else None
    return Dsn(scheme, options, is_hidden, names_host=_names_host(text))


_PART = re.compile(
    r"(?:db|database|name|schema|catalog|keyspace|port|host|hostname|server|addr|address)\W*$", re.IGNORECASE
)
"""What code ends with that stands for one part of a URL: `settings.POSTGRES_DB`, `os.environ["DB_NAME"]`."""


def _may_hold_options(code: str, before: Sequence[object], after: Sequence[object]) -> bool:
    """Whether a part of a connection string that cannot be seen may hold more than the one value that stands there."""
    so_far = "".join(piece if isinstance(piece, str) else "\0" for piece in before)
    rest = "".join(piece if isinstance(piece, str) else "\0" for piece in after)
    if "://" not in so_far:
        is_scheme = re.match(r"[\w+]*://", rest) is not None
        return not is_scheme and not so_far.rstrip("'\"").endswith("=")
    if "?" in so_far:
        return not so_far.endswith("=")
    is_last = not rest or rest[0] in "?\0"
    return is_last and _PART.search(code) is None


def _names_host(text: str) -> bool:
    """Whether a URL says where the server is, in front of the path: `postgresql://db/shop`."""
    place = re.match(r"[^:/]*://([^/?#]*)", text)
    return place is not None and bool(place.group(1).rpartition("@")[2])


def _options(text: str) -> dict[str, str]:
    if "://" in text:
        try:
            query = urlsplit(text.replace("\0", "x")).query
        except ValueError:
            return {}
        return dict(parse_qsl(query, keep_blank_values=True))
    return {m.group(1): m.group(2).strip("'") for m in re.finditer(r"(\w+)\s*=\s*('[^']*'|[^\s;]+)", text)}
