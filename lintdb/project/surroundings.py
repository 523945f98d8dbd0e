"""The files around those that are checked, and whether they matter at all. Nothing here needs libcst."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lintdb.drivers.catalog import Own
from lintdb.project.interest import Interest
from lintdb.project.layout import Layout
from lintdb.source import SourceFile, read_source
from lintdb.syntax.keys import keys_mentioned, makes_application

if TYPE_CHECKING:
    from lintdb.project.project import Project


_HARMLESS = tuple(
    (re.compile(ahead), re.compile(behind))
    for ahead, behind in (
        (r"[ \t]*#.*", ""),
        (r"[ \t]*global[ \t].*", ""),
        (r"[ \t]*(?:from|import)[ \t].*", r"(?![ \t]+as\b)"),
        (r"[ \t]*(?:[\w.]+\.)?", r"[ \t]*(?::[^=]+)?=(?!=)"),
        (r"[ \t]*\$[ \t]*=[ \t]*[\w.]+\.", r"[ \t]*(?:#|$)"),
        (r".*\w\([ \t]*", r"[ \t]*,"),
        (r".*,[ \t]*", r"[ \t]*[,)]"),
    )
)
"""What stands ahead of and behind a variable in a line that does not test it: it gets a value, or is an argument.

What is ahead has `$` for the variable itself: `conn = other.conn`.
"""


class Surroundings:
    """The texts of one run, each read once; that of a file that is checked stands for the file on disk.

    *own* are the driver models that the project brings along.
    """

    def __init__(self, own: Own = ()) -> None:
        self.own = own
        self.layout = Layout()
        self._texts: dict[str, SourceFile | None] = {}
        self.interest = Interest(self.layout, self._text_of, own)
        self._mentioning: dict[tuple[str, int], tuple[tuple[str, str], ...]] = {}
        self._tested: dict[tuple[str, str], bool] = {}
        self._programs: dict[int, tuple[str, ...]] = {}
        self._put: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}

    def enter(self, source: SourceFile) -> str:
        """Let a text that is checked stand for the file, which may not be saved yet; returns its absolute path."""
        path = os.path.abspath(source.path)  # noqa: PTH100 - links are kept
        self._texts.setdefault(path, source)
        return path

    def concerns(self, source: SourceFile) -> bool:
        """Whether a file uses something of another file of its project that has to do with resources."""
        path = self.enter(source)
        return self.interest.concerns(path) or any(
            self._is_of_interest(key, path) for key in keys_mentioned(source.text).read
        )

    def keepers(self, key: str, path: str) -> tuple[str, ...]:
        """Return the other files of a project that put something under a key (see `lintdb.syntax.keys`).

        What stands in a folder in which an application is made is not for files of other folders.
        """
        files = self.layout.files_around(path)
        if files is None:
            return ()
        if files not in self._put:
            found: dict[str, list[str]] = {}
            for each in files:
                text = self._text_of(each)
                for put in sorted(keys_mentioned(text).put) if text is not None else ():
                    found.setdefault(put, []).append(each)
            self._put[files] = {put: tuple(paths) for put, paths in found.items()}
        others = self._other_programs(path, files)
        return tuple(each for each in self._put[files].get(key, ()) if each != path and not each.startswith(others))

    def _other_programs(self, path: str, files: tuple[str, ...]) -> tuple[str, ...]:
        """Return the folders, each with a separator, in which applications are made that a file is not a part of."""
        if id(files) not in self._programs:
            texts = ((each, self._text_of(each)) for each in files)
            makers = (each for each, text in texts if text is not None and makes_application(text))
            folders = dict.fromkeys(os.path.dirname(each) + os.sep for each in makers)  # noqa: PTH120 - links are kept
            self._programs[id(files)] = tuple(folders)
        return tuple(each for each in self._programs[id(files)] if not path.startswith(each))

    def _is_of_interest(self, key: str, path: str) -> bool:
        return any(self.interest.names_in(each) for each in self.keepers(key, path))

    def source_of(self, path: str) -> SourceFile | None:
        """Return the file at an absolute path; None if it cannot be read."""
        if path not in self._texts:
            source = read_source(path)
            self._texts[path] = source if isinstance(source, SourceFile) else None
        return self._texts[path]

    def is_continued(self, name: str, path: str) -> bool:
        """Whether a file beside the one at an absolute path imports a name of it, or all, and mentions the name."""
        folder, file = os.path.split(path)
        stem = re.escape(file.partition(".")[0])
        imports = re.compile(rf"^from[ \t]+[\w.]*\b{stem}[ \t]+import\b[^\n]*(?:\*|\b{name}\b)", re.MULTILINE)
        others = (other for other in _python_files(folder) if other != file)
        texts = (self._text_of(os.path.join(folder, other)) for other in others)  # noqa: PTH118 - links are kept
        return any(text is not None and name in text and imports.search(text) is not None for text in texts)

    def texts_with(self, word: str, path: str) -> tuple[tuple[str, str], ...] | None:
        """Return path and text of the files of a project that mention a word; *path* is the first of them."""
        files = self.layout.files_around(path)
        if files is None:
            return None
        key = (word, id(files))  # the layout keeps them; to hash all paths each time takes longer
        if key not in self._mentioning:
            texts = ((each, self._text_of(each)) for each in files)
            self._mentioning[key] = tuple((each, text) for each, text in texts if text is not None and _has(word, text))
        found = self._mentioning[key]
        own = self._text_of(path) if path not in files else None
        if own is not None:
            return ((path, own), *found) if _has(word, own) else found
        return tuple(sorted(found, key=lambda each: each[0] != path))

    def may_be_tested(self, name: str, path: str) -> bool:
        """Whether code around a file may test a variable of a module for being there, as far as texts tell."""
        key = (name, path)
        if key not in self._tested:
            texts = self.texts_with(name, path)
            self._tested[key] = texts is None or any(_may_test(name, text) for _, text in texts)
        return self._tested[key]

    def _text_of(self, path: str) -> str | None:
        source = self.source_of(path)
        return source.text if source is not None else None


def _has(word: str, text: str) -> bool:
    """Whether a text has a word, and not only as a part of a longer one: ten times as fast as a pattern."""
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        if not _is_of_word(text[start - 1 : start]) and not _is_of_word(text[end : end + 1]):
            return True
        start = text.find(word, end)
    return False


def _is_of_word(letter: str) -> bool:
    return letter == "_" or letter.isalnum()


def _may_test(name: str, text: str) -> bool:
    """Whether a text does more with a variable than to give it a value, read its attributes, and hand it on."""
    for bare in re.finditer(rf"\b{name}\b(?![ \t]*\.[ \t]*\w)", text):
        before = text[text.rfind("\n", 0, bare.start()) + 1 : bare.start()].replace(name, "$")
        after = text[bare.end() : bare.end() + 80].partition("\n")[0]
        if not any(ahead.fullmatch(before) and behind.match(after) for ahead, behind in _HARMLESS):
            return True
    return False


def _python_files(folder: str) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(".py"))
    except OSError:
        return []


class Projects:
    """What the files of one run share: files for which the same library versions and own driver models hold.

    *budget* bounds how many characters of other files are parsed for one that is checked; None: no bound. Files are
    read once, so this must not outlive the run.
    """

    def __init__(self, budget: int | None = None) -> None:
        self._budget = budget
        self._surroundings: dict[Own, Surroundings] = {}
        self._projects: dict[tuple[frozenset[tuple[str, str]], Own], Project] = {}

    def surroundings(self, own: Own = ()) -> Surroundings:
        """Return what is around the files for which these own driver models hold."""
        found = self._surroundings.get(own)
        if found is None:
            found = self._surroundings[own] = Surroundings(own)
        return found

    def get(self, versions: Mapping[str, str], own: Own = ()) -> Project:
        """Return the project of the files for which these library versions and own driver models hold."""
        from lintdb.project.project import Project

        key = (frozenset(versions.items()), own)
        found = self._projects.get(key)
        if found is None:
            found = self._projects[key] = Project(self.surroundings(own), dict(versions), self._budget)
        return found
