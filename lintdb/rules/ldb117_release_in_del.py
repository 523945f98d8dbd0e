"""LDB117: a class releases what it opens in `__del__` and nowhere else, so that the garbage collector decides when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.ownership import DYNAMIC, FAMILIES, by_any_name, is_released_elsewhere

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow
    from lintdb.syntax.names import ClassInfo


class ReleaseInDel(Rule):
    """See rules/LDB117.md."""

    meta = RuleMeta(
        code="LDB117",
        name="release-in-del",
        summary="a release that is left to the garbage collector",
        severity=Severity.INFO,
        help="give the class a `close()` (or `__exit__`) as well, and call that; keep `__del__` as a safety net",
        since="0.1",
        default=False,
        cause="release",
    )

    def check_class(self, owner: ClassInfo, flows: Sequence[FunctionFlow], ctx: FileContext) -> Iterator[Report]:
        finalizers = [flow for flow in flows if flow.function.name == "__del__"]
        in_del = by_any_name({name for flow in finalizers for name in flow.handled_attributes}, owner)
        elsewhere = {name for flow in flows if flow not in finalizers for name in flow.handled_attributes}
        elsewhere = by_any_name(elsewhere, owner)
        if not in_del - elsewhere or DYNAMIC.search(ctx.program.index.code_of(owner.node)):
            return
        seen: set[str] = set()
        for attribute, _, call, kind in ctx.program.classes.opened_attributes(owner):
            if attribute not in in_del - elsewhere or attribute in seen or kind.family not in FAMILIES:
                continue
            if is_released_elsewhere(owner, attribute, kind, ctx):
                continue
            seen.add(attribute)
            ends = _finalizer_steps(finalizers, by_any_name({attribute}, owner))
            yield Report(
                node=call,
                message=f"`self.{attribute}` is released in `__del__` alone: the garbage collector decides when",
                confidence=Confidence.MEDIUM,
                steps=(ReportStep(call, f"{kind.label} opened here"), *ends),
                resource_kind=kind.label,
                resource_name=f"self.{attribute}",
                acquired_at=call,
            )


def _finalizer_steps(finalizers: Sequence[FunctionFlow], names: AbstractSet[str]) -> Iterator[ReportStep]:
    for flow in finalizers:
        if not names.isdisjoint(flow.handled_attributes):
            yield ReportStep(flow.function.node, "released when the object is collected")
