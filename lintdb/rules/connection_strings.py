"""What can be seen of the connection string that an opening call is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from lintdb.finding import Confidence
from lintdb.rules.arguments import Arguments, arguments_of
from lintdb.rules.places import is_test_file

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.effects import CallModel
    from lintdb.syntax.fields import Held
    from lintdb.syntax.literals import Evaluator
    from lintdb.syntax.names import FunctionInfo

    ModelOf = Callable[[cst.Call, FunctionInfo], CallModel | None]
    """Gives what is known of a call in a function."""


@dataclass(frozen=True)
class Dsn:
    """A connection string: its scheme and options; `is_hidden` if not all of it can be seen.

    `password` and `host` are given where they are arguments of a call that puts the string together. `names_host`: as
    a URL it has a host in front of the path. `is_for_tests`: it leads to a server that was started for tests. `surest`
    bounds what can be said of it: the environment may say otherwise than a default, and others may call what was seen
    to be called.
    """

    scheme: str | None
    options: dict[str, str]
    is_hidden: bool
    password: cst.BaseExpression | None = None
    host: cst.BaseExpression | None = None
    names_host: bool = False
    is_for_tests: bool = False
    surest: Confidence = Confidence.HIGH


def dsn_of(
    evaluator: Evaluator, node: cst.BaseExpression | None, model_of: ModelOf, local_schemes: Collection[str]
) -> Dsn:
    """Return what can be seen of the connection string that an opening call is given.

    It may be an argument of the function that makes the call, or a field of settings with a default. A default that
    leads to a file, one of *local_schemes*, says nothing of what it is replaced by.
    """
    if node is None:
        return Dsn(None, {}, is_hidden=False)
    node, builder = _resolved(evaluator, node, model_of)
    here = _dsn_here(evaluator, node, builder)
    if not here.is_hidden or builder is not None:
        return here
    from lintdb.flow.sources import sources_of  # loads libcst, which listing rules does not need

    sources = sources_of(node, evaluator, is_test_file)
    if len(sources) == 1 and sources[0].node is node:
        return here
    found = [_dsn_of_source(source, model_of) for source in sources]
    merged = _merged(found)
    return here if merged.scheme in local_schemes and merged.surest < Confidence.HIGH else merged


def _dsn_of_source(source: Held, model_of: ModelOf) -> Dsn:
    from lintdb.syntax.fields import Certainty  # loads libcst, which listing rules does not need

    node, builder = _resolved(source.evaluator, source.node, model_of)
    dsn = _dsn_here(source.evaluator, node, builder)
    surest = Confidence.HIGH if source.certainty is Certainty.FIXED else Confidence.MEDIUM
    # What stands in another function means nothing where the call is.
    return replace(dsn, surest=surest, password=None, host=None, names_host=dsn.names_host or dsn.host is not None)


def _merged(found: Sequence[Dsn]) -> Dsn:
    """Return what can be said of a connection string that is one of several."""
    schemes = {each.scheme for each in found}
    scheme = found[0].scheme if len(schemes) == 1 else None
    return Dsn(
        scheme,
        {key: value for each in found for key, value in each.options.items()},
        is_hidden=any(each.is_hidden for each in found) or (len(found) > 1 and scheme is None),
        names_host=any(each.names_host for each in found),
        is_for_tests=all(each.is_for_tests for each in found),
        surest=min(each.surest for each in found),
    )


def _dsn_here(evaluator: Evaluator, node: cst.BaseExpression, builder: tuple[Arguments, CallModel] | None) -> Dsn:
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
