"""LDB116: a class opens a resource on `self`, and none of its methods releases it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.ownership import (
    DYNAMIC,
    FAMILIES,
    by_any_name,
    forgotten_by,
    gives_out,
    is_filled_before,
    is_handed_on,
    is_looked_after,
    is_put_back,
    is_released_elsewhere,
    is_subscription,
    vain_releases,
)
from lintdb.rules.places import is_test_file

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.effects import Kind
    from lintdb.flow.classes import OpenedAttribute, OwnedObject
    from lintdb.flow.results import FunctionFlow
    from lintdb.syntax.names import ClassInfo, FunctionInfo


class AttributeNotReleased(Rule):
    """See rules/LDB116.md."""

    meta = RuleMeta(
        code="LDB116",
        name="attribute-not-released",
        summary="a class opens a resource that none of its methods releases",
        severity=Severity.WARNING,
        help="give the class a `close()` (or `__exit__`) that releases it, and call that",
        since="0.1",
        cause="release",
        supersedes=("LDB104", "LDB124"),
    )

    def check_class(self, owner: ClassInfo, flows: Sequence[FunctionFlow], ctx: FileContext) -> Iterator[Report]:
        handled = by_any_name({name for flow in flows for name in flow.handled_attributes}, owner)
        reopened = {name for flow in flows for name in flow.reopened_attributes}
        replaced = {flow.function: flow.replaced_attributes for flow in flows if flow.function.owner is owner}
        opened = list(ctx.program.classes.opened_attributes(owner))
        given = list(ctx.program.classes.given_by_factories(owner))
        owned = list(ctx.program.classes.owned_objects(owner))
        if not (opened or given or owned) or DYNAMIC.search(ctx.program.index.code_of(owner.node)):
            return  # in the latter case it cannot be told which attributes its methods reach
        for attribute, _, call, kind in given:
            held = ctx.program.knowledge.kind(ctx.program.types.attribute_kind(owner, attribute) or "") or kind
            is_released = any(is_released_elsewhere(owner, attribute, each, ctx) for each in (kind, held))
            is_released = is_released or is_looked_after(owner, attribute, (kind, held), ctx)
            if kind.family in FAMILIES and attribute not in handled and not is_released:
                message = f"what is opened here for `{owner.name}.{attribute}` is closed by no method of it"
                yield _report(call, message, attribute, kind, _confidence(owner, kind, ctx))
        yield from _left_objects(owner, owned, handled, ctx)
        yield from _overwritten(owner, flows, handled)
        yield from _forgotten(owner, flows, opened, ctx)
        seen: set[str] = set()
        for attribute, method, call, kind in opened:
            if not (kind.family in FAMILIES or is_subscription(kind)) or _maker(call, method) in handled:
                continue  # what a released attribute has made goes with it
            is_elsewhere = is_released_elsewhere(owner, attribute, kind, ctx)
            if attribute not in handled and not is_elsewhere and not is_handed_on(owner, attribute, kind, ctx):
                if attribute not in seen:
                    seen.add(attribute)
                    message = f"`self.{attribute}` is opened here, and no method of `{owner.name}` closes it"
                    if attribute in reopened:
                        message = (
                            f"`self.{attribute}` is opened here, and `{owner.name}` closes it only to open it again"
                        )
                    report = _report(call, message, attribute, kind, _confidence(owner, kind, ctx))
                    yield replace(report, about=tuple(vain_releases(attribute, kind, flows, ctx)))
            elif attribute in replaced.get(method, {}) and method.name != "__init__":
                node = replaced[method][attribute]
                if is_put_back(method, call, node):
                    message = f"`self.{attribute}` may have been opened again in the block, and is replaced here"
                    steps = (ReportStep(call, "opened where there is none"), ReportStep(node, "replaced"))
                    yield replace(_report(call, message, attribute, kind), node=node, steps=steps)
                    continue
                others = [each for each in opened if each.name == attribute and each.method is not method]
                is_shared = ctx.program.classes.is_shared_at_times(owner, attribute)
                if not is_shared and is_filled_before(method, attribute, others, flows, ctx):
                    message = f"`self.{attribute}` may still be open when it is replaced here"
                    yield _report(call, message, attribute, kind)
        yield from _replaced_by_helpers(owner, flows, opened, handled, ctx)


def _forgotten(
    owner: ClassInfo, flows: Sequence[FunctionFlow], opened: Sequence[OpenedAttribute], ctx: FileContext
) -> Iterator[Report]:
    """Yield what a method that is meant to close it only forgets, where nothing else but a getter gets it."""
    for attribute, _, call, kind in {each.name: each for each in reversed(opened)}.values():
        handling = [flow.function for flow in flows if attribute in flow.handled_attributes]
        if kind.family not in FAMILIES or not handling or not all(gives_out(each, attribute) for each in handling):
            continue
        method = forgotten_by(owner, attribute, kind, ctx)
        if method is not None and not is_released_elsewhere(owner, attribute, kind, ctx):
            message = f"`self.{attribute}` is opened here, and `{method.name}()` forgets it without closing it"
            steps = (ReportStep(call, "opened here"), ReportStep(method.node, "meant to close it"))
            yield replace(_report(call, message, attribute, kind, _confidence(owner, kind, ctx)), steps=steps)


def _overwritten(owner: ClassInfo, flows: Sequence[FunctionFlow], handled: AbstractSet[str]) -> Iterator[Report]:
    """Yield what a method opens for an attribute and replaces there while it is open."""
    for flow in flows:
        for attribute, kind, node, by, is_sure in flow.overwritten_attributes:
            if flow.function.owner is owner and kind.family in FAMILIES and attribute in handled:
                message = f"`self.{attribute}` is opened here, and replaced while it is open"
                steps = (ReportStep(node, "opened here"), ReportStep(by, "replaced"))
                confidence = Confidence.MEDIUM if is_sure else Confidence.LOW
                yield replace(_report(node, message, attribute, kind, confidence), steps=steps)


def _replaced_by_helpers(
    owner: ClassInfo,
    flows: Sequence[FunctionFlow],
    opened: Sequence[OpenedAttribute],
    handled: AbstractSet[str],
    ctx: FileContext,
) -> Iterator[Report]:
    """Yield where a method has another one of the class open something in the place of what may still be open.

    Not where the other one is to blame itself. Where several call the same one, that is what has to be mended: the
    first of them is told of.
    """
    found: dict[tuple[FunctionInfo, str], cst.CSTNode] = {}
    for flow in flows:
        for attribute, node in flow.replaced_attributes.items():
            fillers = [each for each in opened if each.name == attribute and each.method is not flow.function]
            if flow.function.name != "__init__" and is_filled_before(flow.function, attribute, fillers, flows, ctx):
                found[flow.function, attribute] = node
    told: set[tuple[FunctionInfo | None, str]] = set()
    for (method, attribute), node in found.items():
        fillers = [each for each in opened if each.name == attribute]
        kinds = [each.kind for each in fillers if each.kind.family in FAMILIES]
        if attribute not in handled or not kinds or method.owner is not owner:
            continue
        callee = _called(node, owner)
        if (callee, attribute) not in found and not any(each.method is method for each in fillers):
            message = f"`self.{attribute}` may still be open when it is replaced by what is called here"
            is_told = callee is not None and (callee, attribute) in told
            told.add((callee, attribute))
            yield _report(node, message, attribute, kinds[0], Confidence.LOW if is_told else Confidence.MEDIUM)


def _called(node: cst.CSTNode, owner: ClassInfo) -> FunctionInfo | None:
    """Return the method of a class that a call of an attribute calls."""
    import libcst as cst

    function = node.func if isinstance(node, cst.Call) else None
    return owner.find_method(function.attr.value) if isinstance(function, cst.Attribute) else None


def _left_objects(
    owner: ClassInfo, owned: Sequence[OwnedObject], handled: AbstractSet[str], ctx: FileContext
) -> Iterator[Report]:
    """Yield what holds something open, is made for an object, and is released by nobody."""
    for each in {each.name: each for each in reversed(owned)}.values():
        kind = each.opened.kind
        if kind.family in FAMILIES and each.name not in handled and ctx.program.classes.is_only_used(owner, each):
            message = (
                f"the `{each.owner.name}` that is made here for `self.{each.name}` opens a {kind.label}, and no method "
                f"of `{owner.name}` closes it"
            )
            yield _report(each.call, message, each.name, kind, Confidence.LOW if kind.is_lazy else Confidence.MEDIUM)


def _maker(call: cst.Call, method: FunctionInfo) -> str | None:
    """Return the attribute whose method a call is: `cluster` of `self.cluster.connect()`; so with `cls`."""
    owner = getattr(call.func, "value", None)
    root = getattr(getattr(owner, "value", None), "value", None)
    own = method.params[0].name.value if method.params else None
    return str(owner.attr.value) if root is not None and root == own and owner is not None else None


def _confidence(owner: ClassInfo, kind: Kind, ctx: FileContext) -> Confidence:
    from lintdb.flow.lifelong import lives_with_process  # loads libcst, which listing rules does not need
    from lintdb.syntax.ancestry import guarded_by_main

    offers_release = ctx.program.classes.offers_release(owner)
    # What runs tests keeps their objects to the end; other databases may be opened from it.
    is_own = not owner.has_unknown_base and not re.search(r"\battach\b", ctx.program.index.code_of(owner.node), re.I)
    if kind.in_memory and not kind.keeps_process and not offers_release and is_own:
        return Confidence.LOW  # it goes with the object, and holds nothing beside memory
    is_quiet = kind.is_lazy or kind.family in ("checkout", "session")
    if is_quiet and is_test_file(ctx.path):
        return Confidence.LOW  # collected in silence, and soon
    # Dropped, it is collected with its connections; a `close()` says that that is not enough.
    if kind.is_lazy and not kind.is_released_by_coroutine and not offers_release:
        return Confidence.LOW
    if id(owner.node) in guarded_by_main(ctx.program.index.module):
        return Confidence.LOW  # it ends with the program
    # Made once, it is closed by the end of the process; a `close()` says that somebody means to do it before.
    is_kept = not offers_release and not is_subscription(kind) and lives_with_process(owner, is_test_file)
    return Confidence.LOW if is_kept else Confidence.MEDIUM


def _report(
    call: cst.CSTNode, message: str, attribute: str, kind: Kind, confidence: Confidence = Confidence.MEDIUM
) -> Report:
    return Report(
        node=call,
        message=message,
        confidence=confidence,
        resource_kind=kind.label,
        resource_name=f"self.{attribute}",
        acquired_at=call,
    )
