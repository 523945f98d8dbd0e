"""LDB601: a value is written into the text of a query instead of being bound to a placeholder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.holes_in_words import help_for, listed
from lintdb.rules.places import is_handler, is_step_of_migration, is_test

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow, HandedText, QueryText
    from lintdb.rules.query_holes import PlacedHole
    from lintdb.syntax.names import FunctionInfo
    from lintdb.syntax.origins import Origin


class SqlBuiltFromValues(Rule):
    """See rules/LDB601.md."""

    meta = RuleMeta(
        code="LDB601",
        name="sql-built-from-values",
        summary="a query text that is built from values",
        severity=Severity.ERROR,
        help="write a placeholder into the text, and give the value as a parameter",
        since="0.1",
        cause="query-text",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        # Nobody else has a say in the values of a test, nor in those of a migration.
        is_own = is_test(flow.function, ctx.path) or is_step_of_migration(flow.function, ctx.path)
        reported: set[int] = set()
        texts: list[QueryText | HandedText] = [*flow.query_texts, *flow.handed_texts]
        for query in texts:
            found = list(_doubtful_holes(query, ctx))
            if not found:
                continue
            worst = max(found, key=lambda each: each.confidence)
            places = {id(query.node), id(worst.hole.hole.node)}
            if reported & places:
                continue  # the same text runs twice, or another one at the same place
            reported |= places
            yield _report(query, worst, found, Confidence.LOW if is_own else worst.confidence, ctx)


class _Doubtful(NamedTuple):
    """A hole of a text, how much harm it can do, and what fills it."""

    hole: PlacedHole
    confidence: Confidence
    origin: Origin

    @property
    def is_name(self) -> bool:
        """Whether it cannot be bound: the name of a table or column, or a piece of the statement."""
        return self.hole.place.value == "name"


def _doubtful_holes(query: QueryText | HandedText, ctx: FileContext) -> Iterator[_Doubtful]:
    """Yield the holes of a text that can do harm."""
    from lintdb.rules.query_holes import placed_holes
    from lintdb.syntax.origins import Origins  # loads libcst, which listing rules does not need

    call = getattr(query, "call", None)  # none where the text is handed on
    driver = call.model.driver if call is not None else ""
    quotes_names = ctx.program.knowledge.quotes_names(driver)
    for hole in placed_holes(query.pieces, quotes_names=quotes_names, start=getattr(query, "start", "")):
        origin = Origins(ctx.program.index, hole.hole.function).of(hole.hole.node)
        origin = _as_requested(origin, hole.hole.function)
        confidence = _confidence(hole, origin)
        if confidence is not None:
            yield _Doubtful(hole, confidence, origin)


_CONVERTED = re.compile(r"<\s*(?:int|float|uuid)(?:\([^)]*\))?\s*:\s*(\w+)\s*>|\{(\w+):(?:int|float|uuid)\}")
"""A part of a route that is converted before the handler gets it."""

_CHECKED = re.compile(r"\b(?:pattern|regex|enum)\s*=")
"""How a parameter is declared that is compared with what is allowed: `Query("id", pattern="^(id|name)$")`."""


def _as_requested(origin: Origin, function: FunctionInfo) -> Origin:
    """Return where the parameter of a handler comes from: as it came, whoever sends a request has chosen it."""
    from lintdb.syntax.origins import Trust

    param = next((each for each in function.params if each is origin.node), None)
    if origin.trust is not Trust.PARAMETER or param is None or not is_handler(function):
        return origin
    if _CHECKED.search(function.index.code_of(param)):
        return replace(origin, trust=Trust.UNKNOWN)
    routes = " ".join(function.index.code_of(each) for each in function.decorators)
    is_converted = param.name.value in {group for found in _CONVERTED.findall(routes) for group in found}
    return replace(origin, trust=Trust.HARMLESS if is_converted else Trust.INPUT)


def _confidence(hole: PlacedHole, origin: Origin) -> Confidence | None:
    from lintdb.rules.query_holes import Place
    from lintdb.syntax.origins import Trust
    from lintdb.syntax.program_names import is_named_by_program

    if origin.trust is Trust.HARMLESS:
        return None
    if origin.trust is Trust.INPUT:
        return Confidence.HIGH if hole.place is not Place.NAME else Confidence.MEDIUM
    if hole.place is Place.NAME:
        # A name cannot be bound; whoever calls with a parameter, or starts the program, may well have made it.
        return Confidence.LOW if origin.trust > Trust.UNKNOWN else None
    if origin.trust is Trust.DOCUMENTED:
        return Confidence.LOW
    if not hole.can_bind or is_named_by_program(hole.hole.node, is_quoted=hole.place is Place.QUOTED):
        return Confidence.LOW
    if origin.trust is Trust.ENVIRONMENT:
        return Confidence.HIGH
    if origin.trust is Trust.PARAMETER:
        return Confidence.HIGH if hole.place is Place.QUOTED else Confidence.MEDIUM
    return Confidence.MEDIUM if hole.place in (Place.QUOTED, Place.ROW) else Confidence.LOW


def _report(
    query: QueryText | HandedText, worst: _Doubtful, found: list[_Doubtful], confidence: Confidence, ctx: FileContext
) -> Report:
    hole, origin = worst.hole, worst.origin
    same = [each.hole.hole.node for each in found if each.is_name == worst.is_name]
    sources = list(dict.fromkeys(f"`{ctx.source_of(node, 40).strip('{}')}`" for node in same))
    call = getattr(query, "call", None)  # none where the text is handed on
    steps = [ReportStep(hole.hole.node, "put into the text here"), ReportStep(query.node, "runs here")]
    if origin.node is not None:
        steps.insert(0, ReportStep(origin.node, origin.words))
    rest = " instead of being bound" if hole.can_bind and not worst.is_name else ", where no value can be bound"
    return Report(
        node=query.node,
        message=f"{listed(sources)} written into the text of the query{rest}",
        confidence=confidence,
        steps=tuple(steps),
        help=help_for(hole, call.model.paramstyle if call is not None else ""),
    )
