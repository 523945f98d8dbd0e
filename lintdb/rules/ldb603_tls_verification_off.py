"""LDB603: the call that connects does without encryption, or does not check whom it talks to."""

from __future__ import annotations

from collections.abc import Iterator

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Opening, Report, Rule, RuleMeta
from lintdb.rules.places import is_test
from lintdb.rules.switches import find_off, is_on_this_host


class TlsVerificationOff(Rule):
    """See rules/LDB603.md."""

    meta = RuleMeta(
        code="LDB603",
        name="tls-verification-off",
        summary="a connection whose encryption or check of the server is switched off",
        severity=Severity.WARNING,
        help="verify the server: give the certificate of its authority instead",
        since="0.1",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        for off in find_off(opening, ctx, "tls"):
            if is_on_this_host(opening, ctx):
                return
            what = "nobody checks that it is the right server that answers"
            if off.is_plain:
                what = f"nothing is encrypted, and {what}"
            yield Report(
                node=off.node,
                message=f"`{off.spelling}`: {what}",
                confidence=Confidence.LOW if is_test(opening.function, ctx.path) else Confidence.HIGH,
                resource_kind=opening.kind.label,
                acquired_at=opening.at(),
            )
            return
