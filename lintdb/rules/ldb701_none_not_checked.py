"""LDB701: a value that is None for want of a row, or of a connection, is used without a test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.lifetimes import raiser, steps_of
from lintdb.rules.places import is_handler, is_migration, is_test

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.results import FunctionFlow, KnownCall, MissingRow, UnboundRelease
    from lintdb.syntax.literals import Evaluator
    from lintdb.syntax.names import FunctionInfo

_RESOURCE = re.compile(
    r"_*(?:\w+_)?(?:conn|connection|cur|cursor|curs|session|sess|db|database|engine|pool|txn|tx|transaction)\d*"
)


class NoneNotChecked(Rule):
    """See rules/LDB701.md."""

    meta = RuleMeta(
        code="LDB701",
        name="none-not-checked",
        summary="a value that may be missing is used without a test",
        severity=Severity.WARNING,
        help="test it for None before it is used",
        since="0.1",
        default=False,
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        confidence = Confidence.LOW if is_test(flow.function, ctx.path) else Confidence.MEDIUM
        for missing in flow.missing_rows:
            yield _report_row(missing, Confidence.LOW if _is_probably_there(missing, flow, ctx) else confidence, ctx)
        for unbound in flow.unbound_releases:
            if unbound.kind is not None or _RESOURCE.fullmatch(unbound.name.lower()):
                yield _report_unbound(unbound, confidence, ctx)


def _is_probably_there(missing: MissingRow, flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether the program itself has put the row there, or something refers to it."""
    from lintdb.syntax.literals import Evaluator
    from lintdb.syntax.lookups import (  # loads libcst
        is_any_row,
        is_constant,
        is_of_whoever_asks,
        is_own,
        is_reference,
        keys_of,
    )

    evaluator = Evaluator(ctx.program.index, flow.function)
    if is_any_row(missing.call) or _asks_for_any_row(missing, flow, evaluator):
        return True
    keys = keys_of(missing.call, evaluator)
    if keys and all(is_constant(key) for key in keys):
        return True
    if any(is_of_whoever_asks(key) for key in keys):
        return True
    if any(is_reference(key) and not _is_given_to_handler(key, flow.function) for key in keys):
        return True
    bound = _bound_values(missing, flow)
    if bound and all(is_own(value) for value in bound):
        return True  # what the object stands for: it knows the key from there
    return is_migration(ctx.path) and _belongs_to_row(missing, flow)


def _is_given_to_handler(key: cst.BaseExpression, function: FunctionInfo) -> bool:
    """Whether a handler of requests is given the object that refers to another row: somebody may have made it up."""
    from lintdb.syntax.ancestry import first_name  # loads libcst

    return is_handler(function) and first_name(key) in {param.name.value for param in function.params}


def _bound_values(missing: MissingRow, flow: FunctionFlow) -> list[cst.BaseExpression]:
    """Return what the query is given whose row is missing."""
    from lintdb.syntax.lookups import bound_values  # loads libcst

    asked = _query_for(missing, flow)
    if asked is None or asked.model.sql is None:
        return []
    return bound_values(asked.node, asked.model.sql.position or 0)


def _asks_for_any_row(missing: MissingRow, flow: FunctionFlow, evaluator: Evaluator) -> bool:
    """Whether the text of the query asks for all rows of a table: of a table with one row, most often."""
    from lintdb.syntax.lookups import is_any_row_of  # loads libcst

    asked = _query_for(missing, flow)
    position = asked.model.sql.position if asked is not None and asked.model.sql is not None else None
    if asked is None or position is None or len(asked.node.args) <= position:
        return False
    text = evaluator.value(asked.node.args[position].value)
    return isinstance(text, str) and is_any_row_of(text)


def _query_for(missing: MissingRow, flow: FunctionFlow) -> KnownCall | None:
    """Return the call that runs the query whose row is missing: the last one before that on the same cursor."""
    found: dict[object, KnownCall] = {}
    for call in flow.calls:
        if call.model.sql is not None:
            found[call.root] = call
        if call.node is missing.call:
            return found.get(call.root)
    return None


def _belongs_to_row(missing: MissingRow, flow: FunctionFlow) -> bool:
    """Whether something is looked up for each row of another query: there it is, as far as keys refer to something."""
    from lintdb.syntax.ancestry import Ancestry, iterated  # loads libcst

    loops = Ancestry(flow.function.node).loops(missing.call) if flow.row_loops else ()
    return any(id(each) in flow.row_loops for loop in loops for each in iterated(loop))


def _report_row(missing: MissingRow, confidence: Confidence, ctx: FileContext) -> Report:
    source = ctx.source_of(missing.call, 50)
    message = f"`{source}` is None if there is nothing to be found, and that is not tested"
    if missing.is_sure:
        message = f"`{source}` is known to be None here"
    start = next((n for n, step in enumerate(missing.path) if step.node is missing.call), 0)
    # What the exception passes on its way out is not the point.
    end = max((n for n, step in enumerate(missing.path) if step.what == "used"), default=None)
    steps = steps_of(missing.path[start:end], missing.call, "None if nothing is found", "used here as if it were there")
    last = steps[-1].__class__(missing.node, steps[-1].message)
    return Report(missing.node, message, confidence, (*steps[:-1], last))


def _report_unbound(unbound: UnboundRelease, confidence: Confidence, ctx: FileContext) -> Report:
    state = "is still None" if unbound.is_none else "has no value"
    cause = next((f" if {raiser(step, ctx)} raises" for step in reversed(unbound.path) if step.what == "raise"), "")
    return Report(
        node=unbound.node,
        message=f"`{unbound.name}` {state} here{cause}: the error of the clean-up hides the first one",
        confidence=confidence,
        steps=steps_of(unbound.path, None, "", f"`{unbound.name}` {state}"),
        help=f"get it before the `try`, or test it: `if {unbound.name} is not None`",
        resource_kind=unbound.kind.label if unbound.kind is not None else None,
        resource_name=unbound.name,
    )
