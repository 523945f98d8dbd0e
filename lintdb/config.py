"""Settings: from `[tool.lintdb]` in pyproject.toml or from lintdb.toml, nearest to the file, and the command line.

A folder's lintdb.toml wins over its pyproject.toml, and a pyproject.toml without a `[tool.lintdb]` table is passed by.
Files are never merged: the nearest one counts alone, and options of the command line are laid over it. Anything that
is not understood is a `ConfigError` with the place and the cure; nothing is ignored silently.

Which rules run is decided in layers, first the file, then the command line. Within a layer the more specific selector
wins (`LDB101` over `LDB1` over `core` over `default` over `all`), and of two equally specific ones `ignore` wins. A
`select` starts the layer from nothing, so `--select` on the command line makes the file's choice of rules void.
"""

# Paths are strings here: settings are looked up for each file of a large tree, and Path objects would dominate that.
# ruff: noqa: PTH100, PTH109, PTH113, PTH118, PTH119, PTH120, PTH123

from __future__ import annotations

import fnmatch
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lintdb.finding import Confidence
from lintdb.selection import check_selector, did_you_mean, matching_codes, specificity

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

    from lintdb.drivers.model import ModelError
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
_CONFIG_NAMES = ("lintdb.toml", "pyproject.toml")
_VERSION = re.compile(r"\d+(\.\d+)*([a-z]+\d*)?")


class ConfigError(Exception):
    """A setting that cannot be followed. `path` is None where it came from the command line."""

    def __init__(self, message: str, *, path: str | None = None, line: int = 0, key: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.key = key

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.line) if part)
        return ": ".join(part for part in (place, self.key and f"`{self.key}`", self.message) if part)


@dataclass(frozen=True)
class PathPattern:
    """A glob over paths, relative to the folder *root* of the configuration that holds it.

    A pattern without a slash is compared with names (`venv`, `*_pb2.py`), one with a slash with the path below *root*
    (`src/generated`, `docs/**/conf.py`), as in a .gitignore.
    """

    text: str
    root: str

    @property
    def name(self) -> str | None:
        """The glob to compare with names, or None if the pattern is about paths."""
        text = self.text.removeprefix("./").rstrip("/")
        return None if "/" in text else text

    def matches_entry(self, path: str) -> bool:
        """Whether the pattern names *path* (absolute) itself; a match of a folder above it does not count.

        A walk that starts inside an excluded folder, because the user named it, must not be cut short by that folder.
        """
        if self.name is not None:
            return fnmatch.fnmatchcase(os.path.basename(path), self.name)
        below = _relative(path, self.root)
        return below is not None and self._spec.match_file(below) and not self._spec.match_file(os.path.dirname(below))

    def matches(self, path: str) -> bool:
        """Whether the pattern names *path* (absolute) or a folder above it; `!pattern` names all other paths."""
        below = _relative(path, self.root)
        if below is None:
            below = os.path.basename(path)
        return self._spec.match_file(below) is not self.text.startswith("!")

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        # Imported here because most runs have no pattern with a slash, and start faster without it.
        from pathspec import GitIgnoreSpec

        return GitIgnoreSpec.from_lines([self.text.removeprefix("!").removeprefix("./")])


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


_NO_OVERRIDES = Overrides()


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
    overrides: Overrides = _NO_OVERRIDES

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
            if parent == path or _relative(parent, self.root) is None:
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
    return enabled_codes(settings, metas) - _ignored_codes_for(settings, path, metas)


def muted_codes_for(settings: Settings, path: str, metas: Iterable[RuleMeta]) -> frozenset[str]:
    """Return the codes that are on, but for what per-file-ignores say of the file *path* (absolute).

    What such a rule would say more exactly than another one is silenced as well: who ignores LDB504 in a file has
    decided on that defect, and must not be told of it as LDB101.
    """
    metas = tuple(metas)
    return enabled_codes(settings, metas) & _ignored_codes_for(settings, path, metas)


def _ignored_codes_for(settings: Settings, path: str, metas: Iterable[RuleMeta]) -> frozenset[str]:
    entries = (entry for entry in settings.per_file_ignores if entry.pattern.matches(path))
    return matching_codes([selector for entry in entries for selector in entry.selectors], metas)


def check_selectors(key: str, selectors: Iterable[str], metas: Sequence[RuleMeta]) -> None:
    """Raise ConfigError, with the option *key*, for the first of *selectors* that means no rule."""
    for selector in selectors:
        if fault := check_selector(selector, metas):
            raise ConfigError(fault, key=key)


class ConfigFinder:
    """Finds the settings that hold for a path; each folder is looked at once.

    *config* forces one file for all paths; *isolated* reads none.
    """

    def __init__(
        self,
        metas: Sequence[RuleMeta],
        *,
        overrides: Overrides = _NO_OVERRIDES,
        isolated: bool = False,
        config: str | None = None,
        cwd: str | None = None,
    ) -> None:
        self._metas = metas
        self._overrides = overrides
        self._cwd = os.path.abspath(cwd or os.getcwd())
        self._by_folder: dict[str, Settings | None] = {}
        self._default = Settings.defaults(self._cwd).with_overrides(overrides)
        self.is_isolated = isolated
        self._forced: Settings | None = self._default if isolated else None
        if config is not None:
            settings = read_config(config, metas, must_apply=True)
            assert settings is not None
            self._forced = settings.with_overrides(overrides)

    def for_folder(self, folder: str) -> Settings:
        """Return the settings for files in *folder* (absolute); raises ConfigError for a broken configuration."""
        if self._forced is not None:
            return self._forced
        return self._find(folder) or self._default

    def for_file(self, path: str) -> Settings:
        """Return the settings for the file *path* (absolute)."""
        return self.for_folder(os.path.dirname(path))

    def for_run(self) -> Settings:
        """Return the settings of the current folder: they decide what is not about one file, such as the format."""
        return self.for_folder(self._cwd)

    def _find(self, folder: str) -> Settings | None:
        climbed: list[str] = []
        settings: Settings | None = None
        while folder not in self._by_folder:
            climbed.append(folder)
            settings = self._read_folder(folder)
            parent = os.path.dirname(folder)
            if settings is not None or parent == folder:
                break
            folder = parent
        else:
            settings = self._by_folder[folder]
        self._by_folder.update(dict.fromkeys(climbed, settings))
        return settings

    def _read_folder(self, folder: str) -> Settings | None:
        for name in _CONFIG_NAMES:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                settings = read_config(path, self._metas, must_apply=False)
                if settings is not None:
                    return settings.with_overrides(self._overrides)
        return None


def read_config(path: str, metas: Sequence[RuleMeta], *, must_apply: bool) -> Settings | None:
    """Return the settings in the file *path*, or None if it is a pyproject.toml that does not speak of lintdb.

    With *must_apply* such a file gives the default settings instead. Raises ConfigError.
    """
    shown = _shown(path)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise ConfigError(f"cannot read the file: {error.strerror or error}", path=shown) from error
    is_own = os.path.basename(path) != "pyproject.toml"
    root = os.path.dirname(os.path.abspath(path))
    # A pyproject.toml that never says lintdb is not even parsed: it may be broken on purpose, as in test data.
    if not is_own and b"lintdb" not in data:
        return Settings.defaults(root) if must_apply else None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError("not UTF-8: save the file as UTF-8", path=shown, line=line) from error

    table: Any = _parse_toml(text, shown)
    keys: Sequence[str] = ()
    if not is_own or _has_tool_table(table):
        keys = ("tool", "lintdb")
        for key in keys:
            table = table.get(key) if isinstance(table, dict) else None
        if table is None:
            return Settings.defaults(root) if must_apply else None
    return _Reader(table, text, shown, keys, metas).read(path, root)


def _has_tool_table(table: Mapping[str, Any]) -> bool:
    """Whether a file with a name of its own (`--config ci.toml`) is laid out like a pyproject.toml."""
    tool = table.get("tool")
    return isinstance(tool, dict) and "lintdb" in tool


def _parse_toml(text: str, shown: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column \d+\)", str(error))
        reason = str(error).partition(" (at ")[0]
        line = int(place[1]) if place else len(text.splitlines())
        message = f"this is not valid TOML ({reason}): correct the line or take it out"
        raise ConfigError(message, path=shown, line=line) from error
    except RecursionError as error:
        raise ConfigError("this TOML is nested too deeply to be read", path=shown) from error


class _Reader:
    """Turns a TOML table into Settings; each fault is reported with the line of its key where the text shows it."""

    def __init__(self, table: Any, text: str, shown: str, keys: Sequence[str], metas: Sequence[RuleMeta]) -> None:
        self._table = table
        self._text = text
        self._shown = shown
        self._keys = keys
        self._metas = metas

    def read(self, path: str, root: str) -> Settings:
        if not isinstance(self._table, dict):
            raise self._error(None, "must be a table, written `[tool.lintdb]`", ".".join(self._keys))
        known = (
            *("select", "ignore", "extend-select", "per-file-ignores", "exclude", "extend-exclude", "min-confidence"),
            *("output-format", "target-version", "strict-cursors", "follow-imports", "respect-gitignore", "jobs"),
            *("drivers", "driver-models"),
        )
        for key in self._table:
            if key not in known:
                cure = did_you_mean(key, known) or f"; known are {', '.join(known)}"
                raise self._error(key, f"unknown key{cure}")
        defaults = Settings.defaults(root)
        own_models = self._own_models(root)
        select = self._selectors("select")
        exclude = self._patterns("exclude", root)
        return replace(
            defaults,
            path=path,
            select=select,
            ignore=self._selectors("ignore") or (),
            extend_select=self._selectors("extend-select") or (),
            per_file_ignores=tuple(self._per_file_ignores(root)),
            exclude=defaults.exclude if exclude is None else exclude,
            extend_exclude=self._patterns("extend-exclude", root) or (),
            min_confidence=self._min_confidence(),
            output_format=self._output_format(),
            target_version=self._target_version(own_models),
            strict_cursors=self._boolean("strict-cursors", defaults.strict_cursors),
            follow_imports=self._boolean("follow-imports", defaults.follow_imports),
            respect_gitignore=self._boolean("respect-gitignore", defaults.respect_gitignore),
            jobs=self._jobs(),
            own_models=own_models,
        )

    def _selectors(self, key: str) -> tuple[str, ...] | None:
        value = self._table.get(key)
        if value is None:
            return None
        return self._checked_selectors(key, value)

    def _checked_selectors(self, key: str, value: object) -> tuple[str, ...]:
        selectors = self._strings(key, value, 'a list of rules, for example ["LDB1", "LDB201"]')
        for selector in selectors:
            if fault := check_selector(selector, self._metas):
                raise self._error(key, fault, near=selector)
        return selectors

    def _per_file_ignores(self, root: str) -> Iterator[PerFileIgnore]:
        for pattern, value in self._mapping("per-file-ignores").items():
            yield PerFileIgnore(PathPattern(pattern, root), self._checked_selectors("per-file-ignores", value))

    def _patterns(self, key: str, root: str) -> tuple[PathPattern, ...] | None:
        value = self._table.get(key)
        if value is None:
            return None
        texts = self._strings(key, value, 'a list of patterns, for example ["generated", "docs/*.py"]')
        return tuple(PathPattern(text, root) for text in texts)

    def _strings(self, key: str, value: object, wanted: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self._error(key, f"must be {wanted}, not {_type_name(value)}")
        return tuple(value)

    def _mapping(self, key: str) -> Mapping[str, Any]:
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            raise self._error(key, f"must be a table, not {_type_name(value)}")
        return value

    def _min_confidence(self) -> Confidence:
        value = self._table.get("min-confidence", Confidence.MEDIUM.label)
        try:
            return Confidence.parse(value)
        except (ValueError, AttributeError):
            words = [confidence.label for confidence in Confidence]
            raise self._error("min-confidence", _not_one_of(value, words)) from None

    def _output_format(self) -> str | None:
        value = self._table.get("output-format")
        if value is None:
            return None
        if isinstance(value, str) and value in OUTPUT_FORMATS:
            return value
        raise self._error("output-format", _not_one_of(value, OUTPUT_FORMATS))

    def _own_models(self, root: str) -> tuple[OwnModel, ...]:
        tables = self._mapping("drivers")
        wanted = 'a list of files, for example ["lintdb/mycompany.toml", "models/*.toml"]'
        patterns = self._strings("driver-models", self._table.get("driver-models", []), wanted)
        if not tables and not patterns:
            return ()
        # Most configurations have none, and need not know the models for them.
        from lintdb.drivers.catalog import read_own
        from lintdb.drivers.model import ModelError

        try:
            return read_own(self._shown, self._keys, tables, [os.path.join(root, each) for each in patterns], _shown)
        except ModelError as error:
            raise self._model_error(error) from error

    def _model_error(self, error: ModelError) -> ConfigError:
        """Return the error with the line of its key, if it is in this file."""
        if error.file != self._shown:
            return ConfigError(error.message, path=error.file, key=error.key or None)
        parts = re.sub(r"\[\d+\]", "", error.key).split(".")
        # The deepest part of the key that begins a line; before that the header of the deepest table.
        places = ((parts[:end], part) for end in range(len(parts) - 1, len(self._keys) - 1, -1) for part in parts[end:])
        line = next((line for table, part in places if (line := _find_line(self._text, table, part, None))), 0)
        return ConfigError(error.message, path=self._shown, line=line, key=error.key)

    def _target_version(self, own_models: tuple[OwnModel, ...]) -> Mapping[str, str]:
        versions: dict[str, str] = {}
        for library, version in self._mapping("target-version").items():
            if not isinstance(version, str) or not is_version(version):
                message = f'the version of {library} must be text such as "3.2", not {version!r}'
                raise self._error("target-version", message, near=library)
            try:
                versions[driver_called(library, own_models)] = version
            except ConfigError as error:
                raise self._error("target-version", error.message, near=library) from error
        return MappingProxyType(versions)

    def _boolean(self, key: str, default: bool) -> bool:
        value = self._table.get(key, default)
        if not isinstance(value, bool):
            raise self._error(key, f"must be true or false, not {_type_name(value)}")
        return value

    def _jobs(self) -> int | None:
        value = self._table.get("jobs")
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return value
        raise self._error("jobs", f"must be a whole number from 1, not {value!r}")

    def _error(self, key: str | None, message: str, near: str | None = None) -> ConfigError:
        line = _find_line(self._text, self._keys, key, near)
        return ConfigError(message, path=self._shown, line=line, key=key or near)


def is_version(text: str) -> bool:
    """Whether *text* looks like the version of a library: `3`, `2.0.1`, `4.0b1`."""
    return _VERSION.fullmatch(text) is not None


def driver_called(library: str, own_models: tuple[OwnModel, ...] = ()) -> str:
    """Return the driver that *library* names, by any of the names it has; raises ConfigError for an unknown one."""
    # Most configurations have no versions, and need not know the models for them.
    from lintdb.drivers.catalog import find_driver

    try:
        return find_driver(library, own_models)
    except LookupError as error:
        raise ConfigError(str(error.args[0]), key="target-version") from error


def _find_line(text: str, keys: Sequence[str], key: str | None, near: str | None) -> int:
    """Return the line, from 1, of *key* in the table *keys*, or of the word *near* below it; 0 if it is not seen.

    The TOML reader gives no positions, so this looks for the usual ways to write a key. It misses exotic spellings.
    """
    lines = text.splitlines()
    table = r"\s*\.\s*".join(re.escape(part) for part in keys)
    start = 0
    if keys:
        header = re.compile(rf"\s*(\[\s*)?{table}\b")
        start = next((number for number, line in enumerate(lines) if header.match(line)), len(lines))
    if key is None:
        return start + 1 if start < len(lines) else 0
    prefix = rf"({table}\s*\.\s*)?" if keys else ""
    spelled = re.compile(rf"""\s*(\[\s*)?{prefix}["']?{re.escape(key)}\b""")
    found = next((number for number in range(start, len(lines)) if spelled.match(lines[number])), None)
    if found is None:
        return 0
    if near is not None:
        word = re.compile(rf"(?<!\w){re.escape(near)}(?!\w)")
        found = next((number for number in range(found, len(lines)) if word.search(lines[number])), found)
    return found + 1


def _not_one_of(value: object, words: Sequence[str]) -> str:
    suggestion = did_you_mean(value, words) if isinstance(value, str) else ""
    return f"{value!r} is not one of {', '.join(words)}{suggestion}"


def _type_name(value: object) -> str:
    names = {str: "a string", bool: "a truth value", int: "a number", float: "a number", dict: "a table"}
    return names.get(type(value), "a list with other things in it" if isinstance(value, list) else repr(value))


def _relative(path: str, root: str) -> str | None:
    """Return *path* below *root* with forward slashes, or None if it is elsewhere; both are absolute."""
    prefix = root if root.endswith(os.sep) else root + os.sep
    if path == root:
        return ""
    return path[len(prefix) :].replace(os.sep, "/") if path.startswith(prefix) else None


def _shown(path: str) -> str:
    """Return *path* relative to the current folder where that is shorter to read."""
    absolute = os.path.abspath(path)
    below = _relative(absolute, os.getcwd())
    return below or path
