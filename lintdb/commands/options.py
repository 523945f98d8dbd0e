"""The options that change settings, the same for every command that has them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lintdb.config import (
    ConfigError,
    ConfigFinder,
    check_selectors,
    current_folder,
    parse_target_versions,
)
from lintdb.finding import Confidence
from lintdb.selection import PRESETS
from lintdb.settings import Overrides, PathPattern, PerFileIgnore, enabled_codes_for, muted_codes_for, path_below

if TYPE_CHECKING:
    from lintdb.engine import EngineOptions
    from lintdb.rules.base import RuleMeta

_SELECT_HELP = (
    "Rules to run: codes, prefixes of codes (LDB1), names, or presets: "
    + "; ".join(f"{name} ({meaning})" for name, meaning in PRESETS.items())
    + "."
)


def _split_list(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> tuple[str, ...] | None:
    """Return the words of a repeatable option whose values may be lists with commas; None if it was not given."""
    return tuple(word for value in values for word in re.split(r"[,\s]+", value) if word) if values else None


def list_option(name: str, metavar: str, description: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a repeatable option that takes lists; its value is None where it was not given."""
    return click.option(name, multiple=True, callback=_split_list, metavar=metavar, help=description)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that change settings; `ConfigOptions` takes them."""
    options = (
        list_option("--select", "RULES", _SELECT_HELP),
        list_option("--ignore", "RULES", "Rules not to run."),
        list_option("--extend-select", "RULES", "Rules to run besides those selected or on by default."),
        click.option(
            "--per-file-ignores", multiple=True, metavar="PATTERN:RULES", help="Rules not to run in some files."
        ),
        list_option("--exclude", "PATTERNS", "Files and folders to leave out, instead of the `exclude` setting."),
        list_option("--extend-exclude", "PATTERNS", "Files and folders to leave out besides those."),
        click.option(
            "--min-confidence",
            type=click.Choice([confidence.label for confidence in Confidence]),
            help="Leave out findings that are less sure.  [default: medium]",
        ),
        list_option(
            "--target-version",
            "LIBRARY=VERSION",
            "Versions of database libraries to assume, for example psycopg=3.2,redis=5.",
        ),
        click.option(
            "--follow-imports/--no-follow-imports",
            default=None,
            help="Follow what a file uses of other files of its project.  [default: follow]",
        ),
        click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False),
            help="Use this configuration file for all files.",
        ),
        click.option(
            "--isolated",
            is_flag=True,
            help="Use no configuration file, and no library versions that the project pins.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True)
class ConfigOptions:
    """The options of `settings_options` as they were given."""

    select: tuple[str, ...] | None
    ignore: tuple[str, ...] | None
    extend_select: tuple[str, ...] | None
    per_file_ignores: tuple[str, ...]
    exclude: tuple[str, ...] | None
    extend_exclude: tuple[str, ...] | None
    min_confidence: str | None
    target_version: tuple[str, ...] | None
    follow_imports: bool | None
    config: str | None
    isolated: bool

    def build_finder(
        self, metas: Sequence[RuleMeta], *, jobs: int | None = None, output_format: str | None = None
    ) -> ConfigFinder:
        """Return the finder for these options; raises ConfigError, with the option as the key."""
        if self.config is not None and self.isolated:
            raise click.UsageError("--config and --isolated contradict each other")
        for option, selectors in (
            ("--select", self.select),
            ("--ignore", self.ignore),
            ("--extend-select", self.extend_select),
        ):
            check_selectors(option, selectors or (), metas)
        root = current_folder()
        overrides = Overrides(
            select=self.select,
            ignore=self.ignore or (),
            extend_select=self.extend_select or (),
            per_file_ignores=tuple(_parse_per_file_ignore(text, root, metas) for text in self.per_file_ignores),
            exclude=None if self.exclude is None else _patterns("--exclude", self.exclude, root),
            extend_exclude=_patterns("--extend-exclude", self.extend_exclude or (), root),
            min_confidence=None if self.min_confidence is None else Confidence.parse(self.min_confidence),
            output_format=output_format,
            target_version=parse_target_versions("--target-version", self.target_version or ()),
            follow_imports=self.follow_imports,
            jobs=jobs,
        )
        return ConfigFinder(metas, overrides=overrides, isolated=self.isolated, config=self.config)


def _patterns(option: str, texts: Sequence[str], root: str) -> tuple[PathPattern, ...]:
    patterns = tuple(PathPattern(text, root) for text in texts)
    for pattern in patterns:
        if fault := pattern.fault:
            raise ConfigError(fault, key=option)
    return patterns


def _parse_per_file_ignore(text: str, root: str, metas: Sequence[RuleMeta]) -> PerFileIgnore:
    pattern, separator, codes = text.rpartition(":")
    selectors = tuple(word for word in re.split(r"[,\s]+", codes) if word)
    if not separator or not pattern.strip() or not selectors:
        raise ConfigError(f'{text!r} is not PATTERN:RULES, for example "tests/*:LDB1"', key="--per-file-ignores")
    check_selectors("--per-file-ignores", selectors, metas)
    [path_pattern] = _patterns("--per-file-ignores", [pattern.strip()], root)
    return PerFileIgnore(path_pattern, selectors)


def absolute_path(path: str) -> str:
    """Return *path* made absolute and without `..`, links left alone: patterns are compared with what was typed."""
    return os.path.abspath(path)  # noqa: PTH100


def shown_path(path: str) -> str:
    """Return *path* (absolute) as users write it: relative where it lies below the current folder."""
    return path_below(path, str(Path.cwd())) or path


def engine_options(path: str, config_options: dict[str, Any]) -> tuple[EngineOptions, bool]:
    """Return the options with which a check would look at a file, and whether it is excluded."""
    from lintdb.engine import EngineOptions
    from lintdb.rules.registry import all_metas

    metas = all_metas()
    finder = ConfigOptions(**config_options).build_finder(metas)
    absolute = absolute_path(path)
    settings = finder.for_file(absolute)
    codes = enabled_codes_for(settings, absolute, metas)
    muted = muted_codes_for(settings, absolute, metas)
    options = EngineOptions.from_settings(settings, codes, muted, use_pins=not finder.is_isolated)
    return options, settings.is_below_excluded(absolute)
