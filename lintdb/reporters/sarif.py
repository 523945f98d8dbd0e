"""Findings as SARIF 2.1.0, with the witness as a code flow, for code scanning services and editors."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from lintdb import __version__
from lintdb.finding import FileProblem, Finding, Severity, Span, Step
from lintdb.reporters import path_from
from lintdb.rules.base import RuleMeta

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(
    findings: Sequence[Finding],
    metas: Sequence[RuleMeta],
    problems: Sequence[FileProblem] = (),
    warnings: Sequence[FileProblem] = (),
    root: str | None = None,
) -> str:
    """Return a log of one run. *problems* make the run one that did not succeed; *warnings* do not.

    Paths are written from *root*. The log does not say where that is (`originalUriBaseIds`): whoever reads it has the
    repository elsewhere.
    """
    notifications = [_notification(problem, "error", root) for problem in problems]
    notifications += [_notification(warning, "warning", root) for warning in warnings]
    index = {meta.code: number for number, meta in enumerate(metas)}
    run = {
        "tool": {"driver": {"name": "lintdb", "version": __version__, "rules": [_rule(meta) for meta in metas]}},
        "invocations": [
            {
                "executionSuccessful": not problems,
                "toolExecutionNotifications": notifications,
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index, root) for finding in findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(meta: RuleMeta) -> dict[str, Any]:
    return {
        "id": meta.code,
        "name": "".join(word.capitalize() for word in meta.name.split("-")),
        "shortDescription": {"text": meta.summary},
        "fullDescription": {"text": f"{meta.name}: {meta.summary}"},
        "help": {"text": meta.help or meta.summary},
        "defaultConfiguration": {"enabled": meta.default, "level": _LEVELS[meta.severity]},
    }


def _result(finding: Finding, index: dict[str, int], root: str | None) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.message}; {finding.help}" if finding.help else finding.message},
        "locations": [_location(finding.path, finding.span, root)],
        "properties": {"confidence": finding.confidence.label},
    }
    if finding.code in index:
        result["ruleIndex"] = index[finding.code]
    if finding.steps:
        steps = [_thread_step(step, order, root) for order, step in enumerate(finding.steps, start=1)]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    return result


def _thread_step(step: Step, order: int, root: str | None) -> dict[str, Any]:
    location = {**_location(step.path, step.span, root), "message": {"text": step.message}}
    return {"location": location, "executionOrder": order}


def _notification(problem: FileProblem, level: str, root: str | None) -> dict[str, Any]:
    notification: dict[str, Any] = {"level": level, "message": {"text": problem.message}}
    # What is wrong with an option stands in no file.
    if problem.path:
        span = Span(problem.line, max(problem.column, 1), problem.line, max(problem.column, 1))
        notification["locations"] = [_location(problem.path, span, root)]
    return notification


def _location(path: str, span: Span, root: str | None) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(path_from(root, path))}
    # SARIF knows no line 0: a place without a line is the file as a whole.
    if span.line:
        physical["region"] = {
            "startLine": span.line,
            "startColumn": max(span.column, 1),
            "endLine": max(span.end_line, span.line),
            "endColumn": max(span.end_column, 1),
        }
    return {"physicalLocation": physical}


def _artifact(path: str) -> dict[str, str]:
    name = quote(os.fsencode(path.replace(os.sep, "/")), safe="/")
    if os.path.isabs(path):  # noqa: PTH117
        # A drive letter needs a slash in front and its colon back: file:///C:/…
        return {"uri": "file://" + re.sub(r"^([A-Za-z])%3A", r"/\1:", name)}
    return {"uri": name, "uriBaseId": "%SRCROOT%"}
