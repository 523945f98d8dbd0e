"""The way from one module to the others of its project, as whoever reads a single one sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from lintdb.syntax.names import ModuleIndex, Symbol


class Found(NamedTuple):
    """What a dotted name leads to, and the attributes of it that the name goes on with."""

    symbol: Symbol
    rest: tuple[str, ...] = ()


class Links(Protocol):
    """The way from a module to the others of its project."""

    def find(self, dotted: str, index: ModuleIndex, *, is_needed: bool = False) -> Found | None:
        """Return what a dotted name means to a module, if another module of the project defines it.

        Without *is_needed* only what can have to do with resources is looked for: to parse a file takes time.
        """

    def may_be_class(self, dotted: str, index: ModuleIndex) -> bool:
        """Whether `find` may lead from a dotted name to a class; no file is parsed for the answer."""

    def matters(self, name: str, index: ModuleIndex) -> bool:
        """Whether a top-level name of a module can have to do with resources."""

    def hides_library(self, dotted: str, index: ModuleIndex) -> bool:
        """Whether a dotted name that could be a library's is that of a module of the project instead."""

    def is_continued(self, name: str, index: ModuleIndex) -> bool:
        """Whether a module beside another imports a top-level name of it and may go on with that."""

    def texts_with(self, word: str, index: ModuleIndex) -> tuple[tuple[str, str], ...] | None:
        """Return path and text of each file of a module's project that mentions a word, its own first.

        None where it cannot be told which files belong to the project.
        """

    def may_be_tested(self, name: str, index: ModuleIndex) -> bool:
        """Whether code of a module's project may test a variable of some module for being there: `if conn is None`.

        What is only used, or handed on, is not; who is handed it has another name for it.
        """

    def module_at(self, path: str, index: ModuleIndex) -> ModuleIndex | None:
        """Return a file of a module's project, parsed; None if it cannot be, or takes too long."""

    def keepers(self, key: str, index: ModuleIndex) -> tuple[ModuleIndex, ...]:
        """Return the other modules of a module's project that put something under a key (see `lintdb.syntax.keys`)."""

    def library_behind(self, dotted: str, index: ModuleIndex) -> str | None:
        """Return the name that a known library has for what a module of the project passes on; None if it does not."""

    def defines(self, dotted: str, index: ModuleIndex) -> bool:
        """Whether a module of the project defines what a dotted name stands for."""

    def ending_of(self, dotted: str, index: ModuleIndex) -> str:
        """Return how a function of the project always ends (see `lintdb.syntax.endings`); empty where it may return."""

    def leads_to_module(self, dotted: str, index: ModuleIndex) -> bool:
        """Whether a dotted name is a module of the project, or something in one; none is parsed for the answer."""

    def folders_to(self, path: str) -> tuple[str, ...]:
        """Return the names of the folders from the root of a file's project to the file, outermost first."""

    def is_broken(self, path: str) -> bool:
        """Whether a file of the project cannot be imported: it asks another one for a name that this lacks."""

    def lacks(self, dotted: str, index: ModuleIndex) -> bool:
        """Whether a dotted name leads to a module of the project that has nothing of that name."""
