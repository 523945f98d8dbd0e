"""LDB502: several tasks or threads use one connection, cursor or session that serves only one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.places import is_test
from lintdb.rules.sharing import (
    go_on_together,
    heard_by_all,
    is_in_a_loop,
    is_parameter,
    may_be_unchecked,
    shared_by_requests,
    shared_through_helpers,
    shared_with_their_object,
)

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.effects import Kind
    from lintdb.flow.results import FunctionFlow, KnownCall, Sharing
    from lintdb.syntax.names import ClassInfo, FunctionInfo

_NAMED_LIKE_ONE = re.compile(r"_*(?:conn|connection|cursor|cur|session|db_conn|db_session)")


class ConnectionSharedAcrossTasks(Rule):
    """See rules/LDB502.md."""

    meta = RuleMeta(
        code="LDB502",
        name="connection-shared-across-tasks",
        summary="one connection or session used by several tasks or threads",
        severity=Severity.WARNING,
        help="give each task or thread its own, from a pool or a factory",
        since="0.1",
        cause="shared",
    )

    def check_file(self, ctx: FileContext) -> Iterator[Report]:
        for call in shared_through_helpers(ctx):
            confidence = Confidence.LOW if ctx.is_test else Confidence.MEDIUM
            yield _of_all_requests(call, ctx, confidence)

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        confidence = Confidence.LOW if is_test(flow.function, ctx.path) else Confidence.MEDIUM
        for sharing in flow.sharings:
            message = _message(sharing, flow, ctx)
            if message is not None:
                yield _report(sharing.node, message, sharing.kind.label, confidence)
        for call in shared_by_requests(flow, ctx):
            yield _of_all_requests(call, ctx, confidence)
        for call in heard_by_all(flow):
            message = f"every call of `{flow.function.name}()` listens to what the others have subscribed to as well"
            yield _report(call.node, message, _label(call, ctx), confidence)

    def check_class(
        self,
        owner: ClassInfo,
        flows: Sequence[FunctionFlow],
        ctx: FileContext,
    ) -> Iterator[Report]:
        """An object of all requests, and a thread that works with what was opened before it started."""
        for call, name in shared_with_their_object(owner, flows, ctx):
            attribute = str(call.root[1]) if isinstance(call.root, tuple) else ""
            message = (
                f"`self.{attribute}` is shared by all requests, as its object `{name}` is, and serves one at a time"
            )
            yield _report(call.node, message, _label(call, ctx), Confidence.LOW if ctx.is_test else Confidence.MEDIUM)
        yield from _used_in_started_threads(owner, ctx)
        bases = [ctx.program.index.dotted(base, ctx.program.index.body) for base in owner.bases]
        if "threading.Thread" not in bases or "run" not in owner.methods:
            return
        for attribute, assignments in owner.assigned.items():
            methods = {scope.name for scope, _, _ in assignments}
            used = any(attribute in method.attributes for name, method in owner.methods.items() if name != "__init__")
            value = assignments[0][1]
            if methods != {"__init__"} or not used or value is None:
                continue
            kind_id = ctx.program.types.attribute_kind(owner, attribute)
            kind = ctx.program.knowledge.kind(kind_id) if kind_id is not None else None
            if kind is not None and ("threads" not in kind.unshared or _is_of_its_own(kind, value, assignments[0][0])):
                continue
            if _is_handed_over(attribute, owner, value, assignments[0][0], ctx):
                continue
            if kind is None and not (_NAMED_LIKE_ONE.fullmatch(attribute) and is_parameter(value, assignments[0][0])):
                continue
            message = f"`self.{attribute}` comes from another thread than the one that `run()` uses it in"
            is_low = is_test(owner.methods["run"], ctx.path)
            label = kind.label if kind is not None else None
            yield _report(value, message, label, Confidence.LOW if is_low else Confidence.MEDIUM)


def _is_of_its_own(kind: Kind, value: cst.CSTNode, scope: FunctionInfo) -> bool:
    """Whether a thread has made a cursor for itself, if not in itself: only SQLite asks which thread that was."""
    if kind.gives_each_its_own:
        return True
    return kind.family == "cursor" and "other-threads" not in kind.unshared and not is_parameter(value, scope)


def _is_handed_over(
    attribute: str, owner: ClassInfo, value: cst.BaseExpression, scope: FunctionInfo, ctx: FileContext
) -> bool:
    """Whether the thread that makes an object opens something for the new one alone: only SQLite asks which it was."""
    types = ctx.program.types
    kind = ctx.program.knowledge.kind(types.attribute_kind(owner, attribute) or "")
    if kind is None or "other-threads" in kind.unshared or not types.opens(value, scope):
        return False
    if re.search(rf"(?<!self)\.{re.escape(attribute)}\b", ctx.text) is not None:
        return False  # of the object from without, perhaps
    beside = {"__init__", *_called_from(["run"], owner)}
    return not any(attribute in each.own_attributes for name, each in owner.methods.items() if name not in beside)


def _used_in_started_threads(owner: ClassInfo, ctx: FileContext) -> Iterator[Report]:
    """`Thread(target=self.work)`, where `work()` uses what only the thread may use that has opened it."""
    started = [name for method in owner.methods.values() for name in _thread_targets(method, ctx)]
    if not started:
        return
    beside = _called_from(started, owner)
    for attribute, assignments in owner.assigned.items():
        kind = ctx.program.knowledge.kind(ctx.program.types.attribute_kind(owner, attribute) or "")
        users = [name for name in beside if attribute in owner.methods[name].own_attributes]
        if kind is None or "other-threads" not in kind.unshared or not users:
            continue
        for scope, value, _ in assignments:
            is_opened = value is not None and ctx.program.types.opens(value, scope)
            if may_be_unchecked(value, kind, ctx.program.index):
                continue
            if is_opened and value is not None and not any(each.name in beside for each, _, _ in assignments):
                message = f"`self.{attribute}` is opened in another thread than the one that `{users[0]}()` uses it in"
                confidence = Confidence.LOW if is_test(scope, ctx.path) else Confidence.MEDIUM
                yield _report(value, message, kind.label, confidence)


def _thread_targets(method: FunctionInfo, ctx: FileContext) -> Iterator[str]:
    """Yield the methods of the same object that a method starts threads with."""
    for call in method.calls:
        if ctx.program.index.dotted(call.func, method) != "threading.Thread":
            continue
        for argument in call.args:
            is_target = argument.keyword is not None and argument.keyword.value == "target"
            name = ctx.source_of(argument.value).rpartition(".")[2] if is_target else ""
            if name in method.own_attributes:
                yield name


def _called_from(names: Iterable[str], owner: ClassInfo) -> list[str]:
    """Return the methods of some names and those that they call on the same object."""
    found = [name for name in dict.fromkeys(names) if name in owner.methods]
    for name in found:
        found += [
            each for each in sorted(owner.methods[name].own_attributes) if each in owner.methods and each not in found
        ]
    return found


def _report(node: cst.CSTNode, message: str, label: str | None, confidence: Confidence) -> Report:
    return Report(node=node, message=message, confidence=confidence, resource_kind=label)


def _of_all_requests(call: KnownCall, ctx: FileContext, confidence: Confidence) -> Report:
    name = str(call.root[1]) if isinstance(call.root, tuple) else ""
    where = "" if name in ctx.program.index.values else ", which another module keeps,"
    message = f"`{name}`{where} is shared by all requests, and serves one at a time"
    return replace(_report(call.node, message, _label(call, ctx), confidence), resource_name=name)


def _label(call: KnownCall, ctx: FileContext) -> str | None:
    kind = ctx.program.knowledge.kind(call.receiver) if call.receiver is not None else None
    return kind.label if kind is not None else None


def _message(sharing: Sharing, flow: FunctionFlow, ctx: FileContext) -> str | None:
    """Say what is wrong with one way of sharing; None if that is what the kind is made for."""
    name = f"`{sharing.name}`" if sharing.name else f"the {sharing.kind.label}"
    unshared = sharing.kind.unshared
    if sharing.how == "tasks":
        return f"the coroutines that run together use {name} at the same time" if "tasks" in unshared else None
    if sharing.how == "meanwhile":
        return f"a task that has been started may use {name} at the same time" if "tasks" in unshared else None
    if "threads" not in unshared or sharing.kind.gives_each_its_own:
        return None  # what a thread does with it cannot be told here
    if sharing.how == "class":
        return f"{name} is kept on the class: all threads use the same {sharing.kind.label}"
    if "other-threads" in unshared:
        return (
            None
            if may_be_unchecked(sharing.opened_at, sharing.kind, ctx.program.index)
            else f"{name} was opened in another thread than the one that gets it here"
        )
    same = [each for each in flow.sharings if each.how == "thread" and each.name == sharing.name]
    if sharing.how == "threads" or go_on_together(same, flow) or is_in_a_loop(sharing, flow):
        return f"several threads get {name}, and may use it at the same time"
    return None
