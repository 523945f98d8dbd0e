"""Findings as text for people and as data for machines: one module per format, each a `render` to a string."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from lintdb.finding import FileProblem, Finding
from lintdb.rules.base import RuleMeta

LinesOf = Callable[[str], Sequence[str]]
TEXT_FORMATS = frozenset({"concise", "full"})


def path_from(root: str | None, path: str) -> str:
    """Return *path* as it is written in the folder *root*, whole if it lies elsewhere; as it is if there is no *root*.

    What stands in brackets, as `<stdin>` does, is no path.
    """
    if root is None or path.startswith("<"):
        return path
    absolute = os.path.abspath(path)  # noqa: PTH100 - links are left alone
    return absolute.removeprefix(root.rstrip(os.sep) + os.sep)


def render(
    output_format: str,
    findings: Sequence[Finding],
    metas: Sequence[RuleMeta],
    *,
    problems: Sequence[FileProblem] = (),
    warnings: Sequence[FileProblem] = (),
    lines_of: LinesOf = lambda _path: (),
    color: bool = False,
    root: str | None = None,
) -> str:
    """Return *findings* in the format of that name, ending with a line end unless it is empty.

    *problems* are what kept files from being checked, whether a finding tells of it or not, or the run from taking
    place; *warnings* are what the run went on without. Only formats with a place for them have them.
    *lines_of* gives the lines of a file for code frames. *root* is the folder from which services read paths: formats
    that are made for them give paths below it, whatever the current folder is.
    """
    # Each format is imported when it is asked for: a run has one.
    if output_format == "concise":
        from lintdb.reporters import text

        return text.render_concise(findings, color=color)
    if output_format == "full":
        from lintdb.reporters import text

        return text.render_full(findings, lines_of, color=color)
    if output_format == "json":
        from lintdb.reporters import json

        return json.render(findings)
    if output_format == "github":
        from lintdb.reporters import github

        return github.render(findings, problems, warnings, root)
    if output_format == "sarif":
        from lintdb.reporters import sarif

        return sarif.render(findings, metas, problems, warnings, root)
    raise ValueError(f"no such output format: {output_format}")
