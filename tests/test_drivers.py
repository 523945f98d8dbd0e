"""Every driver model: valid for each version it tells apart, complete, true to the library; and the schema itself."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from importlib import metadata
from types import ModuleType
from typing import Any

import pytest
from packaging.version import Version

from lintdb.drivers import catalog
from lintdb.drivers.catalog import Models, load_driver, load_models
from lintdb.drivers.model import Driver, ModelError
from lintdb.drivers.reader import parse_driver
from lintdb.effects import Argument, CallModel, Duty, Event, Form, Kind, WithBlock

DRIVERS = catalog.driver_names()
VERSIONS = [(name, version) for name in DRIVERS for version in catalog.known_versions(name)]

each_driver = pytest.mark.parametrize("name", DRIVERS)
each_version = pytest.mark.parametrize(("name", "version"), VERSIONS, ids=[f"{n}-{v}" for n, v in VERSIONS])

# What a kind of a family must be able to do, or nothing can be said about it.
OWING = ("connection", "cursor", "session", "pool", "checkout", "result")


def models_of(name: str, version: str | None = None) -> Models:
    return load_models([name], {name: version} if version else None)


def iter_calls(driver: Driver, models: Models) -> Iterator[CallModel]:
    yield from driver.functions
    for kind_id in driver.kinds:
        for calls in models.kinds[kind_id].methods.values():
            yield from calls


# --- every model, every version --------------------------------------------------------------------------------------


@each_version
def test_model_is_valid_for_each_version(name: str, version: str) -> None:
    models = models_of(name, version)
    driver = models.driver(name)
    assert driver is not None
    assert driver.kinds or driver.functions
    assert Version(driver.version) == Version(version)


@each_version
def test_every_kind_can_be_had(name: str, version: str) -> None:
    out_of_reach = kinds_out_of_reach(name, version)
    # What a later version has brought has no type in this one.
    kinds = models_of(name, version).kinds
    assert [kind_id for kind_id in out_of_reach if kinds[kind_id].types] == []
    assert out_of_reach & kinds_out_of_reach(name, None) == set()


def kinds_out_of_reach(name: str, version: str | None) -> set[str]:
    models = models_of(name, version)
    driver = models.driver(name)
    assert driver is not None
    reached = {target for call in iter_calls(driver, models) for target in (call.acquires, call.gives) if target}
    reached.update(each.acquires for each in driver.configurations if each.acquires is not None)
    for kind_id in driver.kinds:
        kind = models.kinds[kind_id]
        reached.update(kind.attributes.values())
        reached.update(kind.bases.values())
        if kind.classes:
            reached.add(kind_id)
        reached.update(part for part in (kind.any_attribute, kind.any_item) if part is not None)
        if kind.enters is not None:
            reached.add(kind.enters)
    return set(driver.kinds) - reached


@each_version
def test_what_must_be_released_can_be(name: str, version: str) -> None:
    models = models_of(name, version)
    driver = models.driver(name)
    assert driver is not None
    stuck = [
        kind_id
        for kind_id in driver.kinds
        if models.kinds[kind_id].duty is Duty.MUST and not catalog.can_be_released(models.kinds[kind_id], models.kinds)
    ]
    assert stuck == []


@each_driver
def test_kinds_are_named_for_messages(name: str) -> None:
    models = models_of(name)
    driver = models.driver(name)
    assert driver is not None
    for kind_id in driver.kinds:
        kind = models.kinds[kind_id]
        assert kind.label
        assert kind.family
        assert kind.duty is not Duty.MUST or kind.family in OWING


@each_driver
def test_calls_make_sense(name: str) -> None:
    models = models_of(name)
    driver = models.driver(name)
    assert driver is not None
    for call in iter_calls(driver, models):
        assert not (call.acquires and call.gives), call.names
        assert call.form is Form.VALUE or call.acquires, call.names
        assert not (call.coroutine and call.blocking), call.names
        assert call.event is None or call.query_event is None, call.names


@each_driver
def test_a_sync_method_of_an_async_kind_is_one_that_does_not_wait(name: str) -> None:
    """A kind that is `like` a blocking one must say again what its methods do, or it would block in the model only."""
    models = models_of(name)
    driver = models.driver(name)
    assert driver is not None
    for kind_id in driver.kinds:
        kind = models.kinds[kind_id]
        if not kind.async_with_block or kind.async_with_block is WithBlock.NONE:
            continue
        blocking = [method for method, calls in kind.methods.items() if any(call.blocking for call in calls)]
        assert blocking == [], kind_id


@each_driver
def test_what_belongs_to_an_async_kind_is_async(name: str) -> None:
    """A kind that is `like` a blocking one must say again what its attributes are; `sync_session` says it itself."""
    models = models_of(name)
    driver = models.driver(name)
    assert driver is not None

    def is_blocking(kind_id: str) -> bool:
        return any(call.blocking for calls in models.kinds[kind_id].methods.values() for call in calls)

    wrong = []
    for kind_id in driver.kinds:
        kind = models.kinds[kind_id]
        if any(call.coroutine for calls in kind.methods.values() for call in calls) and not is_blocking(kind_id):
            parts = {**kind.attributes, "*": kind.any_attribute, "[]": kind.any_item}
            wrong += [f"{kind_id}.{part}" for part, target in parts.items() if target and is_blocking(target)]
    assert [entry for entry in wrong if ".sync_" not in entry] == []


@each_driver
def test_exceptions_end_in_a_builtin(name: str) -> None:
    models = models_of(name)
    for exception in models.exceptions:
        current, seen = exception, set()
        while current in models.exceptions and current not in seen:
            seen.add(current)
            current = models.exceptions[current]
        assert current == "Exception", exception
    for error in models.errors.values():
        assert error in models.exceptions


@each_driver
def test_settings_of_one_bound_do_not_overlap(name: str) -> None:
    """Two entries for the same bound must be for different schemes of connection strings."""
    models = models_of(name)
    for kind in models.kinds.values():
        seen: set[tuple[str, str]] = set()
        for setting in kind.settings:
            for scheme in setting.schemes or ("",):
                assert (setting.name, scheme) not in seen, (kind.id, setting.name, scheme)
                seen.add((setting.name, scheme))


def test_the_file_stem_is_the_import_name() -> None:
    for name in DRIVERS:
        assert load_driver(name).name == name
        assert name in {imported.partition(".")[0] for imported in load_driver(name).imports}


# --- true to the installed library -----------------------------------------------------------------------------------


def library(name: str) -> ModuleType:
    """Return the module, or skip: not installed, not made for this machine, or a version that the model is not for."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    try:
        module = importlib.import_module(name)
    except (ImportError, TypeError) as error:  # the second is aioredis 2.0 on Python 3.11
        pytest.skip(f"{name} cannot be imported: {type(error).__name__}: {error}")
    if name == "django":
        _configure_django()
    for distribution in load_driver(name).distributions:
        try:
            installed = Version(metadata.version(distribution))
        except metadata.PackageNotFoundError:
            continue
        newest = Version(load_driver(name).newest)
        if installed.release[:2] != newest.release[:2]:
            pytest.skip(f"{name} {installed} is installed, the model is for {newest}")
        break
    return module


def _configure_django() -> None:
    """Most of Django can be looked at only once it has settings."""
    conf = importlib.import_module("django.conf")
    if not conf.settings.configured:
        databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
        conf.settings.configure(DATABASES=databases, DEFAULT_AUTO_FIELD="django.db.models.AutoField")
        importlib.import_module("django").setup()


class CannotBeSeenError(LookupError):
    """Something is there, and cannot be loaded or asked on this machine."""


def running(name: str) -> str | None:
    """Return the version of a module of the standard library, which is that of the Python that runs."""
    return f"{sys.version_info.major}.{sys.version_info.minor}" if name in sys.stdlib_module_names else None


def described(name: str) -> Driver:
    """Return the model for what is installed."""
    return load_driver(name, running(name))


def resolve(dotted: str) -> Any:
    """Return what a dotted name stands for, importing the modules on its way; LookupError if there is nothing."""
    parts = dotted.split(".")
    found: Any = importlib.import_module(parts[0])
    for end, part in enumerate(parts[1:], start=2):
        try:
            is_there = hasattr(found, part)
        except RuntimeError:  # a proxy that must be set up first
            raise CannotBeSeenError(dotted) from None
        if not is_there:
            module = ".".join(parts[:end])
            try:
                importlib.import_module(module)
            except ModuleNotFoundError as error:
                raise (LookupError if error.name == module else CannotBeSeenError)(dotted) from None
            except ImportError:
                raise CannotBeSeenError(dotted) from None
        found = getattr(found, part)
    return found


def exists(dotted: str) -> bool:
    try:
        resolve(dotted)
    except CannotBeSeenError:
        return True
    except LookupError:
        return False
    return True


def classes_of(types: tuple[str, ...]) -> list[Any]:
    """Return the classes of a kind that can be loaded here."""
    found = []
    for dotted in types:
        with contextlib.suppress(CannotBeSeenError):
            found.append(resolve(dotted))
    return found


@pytest.mark.drivers
@each_driver
def test_dotted_names_exist(name: str) -> None:
    library(name)
    driver = described(name)
    names = {dotted for call in driver.functions for dotted in call.names}
    names |= {dotted for kind in driver.kinds.values() for dotted in kind.types}
    # Old names and forks of a library (pysqlite2, sqlcipher3) stand for it without being installed beside it.
    roots = {dotted.partition(".")[0] for dotted in names}
    aliases = {dotted for dotted in driver.aliases if dotted.partition(".")[0] in roots}
    names |= {*driver.exceptions, *aliases, *driver.aliases.values()}
    asked = {dotted for call in driver.functions for condition in call.when for dotted in condition.names}
    # Of other libraries, which need not be there, a model may name what its own are given.
    names |= {dotted for dotted in asked if dotted.partition(".")[0] in roots}
    assert sorted(dotted for dotted in names if not exists(dotted)) == []


@pytest.mark.drivers
@each_driver
def test_exceptions_have_the_bases_that_the_model_says(name: str) -> None:
    library(name)
    for exception, base in described(name).exceptions.items():
        expected = Exception if base == "Exception" else resolve(base)
        assert issubclass(resolve(exception), expected), exception


@pytest.mark.drivers
@each_driver
def test_methods_and_attributes_exist(name: str) -> None:
    library(name)
    models = models_of(name, running(name))
    missing = []
    for kind_id in described(name).kinds:
        kind = models.kinds[kind_id]
        classes = classes_of(kind.types)
        wanted = {*kind.methods, *kind.attributes, *kind.state_flags, *kind.attribute_events}
        # One of the classes is enough: a subclass, or a newer sibling, may have more.
        absent = {name for name in wanted if classes and not any(hasattr(cls, name) for cls in classes)}
        missing += [f"{kind_id}.{name}" for name in sorted(absent)]
    assert [entry for entry in missing if entry not in ABSENT] == []


# Not on the class, and still true.
ABSENT = frozenset({
    "psycopg2.pool.closed",  # set by the constructor, as those up to pg8000 are
    "pymysql.cursor.connection",
    "pymysql.unbuffered_cursor.connection",
    "sqlalchemy.async_session.sync_session",
    "sqlalchemy.async_registry.sync_session",
    "sqlmodel.async_session.sync_session",
    "motor.collection.database",
    "opensearchpy.client.transport",
    "opensearchpy.async_client.transport",
    "redis.client.connection_pool",
    "redis.async_client.connection_pool",
    "valkey.client.connection_pool",
    "valkey.async_client.connection_pool",
    "pg8000.connection.autocommit",
    "pg8000.legacy_connection.autocommit",
    "sqlalchemy.raw_connection.commit",  # handed on to the driver's connection, as the next two are
    "sqlalchemy.raw_connection.cursor",
    "sqlalchemy.raw_connection.rollback",
    "redis.cluster.connection_pool",  # taken over from the clients that a cluster is like; it has one for each node
    "redis.async_cluster.connection_pool",
    "valkey.cluster.connection_pool",
    "valkey.async_cluster.connection_pool",
    "sqlite3.connection.autocommit",  # Python 3.12
    "sqlite3.connection.getconfig",
    "sqlite3.connection.setconfig",
    "sqlite3.connection.enable_load_extension",  # only where SQLite was built with it
    "sqlite3.connection.load_extension",
})  # fmt: skip


@pytest.mark.drivers
@each_driver
def test_what_the_model_awaits_is_awaitable(name: str) -> None:
    """A coroutine function must be marked, whatever its name; the other way round wrappers hide the fact."""
    library(name)
    models = models_of(name, running(name))
    wrong = []
    for kind_id in described(name).kinds:
        kind = models.kinds[kind_id]
        for cls in classes_of(kind.types):
            for method, calls in kind.methods.items():
                function = inspect.unwrap(getattr(cls, method, None) or (lambda: None))
                if inspect.iscoroutinefunction(function) and not all(
                    call.coroutine or call.form in (Form.AWAIT, Form.AWAIT_OR_WITH) for call in calls
                ):
                    wrong.append(f"{kind_id}.{method}")
    assert wrong == []


@pytest.mark.drivers
@each_driver
def test_with_blocks_are_possible_where_the_model_has_them(name: str) -> None:
    library(name)
    models = models_of(name, running(name))
    wrong: list[str] = []
    for kind_id in described(name).kinds:
        kind = models.kinds[kind_id]
        for dotted in kind.types:
            for cls in classes_of((dotted,)):
                wrong += odd_blocks(kind, dotted, cls)
    assert [entry for entry in wrong if entry not in ODD_BLOCKS] == []


def odd_blocks(kind: Kind, dotted: str, cls: Any) -> Iterator[str]:
    """Yield the blocks that a model has and a class has not, or the other way round."""
    if kind.with_block is not None and (kind.with_block is not WithBlock.NONE) != hasattr(cls, "__enter__"):
        yield f"{dotted}: with"
    block = kind.async_with_block
    if block is not None and (block is not WithBlock.NONE) != hasattr(cls, "__aenter__"):
        yield f"{dotted}: async with"


# The class has the methods, but they are not for what the model calls this kind.
ODD_BLOCKS = frozenset({
    "sqlalchemy.ext.asyncio.AsyncConnection: async with",  # only before it is awaited
    "sqlalchemy.ext.asyncio.engine.AsyncConnection: async with",
    "sqlalchemy.ext.asyncio.AsyncResult: with",  # cannot close its cursor that way
    "sqlalchemy.ext.asyncio.AsyncScalarResult: with",
    "sqlalchemy.ext.asyncio.AsyncMappingResult: with",
    "sqlalchemy.ext.asyncio.result.AsyncResult: with",
})  # fmt: skip


@pytest.mark.drivers
@each_driver
def test_arguments_exist(name: str) -> None:
    """Keywords and positions of conditions, receivers, releases and query texts, where the signature can be read."""
    library(name)
    models = models_of(name, running(name))
    wrong = []
    for kind_id in described(name).kinds:
        kind = models.kinds[kind_id]
        for cls in classes_of(kind.types):
            for method, calls in kind.methods.items():
                parameters = _parameters(getattr(cls, method, None))
                if parameters is None:
                    continue
                for call in calls:
                    arguments = [call.sql, call.receiver, call.dsn, call.unwraps]
                    arguments += [call.releases] if isinstance(call.releases, Argument) else []
                    arguments += [condition.argument for condition in call.when]
                    arguments += [argument for setting in call.settings for argument in setting.arguments]
                    for argument in arguments:
                        if argument is None or argument.keyword is None or argument.position is None:
                            continue
                        found = parameters[argument.position] if argument.position < len(parameters) else None
                        if found != argument.keyword:
                            wrong.append(f"{cls.__module__}.{cls.__qualname__}.{method}: {argument}: {found}")
    assert wrong == []


def _parameters(function: Any) -> list[str] | None:
    """Names of the parameters that can be given by position, without self; None where they cannot be read."""
    if function is None:
        return None
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters[:2]):
        return None
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return positional[1:] if positional[:1] in (["self"], ["cls"]) else positional


# --- single facts that rules stand on --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "version", "block"),
    [
        ("sqlite3.connection", None, WithBlock.COMMIT),
        ("psycopg2.connection", None, WithBlock.COMMIT),
        ("psycopg2.checkout", None, WithBlock.COMMIT),
        ("psycopg.connection", None, WithBlock.COMMIT_RELEASE),
        ("psycopg_pool.checkout", None, WithBlock.COMMIT),
        ("psycopg_pool.borrowed", None, WithBlock.COMMIT_RELEASE),
        ("pymysql.connection", "0.9.3", WithBlock.COMMIT),
        ("pymysql.connection", "0.10.1", WithBlock.NONE),
        ("pymysql.connection", "1.0.2", WithBlock.RELEASE),
        ("sqlalchemy.connection", None, WithBlock.RELEASE),
        ("sqlalchemy.begun_connection", None, WithBlock.COMMIT_RELEASE),
        ("sqlalchemy.raw_connection", "2.0.44", WithBlock.NONE),
        ("sqlalchemy.raw_connection", "2.1", WithBlock.RELEASE),
        ("redis.pool", "7.4.1", WithBlock.NONE),
        ("redis.pool", "8.1", WithBlock.RELEASE),
    ],
)
def test_with_blocks(kind: str, version: str | None, block: WithBlock) -> None:
    assert models_of(kind.partition(".")[0], version).kinds[kind].with_block is block


def test_with_of_old_pymysql_binds_a_cursor() -> None:
    assert models_of("pymysql", "0.9.3").kinds["pymysql.connection"].enters == "pymysql.cursor"
    assert models_of("pymysql").kinds["pymysql.connection"].enters == "self"


@pytest.mark.parametrize(
    ("kind", "version", "setting", "default"),
    [
        ("psycopg2.connection", None, "connect-timeout", "unlimited"),
        ("psycopg.connection", "3.1.14", "connect-timeout", "unlimited"),
        ("psycopg.connection", None, "connect-timeout", "limited"),
        ("pymysql.connection", None, "connect-timeout", "limited"),
        ("pymysql.connection", None, "query-timeout", "unlimited"),
        ("asyncpg.checkout", None, "checkout-timeout", "unlimited"),
        ("psycopg2.checkout", None, "checkout-timeout", "immediate"),
        ("psycopg_pool.null_pool", None, "max-size", "unlimited"),
        ("psycopg_pool.pool", None, "max-size", "limited"),
        ("sqlalchemy.engine", None, "checkout-timeout", "limited"),
        ("redis.client", "7.4.1", "query-timeout", "unlimited"),
        ("redis.client", "8.0", "query-timeout", "limited"),
        ("redis.pool", "7.4.1", "max-size", "unlimited"),
        ("redis.pool", "8.0", "max-size", "limited"),
        ("redis.blocking_pool", "7.4.1", "max-size", "limited"),
    ],
)
def test_defaults(kind: str, version: str | None, setting: str, default: str) -> None:
    settings = models_of(kind.partition(".")[0], version).kinds[kind].settings
    assert [s.default for s in settings if s.name == setting] == [default]


def test_bare_postgresql_changed_its_driver_in_sqlalchemy_2_1() -> None:
    for version, default in (("2.0.44", "unlimited"), ("2.1", "limited")):
        settings = models_of("sqlalchemy", version).kinds["sqlalchemy.engine"].settings
        found = [s.default for s in settings if s.name == "connect-timeout" and "postgresql" in s.schemes]
        assert found == [default]


def test_closing_a_psycopg2_checkout_does_not_give_it_back() -> None:
    kind = models_of("psycopg2").kinds["psycopg2.checkout"]
    assert [call.releases for call in kind.methods["close"]] == [None]


def test_names_of_other_modules_lead_to_the_same_thing() -> None:
    models = models_of("pymysql")
    assert models.canonical("pymysql.err.OperationalError") == "pymysql.OperationalError"
    assert models.canonical("pymysql.cursors.Cursor") == "pymysql.cursors.Cursor"


# --- describing ------------------------------------------------------------------------------------------------------


def test_describe_all_lists_every_driver() -> None:
    lines = catalog.describe_all().splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(DRIVERS)


@each_driver
def test_describe_one(name: str) -> None:
    text = catalog.describe(name)
    assert load_driver(name).title in text
    for kind_id in load_driver(name).kinds:
        assert kind_id in text
    assert max(len(line) for line in text.splitlines()) < 140


@each_driver
def test_every_name_of_a_library_finds_its_driver(name: str) -> None:
    driver = load_driver(name)
    for spoken in (name, name.upper(), driver.title, *driver.imports, *driver.distributions):
        assert catalog.find_driver(spoken) == name


def test_describe_says_what_a_block_does_and_what_the_default_is() -> None:
    text = catalog.describe("psycopg2")
    assert "commits, or rolls back after an exception; it stays open" in text
    assert "no limit by default; set by connect_timeout=" in " ".join(text.split())


def test_describe_one_version() -> None:
    assert "100 " not in catalog.describe("redis", "7.4.1")
    assert "PyMySQL 0.9.3" in catalog.describe("pymysql", "0.9.3")


def test_describe_unknown() -> None:
    with pytest.raises(LookupError, match="did you mean `redis`"):
        catalog.describe("rediss")
    with pytest.raises(LookupError, match="`lintdb drivers` lists those that are known"):
        catalog.describe("-")


# --- what the schema says about mistakes -----------------------------------------------------------------------------

HEAD = '[driver]\nname = "x"\nnewest = "1.0"\n'
KIND = '[kinds.connection]\nfamily = "connection"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[driver", "m.toml: not valid TOML"),
        ("", "the table [driver] is missing"),
        ('[driver]\nname = "x"\n', "driver.newest: is missing"),
        ('[driver]\nname = "x"\nnewest = "new"\n', "'new' is not a version"),
        (HEAD + 'titel = "X"\n', "driver.titel: unknown key (did you mean 'title'?)"),
        (HEAD + "title = 3\n", "driver.title: expected a string, got 3"),
        (HEAD + 'blocking = "yes"\n', "driver.blocking: expected true or false, got 'yes'"),
        (HEAD + "[kinds.connection]\n", "kinds.connection.family: is missing; use one of connection, cursor"),
        (HEAD + '[kinds.c]\nfamily = "conection"\n', "'conection' is not allowed; use one of connection"),
        (HEAD + '[kinds.c]\nfamily = "conection"\n', "(did you mean 'connection'?)"),
        (HEAD + KIND + 'with = "close"\n', "kinds.connection.with: 'close' is not allowed; use one of release, commit"),
        (HEAD + KIND + 'whit = "keep"\n', "kinds.connection.whit: unknown key (did you mean 'with'?)"),
        (HEAD + KIND + 'ddl = "maybe"\n', "kinds.connection.ddl: 'maybe' is not allowed; use one of write, commit"),
        (
            HEAD + KIND + 'attribute_events = { a = "on" }\n',
            "attribute_events.a: 'on' is not allowed; use one of autocommit",
        ),
        (HEAD + KIND + "state_flags = { closed = 1 }\n", "state_flags.closed: expected true or false, got 1"),
        (
            HEAD + KIND + "[[kinds.connection.methods]]\nraises = 'never'\n",
            "kinds.connection.methods[0].names: is missing",
        ),
        (
            HEAD
            + KIND
            + "[[kinds.connection.methods]]\nnames = ['cursor']\nacquires = 'cursr'\n[kinds.cursor]\nfamily='cursor'\n",
            "kinds.connection.methods[0].acquires: 'cursr' is not a kind of this file (did you mean 'cursor'?)",
        ),
        (
            HEAD + "[[functions]]\nnames = ['x.f']\nacquires = 'c'\n",
            "functions[0].acquires: 'c' is not a kind of this file",
        ),
        (
            HEAD + "[[functions]]\nnames = ['x.f']\nsql = 1.5\n",
            "functions[0].sql: expected a position, a keyword, or {",
        ),
        (
            HEAD + "[[functions]]\nnames = ['x.f']\nsql = {}\n",
            "functions[0].sql: an argument needs `position` or `keyword`",
        ),
        (
            HEAD + "[[functions]]\nnames = ['x.f']\nwhen = { keyword = 'a' }\n",
            "a condition needs exactly one of `given`, `equals` and `is`",
        ),
        (
            HEAD + "[[functions]]\nnames = ['x.f']\nwhen = { given = true }\n",
            "functions[0].when: a condition needs `position` or `keyword`",
        ),
        (HEAD + "[[functions]]\nnames = ['@f']\n", "names: '@f' is not a list in [names]"),
        (
            HEAD + KIND + "[[kinds.connection.settings]]\ndefault = 'limited'\n",
            "settings[0].name: is missing; use one of",
        ),
        (HEAD + '[kinds.a]\nlike = "b"\n', "kinds.a.like: 'b' is no kind that this file has before it"),
        (HEAD + '[kinds.a]\nlike = "a"\n', "kinds.a.like: 'a' is no kind that this file has before it"),
        (
            HEAD + KIND + 'attributes = { a = "b" }\n',
            "kinds.connection.attributes.a: 'b' is not a kind of this file; there is connection",
        ),
        (HEAD + KIND + 'since = "later"\n', "kinds.connection.since: 'later' is not a version"),
        (HEAD + "kinds = 3\n", "unknown key"),
        ("kinds = 3\n" + HEAD, "kinds: expected a table of kinds, got 3"),
        ('[driver]\nname = "x"\nnewest = "1.0"\n[exceptions]\na = 1\n', "exceptions.a: expected a string, got 1"),
    ],
)
def test_mistakes_are_named(text: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_driver(text, "m.toml")
    assert message in str(caught.value)
    assert "m.toml" in str(caught.value)


def test_a_kind_like_one_of_a_driver_that_is_not_required() -> None:
    driver = parse_driver(HEAD + '[kinds.a]\nlike = "psycopg.connection"\n', "m.toml")
    with pytest.raises(
        ModelError, match=r"'psycopg\.connection' is no kind of this driver, nor of those it `requires`"
    ):
        catalog.complete_kinds([driver], dict(driver.kinds))


def test_a_call_that_names_a_kind_of_a_driver_that_is_not_required() -> None:
    driver = parse_driver(HEAD + "[[functions]]\nnames = ['x.f']\nacquires = 'y.connection'\n", "m.toml")
    with pytest.raises(ModelError, match=r"x\.f: 'y\.connection' is no kind of the loaded drivers"):
        catalog.check_kinds([driver], dict(driver.kinds))


def test_no_such_driver() -> None:
    with pytest.raises(ModelError, match="no built-in driver model is called 'nope'"):
        load_driver("nope")


# --- what the schema means -------------------------------------------------------------------------------------------


def test_since_and_until() -> None:
    text = HEAD + KIND + "methods = [{ names = ['a'], since = '2.0' }, { names = ['b'], until = '2.0' }]\n"
    for version, method in (("1.9", "b"), ("2.0", "a")):
        assert list(parse_driver(text, "m", version).kinds["x.connection"].methods) == [method]
    assert parse_driver(text, "m").cut_overs == ("2.0",)


def test_variants_change_a_kind_for_some_versions() -> None:
    text = HEAD + KIND + "with = 'release'\n[[kinds.connection.variants]]\nuntil = '2.0'\nwith = 'none'\n"
    assert parse_driver(text, "m", "1.0").kinds["x.connection"].with_block is WithBlock.NONE
    assert parse_driver(text, "m", "2.0").kinds["x.connection"].with_block is WithBlock.RELEASE


def test_like_takes_methods_but_no_types_and_only_the_settings_that_are_named() -> None:
    text = (
        HEAD
        + KIND
        + "types = ['x.C']\nautocommit = false\n"
        + "methods = [{ names = ['close'], releases = 'self' }, { names = ['f'] }]\n"
        + "settings = [{ name = 'recycle' }, { name = 'overflow' }]\n"
        + "[kinds.pooled]\nlike = 'connection'\nfamily = 'checkout'\nsettings_like_base = ['recycle']\n"
        + "methods = [{ names = ['close'] }]\n"
    )
    kind = parse_driver(text, "m").kinds["x.pooled"]
    assert (kind.family, kind.types, kind.autocommit) == ("checkout", (), False)
    assert [setting.name for setting in kind.settings] == ["recycle"]
    assert set(kind.methods) == {"close", "f"}
    assert kind.methods["close"][0].releases is None


def test_what_a_method_hands_out_belongs_to_its_receiver() -> None:
    text = HEAD + KIND + "methods = [{ names = ['a'], gives = 'connection' }, { names = ['b'], gives = 'self' }]\n"
    methods = parse_driver(text, "m").kinds["x.connection"].methods
    assert methods["a"][0].parent == "self"
    assert methods["b"][0].parent is None


def test_name_lists_are_spliced_in() -> None:
    text = HEAD + "[names]\nall = ['b', 'c']\n" + KIND + "methods = [{ names = ['a', '@all', 'd'] }]\n"
    assert list(parse_driver(text, "m").kinds["x.connection"].methods) == ["a", "b", "c", "d"]


def test_ddl() -> None:
    for word, event in (("write", Event.WRITE), ("commit", Event.COMMIT), ("nothing", None)):
        kind = parse_driver(HEAD + KIND + f"ddl = '{word}'\n", "m").kinds["x.connection"]
        assert kind.definition_event is event


def test_a_kind_can_be_without_units_of_work() -> None:
    text = (
        HEAD
        + KIND
        + "autocommit = false\n[kinds.a]\nlike = 'connection'\n[kinds.b]\nlike = 'connection'\nautocommit = 'none'\n"
    )
    kinds = parse_driver(text, "m").kinds
    assert (kinds["x.a"].autocommit, kinds["x.b"].autocommit) == (False, None)


def test_close_is_a_coroutine() -> None:
    text = HEAD + KIND + "methods = [{ names = ['close'], releases = 'self', coroutine = true }]\n"
    assert parse_driver(text, "m").kinds["x.connection"].close_is_coroutine
