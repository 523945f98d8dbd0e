"""Files that cannot be imported: they ask modules of their own project for names that these do not have."""

from __future__ import annotations

import ast
import os
import re

from lintdb.project.layout import Located
from lintdb.project.surroundings import Surroundings
from lintdb.syntax.outline import imported_names
from lintdb.syntax.refusal import parsed_by_python

_MOST_STEPS = 3
"""Modules that import each other, the last of them a broken one."""

_MAKES_NAMES = re.compile(r"\b(?:__getattr__|globals|locals|vars|setattr|exec|sys\.modules|__import__)\b")
"""What may give a module names that its text does not have as such."""


class Breakage:
    """Answers from the texts of modules, and only where nothing else can be meant."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._broken: dict[str, bool] = {}

    def is_broken(self, path: str, steps: int = _MOST_STEPS) -> bool:
        """Whether to import a file raises, because a module of the project lacks a name, or is broken itself.

        Only imports on their own count, outside of functions: what stands in `try` or under a condition may fail.
        """
        if path not in self._broken:
            self._broken[path] = False  # of modules that import each other, one is looked at first
            self._broken[path] = self._asks_for_too_much(path, steps)
        return self._broken[path]

    def _asks_for_too_much(self, path: str, steps: int) -> bool:
        source = self._surroundings.source_of(path)
        tree = parsed_by_python(source.text) if source is not None else None
        if source is None or not isinstance(tree, ast.Module):
            return False
        module = self._surroundings.layout.name_of(path)
        for statement in tree.body:
            if not isinstance(statement, ast.ImportFrom):
                continue
            located = self._surroundings.layout.locate(module.absolute(statement.level, statement.module or ""), path)
            if located is None or located.rest:
                continue
            if any(self._lacks(located, each, source.text) for each in statement.names):
                return True
            if steps and self.is_broken(located.path, steps - 1):
                return True
        return False

    def _lacks(self, located: Located, alias: ast.alias, text: str) -> bool:
        """Whether a module has no such name, whatever it does, and no file beside it is meant."""
        if alias.name == "*" or not self._never_says(located.path, alias.name, _MOST_STEPS):
            return False
        folder, file = os.path.split(located.path)
        if file != "__init__.py":
            return True
        beside = {each.partition(".")[0] for each in self._surroundings.layout.listing(folder)}
        # What is called is no module of the package that a build has yet to write.
        is_called = re.search(rf"(?<![\w.]){re.escape(alias.asname or alias.name)}[ \t]*\(", text) is not None
        return is_called and alias.name not in beside

    def _never_says(self, path: str, name: str, steps: int) -> bool:
        """Whether a name stands nowhere in a module, nor in those that it imports all names of."""
        source = self._surroundings.source_of(path)
        if source is None or _MAKES_NAMES.search(source.text) or re.search(rf"\b{re.escape(name)}\b", source.text):
            return False
        for imported in imported_names(source.text, self._surroundings.layout.name_of(path)):
            if imported.name == "*":
                located = self._surroundings.layout.locate(imported.base, path)
                if located is None or located.rest or not steps or not self._never_says(located.path, name, steps - 1):
                    return False
        return True
