"""Models are true to the libraries that are installed: names, bases, methods, arguments, blocks."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.util
import inspect
import sys
import warnings
from collections.abc import Iterator
from importlib import metadata
from types import ModuleType
from typing import Any

import pytest
from packaging.version import Version

from lintdb.drivers.catalog import Models, load_driver
from lintdb.drivers.model import Driver
from lintdb.effects import Argument, CallModel, Form, Kind, WithBlock
from tests.models import each_driver, models_of

pytestmark = pytest.mark.drivers


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
                with warnings.catch_warnings():
                    # Old names of modules count, too; and what a library imports that is old is its own affair.
                    warnings.simplefilter("ignore", DeprecationWarning)
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


def iter_methods(name: str, models: Models) -> Iterator[tuple[Kind, Any, str, tuple[CallModel, ...]]]:
    """Yield (kind, class, method, what the model says of it) for the classes that can be loaded here."""
    for kind_id in described(name).kinds:
        kind = models.kinds[kind_id]
        for cls in classes_of(kind.types):
            for method, calls in kind.methods.items():
                yield kind, cls, method, calls


@each_driver
def test_dotted_names_exist(name: str) -> None:
    library(name)
    driver = described(name)
    names = {dotted for call in driver.functions for dotted in call.names}
    names |= {dotted for kind in driver.kinds.values() for dotted in (*kind.types, *kind.objects)}
    # Old names and forks of a library (pysqlite2, sqlcipher3) stand for it without being installed beside it.
    roots = {dotted.partition(".")[0] for dotted in names}
    aliases = {dotted for dotted in driver.aliases if dotted.partition(".")[0] in roots}
    names |= {*driver.exceptions, *aliases, *driver.aliases.values()}
    asked = {dotted for call in driver.functions for condition in call.when for dotted in condition.names}
    # Of other libraries, which need not be there, a model may name what its own are given.
    names |= {dotted for dotted in asked if dotted.partition(".")[0] in roots}
    assert sorted(dotted for dotted in names if not exists(dotted)) == []


@each_driver
def test_exceptions_have_the_bases_that_the_model_says(name: str) -> None:
    library(name)
    for exception, base in described(name).exceptions.items():
        expected = resolve(base) if "." in base else getattr(builtins, base)
        assert issubclass(resolve(exception), expected), exception


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
    "cymysql.cursor.connection",
    "cymysql.async_cursor.connection",
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


@each_driver
def test_what_the_model_awaits_is_awaitable(name: str) -> None:
    """A coroutine function must be marked, whatever its name; the other way round wrappers hide the fact."""
    library(name)
    models = models_of(name, running(name))
    wrong = []
    for kind, cls, method, calls in iter_methods(name, models):
        function = inspect.unwrap(getattr(cls, method, None) or (lambda: None))
        if inspect.iscoroutinefunction(function) and not all(
            call.coroutine or call.form in (Form.AWAIT, Form.AWAIT_OR_WITH) for call in calls
        ):
            wrong.append(f"{kind.id}.{method}")
    assert wrong == []


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


@each_driver
def test_arguments_exist(name: str) -> None:
    """Keywords and positions of conditions, receivers, releases and query texts, where the signature can be read."""
    library(name)
    models = models_of(name, running(name))
    wrong = []
    for _, cls, method, calls in iter_methods(name, models):
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
