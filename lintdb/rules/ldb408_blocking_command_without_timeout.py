"""LDB408: a command waits for ever for something to happen, or a lock never expires."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import Bound, FileContext, Report, Rule, RuleMeta

if TYPE_CHECKING:
    from lintdb.effects import Setting
    from lintdb.flow.results import FunctionFlow, KnownCall

# What these are for is to wait.
_WORKER = re.compile(
    r"(?:^|_)(?:run|main|work\w*|consum\w*|listen\w*|subscri\w*|watch\w*|loop|daemon|serve\w*|forever|poll\w*|stream\w*)(?:_|$)",
    re.IGNORECASE,
)


class BlockingCommandWithoutTimeout(Rule):
    """See rules/LDB408.md."""

    meta = RuleMeta(
        code="LDB408",
        name="blocking-command-without-timeout",
        summary="a command that can wait for ever, or a lock that never expires",
        severity=Severity.WARNING,
        help="bound the wait, and look after each round whether to go on",
        since="0.1",
    )

    def check_function(self, flow: FunctionFlow, ctx: FileContext) -> Iterator[Report]:
        if ctx.is_test:
            return
        for call in flow.calls:
            answer = ctx.answer_of_call(call, flow.function, "wait-timeout")
            if answer is not None and answer.bound in (Bound.ABSENT, Bound.DISABLED):
                message = f"`{ctx.source_of(call.node, 50)}` waits for ever{ctx.said_of_version(answer)}"
                # A task that goes through messages as they come can be cancelled; who listens for ever means to.
                is_stream = ctx.is_read_for_ever(call.node, flow.function) or (
                    flow.function.is_async
                    and (not answer.setting.arguments or ctx.is_iterated(call.node, flow.function))
                )
                confidence = Confidence.LOW if is_stream or _is_worker(call, flow, ctx) else Confidence.MEDIUM
                yield _report(call, message, answer.setting, confidence)
            lock = ctx.answer_of_call(call, flow.function, "lock-timeout")
            if lock is not None and lock.bound is Bound.ABSENT:
                source = ctx.source_of(call.node, 50)
                message = f"the lock of `{source}` never expires: if its holder dies, all others wait"
                yield _report(call, message + ctx.said_of_version(lock), lock.setting, Confidence.MEDIUM)


def _report(call: KnownCall, message: str, setting: Setting, confidence: Confidence) -> Report:
    cure = f"give it a limit: `{setting.suggest}`" if setting.suggest else None
    return Report(call.node, message, confidence, help=cure, acquired_at=call.node, cause=setting.name)


def _is_worker(call: KnownCall, flow: FunctionFlow, ctx: FileContext) -> bool:
    """Whether waiting is what the function is for: by its name, or because the call runs in a loop without end."""
    if flow.function.is_module or _WORKER.search(flow.function.name) is not None:
        return True
    return ctx.repetition.is_in_endless_loop(call.node, flow.function)
