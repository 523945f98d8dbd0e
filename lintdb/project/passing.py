"""What modules of a project pass on: names of libraries under names of their own, and the end of a path."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lintdb import gate
from lintdb.drivers.catalog import exported_names, import_roots
from lintdb.project.surroundings import Surroundings
from lintdb.syntax.endings import ending_of
from lintdb.syntax.outline import imported_words

_MOST_STEPS = 12
"""Of imports that only pass a name on."""


_AGAIN = re.compile(r"^(\w+)[ \t]*=[ \t]*[A-Za-z_]\w*\.", re.MULTILINE)


class Passing:
    """Answers from the texts of modules, of which none is parsed whole unless it may pass on what is asked for."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._outline_of = surroundings.interest.outline_of
        self._libraries: dict[tuple[str, str], str | None] = {}
        self._endings: dict[tuple[str, str], str] = {}
        self._words: dict[str, frozenset[str]] = {}
        self._may_be_again: dict[str, frozenset[str]] = {}
        self._again: dict[tuple[str, str], tuple[str, ...]] = {}

    def library_behind(self, dotted: str, importer: str) -> str | None:
        """Return the library's name of what a module of the project passes on to the file *importer*; None if none."""
        key = (dotted, importer)
        if key not in self._libraries:
            self._libraries[key] = self._library_behind(dotted, importer, _MOST_STEPS)
        return self._libraries[key]

    def ending_of(self, dotted: str, importer: str) -> str:
        """Return how a function of the project always ends (see `lintdb.syntax.endings`); empty where it may return."""
        key = (dotted, importer)
        if key not in self._endings:
            self._endings[key] = self._ending_of(dotted, importer, _MOST_STEPS)
        return self._endings[key]

    def drivers(self, imported: Iterable[str], stars: Iterable[str], path: str) -> frozenset[str]:
        """Return the drivers whose names a module imports, whatever it calls them, or may have by its *stars*."""
        imported = list(imported)
        roots = {name.partition(".")[0] for name in imported}
        found = {driver for root, driver in import_roots().items() if root in roots}
        found.update(*(self._drivers_named_again(name, path) for name in imported))
        return frozenset(found.union(*(self._starred(star, path, _MOST_STEPS) for star in stars)))

    def _drivers_named_again(self, module: str, importer: str) -> frozenset[str]:
        """Return the drivers whose functions a module of the project has under names of its own: `module.connect`."""
        located = self._surroundings.layout.locate(module, importer)
        source = self._surroundings.source_of(located.path) if located is not None and not located.rest else None
        if located is None or source is None or not self._names_again(located.path, source.text):
            return frozenset()
        return gate.mentioned(source.text, self._surroundings.own)

    def _names_again(self, path: str, text: str) -> frozenset[str]:
        """Return the names that a module may give to what it imports: `connect = psycopg2.connect`."""
        if path not in self._may_be_again:
            # To look for such lines is quicker than to parse: most modules give no name anything of the kind.
            self._may_be_again[path] = frozenset(_AGAIN.findall(text))
        return self._may_be_again[path]

    def _library_behind(self, dotted: str, importer: str, steps: int) -> str | None:
        located = self._located(dotted, importer) if steps else None
        if located is None or not located[2]:
            return None
        path, text, (name, *after) = located
        root, *rest = self._named_again(name, path, text)
        if root:
            imports = self._outline_of(path, text).imports.get(root, ())
            return self._library_in([".".join([each, *rest]) for each in imports], after, path, steps)
        outline = self._outline_of(path, text) if self._may_pass_on(name, path, text) else None
        if outline is None or name in outline.definitions:
            return None
        imported = outline.imports.get(name, ())
        starred = [f"{star}.{name}" for star in outline.stars]
        if not imported:
            starred = [
                each for each in starred if not _is_library(each) or _is_exported(each) or self._is_own(each, path)
            ]
        return self._library_in([*imported, *starred], after, path, steps)

    def _named_again(self, name: str, path: str, text: str) -> tuple[str, ...]:
        """Return what a module gives another name, and nothing else has it: `connect = psycopg2.connect`."""
        if name not in self._names_again(path, text):
            return ("",)
        if (path, name) not in self._again:
            outline = self._outline_of(path, text)
            given = outline.given.get(name, []) if name not in outline.imports else []
            is_value = len(given) == 1 and len(given[0]) > 1 and outline.definitions[name].is_value
            is_alone = is_value and re.search(rf"\b(?:def|class|for|as|global)[ \t]+{re.escape(name)}\b", text) is None
            self._again[path, name] = given[0] if is_alone else ("",)
        return self._again[path, name]

    def _library_in(self, targets: Iterable[str], after: list[str], path: str, steps: int) -> str | None:
        """Return the library's name of the first of some names that are imported in a file, with what comes *after*."""
        for target in targets:
            if _is_library(target) and not self._is_own(target, path):
                return ".".join([target, *after])
            found = self._library_behind(".".join([target, *after]), path, steps - 1)
            if found is not None:
                return found
        return None

    def _is_own(self, dotted: str, importer: str) -> bool:
        """Whether a name that could be a library's leads to another module of the project."""
        located = self._surroundings.layout.locate(dotted, importer)
        return located is not None and located.path != importer

    def _ending_of(self, dotted: str, importer: str, steps: int) -> str:
        located = self._located(dotted, importer) if steps else None
        if located is None or len(located[2]) != 1:
            return ""
        path, text, (name,) = located
        found = ending_of(name, text)
        if found or not self._may_pass_on(name, path, text):
            return found
        targets = self._outline_of(path, text).imports.get(name, ())
        return next((self._ending_of(each, path, steps - 1) for each in targets), "")

    def _starred(self, star: str, importer: str, steps: int) -> frozenset[str]:
        located = self._located(star, importer) if steps else None
        if located is None or located[2]:
            return frozenset()
        path, text, _ = located
        stars = self._outline_of(path, text).stars if "import *" in text else ()
        own = gate.mentioned(text, self._surroundings.own)
        return own.union(*(self._starred(each, path, steps - 1) for each in stars))

    def _may_pass_on(self, name: str, path: str, text: str) -> bool:
        """Whether a module may import a name, or all names of another, as far as its text tells."""
        if path not in self._words:
            self._words[path] = imported_words(text)
        return name in self._words[path] or "*" in self._words[path]

    def _located(self, dotted: str, importer: str) -> tuple[str, str, tuple[str, ...]] | None:
        """Return the path and the text of the module that a name leads to, and the rest of the name."""
        located = self._surroundings.layout.locate(dotted, importer)
        source = self._surroundings.source_of(located.path) if located is not None else None
        return (located.path, source.text, located.rest) if located is not None and source is not None else None


def _is_library(dotted: str) -> bool:
    return dotted.partition(".")[0] in import_roots()


def _is_exported(dotted: str) -> bool:
    """Whether a library has such a name for those who import all of its names."""
    module, _, last = dotted.rpartition(".")
    return last in exported_names(module)
