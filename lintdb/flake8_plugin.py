"""lintdb inside flake8: the same findings, in every editor and hook that runs flake8.

flake8 decides which files there are to check, and what is shown: its `select`, `ignore`, `per-file-ignores`,
`disable-noqa`. Which rules run is said as on the command line, by `[tool.lintdb]` of the nearest configuration and by
options laid over it: what `--select` is there is `lintdb-select`, else flake8's `select`; `--extend-select` is its
`extend-select`.
A plugin is not told of flake8's own `--isolated`; `--lintdb-isolated` is what `--isolated` is on lintdb's command line.
"""

from __future__ import annotations

import ast
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from lintdb import __version__
from lintdb.config import (
    ConfigError,
    ConfigFinder,
    check_selectors,
    parse_target_versions,
)
from lintdb.files import check_source_safely
from lintdb.finding import Confidence
from lintdb.project.surroundings import Projects
from lintdb.rules.registry import all_metas
from lintdb.settings import Overrides, Settings, enabled_codes, ignored_codes_for
from lintdb.source import SourceFile
from lintdb.suppress import apply_suppressions

Problem = tuple[int, int, str, type["Plugin"]]

_BUDGET = 600_000
"""Characters of other files that are parsed for one file: about a second's work, and alike on every machine."""


class Plugin:
    """What flake8 makes for each file. Options are kept on the class, since flake8 parses them once per process."""

    name: ClassVar[str] = "lintdb"
    version: ClassVar[str] = __version__

    _finder: ClassVar[ConfigFinder] = ConfigFinder((), isolated=True)
    _has_own_select: ClassVar[bool] = False
    _select: ClassVar[tuple[str, ...] | None] = None
    _extend_select: ClassVar[tuple[str, ...]] = ()
    _strict_cursors: ClassVar[bool] = False
    _honor_noqa: ClassVar[bool] = True
    _projects: ClassVar[Projects] = Projects(_BUDGET)

    # flake8 runs a class once per file if it asks for the tree.
    def __init__(self, tree: ast.AST, filename: str, lines: Sequence[str]) -> None:  # noqa: ARG002
        self._filename = filename
        self._lines = lines

    @classmethod
    def add_options(cls, manager: Any) -> None:
        """Register the options; rules that are off by default stay off until they are selected by code."""

        def add(name: str, help_text: str, **settings: Any) -> None:
            manager.add_option(f"--lintdb-{name}", parse_from_config=True, help=help_text, **settings)

        add(
            "select",
            "rules to run, as [tool.lintdb] has them: presets (core, default, all), prefixes of codes, names",
            comma_separated_list=True,
            default="",
        )
        add("min-confidence", "least confidence of what is reported: low, medium or high", default=None)
        add("target-version", "library versions, as psycopg2=2.9,redis=5", comma_separated_list=True, default="")
        add("strict-cursors", "report cursors whose connection is closed, too", action="store_true", default=False)
        add(
            "no-follow-imports",
            "do not look into other files of the project",
            action="store_true",
            default=False,
        )
        add(
            "isolated",
            "use no configuration of lintdb, and no library versions that the project pins",
            action="store_true",
            default=False,
        )
        add("config", "a lintdb.toml or pyproject.toml for all files", normalize_paths=True, default=None)
        manager.extend_default_ignore(sorted(meta.code for meta in all_metas() if not meta.default))

    @classmethod
    def parse_options(cls, options: Namespace) -> None:
        """Take over flake8's options; raises flake8's own error for one that cannot be followed."""
        try:
            versions = parse_target_versions("lintdb-target-version", options.lintdb_target_version)
            minimum = _parse_confidence(options.lintdb_min_confidence)
            follow = False if options.lintdb_no_follow_imports else None
            select = tuple(options.lintdb_select) or None
            overrides = Overrides(select=select, min_confidence=minimum, target_version=versions, follow_imports=follow)
            check_selectors("lintdb-select", select or (), all_metas())
            is_isolated, config = options.lintdb_isolated, options.lintdb_config
            if is_isolated and config is not None:
                raise ConfigError("--lintdb-config and --lintdb-isolated contradict each other")
            cls._finder = ConfigFinder(all_metas(), overrides=overrides, isolated=is_isolated, config=config)
            enabled = enabled_codes(cls._finder.for_run(), all_metas())
        except ConfigError as error:
            from flake8.exceptions import ExecutionError

            raise ExecutionError(f"lintdb: {error}") from error
        cls._projects = Projects(_BUDGET)
        cls._has_own_select = select is not None
        cls._select = None if options.select is None else tuple(options.select)
        cls._extend_select = tuple(options.extend_select or ())
        cls._strict_cursors = options.lintdb_strict_cursors
        cls._honor_noqa = not options.disable_noqa
        # A rule that [tool.lintdb] switches on is wanted, though flake8 does not read that table.
        ignored = [code for code in options.extended_default_ignore if code not in enabled]
        options.extended_default_ignore = ignored

    def run(self) -> Iterator[Problem]:
        """Yield the findings that no comment silences. An unused `noqa` is flake8's business, so it is not reported."""
        from lintdb.engine import EngineOptions

        path = str(Path(self._filename).absolute())
        try:
            settings = self._finder.for_file(path)
        except ConfigError as error:
            # What a plugin raises ends flake8 with all its findings.
            yield 1, 0, f"LDB002 not checked, because of its configuration: {error}", type(self)
            return
        codes, left_out = self._codes_for(settings), ignored_codes_for(settings, path, all_metas())
        options = EngineOptions.from_settings(
            settings, codes - left_out, codes & left_out, honor_noqa=False, use_pins=not self._finder.is_isolated
        )
        if self._strict_cursors:
            options = replace(options, strict_cursors=True)
        source = SourceFile(self._filename, "".join(self._lines))
        result = check_source_safely(source, options, self._projects)
        findings = result.findings
        if self._honor_noqa and findings:
            # flake8 sees a `noqa` on the line of a finding only, not on the last line of its statement.
            findings = apply_suppressions(source, findings, frozenset(), honor_noqa=True, report_unused=False)
        for finding in findings:
            yield finding.span.line, finding.span.column - 1, f"{finding.code} {finding.message}", type(self)
        if result.problem is not None:
            # flake8 has parsed this file, so it reports no E999: without this line nobody would learn of it.
            line, column = max(result.problem.line, 1), max(result.problem.column, 1)
            yield line, column - 1, f"LDB002 {result.problem.message}", type(self)

    def _codes_for(self, settings: Settings) -> frozenset[str]:
        """Return the codes that are on: flake8's explicit choice, else the configuration's; and `extend-select`.

        What `lintdb-select` leaves out is left out: flake8's `select` needs the prefix of a plugin to show it at all.
        """
        enabled = enabled_codes(settings, all_metas())
        extended = self._codes_of(self._extend_select)
        if self._select is None:
            return enabled | extended
        selected = self._codes_of(self._select)
        return (selected & enabled if self._has_own_select else selected) | extended

    @staticmethod
    def _codes_of(prefixes: tuple[str, ...]) -> frozenset[str]:
        return frozenset(meta.code for meta in all_metas() if meta.code.startswith(prefixes))


def _parse_confidence(text: str | None) -> Confidence | None:
    try:
        return Confidence.parse(text) if text else None
    except ValueError as error:
        raise ConfigError(str(error), key="lintdb-min-confidence") from error
