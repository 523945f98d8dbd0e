"""Ways of sharing that no single call shows: by the requests of a server, by the calls of one method."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lintdb.rules.places import is_handler, is_test_file

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.effects import Kind
    from lintdb.flow.results import FunctionFlow, KnownCall, Sharing
    from lintdb.rules.base import FileContext
    from lintdb.syntax.ancestry import Ancestry
    from lintdb.syntax.names import ClassInfo, FunctionInfo, ModuleIndex

_LIKE_A_POOL = re.compile(r"pool|conn", re.IGNORECASE)


def takes_connection(call: KnownCall, ctx: FileContext) -> bool:
    """Whether a call takes a connection: from a pool, or from a queue that is named like one."""
    if call.model.acquires is not None:
        kind = ctx.program.knowledge.kind(call.model.acquires)
        return kind is not None and kind.family == "checkout"
    return _LIKE_A_POOL.search(ctx.source_of(call.node.func)) is not None


def shared_by_requests(flow: FunctionFlow, ctx: FileContext) -> Iterator[KnownCall]:
    """Yield the first call of a request handler on each module-level connection or session."""
    if is_handler(flow.function):
        yield from _on_what_all_have(flow, ctx)


def shared_through_helpers(ctx: FileContext) -> Iterator[KnownCall]:
    """Yield the first call of a file on each module-level connection, in a function that request handlers call.

    Not on one that a handler of the file uses itself: that is told of.
    """
    from lintdb.flow.requests import is_run_by_requests  # loads libcst, which listing rules does not need

    told = {call.root for flow in ctx.flows for call in shared_by_requests(flow, ctx)}
    for flow in ctx.flows:
        calls = [call for call in _on_what_all_have(flow, ctx) if call.root not in told]
        if calls and not is_handler(flow.function) and is_run_by_requests(flow.function, is_test_file):
            told.update(call.root for call in calls)
            yield from calls


def shared_with_their_object(
    owner: ClassInfo, flows: Sequence[FunctionFlow], ctx: FileContext
) -> Iterator[tuple[KnownCall, str]]:
    """Yield the first call that requests make on what an object of a module keeps, with the name of that object."""
    from lintdb.flow.requests import is_run_by_requests, kept_by_modules  # as above

    calls = [
        (flow, call)
        for flow in flows
        if flow.function.owner is owner and flow.function.name != "__init__"
        for call in _on_what_it_keeps(flow, ctx)
    ]
    kept = kept_by_modules(owner, is_test_file) if calls else []
    told: set[object] = set()
    for flow, call in calls if kept else ():
        if call.root not in told and is_run_by_requests(flow.function, is_test_file, kept):
            told.add(call.root)
            yield call, kept[0].name


def _on_what_it_keeps(flow: FunctionFlow, ctx: FileContext) -> Iterator[KnownCall]:
    """Yield the first call of a method on each attribute of its object that holds what only one may use at a time."""
    from lintdb.flow.sharings import takes_turns  # as above

    owner = flow.function.owner
    seen: set[object] = set()
    for call in flow.calls if owner is not None else ():
        if not isinstance(call.root, tuple) or call.root[0] != "self" or call.root in seen or owner is None:
            continue
        name = str(call.root[1])
        kind = _unshared(ctx.program.types.attribute_kind(owner, name), call, flow, ctx)
        if kind is not None:
            seen.add(call.root)
            if any(may_be_unchecked(value, kind, owner.index) for _, value, _ in owner.assigned.get(name, ())):
                continue
            if not takes_turns(flow.function, {"self"}):
                yield call


def _on_what_all_have(flow: FunctionFlow, ctx: FileContext) -> Iterator[KnownCall]:
    from lintdb.flow.sharings import takes_turns  # loads libcst, which listing rules does not need

    seen: set[object] = set()
    for call in flow.calls if not flow.function.is_module else ():
        if call.receiver is None or not isinstance(call.root, tuple):
            continue
        if call.root[0] != "global" or call.root in seen:
            continue
        name = str(call.root[1])
        owner = ctx.program.types.global_type(name)
        made = ctx.program.knowledge.kind(call.receiver)
        if not isinstance(owner, str) and made is not None and made.events_on == "parent":
            continue  # a cursor made here, of a connection of another module: what matters is who shares that
        kind = _unshared(owner if isinstance(owner, str) else call.receiver, call, flow, ctx)
        if kind is not None:
            seen.add(call.root)
            if _is_unchecked_where_made(name, kind, flow.function):
                continue
            if not takes_turns(flow.function, {name}):
                yield call


def _unshared(kind_id: str | None, call: KnownCall, flow: FunctionFlow, ctx: FileContext) -> Kind | None:
    """Return the kind that a call is on, if several such functions may not use it at the same time."""
    kind = ctx.program.knowledge.kind(kind_id) if kind_id is not None else None
    wanted = "tasks" if flow.function.is_async else "threads"
    return kind if kind is not None and wanted in kind.unshared and not call.model.beside_reader else None


def _is_unchecked_where_made(name: str, kind: Kind, function: FunctionInfo) -> bool:
    """Whether a module-level name is given something that more than one thread has been allowed to use."""
    symbol = function.index.symbol_called(name, function)
    home = symbol.index if symbol is not None else function.index
    values = home.values.get(symbol.name if symbol is not None else name, ())
    return any(may_be_unchecked(value, kind, home) for value in values)


def may_be_unchecked(opening: cst.CSTNode | None, kind: Kind, index: ModuleIndex) -> bool:
    """Whether a library's own check of threads is switched off where something is opened, of which LDB503 speaks.

    Anywhere in the file, if that is not seen.
    """
    if "other-threads" not in kind.unshared:
        return False
    code = index.code_of(opening) if opening is not None and kind.family == "connection" else index.text
    return "check_same_thread" in (index.text if "**" in code else code)


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


def go_on_together(sharings: Sequence[Sharing], flow: FunctionFlow) -> bool:
    """Whether of several threads that get the same thing one is not waited for, so that the next begins beside it."""
    from lintdb.syntax.ancestry import Ancestry  # loads libcst, which listing rules does not need

    if len({id(each.node) for each in sharings}) < 2:
        return False
    ancestry = Ancestry(flow.function.node)
    return not all(_is_waited_for(each.node, ancestry) for each in sharings)


def _is_waited_for(node: cst.CSTNode, ancestry: Ancestry) -> bool:
    """Whether a call stands behind `await`, by itself or within a time limit: `await wait_for(to_thread(…), 5)`."""
    for outer in ancestry.ancestors(node):
        kind = type(outer).__name__
        if kind == "Call":
            function = getattr(outer, "func", None)
            name = getattr(function, "attr", function)
            if getattr(name, "value", "") not in ("wait_for", "shield"):
                return False
        elif kind != "Arg":
            return kind == "Await"
    return False


def is_in_a_loop(sharing: Sharing, flow: FunctionFlow) -> bool:
    """Whether a loop hands over the same thing in each of its rounds, without waiting for the one before."""
    from lintdb.syntax.ancestry import Ancestry  # loads libcst, which listing rules does not need

    ancestry = Ancestry(flow.function.node)
    if any(type(outer).__name__ == "Await" for outer in ancestry.ancestors(sharing.node)):
        return False
    loops = {id(loop) for loop in ancestry.loops(sharing.node)}
    opened = {id(loop) for loop in ancestry.loops(sharing.opened_at)} if sharing.opened_at is not None else set()
    return bool(loops - opened)
