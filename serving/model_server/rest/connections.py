"""The HTTP server under the REST API: its connections, and the limits of each."""

import asyncio
from typing import Any

from aiohttp import web

from serving.model_server.rest.application import RestApi


class RestServer(web.Server):
    """Closes connections on which nothing is requested for as long as a request may take."""

    def __init__(self, rest: RestApi) -> None:
        self._seconds = rest.settings.seconds
        self._max_bytes = rest.settings.max_bytes
        # aiohttp closes a connection that is idle after a request; for the first one it would wait for ever.
        self._have_requested: set[Any] = set()
        super().__init__(
            rest.handle, request_factory=self._make, access_log=None, keepalive_timeout=self._seconds
        )

    def connection_made(self, handler: Any, transport: asyncio.Transport) -> None:
        """Of aiohttp."""
        super().connection_made(handler, transport)
        asyncio.get_running_loop().call_later(self._seconds, self._close_idle, handler, transport)

    def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        """Of aiohttp."""
        self._have_requested.discard(handler)
        super().connection_lost(handler, exc)

    def _make(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        self._have_requested.add(protocol)
        loop = asyncio.get_running_loop()
        return web.BaseRequest(
            message, payload, protocol, writer, task, loop, client_max_size=self._max_bytes
        )

    def _close_idle(self, handler: Any, transport: asyncio.Transport) -> None:
        if handler not in self._have_requested:
            transport.close()
