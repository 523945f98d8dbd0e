"""LDB202: a write is dropped, because its connection is closed (or left) without a commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Report, ReportStep, Rule, RuleMeta
from lintdb.rules.conventions import (
    forgotten_commits,
    forgotten_commits_of_module,
    forgotten_commits_of_requests,
    forgotten_commits_of_scopes,
    uncommitted_class,
)
from lintdb.rules.lifetimes import last_turn, steps_of
from lintdb.rules.places import is_test

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow, LostWork, PathStep
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
            if work.dropped_by:
                end = f"`{work.dropped_by}()` closes {name} without a commit when the function has ended"
            elif work.by_with:
                gives = "gives {} back" if work.kind.family == "checkout" else "closes {}"
                end = f"the `with` block {gives.format(name)} without a commit"
                if work.kind.block_is_of_version:
                    end += f" ({ctx.program.knowledge.version_of(work.kind.driver)})"
            elif work.ended_at is not None:
                gone = "given back" if work.kind.family == "checkout" else "released"
                end = f"{name} is {gone} without a commit"
            else:
                end = f"{name} is left without a commit"
            later = _after_write(work)
            turn = last_turn(later, ctx, on_error=False) if work.is_kept_elsewhere else None
            named = _commit_not_called(work, flow, ctx)
            if named is not None:
                end += f", for `{named}` names the method and does not call it"
            elif turn is not None:
                end += f" {turn}"
            steps = [ReportStep(work.node, "written here"), *steps_of(later, None, "", "leaves, and the work is lost")]
            if work.ended_at is not None:
                del steps[max(len(steps) - 1, 1) :]
                steps.append(ReportStep(work.ended_at, "released here, the work is lost"))
            yield Report(
                node=work.node,
                message=f"this write is lost: {end}",
                confidence=Confidence.LOW if is_test_code else work.confidence,
                steps=tuple(steps),
                resource_kind=work.kind.label,
                resource_name=work.name,
                help="add the parentheses" if named is not None else _cure(work, ctx),
            )

    def check_file(self, ctx: FileContext) -> Iterator[Report]:
        for work in forgotten_commits_of_module(ctx):
            yield _report_forgotten(work, _unlike("functions of the module"), "function")
        for work, giver in forgotten_commits_of_requests(ctx):
            kept = f"this write is lost: `{giver.name}()` keeps it for the request, and nothing commits then"
            yield _report_forgotten(work, kept, "function")
        for work, name in forgotten_commits_of_scopes(ctx):
            dropped = f"this write is lost: `{name}` is rolled back when the request is over, and nothing commits"
            yield _report_forgotten(work, dropped, "function")

    def check_class(self, owner: ClassInfo, flows: Sequence[FunctionFlow], ctx: FileContext) -> Iterator[Report]:
        for work in forgotten_commits(owner, flows, ctx):
            yield _report_forgotten(work, _unlike(f"methods of `{owner.name}`"), "method")
        for work in uncommitted_class(owner, flows, ctx):
            never = f"this write is lost: nothing commits what `{owner.name}` writes on {_quoted(work.name)}"
            yield _report_forgotten(work, never, "method")


def _quoted(name: str | None) -> str:
    return f"`{name}`" if name else "its connection"


def _unlike(others: str) -> str:
    return f"this write is not committed, as other {others} commit theirs"


def _report_forgotten(work: LostWork, message: str, what: str) -> Report:
    return Report(
        node=work.node,
        message=message,
        confidence=work.confidence,
        steps=(ReportStep(work.node, "written here"),),
        resource_kind=work.kind.label,
        resource_name=work.name,
        help=f"commit at the end of the {what}",
    )


def _after_write(work: LostWork) -> tuple[PathStep, ...]:
    """Return the steps of the path behind the write that it loses."""
    written = (number for number, step in enumerate(work.path) if step.what == "write" and step.node is work.node)
    return work.path[max(written, default=-1) + 1 :]


def _commit_not_called(work: LostWork, flow: FunctionFlow, ctx: FileContext) -> str | None:
    """Return a statement that was meant to commit the work: `conn.commit`, without parentheses."""
    import libcst as cst

    if work.name is None:
        return None
    is_after = False
    for node in flow.function.nodes:
        is_after = is_after or node is work.node
        if is_after and isinstance(node, cst.Expr) and ctx.source_of(node.value, 60) == f"{work.name}.commit":
            return f"{work.name}.commit"
    return None


def _cure(work: LostWork, ctx: FileContext) -> str | None:
    """Return the cure where not the connection commits, but a transaction that is begun on it."""
    if "commit" in work.kind.methods:
        return None
    for name, models in work.kind.methods.items():
        begun = ctx.program.knowledge.kind(models[0].gives or "")
        block = (begun.async_with_block or begun.with_block) if begun is not None else None
        if begun is not None and block is not None and block.commits:
            word = "async with" if begun.async_with_block is block else "with"
            return f"commit the transaction on each path, or begin it with `{word} {work.name or '…'}.{name}()`"
    return None
