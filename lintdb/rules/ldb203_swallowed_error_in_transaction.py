"""LDB203: a handler keeps a database error from the transaction that it happened in, and the transaction goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.effects import AfterError
from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.harmless import FAILS
from lintdb.rules.lifetimes import called, caught_in, steps_of
from lintdb.rules.places import is_test

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.results import FunctionFlow, SwallowedError

_EXITS = ("exit", "_exit", "abort")
"""What handlers call to go no further."""
_ALL_IS_LOST = ("1205", "1213")
"""Numbers of MySQL's errors that may end a whole transaction: the wait for a lock, and a deadlock."""


class SwallowedErrorInTransaction(Rule):
    """See rules/LDB203.md."""

    meta = RuleMeta(
        code="LDB203",
        name="swallowed-error-in-transaction",
        summary="an error is swallowed inside a transaction, which goes on or commits",
        severity=Severity.WARNING,
        help="let the error leave the transaction, roll back, or put the statement that may fail in a savepoint",
        since="0.1",
        cause="transaction",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        for found in flow.swallowed:
            yield Report(
                node=found.node,
                message=_message(found, ctx),
                confidence=Confidence.LOW
                if is_test(flow.function, ctx.path) or _is_chosen(found)
                else found.confidence,
                steps=_steps(found),
                resource_kind=found.kind.label,
                resource_name=found.name,
                about=caught_in(found.path, found.failed),
                acquired_at=found.failed,
            )


def _is_chosen(found: SwallowedError) -> bool:
    """Whether the handler looks at the error and lets others out, where the transaction can go on after one.

    `if "already exists" not in str(error): raise`. Not if it goes on after what ends the whole transaction, a deadlock.
    """
    import libcst as cst

    from lintdb.syntax.walk import walk

    if found.kind.after_error is not AfterError.CONTINUES:
        return False
    handlers = caught_in(found.path, found.failed)
    handler = handlers[-1] if handlers else None
    if not isinstance(handler, cst.ExceptHandler) or handler.name is None:
        return False
    name = handler.name.name
    tests = {id(step.node) for step in found.path if step.what in ("true", "false")}
    for each in handler.body.body:
        if not isinstance(each, cst.If) or tests.isdisjoint(id(node) for node in walk(each.test)):
            continue
        arms = [each.body, each.orelse.body if isinstance(each.orelse, cst.Else) else None]
        is_about_it = any(name.deep_equals(node) for node in walk(each.test))
        ends_all = any(_says_that_all_is_lost(node) for node in walk(each.test))
        if is_about_it and not ends_all and any(_lets_out(arm) for arm in arms if arm is not None):
            return True
    return False


def _lets_out(arm: cst.BaseSuite) -> bool:
    """Whether an arm of an `if` ends with a `raise`, or ends the process."""
    import libcst as cst

    from lintdb.syntax.nodes import last_name

    last = arm.body[-1] if arm.body else None
    if isinstance(last, cst.SimpleStatementLine):
        last = last.body[-1]
    call = last.value if isinstance(last, cst.Expr) else None
    return isinstance(last, cst.Raise) or (isinstance(call, cst.Call) and last_name(call.func) in _EXITS)


def _says_that_all_is_lost(node: cst.CSTNode) -> bool:
    """Whether a test asks for an error with which the server rolls back all that was done: MySQL's 1213, 1205."""
    import libcst as cst

    return (isinstance(node, cst.Integer) and node.value in _ALL_IS_LOST) or (
        isinstance(node, cst.SimpleString | cst.Name | cst.Attribute) and "deadlock" in _text_of(node).lower()
    )


def _text_of(node: cst.CSTNode) -> str:
    import libcst as cst

    name = node.attr if isinstance(node, cst.Attribute) else node
    return name.value if isinstance(name, cst.Name | cst.SimpleString) else ""


def _message(found: SwallowedError, ctx: FileContext) -> str:
    if found.failed is None:
        return "errors of the `with` block are swallowed here: its caller goes on as if the transaction had succeeded"
    failed = called(found.failed, ctx)
    name = f"`{found.name}`" if found.name else f"the {found.kind.label}"
    if found.used_at is None:
        return f"an error of {failed} is swallowed here, inside the transaction, which ends as if it had succeeded"
    used = ctx.source_of(found.used_at, 40)
    return f"an error of {failed} is swallowed here, and {name} goes on with `{used}` without a rollback"


def _steps(found: SwallowedError) -> tuple[ReportStep, ...]:
    """Return the witness: the call that fails, what becomes of its error, and what the transaction goes on with."""
    if found.failed is None:
        return steps_of(found.path, None, "", _end(found))
    failures = [number for number, step in enumerate(found.path) if step.node is found.failed and step.what in FAILS]
    since = failures[-1] if failures else -1
    fails = "fails in a transaction"
    if any(step.node is found.failed and step.what == "write" for step in found.path[: max(since, 0)]):
        fails = "fails in a transaction, to which it has added in an earlier round"
    later = steps_of(found.path[since + 1 :], None, "", _end(found))
    last = ReportStep(found.used_at or (later[-1].node if later else found.failed), _end(found))
    return (ReportStep(found.failed, fails), *later[:-1], last)


def _end(found: SwallowedError) -> str:
    if found.failed is None:
        return "ends without the error"
    return "the transaction ends as if nothing had happened" if found.used_at is None else "the transaction goes on"
