"""Entries of `per-file-ignores` that have nothing left to silence, and patterns that leave out nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lintdb.config import find_place
from lintdb.finding import Finding, Span
from lintdb.selection import matching_codes
from lintdb.settings import PathPattern, PerFileIgnore, Settings, enabled_codes, path_below
from lintdb.suppress import UNUSED_SUPPRESSION, unused_suppression

if TYPE_CHECKING:
    from lintdb.rules.base import RuleMeta

_RUN = "LDB0"
"""Rules about the run itself: they are not asked when nobody wants to hear them."""


@dataclass(frozen=True)
class StaleEntry:
    """An entry that names no checked file (`selector` is None), or a rule that finds nothing in those it names."""

    settings: Settings
    pattern: str
    selector: str | None

    @property
    def message(self) -> str:
        """What is wrong with it."""
        if self.selector is None:
            return _names_no_file("per-file-ignores", self.pattern)
        return f"`per-file-ignores`: `{self.selector}` silences nothing in `{self.pattern}`"

    def as_warning(self) -> str:
        """Return the line for standard error."""
        path, line = find_place(self.settings, "per-file-ignores", self.pattern)
        return f"warning: {path}:{line}: {self.message}"

    def as_finding(self, metas: Sequence[RuleMeta]) -> Finding:
        """Return the finding in the configuration file."""
        path, line = find_place(self.settings, "per-file-ignores", self.pattern)
        finding = unused_suppression(path, Span(line, 1, line, 2), self.message, metas)
        return replace(finding, help="take it out of the configuration")


@dataclass
class IgnoresInUse:
    """What became of each entry in a run: the files that it named, and the codes that it silenced there.

    The entries of a configuration file are judged if its whole folder was checked, those of the command line if the
    current folder was; of the latter only whether they name files, because they stand nowhere to be taken out.
    """

    _settings: dict[str, Settings] = field(default_factory=dict)
    _given: dict[PerFileIgnore, None] = field(default_factory=dict)
    _named: set[PerFileIgnore] = field(default_factory=set)
    _silenced: dict[PerFileIgnore, set[str]] = field(default_factory=dict)

    @property
    def configurations(self) -> tuple[Settings, ...]:
        """The settings of checked files, for each configuration file that has entries."""
        return tuple(self._settings.values())

    def saw(self, settings: Settings, path: str) -> None:
        """Remember that the file *path* (absolute) is checked with these settings."""
        if settings.path is not None and settings.own_per_file_ignores:
            self._settings[settings.path] = settings
        self._given.update(dict.fromkeys(settings.overrides.per_file_ignores))
        self._named.update(entry for entry in settings.per_file_ignores if entry.pattern.matches(path))

    def silenced(self, settings: Settings, path: str, codes: Iterable[str]) -> None:
        """Remember that *codes* were found in that file, and not shown."""
        for entry in settings.per_file_ignores:
            if codes and entry.pattern.matches(path):
                self._silenced.setdefault(entry, set()).update(codes)

    def is_in_vain(self, folders: Sequence[str]) -> bool:
        """Whether there are entries, and none of them can be judged by what was checked."""
        return bool(self._settings) and not any(True for _ in self._judged(folders))

    def stale_patterns(self, folders: Sequence[str]) -> Iterator[str]:
        """Yield the patterns of the command line that name no file, if all below the current folder was checked."""
        for entry in self._given:
            if entry not in self._named and _is_below(entry.pattern.root, folders):
                yield entry.pattern.text

    def stale_files(self, folders: Sequence[str]) -> Iterator[StaleEntry]:
        """Yield the entries that name no file, of configurations of which all is below *folders* (absolute)."""
        for settings in self._judged(folders):
            for entry in settings.own_per_file_ignores:
                if entry not in self._named:
                    yield StaleEntry(settings, entry.pattern.text, None)

    def stale_codes(self, folders: Sequence[str], metas: Sequence[RuleMeta]) -> Iterator[StaleEntry]:
        """Yield the selectors of the other entries that silenced nothing, though some of their rules are on."""
        for settings in self._judged(folders):
            enabled = enabled_codes(settings, metas)
            for entry in settings.own_per_file_ignores:
                for selector in entry.selectors if entry in self._named else ():
                    codes = {code for code in matching_codes([selector], metas) & enabled if not code.startswith(_RUN)}
                    if codes and not codes & self._silenced.get(entry, set()):
                        yield StaleEntry(settings, entry.pattern.text, selector)

    def stale_findings(self, folders: Sequence[str], metas: Sequence[RuleMeta]) -> Iterator[Finding]:
        """Yield all stale entries as findings: who asks is told, unless the rule about such things is ignored."""
        for entry in (*self.stale_files(folders), *self.stale_codes(folders, metas)):
            ignored = (*entry.settings.ignore, *entry.settings.overrides.ignore)
            is_on = UNUSED_SUPPRESSION in enabled_codes(entry.settings, metas)
            if is_on or UNUSED_SUPPRESSION not in matching_codes(ignored, metas):
                yield entry.as_finding(metas)

    def _judged(self, folders: Sequence[str]) -> Iterator[Settings]:
        for settings in self._settings.values():
            if _is_below(settings.root, folders):
                yield settings


def _is_below(path: str, folders: Sequence[str]) -> bool:
    return any(path_below(path, folder) is not None for folder in folders)


def _names_no_file(key: str, pattern: str) -> str:
    return f"`{key}`: `{pattern}` names no file that is checked"


def stale_pattern_warning(pattern: str) -> str:
    """Return the line for standard error about a pattern of the command line."""
    return f"warning: {_names_no_file('--per-file-ignores', pattern)}"


def idle_exclusion_warnings(idle: Iterable[tuple[Settings, str, PathPattern]], folders: Sequence[str]) -> Iterator[str]:
    """Yield a line for standard error about each pattern that left out nothing though all below its root was walked."""
    for settings, key, pattern in idle:
        if _is_below(pattern.root, folders):
            message = f"`{key}`: `{pattern.text}` leaves out nothing that would be checked"
            is_option = key.startswith("-")
            place = "" if is_option else ":".join(map(str, find_place(settings, key, pattern.text))) + ": "
            yield f"warning: {place}{message}"
