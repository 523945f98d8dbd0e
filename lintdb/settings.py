"""What can be set, as values: settings, the patterns of paths in them, and the rules that they switch on.

Which rules run is decided in layers, first the configuration file, then the command line. Within a layer the more
specific selector wins (`LDB101` over `LDB1` over `core` over `default` over `all`), and of two equally specific ones
`ignore` wins. A `select` starts the layer from nothing, so `--select` on the command line makes the file's choice of
rules void.
"""

# Paths are strings here: settings are looked up for each file of a large tree, and Path objects would dominate that.
# ruff: noqa: PTH119, PTH120

from __future__ import annotations

import fnmatch
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lintdb.finding import Confidence
from lintdb.selection import matching_codes, specificity

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

    from lintdb.drivers.own import OwnModel
    from lintdb.rules.base import RuleMeta

OUTPUT_FORMATS = ("concise", "full", "json", "github", "sarif")
DEFAULT_EXCLUDE = (
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    "CVS",
    "__pycache__",
    "__pypackages__",
    "_build",
    "build",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
)
_PLAIN = re.compile(r"(?:\./)?\w[\w.*/-]*")
"""Patterns that cannot be wrong; for most configurations the reader of others need not be loaded."""
_UNCLOSED = re.compile(r"(?<!\\)\[(?!!?\]?[^]]*\])")


@dataclass(frozen=True)
class PathPattern:
    """A glob over paths, relative to the folder *root* of the configuration that holds it.

    A pattern without a slash is compared with names (`venv`, `*_pb2.py`), one with a slash with the path below *root*
    (`src/generated`, `docs/**/conf.py`), as in a .gitignore. `./a.py` is `/a.py`: that of *root* alone.
    """

    text: str
    root: str

    @property
    def fault(self) -> str | None:
        """What is wrong with the pattern, which then matches nothing; None if that is as it should be."""
        if _PLAIN.fullmatch(self.text):
            return None
        if _UNCLOSED.search(self.text):
            return f"the pattern {self.text!r} has a `[` that is never closed: close it, or write `[[]` for a bracket"
        try:
            is_pattern = any(each.include is not None for each in self._spec.patterns)
        except (ValueError, re.error):
            is_pattern = False
        return None if is_pattern else f'{self.text!r} is not a pattern of paths, for example "docs/*.py"'

    @property
    def name(self) -> str | None:
        """The glob to compare with names, or None if the pattern is about paths."""
        text = self.text.rstrip("/")
        return None if "/" in text else text

    def matches_entry(self, path: str) -> bool:
        """Whether the pattern names *path* (absolute) itself; a match of a folder above it does not count.

        A walk that starts inside an excluded folder, because the user named it, must not be cut short by that folder.
        """
        if self.name is not None:
            return fnmatch.fnmatchcase(os.path.basename(path), self.name)
        below = path_below(path, self.root)
        return below is not None and self._spec.match_file(below) and not self._spec.match_file(os.path.dirname(below))

    def matches(self, path: str) -> bool:
        """Whether the pattern names *path* (absolute) or a folder above it; `!pattern` names all other paths."""
        below = path_below(path, self.root)
        if below is None:
            below = os.path.basename(path)
        return self._spec.match_file(below) is not self.text.startswith("!")

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        # Imported here because most runs have no pattern with a slash, and start faster without it.
        from pathspec import GitIgnoreSpec

        with warnings.catch_warnings():
            # A bracket in brackets, `[[]`, makes an expression that may mean something else one day.
            warnings.simplefilter("ignore", FutureWarning)
            return GitIgnoreSpec.from_lines([re.sub(r"^\./+", "/", self.text.removeprefix("!")).rstrip("/")])


@dataclass(frozen=True)
class PerFileIgnore:
    """Selectors that are off in the files that a pattern names."""

    pattern: PathPattern
    selectors: tuple[str, ...]


@dataclass(frozen=True)
class Overrides:
    """What the command line says; None and empty values leave the file's setting as it is."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    per_file_ignores: tuple[PerFileIgnore, ...] = ()
    exclude: tuple[PathPattern, ...] | None = None
    extend_exclude: tuple[PathPattern, ...] = ()
    min_confidence: Confidence | None = None
    output_format: str | None = None
    target_version: Mapping[str, str] = field(default_factory=dict)
    follow_imports: bool | None = None
    jobs: int | None = None


NO_OVERRIDES = Overrides()


def _no_entries() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Settings:
    """The settings that hold for a file. `path` is the configuration file, `root` its folder.

    `own_models` are the driver models that the project brings along.
    """

    root: str
    path: str | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    per_file_ignores: tuple[PerFileIgnore, ...] = ()
    exclude: tuple[PathPattern, ...] = ()
    extend_exclude: tuple[PathPattern, ...] = ()
    min_confidence: Confidence = Confidence.MEDIUM
    output_format: str | None = None
    target_version: Mapping[str, str] = field(default_factory=_no_entries)
    strict_cursors: bool = False
    follow_imports: bool = True
    respect_gitignore: bool = True
    jobs: int | None = None
    own_models: tuple[OwnModel, ...] = ()
    overrides: Overrides = NO_OVERRIDES

    @classmethod
    def defaults(cls, root: str) -> Settings:
        """The settings of a folder without configuration."""
        return cls(root=root, exclude=tuple(PathPattern(text, root) for text in DEFAULT_EXCLUDE))

    def with_overrides(self, overrides: Overrides) -> Settings:
        """Return these settings with the options of the command line laid over them."""
        return replace(
            self,
            per_file_ignores=self.per_file_ignores + overrides.per_file_ignores,
            exclude=self.exclude if overrides.exclude is None else overrides.exclude,
            extend_exclude=self.extend_exclude + overrides.extend_exclude,
            min_confidence=overrides.min_confidence or self.min_confidence,
            output_format=overrides.output_format or self.output_format,
            target_version={**self.target_version, **overrides.target_version},
            follow_imports=self.follow_imports if overrides.follow_imports is None else overrides.follow_imports,
            jobs=overrides.jobs or self.jobs,
            overrides=overrides,
        )

    @property
    def own_per_file_ignores(self) -> tuple[PerFileIgnore, ...]:
        """The entries of the configuration file, without those of the command line."""
        return self.per_file_ignores[: len(self.per_file_ignores) - len(self.overrides.per_file_ignores)]

    @cached_property
    def own_exclusions(self) -> tuple[tuple[str, PathPattern], ...]:
        """The patterns of `exclude` and `extend-exclude` that somebody has written, each with its key or option.

        Those that hold without configuration are none of them, though a configuration may repeat them.
        """
        given = self.overrides
        own = self.extend_exclude[: len(self.extend_exclude) - len(given.extend_exclude)]
        groups = {
            "exclude": self.exclude if given.exclude is None else (),
            "extend-exclude": own,
            "--exclude": given.exclude or (),
            "--extend-exclude": given.extend_exclude,
        }
        pairs = ((key, pattern) for key, patterns in groups.items() for pattern in patterns)
        return tuple((key, pattern) for key, pattern in pairs if pattern.name not in DEFAULT_EXCLUDE)

    def excluding(self, path: str) -> Iterator[PathPattern]:
        """Yield those of them that exclude *path* (absolute) itself: ask where `is_excluded` says so."""
        for _, pattern in self.own_exclusions:
            if pattern.matches_entry(path):
                yield pattern

    def is_excluded(self, path: str) -> bool:
        """Whether `exclude` or `extend-exclude` names *path* (absolute) itself."""
        if self._excluded_names.fullmatch(os.path.basename(path)):
            return True
        return any(pattern.matches_entry(path) for pattern in self._excluded_paths)

    @cached_property
    def _excluded_names(self) -> re.Pattern[str]:
        # One expression for all names: a walk asks this for each entry of each folder.
        names = (pattern.name for pattern in (*self.exclude, *self.extend_exclude))
        return re.compile("|".join(fnmatch.translate(name) for name in names if name) or r"(?!)")

    @cached_property
    def _excluded_paths(self) -> tuple[PathPattern, ...]:
        return tuple(pattern for pattern in (*self.exclude, *self.extend_exclude) if pattern.name is None)

    def is_below_excluded(self, path: str) -> bool:
        """Whether *path* (absolute) or a folder above it, up to the root of these settings, is excluded."""
        while not self.is_excluded(path):
            parent = os.path.dirname(path)
            if parent == path or path_below(parent, self.root) is None:
                return False
            path = parent
        return True


def enabled_codes(settings: Settings, metas: Iterable[RuleMeta]) -> frozenset[str]:
    """Return the codes that *settings* switch on, before per-file-ignores."""
    metas = tuple(metas)
    enabled = frozenset(meta.code for meta in metas if meta.default)
    for layer in (settings, settings.overrides):
        if layer.select is not None:
            enabled = frozenset()
        selected = (*(layer.select or ()), *layer.extend_select)
        levels = {specificity(selector) for selector in (*selected, *layer.ignore)}
        for level in sorted(levels):
            enabled |= matching_codes((text for text in selected if specificity(text) == level), metas)
            enabled -= matching_codes((text for text in layer.ignore if specificity(text) == level), metas)
    return enabled


def enabled_codes_for(settings: Settings, path: str, metas: Iterable[RuleMeta]) -> frozenset[str]:
    """Return the codes that are on in the file *path* (absolute), per-file-ignores included."""
    metas = tuple(metas)
    return enabled_codes(settings, metas) - ignored_codes_for(settings, path, metas)


def muted_codes_for(settings: Settings, path: str, metas: Iterable[RuleMeta]) -> frozenset[str]:
    """Return the codes that are on, but for what per-file-ignores say of the file *path* (absolute).

    What such a rule would say more exactly than another one is silenced as well: who ignores LDB504 in a file has
    decided on that defect, and must not be told of it as LDB101.
    """
    metas = tuple(metas)
    return enabled_codes(settings, metas) & ignored_codes_for(settings, path, metas)


def ignored_codes_for(settings: Settings, path: str, metas: Iterable[RuleMeta]) -> frozenset[str]:
    """Return the codes that per-file-ignores switch off in the file *path* (absolute)."""
    return frozenset(ignoring_patterns(settings, path, metas))


def ignoring_patterns(settings: Settings, path: str, metas: Iterable[RuleMeta]) -> dict[str, str]:
    """Return the same codes, each with the first pattern that names the file and says so."""
    metas = tuple(metas)
    found: dict[str, str] = {}
    for entry in settings.per_file_ignores:
        if entry.pattern.matches(path):
            for code in matching_codes(entry.selectors, metas):
                found.setdefault(code, entry.pattern.text)
    return found


def path_below(path: str, root: str) -> str | None:
    """Return *path* below *root* with forward slashes, or None if it is elsewhere; both are absolute."""
    prefix = root if root.endswith(os.sep) else root + os.sep
    if path == root:
        return ""
    return path[len(prefix) :].replace(os.sep, "/") if path.startswith(prefix) else None
