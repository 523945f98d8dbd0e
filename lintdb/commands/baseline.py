"""`lintdb baseline`: what is found now, as a table of exceptions for the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import click

from lintdb.commands.check import UNPARSABLE_FILE, Check
from lintdb.commands.options import ConfigOptions, absolute_path, settings_options
from lintdb.commands.output import (
    CLEAN,
    FAILED,
    count,
    describe_problem,
    fail,
    note,
    shows_progress,
    tell_warnings,
    write,
)
from lintdb.config import ConfigFinder, find_table
from lintdb.finding import Finding
from lintdb.settings import Settings, path_below
from lintdb.toml import render_list, render_string

_KEY = "per-file-ignores"
_SPECIAL = re.compile(r"[\\*?\[\]]")


@click.command("baseline")
@click.argument("paths", nargs=-1)
@settings_options
@click.option(
    "--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="Processes to use.  [default: one per core]"
)
def baseline_command(*, paths: tuple[str, ...], jobs: int | None, **config_options: Any) -> int:
    """Print a table `per-file-ignores` that has every rule which finds something now in the files where it does.

    Put into the configuration, in the place of the table that may be there, it silences all that is found, and
    nothing else. The entries of that table stay, in front. Files that cannot be checked are told of.
    """
    from lintdb.rules.registry import all_metas

    metas = all_metas()
    finder = ConfigOptions(**config_options).build_finder(metas, jobs=jobs)
    check = Check(metas, finder, unused_ignores=False)
    check.run(paths or (".",), force_exclude=False, is_watched=shows_progress(None, None))
    findings = [finding for finding in check.findings if finding.code != UNPARSABLE_FILE]
    write("\n".join(_tables(findings, finder)))
    tell_warnings(check.warnings)
    for problem in check.problems:
        note(describe_problem(problem))
    for problem in check.faults:
        fail(describe_problem(problem))
    if check.checked:
        files = len({finding.path for finding in findings})
        found = f"{count(len(findings), 'finding')} in {count(files, 'file')}" if findings else "No findings: no table"
        note(f"{found} (checked {count(check.checked, 'file')})")
    return FAILED if check.problems or check.faults else CLEAN


def _tables(findings: Iterable[Finding], finder: ConfigFinder) -> Iterator[str]:
    """Yield a table for each configuration that holds for a file with a finding, in the order of their folders."""
    found: dict[tuple[str, str], tuple[Settings, dict[str, set[str]]]] = {}
    for finding in findings:
        path = absolute_path(finding.path)
        settings = finder.for_file(path)
        _, codes = found.setdefault((settings.root, settings.path or ""), (settings, {}))
        codes.setdefault(_pattern_for(path, settings.root), set()).add(finding.code)
    for _, (settings, codes) in sorted(found.items(), key=lambda item: item[0]):
        yield _render(settings, codes)


def _pattern_for(path: str, root: str) -> str:
    """Return the pattern that names the file *path* (absolute) and no other one below *root*."""
    below = path_below(path, root)
    text = _SPECIAL.sub(r"\\\g<0>", below or path.replace("\\", "/").rpartition("/")[2])
    # What is not UTF-8 in the name of a file cannot be written down.
    text = text.encode("utf-8", "replace").decode()
    is_anchored = "/" in text and text[0] not in "!#"
    return text if is_anchored else f"/{text}"


def _render(settings: Settings, codes: dict[str, set[str]]) -> str:
    entries: dict[str, list[str]] = {}
    for entry in settings.own_per_file_ignores:
        entries.setdefault(entry.pattern.text, []).extend(entry.selectors)
    for pattern, added in sorted(codes.items()):
        entries.setdefault(pattern, []).extend(sorted(added))
    file, table = find_table(settings, _KEY)
    place = f"{file}, in the place of the table that is there" if settings.own_per_file_ignores else file
    lines = [f"# for {place}", f"[{table}]"]
    lines += [f"{render_string(pattern)} = {render_list(selectors)}" for pattern, selectors in entries.items()]
    return "".join(f"{line}\n" for line in lines)
