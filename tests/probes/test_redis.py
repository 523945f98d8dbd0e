"""What the model says of redis-py and valkey-py is what they do with a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lintdb.effects import Kind
from tests.probes.labs import models_of, module_of, raises
from tests.probes.servers import Server

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.servers]

CLASSES = {"redis": "Redis", "valkey": "Valkey"}


class Store:
    """A client of one of the libraries, with its model."""

    def __init__(self, driver: str, server: Server) -> None:
        self.driver, self.server = driver, server
        self.module = module_of(driver)
        self.models = models_of(driver)
        self.client = self.open()

    def open(self, **options: Any) -> Any:
        return getattr(self.module, CLASSES[self.driver])(host="127.0.0.1", port=self.server.port, **options)

    def kind(self, name: str) -> Kind:
        found = self.models.kinds.get(f"{self.driver}.{name}")
        return found if found is not None else self.models.kinds[f"redis.{name}"]


@pytest.fixture(params=CLASSES)
def store(request: pytest.FixtureRequest, server: Callable[[str], Server]) -> Iterator[Store]:
    module_of(request.param)
    found = Store(request.param, server("redis"))
    found.client.flushall()
    yield found
    found.client.close()


ARGUMENTS = (("missing",), ("missing", "field"), ("missing", "field", 0), ("missing", "missing"), ())


def test_commands_that_have_no_answer_for_a_missing_key(store: Store) -> None:
    """Each command that may have no answer has none for a key that is not there."""
    found: dict[str, Any] = {}
    client = store.open(socket_timeout=0.5)  # some wait for ever for a key to come
    for name, calls in store.kind("client").methods.items():
        call = calls[-1]
        if not call.may_return_none or call.acquires or call.settings or not hasattr(client, name):
            continue
        for arguments in ARGUMENTS:
            store.client.flushall()
            try:
                found[name] = getattr(client, name)(*arguments)
            except (TypeError, ValueError):
                continue
            except Exception:
                break  # a command that this server does not know, or arguments that it does not take
            break
    client.close()
    wrong = {name: value for name, value in found.items() if value is not None and value not in ([], {}, 0)}
    assert "get" in found
    assert "hget" in found
    assert wrong == {}


def test_the_size_of_the_pool_that_a_client_makes(store: Store) -> None:
    setting = next(each for each in store.kind("client").settings if each.name == "max-size")
    assert (store.client.connection_pool.max_connections > 10_000) is (setting.default == "unlimited")


def test_times_that_a_client_waits_by_default(store: Store) -> None:
    options = store.client.connection_pool.make_connection()
    for name, attribute in (("query-timeout", "socket_timeout"), ("connect-timeout", "socket_connect_timeout")):
        setting = next(each for each in store.kind("client").settings if each.name == name)
        assert (getattr(options, attribute) is None) is (setting.default == "unlimited"), name


def test_a_pool_with_nothing_left(store: Store) -> None:
    setting = next(each for each in store.kind("pool").settings if each.name == "checkout-timeout")
    pool = store.module.ConnectionPool(host="127.0.0.1", port=store.server.port, max_connections=1)
    held = pool.get_connection("ping") if store.driver == "valkey" else pool.get_connection()
    error = raises(lambda: pool.get_connection("ping") if store.driver == "valkey" else pool.get_connection())
    pool.release(held)
    pool.disconnect()
    assert (error is not None) is (setting.default == "immediate")


def test_a_client_can_be_used_after_it_was_closed(store: Store) -> None:
    client = store.open()
    client.ping()
    client.close()
    assert (raises(client.ping) is None) is store.kind("client").reusable
    client.close()


def test_errors_in_a_pipeline_that_are_told_by_its_result_alone(store: Store) -> None:
    store.client.set("text", "x")
    hiding = [call for call in store.kind("pipeline").methods["execute"] if call.hides_errors]
    assert hiding
    pipe = store.client.pipeline()
    pipe.incr("text").set("other", "y")
    result = pipe.execute(raise_on_error=False)
    assert isinstance(result[0], Exception)
    assert store.client.get("other") == b"y"
    assert raises(lambda: store.client.pipeline().incr("text").execute()) is not None


def test_the_block_of_a_pipeline_executes_nothing(store: Store) -> None:
    with store.client.pipeline() as pipe:
        pipe.set("queued", "x")
    assert store.client.get("queued") is None
    block = store.kind("pipeline").with_block
    assert block is not None
    assert block.releases


def test_a_lock_never_expires_by_default(store: Store) -> None:
    setting = next(each for each in store.kind("lock").settings if each.name == "lock-timeout")
    lock = store.client.lock("guard")
    assert lock.acquire()
    assert (store.client.ttl("guard") == -1) is (setting.default == "unlimited")
    lock.release()


def test_a_subscription_that_is_dropped(store: Store) -> None:
    """The connection of a sync PubSub goes back to the pool when it is collected, that of an async one is lost."""
    module = module_of(f"{store.driver}.asyncio")

    async def running() -> int:
        import gc

        pool = module.ConnectionPool(host="127.0.0.1", port=store.server.port, max_connections=2)
        client = getattr(module, CLASSES[store.driver])(connection_pool=pool)
        pubsub = client.pubsub()  # lintdb: ignore[LDB106] dropped on purpose
        await pubsub.subscribe("news")
        del pubsub
        gc.collect()
        held = len(pool._in_use_connections)
        await pool.disconnect()
        return held

    assert asyncio.run(running()) == 1
