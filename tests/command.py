"""What tests of the command share: what a run leaves behind, and a small engine in the place of the real one."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from lintdb.engine import EngineOptions
from lintdb.finding import Confidence, FileResult, Finding, Severity, Span
from lintdb.rules.base import RuleMeta
from lintdb.source import SourceFile

NAMES = {
    "LDB001": "unused-suppression",
    "LDB002": "unparsable-file",
    "LDB101": "connection-not-closed",
    "LDB117": "release-in-del",
    "LDB121": "connection-not-closed-on-error",
}
WARNINGS = {"LDB001", "LDB121"}
METAS = tuple(
    RuleMeta(
        code,
        name,
        f"summary of {code}",
        Severity.WARNING if code in WARNINGS else Severity.ERROR,
        "help",
        "0.1",
        default=code != "LDB117",
    )
    for code, name in NAMES.items()
)
LEAK = "import sqlite3\n\ndef load():\n    leak()\n"


class Ran(NamedTuple):
    """What a run of the command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]

seen_options: list[EngineOptions] = []


def fake_check(source: SourceFile, options: EngineOptions, _projects: object = None) -> FileResult:
    """Report each call of `leak()` as LDB101 and each of `maybe()` as LDB121; crash on a call of `crash()`."""
    seen_options.append(options)
    findings = []
    for node in ast.walk(ast.parse(source.text)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "crash":
            raise KeyError("no such node")
        code = {"leak": "LDB101", "maybe": "LDB121"}.get(node.func.id)
        if code in options.codes and code is not None:
            span = Span(node.lineno, node.col_offset + 1, node.end_lineno or 0, (node.end_col_offset or 0) + 1)
            message = f"`{node.func.id}` is not closed"
            findings.append(Finding(source.path, span, code, NAMES[code], message, Severity.ERROR, Confidence.HIGH))
    return FileResult(source.path, tuple(findings))


def write(name: str, data: str | bytes) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
