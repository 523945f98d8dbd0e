"""LDB602: a connection string is put together from values that nobody has escaped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Opening, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.dsn_pieces import written_in
from lintdb.rules.dsn_plain_parts import find_plain_part
from lintdb.rules.places import is_test
from lintdb.rules.settings import look

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.syntax.names import ModuleIndex

_IN_BRACES = "put the password between braces, with each `}` in it written twice"
_AS_ARGUMENTS = "give the parts as arguments, or let `make_conninfo()` or `make_dsn()` of the library put them together"


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
        written, home, name = written_in(node, evaluator)
        part = find_plain_part(written, home)
        if part is None or (name and _is_opened_in(home.index, written, ctx)):
            return
        # Who quotes the whole for the URL has thought of what is in it.
        is_low = part.is_quoted or is_test(opening.function, ctx.path)
        step = "gets the connection string here" if name else "put into the connection string here"
        place = node if name else part.node
        holder = f"`{name}`" if name else "the connection string"
        yield Report(
            node=place,
            message=f"`{ctx.source_of(part.node, 40)}` is put into {holder} as it is: {part.danger}",
            confidence=Confidence.LOW if is_low else Confidence.MEDIUM,
            steps=(ReportStep(place, step), ReportStep(opening.node, "connects here")),
            help=_IN_BRACES if part.is_of_odbc else None if part.is_in_url else _AS_ARGUMENTS,
            resource_kind=opening.kind.label,
            acquired_at=opening.at(),
        )


def _is_opened_in(index: ModuleIndex, written: cst.BaseExpression, ctx: FileContext) -> bool:
    """Whether the module that puts a connection string together opens it, too: that is where it is reported."""
    from lintdb.syntax.literals import Evaluator  # loads libcst, which listing rules does not need

    for function in index.all_functions:
        evaluator = Evaluator(index, function)
        for call in function.calls:
            given = any(evaluator.resolved(argument.value) is written for argument in call.args)
            model = ctx.model_of(call, function) if given else None
            if model is not None and model.dsn is not None:
                return True
    return False
