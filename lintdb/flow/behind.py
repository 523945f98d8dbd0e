"""The call behind an expression: through `await`, `wait_for(…)`, `to_thread(f, …)` and `partial(f, …)()`."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from lintdb.flow.stdlib import (
    AWAITS_FIRST,
    CALLS_ELSEWHERE,
    METHODS_THAT_CALL_ELSEWHERE,
    METHODS_THAT_RUN,
    PASSES_THROUGH,
    RUNS_COROUTINE,
)
from lintdb.syntax.literals import only_value
from lintdb.syntax.names import FunctionInfo, ModuleIndex


class Behind(NamedTuple):
    """A call that an expression makes, whose value is then that of the expression.

    `node` is where it is written: the call itself, or what makes it. `is_awaited`: if it gives a coroutine, that is
    waited for.
    """

    call: cst.Call
    node: cst.Call
    is_awaited: bool


def call_behind(node: cst.BaseExpression | None, index: ModuleIndex, scope: FunctionInfo) -> Behind | None:
    """Return the call behind an expression, None if it is something else than a call."""
    is_awaited = isinstance(node, cst.Await)
    call = node.expression if isinstance(node, cst.Await) else node
    if not isinstance(call, cst.Call):
        return None
    for _ in range(3):
        dotted = index.dotted(call.func, scope)
        inner = call.args[0].value if call.args and not call.args[0].star else None
        if not isinstance(inner, cst.Call):
            break
        if dotted in RUNS_COROUTINE or _method(call) in METHODS_THAT_RUN:
            call, is_awaited = inner, True
        elif is_awaited and dotted in AWAITS_FIRST | PASSES_THROUGH:
            call = inner
        else:
            break
    return _called_elsewhere(call, is_awaited, index, scope) or Behind(call, call, is_awaited)


def _called_elsewhere(call: cst.Call, is_awaited: bool, index: ModuleIndex, scope: FunctionInfo) -> Behind | None:
    """`await to_thread(connect, dsn)`, `partial(connect, dsn)()`: the call that is not written as one."""
    position = (
        0 if index.dotted(call.func, scope) in CALLS_ELSEWHERE else METHODS_THAT_CALL_ELSEWHERE.get(_method(call))
    )
    if is_awaited and position is not None and len(call.args) > position:
        made = completed(cst.Call(call.func, call.args[position:]), cst.Call(call.func))
        return Behind(made, call, False) if made is not None else None
    bundle = bundle_behind(call.func, index, scope)
    made = completed(bundle, call) if bundle is not None else None
    return Behind(made, call, is_awaited) if made is not None else None


def _method(call: cst.Call) -> str:
    return call.func.attr.value if isinstance(call.func, cst.Attribute) else ""


def bundle_behind(node: cst.BaseExpression, index: ModuleIndex, scope: FunctionInfo) -> cst.Call | None:
    """Return the `functools.partial(…)` that an expression is, or the only value of a variable or attribute."""
    value: cst.BaseExpression | None = node
    if isinstance(node, cst.Name):
        value = only_value(node.value, scope)
    elif isinstance(node, cst.Attribute) and scope.owner is not None and _is_self(node.value, scope):
        given = scope.owner.assigned.get(node.attr.value, ())
        value = given[0][1] if len(given) == 1 else None
    is_bundle = isinstance(value, cst.Call) and index.dotted(value.func, scope) == "functools.partial"
    return value if is_bundle and isinstance(value, cst.Call) else None


def _is_self(node: cst.BaseExpression, scope: FunctionInfo) -> bool:
    return isinstance(node, cst.Name) and bool(scope.params) and scope.params[0].name.value == node.value


def completed(bundle: cst.Call, call: cst.Call) -> cst.Call | None:
    """Return the call that calling a `functools.partial(callee, …)` makes, with all its arguments."""
    if not bundle.args or bundle.args[0].star or bundle.args[0].keyword is not None:
        return None
    overridden = {argument.keyword.value for argument in call.args if argument.keyword is not None}
    before = [each for each in bundle.args[1:] if each.keyword is None or each.keyword.value not in overridden]
    arguments = sorted([*before, *call.args], key=lambda each: each.keyword is not None or each.star == "**")
    return cst.Call(bundle.args[0].value, arguments)
