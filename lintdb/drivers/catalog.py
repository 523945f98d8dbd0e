"""The driver models: which exist, which a file needs, and what they say together.

Most functions take `own`, the models that a project brings along besides the built-in ones. The file stem of a built-in
model is the top-level import name of its library, so that the names of the files are all that the text
gate needs to know; a model is read only when a checked file mentions it.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from types import MappingProxyType
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from lintdb.drivers import own as own_models
from lintdb.drivers.model import Driver, ModelError, inherit
from lintdb.drivers.own import OwnModel, build_own, iter_own
from lintdb.drivers.reader import parse_driver, placed
from lintdb.drivers.shapes import ShapeError
from lintdb.effects import CallModel, Duty, Event, Form, Kind
from lintdb.toml import load_toml

Own = tuple[OwnModel, ...]

STANDARD = "stdlib"
"""The model that is always loaded: calls of the standard library and common packages that only use what they get."""


@dataclass(frozen=True)
class Models:
    """Everything that the drivers of one file say, keyed the way the engine asks.

    `functions`: dotted name → call models, the first whose conditions hold wins. `kinds`: kind id → kind. `types`:
    dotted class name → kind id. `exceptions`: dotted exception class → its base. `errors`: driver → dotted base class
    of what its calls raise. `aliases`: another dotted name of something, or of a module, → the name used here.
    `harmless`: exception classes that leave a unit of work as it was. `statements`: methods of tables, which are known
    by no type, → what the statement that they make does. `classes`: dotted class name → the kind that classes are which
    derive from it. `objects`: dotted name of an object that is always there → its kind.
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
    classes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    objects: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

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

        The last names of functions that hand something out or block, of the classes that annotations can name or from
        which classes derive that are of a kind themselves, of objects that are always there, the methods that end a
        unit of work, those that tell the library by themselves or with a name, and the settings of frameworks. A method
        called `cursor()` says what its object is, whoever has made that.
        """
        names = {
            name.rpartition(".")[2]
            for name, calls in self.functions.items()
            if any(call.acquires or call.gives or call.coroutine or call.blocking for call in calls)
        }
        names |= {name.rpartition(".")[2] for name in (*self.types, *self.classes, *self.objects)}
        names |= {
            name
            for kind in self.kinds.values()
            for name, calls in kind.methods.items()
            if any(call.event in (Event.COMMIT, Event.ROLLBACK) for call in calls)
        }
        names |= {method for driver in self.drivers for method in driver.telltale}
        names |= {method for driver in self.drivers for methods in driver.named.values() for method in methods}
        names |= {word for driver in self.drivers for entry in driver.configurations for word in entry.words}
        says_itself = r"\.cursor\(|" if any("cursor" in kind.methods for kind in self.kinds.values()) else ""
        return re.compile(rf"{says_itself}\b(?:{'|'.join(sorted(map(re.escape, names)))})\b")

    def driver(self, name: str) -> Driver | None:
        """Return the loaded driver called *name*."""
        return next((driver for driver in self.drivers if driver.name == name), None)


@functools.cache
def driver_names() -> tuple[str, ...]:
    """Names of the built-in models without the always-loaded one, sorted. Costs one directory listing."""
    files = (entry.name for entry in resources.files(__package__).iterdir())
    stems = {name.removesuffix(".toml") for name in files if name.endswith(".toml")}
    return tuple(sorted(stems - {STANDARD}))


_HEAD_LIST = re.compile(r"^(imports|telltale) = \[([^\]]*)\]", re.MULTILINE)


@functools.cache
def _listed() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return the lists at the heads of the built-in models: driver → key → texts; and `settings` of frameworks.

    Read without parsing the models, since they are needed before it is known whether any of them is. The few that
    describe settings are parsed. Of the standard one there is no more than the methods that tell by themselves.
    """
    found: dict[str, Mapping[str, tuple[str, ...]]] = {}
    for name in (*driver_names(), STANDARD):
        text = (resources.files(__package__) / f"{name}.toml").read_text(encoding="utf-8")
        lists = {key: tuple(re.findall(r'"([^"]+)"', texts)) for key, texts in _HEAD_LIST.findall(text[:2000])}
        if "[[configurations]]" in text:
            settings = (word for entry in load_driver(name).configurations for word in entry.words)
            lists["settings"] = tuple(dict.fromkeys(settings))
        found[name] = lists
    return MappingProxyType(found)


@functools.cache
def import_roots() -> Mapping[str, str]:
    """Top-level import name → driver: the file stem, and the other names in the model's `imports`."""
    roots: dict[str, str] = {}
    for name in driver_names():
        lists = _listed()[name]
        roots[name] = name
        for word in lists.get("imports", ()):
            roots.setdefault(word.partition(".")[0], name)
    return MappingProxyType(roots)


@dataclass(frozen=True)
class Words:
    """Words by which a file is known to use some drivers (their names).

    `imported` are top-level names that it imports. `nearby` are parts of dotted names of own models: what a relative
    import names when the file is of the same package. `builtin` are functions that need no import. `telltale` are
    methods that tell by themselves, `settings` those of frameworks, which need no import. `own_names` are the dotted
    names of own models in full.
    """

    imported: Mapping[str, frozenset[str]]
    nearby: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    builtin: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    telltale: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    settings: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    own_names: frozenset[str] = frozenset()


@functools.cache
def words(own: Own = ()) -> Words:
    """Return the words that decide which drivers a file needs."""
    imported = {word: {name} for word, name in import_roots().items()}
    nearby: dict[str, set[str]] = {}
    builtin: dict[str, set[str]] = {}
    telltale: dict[str, set[str]] = {}
    settings: dict[str, set[str]] = {}
    for name, lists in _listed().items():
        for method in lists.get("telltale", ()):
            telltale.setdefault(method, set()).add(name)
        for word in lists.get("settings", ()):
            settings.setdefault(word, set()).add(name)
    own_names: set[str] = set()
    for model in own:
        driver = load_driver(model.name, None, own)
        own_names |= _names_of(driver)
        for method in driver.telltale:
            telltale.setdefault(method, set()).add(driver.name)
        for entry in driver.configurations:
            for word in entry.words:
                settings.setdefault(word, set()).add(driver.name)
        for dotted in driver.imports:
            imported.setdefault(dotted.partition(".")[0], set()).add(driver.name)
        for dotted in _names_of(driver):
            root, *rest = dotted.split(".")
            (imported if rest else builtin).setdefault(root, set()).add(driver.name)
            for word in (root, *rest):
                nearby.setdefault(word, set()).add(driver.name)
    return Words(
        _frozen(imported),
        _frozen(nearby),
        _frozen(builtin),
        _frozen(telltale),
        _frozen(settings),
        frozenset(own_names),
    )


def _frozen(drivers: Mapping[str, set[str]]) -> Mapping[str, frozenset[str]]:
    return MappingProxyType({word: frozenset(names) for word, names in drivers.items()})


def _names_of(driver: Driver) -> set[str]:
    """Return the dotted names of functions, classes and exceptions by which code refers to a driver."""
    names = {name for call in driver.functions for name in call.names}
    names |= {name for kind in driver.kinds.values() for name in (*kind.types, *kind.objects, *kind.classes)}
    return names | driver.exceptions.keys() | driver.aliases.keys()


@functools.cache
def exported_names(module: str) -> frozenset[str]:
    """Return the names that `from module import *` brings in, of those that a built-in model speaks of."""
    driver = import_roots().get(module.partition(".")[0])
    names = _names_of(load_driver(driver)) if driver is not None else ()
    parts = (name.rpartition(".") for name in names)
    return frozenset(last for above, _, last in parts if above == module and not last.startswith("_"))


@functools.cache
def load_driver(name: str, version: str | None = None, own: Own = ()) -> Driver:
    """Read the model *name* for one library version (None: the newest). Raises `ModelError`."""
    for model in own:
        if model.name == name:
            return build_own(model, load_driver, driver_names(), version)
    file = resources.files(__package__) / f"{name}.toml"
    if not file.is_file():
        raise ModelError(f"no built-in driver model is called {name!r}")
    return parse_driver(file.read_text(encoding="utf-8"), f"{name}.toml", version)


def read_own(
    file: str, keys: Sequence[str], tables: Mapping[str, object], patterns: Iterable[str], shown: Callable[[str], str]
) -> Own:
    """Return the models of a configuration, checked; see `iter_own`. Raises `ModelError` for the first fault."""
    own = tuple(iter_own(file, keys, tables, patterns, shown))
    places: dict[str, str] = {}
    for model in own:
        if model.name in places:
            raise ModelError(
                f"{model.name!r} is described twice: {places[model.name]} does it, too", model.file, model.key
            )
        places[model.name] = model.key or model.file
        _check_own(model)
    return own


def read_own_file(path: str) -> OwnModel:
    """Return the model in a file, checked; raises `ModelError` for the first fault."""
    model = own_models.read_own_file(path, path)
    _check_own(model)
    return model


def _check_own(model: OwnModel) -> None:
    """Raise `ModelError` if what a model says cannot be followed in one of the versions that it tells apart."""
    with own_models.with_line(model.path):
        own_models.check_names(model)
        _check_versions(model)


def _check_versions(model: OwnModel) -> None:
    own = (model,)
    for version in known_versions(model.name, own):
        models = load_models([model.name], {model.name: version}, own)
        driver = models.driver(model.name)
        assert driver is not None
        for kind_id in driver.kinds:
            kind = models.kinds[kind_id]
            if kind.duty is Duty.MUST and not can_be_released(kind, models.kinds, driver.functions):
                message = 'nothing releases it: give a method or a function `releases`, or say `duty = "none"`'
                with placed(model.file, model.key):
                    raise ShapeError(message, "kinds", kind_id.partition(".")[2])


def can_be_released(kind: Kind, kinds: Mapping[str, Kind], functions: Iterable[CallModel] = ()) -> bool:
    """Whether there is a way: a method of its own, leaving a block, a method of whoever hands it out, a function."""
    if any(call.releases == "self" for calls in kind.methods.values() for call in calls):
        return True
    if any(block is not None and block.releases for block in (kind.with_block, kind.async_with_block)):
        return True
    if any(call.releases is not None or (call.acquires == kind.id and call.form is Form.WITH) for call in functions):
        return True
    for owner in kinds.values():
        calls = [call for entry in owner.methods.values() for call in entry]
        hands_out = any(call.acquires == kind.id for call in calls)
        if hands_out and any(call.releases not in (None, "self") for call in calls):
            return True
    return False


def json_schema() -> str:
    """Return the JSON Schema of model files, as editors want it."""
    return (resources.files(__package__) / "schema.json").read_text(encoding="utf-8")


def load_models(names: Iterable[str], versions: Mapping[str, str] | None = None, own: Own = ()) -> Models:
    """Return what the drivers *names* and those they require say together; *versions* maps a driver to its version."""
    wanted = set(names)
    versions = versions or {}
    todo = list(wanted)
    while todo:
        for required in load_driver(todo.pop(), None, own).requires:
            if required not in wanted:
                wanted.add(required)
                todo.append(required)
    key = tuple((name, versions.get(name)) for name in sorted(wanted))
    return _load_models(key, tuple(model for model in own if model.name in wanted))


@functools.cache
def _load_models(key: tuple[tuple[str, str | None], ...], own: Own) -> Models:
    # Of several models for a function the first one counts: what the project says of it itself.
    mine = {model.name for model in own}
    ordered = sorted(key, key=lambda entry: entry[0] not in mine)
    drivers = [load_driver(name, version, own) for name, version in ordered]
    drivers.insert(len(own), load_driver(STANDARD))
    kinds = {kind_id: kind for driver in drivers for kind_id, kind in driver.kinds.items()}
    drivers = [_in_this_version(driver, kinds) if driver.name in mine else driver for driver in drivers]
    functions: dict[str, tuple[CallModel, ...]] = {}
    types: dict[str, str] = {}
    exceptions: dict[str, str] = {}
    errors: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for driver in drivers:
        for call in driver.functions:
            for name in call.names:
                functions[name] = _among(functions.get(name, ()), call, mine)
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
    classes = {name: kind.id for kind in kinds.values() for name in kind.classes}
    objects = {name: kind.id for kind in kinds.values() for name in kind.objects}
    return Models(
        tuple(drivers), functions, kinds, types, exceptions, errors, aliases, harmless, statements, classes, objects
    )


def _among(others: tuple[CallModel, ...], call: CallModel, mine: set[str]) -> tuple[CallModel, ...]:
    """Add a model of a function: one with conditions comes before those of other drivers that count in any case.

    What the project says itself (*mine*) comes before all.
    """
    ahead = {call.driver, *mine}
    places = [place for place, each in enumerate(others) if not each.when and each.driver not in ahead]
    place = places[0] if places and call.when else len(others)
    return (*others[:place], call, *others[place:])


def _in_this_version(driver: Driver, kinds: dict[str, Kind]) -> Driver:
    """Return an own driver without what stands on kinds that the versions of the other drivers do not have.

    It was checked against their newest ones; the kinds that are left out are taken from *kinds*, too.
    """
    absent = {kind_id for kind_id, like in driver.borrowed.items() if like.base not in kinds}
    if not absent:
        return driver
    for kind_id in absent:
        del kinds[kind_id]
    return _in_this_version(
        replace(
            driver,
            kinds={kind_id: kind for kind_id, kind in driver.kinds.items() if kind_id not in absent},
            borrowed={kind_id: like for kind_id, like in driver.borrowed.items() if kind_id not in absent},
            functions=tuple(call for call in driver.functions if not {call.acquires, call.gives} & absent),
        ),
        kinds,
    )


def complete_kinds(drivers: Iterable[Driver], kinds: dict[str, Kind]) -> None:
    """Complete the kinds that are `like` a kind of another driver; raises `ModelError` if that one is not loaded."""
    waiting = {kind_id: entry for driver in drivers for kind_id, entry in driver.borrowed.items()}
    while waiting:
        ready = [kind_id for kind_id, like in waiting.items() if like.base in kinds and like.base not in waiting]
        if not ready:
            kind_id, like = next(iter(waiting.items()))
            raise ModelError(
                f"{like.base!r} is no kind of this driver, nor of those it `requires`", key=f"{kind_id}.like"
            )
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
                    raise ModelError(
                        f"{target!r} is no kind of the loaded drivers", key=f"{driver.name}: {call.names[0]}"
                    )


def known_versions(name: str, own: Own = ()) -> tuple[str, ...]:
    """Return the versions of a driver that its model tells apart or was checked against, oldest first."""
    driver = load_driver(name, None, own)
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
def conda_names() -> Mapping[str, str]:
    """Return the distribution that a package of conda's (its normalized name) has, where it is called otherwise."""
    found: dict[str, str] = {}
    for name, head in _heads().items():
        for package in head.get("conda", ()):
            found[canonicalize_name(package)] = head.get("distributions", [name])[0]
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


def find_driver(name: str, own: Own = ()) -> str:
    """Return the driver that users mean by *name*: `redis`, `redis-py`, `psycopg2-binary`, `SQLAlchemy`.

    Raises `LookupError` with a hint if there is none.
    """
    names = {**_spoken_names(), **{_normalized(model.name): model.name for model in own}}
    wanted = _normalized(name)
    if wanted in names:
        return names[wanted]
    close = difflib.get_close_matches(wanted, names, n=1)
    hint = f"; did you mean `{names[close[0]]}`?" if close else "; `lintdb drivers` lists those that are known"
    raise LookupError(f"no library is called {name!r}{hint}")


def describe_all(own: Own = ()) -> str:
    """Return a table of the models: name, library, versions, what is tracked."""
    from lintdb.drivers.describe import render_all

    names = (*driver_names(), *(model.name for model in own))
    return render_all((load_driver(name, None, own), families_of(name, own)) for name in names)


def families_of(name: str, own: Own = ()) -> tuple[str, ...]:
    """Return the families of what is followed of a library, its own kinds first; without those that say nothing."""
    models = load_models([name], None, own)
    driver = models.driver(name)
    assert driver is not None
    found = dict.fromkeys(driver.kinds)
    for kind_id in list(found):
        kind = models.kinds[kind_id]
        calls = [call for entry in kind.methods.values() for call in entry]
        found |= dict.fromkeys([*kind.attributes.values(), *(kind_id for call in calls for kind_id in _made_by(call))])
    found |= dict.fromkeys(kind_id for call in driver.functions for kind_id in _made_by(call))
    families = dict.fromkeys(models.kinds[kind_id].family for kind_id in found)
    return tuple(family for family in families if family not in ("factory", "other"))


def _made_by(call: CallModel) -> list[str]:
    return [kind_id for kind_id in (call.acquires, call.gives) if kind_id not in (None, "self")]


def describe(name: str, version: str | None = None, own: Own = ()) -> str:
    """Return a readable print of one model; raises `LookupError` with a hint if there is none."""
    from lintdb.drivers.describe import render_one

    if name != STANDARD:
        name = find_driver(name, own)
    models = load_models([name], {name: version} if version else None, own)
    driver = models.driver(name)
    assert driver is not None
    return render_one(driver, models.kinds, () if version else _older_versions(driver, own))


def _older_versions(driver: Driver, own: Own) -> Iterator[tuple[str, Driver, Mapping[str, Kind]]]:
    """Yield the version of each change of a driver, newest first, with what held before it."""
    for before, change in reversed([*itertools.pairwise(("0", *driver.cut_overs))]):
        models = load_models([driver.name], {driver.name: before}, own)
        old = models.driver(driver.name)
        assert old is not None
        yield change, old, models.kinds
