"""The options that change settings, the same for every command that has them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lintdb.commands.output import note
from lintdb.commands.versions import beyond_models
from lintdb.config import (
    ConfigError,
    ConfigFinder,
    check_selectors,
    current_folder,
    parse_target_versions,
)
from lintdb.finding import Confidence
from lintdb.selection import PRESETS, check_selector, suggest_rule
from lintdb.settings import (
    Overrides,
    PathPattern,
    PerFileIgnore,
    enabled_codes_for,
    ignoring_patterns,
    muted_codes_for,
    path_below,
)

if TYPE_CHECKING:
    from lintdb.engine import EngineOptions
    from lintdb.rules.base import RuleMeta

_SELECT_HELP = (
    "Rules to run: codes, prefixes of codes (LDB1), names, or presets: "
    + "; ".join(f"{name} ({meaning})" for name, meaning in PRESETS.items())
    + "."
)
_PER_FILE_IGNORES = "--per-file-ignores"
_SEPARATORS = re.compile(r"[,\s]+")
_DRIVE = re.compile(r"[A-Za-z]:(?=[\\/])")
_OF_PATHS = re.compile(r"[./\\*?\[]")
"""What stands in patterns of paths, and in no name of a rule."""


def _split_list(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> tuple[str, ...] | None:
    """Return the words of a repeatable option whose values may be lists with commas; None if it was not given."""
    return tuple(word for value in values for word in _words(value)) if values else None


def _words(text: str) -> list[str]:
    return [word for word in _SEPARATORS.split(text) if word]


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
            _PER_FILE_IGNORES,
            multiple=True,
            metavar="PATTERN:RULES",
            help="Rules not to run in some files, for example tests/*:LDB4,LDB116,conf.py:LDB1.",
        ),
        list_option(
            "--exclude",
            "PATTERNS",
            "Files and folders to leave out, instead of the `exclude` setting; to add some, use --extend-exclude.",
        ),
        list_option("--extend-exclude", "PATTERNS", "Files and folders to leave out besides those."),
        click.option(
            "--min-confidence",
            type=click.Choice([confidence.label for confidence in Confidence], case_sensitive=False),
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
        if self.select == ():
            # In a job a variable that is not set must not look like code without a defect.
            raise ConfigError("names no rule: name some, or leave the option out", key="--select")
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
            per_file_ignores=tuple(
                entry for text in self.per_file_ignores for entry in _parse_per_file_ignores(text, root, metas)
            ),
            exclude=None if self.exclude is None else _patterns("--exclude", self.exclude, root),
            extend_exclude=_patterns("--extend-exclude", self.extend_exclude or (), root),
            min_confidence=None if self.min_confidence is None else Confidence.parse(self.min_confidence),
            output_format=output_format,
            target_version=parse_target_versions("--target-version", self.target_version or ()),
            follow_imports=self.follow_imports,
            jobs=jobs,
        )
        return ConfigFinder(metas, overrides=overrides, isolated=self.isolated, config=self.config)


def warn_of_versions(finder: ConfigFinder) -> None:
    """Say which versions on the command line no model reaches; of those in configurations `lintdb config` says it."""
    settings = finder.for_run()
    for driver, version in settings.overrides.target_version.items():
        if said := beyond_models(driver, version, settings.own_models):
            note(f"warning: `--target-version`: {driver}: {said}")


def _patterns(option: str, texts: Sequence[str], root: str) -> tuple[PathPattern, ...]:
    patterns = tuple(_pattern(text, root) for text in texts)
    for pattern in patterns:
        if fault := pattern.fault:
            raise ConfigError(fault, key=option)
    return patterns


def _pattern(text: str, root: str) -> PathPattern:
    """Return the pattern that an option means: a slash in front is that of *root*, unless it begins a whole path."""
    if below := path_below(text, root):
        return PathPattern(f"/{below}", root)
    is_elsewhere = text.startswith("/") and os.path.lexists(text) and not os.path.lexists(root + text)
    return PathPattern(text, "/" if is_elsewhere else root)


def _parse_per_file_ignores(text: str, root: str, metas: Sequence[RuleMeta]) -> Iterator[PerFileIgnore]:
    """Yield the entries in a text of pairs PATTERN:RULES; what flake8 accepts for its option is accepted here.

    Pairs, patterns and rules are separated alike, by commas or blanks. Several patterns may stand before a colon; after
    it the first word that is no rule begins the next pair. Raises ConfigError for what is neither.
    """
    for patterns, selectors in _split_pairs(text, metas):
        check_selectors(_PER_FILE_IGNORES, selectors, metas)
        yield from (PerFileIgnore(each, selectors) for each in _patterns(_PER_FILE_IGNORES, patterns, root))


def _split_pairs(text: str, metas: Sequence[RuleMeta]) -> Iterator[tuple[list[str], tuple[str, ...]]]:
    words = _words(re.sub(r"\s*:\s*", ":", text))
    last_colon = max((number for number, word in enumerate(words) if ":" in word), default=-1)
    patterns: list[str] = []
    selectors: list[str] | None = None
    for number, word in enumerate(words):
        begins_pair = ":" in word or (number < last_colon and _may_be_pattern(word, metas))
        if selectors and begins_pair:
            yield patterns, tuple(selectors)
            patterns, selectors = [], None
        if ":" in word:
            pattern, _, selector = word.rpartition(":")
            if selectors is not None or not pattern or ":" in _DRIVE.sub("", pattern):
                raise _no_pair(word)
            patterns.append(pattern)
            selectors = [selector] if selector else []
        elif selectors is None:
            patterns.append(word)
        elif _may_be_pattern(word, metas) and _OF_PATHS.search(word):
            raise _no_pair(word)
        else:
            selectors.append(word)
    if not selectors:
        raise _no_pair(text if not words else words[-1])
    yield patterns, tuple(selectors)


def _may_be_pattern(word: str, metas: Sequence[RuleMeta]) -> bool:
    """Whether a word behind rules is none itself; what is like the name of a rule is taken for a slip, not a file."""
    if check_selector(word, metas) is None:
        return False
    return bool(_OF_PATHS.search(word)) or not suggest_rule(word, metas, PRESETS)


def _no_pair(word: str) -> ConfigError:
    return ConfigError(f'{word!r} is not PATTERN:RULES, for example "tests/*:LDB1"', key=_PER_FILE_IGNORES)


def absolute_path(path: str) -> str:
    """Return *path* made absolute and without `..`, links left alone: patterns are compared with what was typed."""
    return os.path.abspath(path)  # noqa: PTH100


def parent_folder(path: str) -> str:
    """Return the folder that *path* lies in."""
    return os.path.dirname(path)  # noqa: PTH120


def is_folder(path: str) -> bool:
    """Whether *path* leads to a folder; where nobody may look, it does not."""
    return os.path.isdir(path)  # noqa: PTH112 - which raises for some versions of Python


def is_file(path: str) -> bool:
    """Whether *path* leads to a file; where nobody may look, it does not."""
    return os.path.isfile(path)  # noqa: PTH113 - as above


def shown_path(path: str) -> str:
    """Return *path* (absolute) as users write it: relative where it lies below the current folder."""
    return path_below(path, str(Path.cwd())) or path


class Asked(NamedTuple):
    """How a check would look at a file; `ignored_by` has what per-file-ignores leave out there, code → pattern."""

    options: EngineOptions
    is_excluded: bool
    ignored_by: dict[str, str]


def engine_options(path: str, config_options: dict[str, Any]) -> Asked:
    """Return how a check would look at a file."""
    from lintdb.engine import EngineOptions
    from lintdb.rules.registry import all_metas

    metas = all_metas()
    finder = ConfigOptions(**config_options).build_finder(metas)
    warn_of_versions(finder)
    absolute = absolute_path(path)
    settings = finder.for_file(absolute)
    codes = enabled_codes_for(settings, absolute, metas)
    muted = muted_codes_for(settings, absolute, metas)
    options = EngineOptions.from_settings(settings, codes, muted, use_pins=not finder.is_isolated)
    return Asked(options, settings.is_below_excluded(absolute), ignoring_patterns(settings, absolute, metas))
