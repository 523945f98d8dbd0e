"""Every driver model: valid for each version it tells apart, complete, described; and facts that rules stand on."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

import pytest
from packaging.version import Version

from lintdb.drivers import catalog
from lintdb.drivers.catalog import Models, load_driver
from lintdb.drivers.model import Driver
from lintdb.effects import CallModel, Duty, Form, WithBlock
from tests.models import DRIVERS, each_driver, each_version, models_of

# What a kind of a family must be able to do, or nothing can be said about it.
OWING = ("connection", "cursor", "session", "pool", "checkout", "result")


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
        if kind.classes or kind.objects:
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
        assert issubclass(getattr(builtins, current), Exception), exception
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
