"""The servers of a run, each started when the first test asks for it and stopped at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.probes.servers import SERVERS, Server

Start = Callable[[str], Server]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Return a function that gives a running server by its name."""
    with contextlib.ExitStack() as stack:
        started: dict[str, Server] = {}
        skipped: dict[str, str] = {}

        def start(name: str) -> Server:
            if name in skipped:
                pytest.skip(skipped[name])
            if name not in started:
                try:
                    started[name] = stack.enter_context(SERVERS[name](tmp_path_factory.mktemp(name)))
                except pytest.skip.Exception as reason:
                    skipped[name] = str(reason)
                    raise
            return started[name]

        yield start
