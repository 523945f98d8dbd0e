"""Files that cannot be imported: they ask modules of their own project for names that these do not have."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping, Sequence

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
        """Whether to import a file raises: a module of the project lacks a name, gives a coroutine, is broken itself.

        Only imports on their own count, outside of functions: what stands in `try` or under a condition may fail.
        """
        if path not in self._broken:
            self._broken[path] = False  # of modules that import each other, one is looked at first
            self._broken[path] = self._asks_for_too_much(path, steps)
        return self._broken[path]

    def lacks(self, dotted: str, path: str) -> bool:
        """Whether a dotted name leads to a module of the project, for the file at *path*, that has no such name."""
        located = self._surroundings.layout.locate(dotted, path)
        if located is None or not located.rest or not self._never_says(located.path, located.rest[0], _MOST_STEPS):
            return False
        return located.rest[0] not in self._beside(located.path)

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
            names = {each.asname or each.name: each.name for each in statement.names}
            if any(self._lacks(located, each, source.text) for each in statement.names):
                return True
            if any(self._gives_coroutine(located, names, each) for each in _taken_apart(tree)):
                return True
            if steps and self.is_broken(located.path, steps - 1):
                return True
        return False

    def _lacks(self, located: Located, alias: ast.alias, text: str) -> bool:
        """Whether a module has no such name, whatever it does, and no file beside it is meant."""
        if alias.name == "*" or not self._never_says(located.path, alias.name, _MOST_STEPS):
            return False
        if os.path.basename(located.path) != "__init__.py":  # noqa: PTH119 (as the layout has them)
            return True
        # What is called is no module of the package that a build has yet to write.
        is_called = re.search(rf"(?<![\w.]){re.escape(alias.asname or alias.name)}[ \t]*\(", text) is not None
        return is_called and alias.name not in self._beside(located.path)

    def _gives_coroutine(self, located: Located, names: Mapping[str, str], call: ast.Call) -> bool:
        """Whether what is called is a coroutine function of a module, by one of the names that come from there."""
        source = self._surroundings.source_of(located.path)
        function = call.func
        root = function.value if isinstance(function, ast.Attribute) else function
        if source is None or not isinstance(root, ast.Name) or root.id not in names:
            return False
        name = function.attr if isinstance(function, ast.Attribute) else names[root.id]
        said = re.findall(rf"^[ \t]*(async[ \t]+)?def[ \t]+{re.escape(name)}\b", source.text, re.MULTILINE)
        return bool(said) and all(said)

    def _beside(self, path: str) -> set[str]:
        """Return the names of the modules in the package that a file is; none for a plain module."""
        folder, file = os.path.split(path)
        listing = self._surroundings.layout.listing(folder) if file == "__init__.py" else ()
        return {each.partition(".")[0] for each in listing}

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


def _taken_apart(tree: ast.Module) -> Iterator[ast.Call]:
    """Yield the calls whose results a module takes apart as it is imported, itself or in a class."""
    for statement in tree.body:
        for each in statement.body if isinstance(statement, ast.ClassDef) else [statement]:
            targets = each.targets if isinstance(each, ast.Assign) else ()
            if isinstance(each, ast.Assign) and isinstance(each.value, ast.Call) and _are_several(targets):
                yield each.value


def _are_several(targets: Sequence[ast.expr]) -> bool:
    return any(isinstance(target, ast.Tuple | ast.List) for target in targets)
