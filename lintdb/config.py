"""Settings: from `[tool.lintdb]` in pyproject.toml or from lintdb.toml, nearest to the file, and the command line.

A folder's lintdb.toml wins over its pyproject.toml, and a pyproject.toml without a `[tool.lintdb]` table is passed by.
Files are never merged: the nearest one counts alone, and options of the command line are laid over it. Anything that
is not understood is a `ConfigError` with the place and the cure; nothing is ignored silently.
"""

# Paths are strings here: settings are looked up for each file of a large tree, and Path objects would dominate that.
# ruff: noqa: PTH100, PTH109, PTH110, PTH113, PTH114, PTH118, PTH119, PTH120, PTH123

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeGuard

from lintdb.finding import Confidence, FileProblem
from lintdb.selection import check_selector, did_you_mean
from lintdb.settings import NO_OVERRIDES, OUTPUT_FORMATS, Overrides, PathPattern, PerFileIgnore, Settings, path_below

if TYPE_CHECKING:
    from lintdb.drivers.model import ModelError
    from lintdb.drivers.own import OwnModel
    from lintdb.rules.base import RuleMeta

KEYS = (
    *("select", "ignore", "extend-select", "per-file-ignores", "exclude", "extend-exclude", "min-confidence"),
    *("output-format", "target-version", "strict-cursors", "follow-imports", "respect-gitignore", "jobs"),
    *("drivers", "driver-models"),
)
"""All keys of a configuration."""
_CONFIG_NAMES = ("lintdb.toml", "pyproject.toml")
# What may speak of lintdb: our name, in UTF-16 and UTF-32 too; what stands in the place of our table.
_OUR_CONCERN = re.compile(
    rb"^[ \t]*tool[ \t]*=|" + rb"|".join("lintdb".encode(each) for each in ("utf-8", "utf-16-le", "utf-32-le")), re.M
)
_NOT_UTF8 = "not UTF-8: save the file as UTF-8"
_VERSION = re.compile(r"\d+(\.\d+)*((a|b|c|rc|alpha|beta|pre|preview)\d*)?(\.?(post|dev)\d*)?")


class ConfigError(Exception):
    """A setting that cannot be followed. `path` is None where it came from the command line.

    `output_format` is what the same file says of the format, if it does: in which the error is to be told.
    """

    def __init__(self, message: str, *, path: str | None = None, line: int = 0, key: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.key = key
        self.output_format: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.line) if part)
        return ": ".join(part for part in (place, self.key and f"`{self.key}`", self.message) if part)


def check_selectors(key: str, selectors: Iterable[str], metas: Sequence[RuleMeta]) -> None:
    """Raise ConfigError, with the option *key*, for the first of *selectors* that means no rule."""
    for selector in selectors:
        if fault := check_selector(selector, metas):
            raise ConfigError(fault, key=key)


def current_folder() -> str:
    """Return the path of the current folder, against which settings are looked up; raises ConfigError if it is gone."""
    try:
        return os.getcwd()
    except OSError as error:
        message = f"the current folder cannot be found ({error.strerror or error}): it may have been deleted"
        raise ConfigError(f"{message}; change to another one") from error


class ConfigFinder:
    """Finds the settings that hold for a path; each folder is looked at once.

    *config* forces one file for all paths; *isolated* reads none. `warnings` are about what the files that were read
    have in a place where it does not count.
    """

    def __init__(
        self,
        metas: Sequence[RuleMeta],
        *,
        overrides: Overrides = NO_OVERRIDES,
        isolated: bool = False,
        config: str | None = None,
        cwd: str | None = None,
    ) -> None:
        self._metas = metas
        self._overrides = overrides
        self._cwd = os.path.abspath(cwd or current_folder())
        self._by_folder: dict[str, Settings | ConfigError | None] = {}
        self._default = Settings.defaults(self._cwd).with_overrides(overrides)
        self.is_isolated = isolated
        self.warnings: list[FileProblem] = []
        self._forced: Settings | None = self._default if isolated else None
        if config is not None:
            settings = read_config(config, metas, must_apply=True, warnings=self.warnings)
            assert settings is not None
            self._forced = settings.with_overrides(overrides)

    def for_folder(self, folder: str) -> Settings:
        """Return the settings for files in *folder* (absolute); raises ConfigError for a broken configuration.

        It is the same error for all folders that the configuration governs.
        """
        if self._forced is not None:
            return self._forced
        settings = self._find(folder)
        if isinstance(settings, ConfigError):
            raise settings
        return settings or self._default

    def for_file(self, path: str) -> Settings:
        """Return the settings for the file *path* (absolute)."""
        return self.for_folder(os.path.dirname(path))

    def for_run(self) -> Settings:
        """Return the settings of the current folder: they decide what is not about one file, such as the format."""
        return self.for_folder(self._cwd)

    def _find(self, folder: str) -> Settings | ConfigError | None:
        climbed: list[str] = []
        settings: Settings | ConfigError | None = None
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

    def _read_folder(self, folder: str) -> Settings | ConfigError | None:
        for name in _CONFIG_NAMES:
            path = os.path.join(folder, name)
            # A link that leads nowhere is meant to be a configuration, too: reading it says what is wrong.
            if os.path.isfile(path) or (os.path.islink(path) and not os.path.exists(path)):
                try:
                    settings = read_config(path, self._metas, must_apply=False, warnings=self.warnings)
                except ConfigError as error:
                    return error
                if settings is not None:
                    return settings.with_overrides(self._overrides)
        return None


def read_config(
    path: str, metas: Sequence[RuleMeta], *, must_apply: bool, warnings: list[FileProblem] | None = None
) -> Settings | None:
    """Return the settings in the file *path*, or None if it is a pyproject.toml that does not speak of lintdb.

    With *must_apply* such a file gives the default settings instead. Raises ConfigError. To *warnings* is added what is
    no error, because the file may have it for somebody else.
    """
    shown = _shown(path)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        cure = ": mend the link, or take it away" if os.path.islink(path) else ""
        message = f"cannot read the file: {error.strerror or error}{cure}"
        if isinstance(error, PermissionError):
            message = "no permission to read the file: grant it, or name another one with `--config`"
        raise ConfigError(message, path=shown) from error
    is_own = os.path.basename(path) != "pyproject.toml"
    root = os.path.dirname(os.path.abspath(path))
    # A pyproject.toml that never says lintdb is not even parsed: it may be broken on purpose, as in test data.
    if not is_own and not _OUR_CONCERN.search(data):
        return Settings.defaults(root) if must_apply else None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(_NOT_UTF8, path=shown, line=line) from error
    if "\0" in text:
        # UTF-16 without a mark is valid UTF-8, and half of it are these.
        raise ConfigError(_NOT_UTF8, path=shown, line=text.count("\n", 0, text.index("\0")) + 1)

    table: Any = _parse_toml(text, shown)
    keys = _keys_of(path, table)
    if warnings is not None and not is_own and isinstance(table.get("lintdb"), dict):
        message = "`[lintdb]` does not count here: call the table `[tool.lintdb]`"
        warnings.append(FileProblem(shown, message, _find_line(text, (), "lintdb", None)))
    if keys and not isinstance(table.get("tool", {}), dict):
        message = f"must be a table, written `[tool.lintdb]`, not {_type_name(table['tool'])}"
        raise ConfigError(message, path=shown, line=_find_line(text, (), "tool", None), key="tool")
    if is_own and keys and (beside := [key for key in KEYS if key in table]):
        message = "stands beside a table `[tool.lintdb]`, which alone would count: put all settings into one of the two"
        raise ConfigError(message, path=shown, line=_find_line(text, (), beside[0], None), key=beside[0])
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    if table is None:
        return Settings.defaults(root) if must_apply else None
    try:
        return _Reader(table, text, shown, keys, metas).read(path, root)
    except ConfigError as error:
        wanted = table.get("output-format") if isinstance(table, dict) else None
        error.output_format = wanted if isinstance(wanted, str) and wanted in OUTPUT_FORMATS else None
        raise


def _keys_of(path: str, table: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys that lead to the settings in a file; one with a name of its own may be laid out either way."""
    tool = table.get("tool")
    is_tool = os.path.basename(path) == "pyproject.toml" or (isinstance(tool, dict) and "lintdb" in tool)
    return ("tool", "lintdb") if is_tool else ()


def _parse_toml(text: str, shown: str) -> dict[str, Any]:
    # Many runs have no configuration, and start faster without the reader.
    from lintdb.toml import TOMLDecodeError, fault_in, load_toml

    try:
        return load_toml(text)
    except TOMLDecodeError as error:
        line, reason = fault_in(text, error)
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
        for key in self._table:
            if key not in KEYS:
                cure = did_you_mean(key, KEYS) or f"; known are {', '.join(KEYS)}"
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
            if not _is_list_of_texts(value):
                message = f'"{pattern}" needs a list of rules, for example ["LDB1", "LDB201"], not {_type_name(value)}'
                raise self._error("per-file-ignores", message, near=pattern)
            selectors = self._checked_selectors("per-file-ignores", value)
            yield PerFileIgnore(self._pattern("per-file-ignores", pattern, root), selectors)

    def _patterns(self, key: str, root: str) -> tuple[PathPattern, ...] | None:
        value = self._table.get(key)
        if value is None:
            return None
        texts = self._strings(key, value, 'a list of patterns, for example ["generated", "docs/*.py"]')
        return tuple(self._pattern(key, text, root) for text in texts)

    def _pattern(self, key: str, text: str, root: str) -> PathPattern:
        pattern = PathPattern(text, root)
        if fault := pattern.fault:
            raise self._error(key, fault, near=text)
        return pattern

    def _strings(self, key: str, value: object, wanted: str) -> tuple[str, ...]:
        if not _is_list_of_texts(value):
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
            return ConfigError(error.message, path=error.file, line=error.line, key=error.key or None)
        # Most configurations have no models, and start faster without the reader.
        from lintdb.toml import find_line

        parts = re.sub(r"\[\d+\]", "", error.key).split(".")
        # The deepest part of the key that begins a line; before that the header of the deepest table.
        places = ((parts[:end], part) for end in range(len(parts) - 1, len(self._keys) - 1, -1) for part in parts[end:])
        line = find_line(self._text, error.keys) if error.keys else 0
        line = line or next((line for table, part in places if (line := _find_line(self._text, table, part, None))), 0)
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
        line = _find_line(self._text, self._keys, key, near) or self._line_above(key)
        return ConfigError(message, path=self._shown, line=line, key=key or near)

    def _line_above(self, key: str | None) -> int:
        """Return the line of the table that *key* stands in, where that is written below another one; 0 if nowhere.

        `lintdb = {...}` below `[tool]`, or `tool = {...}` itself.
        """
        path = (*self._keys, key) if key is not None else tuple(self._keys)
        lines = (
            _find_line(self._text, path[:end], ".".join(path[end:last]), None)
            for end in range(len(path) - 1, -1, -1)
            for last in range(len(path), end, -1)
        )
        return next((line for line in lines if line), 0)


def find_place(settings: Settings, key: str, near: str) -> tuple[str, int]:
    """Return the path, as messages show it, and the line at which the file of *settings* has *near* below *key*."""
    assert settings.path is not None
    text, keys = _read_again(settings.path)
    return _shown(settings.path), _find_line(text, keys, key, near) or 1


def unused_config(settings: Settings) -> str | None:
    """Return the pyproject.toml with a table of ours that does not count, because there is a lintdb.toml beside it."""
    if settings.path is None or os.path.basename(settings.path) != "lintdb.toml":
        return None
    path = os.path.join(settings.root, "pyproject.toml")
    try:
        text, keys = _read_again(path)
        table: Any = _parse_toml(text, path)
    except ConfigError:
        return None
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return path if keys and table is not None else None


def find_table(settings: Settings, key: str) -> tuple[str, str]:
    """Return the configuration file for the table *key*, as messages show it, and the header of the table there.

    Where there is no configuration it is a pyproject.toml in the root of the settings.
    """
    if settings.path is None:
        return _shown(os.path.join(settings.root, "pyproject.toml")), f"tool.lintdb.{key}"
    _, keys = _read_again(settings.path)
    return _shown(settings.path), ".".join((*keys, key))


def _read_again(path: str) -> tuple[str, tuple[str, ...]]:
    """Return the text of a configuration file and the keys that lead to its settings; it was read without a fault."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return "", ()
    return text, _keys_of(path, _parse_toml(text, _shown(path)))


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


def parse_target_versions(key: str, words: Iterable[str]) -> dict[str, str]:
    """Return driver → version of words such as `psycopg=3.2`; raises ConfigError, with the option *key*."""
    versions = {}
    for word in words:
        library, _, version = (part.strip() for part in word.partition("="))
        if not library or not is_version(version):
            raise ConfigError(f"{word!r} is not LIBRARY=VERSION, for example psycopg=3.2", key=key)
        try:
            versions[driver_called(library)] = version
        except ConfigError as error:
            raise ConfigError(error.message, key=key) from error
    return versions


def _find_line(text: str, keys: Sequence[str], key: str | None, near: str | None) -> int:
    """Return the line, from 1, of *key* in the table *keys*, or of the word *near* below it; 0 if it is not seen.

    The TOML reader gives no positions, so this looks for the usual ways to write a key. It misses exotic spellings.
    """
    lines = text.splitlines()
    table = r"\s*\.\s*".join(re.escape(part) for part in keys)
    start = 0
    if keys:
        header = re.compile(rf"\s*(\[{{1,2}}\s*)?{table}\b")
        start = next((number for number, line in enumerate(lines) if header.match(line)), len(lines))
    if key is None:
        return start + 1 if start < len(lines) else 0
    prefix = rf"({table}\s*\.\s*)?" if keys else ""
    spelled = re.compile(rf"""\s*(\[{{1,2}}\s*)?{prefix}["']?{re.escape(key)}\b""")
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


def _is_list_of_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _type_name(value: object) -> str:
    names = {str: "a string", bool: "a truth value", int: "a number", float: "a number", dict: "a table"}
    return names.get(type(value), "a list with other things in it" if isinstance(value, list) else repr(value))


def _shown(path: str) -> str:
    """Return *path* relative to the current folder where that is shorter to read."""
    absolute = os.path.abspath(path)
    below = path_below(absolute, os.getcwd())
    return below or path
