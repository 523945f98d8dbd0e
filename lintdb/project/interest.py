"""Which names of which modules can have to do with resources: the only ones that other files are parsed for.

A driver's `connect` is one; so is a function that calls it, a class with a method that does, a variable that holds what
one of them gave, a module that passes such a name on. Names alone decide, read from outlines: that errs on the side of
interest. The answer for a module depends on the modules that it imports and on nothing else.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from re import Pattern

from lintdb import gate
from lintdb.drivers.catalog import Own, exported_names, import_roots, load_models, words
from lintdb.project.layout import Layout
from lintdb.syntax.outline import Chain, Outline, imported_names, outline_of

_MOST_MODULES = 5_000


class _Module:
    """What is known of one file: which other files it imports from, and which of its names are of interest.

    `driver_made` are those of its variables that hold what a driver's function gave.
    """

    def __init__(self, text: str, own: Own) -> None:
        self.text = text
        self.drivers = gate.mentioned(text, own)
        self.names: frozenset[str] = frozenset()
        self.driver_made: frozenset[str] = frozenset()
        self.outline: Outline | None = None
        self.targets: tuple[str, ...] = ()


class Interest:
    """Finds the names of interest, module by module, as they are asked for.

    *read* returns the text of a file, None if it has none that can be read. *own* are the driver models that the
    project brings along.
    """

    def __init__(self, layout: Layout, read: Callable[[str], str | None], own: Own = ()) -> None:
        self.own = own
        self._layout = layout
        self._read = read
        self._modules: dict[str, _Module] = {}
        self._outlines: dict[str, Outline] = {}
        self._importers: dict[str, set[str]] = defaultdict(set)

    def names_in(self, path: str) -> frozenset[str]:
        """Return the names of a module that are of interest: what it defines, and what it passes on."""
        if path not in self._modules:
            self._explore(path)
        module = self._modules.get(path)
        return module.names if module is not None else frozenset()

    def concerns(self, path: str) -> bool:
        """Whether code in a file uses a name of interest that comes from another module."""
        names = self.names_in(path)
        module = self._modules.get(path)
        return module is not None and module.outline is not None and any(n in module.outline.definitions for n in names)

    def may_be_class(self, name: str, path: str) -> bool:
        """Whether a name of interest of a module may be that of a class, which it defines or passes on."""
        is_of_interest = name in self.names_in(path)
        module = self._modules.get(path)
        outline = module.outline if module is not None else None
        definition = outline.definitions.get(name) if outline is not None else None
        if not is_of_interest or outline is None or definition is None:
            return is_of_interest
        return definition.is_class or name in outline.imports or any(outline.given.get(name, ()))

    def _explore(self, path: str) -> None:
        """Look at a module and at all that it imports, and settle which of their names are of interest."""
        new = self._collect(path)
        waiting = dict.fromkeys(each for each in new if self._modules[each].drivers or self._imports_interest(each))
        while waiting:
            current = next(iter(waiting))
            del waiting[current]
            module = self._modules[current]
            before = (module.names, module.driver_made)
            self._settle(current, module)
            if (module.names, module.driver_made) != before:
                waiting.update(dict.fromkeys(sorted(self._importers[current])))

    def _collect(self, path: str) -> list[str]:
        """Read a file and those that it imports, directly or not, as far as they are not known yet."""
        new: list[str] = []
        todo = [path]
        while todo and len(new) < _MOST_MODULES:
            current = todo.pop()
            if current in self._modules:
                continue
            text = self._read(current)
            if text is None:
                continue
            module = self._modules[current] = _Module(text, self.own)
            module.targets = tuple(self._targets(current, text))
            new.append(current)
            for target in module.targets:
                self._importers[target].add(current)
                todo.append(target)
        return new

    def _targets(self, path: str, text: str) -> Iterable[str]:
        found: dict[str, None] = {}
        for base, name in imported_names(text, self._layout.name_of(path)):
            for dotted in (base, f"{base}.{name}" if name and name != "*" else ""):
                located = self._layout.locate(dotted, path) if dotted.strip(".") else None
                if located is not None and located.path != path:
                    found[located.path] = None
        return found

    def _imports_interest(self, path: str) -> bool:
        targets = self._modules[path].targets
        return any(target in self._modules and self._modules[target].names for target in targets)

    def _settle(self, path: str, module: _Module) -> None:
        """Work out the names of interest of one module from what is known of the others."""
        if module.outline is None:
            module.outline = self._outline(path, module.text)
        outline = module.outline
        names: set[str] = set()
        made: set[str] = set()
        judge = _Judge(self, path, module, names, made)
        changed = True
        while changed:
            changed = False
            for name, definition in outline.definitions.items():
                if name not in names and any(judge.is_of_interest(chain) for chain in definition.chains):
                    names.add(name)
                    if definition.is_value and any(judge.is_driver_call(chain) for chain in definition.chains):
                        made.add(name)
                    changed = True
        for name, targets in outline.imports.items():
            if name not in outline.definitions and any(judge.leads_to_interest(each.split(".")) for each in targets):
                names.add(name)
                if any(judge.leads_to_driver_made(each) for each in targets):
                    made.add(name)
        for star in outline.stars:
            found = self._module_called(star, path)
            if found is not None:
                names |= found.names
                made |= found.driver_made
        module.names, module.driver_made = frozenset(names), frozenset(made)

    def _outline(self, path: str, text: str) -> Outline:
        """Return the outline of a module, with the names that `from library import *` may bring in."""
        outline = self.outline_of(path, text)
        brought = [(star, name) for star in outline.stars for name in exported_names(star)]
        if not brought:
            return outline
        imports = {name: list(targets) for name, targets in outline.imports.items()}
        for star, name in brought:
            imports.setdefault(name, []).append(f"{star}.{name}")
        return replace(outline, imports=imports)

    def outline_of(self, path: str, text: str) -> Outline:
        """Return the outline of a module as it is written, made once: Python's parser, too, takes its time."""
        if path not in self._outlines:
            self._outlines[path] = outline_of(text, self._layout.name_of(path))
        return self._outlines[path]

    def _module_called(self, dotted: str, importer: str) -> _Module | None:
        located = self._layout.locate(dotted, importer) if dotted.strip(".") else None
        return self._modules.get(located.path) if located is not None and not located.rest else None

    def located_in(self, dotted: str, importer: str) -> tuple[_Module, tuple[str, ...]] | None:
        """Return the module of the project that a dotted name leads into, and the names that follow."""
        located = self._layout.locate(dotted, importer)
        module = self._modules.get(located.path) if located is not None else None
        return (module, located.rest) if module is not None and located is not None else None


class _Judge:
    """Decides about names in one module."""

    def __init__(self, interest: Interest, path: str, module: _Module, names: set[str], made: set[str]) -> None:
        self._interest = interest
        self._path = path
        self._module = module
        self._names = names
        self._made = made
        outline = module.outline or Outline()
        self._imports = outline.imports
        self._definitions = outline.definitions
        self._led: dict[Chain, bool] = {}
        self._stars = [found for star in outline.stars if (found := interest.located_in(star, path)) is not None]

    def is_of_interest(self, chain: Chain) -> bool:
        root = chain[0]
        if root in self._definitions and root in self._names:
            return self._is_use(chain[1:], root in self._made, self._module)
        if root in self._imports:
            # What other modules have does not change meanwhile, and the same names are read again and again.
            led = self._led.get(chain)
            if led is None:
                imports = self._imports[root]
                led = self._led[chain] = any(self.leads_to_interest([*each.split("."), *chain[1:]]) for each in imports)
            return led
        for module, _ in self._stars:
            if root in module.names:
                return self._is_use(chain[1:], root in module.driver_made, module)
        return self._is_own(list(chain))

    def is_driver_call(self, chain: Chain) -> bool:
        return any(self._is_trigger([*each.split("."), *chain[1:]]) for each in self._imports.get(chain[0], ()))

    def leads_to_interest(self, parts: list[str]) -> bool:
        if self._is_trigger(parts):
            return True
        found = self._interest.located_in(".".join(parts), self._path)
        if found is None or not found[1]:
            return False
        module, rest = found
        return rest[0] in module.names and self._is_use(rest[1:], rest[0] in module.driver_made, module)

    def leads_to_driver_made(self, dotted: str) -> bool:
        found = self._interest.located_in(dotted, self._path)
        return found is not None and len(found[1]) == 1 and found[1][0] in found[0].driver_made

    def _is_trigger(self, parts: list[str]) -> bool:
        driver = import_roots().get(parts[0])
        if driver is not None and any(_triggers(driver).fullmatch(part) for part in parts):
            return True
        return self._is_own(parts)

    def _is_own(self, parts: list[str]) -> bool:
        """Whether a model of the project's own names the function or class."""
        known = words(self._interest.own).own_names
        return bool(known) and any(".".join(parts[:end]) in known for end in range(1, len(parts) + 1))

    def _is_use(self, rest: Iterable[str], is_driver_made: bool, module: _Module) -> bool:
        """Whether what is read of a name of interest is of interest: `db.session` is, `db.Column` is not."""
        attribute = next(iter(rest), None)
        if attribute is None or not is_driver_made:
            return True
        return not module.drivers or attribute in _member_words(module.drivers, self._interest.own)


@functools.cache
def _triggers(driver: str) -> Pattern[str]:
    return load_models([driver]).triggers


@functools.cache
def _member_words(drivers: frozenset[str], own: Own) -> frozenset[str]:
    kinds = load_models(drivers, None, own).kinds.values()
    return frozenset(name for kind in kinds for name in (*kind.methods, *kind.attributes))
