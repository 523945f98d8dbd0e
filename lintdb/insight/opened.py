"""A file opened to be asked about: parsed as a check would parse it, and followed by runs that keep a record."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import libcst as cst

from lintdb import gate
from lintdb.drivers.catalog import Models, load_models
from lintdb.effects import Kind
from lintdb.engine import EngineOptions, RuleCrash, find_reports, open_program, spoken, versions_for
from lintdb.finding import FileProblem, Span
from lintdb.flow.users import Target, find_uses
from lintdb.flow.watch import RELEASED, WITH_PARENT, Fate, Watcher
from lintdb.project.surroundings import Projects
from lintdb.room import ran_out_of_room, with_room
from lintdb.source import SourceFile, read_source
from lintdb.syntax.names import ClassInfo, FunctionInfo, ModuleIndex
from lintdb.syntax.refusal import describe_overflow
from lintdb.syntax.spans import spans_of

if TYPE_CHECKING:
    from lintdb.flow.program import Program
    from lintdb.rules.base import Report, Rule

T = TypeVar("T")


class UnanswerableError(ValueError):
    """A question that cannot be answered: a file that cannot be read, a function that is not there. Says why."""


@dataclass(frozen=True)
class Place:
    """A place in the file that is asked about, or in another one of its project."""

    path: str
    span: Span


@dataclass(eq=False)
class Opened:
    """A file, ready to be asked about. `options` are those of a check of it."""

    source: SourceFile
    options: EngineOptions
    program: Program
    models: Models
    _watchers: dict[FunctionInfo, Watcher] = field(default_factory=dict)
    _spans: dict[int, Place | None] = field(default_factory=dict)

    @functools.cached_property
    def functions(self) -> list[FunctionInfo]:
        """The functions that a check follows."""
        return self.program.candidates()

    def program_of(self, index: ModuleIndex) -> Program:
        """Return the program of a module of the project."""
        return self.program if index is self.index else self.program.workspace.program(index)

    def watch(self, info: FunctionInfo) -> Watcher:
        """Return the run over a function of the project that keeps a record."""
        found = self._watchers.get(info)
        if found is None:
            try:
                found = self._watchers[info] = self.program_of(info.index).run_as(Watcher, info)
            except Exception as error:
                place = f"{info.qualname} in {self.source.path}"
                raise RuleCrash(f"the flow engine failed on {place}: {type(error).__name__}: {error}") from error
        return found

    @property
    def index(self) -> ModuleIndex:
        """The names of the file."""
        return self.program.index

    def reports(self, codes: frozenset[str]) -> list[tuple[Rule, Report]]:
        """Return what the rules with these codes find in the file, of all confidences, nothing silenced.

        What a more exact rule says as well is left out, as a check does it.
        """
        options = replace(self.options, codes=codes)
        return spoken(find_reports(self.source, self.program, self.models, options), options)

    def kinds_of_users(self, info: FunctionInfo) -> list[Kind]:
        """Return the kinds of the libraries that the files import which use a function."""
        own = self.options.own_models
        uses = find_uses(Target.of(info), info, lambda _: False) if info.index.name.path else ()
        sources = map(read_source, sorted({use.path for use in uses}))
        texts = [source.text for source in sources if isinstance(source, SourceFile)]
        libraries = sorted({library for text in texts for library in gate.mentioned(text, own)})
        return list(load_models(libraries, versions_for(self.source, self.options), own).kinds.values())

    def code(self, node: cst.CSTNode, limit: int = 60) -> str:
        """Return the code of a node on one line, shortened to *limit* characters."""
        text = " ".join(self.index.code_of(node).split())
        return text if len(text) <= limit else text[: limit - 1] + "…"

    def locate(self, nodes: Iterable[cst.CSTNode], index: ModuleIndex | None = None) -> None:
        """Find the places of nodes of one module; to find many at once takes no longer than to find one."""
        index = index or self.index
        missing = [node for node in nodes if id(node) not in self._spans]
        if not missing:
            return
        text = self.source.text if index is self.index else index.text
        path = self.source.path if index is self.index else shown_path(index.name.path)
        spans = spans_of(index.module, missing, text)
        for node in missing:
            span = spans.get(id(node))
            self._spans[id(node)] = Place(path, span) if span is not None else None

    def place(self, node: cst.CSTNode | None, index: ModuleIndex | None = None) -> Place | None:
        """Return where a node stands; None if it is not a part of the module."""
        if node is None:
            return None
        self.locate([node], index)
        return self._spans[id(node)]

    def family(self, owner: ClassInfo) -> Iterator[FunctionInfo]:
        """Yield the methods of a class, of what it derives from in the project, and of its subclasses in its file."""
        for each in self.program_of(owner.index).classes.family_of(owner):
            yield from each.methods.values()

    def releases(self, owner: ClassInfo, attribute: str) -> list[tuple[FunctionInfo, Fate]]:
        """Return where methods release what an attribute of the object holds, one place for each method."""
        found: dict[FunctionInfo, Fate] = {}
        for method in self.family(owner):
            if attribute in method.attributes or not method.attributes.isdisjoint(owner.index.properties):
                for fate in self.watch(method).fates.get(("self", attribute), {}).values():
                    if fate.what in (RELEASED, WITH_PARENT):
                        found.setdefault(method, fate)
        return list(found.items())


def shown_path(path: str) -> str:
    """Return a path as users write it: relative where the file lies below the current folder."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def ask(path: str, options: EngineOptions, question: Callable[[Opened], T]) -> T:
    """Open a file and return the answer to a question about it.

    Raises `UnanswerableError` if the file cannot be read or parsed, or is nested too deeply to be followed.
    """
    source = read_source(path)
    if isinstance(source, FileProblem):
        raise UnanswerableError(_said(source))
    try:
        return with_room(lambda: question(open_source(source, options)))
    except (RecursionError, RuleCrash) as error:
        problem = describe_overflow(source) if ran_out_of_room(error) else None
        if problem is None:
            raise
        raise UnanswerableError(_said(problem)) from error


def open_source(source: SourceFile, options: EngineOptions) -> Opened:
    """Open a text to be asked about; raises `UnanswerableError` if it cannot be parsed."""
    versions = versions_for(source, options)
    own = options.own_models
    program = open_program(source, versions, Projects() if options.follow_imports else None, own)
    if isinstance(program, FileProblem):
        raise UnanswerableError(_said(program))
    models = load_models(gate.mentioned(source.text, own), versions, own)
    return Opened(source, options, program, models)


def _said(problem: FileProblem) -> str:
    place = ":".join(str(part) for part in (problem.path, problem.line, problem.column) if part)
    return f"{place}: {problem.message}"
