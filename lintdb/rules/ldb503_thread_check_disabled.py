"""LDB503: the library's own check against use by several threads is switched off, and no lock takes its place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Opening, Report, Rule, RuleMeta
from lintdb.rules.places import is_test, is_test_file
from lintdb.rules.settings import look
from lintdb.rules.switches import find_off

_TAKES_TURNS = re.compile(
    r"lock|mutex|semaphore|\bCondition\b|\bQueue\b|threading\.local|\blocal\(\)|max_workers\s*=\s*1\b|get_ident|"
    r"current_thread|SingletonThreadPool",
    re.IGNORECASE,
)


class ThreadCheckDisabled(Rule):
    """See rules/LDB503.md."""

    meta = RuleMeta(
        code="LDB503",
        name="thread-check-disabled",
        summary="the check against use by several threads is off, and there is no lock",
        severity=Severity.WARNING,
        help="open a connection for each thread, or let the threads take turns with a lock",
        since="0.1",
        cause="shared",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        for off in find_off(opening, ctx, "thread-check"):
            evaluator, _, _ = look(opening, ctx)
            index = opening.function.index
            kept = [index.constant(name) for name in sorted(opening.function.loads & index.values.keys())]
            codes = [evaluator.surroundings(opening.node), *(index.code_of(each) for each in kept if each is not None)]
            code = re.sub(r"#[^\n]*", "", "\n".join(codes))
            if _TAKES_TURNS.search(code) or _is_used_alone(opening, ctx):
                return
            # Who says why the check is off has thought about threads.
            is_meant = is_test(opening.function, ctx.path) or ctx.is_explained(
                opening.at(off.node), opening.function, r"thread"
            )
            # One user has it until it is closed behind the `yield`, though in more than one thread perhaps.
            is_meant = is_meant or opening.function.is_generator
            yield Report(
                node=off.node,
                message=f"`{off.spelling}` lets threads use the connection at once, and no lock is in sight",
                confidence=Confidence.LOW if is_meant else Confidence.MEDIUM,
                resource_kind=opening.kind.label,
                acquired_at=opening.at(),
            )
            return


def _is_used_alone(opening: Opening, ctx: FileContext) -> bool:
    """Whether a connection never gets out of the function that has it opened, so that no other thread can have it."""
    from lintdb.flow.alone import Made, is_used_alone  # loads libcst, which listing rules does not need

    if opening.is_configured:
        return False
    return is_used_alone(Made(opening.node, opening.kind, opening.function), ctx.program, is_test_file)
