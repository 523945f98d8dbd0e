"""The modules of a project as one checked file needs them: found, parsed and linked on demand."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace

from lintdb import gate
from lintdb.drivers.answers import Answers
from lintdb.drivers.catalog import exported_names, import_roots, load_models
from lintdb.finding import FileProblem
from lintdb.flow.knowledge import Knowledge
from lintdb.flow.program import Program, Workspace
from lintdb.project.breakage import Breakage
from lintdb.project.passing import Passing
from lintdb.project.surroundings import Surroundings
from lintdb.source import SourceFile
from lintdb.syntax.indexer import build_index
from lintdb.syntax.links import Found
from lintdb.syntax.names import ModuleIndex, Symbol, Variable
from lintdb.syntax.outline import Outline
from lintdb.syntax.parse import parse_module

_MOST_STEPS = 12
"""Of imports that only pass a name on."""


class Project:
    """All files that are checked with the same library versions, and those that they import.

    *budget* bounds how many characters of other files are parsed for one that is checked; None: no bound.
    """

    def __init__(self, surroundings: Surroundings, versions: Mapping[str, str], budget: int | None = None) -> None:
        self._surroundings = surroundings
        self._versions = versions
        self._budget = budget
        self._left = budget
        self._modules: dict[str, ModuleIndex | FileProblem] = {}
        self._found: dict[tuple[str, str, bool], Found | None] = {}
        self._passing = Passing(surroundings)
        self._breakage = Breakage(surroundings)
        self._drivers: dict[int, frozenset[str]] = {}
        self._workspace = Workspace(self._knowledge_for)

    def open(self, source: SourceFile) -> Program | FileProblem:
        """Return a file that is to be checked ready to be followed, or why it cannot be parsed."""
        path = self._surroundings.enter(source)
        self._left = self._budget
        self._workspace.begin_file()
        index = self._modules.get(path)
        if index is None:
            index = self._parse(path, source)
        if isinstance(index, FileProblem):
            # It may have been met as an import of another file, by its absolute path.
            return replace(index, path=source.path)
        return self._workspace.program(index)

    # --- other files ------------------------------------------------------------------------------------------------

    def find(self, dotted: str, index: ModuleIndex, *, is_needed: bool = False) -> Found | None:
        """See `lintdb.syntax.links.Links`."""
        path = index.name.path
        if "." not in dotted or not path:
            return None
        key = (path, dotted, is_needed)
        if key not in self._found:
            self._found[key] = None  # a name that is imported in a circle leads nowhere
            self._found[key] = self._find(dotted, path, is_needed, _MOST_STEPS)
        return self._found[key]

    def may_be_class(self, dotted: str, index: ModuleIndex) -> bool:
        """See `lintdb.syntax.links.Links`."""
        located = self._surroundings.layout.locate(dotted, index.name.path) if index.name.path else None
        return (
            located is not None
            and bool(located.rest)
            and self._surroundings.interest.may_be_class(located.rest[0], located.path)
        )

    def matters(self, name: str, index: ModuleIndex) -> bool:
        """See `lintdb.syntax.links.Links`."""
        return name in self._surroundings.interest.names_in(index.name.path)

    def hides_library(self, dotted: str, index: ModuleIndex) -> bool:
        """See `lintdb.syntax.links.Links`: not if the module itself imports the library, or lacks the name."""
        found = self._outlined(dotted, index)
        if found is None:
            return False
        outline, rest = found
        library = dotted.partition(".")[0]
        if any(target.partition(".")[0] == library for targets in outline.imports.values() for target in targets):
            return False
        defined = outline.definitions.keys() - {"<module>"}
        return rest[0] in defined if rest else bool(defined)

    def defines(self, dotted: str, index: ModuleIndex) -> bool:
        """See `lintdb.syntax.links.Links`."""
        found = self._outlined(dotted, index)
        return found is not None and bool(found[1]) and found[1][0] in found[0].definitions

    def _outlined(self, dotted: str, index: ModuleIndex) -> tuple[Outline, tuple[str, ...]] | None:
        """Return what a module of the project has, and the rest of the name that leads to it."""
        located = self._surroundings.layout.locate(dotted, index.name.path) if index.name.path else None
        source = self._surroundings.source_of(located.path) if located is not None else None
        if located is None or source is None:
            return None
        return self._surroundings.interest.outline_of(located.path, source.text), located.rest

    def is_continued(self, name: str, index: ModuleIndex) -> bool:
        """See `lintdb.syntax.links.Links`."""
        return bool(index.name.path) and self._surroundings.is_continued(name, index.name.path)

    def texts_with(self, word: str, index: ModuleIndex) -> tuple[tuple[str, str], ...] | None:
        """See `lintdb.syntax.links.Links`."""
        return self._surroundings.texts_with(word, index.name.path) if index.name.path else None

    def may_be_tested(self, name: str, index: ModuleIndex) -> bool:
        """See `lintdb.syntax.links.Links`."""
        return not index.name.path or self._surroundings.may_be_tested(name, index.name.path)

    def module_at(self, path: str, index: ModuleIndex) -> ModuleIndex | None:
        """See `lintdb.syntax.links.Links`."""
        return self._module(path) if index.name.path else None

    def keepers(self, key: str, index: ModuleIndex) -> tuple[ModuleIndex, ...]:
        """See `lintdb.syntax.links.Links`."""
        paths = self._surroundings.keepers(key, index.name.path) if index.name.path else ()
        return tuple(found for path in paths if (found := self._module(path)) is not None)

    def library_behind(self, dotted: str, index: ModuleIndex) -> str | None:
        """See `lintdb.syntax.links.Links`."""
        return self._passing.library_behind(dotted, index.name.path) if index.name.path else None

    def ending_of(self, dotted: str, index: ModuleIndex) -> str:
        """See `lintdb.syntax.links.Links`."""
        return self._passing.ending_of(dotted, index.name.path) if index.name.path else ""

    def leads_to_module(self, dotted: str, index: ModuleIndex) -> bool:
        """See `lintdb.syntax.links.Links`."""
        return bool(index.name.path) and self._surroundings.layout.locate(dotted, index.name.path) is not None

    def folders_to(self, path: str) -> tuple[str, ...]:
        """See `lintdb.syntax.links.Links`."""
        return self._surroundings.layout.folders_to(path)

    def is_broken(self, path: str) -> bool:
        """See `lintdb.syntax.links.Links`."""
        return self._breakage.is_broken(path)

    def lacks(self, dotted: str, index: ModuleIndex) -> bool:
        """See `lintdb.syntax.links.Links`."""
        return bool(index.name.path) and self._breakage.lacks(dotted, index.name.path)

    def _find(self, dotted: str, importer: str, is_needed: bool, steps: int) -> Found | None:
        located = self._surroundings.layout.locate(dotted, importer) if steps else None
        if located is None or not located.rest:
            return None
        path, rest = located
        if not is_needed and rest[0] not in self._surroundings.interest.names_in(path):
            return None
        index = self._module(path)
        return self._symbol_in(index, rest, is_needed, steps) if index is not None else None

    def _symbol_in(self, index: ModuleIndex, rest: tuple[str, ...], is_needed: bool, steps: int) -> Found | None:
        name, after = rest[0], rest[1:]
        symbol: Symbol | None = index.classes.get(name) or index.functions.get(name)
        if symbol is not None:
            return Found(symbol, after)
        passed_on = index.body.imports.get(name)
        if passed_on is not None:
            return self._find(".".join([passed_on, *after]), index.name.path, is_needed, steps - 1)
        if name in index.values:
            value = index.constant(name)
            symbol = index.symbol_of(value, index.body) if value is not None else None
            return Found(symbol or Variable(index, name), after)
        for star in reversed(index.stars):
            found = self._find(".".join([star, *rest]), index.name.path, is_needed, steps - 1)
            if found is not None:
                return found
        return None

    def _module(self, path: str) -> ModuleIndex | None:
        if path not in self._modules:
            source = self._surroundings.source_of(path)
            if source is None or (self._left is not None and len(source.text) > self._left):
                return None
            if self._left is not None:
                self._left -= len(source.text)
            self._parse(path, source)
        index = self._modules[path]
        return index if isinstance(index, ModuleIndex) else None

    def _parse(self, path: str, source: SourceFile) -> ModuleIndex | FileProblem:
        module = parse_module(source)
        if isinstance(module, FileProblem):
            self._modules[path] = module
            return module
        index = build_index(module, self._surroundings.layout.name_of(path), self, import_roots(), exported_names)
        index.text = source.text
        self._modules[path] = index
        passed_on = self._passing.drivers(index.imported_names(), index.stars, path)
        self._drivers[id(index)] = gate.mentioned(source.text, self._surroundings.own) | passed_on
        return index

    def _knowledge_for(self, index: ModuleIndex) -> Knowledge:
        own = self._surroundings.own
        models = load_models(self._drivers[id(index)], self._versions, own)
        is_own = functools.cache(lambda dotted: self.defines(dotted, index))
        return Answers(models, self._versions, own, index.imported_names, is_own, text=index.text)
