"""`lintdb config`: the settings that hold for a path, as TOML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from lintdb.commands.options import ConfigOptions, absolute_path, is_folder, settings_options
from lintdb.commands.output import CLEAN, count, describe_problem, fail, write
from lintdb.commands.versions import beyond_models
from lintdb.config import unused_config
from lintdb.finding import FileProblem
from lintdb.selection import PRESETS, matching_codes
from lintdb.settings import Settings, enabled_codes_for
from lintdb.source import NO_SUCH_PATH
from lintdb.toml import render_list, render_string


@click.command("config")
@click.argument("path", default=".")
@settings_options
def config_command(path: str, **config_options: Any) -> int:
    """Print the settings that hold for PATH, the library versions pinned around it, and the rules that are on there."""
    from lintdb.files import leads_nowhere
    from lintdb.rules.registry import all_metas

    if leads_nowhere(path):
        return fail(describe_problem(FileProblem(path or "''", NO_SUCH_PATH)))
    metas = all_metas()
    finder = ConfigOptions(**config_options).build_finder(metas)
    absolute = absolute_path(path)
    folder = Path(absolute) if is_folder(absolute) else Path(absolute).parent
    settings = finder.for_folder(str(folder))
    pins = [] if finder.is_isolated else _render_pins(folder, settings)
    sizes = [f"{name} ({count(len(matching_codes([name], metas)), 'rule')})" for name in PRESETS]
    misplaced = [f"# {describe_problem(warning)}" for warning in finder.warnings]
    notes = [*misplaced, *_render_outdated(settings), *pins, f"# presets that select can name: {', '.join(sizes)}"]
    write(_render_settings(settings, sorted(enabled_codes_for(settings, absolute, metas)), notes))
    return CLEAN


def _render_pins(folder: Path, settings: Settings) -> list[str]:
    """Return comments about the library versions that files around *folder* pin, and about those that say nothing."""
    from lintdb.drivers.pins import read_pins
    from lintdb.pin_files import faults_around
    from lintdb.reporters.text import printable

    pins = read_pins(folder)
    lines = [f"# {describe_problem(fault)}" for fault in faults_around(str(folder), pins.warnings)]
    if not pins.versions:
        found = "no library versions are pinned" if not lines else "no library versions were found"
        return [*lines, f"# {found}: the newest known ones count, but for those in target-version"]
    lines.append("# library versions that the project pins; for all others the newest known one counts")
    for driver, version in sorted(pins.versions.items()):
        beaten = ", but target-version counts" if driver in settings.target_version else ""
        lines.append(f"#   {driver} {version} ({printable(str(pins.sources[driver]))}{beaten})")
        others = [f"{other} ({printable(str(file))})" for file, other in pins.others.get(driver, {}).items()]
        if others and not beaten:
            lines.append(
                f"#     not {', '.join(others)}: the nearest file counts, and the newest version of one folder"
            )
        if not beaten:
            lines += _beyond_models(driver, version, settings)
    return lines


def _render_outdated(settings: Settings) -> list[str]:
    """Return comments about the versions in `target-version` that no model was made for."""
    lines = [
        line for name, version in settings.target_version.items() for line in _beyond_models(name, version, settings)
    ]
    return ["# versions in target-version that lintdb does not know", *lines] if lines else []


def _beyond_models(driver: str, version: str, settings: Settings) -> list[str]:
    said = beyond_models(driver, version, settings.own_models)
    return [f"#   {driver}: {said}"] if said else []


def _render_settings(settings: Settings, codes: Sequence[str], notes: Sequence[str]) -> str:
    overrides = settings.overrides
    lines = [f"# from {settings.path}" if settings.path else "# no configuration file: these are the defaults"]
    if (unused := unused_config(settings)) is not None:
        lines.append(f"# not from {unused}: its [tool.lintdb] does not count beside a lintdb.toml")
    select = settings.select if overrides.select is None else overrides.select
    is_replaced = overrides.select is not None
    # What is not set stands in a comment: set to the same, it could mean something else together with other keys.
    lines += [
        f"select = {render_list(select)}" if select is not None else '# select = ["default"]',
        f"extend-select = {render_list((*(() if is_replaced else settings.extend_select), *overrides.extend_select))}",
        f"ignore = {render_list((*(() if is_replaced else settings.ignore), *overrides.ignore))}",
        f"exclude = {render_list(pattern.text for pattern in settings.exclude)}",
        f"extend-exclude = {render_list(pattern.text for pattern in settings.extend_exclude)}",
        f"min-confidence = {render_string(settings.min_confidence.label)}",
        f"strict-cursors = {str(settings.strict_cursors).lower()}",
        f"follow-imports = {str(settings.follow_imports).lower()}",
        f"respect-gitignore = {str(settings.respect_gitignore).lower()}",
        f"output-format = {render_string(settings.output_format)}"
        if settings.output_format is not None
        else '# output-format = "full" on a terminal, else "concise"',
        f"jobs = {settings.jobs}" if settings.jobs is not None else "# jobs = one per core",
    ]
    lines += _toml_table(
        "target-version", {name: render_string(text) for name, text in settings.target_version.items()}
    )
    ignores: dict[str, list[str]] = {}
    for entry in settings.per_file_ignores:
        ignores.setdefault(entry.pattern.text, []).extend(entry.selectors)
    lines += _toml_table("per-file-ignores", {pattern: render_list(each) for pattern, each in ignores.items()})
    own = [f"#   {model.name} ({model.file})" for model in settings.own_models]
    lines += ["", "# own models, in drivers and driver-models" + ("" if own else ": none"), *own, *notes]
    lines.append(f"# {count(len(codes), 'rule')} on: {', '.join(codes)}")
    return "\n".join(lines) + "\n"


def _toml_table(name: str, entries: Mapping[str, str]) -> list[str]:
    return [f"[{name}]", *(f"{render_string(key)} = {value}" for key, value in entries.items())]
