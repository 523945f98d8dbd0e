"""LDB202: a write is dropped, because its connection is closed (or left) without a commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.conventions import forgotten_commits
from lintdb.rules.places import is_test

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow
    from lintdb.syntax.names import ClassInfo


class MissingCommit(Rule):
    """See rules/LDB202.md."""

    meta = RuleMeta(
        code="LDB202",
        name="missing-commit",
        summary="a write that no commit makes permanent",
        severity=Severity.ERROR,
        help="call `commit()` before the connection is released",
        since="0.1",
        cause="transaction",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        # Tests leave their work uncommitted on purpose, so that nothing remains of it.
        is_test_code = is_test(flow.function, ctx.path)
        for work in flow.lost_work:
            name = f"`{work.name}`" if work.name else f"the {work.kind.label}"
            if work.by_with:
                end = f"the `with` block closes {name} without a commit"
                if work.kind.block_is_of_version:
                    end += f" ({ctx.program.knowledge.version_of(work.kind.driver)})"
            elif work.ended_at is not None:
                end = f"{name} is released without a commit"
            else:
                end = f"{name} is left without a commit"
            steps = [ReportStep(work.node, "written here")]
            if work.ended_at is not None:
                steps.append(ReportStep(work.ended_at, "released here, the work is lost"))
            yield Report(
                node=work.node,
                message=f"this write is lost: {end}",
                confidence=Confidence.LOW if is_test_code else work.confidence,
                steps=tuple(steps),
                resource_kind=work.kind.label,
                resource_name=work.name,
            )

    def check_class(self, owner: ClassInfo, flows: Sequence[FunctionFlow], ctx: FileContext) -> Iterator[Report]:
        for work in forgotten_commits(owner, flows, ctx):
            yield Report(
                node=work.node,
                message=f"this write is not committed, as other methods of `{owner.name}` commit theirs",
                confidence=work.confidence,
                steps=(ReportStep(work.node, "written here"),),
                resource_kind=work.kind.label,
                resource_name=work.name,
                help="commit at the end of the method",
            )
