"""Findings as a JSON list of objects; fields are only ever added."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lintdb.finding import Finding, Resource, Step


def render(findings: Sequence[Finding]) -> str:
    """Return *findings* as JSON in pure ASCII, so that it passes through any terminal and file."""
    return json.dumps([as_object(finding) for finding in findings], indent=2) + "\n"


def as_object(finding: Finding) -> dict[str, Any]:
    """Return a finding as an object of JSON."""
    return {
        "path": finding.path,
        "line": finding.span.line,
        "column": finding.span.column,
        "end_line": finding.span.end_line,
        "end_column": finding.span.end_column,
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        "severity": finding.severity.value,
        "confidence": finding.confidence.label,
        "help": finding.help,
        "resource": None if finding.resource is None else _resource(finding.resource),
        "steps": [_step(step, finding) for step in finding.steps],
    }


def _resource(resource: Resource) -> dict[str, Any]:
    return {"kind": resource.kind, "name": resource.name, "line": resource.line}


def _step(step: Step, finding: Finding) -> dict[str, Any]:
    return {
        "path": step.path,
        "line": step.span.line,
        "column": step.span.column,
        "message": step.message,
        # A step without one has the line and the column of the first one.
        "has_own_place": finding.has_own_place(step),
    }
