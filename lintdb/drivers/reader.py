"""Reads driver models: TOML in, `Driver` out, with errors that name file, key, what was found and what is allowed.

A model file describes one importable library. Entries may carry `since` (first version, included) and `until` (first
version that no longer has it); `Driver` is what remains for one version. `lintdb.drivers.grammar` says what a file may
hold; what a single table cannot know (references, versions, defaults that depend on other keys) is settled here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from packaging.version import Version

from lintdb.drivers.call_grammar import CALL, CONDITION, CONFIGURATION, DSN_PARTS, SERVER, SETTING, SIGN, SWITCH
from lintdb.drivers.grammar import HEAD, KIND, MODEL
from lintdb.drivers.model import Driver, Like, MissingHeadError, ModelError, gives_answers, inherit, is_coroutine
from lintdb.drivers.shapes import ShapeError, hint
from lintdb.effects import (
    Argument,
    CallModel,
    Condition,
    Configuration,
    Form,
    Kind,
    Order,
    Raises,
    Server,
    Setting,
    Sign,
    Switch,
)
from lintdb.toml import TOMLDecodeError, fault_in, load_toml

Table = Mapping[str, Any]


def parse_driver(text: str, file: str, version: str | None = None) -> Driver:
    """Parse the text of one of lintdb's own model files.

    *version* is the library version to read it for; None means the newest that the model knows. Raises `ModelError`.
    `like` references to kinds of other drivers are left to the catalog, which knows those.
    """
    data = read_model_file(text, file)
    with placed(file):
        MODEL.check(data)
        return build_driver(data, version)


def read_model_file(text: str, file: str) -> dict[str, Any]:
    """Return what a model file holds, unchecked but for its being TOML with a table `[driver]`.

    Raises `ModelError`; without that table a `MissingHeadError`.
    """
    try:
        data = load_toml(text)
    except RecursionError:
        raise ModelError("not valid TOML: nested too deeply", file) from None
    except TOMLDecodeError as error:
        line, reason = fault_in(text, error)
        raise ModelError(f"not valid TOML: {reason}", file, line=line) from None
    if "driver" not in data:
        is_configuration = "drivers" in data or "tool" in data
        cure = f"; a configuration is checked by `lintdb drivers --config {file}`" if is_configuration else ""
        raise MissingHeadError(f"the table [driver] is missing{cure}", file)
    return data


@contextmanager
def placed(file: str, prefix: str = "") -> Iterator[None]:
    """Turn a `ShapeError` inside the block into a `ModelError`; *prefix* is the dotted way to the model in the file."""
    try:
        yield
    except ShapeError as error:
        key = ".".join(part for part in (prefix, error.place) if part)
        keys = (*(prefix.split(".") if prefix else ()), *error.keys)
        raise ModelError(error.message, file, key, keys) from None


def build_driver(data: dict[str, Any], version: str | None = None, foreign: Collection[str] | None = None) -> Driver:
    """Return what a model whose shape has been checked says about one version; may change *data*.

    *foreign* are the kinds of other drivers that it may name; None leaves that question to the catalog. Raises
    `ShapeError`.
    """
    _expand_names(data, data.get("names", {}))
    head: Table = data["driver"]
    name: str = head["name"]
    newest: str = head["newest"]
    wanted = Version(version or newest)
    cut_overs = find_cut_overs(data)
    _keep_what_is_gone(data, wanted)
    read = _Reader(name, bool(head.get("blocking", False)), wanted)
    kinds, borrowed = _finish_kinds(read.kinds(data.get("kinds", {})), name)
    _check_references(data, foreign)
    return Driver(
        name=name,
        title=head.get("title", name),
        version=str(wanted),
        imports=texts(head.get("imports", name)),
        distributions=texts(head.get("distributions", name)),
        requires=texts(head.get("requires")),
        paramstyle=head.get("paramstyle"),
        errors=head.get("errors"),
        blocking=bool(head.get("blocking", False)),
        kinds=MappingProxyType(kinds),
        functions=tuple(read.calls(data.get("functions", ()))),
        exceptions=MappingProxyType(data.get("exceptions", {})),
        extends=head.get("extends", ""),
        is_layer=bool(head.get("layer", False)),
        harmless=texts(head.get("harmless_errors")),
        statements=HEAD.keys["statements"].type.read(head.get("statements", {})),
        aliases=MappingProxyType(data.get("aliases", {})),
        borrowed=MappingProxyType(borrowed),
        same_rows=texts(head.get("same_rows")),
        telltale=texts(head.get("telltale")),
        named=MappingProxyType({word: texts(methods) for word, methods in head.get("named", {}).items()}),
        borrowers=texts(head.get("borrowers")),
        pool_borrowers=texts(head.get("pool_borrowers")),
        naive_time=head.get("naive_time", ""),
        quotes_names=head.get("quotes_names", False),
        known_versions=head.get("versions", newest),
        newest=newest,
        releases=texts(head.get("releases")),
        cut_overs=cut_overs,
        switches=tuple(read.switches(data.get("switches", ()))),
        servers=tuple(Server(**SERVER.read_into(table)) for table in data.get("servers", ())),
        signs=tuple(Sign(**SIGN.read_into(table)) for table in data.get("signs", ())),
        configurations=tuple(read.configurations(data.get("configurations", ()))),
    )


_READS_ALL = ("fetchall", "fetch_all", "execute_fetchall")
_REPEATS = ("executemany", "execute_many")
"""Methods that mean the same wherever they exist."""
_TALLIES = ("rowcount",)
"""What PEP 249 calls it; what has no such attribute is not asked for it."""


class _Reader:
    """Turns the tables of one model, whose shape is known to be right, into what they say about one version."""

    def __init__(self, driver: str, is_blocking: bool, version: Version) -> None:
        self._driver = driver
        self._is_blocking = is_blocking
        self._version = version

    def _applies(self, table: Table) -> bool:
        return _is_reached(table, self._version) and not _is_over(table, self._version)

    def _applying(self, tables: Iterable[Table]) -> Iterator[Table]:
        return (table for table in tables if self._applies(table))

    def _qualify(self, name: str | None) -> str | None:
        if name is None or name == "self" or "." in name:
            return name
        return f"{self._driver}.{name}"

    def settings(self, tables: Iterable[Table], *, is_of_version: bool = False) -> tuple[Setting, ...]:
        return tuple(_read_setting(table, is_of_version=is_of_version) for table in self._applying(tables))

    def switches(self, tables: Iterable[Table]) -> Iterator[Switch]:
        return (Switch(**SWITCH.read_into(table)) for table in self._applying(tables))

    def configurations(self, tables: Iterable[Table]) -> Iterator[Configuration]:
        for table in self._applying(tables):
            given = CONFIGURATION.read_into(table)
            given |= {
                "acquires": self._qualify(given.get("acquires")),
                "when": _read_conditions(table.get("when", [])),
                "settings": self.settings(table.get("settings", ())),
                "driver": self._driver,
            }
            yield Configuration(**given)

    def calls(self, tables: Iterable[Table]) -> Iterator[CallModel]:
        return (self._call(table, self._is_blocking) for table in self._applying(tables))

    def _call(self, table: Table, is_blocking: bool) -> CallModel:
        given = CALL.read_into(table)
        form = given.get("form", Form.VALUE)
        is_coroutine = given.get("coroutine", form is Form.AWAIT)
        is_quick = given.get("raises") is Raises.NEVER or isinstance(given.get("releases"), Argument)
        can_wait = not is_coroutine and not is_quick and form in (Form.VALUE, Form.WITH)
        given |= {
            "acquires": self._qualify(given.get("acquires")),
            "gives": self._qualify(given.get("gives")),
            "takes": self._qualify(given.get("takes")),
            "coroutine": is_coroutine,
            "blocking": given.get("blocking", is_blocking and can_wait),
            "when": _read_conditions(table.get("when", [])),
            "settings": self.settings(table.get("settings", ()), is_of_version=_is_of_version(table)),
            "dsn_parts": MappingProxyType(DSN_PARTS.read_into(table.get("dsn_parts", {}))),
            "driver": self._driver,
        }
        return CallModel(**given)

    def kinds(self, tables: Mapping[str, dict[str, Any]]) -> Iterator[tuple[Kind, Like | None]]:
        """Yield each kind with what it takes from another one."""
        for name, table in tables.items():
            if self._applies(table):
                yield self._kind(name, table, is_blocking=self._waits(name, tables))

    def _waits(self, name: str, tables: Mapping[str, dict[str, Any]]) -> bool:
        """Whether the methods of a kind wait: it says so itself, or the one that it is like, or the driver."""
        chain = [name]
        while "blocking" not in tables[chain[-1]]:
            base = tables[chain[-1]].get("like", "")
            if base not in tables or base in chain:
                return self._is_blocking
            chain.append(base)
        return bool(tables[chain[-1]]["blocking"])

    def _kind(self, name: str, table: dict[str, Any], *, is_blocking: bool) -> tuple[Kind, Like | None]:
        """Return the kind and what it takes from another one. Variants for the version are laid over the table."""
        variants = table.get("variants", ())
        for variant in self._applying(variants):
            table.update({key: value for key, value in variant.items() if key not in ("since", "until")})
        methods = self._methods(table, is_blocking=is_blocking)
        given = KIND.read_into(table)
        family: str = given.get("family", "")
        given = {
            # A kind that is like another one may leave these two to it.
            "family": family,
            "label": "" if "like" in table else f"{self._driver} {name.replace('_', ' ')}",
            "keeps_parent": family in ("cursor", "result"),
            "is_pool": family == "pool",
            "fails_closed": family == "connection",
            "tallies": _TALLIES if family in ("cursor", "result") else (),
            "reads_all": tuple(name for name in _READS_ALL if name in methods),
            "repeats": tuple(name for name in _REPEATS if name in methods),
            **given,
            "methods": methods,
            "attributes": {key: self._qualify(target) or "" for key, target in table.get("attributes", {}).items()},
            "bases": {key: self._qualify(target) or "" for key, target in table.get("bases", {}).items()},
            "any_attribute": self._qualify(given.get("any_attribute")),
            "any_item": self._qualify(given.get("any_item")),
            "enters": entered if (entered := table.get("with_gives", "self")) == "none" else self._qualify(entered),
            "settings": self.settings(table.get("settings", ())),
            "autocommit_arguments": _read_conditions(table.get("autocommit_when", [])),
            "parts_autocommit_arguments": _read_conditions(table.get("parts_autocommit_when", [])),
            "orders": tuple(_read_order(each) for each in table.get("orders", ())),
            "close_is_coroutine": is_coroutine(methods.get("close", ())),
            "gives_answers": gives_answers(family, methods),
            "block_is_of_version": any(key in each for each in variants for key in ("with", "async_with")),
            "driver": self._driver,
        }
        kind = Kind(id=f"{self._driver}.{name}", **given)
        base = self._qualify(table.get("like"))
        inherited, left_out = texts(table.get("settings_like_base")), texts(table.get("without"))
        return kind, Like(base, frozenset(table), inherited, left_out) if base else None

    def _methods(self, table: Table, *, is_blocking: bool) -> Mapping[str, tuple[CallModel, ...]]:
        methods: dict[str, tuple[CallModel, ...]] = {}
        for entry in self._applying(table.get("methods", ())):
            call = self._call(entry, is_blocking)
            # What a method hands out belongs to its receiver, unless the model names another owner.
            if call.parent is None and (call.acquires or call.gives) not in (None, "self"):
                call = replace(call, parent="self")
            for method in call.names:
                methods[method] = (*methods.get(method, ()), call)
        return MappingProxyType(methods)


def texts(value: str | list[str] | None) -> tuple[str, ...]:
    """Return a list of strings for which one string, or nothing, may stand."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _is_of_version(table: Table) -> bool:
    """Whether some versions have something else instead of an entry."""
    return "since" in table or "until" in table


def _read_setting(table: Table, *, is_of_version: bool = False) -> Setting:
    is_of_version = is_of_version or _is_of_version(table)
    return Setting(**{"default": "unknown", "is_of_version": is_of_version, **SETTING.read_into(table)})


def _read_order(table: Table) -> Order:
    return Order(_read_setting(table["inner"]), _read_setting(table["outer"]))


def _read_conditions(tables: dict[str, Any] | list[Table]) -> tuple[Condition, ...]:
    return tuple(_read_condition(table) for table in ([tables] if isinstance(tables, dict) else tables))


_EQUALS = CONDITION.keys["equals"].type


def _read_condition(table: Table) -> Condition:
    return Condition(
        Argument(table.get("position"), table.get("keyword")),
        table.get("given"),
        _EQUALS.read(table["equals"]) if "equals" in table else (),
        texts(table.get("is")),
        table.get("key"),
    )


def _finish_kinds(read: Iterable[tuple[Kind, Like | None]], driver: str) -> tuple[dict[str, Kind], dict[str, Like]]:
    """Complete kinds that are like one before them; return all, and what those still lack that need other files."""
    kinds: dict[str, Kind] = {}
    borrowed: dict[str, Like] = {}
    likes: dict[str, Like] = {}
    for kind, like in read:
        kinds[kind.id] = kind
        if like is not None:
            likes[kind.id] = like
        elif not kind.family:
            name = kind.id.removeprefix(f"{driver}.")
            raise ShapeError(f"is missing; use {KIND.keys['family'].type.said}", "kinds", name, "family")
    unfinished = set(likes)
    for kind_id, like in likes.items():
        # The kinds of other files come with `requires`; a kind that is like one of those has to wait for them, too.
        if not like.base.startswith(f"{driver}.") or like.base in borrowed:
            borrowed[kind_id] = like
        elif like.base in kinds and like.base not in unfinished:
            kinds[kind_id] = inherit(kinds[kind_id], kinds[like.base], like)
        else:
            place, base = (each.removeprefix(f"{driver}.") for each in (kind_id, like.base))
            known = [each.removeprefix(f"{driver}.") for each in kinds.keys() - unfinished]
            message = f"{base!r} is no kind that this file has before it{hint(base, known)}"
            raise ShapeError(message, "kinds", place, "like")
        unfinished.discard(kind_id)
    return kinds, borrowed


def _expand_names(data: Table, lists: Mapping[str, Any]) -> None:
    """Replace `@name` in every `names` by the list of that name; models of libraries with many commands share them."""
    for _, table in iter_tables(data):
        names = table.get("names")
        if not isinstance(names, list):
            continue
        for name in [name for name in names if name.startswith("@")]:
            if name[1:] not in lists:
                raise ShapeError(f"{name!r} is not a list in [names]{hint(name[1:], lists)}", "names")
            names[names.index(name) : names.index(name) + 1] = texts(lists[name[1:]])


def _is_reached(table: Table, version: Version) -> bool:
    return "since" not in table or version >= Version(table["since"])


def _is_over(table: Table, version: Version) -> bool:
    return "until" in table and version >= Version(table["until"])


def _keep_what_is_gone(data: dict[str, Any], version: Version) -> None:
    """Let functions hold that a version no longer has, with the kinds that they make, if none took their names.

    Whoever calls them has an older version, whatever is taken to be installed: no requirement says so in most scripts.
    """
    functions: list[dict[str, Any]] = data.get("functions", [])
    taken = {
        name
        for table in functions
        if _is_reached(table, version) and not _is_over(table, version)
        for name in texts(table["names"])
    }
    wanted: list[str] = []
    for table in functions:
        gone = [name for name in texts(table["names"]) if name not in taken]
        if gone and _is_over(table, version):
            del table["until"]
            table["names"] = gone
            wanted += [table[key] for key in ("acquires", "gives") if key in table]
    kinds: dict[str, dict[str, Any]] = data.get("kinds", {})
    types = {each for table in kinds.values() if not _is_over(table, version) for each in texts(table.get("types"))}
    while wanted:
        kind = kinds.get(wanted.pop())
        if kind is None or not _is_over(kind, version):
            continue
        del kind["until"]
        kind["types"] = [each for each in texts(kind.get("types")) if each not in types]
        wanted += [kind["like"]] if "like" in kind else []
        wanted += [table[key] for table in kind.get("methods", ()) for key in ("acquires", "gives") if key in table]


def find_cut_overs(data: Table) -> tuple[str, ...]:
    """Return every `since` and `until` of a model, in order of version."""
    found = {
        table[key] for _, table in iter_tables(data) for key in ("since", "until") if isinstance(table.get(key), str)
    }
    return tuple(sorted(found, key=Version))


def iter_tables(data: Table) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Yield every table inside of one, with the keys that lead to it."""
    todo: list[tuple[tuple[str | int, ...], object]] = [((key,), value) for key, value in data.items()]
    while todo:
        place, item = todo.pop()
        if isinstance(item, list):
            todo += [((*place, number), each) for number, each in enumerate(item)]
        elif isinstance(item, dict):
            todo += [((*place, key), each) for key, each in item.items()]
            yield place, item


_REFERENCES = ("acquires", "gives", "takes", "with_gives", "any_attribute", "any_item", "like")


def references_in(table: Table) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the keys that lead to names of kinds in one table, with the names."""
    for group in ("attributes", "bases"):
        named = table.get(group)
        if isinstance(named, dict):
            yield from (((group, key), name) for key, name in named.items())
    yield from (((key,), table[key]) for key in _REFERENCES if isinstance(table.get(key), str))


def _check_references(data: Table, foreign: Collection[str] | None) -> None:
    """Raise for a kind that a model names and that is not there; *foreign* None: names with a dot are not looked at."""
    kinds = data.get("kinds", {})
    own = f"{data['driver']['name']}."
    for place, table in iter_tables(data):
        for keys, reference in references_in(table):
            name = reference.removeprefix(own)
            known = foreign if "." in name else ("self", "none", *kinds)
            if known is not None and name not in known:
                message = f"{name!r} is not a kind of this file{_cure(name, data, foreign or ())}"
                raise ShapeError(message, *place, *keys)


def _cure(name: str, data: Table, foreign: Collection[str]) -> str:
    """Return what follows "is not a kind of this file": where else it was looked for, and what it may have been."""
    kinds = list(data.get("kinds", ()))
    extended = f"{data['driver'].get('extends')}."
    kinds += [kind.removeprefix(extended) for kind in foreign if kind.startswith(extended)]
    others = f", nor of {', '.join(sorted({each.partition('.')[0] for each in foreign}))}" if foreign else ""
    return others + (hint(name, kinds) or hint(name, foreign) or f"; there {_are(kinds)}")


def _are(kinds: Collection[str]) -> str:
    return f"are {', '.join(kinds)}" if len(kinds) > 1 else f"is {', '.join(kinds)}" if kinds else "are none"
