"""Ways of sharing that no single call shows: by the requests of a server, by the calls of one method."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.rules.places import is_handler

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.flow.results import FunctionFlow, KnownCall
    from lintdb.rules.base import FileContext
    from lintdb.syntax.names import FunctionInfo


def shared_by_requests(flow: FunctionFlow, ctx: FileContext) -> Iterator[KnownCall]:
    """Yield the first call of a request handler on each module-level connection or session."""
    if not is_handler(flow.function):
        return
    wanted = "tasks" if flow.function.is_async else "threads"
    seen: set[object] = set()
    for call in flow.calls:
        kind = ctx.program.knowledge.kind(call.receiver) if call.receiver is not None else None
        if kind is None or not isinstance(call.root, tuple) or call.root[0] != "global" or call.root in seen:
            continue
        owner = ctx.program.types.global_type(str(call.root[1]))
        kind = ctx.program.knowledge.kind(owner) if isinstance(owner, str) else kind
        if kind is not None and wanted in kind.unshared:
            seen.add(call.root)
            yield call


def heard_by_all(flow: FunctionFlow) -> Iterator[KnownCall]:
    """Yield calls that read from an attribute which the same method, in each of its tasks, has let listen to more."""
    if not flow.function.is_async:
        return
    params = {param.name.value for param in flow.function.params[1:]}
    for joining in flow.calls:
        if not joining.model.joins or not isinstance(joining.root, tuple) or joining.root[0] != "self":
            continue
        names = {getattr(argument.value, "value", None) for argument in joining.node.args}
        if not names & params:
            continue
        for call in flow.calls:
            if call.root == joining.root and not call.model.joins and call.model.settings:
                yield call


def is_parameter(value: cst.CSTNode, scope: FunctionInfo) -> bool:
    """Whether an expression is a parameter of the function that it stands in."""
    return any(param.name.value == getattr(value, "value", None) for param in scope.params)
