"""What a model file says, for one version of its library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from lintdb.drivers.grammar import KIND
from lintdb.effects import CallModel, Configuration, Event, Kind, Server, Sign, Switch


class ModelError(Exception):
    """A model is not what the schema allows: in which file, at which key (dotted), and the cure.

    `keys` are the way to that key; `line` is where it stands, 0 as long as nobody has looked.
    """

    def __init__(
        self, message: str, file: str = "", key: str = "", keys: tuple[str | int, ...] = (), line: int = 0
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.key = key
        self.keys = keys
        self.line = line

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.key, self.message) if part)


class MissingHeadError(ModelError):
    """A file is asked for a model and has no table `[driver]`: whoever wrote it may not know yet how models look."""


@dataclass(frozen=True)
class Like:
    """What a kind takes from `base`: all but its types, the keys `given` and the methods that it is `without`.

    Of the settings only those named are taken: the others are those of the call that acquires the base.
    """

    base: str
    given: frozenset[str]
    settings: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Driver:
    """One library in one version.

    `extends` is the driver whose kinds it uses as its own. `is_layer`: it works through other drivers, whose errors may
    get through it. `statements` are methods of tables that make a statement, with what running it does. `harmless` are
    exception classes after which a unit of work is as good as before. `borrowed` maps kinds of this driver to what they
    take from a kind of another driver; the catalog, which knows those drivers, completes them. `naive_time` says what
    is made of a time without a zone; empty: not known. `quotes_names`: what stands between double quotes is a name,
    never a text. `same_rows` are methods of query objects and results that leave
    the number of rows as it was. `telltale` are methods that objects of no other library have, `named` those that tell
    what something is whose name ends with a word (word → methods), `borrowers` such as are given something and leave it
    to their caller, `pool_borrowers` such as do so with pools. `aliases` maps dotted names, or modules with everything
    in them, to the names that the model uses.
    `signs` tell
    files that are written for old releases. `releases` are the versions that the model was checked against, `cut_overs`
    those at which it says something else.
    """

    name: str
    title: str
    version: str
    imports: tuple[str, ...]
    distributions: tuple[str, ...]
    requires: tuple[str, ...]
    paramstyle: str | None
    errors: str | None
    blocking: bool
    kinds: Mapping[str, Kind] = field(default_factory=lambda: MappingProxyType({}))
    functions: tuple[CallModel, ...] = ()
    exceptions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    extends: str = ""
    is_layer: bool = False
    harmless: tuple[str, ...] = ()
    statements: Mapping[str, Event] = field(default_factory=lambda: MappingProxyType({}))
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    borrowed: Mapping[str, Like] = field(default_factory=lambda: MappingProxyType({}))
    naive_time: str = ""
    quotes_names: bool = False
    same_rows: tuple[str, ...] = ()
    telltale: tuple[str, ...] = ()
    named: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    borrowers: tuple[str, ...] = ()
    pool_borrowers: tuple[str, ...] = ()
    known_versions: str = ""
    newest: str = ""
    releases: tuple[str, ...] = ()
    cut_overs: tuple[str, ...] = ()
    switches: tuple[Switch, ...] = ()
    servers: tuple[Server, ...] = ()
    signs: tuple[Sign, ...] = ()
    configurations: tuple[Configuration, ...] = ()


NOT_INHERITED = frozenset({"types", "classes", "objects", "unshared"})
"""Keys that a kind has for itself, whatever it is like: its classes and objects, and who must not share it."""


def inherit(kind: Kind, base: Kind, like: Like) -> Kind:
    """Return *kind* with everything that it does not say itself taken from *base*; methods are merged by name."""
    taken = {name: calls for name, calls in base.methods.items() if name not in like.without}
    parts = {name: target for name, target in base.attributes.items() if name not in like.without}
    changes: dict[str, Any] = {
        "methods": MappingProxyType({**taken, **kind.methods}),
        "attributes": MappingProxyType({**parts, **kind.attributes}),
        "attribute_events": MappingProxyType(
            {} if _is_cleared(kind, like) else {**base.attribute_events, **kind.attribute_events}
        ),
        "state_flags": MappingProxyType({**base.state_flags, **kind.state_flags}),
        "settings": (*kind.settings, *(setting for setting in base.settings if setting.name in like.settings)),
    }
    for key in KIND.keys.values():
        if key.attribute not in ("", *changes) and key.name not in like.given | NOT_INHERITED:
            changes[key.attribute] = getattr(base, key.attribute)
    changes["reads_all"] = tuple(dict.fromkeys((*kind.reads_all, *base.reads_all)))
    changes["repeats"] = tuple(dict.fromkeys((*kind.repeats, *base.repeats)))
    changes["gives_answers"] = gives_answers(changes.get("family", kind.family), changes["methods"])
    if "family" in like.given and "fails_closed" not in like.given:
        changes["fails_closed"] = kind.fails_closed
    says_block = not {"with", "async_with"}.isdisjoint(like.given)
    changes["block_is_of_version"] = kind.block_is_of_version or (base.block_is_of_version and not says_block)
    changes["close_is_coroutine"] = is_coroutine(changes["methods"].get("close", ()))
    return replace(kind, **changes)


def _is_cleared(kind: Kind, like: Like) -> bool:
    """Whether a kind says that no attribute does anything to it, whatever it is like: `attribute_events = {}`."""
    return "attribute_events" in like.given and not kind.attribute_events


def is_coroutine(calls: Iterable[CallModel]) -> bool:
    """Whether one of the models of a method is a coroutine."""
    return any(call.coroutine for call in calls)


def gives_answers(family: str, methods: Mapping[str, Iterable[CallModel]]) -> bool:
    """Whether rows are fetched from the kind itself after a query: a cursor, a result, a connection that is both."""
    queries = [call for calls in methods.values() for call in calls if call.sql is not None]
    return family in ("cursor", "result") or any(call.gives == "self" for call in queries)
