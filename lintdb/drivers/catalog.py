"""The built-in driver models: which exist, which a file needs, and what they say together.

A model's file stem is the top-level import name of its library, so that the names of the files are all that the text
gate needs to know; a model is read only when a checked file mentions it.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from lintdb.drivers.model import Driver, ModelError, inherit
from lintdb.drivers.reader import load_toml, parse_driver
from lintdb.effects import CallModel, Event, Kind

STANDARD = "stdlib"
"""The model that is always loaded: calls of the standard library and common packages that only use what they get."""


@dataclass(frozen=True)
class Models:
    """Everything that the drivers of one file say, keyed the way the engine asks.

    `functions`: dotted name → call models, the first whose conditions hold wins. `kinds`: kind id → kind. `types`:
    dotted class name → kind id. `exceptions`: dotted exception class → its base. `errors`: driver → dotted base class
    of what its calls raise. `aliases`: another dotted name of something, or of a module, → the name used here.
    `harmless`: exception classes that leave a unit of work as it was. `statements`: methods of tables, which are known
    by no type, → what the statement that they make does.
    """

    drivers: tuple[Driver, ...]
    functions: Mapping[str, tuple[CallModel, ...]]
    kinds: Mapping[str, Kind]
    types: Mapping[str, str]
    exceptions: Mapping[str, str]
    errors: Mapping[str, str]
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    harmless: frozenset[str] = frozenset()
    statements: Mapping[str, Event] = field(default_factory=lambda: MappingProxyType({}))

    def canonical(self, name: str) -> str:
        """Return the name that these models use for the dotted *name*; the alias of the longest prefix wins."""
        prefix, rest = name, ""
        while prefix:
            if prefix in self.aliases:
                return self.aliases[prefix] + rest
            prefix, dot, last = prefix.rpartition(".")
            rest = f"{dot}{last}{rest}"
        return name

    @functools.cached_property
    def triggers(self) -> re.Pattern[str]:
        """Words without which a file that imports these libraries has nothing to follow.

        The last names of functions that hand something out or block, of the classes that annotations can name, and the
        methods that end a unit of work.
        """
        names = {
            name.rpartition(".")[2]
            for name, calls in self.functions.items()
            if any(call.acquires or call.gives or call.coroutine or call.blocking for call in calls)
        }
        names |= {name.rpartition(".")[2] for name in self.types}
        names |= {
            name
            for kind in self.kinds.values()
            for name, calls in kind.methods.items()
            if any(call.event in (Event.COMMIT, Event.ROLLBACK) for call in calls)
        }
        return re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, names)))})\b")

    def driver(self, name: str) -> Driver | None:
        """Return the loaded driver called *name*."""
        return next((driver for driver in self.drivers if driver.name == name), None)


@functools.cache
def driver_names() -> tuple[str, ...]:
    """Names of the built-in models without the always-loaded one, sorted. Costs one directory listing."""
    files = (entry.name for entry in resources.files(__package__).iterdir())
    stems = {name.removesuffix(".toml") for name in files if name.endswith(".toml")}
    return tuple(sorted(stems - {STANDARD}))


_IMPORTS = re.compile(r"^imports = \[([^\]]*)\]", re.MULTILINE)


@functools.cache
def import_roots() -> Mapping[str, str]:
    """Top-level import name → driver: the file stem, and the other names in the model's `imports`.

    Read without parsing the models, since it is needed before it is known whether any of them is.
    """
    roots: dict[str, str] = {}
    for name in driver_names():
        roots[name] = name
        head = (resources.files(__package__) / f"{name}.toml").read_text(encoding="utf-8")[:2000]
        match = _IMPORTS.search(head)
        for word in re.findall(r'"([^"]+)"', match.group(1)) if match else ():
            roots.setdefault(word.partition(".")[0], name)
    return MappingProxyType(roots)


@functools.cache
def load_driver(name: str, version: str | None = None) -> Driver:
    """Read the built-in model *name* for one library version (None: the newest). Raises `ModelError`."""
    file = resources.files(__package__) / f"{name}.toml"
    if not file.is_file():
        raise ModelError(f"no built-in driver model is called {name!r}")
    return parse_driver(file.read_text(encoding="utf-8"), f"{name}.toml", version)


def load_models(names: Iterable[str], versions: Mapping[str, str] | None = None) -> Models:
    """Return what the drivers *names* and those they require say together; *versions* maps a driver to its version."""
    wanted = set(names)
    versions = versions or {}
    todo = list(wanted)
    while todo:
        for required in load_driver(todo.pop(), None).requires:
            if required not in wanted:
                wanted.add(required)
                todo.append(required)
    key = tuple((name, versions.get(name)) for name in sorted(wanted))
    return _load_models(key)


@functools.cache
def _load_models(key: tuple[tuple[str, str | None], ...]) -> Models:
    drivers = [load_driver(STANDARD, None), *(load_driver(name, version) for name, version in key)]
    functions: dict[str, tuple[CallModel, ...]] = {}
    kinds: dict[str, Kind] = {}
    types: dict[str, str] = {}
    exceptions: dict[str, str] = {}
    errors: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for driver in drivers:
        for call in driver.functions:
            for name in call.names:
                functions[name] = (*functions.get(name, ()), call)
        kinds.update(driver.kinds)
        for kind in driver.kinds.values():
            for name in kind.types:
                types.setdefault(name, kind.id)
        exceptions.update(driver.exceptions)
        if driver.errors is not None:
            errors[driver.name] = driver.errors
        aliases.update(driver.aliases)
    complete_kinds(drivers, kinds)
    check_kinds(drivers, kinds)
    harmless = frozenset(name for driver in drivers for name in driver.harmless)
    statements = {name: event for driver in drivers for name, event in driver.statements.items()}
    return Models(tuple(drivers), functions, kinds, types, exceptions, errors, aliases, harmless, statements)


def complete_kinds(drivers: Iterable[Driver], kinds: dict[str, Kind]) -> None:
    """Complete the kinds that are `like` a kind of another driver; raises `ModelError` if that one is not loaded."""
    waiting = {kind_id: entry for driver in drivers for kind_id, entry in driver.borrowed.items()}
    while waiting:
        ready = [kind_id for kind_id, like in waiting.items() if like.base in kinds and like.base not in waiting]
        if not ready:
            kind_id, like = next(iter(waiting.items()))
            raise ModelError(f"{kind_id}: like = {like.base!r} is no kind of this driver, nor of those it `requires`")
        for kind_id in ready:
            like = waiting.pop(kind_id)
            kinds[kind_id] = inherit(kinds[kind_id], kinds[like.base], like)


def check_kinds(drivers: Iterable[Driver], kinds: Mapping[str, Kind]) -> None:
    """Raise `ModelError` if a call names a kind that no loaded driver has."""
    for driver in drivers:
        calls = [call for kind in driver.kinds for models in kinds[kind].methods.values() for call in models]
        for call in (*driver.functions, *calls):
            for target in (call.acquires, call.gives):
                if target not in (None, "self") and target not in kinds:
                    raise ModelError(f"{driver.name}: {call.names[0]}: {target!r} is no kind of the loaded drivers")


def known_versions(name: str) -> tuple[str, ...]:
    """Return the versions of a driver that its model tells apart or was checked against, oldest first."""
    driver = load_driver(name)
    texts = {Version(text): text for text in (*driver.cut_overs, *driver.releases, driver.newest)}
    return tuple(texts[version] for version in sorted(texts))


@functools.cache
def _heads() -> Mapping[str, Mapping[str, Any]]:
    """Return the table [driver] of each model; the rest of the models is not parsed."""
    found: dict[str, Mapping[str, Any]] = {}
    for name in driver_names():
        text = (resources.files(__package__) / f"{name}.toml").read_text(encoding="utf-8")
        start = text.index("[driver]")
        end = text.find("\n[", start)
        found[name] = load_toml(text[start : end if end >= 0 else len(text)])["driver"]
    return MappingProxyType(found)


@functools.cache
def distributions() -> Mapping[str, str]:
    """Return which driver a distribution (its normalized name) belongs to."""
    found: dict[str, str] = {}
    for name, head in _heads().items():
        for distribution in head.get("distributions", [name]):
            found[canonicalize_name(distribution)] = name
    return MappingProxyType(found)


@functools.cache
def _spoken_names() -> Mapping[str, str]:
    """Return which driver a name (normalized) means: its own, its distributions', its title or what is imported."""
    found = {**{_normalized(name): name for name in driver_names()}, **distributions()}
    for name, head in _heads().items():
        for text in (head.get("title", name), *head.get("imports", ())):
            found.setdefault(_normalized(text), name)
    return MappingProxyType(found)


def _normalized(text: str) -> str:
    return canonicalize_name("-".join(text.split()))


def find_driver(name: str) -> str:
    """Return the driver that users mean by *name*: `redis`, `redis-py`, `psycopg2-binary`, `SQLAlchemy`.

    Raises `LookupError` with a hint if there is none.
    """
    names = _spoken_names()
    wanted = _normalized(name)
    if wanted in names:
        return names[wanted]
    close = difflib.get_close_matches(wanted, names, n=1)
    hint = f"; did you mean `{names[close[0]]}`?" if close else "; `lintdb drivers` lists those that are known"
    raise LookupError(f"no library is called {name!r}{hint}")


def describe_all() -> str:
    """Return a table of the built-in models: name, library, versions, what is tracked."""
    from lintdb.drivers.describe import render_all

    return render_all(load_driver(name) for name in driver_names())


def describe(name: str, version: str | None = None) -> str:
    """Return a readable print of one built-in model; raises `LookupError` with a hint if there is none."""
    from lintdb.drivers.describe import render_one

    if name != STANDARD:
        name = find_driver(name)
    models = load_models([name], {name: version} if version else None)
    driver = models.driver(name)
    assert driver is not None
    return render_one(driver, models.kinds)
