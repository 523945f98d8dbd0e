"""What is one kind of resource or another, as the program was told, as libraries are installed, or as a pool had one.

What all do alike can be followed: `one_for_all`, and `one_to_speak` for attributes. Of one that holds kinds which
differ more, what is asked here is the one thing on which they often do: whether a method is a coroutine. A statement
that calls it and does not await the result is wrong for one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from lintdb.effects import Duty, Kind
from lintdb.flow.knowledge import Knowledge
from lintdb.flow.results import Unawaited
from lintdb.flow.values import NONE, Many, Name, Value
from lintdb.syntax.names import FunctionInfo

if TYPE_CHECKING:
    from lintdb.flow.types_of import ModuleTypes


def one_for_all(values: Iterable[Value | None], knowledge: Knowledge) -> Value | None:
    """Return what a manager lends that yields any one of several values: kinds by their names; None if not known.

    Kinds of which the same is true have one to speak for them. What may be nothing as well is that kind beside `NONE`.
    """
    found = list(values)
    if len(set(found)) == 1:
        return found[0]
    named = {each.dotted for each in found if isinstance(each, Name)}
    kinds = [kind for each in sorted(named) if (kind := knowledge.kind(each)) is not None]
    if not kinds or len(kinds) < len(named) or not all(isinstance(each, Name) or each == NONE for each in found):
        return None
    if not all(_is_used_like(kinds[0], other) for other in kinds[1:]):
        return None
    only = Name(kinds[0].id)
    return Many((only, NONE)) if NONE in found else only


def one_to_speak(kinds: Collection[Kind]) -> Kind | None:
    """Return the kind that stands for several of which an attribute holds one; None where they differ in more.

    All that can be done with them is the same, and so is what releases them. Of what they keep and owe, the one that
    keeps and owes least is believed.
    """
    first, *others = sorted(kinds, key=lambda kind: (kind.is_pool, kind.duty is Duty.MUST, kind.id))
    return first if all(_habits(first) == _habits(o) and first.methods == o.methods for o in others) else None


def _is_used_like(kind: Kind, other: Kind) -> bool:
    """Whether all that can be done with one kind is the same on another, but for what releases it.

    So it is with a connection and one of a pool.
    """
    if kind.is_pool is not other.is_pool or _habits(kind) != _habits(other):
        return False
    methods = {name for each in (kind, other) for name in each.methods if not _releases(name, kind, other)}
    return all(kind.methods.get(n) == other.methods.get(n) for n in methods)


def _habits(kind: Kind) -> tuple[object, ...]:
    """Return what decides what becomes of the work on a kind, and when it waits."""
    blocks = (kind.with_block, kind.async_with_block)
    commits = tuple(block is not None and block.commits for block in blocks)
    return (
        kind.autocommit, kind.after_error, kind.events_on, kind.read_begins, kind.in_memory, kind.is_scoped,
        kind.is_lazy, *commits,
    )  # fmt: skip


def _releases(name: str, *kinds: Kind) -> bool:
    return any(model.releases is not None for kind in kinds for model in kind.methods.get(name, ()))


def never_awaited(info: FunctionInfo, types: ModuleTypes) -> Iterator[Unawaited]:
    """Yield calls of methods that are coroutines for one of the kinds that an attribute holds, and are not awaited.

    A function that awaits what it calls on the attribute elsewhere knows the difference, and so does one that asks for
    anything else than whether there is an object at all.
    """
    owner = info.owner
    if owner is None or not info.is_instance_method or not info.is_async:
        return
    for call in info.calls:
        found = _method_of_attribute(call, info)
        if found is None:
            continue
        attribute, method = found
        kinds = types.attribute_kinds(owner, attribute)
        awaited = [kind for kind in kinds if _is_coroutine(kind, method)]
        if len(kinds) < 2 or not awaited:
            continue
        is_statement = any(isinstance(node, cst.Expr) and node.value is call for node in info.nodes)
        if is_statement and not _knows_which(info, attribute):
            yield Unawaited(call, awaited[0])


def _knows_which(info: FunctionInfo, attribute: str) -> bool:
    """Whether a function tells the kinds apart, or may: what it asks, awaits or fills the attribute with says so."""
    for node in info.nodes:
        if isinstance(node, (cst.If, cst.While, cst.IfExp, cst.Assert)) and _tells_apart(node.test, attribute):
            return True
        if isinstance(node, (cst.Match, cst.BooleanOperation)):
            return True
        call = node.expression if isinstance(node, cst.Await) else None
        if isinstance(call, cst.Call) and (_method_of_attribute(call, info) or ("",))[0] == attribute:
            return True
        if isinstance(node, cst.Assign) and any(_is_filled(each.target, attribute) for each in node.targets):
            is_none = isinstance(node.value, cst.Name) and node.value.value == "None"
            if not is_none:
                return True
    return False


def _is_filled(target: cst.BaseAssignTargetExpression, attribute: str) -> bool:
    return isinstance(target, cst.Attribute) and target.attr.value == attribute


def _method_of_attribute(call: cst.Call, info: FunctionInfo) -> tuple[str, str] | None:
    """Return the names of attribute and method: `self.attribute.method(…)`."""
    function = call.func
    if not isinstance(function, cst.Attribute) or not isinstance(function.value, cst.Attribute):
        return None
    owner = function.value.value
    is_own = isinstance(owner, cst.Name) and bool(info.params) and owner.value == info.params[0].name.value
    return (function.value.attr.value, function.attr.value) if is_own else None


def _is_coroutine(kind: Kind, method: str) -> bool:
    models = kind.methods.get(method, ())
    return bool(models) and all(model.coroutine and not model.eager for model in models)


def _tells_apart(test: cst.BaseExpression, attribute: str) -> bool:
    """Whether a test may ask for more than whether the attribute holds something."""
    if isinstance(test, cst.UnaryOperation):
        return _tells_apart(test.expression, attribute)
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        other = test.comparisons[0].comparator
        is_none = isinstance(other, cst.Name) and other.value == "None"
        return not is_none or _tells_apart(test.left, attribute)
    return not isinstance(test, cst.Attribute) or test.attr.value != attribute
