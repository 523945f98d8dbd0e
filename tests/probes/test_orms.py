"""What models say of ORMs is what they do, on SQLite: what their blocks keep, and what a swallowed error does."""

from __future__ import annotations

import asyncio
import functools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from lintdb.effects import AfterError, Kind, WithBlock
from tests.probes.labs import models_of, module_of, raises

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "orm.db"
    with closing(sqlite3.connect(found)) as conn:
        conn.execute("create table item (id integer primary key, name text unique)")
    return found


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path, timeout=0.2)) as conn:
        return int(conn.execute("select count(*) from item").fetchone()[0])


def kinds_of(driver: str) -> Callable[[str], Kind]:
    models = models_of(driver)
    return lambda name: models.kinds[f"{driver}.{name}"]


# --- SQLAlchemy -------------------------------------------------------------------------------------------------------


class Alchemy:
    """An engine, a mapped class and a factory of sessions."""

    def __init__(self, path: Path) -> None:
        self.sqlalchemy = module_of("sqlalchemy")
        self.orm = module_of("sqlalchemy.orm")
        self.engine = self.sqlalchemy.create_engine(f"sqlite:///{path}")
        base = self.orm.declarative_base()
        columns = {
            "__tablename__": "item",
            "id": self.sqlalchemy.Column(self.sqlalchemy.Integer, primary_key=True),
            "name": self.sqlalchemy.Column(self.sqlalchemy.String, unique=True),
        }
        self.item: Any = type("Item", (base,), columns)
        self.factory = self.orm.sessionmaker(self.engine)

    def insert(self, conn: Any, name: str) -> None:
        conn.execute(self.sqlalchemy.text("insert into item (name) values (:name)"), {"name": name})

    @property
    def taken(self) -> int:
        return int(self.engine.pool.checkedout())


@pytest.fixture
def alchemy(path: Path) -> Iterator[Alchemy]:
    found = Alchemy(path)
    yield found
    found.engine.dispose()


BLOCKS = {
    "connection": lambda alchemy: alchemy.engine.connect(),
    "begun_connection": lambda alchemy: alchemy.engine.begin(),
    "session": lambda alchemy: alchemy.orm.Session(alchemy.engine),
    "begun_session": lambda alchemy: alchemy.factory.begin(),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_of_sqlalchemy(name: str, alchemy: Alchemy, path: Path) -> None:
    block = kinds_of("sqlalchemy")(name).with_block or WithBlock.NONE
    with BLOCKS[name](alchemy) as entered:
        alchemy.insert(entered, "first")
        assert alchemy.taken == 1
    assert (alchemy.taken == 0) is block.releases
    assert (rows(path) == 1) is block.commits
    with suppress(ZeroDivisionError), BLOCKS[name](alchemy) as entered:
        alchemy.insert(entered, "second")
        _ = 1 / 0
    assert alchemy.taken == 0
    assert rows(path) == (1 if block.commits else 0)


@pytest.mark.parametrize("name", ["engine", "raw_pool", "registry"])
def test_what_is_no_block_in_sqlalchemy(name: str, alchemy: Alchemy) -> None:
    made = {"engine": alchemy.engine, "raw_pool": alchemy.engine.pool, "registry": alchemy.factory}[name]
    if kinds_of("sqlalchemy")(name).with_block is WithBlock.NONE:
        assert not hasattr(made, "__enter__")


def test_the_block_of_a_raw_connection(alchemy: Alchemy) -> None:
    raw = alchemy.engine.raw_connection()
    block = kinds_of("sqlalchemy")("raw_connection").with_block
    assert hasattr(raw, "__enter__") is (block is not WithBlock.NONE)
    raw.close()


def test_a_transaction_of_sqlalchemy_leaves_its_session_open(alchemy: Alchemy, path: Path) -> None:
    session = alchemy.orm.Session(alchemy.engine)
    with session.begin():
        alchemy.insert(session, "first")
    assert rows(path) == 1
    assert session.execute(alchemy.sqlalchemy.text("select count(*) from item")).scalar() == 1
    assert alchemy.taken == 1
    session.close()


def test_commit_and_rollback_give_the_connection_of_a_session_back(alchemy: Alchemy) -> None:
    for end in ("commit", "rollback"):
        session = alchemy.orm.Session(alchemy.engine)
        session.execute(alchemy.sqlalchemy.text("select 1"))
        assert alchemy.taken == 1
        getattr(session, end)()
        assert alchemy.taken == 0


@pytest.mark.parametrize(
    ("name", "make"), [("session", lambda alchemy: alchemy.factory()), ("engine", lambda alchemy: alchemy.engine)]
)
def test_what_can_be_used_again_in_sqlalchemy(name: str, make: Callable[[Alchemy], Any], alchemy: Alchemy) -> None:
    made = make(alchemy)
    (made.close if name == "session" else made.dispose)()
    used = raises(
        lambda: (made.execute if name == "session" else made.connect().execute)(alchemy.sqlalchemy.text("select 1"))
    )
    assert (used is None) is kinds_of("sqlalchemy")(name).reusable


def test_a_connection_of_sqlalchemy_that_is_closed(alchemy: Alchemy) -> None:
    conn = alchemy.engine.connect()
    assert conn.closed is kinds_of("sqlalchemy")("connection").state_flags["closed"]
    conn.close()
    conn.close()
    assert conn.closed
    assert raises(lambda: alchemy.insert(conn, "x")) is not None


def test_a_flush_that_fails_leaves_a_session_of_no_use(alchemy: Alchemy, path: Path) -> None:
    call = kinds_of("sqlalchemy")("session").methods["flush"][0]
    with alchemy.factory() as session:
        session.add_all([alchemy.item(name="same"), alchemy.item(name="same")])
        assert raises(session.flush) is not None
        session.add(alchemy.item(name="other"))
        is_broken = raises(session.flush) is not None
    assert is_broken is (call.after_error is AfterError.ABORTS)
    assert rows(path) == 0


def test_limits_of_sqlalchemy_engines(alchemy: Alchemy, path: Path) -> None:
    create = alchemy.sqlalchemy.create_engine
    settings = {each.name: each for each in kinds_of("sqlalchemy")("engine").settings}
    assert alchemy.engine.pool.size() == 5
    assert alchemy.engine.pool.timeout() == 30.0
    unlimited = create(f"sqlite:///{path}", pool_size=settings["max-size"].unlimited[0], pool_timeout=0)
    held = [unlimited.connect() for _ in range(20)]
    for conn in held:
        conn.close()
    overflowing = create(
        f"sqlite:///{path}", pool_size=1, max_overflow=settings["overflow"].unlimited[0], pool_timeout=0
    )
    for conn in [overflowing.connect() for _ in range(20)]:
        conn.close()
    limited = create(
        f"sqlite:///{path}", pool_size=1, max_overflow=0, pool_timeout=settings["checkout-timeout"].immediate[0]
    )
    with limited.connect():
        assert raises(limited.connect) is not None
    for each in (unlimited, overflowing, limited):
        each.dispose()


def test_arguments_that_engines_without_a_pool_refuse(alchemy: Alchemy, path: Path) -> None:
    refused = [each.keyword for each in kinds_of("sqlalchemy")("unpooled_engine").refuses if each.keyword is not None]
    assert refused
    for keyword in refused:
        options = {"poolclass": alchemy.sqlalchemy.pool.NullPool, keyword: 1}
        error = raises(functools.partial(alchemy.sqlalchemy.create_engine, f"sqlite:///{path}", **options))
        assert isinstance(error, TypeError), keyword


# --- Peewee -----------------------------------------------------------------------------------------------------------


class Peewee:
    """A database and a model of it."""

    def __init__(self, path: Path) -> None:
        self.peewee = module_of("peewee")
        self.db = self.peewee.SqliteDatabase(str(path))
        meta = type("Meta", (), {"database": self.db, "table_name": "item"})
        self.item: Any = type("Item", (self.peewee.Model,), {"name": self.peewee.CharField(unique=True), "Meta": meta})


@pytest.fixture
def peewee(path: Path) -> Iterator[Peewee]:
    found = Peewee(path)
    yield found
    found.db.close()


@pytest.mark.parametrize("name", ["database", "connection", "transaction"])
def test_blocks_of_peewee(name: str, peewee: Peewee, path: Path) -> None:
    block = kinds_of("peewee")(name).with_block or WithBlock.NONE
    manager = {"database": peewee.db, "connection": peewee.db.connection_context(), "transaction": peewee.db.atomic()}[
        name
    ]
    with suppress(ZeroDivisionError), manager:
        peewee.item.create(name="first")
        _ = 1 / 0
    # Outside of a transaction each statement is permanent.
    assert (rows(path) == 0) is block.commits
    # What a transaction's block ends is the transaction alone.
    assert peewee.db.is_closed() is (name != "transaction")


def test_closing_a_peewee_database_twice(peewee: Peewee) -> None:
    kind = kinds_of("peewee")("database")
    peewee.db.connect()
    assert peewee.db.is_closed() is kind.state_flags["is_closed"]
    peewee.db.close()
    assert peewee.db.is_closed() is not kind.state_flags["is_closed"]
    assert (raises(peewee.db.close) is None) is kind.idempotent_release
    assert (raises(lambda: peewee.item.select().count()) is None) is kind.reusable


def test_an_error_that_is_swallowed_in_a_peewee_transaction(peewee: Peewee, path: Path) -> None:
    """On SQLite the rest is committed, on PostgreSQL it is lost: so the model says that it depends."""
    with peewee.db.atomic():
        peewee.item.create(name="same")
        assert raises(lambda: peewee.item.create(name="same")) is not None
        peewee.item.create(name="other")
    assert rows(path) == 2
    assert kinds_of("peewee")("transaction").after_error is AfterError.DEPENDS


def test_a_peewee_pool_with_nothing_left(path: Path) -> None:
    pool = module_of("playhouse.pool")
    setting = next(
        each for each in kinds_of("playhouse")("pooled_database").settings if each.name == "checkout-timeout"
    )
    db = pool.PooledSqliteDatabase(str(path), max_connections=1, check_same_thread=False)
    db.connect()
    found: list[BaseException | None] = []
    import threading

    thread = threading.Thread(target=lambda: found.append(raises(db.connect)), daemon=True)
    thread.start()
    thread.join(2)
    assert (bool(found) and found[0] is not None) is (setting.default == "immediate")
    db.close_all()


# --- Tortoise ---------------------------------------------------------------------------------------------------------


def test_transactions_of_tortoise(path: Path) -> None:
    tortoise, transactions = module_of("tortoise"), module_of("tortoise.transactions")
    kind = kinds_of("tortoise")("transaction")

    async def insert(conn: Any, name: str) -> None:
        await conn.execute_query("insert into item (name) values (?)", [name])

    async def running() -> list[int]:
        await tortoise.Tortoise.init(db_url=f"sqlite://{path}", modules={"models": [__name__]})
        seen = []
        try:
            async with transactions.in_transaction() as conn:
                await insert(conn, "kept")
            seen.append(rows(path))
            with suppress(ZeroDivisionError):
                async with transactions.in_transaction() as conn:
                    await insert(conn, "lost")
                    _ = 1 / 0
            seen.append(rows(path))
            async with transactions.in_transaction() as conn:
                await insert(conn, "first")
                with suppress(Exception):
                    await insert(conn, "first")
                await insert(conn, "second")
            seen.append(rows(path))
        finally:
            await tortoise.Tortoise.close_connections()
        return seen

    assert asyncio.run(running()) == [1, 1, 3]
    assert kind.after_error is AfterError.DEPENDS


# --- Django -----------------------------------------------------------------------------------------------------------


class Django:
    """Django with one model, set up once in a process."""

    def __init__(self, path: Path) -> None:
        self.django = module_of("django")
        conf = module_of("django.conf")
        databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}}
        if not conf.settings.configured:
            conf.settings.configure(DATABASES=databases, DEFAULT_AUTO_FIELD="django.db.models.AutoField")
            self.django.setup()
        self.db = module_of("django.db")
        self.db.connections["default"].close()
        self.db.connections["default"].settings_dict["NAME"] = str(path)
        self.transaction = self.db.transaction
        self.item = _django_model(module_of("django.db.models"))


def _django_model(models: Any) -> Any:
    global _ITEM  # noqa: PLW0603 (Django keeps a registry of models, too)
    if _ITEM is None:
        meta = type("Meta", (), {"app_label": "probes", "db_table": "item"})
        fields = {"name": models.TextField(unique=True), "Meta": meta, "__module__": __name__}
        _ITEM = type("Item", (models.Model,), fields)
    return _ITEM


_ITEM: Any = None


@pytest.fixture
def django(path: Path) -> Iterator[Django]:
    found = Django(path)
    yield found
    found.db.connections.close_all()


def test_the_block_of_djangos_atomic(django: Django, path: Path) -> None:
    block = kinds_of("django")("atomic").with_block or WithBlock.NONE
    with django.transaction.atomic():
        django.item.objects.create(name="kept")
    with suppress(ZeroDivisionError), django.transaction.atomic():
        django.item.objects.create(name="lost")
        _ = 1 / 0
    assert (rows(path) == 1) is block.commits


def test_an_error_that_is_swallowed_in_djangos_atomic(django: Django, path: Path) -> None:
    after = kinds_of("django")("atomic").after_error
    with django.transaction.atomic():
        django.item.objects.create(name="same")
        assert raises(lambda: django.item.objects.create(name="same")) is not None
        is_broken = raises(lambda: django.item.objects.create(name="other")) is not None
    assert is_broken is (after is AfterError.ABORTS)
    assert (rows(path) == 0) is (after is AfterError.ABORTS)


def test_a_savepoint_of_django(django: Django, path: Path) -> None:
    with django.transaction.atomic():
        django.item.objects.create(name="same")
        with suppress(django.db.IntegrityError), django.transaction.atomic():
            django.item.objects.create(name="same")
        django.item.objects.create(name="other")
    assert rows(path) == 2


def test_the_block_of_a_cursor_of_django(django: Django, path: Path) -> None:
    kind = kinds_of("django")("cursor")
    assert kind.with_block is not None
    with django.db.connection.cursor() as cursor:
        cursor.execute("insert into item (name) values (%s)", ["kept"])
    assert (raises(lambda: cursor.execute("select 1")) is not None) is kind.with_block.releases
    assert rows(path) == 1  # autocommit


def test_a_connection_of_django_opens_again(django: Django) -> None:
    connection = django.db.connection
    connection.close()
    assert (raises(django.item.objects.count) is None) is kinds_of("django")("connection").reusable
    assert not hasattr(type(django.db.connections["default"]), "__enter__")


def test_djangos_atomic_is_no_async_block(django: Django) -> None:
    is_async = hasattr(django.transaction.Atomic, "__aenter__")
    assert is_async is (kinds_of("django")("atomic").async_with_block is not WithBlock.NONE)
