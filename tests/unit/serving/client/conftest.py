"""Peers to talk to, and both clients behind one face."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from serving.client import AsyncClient, Client
from tests.unit.serving.client.scripted_server import Answer, ScriptedServer, world

Serve = Callable[..., ScriptedServer]
Connect = Callable[..., Any]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers, which stop when the test ends."""
    servers: list[ScriptedServer] = []

    def start(answer: Answer = world, **options: Any) -> ScriptedServer:
        servers.append(ScriptedServer(answer, **options))
        return servers[-1]

    yield start
    for scripted in servers:
        scripted.stop()


class _Awaited:
    """An AsyncClient whose methods are run to their end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *args: Any, **options: Any) -> None:
        self._loop = loop
        self._client = AsyncClient(*args, **options)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        return lambda *args, **options: self._loop.run_until_complete(method(*args, **options))


@pytest.fixture(params=["blocking", "asyncio"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes clients, of both kinds in turn; they close when the test ends."""
    loop = asyncio.new_event_loop()
    make: Callable[..., Any] = Client if request.param == "blocking" else partial(_Awaited, loop)
    clients: list[Any] = []

    def new(*args: Any, **options: Any) -> Any:
        clients.append(make(*args, **options))
        return clients[-1]

    yield new
    for client in clients:
        client.close()
    loop.close()
