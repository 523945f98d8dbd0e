"""LDB201: work fails on a connection or session that lives on, and nothing rolls it back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.lifetimes import handlers_of, raiser, steps_of
from lintdb.rules.places import is_registered, is_test, is_test_file

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.results import FailedUnit, FunctionFlow, PathStep
    from lintdb.syntax.names import FunctionInfo

_ROLLS_BACK = re.compile(r"\.(?:rollback|close|remove|abort|invalidate)\(")
_MOST_STEPS = 4
"""Functions between one that fails and one that rolls back."""


class MissingRollback(Rule):
    """See rules/LDB201.md."""

    meta = RuleMeta(
        code="LDB201",
        name="missing-rollback",
        summary="an error leaves a unit of work open on a connection that lives on",
        severity=Severity.ERROR,
        help="roll back in the handler (and re-raise), or use the driver's transaction block",
        since="0.1",
        cause="transaction",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        for unit in flow.failed_units:
            if unit.told_at is not None and not is_test(unit.told_at, unit.told_at.index.name.path):
                continue  # the helper that is called there leaves it so: that is told of once
            if not unit.is_swallowed and not unit.is_of_block and _do_callers_roll_back(flow.function, ctx):
                continue
            name = f"`{unit.name}`" if unit.name else f"the {unit.kind.label}"
            if unit.is_swallowed:
                failed = next((step for step in reversed(unit.path) if _is_failure(step, unit)), None)
                call = raiser(failed, ctx) if failed is not None else f"`{ctx.source_of(unit.node, 40)}`"
                message = f"{name} goes on without a rollback after {call} failed"
            elif unit.is_of_block:
                message = f"{name} keeps what a block has done with it if that raises: nothing rolls it back"
            else:
                message = f"{name} keeps uncommitted work if an error follows: nothing rolls it back"
            yield Report(
                node=unit.node,
                message=message,
                confidence=_confidence(unit, flow, ctx),
                steps=steps_of(unit.path, None, "", f"leaves with the transaction of {name} open"),
                resource_kind=unit.kind.label,
                resource_name=unit.name,
                about=handlers_of(unit.path, unit.failed or unit.node),
            )


def _do_callers_roll_back(function: FunctionInfo, ctx: FileContext, depth: int = 0) -> bool:
    """Whether each call of a private function or method, in its file, stands where a rollback follows any error.

    That is in a `try` whose handler for all errors speaks of one, or in a function of which the same is true.
    """
    if not function.name.startswith("_") or function.name.startswith("__") or depth > _MOST_STEPS:
        return False
    index = function.index
    others = [
        path for path, _ in index.texts_with(function.name) or () if path != index.name.path and not is_test_file(path)
    ]
    if others or re.search(rf"\b{function.name}\b(?!\s*\()", ctx.text) is not None:
        return False  # who gets it as a value calls it, too
    calls = [(call, each) for each in index.all_functions for call in each.calls if _is_of(call, function)]
    return bool(calls) and all(
        _is_rolled_back(call, each, ctx) or _do_callers_roll_back(each, ctx, depth + 1) for call, each in calls
    )


def _is_of(call: cst.Call, function: FunctionInfo) -> bool:
    import libcst as cst

    if function.owner is None:
        return isinstance(call.func, cst.Name) and call.func.value == function.name
    return isinstance(call.func, cst.Attribute) and call.func.attr.value == function.name


def _is_rolled_back(call: cst.Call, caller: FunctionInfo, ctx: FileContext) -> bool:
    import libcst as cst

    inner: cst.CSTNode = call
    for outer in ctx.repetition.fates.ancestry(caller).ancestors(call):
        if isinstance(outer, cst.Try) and inner is outer.body:
            ends = [each for each in outer.handlers if _catches_all(each)]
            clean_up = [*ends, *([outer.finalbody] if outer.finalbody is not None else [])]
            if any(_ROLLS_BACK.search(caller.index.code_of(each)) for each in clean_up):
                return True
        inner = outer
    return False


def _catches_all(handler: cst.ExceptHandler) -> bool:
    import libcst as cst

    name = handler.type
    return name is None or (isinstance(name, cst.Name) and name.value in ("Exception", "BaseException"))


def _confidence(unit: FailedUnit, flow: FunctionFlow, ctx: FileContext) -> Confidence:
    """Return how sure it is that somebody goes on with it: not those who end next what they gave to the function."""
    from lintdb.flow.callers import end_what_they_give  # loads libcst, which listing rules does not need
    from lintdb.flow.provided import provided_for

    if unit.confidence is Confidence.LOW or is_test(flow.function, ctx.path):
        return Confidence.LOW
    if not unit.is_swallowed or unit.parameter is None:
        return unit.confidence
    is_of_framework = is_registered(flow.function) and provided_for(unit.parameter, flow.function) is None
    is_over = is_of_framework or end_what_they_give(flow.function, unit.parameter, is_test_file)
    return Confidence.LOW if is_over else unit.confidence


def _is_failure(step: PathStep, unit: FailedUnit) -> bool:
    """Whether a call of the path fails there, and it is the one that failed in the unit, where that is known."""
    return step.what == "raise" and unit.failed in (None, step.node)
