"""Files that cannot be imported: they ask modules of their own project for names that these do not have."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping, Sequence

from lintdb.project.layout import Located, is_of_library
from lintdb.project.surroundings import Surroundings
from lintdb.syntax.outline import imported_names
from lintdb.syntax.refusal import parsed_by_python

_MOST_STEPS = 3
"""Modules that import each other, the last of them a broken one."""

_MAKES_NAMES = re.compile(r"\b(?:__getattr__|globals|locals|vars|setattr|exec|modules|__import__|__dict__|__path__)\b")
"""What may give a module names that its text does not have as such."""
_OWN_NAME = re.compile(r"(?<!getLogger\()(?<!get_logger\()(?<!Flask\()\b__name__\b(?![ \t]*[!=]=)")
"""A module that tells others its name may get names from them."""
_CHANGES_PATH = re.compile(r"\bsys\.path\b|\baddsitedir\b")
_COMPILED = (".so", ".pyd", ".pyx", ".dll")


class Breakage:
    """Answers from the texts of modules, and only where nothing else can be meant."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._looked_at: dict[str, tuple[bool, frozenset[str]]] = {}
        self._doubtful: dict[tuple[str, str], bool] = {}

    def is_broken(self, path: str) -> bool:
        """Whether to import a file raises: a module of the project lacks a name, gives a coroutine, is broken itself.

        Only imports on their own count, outside of functions: what stands in `try` or under a condition may fail.
        """
        reached = level = {path}
        for _ in range(_MOST_STEPS + 1):
            asked = [self._look_at(each) for each in sorted(level)]
            if any(fails for fails, _ in asked):
                return True
            level = {each for _, imported in asked for each in imported} - reached
            reached = reached | level
        return False

    def lacks(self, dotted: str, path: str) -> bool:
        """Whether a dotted name leads to a module of the project, for the file at *path*, that has no such name."""
        parts = dotted.split(".")
        located = self._surroundings.layout.locate(dotted, path)
        if located is None or not located.rest or self._is_doubtful(located, parts[: -len(located.rest)], path):
            return False
        name = located.rest[0]
        return self._never_says(located.path, name, _MOST_STEPS) and name not in self._beside(located.path)

    def _look_at(self, path: str) -> tuple[bool, frozenset[str]]:
        """Return whether a module itself asks for too much, and the modules that it imports; each is read once."""
        if path not in self._looked_at:
            self._looked_at[path] = self._read(path)
        return self._looked_at[path]

    def _read(self, path: str) -> tuple[bool, frozenset[str]]:
        source = self._surroundings.source_of(path)
        tree = parsed_by_python(source.text) if source is not None else None
        if source is None or not isinstance(tree, ast.Module) or _CHANGES_PATH.search(source.text):
            return False, frozenset()
        module = self._surroundings.layout.name_of(path)
        taken_apart = list(_taken_apart(tree))
        imported: set[str] = set()
        for statement in tree.body:
            if not isinstance(statement, ast.ImportFrom):
                continue
            base = module.absolute(statement.level, statement.module or "")
            located = self._surroundings.layout.locate(base, path)
            if located is None or located.rest or self._is_doubtful(located, base.split("."), path):
                continue
            names = {each.asname or each.name: each.name for each in statement.names}
            if any(self._lacks(located, each, source.text) for each in statement.names):
                return True, frozenset()
            if any(self._gives_coroutine(located, names, each) for each in taken_apart):
                return True, frozenset()
            imported.add(located.path)
        return False, frozenset(imported)

    def _is_doubtful(self, located: Located, parts: Sequence[str], path: str) -> bool:
        """Whether another file, or a library, may be meant by the name of a module; found out once for each."""
        key = (located.path, ".".join(parts))
        if key not in self._doubtful:
            self._doubtful[key] = self._may_be_another(located, parts, path)
        return self._doubtful[key]

    def _may_be_another(self, located: Located, parts: Sequence[str], path: str) -> bool:
        if parts and parts[0] and is_of_library(parts[0]):
            return True
        folder, file = os.path.split(located.path)
        stem = file.partition(".")[0]
        beside = self._surroundings.layout.listing(folder)
        if any(each.startswith(f"{stem}.") and each.endswith(_COMPILED) for each in beside):
            return True
        files = self._surroundings.layout.files_around(path)
        tail = "/".join(part for part in parts if part) or stem
        ends = (f"/{tail}.py", f"/{tail}/__init__.py")
        roots = [each[: -len(end)] for each in files or () for end in ends if each.replace(os.sep, "/").endswith(end)]
        # What stands in a package has that in its name.
        return files is None or sum("__init__.py" not in self._surroundings.layout.listing(root) for root in roots) > 1

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

    def _is_set_elsewhere(self, name: str, path: str) -> bool:
        """Whether some file gives an attribute of that name to anything: `registry.ping = make`."""
        given = re.compile(rf"\.{re.escape(name)}[ \t]*=(?!=)")
        return any(given.search(text) for _, text in self._surroundings.texts_with(name, path) or ())

    def _beside(self, path: str) -> set[str]:
        """Return the names of the modules in the package that a file is; none for a plain module."""
        folder, file = os.path.split(path)
        listing = self._surroundings.layout.listing(folder) if file == "__init__.py" else ()
        return {each.partition(".")[0] for each in listing}

    def _never_says(self, path: str, name: str, steps: int) -> bool:
        """Whether a name stands nowhere in a module, nor in those that it imports all names of."""
        source = self._surroundings.source_of(path)
        if source is None or name.startswith("__") or re.search(rf"\b{re.escape(name)}\b", source.text):
            return False
        if _MAKES_NAMES.search(source.text) or _OWN_NAME.search(source.text) or self._is_set_elsewhere(name, path):
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
