"""LDB402: nothing bounds the queries of a connection, pool or client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import Bound, FileContext, Opening, Report, Rule, RuleMeta
from lintdb.rules.places import is_migration, is_script, is_watched, prints_before
from lintdb.rules.settings import not_yet
from lintdb.rules.switches import is_rehearsal

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.syntax.ancestry import Ancestry


class QueryWithoutTimeout(Rule):
    """See rules/LDB402.md."""

    meta = RuleMeta(
        code="LDB402",
        name="query-without-timeout",
        summary="queries that can run for ever",
        severity=Severity.WARNING,
        help="bound the time of a query, on the server where the driver allows it",
        since="0.1",
        supersedes=("LDB303",),
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        if id(opening.node) in ctx.handed_on or _is_asked_nothing(opening):
            return
        for answer in ctx.answers(opening, "query-timeout"):
            if answer.bound is Bound.ABSENT:
                suggest = answer.setting.suggest
                message = f"nothing bounds the queries of this {opening.kind.label}{ctx.said_of_version(answer)}"
                if unknown := not_yet(answer, opening, ctx):
                    message = f"{answer.version} does not know `{unknown}`, and {message.rpartition(' (')[0]}"
                yield Report(
                    node=opening.at(),
                    message=message,
                    confidence=Confidence.LOW if _may_take_long(opening, ctx) else Confidence.MEDIUM,
                    help=f"bound them: `{suggest}`" if suggest else None,
                    resource_kind=opening.kind.label,
                    acquired_at=opening.at(),
                    cause=answer.setting.name,
                )


_BULK = frozenset({
    "copy_expert", "copy_from", "copy_to", "copy_records_to_table", "copy_from_table", "copy_from_query",
})  # fmt: skip
"""Methods that load or unload whole tables, which takes as long as it takes: psycopg2's and asyncpg's."""


def _may_take_long(opening: Opening, ctx: FileContext) -> bool:
    """Whether queries are meant to take long, or somebody waits who can break them off.

    The former where the class, or the function, that connects moves whole tables; the latter at a test, a migration,
    or a program that runs once or prints.
    """
    function = opening.function
    users = function.owner.methods.values() if function.owner is not None else (function,)
    if not function.is_module and any(not _BULK.isdisjoint(each.attributes) for each in users):
        return True
    is_once = is_watched(function) or is_script(function, opening.node) or is_migration(ctx.path)
    return is_rehearsal(opening, ctx) or is_once or prints_before(function, opening.node)


def _is_asked_nothing(opening: Opening) -> bool:
    """Whether a connection is opened to see that it can be: what it is called is closed, and nothing else."""
    from lintdb.syntax.ancestry import Ancestry  # loads libcst, which listing rules does not need

    if opening.is_configured or opening.function.is_module:
        return False
    ancestry = Ancestry(opening.function.node)
    return _is_closed_at_once(opening.node, ancestry) or _is_only_closed(opening.node, ancestry)


def _is_closed_at_once(call: cst.CSTNode, ancestry: Ancestry) -> bool:
    """`connect(…).close()`, or a `with` block on it that gives it no name, as it is or in `closing(…)`."""
    import libcst as cst

    around = [each for each in ancestry.ancestors(call) if not isinstance(each, cst.Await)]
    if len(around) > 1 and isinstance(around[0], cst.Arg) and isinstance(around[1], cst.Call):
        called = getattr(around[1].func, "attr", around[1].func)
        around = around[2:] if getattr(called, "value", "") in ("closing", "aclosing") else around
        return bool(around) and isinstance(around[0], cst.WithItem) and around[0].asname is None
    used, call_of_it = [*around, None, None][:2]
    if isinstance(used, cst.WithItem):
        return used.asname is None
    is_called = isinstance(used, cst.Attribute) and isinstance(call_of_it, cst.Call) and call_of_it.func is used
    return is_called and isinstance(used, cst.Attribute) and used.attr.value == "close"


def _is_only_closed(call: cst.CSTNode, ancestry: Ancestry) -> bool:
    """Whether the value of a call is given one name, and what that means is closed, or gives cursors that are."""
    import libcst as cst

    from lintdb.syntax.walk import walk

    assigned = next((each for each in ancestry.ancestors(call) if not isinstance(each, cst.Await)), None)
    if not isinstance(assigned, cst.Assign) or len(assigned.targets) != 1:
        return False
    target = assigned.targets[0].target
    if not isinstance(target, cst.Name):
        return False
    for node in walk(ancestry.root):
        if not isinstance(node, cst.Name) or node.value != target.value:
            continue
        used, call_of_it = [*ancestry.ancestors(node), None][:2]
        if isinstance(used, cst.AssignTarget):
            continue
        method = used.attr.value if isinstance(used, cst.Attribute) and isinstance(call_of_it, cst.Call) else None
        is_closed = method == "cursor" and call_of_it is not None and _is_only_closed(call_of_it, ancestry)
        if method != "close" and not is_closed:
            return False
    return True
