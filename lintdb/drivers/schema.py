"""Reads driver models: TOML in, `Driver` out, with errors that name file, key and the values that are allowed.

A model file describes one importable library. Entries may carry `since` (first version, included) and `until` (first
version that no longer has it); `Driver` is what remains for one version. The grammar of a file is the set of keys that
the `_read_…` functions below accept; CONTRIBUTING.md shows an annotated example.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from packaging.version import InvalidVersion, Version

from lintdb.effects import (
    AfterError,
    Argument,
    CallModel,
    Condition,
    Duty,
    Event,
    Form,
    Kind,
    Order,
    Raises,
    Setting,
    Switch,
    WithBlock,
)

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the backport has the same interface
    import tomli as tomllib

FAMILIES = ("connection", "cursor", "session", "pool", "checkout", "result", "factory", "transaction", "other")
SETTING_NAMES = (
    "connect-timeout", "query-timeout", "checkout-timeout", "lock-timeout", "max-size", "min-size", "overflow",
    "recycle", "health-check", "wait-timeout",
)  # fmt: skip


UNITS = ("s", "ms", "us")
SHARERS = ("tasks", "threads", "other-threads")
PARAMSTYLES = ("", "qmark", "pyformat", "*qmark", "*numeric_dollar")
NAIVE_TIMES = ("", "session", "local", "utc", "as-is")
SWITCH_NAMES = ("tls", "thread-check", "password")
ATTRIBUTE_EVENTS = ("autocommit", "autocommit-if-none", "unknown")
DEFINITION_EVENTS = {"write": Event.WRITE, "commit": Event.COMMIT, "nothing": None}


class ModelError(Exception):
    """A driver model is not what the schema allows; the message names file, key and cure."""


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

    `is_layer`: it works through other drivers, whose errors may get through it.
    `statements` are methods of tables that make a statement, with what running it does.
    `harmless` are exception classes after which a unit of work is as good as before.
    `borrowed` maps kinds of this driver to what they take from a kind of another driver; the catalog, which knows those
    drivers, completes them. `naive_time` says what is made of a time without a zone: it is read in the time zone of the
    server's session, as local time or as UTC, or stored as it is written; empty: not known. `aliases` maps dotted
    names, or modules with everything in them, to the names that the model uses. `releases` are the versions that the
    model was checked against, `cut_overs` those at which it says something else.
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
    is_layer: bool = False
    harmless: tuple[str, ...] = ()
    statements: Mapping[str, Event] = field(default_factory=lambda: MappingProxyType({}))
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    borrowed: Mapping[str, Like] = field(default_factory=lambda: MappingProxyType({}))
    naive_time: str = ""
    known_versions: str = ""
    newest: str = ""
    releases: tuple[str, ...] = ()
    cut_overs: tuple[str, ...] = ()
    switches: tuple[Switch, ...] = ()


class _Table:
    """One TOML table with the place it came from; every key must be asked for before `done()`."""

    def __init__(self, data: Any, file: str, where: str) -> None:
        if not isinstance(data, dict):
            raise ModelError(f"{file}: {where} must be a table")
        self.data: dict[str, Any] = data
        self.file = file
        self.where = where
        self.asked: set[str] = set()

    def fail(self, key: str, message: str) -> ModelError:
        place = f"{self.where}.{key}" if self.where else key
        return ModelError(f"{self.file}: {place}: {message}")

    def _get(self, key: str, types: tuple[type, ...], expected: str, default: Any) -> Any:
        self.asked.add(key)
        if key not in self.data:
            return default
        value = self.data[key]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise self.fail(key, f"expected {expected}, got {value!r}")
        return value

    def text(self, key: str, default: str | None = None) -> str | None:
        value: str | None = self._get(key, (str,), "a string", default)
        return value

    def required_text(self, key: str) -> str:
        value = self.text(key)
        if not value:
            raise self.fail(key, "is missing")
        return value

    def flag(self, key: str, default: bool) -> bool:
        return bool(self._get(key, (bool,), "true or false", default))

    def optional_flag(self, key: str) -> bool | None:
        value: bool | None = self._get(key, (bool,), "true or false", None)
        return value

    def number(self, key: str) -> int | None:
        value: int | None = self._get(key, (int,), "a number", None)
        return value

    def decimal(self, key: str) -> float | None:
        value: float | None = self._get(key, (int, float), "a number", None)
        return value

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None) -> str | None:
        value = self.text(key, default)
        if value is not None and value not in allowed:
            raise self.fail(key, f"{value!r} is not allowed; use one of {', '.join(allowed)}{_hint(value, allowed)}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._get(key, (list, str), "a list of strings", [])
        value = [value] if isinstance(value, str) else value
        if not all(isinstance(item, str) for item in value):
            raise self.fail(key, "expected a list of strings")
        return tuple(value)

    def choices(self, key: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        found = self.texts(key)
        for value in found:
            if value not in allowed:
                raise self.fail(
                    key, f"{value!r} is not allowed; use some of {', '.join(allowed)}{_hint(value, allowed)}"
                )
        return found

    def values(self, key: str) -> tuple[object, ...]:
        value = self._get(key, (list,), 'a list of literals ("none" stands for None)', [])
        return tuple(_literal(item) for item in value)

    def table(self, key: str) -> _Table | None:
        self.asked.add(key)
        if key not in self.data:
            return None
        return _Table(self.data[key], self.file, f"{self.where}.{key}".lstrip("."))

    def tables(self, key: str) -> list[_Table]:
        value = self._get(key, (list,), "an array of tables", [])
        return [_Table(item, self.file, f"{self.where}.{key}[{n}]".lstrip(".")) for n, item in enumerate(value)]

    def strings(self, key: str) -> dict[str, str]:
        inner = self.table(key)
        if inner is None:
            return {}
        for name, value in inner.data.items():
            if not isinstance(value, str):
                raise inner.fail(name, f"expected a string, got {value!r}")
        return dict(inner.data)

    def argument(self, key: str) -> Argument | None:
        """An argument: a position, a keyword, or a table with `position` and `keyword`."""
        self.asked.add(key)
        if key not in self.data:
            return None
        return self._argument(key, self.data[key])

    def _argument(self, key: str, value: Any) -> Argument:
        if isinstance(value, int) and not isinstance(value, bool):
            return Argument(position=value)
        if isinstance(value, str):
            return Argument(keyword=value)
        if isinstance(value, dict):
            inner = _Table(value, self.file, f"{self.where}.{key}")
            position = inner.number("position")
            result = Argument(position=position, keyword=inner.text("keyword"))
            inner.done()
            if result.position is None and result.keyword is None:
                raise self.fail(key, "needs `position`, `keyword` or both")
            return result
        raise self.fail(key, "expected a position, a keyword, or {position = …, keyword = …}")

    def arguments(self, key: str) -> tuple[Argument, ...]:
        value = self._get(key, (list,), "a list of arguments", [])
        return tuple(self._argument(key, item) for item in value)

    def done(self) -> None:
        for key in self.data:
            if key not in self.asked:
                known = ", ".join(sorted(self.asked))
                raise self.fail(key, f"unknown key{_hint(key, tuple(self.asked))}; known here: {known}")


def _hint(word: str, allowed: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, allowed, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _literal(value: Any) -> object:
    return None if value == "none" else value


def load_toml(text: str) -> dict[str, Any]:
    """Read TOML with whichever reader this Python has; raises `ValueError`."""
    data: dict[str, Any] = tomllib.loads(text)
    return data


def parse_version(text: str, where: str) -> Version:
    """Return the version; raises `ModelError` naming *where*."""
    try:
        return Version(text)
    except InvalidVersion:
        raise ModelError(f"{where}: {text!r} is not a version") from None


def _applies(table: _Table, version: Version) -> bool:
    since, until = table.text("since"), table.text("until")
    where = f"{table.file}: {table.where}"
    if since is not None and version < parse_version(since, where):
        return False
    return not (until is not None and version >= parse_version(until, where))


def _qualify(name: str | None, driver: str) -> str | None:
    if name is None or name == "self" or "." in name:
        return name
    return f"{driver}.{name}"


def _read_condition(table: _Table) -> Condition:
    position = table.number("position")
    argument = Argument(position=position, keyword=table.text("keyword"))
    given = table.optional_flag("given")
    has_equals = "equals" in table.data
    table.asked.add("equals")
    equals = _literal(table.data.get("equals"))
    names = table.texts("is")
    table.done()
    if argument.position is None and argument.keyword is None:
        raise table.fail("keyword", "a condition needs `position`, `keyword` or both")
    if [given is not None, has_equals, bool(names)].count(True) != 1:
        raise table.fail("given", "a condition needs exactly one of `given`, `equals` and `is`")
    return Condition(argument, given, equals, has_equals, names)


def _conditions(table: _Table, key: str) -> tuple[Condition, ...]:
    if key in table.data and isinstance(table.data[key], dict):
        one = table.table(key)
        assert one is not None
        return (_read_condition(one),)
    return tuple(_read_condition(item) for item in table.tables(key))


def _read_call(table: _Table, driver: str, is_blocking: bool, version: Version) -> CallModel | None:
    applies = _applies(table, version)
    names = table.texts("names")
    if not names:
        raise table.fail("names", "is missing")
    form = Form(table.choice("form", tuple(f.value for f in Form), "value"))
    event = table.choice("event", tuple(e.value for e in Event), None)
    raises = Raises(table.choice("raises", tuple(r.value for r in Raises), "driver"))
    is_coroutine = table.flag("coroutine", form is Form.AWAIT)
    can_block = is_blocking and not is_coroutine and raises is not Raises.NEVER and form in (Form.VALUE, Form.WITH)
    releases: str | Argument | None = None
    if table.data.get("releases") == "self":
        table.asked.add("releases")
        releases = "self"
    else:
        releases = table.argument("releases")
    parent: str | Argument | None = None
    if table.data.get("parent") == "self":
        table.asked.add("parent")
        parent = "self"
    else:
        parent = table.argument("parent")
    query_event = table.choice("query_event", tuple(e.value for e in Event), None)
    model = CallModel(
        names=names,
        acquires=_qualify(table.text("acquires"), driver),
        gives=_qualify(table.text("gives"), driver),
        form=form,
        releases=releases,
        coroutine=is_coroutine,
        event=Event(event) if event else None,
        sql=table.argument("sql"),
        receiver=table.argument("receiver"),
        parent=parent,
        raises=raises,
        blocking=table.flag("blocking", can_block),
        dsn=table.argument("dsn"),
        unwraps=table.argument("unwraps"),
        borrows=table.flag("borrows", True),
        when=_conditions(table, "when"),
        may_return_none=table.flag("may_return_none", False),
        opens=table.flag("opens", False),
        after_release=table.flag("after_release", False),
        after_parent=table.flag("after_parent", False),
        goes_on=table.flag("goes_on", False),
        query_event=Event(query_event) if query_event else None,
        after_error=_after_error(table),
        settings=_read_settings(table, version),
        leaving=_with_block(table, "leaving"),
        joins=table.flag("joins", False),
        hides_errors=table.flag("hides_errors", False),
        prepares=table.flag("prepares", False),
        paramstyle=table.choice("paramstyle", PARAMSTYLES, "") or "",
        driver=driver,
    )
    table.done()
    return model if applies else None


def _read_setting(table: _Table, version: Version) -> Setting | None:
    applies = _applies(table, version)
    nested_table = table.table("nested")
    nested: dict[str, tuple[str, ...]] = {}
    if nested_table is not None:
        for key in nested_table.data:
            nested[key] = nested_table.texts(key)
    name = table.choice("name", SETTING_NAMES, None)
    if name is None:
        raise table.fail("name", f"is missing; use one of {', '.join(SETTING_NAMES)}")
    setting = Setting(
        name=name,
        default=table.choice("default", ("unlimited", "limited", "immediate", "unknown"), "unknown") or "unknown",
        arguments=table.arguments("arguments"),
        dsn=table.texts("dsn"),
        options=table.texts("options"),
        nested=MappingProxyType(nested),
        sql=table.texts("sql"),
        sql_arguments=table.arguments("sql_arguments"),
        attributes=table.texts("attributes"),
        methods=table.texts("methods"),
        call_arguments=table.texts("call_arguments"),
        environment=table.texts("environment"),
        unlimited=table.values("unlimited"),
        immediate=table.values("immediate"),
        complete_with=table.arguments("complete_with"),
        schemes=table.texts("schemes"),
        decided_by=table.arguments("decided_by"),
        proven_by=table.arguments("proven_by"),
        value=table.decimal("value"),
        unit=table.choice("unit", UNITS, "s") or "s",
        suggest=table.text("suggest", "") or "",
        note=table.text("note", "") or "",
    )
    table.done()
    return setting if applies else None


def _read_settings(table: _Table, version: Version) -> tuple[Setting, ...]:
    settings = (_read_setting(entry, version) for entry in table.tables("settings"))
    return tuple(setting for setting in settings if setting is not None)


def _after_error(table: _Table) -> AfterError | None:
    value = table.choice("after_error", tuple(a.value for a in AfterError), None)
    return AfterError(value) if value is not None else None


def _read_switch(table: _Table, version: Version) -> Switch | None:
    applies = _applies(table, version)
    name = table.choice("name", SWITCH_NAMES, None)
    if name is None:
        raise table.fail("name", f"is missing; use one of {', '.join(SWITCH_NAMES)}")
    nested = table.table("nested")
    switch = Switch(
        name=name,
        arguments=table.arguments("arguments"),
        dsn=table.texts("dsn"),
        nested=MappingProxyType({key: nested.texts(key) for key in nested.data} if nested is not None else {}),
        off=table.values("off"),
    )
    table.done()
    return switch if applies else None


def _read_order(table: _Table, version: Version) -> Order:
    inner, outer = (table.table(key) for key in ("inner", "outer"))
    settings = [_read_setting(each, version) for each in (inner, outer) if each is not None]
    table.done()
    if len(settings) < 2 or settings[0] is None or settings[1] is None:
        raise table.fail("inner", "an order needs `inner` and `outer`, both without versions")
    return Order(settings[0], settings[1])


def _optional_duty(table: _Table) -> Duty | None:
    value = table.choice("duty_on_error", tuple(d.value for d in Duty), None)
    return Duty(value) if value is not None else None


def _with_block(table: _Table, key: str) -> WithBlock | None:
    value = table.choice(key, tuple(w.value for w in WithBlock), None)
    return WithBlock(value) if value else None


def _read_autocommit(table: _Table) -> bool | None:
    """True, false, or "none" for a kind that is like one with units of work and has none itself."""
    if table.data.get("autocommit") == "none":
        table.asked.add("autocommit")
        return None
    return table.optional_flag("autocommit")


def _read_kind(name: str, table: _Table, driver: str, blocking: bool, version: Version) -> tuple[Kind, Like | None]:
    """Return the kind and what it takes from another one. Variants for the version are laid over the table."""
    for variant in table.tables("variants"):
        if _applies(variant, version):
            table.data.update({k: v for k, v in variant.data.items() if k not in ("since", "until")})
    methods: dict[str, list[CallModel]] = {}
    is_blocking = table.flag("blocking", blocking)
    for entry in table.tables("methods"):
        call = _read_call(entry, driver, is_blocking, version)
        if call is not None:
            # What a method hands out belongs to its receiver, unless the model names another owner.
            if call.parent is None and (call.acquires or call.gives) not in (None, "self"):
                call = replace(call, parent="self")
            for method in call.names:
                methods.setdefault(method, []).append(call)
    settings = _read_settings(table, version)
    flags_table = table.table("state_flags")
    flags: dict[str, bool] = {}
    if flags_table is not None:
        for key in flags_table.data:
            flags[key] = flags_table.flag(key, False)
    attributes = {key: _qualify(value, driver) or "" for key, value in table.strings("attributes").items()}
    events = table.strings("attribute_events")
    for key, value in events.items():
        if value not in ATTRIBUTE_EVENTS:
            raise table.fail(
                f"attribute_events.{key}", f"{value!r} is not allowed; use one of {', '.join(ATTRIBUTE_EVENTS)}"
            )
    with_gives = table.text("with_gives", "self")
    ddl = table.choice("ddl", tuple(DEFINITION_EVENTS), "write") or "write"
    family = table.choice("family", FAMILIES, None)
    if family is None and "like" not in table.data:
        raise table.fail("family", f"is missing; use one of {', '.join(FAMILIES)}")
    kind = Kind(
        id=f"{driver}.{name}",
        family=family or "",
        label=table.text("label") or "",
        duty=Duty(table.choice("duty", tuple(d.value for d in Duty), "must")),
        duty_on_error=_optional_duty(table),
        is_lazy=table.flag("lazy", False),
        free_with=table.texts("free_with"),
        outlives=table.texts("outlives"),
        keeps_parent=table.flag("keeps_parent", family in ("cursor", "result")),
        types=table.texts("types"),
        with_block=_with_block(table, "with"),
        async_with_block=_with_block(table, "async_with"),
        methods=MappingProxyType({key: tuple(value) for key, value in methods.items()}),
        attributes=MappingProxyType(attributes),
        any_attribute=_qualify(table.text("any_attribute"), driver),
        any_item=_qualify(table.text("any_item"), driver),
        attribute_events=MappingProxyType(events),
        state_flags=MappingProxyType(flags),
        settings=settings,
        autocommit=_read_autocommit(table),
        autocommit_arguments=_conditions(table, "autocommit_when"),
        read_begins=table.flag("read_begins", False),
        definition_event=DEFINITION_EVENTS[ddl],
        enters="none" if with_gives == "none" else _qualify(with_gives, driver) or "self",
        events_on=table.choice("events_on", ("self", "parent"), "self") or "self",
        return_rolls_back=table.flag("return_rolls_back", True),
        closed_with_parent=table.flag("closed_with_parent", True),
        close_is_coroutine=any(call.coroutine for call in methods.get("close", ())),
        iterable=table.flag("iterable", False),
        gives_answers=_gives_answers(family or "", methods),
        unshared=table.choices("unshared", SHARERS),
        ends_when_read=table.flag("ends_when_read", False),
        reusable=table.flag("reusable", False),
        idempotent_release=table.flag("idempotent_release", True),
        is_pool=table.flag("pools", family == "pool"),
        local_schemes=table.texts("local_schemes"),
        after_error=_after_error(table) or AfterError.CONTINUES,
        is_scoped=table.flag("scoped", False),
        ambient_methods=table.texts("ambient_methods"),
        release_needs_parent=table.flag("release_needs_parent", False),
        exit_after_release=table.flag("exit_after_release", False),
        stays_open=table.optional_flag("stays_open"),
        outlives_parent=table.optional_flag("outlives_parent"),
        rows_after_release=table.flag("rows_after_release", False),
        rows_after_parent=table.flag("rows_after_parent", False),
        refuses=table.arguments("refuses"),
        orders=tuple(_read_order(entry, version) for entry in table.tables("orders")),
        driver=driver,
    )
    base = _qualify(table.text("like"), driver)
    like = Like(base or "", frozenset(table.data), table.texts("settings_like_base"), table.texts("without"))
    table.done()
    return kind, like if base else None


def _gives_answers(family: str, methods: Mapping[str, Iterable[CallModel]]) -> bool:
    """Whether rows are fetched from the kind itself after a query: a cursor, a result, a connection that is both."""
    queries = [call for calls in methods.values() for call in calls if call.sql is not None]
    return family in ("cursor", "result") or any(call.gives == "self" for call in queries)


def inherit(kind: Kind, base: Kind, like: Like) -> Kind:
    """Return *kind* with everything that it does not say itself taken from *base*; methods are merged by name."""
    taken = {name: calls for name, calls in base.methods.items() if name not in like.without}
    changes: dict[str, Any] = {
        "methods": MappingProxyType({**taken, **kind.methods}),
        "attributes": MappingProxyType({**base.attributes, **kind.attributes}),
        "attribute_events": MappingProxyType({**base.attribute_events, **kind.attribute_events}),
        "state_flags": MappingProxyType({**base.state_flags, **kind.state_flags}),
        "settings": (*kind.settings, *(setting for setting in base.settings if setting.name in like.settings)),
    }
    names = {
        "family": "family", "label": "label", "duty": "duty", "duty_on_error": "duty_on_error",
        "keeps_parent": "keeps_parent", "lazy": "is_lazy", "free_with": "free_with", "with": "with_block",
        "outlives": "outlives", "async_with": "async_with_block",
        "autocommit": "autocommit", "read_begins": "read_begins", "events_on": "events_on", "iterable": "iterable",
        "ends_when_read": "ends_when_read",
        "autocommit_when": "autocommit_arguments", "closed_with_parent": "closed_with_parent",
        "return_rolls_back": "return_rolls_back", "reusable": "reusable", "idempotent_release": "idempotent_release",
        "pools": "is_pool", "refuses": "refuses", "orders": "orders",
        "local_schemes": "local_schemes", "ddl": "definition_event",
        "with_gives": "enters", "any_attribute": "any_attribute",
        "any_item": "any_item",
        "after_error": "after_error", "scoped": "is_scoped", "ambient_methods": "ambient_methods",
        "release_needs_parent": "release_needs_parent", "exit_after_release": "exit_after_release",
        "stays_open": "stays_open", "outlives_parent": "outlives_parent",
        "rows_after_release": "rows_after_release", "rows_after_parent": "rows_after_parent",
    }  # fmt: skip
    for key, attribute in names.items():
        if key not in like.given:
            changes[attribute] = getattr(base, attribute)
    changes["gives_answers"] = _gives_answers(changes.get("family", kind.family), changes["methods"])
    changes["close_is_coroutine"] = any(call.coroutine for call in changes["methods"].get("close", ()))
    return replace(kind, **changes)


def parse_driver(text: str, file: str, version: str | None = None) -> Driver:
    """Parse one model.

    *version* is the library version to read it for; None means the newest that the model knows. Raises `ModelError`.
    `like` references to kinds of other drivers are left to the catalog, which knows those.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ModelError(f"{file}: not valid TOML: {error}") from None
    root = _Table(data, file, "")
    _expand_names(data, root.table("names"), file)
    head = root.table("driver")
    if head is None:
        raise ModelError(f"{file}: the table [driver] is missing")
    name = head.required_text("name")
    newest = head.required_text("newest")
    known_versions = head.text("versions") or newest
    wanted = parse_version(version or newest, f"{file}: version")
    blocking = head.flag("blocking", False)
    kinds: dict[str, Kind] = {}
    pending: list[tuple[Kind, Like]] = []
    kinds_table = root.table("kinds")
    for kind_name in kinds_table.data if kinds_table else ():
        assert kinds_table is not None
        entry = kinds_table.table(kind_name)
        assert entry is not None
        if not _applies(entry, wanted):
            continue
        kind, like = _read_kind(kind_name, entry, name, blocking, wanted)
        if like is not None:
            pending.append((kind, like))
        kinds[kind.id] = kind
    borrowed: dict[str, Like] = {}
    unfinished = {kind.id for kind, _ in pending}
    for kind, like in pending:
        # The kinds of other files come with `requires`; a kind that is like one of those has to wait for them, too.
        if not like.base.startswith(f"{name}.") or like.base in borrowed:
            borrowed[kind.id] = like
        elif like.base in kinds and like.base not in unfinished:
            kinds[kind.id] = inherit(kind, kinds[like.base], like)
        else:
            hint = _hint(like.base, tuple(kinds.keys() - unfinished))
            raise ModelError(
                f"{file}: kinds.{kind.id}: like = {like.base!r} is no kind that this file has before it{hint}"
            )
        unfinished.discard(kind.id)
    functions = tuple(
        call for entry in root.tables("functions") if (call := _read_call(entry, name, blocking, wanted)) is not None
    )
    driver = Driver(
        name=name,
        title=head.text("title") or name,
        version=str(wanted),
        imports=head.texts("imports") or (name,),
        distributions=head.texts("distributions") or (name,),
        requires=head.texts("requires"),
        paramstyle=head.text("paramstyle"),
        errors=head.text("errors"),
        blocking=blocking,
        kinds=MappingProxyType(kinds),
        functions=functions,
        exceptions=MappingProxyType(root.strings("exceptions")),
        is_layer=head.flag("layer", False),
        harmless=head.texts("harmless_errors"),
        statements=MappingProxyType({key: Event(value) for key, value in head.strings("statements").items()}),
        aliases=MappingProxyType(root.strings("aliases")),
        borrowed=MappingProxyType(borrowed),
        naive_time=head.choice("naive_time", NAIVE_TIMES, "") or "",
        known_versions=known_versions,
        newest=newest,
        releases=head.texts("releases"),
        cut_overs=_find_cut_overs(data, file),
        switches=tuple(
            switch for entry in root.tables("switches") if (switch := _read_switch(entry, wanted)) is not None
        ),
    )
    head.done()
    root.done()
    _check_references(driver, file)
    return driver


def _expand_names(data: object, lists: _Table | None, file: str) -> None:
    """Replace `@name` in every `names` by the list of that name; models of libraries with many commands share them."""
    known = {key: lists.texts(key) for key in lists.data} if lists else {}
    todo = [data]
    while todo:
        item = todo.pop()
        if isinstance(item, list):
            todo += item
        elif isinstance(item, dict):
            todo += item.values()
            names = item.get("names")
            if not isinstance(names, list) or item is data:
                continue
            for name in [name for name in names if isinstance(name, str) and name.startswith("@")]:
                if name[1:] not in known:
                    raise ModelError(f"{file}: names: {name!r} is not a list in [names]{_hint(name[1:], tuple(known))}")
                names[names.index(name) : names.index(name) + 1] = known[name[1:]]


def _find_cut_overs(data: object, file: str) -> tuple[str, ...]:
    """Return every `since` and `until` of a model, in order of version."""
    found: set[str] = set()
    todo = [data]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            found.update(str(item[key]) for key in ("since", "until") if isinstance(item.get(key), str))
            todo += item.values()
        elif isinstance(item, list):
            todo += item
    return tuple(sorted(found, key=lambda text: parse_version(text, file)))


def _check_references(driver: Driver, file: str) -> None:
    """Kinds that a model names must be in it (those of other drivers are named with a dot; the catalog checks them)."""
    named: list[tuple[str, str | None]] = []
    for call in driver.functions:
        named += [(f"functions {call.names[0]}", call.acquires), (f"functions {call.names[0]}", call.gives)]
    for kind in driver.kinds.values():
        named += [(f"{kind.id}.attributes.{key}", target) for key, target in kind.attributes.items()]
        named.append((f"{kind.id}.with_gives", kind.enters))
        named += [(f"{kind.id}.any_attribute", kind.any_attribute), (f"{kind.id}.any_item", kind.any_item)]
        for name, models in kind.methods.items():
            named += [(f"{kind.id}.{name}", target) for call in models for target in (call.acquires, call.gives)]
    for where, target in named:
        if target and target.startswith(f"{driver.name}.") and target not in driver.kinds:
            raise ModelError(
                f"{file}: {where}: {target!r} is not a kind of this file{_hint(target, tuple(driver.kinds))}"
            )
