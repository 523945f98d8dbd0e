"""LDB112: a resource is used, read or handed out after it, or what it belongs to, was released."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Severity
from lintdb.rules.afterlife import report_misuse, shown
from lintdb.rules.base import FileContext, Report, Rule, RuleMeta
from lintdb.rules.lifetimes import verb_of

if TYPE_CHECKING:
    from lintdb.flow.results import FunctionFlow, Misuse


class UseAfterRelease(Rule):
    """See rules/LDB112.md."""

    meta = RuleMeta(
        code="LDB112",
        name="use-after-release",
        summary="something is used after its release",
        severity=Severity.ERROR,
        help="finish the work, and fetch what is needed, before the release",
        since="0.1",
        cause="use-after-release",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        for misuse in flow.misuses:
            if misuse.what == "foreign" or (misuse.what == "release" and misuse.owner is None):
                continue  # LDB113
            yield report_misuse(misuse, f"{_deed(misuse, ctx)} {_when(misuse)}", "used here")


def _deed(misuse: Misuse, ctx: FileContext) -> str:
    name = shown(misuse)
    if misuse.what in ("use", "release"):
        return f"`{ctx.source_of(misuse.node, 200).partition('(')[0]}()` is called"
    return {
        "read": f"{name} is read",
        "return": f"{_handed_out(misuse, name)} is returned",
        "yield": f"{_handed_out(misuse, name)} is yielded",
        "exit": f"the `with` block on {name} ends",
        "helper": f"`{misuse.method}()` uses {name}",
    }[misuse.what]


def _handed_out(misuse: Misuse, name: str) -> str:
    return f"a generator that reads {name}" if misuse.method else name


def _when(misuse: Misuse) -> str:
    if misuse.owner is not None:
        name = f"`{misuse.owner_name}`" if misuse.owner_name else f"the {misuse.owner.label}"
        return f"after {name}, which it belongs to, was {verb_of(misuse.owner)}"
    # Of a call on it the subject is the call.
    is_other = misuse.what in ("use", "release") or (misuse.what in ("return", "yield") and misuse.method)
    name = shown(misuse) if is_other else "it"
    return f"after {name} was {verb_of(misuse.kind)}"
