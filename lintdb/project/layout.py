"""Where the modules of a project lie: from file to module name, and from dotted name to file.

Python itself is not asked: what it would import depends on an environment that lintdb neither has nor runs. A dotted
name is looked up in the folder from which the importing file's own package would be imported, then in the folders above
it up to the root of the project, and in `src` of each; at last beside the file, and above it in its package: a program
may be started inside of that.
"""

# Paths are strings here: they are keys of many tables, and Path objects would dominate the time.
# ruff: noqa: PTH118, PTH120, PTH206, PTH208

from __future__ import annotations

import os
import re
import sys
import zlib
from pathlib import Path
from typing import NamedTuple

from lintdb.drivers.catalog import import_roots
from lintdb.syntax.modules import OWN, ModuleName

_ROOT_MARKS = frozenset({
    ".git", ".hg", "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile", "tox.ini", "lintdb.toml",
    "manage.py",
})  # fmt: skip
_MOST_LEVELS = 8
_LEVELS_WITHOUT_MARK = 3
_PACKAGE = "__init__.py"
_NOT_OWN = frozenset({"node_modules", "site-packages", "__pycache__", "build", "dist"})
_MOST_FILES, _MOST_FOLDERS = 5_000, 10_000


class Located(NamedTuple):
    """The file of the longest part of a dotted name that is a module, and the parts that follow."""

    path: str
    rest: tuple[str, ...]


class Layout:
    """Answers from folder listings, each of which is read once."""

    def __init__(self) -> None:
        self._listings: dict[str, frozenset[str]] = {}
        self._roots: dict[str, tuple[str, ...]] = {}
        self._names: dict[str, ModuleName] = {}
        self._located: dict[tuple[str, str], Located | None] = {}
        self._by_package: dict[str, bool] = {}
        self._files: dict[str, tuple[str, ...] | None] = {}

    def listing(self, folder: str) -> frozenset[str]:
        """Return the names in a folder; none for one that cannot be read."""
        found = self._listings.get(folder)
        if found is None:
            try:
                found = frozenset(os.listdir(folder or "."))
            except OSError:
                found = frozenset()
            self._listings[folder] = found
        return found

    def name_of(self, path: str) -> ModuleName:
        """Return what the module in the file at *path* (absolute) is called by the other modules of its project."""
        found = self._names.get(path)
        if found is None:
            root = self.roots_of(path)[0]
            relative = os.path.relpath(path, root)
            parts = relative.removesuffix(".py").split(os.sep)
            is_package = parts[-1] == "__init__"
            dotted = ".".join(parts[:-1] if is_package else parts)
            # From the name alone: the same in every process, and on every machine.
            found = ModuleName(path, dotted, is_package, zlib.crc32(relative.encode("utf-8", "surrogatepass")))
            self._names[path] = found
        return found

    def roots_of(self, path: str) -> tuple[str, ...]:
        """Return the folders in which a file's imports are looked up, nearest first."""
        folder = os.path.dirname(path)
        found = self._roots.get(folder)
        if found is None:
            found = self._roots[folder] = self._find_roots(folder)
        return found

    def _find_roots(self, folder: str) -> tuple[str, ...]:
        top = folder
        while _PACKAGE in self.listing(top) and os.path.dirname(top) != top:
            top = os.path.dirname(top)
        above = [top]
        while len(above) <= _MOST_LEVELS and not _ROOT_MARKS & self.listing(above[-1]):
            parent = os.path.dirname(above[-1])
            if parent in (above[-1], os.path.dirname(parent)):
                break
            above.append(parent)
        if not _ROOT_MARKS & self.listing(above[-1]):
            above = above[: _LEVELS_WITHOUT_MARK + 1]
        return tuple(each for root in above for each in (root, *self._source_folder(root)))

    def _source_folder(self, root: str) -> tuple[str, ...]:
        return (os.path.join(root, "src"),) if "src" in self.listing(root) else ()

    def files_around(self, path: str) -> tuple[str, ...] | None:
        """Return the Python files of the project that a file belongs to; None if no root is known, or for too many."""
        root = self._root_of(path)
        if root is None:
            return None
        if root not in self._files:
            self._files[root] = _python_files_below(root)
        return self._files[root]

    def folders_to(self, path: str) -> tuple[str, ...]:
        """Return the names of the folders between the root of a file's project and the file; none if no root is known.

        They are outermost first.
        """
        root = self._root_of(path)
        return tuple(os.path.relpath(path, root).split(os.sep)[:-1]) if root is not None else ()

    def _root_of(self, path: str) -> str | None:
        return next((each for each in reversed(self.roots_of(path)) if _ROOT_MARKS & self.listing(each)), None)

    def locate(self, dotted: str, importer: str) -> Located | None:
        """Return what file a dotted name leads to when the file *importer* imports it; None for other people's code.

        A name that begins with dots is looked up from the importer's folder: no package is known that it could be in.
        """
        key = (os.path.dirname(importer), dotted)
        if key not in self._located:
            name = dotted.removeprefix(OWN)
            absolute = name.lstrip(".")
            folder = key[0]
            for _ in range(len(name) - len(absolute) - 1):
                folder = os.path.dirname(folder)
            roots = self.roots_of(importer) if absolute == name else (folder,)
            parts = absolute.split(".")
            located = self._locate(parts, roots)
            if located is None and absolute == name and not is_of_library(parts[0]):
                located = self._locate_beside(parts, key[0])
            self._located[key] = located
        found = self._located[key]
        return found if found is not None and found.path != importer else None

    def _locate_beside(self, parts: list[str], folder: str) -> Located | None:
        """Return where a name leads in a program that is started inside of its package.

        Others mean a library that has the name: where files import by way of their package, or the name is not there.
        """
        located = self._locate(parts, self._folders_of_package(folder))
        if located is None or self._imports_by_package(folder):
            return None
        return located if not located.rest or _says(located.path, _definition_of(located.rest[0])) else None

    def _imports_by_package(self, folder: str) -> bool:
        """Whether a file in a folder imports from its own package, which only one that is in it can do."""
        if folder not in self._by_package:
            files = [os.path.join(folder, each) for each in sorted(self.listing(folder)) if each.endswith(".py")]
            top = re.escape(self.name_of(files[0]).dotted.partition(".")[0]) if files else ""
            self._by_package[folder] = any(_says(each, rf"^\s*(?:from|import)\s+(?:\.|{top}\b)") for each in files)
        return self._by_package[folder]

    def _folders_of_package(self, folder: str) -> tuple[str, ...]:
        """Return a folder and those above it, as far as they are parts of one package."""
        found: list[str] = []
        while _PACKAGE in self.listing(folder) and os.path.dirname(folder) != folder:
            found.append(folder)
            folder = os.path.dirname(folder)
        return tuple(found)

    def _locate(self, parts: list[str], roots: tuple[str, ...]) -> Located | None:
        best: Located | None = None
        for root in roots:
            folder = root
            for number, part in enumerate(parts, start=1):
                names = self.listing(folder)
                inner = os.path.join(folder, part)
                path = None
                if part in names and _PACKAGE in self.listing(inner):
                    path = os.path.join(inner, _PACKAGE)
                elif f"{part}.py" in names:
                    path = f"{inner}.py"
                if path is not None and (best is None or len(parts) - number < len(best.rest)):
                    best = Located(path, tuple(parts[number:]))
                if part not in names:
                    break
                folder = inner
            if best is not None:
                # The nearest root that has the package has its modules, too.
                return best
        return best


def is_of_library(name: str) -> bool:
    """Whether Python, or a library that is known, has a module of that name, which one of a package does not hide."""
    return name in sys.stdlib_module_names or name in import_roots()


def _definition_of(name: str) -> str:
    """Return what a file says where it may define a top-level name, as a regular expression."""
    told = re.escape(name)
    made = rf"^\s*(?:async\s+)?(?:def|class)\s+{told}\b|^\s*{told}\b[^=\n(]*="
    return rf"{made}|^\s*(?:from|import)\b[^\n]*\b{told}\b"


def _says(path: str, pattern: str) -> bool:
    """Whether a pattern matches in the text of a file; not if that cannot be read."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(pattern, text, re.MULTILINE) is not None


def _python_files_below(root: str) -> tuple[str, ...] | None:
    """Return the files of a folder and of those below it, in a stable order, but none that others have installed.

    None for more than can be one project: somebody's home, under version control.
    """
    found: list[str] = []
    for number, (folder, folders, files) in enumerate(os.walk(root)):
        folders[:] = sorted(each for each in folders if each not in _NOT_OWN and not each.startswith("."))
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        found += [os.path.join(folder, each) for each in sorted(files) if each.endswith(".py")]
        if number >= _MOST_FOLDERS or len(found) > _MOST_FILES:
            return None
    return tuple(found)
