"""What a rule is: metadata as data, and generators that ask the context and keep no state.

A rule module holds one subclass of `Rule`. Its handlers are `check_function`, called once per function body (and once
for the module's own body) that the flow engine followed, and `visit_<Node>` methods named after libcst nodes. All
yield `Report`s; the engine turns them into findings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lintdb.finding import Confidence, Severity

if TYPE_CHECKING:
    import libcst as cst


@dataclass(frozen=True)
class RuleMeta:
    """The only home of a rule's metadata; tables, pages' headings, SARIF rules and options are made from it.

    `summary` starts in lower case and has no final period. `help` is the cure. `default` says whether the rule is
    reported without being selected. `since` is the lintdb version that first had it.
    """

    code: str
    name: str
    summary: str
    severity: Severity
    help: str
    since: str
    default: bool = True


@dataclass(frozen=True)
class ReportStep:
    """A step of a witness, still tied to its node; the engine resolves the position."""

    node: cst.CSTNode
    message: str


@dataclass(frozen=True)
class Report:
    """A defect as a rule sees it. `resource_kind` and `resource_name` describe the resource, if there is one."""

    node: cst.CSTNode
    message: str
    confidence: Confidence = Confidence.HIGH
    steps: tuple[ReportStep, ...] = ()
    help: str | None = None
    resource_kind: str | None = None
    resource_name: str | None = None
    acquired_at: cst.CSTNode | None = None


class Rule:
    """Base of all rules. Subclasses give `meta` and at least one handler."""

    meta: ClassVar[RuleMeta]


ReportIterator = Iterator[Report]
