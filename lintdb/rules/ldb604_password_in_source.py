"""LDB604: a password is written down in the call that connects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintdb.finding import Confidence, Severity
from lintdb.rules.base import FileContext, Opening, Report, Rule, RuleMeta
from lintdb.rules.places import is_test
from lintdb.rules.settings import look
from lintdb.rules.switches import is_on_this_host

if TYPE_CHECKING:
    import libcst as cst

_IN_URL = re.compile(r"\w[\w+.-]*://[^/@:\s]*:(?P<password>[^@/\s]+)@")
_IN_TEXT = re.compile(r"\b(?:password|pwd|passwd)\s*=\s*(?P<password>'[^']+'|[^\s;&]+)", re.IGNORECASE)
_NO_SECRET = re.compile(r"(?:<.*>|\{.*\}|\$.*|\*+|x+|%.*|\.+|.*\0.*|your[_-].*|changeme|)", re.IGNORECASE | re.DOTALL)


class PasswordInSource(Rule):
    """See rules/LDB604.md."""

    meta = RuleMeta(
        code="LDB604",
        name="password-in-source",
        summary="a password that is written into the program",
        severity=Severity.WARNING,
        help="read it from the environment, a file that only the service may read, or a store of secrets",
        since="0.1",
        default=False,
        cause="connection-string",
    )

    def check_opening(self, opening: Opening, ctx: FileContext) -> Iterator[Report]:
        evaluator, arguments, dsn = look(opening, ctx)
        found: list[tuple[object, str, cst.CSTNode]] = []
        for switch in opening.switches:
            if switch.name == "password":
                for argument in switch.arguments:
                    node = arguments.find(argument)
                    if node is not None:
                        where = f"`{opening.written(argument.keyword or '', '…')}`"
                        found.append((evaluator.value(node), where, node))
        node = arguments.find(opening.model.dsn) if opening.model.dsn is not None else None
        if node is not None:
            target = evaluator.resolved(node)
            text = evaluator.template(target, hidden="\0")
            value = text if text is not None else evaluator.value(target)
            match = (_IN_URL.search(value) or _IN_TEXT.search(value)) if isinstance(value, str) else None
            if match is not None:
                found.append((match["password"].strip("'"), "the connection string", node))
        if dsn.password is not None:
            found.append((evaluator.value(dsn.password), "the connection string", dsn.password))
        for value, where, place in found:
            if isinstance(value, str) and not _NO_SECRET.fullmatch(value):
                is_mild = is_test(opening.function, ctx.path) or is_on_this_host(opening, ctx)
                yield Report(
                    node=opening.at(place),
                    message=f"the password stands in the source, in {where}",
                    confidence=Confidence.LOW if is_mild else Confidence.MEDIUM,
                    resource_kind=opening.kind.label,
                    acquired_at=opening.at(),
                )
                return
