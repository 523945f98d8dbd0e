"""`lintdb baseline`: what is found now, as a table of exceptions for the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import click

from lintdb.commands.check import UNPARSABLE_FILE, Check
from lintdb.commands.options import (
    ConfigOptions,
    absolute_path,
    is_file,
    parent_folder,
    settings_options,
    warn_of_versions,
)
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
from lintdb.config import ConfigFinder, current_folder, find_table
from lintdb.finding import Finding
from lintdb.repository import find_root
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
    nothing else. The entries of that table stay, in front; where nothing else is found they are printed all the same.
    Without a configuration it is for the nearest pyproject.toml upwards. Files that cannot be checked are told of.
    """
    from lintdb.rules.registry import all_metas

    metas = all_metas()
    finder = ConfigOptions(**config_options).build_finder(metas, jobs=jobs)
    warn_of_versions(finder)
    check = Check(metas, finder, unused_ignores=False)
    paths = paths or (".",)
    check.run(paths, force_exclude=False, is_watched=shows_progress(None, None))
    findings = [finding for finding in check.findings if finding.code != UNPARSABLE_FILE]
    tables = list(_tables(findings, finder, check.with_ignores, paths))
    write("\n".join(tables))
    tell_warnings(check.warnings)
    for problem in check.problems:
        note(describe_problem(problem))
    for problem in check.faults:
        fail(describe_problem(problem))
    if check.checked:
        files = len({finding.path for finding in findings})
        found = f"{count(len(findings), 'finding')} in {count(files, 'file')}"
        if not findings:
            found = "No findings beyond the table that is there" if tables else "No findings: no table"
        note(f"{found} (checked {count(check.checked, 'file')})")
    return FAILED if check.problems or check.faults else CLEAN


def _tables(
    findings: Iterable[Finding], finder: ConfigFinder, with_ignores: Iterable[Settings], paths: Sequence[str]
) -> Iterator[str]:
    """Yield a table for each configuration that has one or needs one, in the order of their folders.

    It needs one if it holds for a file with a finding; *with_ignores* are those that have one.
    """
    found = {_place_of(settings): (settings, dict[str, set[str]]()) for settings in with_ignores}
    for finding in findings:
        path = absolute_path(finding.path)
        settings = finder.for_file(path)
        if settings.path is None:
            settings = replace(settings, root=_find_home(_given_folder(path, paths)))
        _, codes = found.setdefault(_place_of(settings), (settings, {}))
        codes.setdefault(_pattern_for(path, settings.root), set()).add(finding.code)
    for _, (settings, codes) in sorted(found.items(), key=lambda item: item[0]):
        yield _render(settings, codes)


def _place_of(settings: Settings) -> tuple[str, str]:
    return settings.root, settings.path or ""


def _given_folder(path: str, paths: Sequence[str]) -> str:
    """Return the folder with which the user named the file *path* (absolute): the deepest one of *paths* around it."""
    around = [each for each in map(absolute_path, paths) if path_below(path, each)]
    return max(around, key=len, default=parent_folder(path))


def _find_home(folder: str) -> str:
    """Return the folder whose pyproject.toml is to hold settings for *folder* (absolute), where no file has any yet.

    Of the files that are there, up to the root of the repository, it is the nearest one at or above the current folder:
    what is set there holds for the run as a whole. If there is none, it is the nearest one to *folder*. A new file
    belongs into the current folder, if that is above *folder*, or into that one itself.
    """
    cwd = current_folder()
    end = find_root(folder)
    climbed = [folder]
    while climbed[-1] != end and (parent := parent_folder(climbed[-1])) != climbed[-1]:
        climbed.append(parent)
    there = [each for each in climbed if is_file(f"{each}/pyproject.toml")]
    around = [each for each in there if path_below(cwd, each) is not None]
    return next(iter(around or there), cwd if cwd in climbed else folder)


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
