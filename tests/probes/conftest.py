"""The servers of a run, each started when the first test asks for it and stopped at the end."""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections.abc import Callable, Iterator

import pytest

from tests.probes.servers import SERVERS, Server

Start = Callable[[str], Server]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Return a function that gives a running server by its name."""
    with contextlib.ExitStack() as stack:
        started: dict[str, Server] = {}
        refused: dict[str, BaseException] = {}

        def start(name: str) -> Server:
            if name in refused:
                raise refused[name]
            if name not in started:
                try:
                    started[name] = stack.enter_context(SERVERS[name](tmp_path_factory.mktemp(name)))
                except BaseException as reason:
                    refused[name] = reason
                    raise
            return started[name]

        yield start


@pytest.fixture(scope="session", autouse=True)
def quiet_end() -> Iterator[None]:
    """What libraries leave open because a probe wants it so is collected without a word."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()
