"""Findings as workflow commands, which GitHub shows next to the changed lines of a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from lintdb.finding import FileProblem, Finding, Severity, Step
from lintdb.reporters import path_from

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(
    findings: Sequence[Finding],
    problems: Sequence[FileProblem] = (),
    warnings: Sequence[FileProblem] = (),
    root: str | None = None,
) -> str:
    """Return one command per finding, and for each problem that no finding tells of; *warnings* are lesser ones.

    The file of a command is written from *root*; its text, which is what the log of a job shows, as users write it.
    """
    told = {(finding.path, finding.message) for finding in findings}
    commands = [_command(finding, root) for finding in findings]
    commands += [_notice(each, "error", root) for each in problems if (each.path, each.message) not in told]
    commands += [_notice(warning, "warning", root) for warning in warnings]
    return "".join(f"{command}\n" for command in commands)


def _notice(problem: FileProblem, level: str, root: str | None) -> str:
    properties = {"title": "lintdb"}
    text = problem.message
    if problem.path:
        properties |= {"file": _file(problem.path, root), "line": str(max(problem.line, 1))}
        text = ":".join(str(part) for part in (problem.path, problem.line) if part) + f": {text}"
    listed = ",".join(f"{key}={_escape_property(value)}" for key, value in properties.items())
    return f"::{level} {listed}::{_escape(text)}"


def _command(finding: Finding, root: str | None) -> str:
    span = finding.span
    properties = {"title": f"{finding.code} {finding.name}", "file": _file(finding.path, root)}
    # GitHub refuses an annotation on line 0, and columns of one that spans several lines.
    properties |= {"line": str(max(span.line, 1)), "endLine": str(max(span.end_line, span.line, 1))}
    if span.line == span.end_line and span.column:
        properties |= {"col": str(span.column), "endColumn": str(span.end_column)}
    text = ",".join(f"{key}={_escape_property(value)}" for key, value in properties.items())
    return f"::{_LEVELS[finding.severity]} {text}::{_escape(_message(finding))}"


def _file(path: str, root: str | None) -> str:
    return path_from(root, path).replace("\\", "/")


def _message(finding: Finding) -> str:
    lines = [f"{finding.path}:{finding.span.line}:{finding.span.column}: {finding.code} {finding.message}"]
    lines += [f"{number}: {_place(step, finding)}{step.message}" for number, step in enumerate(finding.steps, start=1)]
    if finding.help:
        lines.append(f"help: {finding.help}")
    return "\n".join(lines)


def _place(step: Step, finding: Finding) -> str:
    if not finding.has_own_place(step):
        return ""
    return f"line {step.span.line}: " if step.path == finding.path else f"{step.path}:{step.span.line}: "


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
