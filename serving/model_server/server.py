"""One server: its ports, its models, its start and its end."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from serving.model_server.api import Api
from serving.model_server.core import ServerCore
from serving.model_server.dispatch import Dispatcher
from serving.model_server.errors import ServingError
from serving.model_server.grpc_services import Health, add_services
from serving.model_server.limits import Limits
from serving.model_server.metrics import Metrics
from serving.model_server.model_config import ModelConfig
from serving.model_server.saved_model import SavedModel
from serving.model_server.versions import RetryPolicy, Servable, VersionManager
from serving.model_server.warmup import warm_up

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What a server is started with.

    Attributes:
        address: the interface that both ports are on.
        grpc_port: 0 takes a free one.
        rest_port: 0 takes a free one, None has no REST.
        models: what to serve.
        model_roots: folders that a reload may name, with everything below them.
        poll_seconds: how often to look for new versions; 0 looks once.
        labels_before_versions: whether a new label may name a version that is not available.
        retry: what to do about a version that does not load.
        limits: how much to take on.
        threads: how many requests compute at once.
        drain_seconds: how long requests may take to end when the server is stopped.
    """

    address: str
    grpc_port: int
    rest_port: int | None
    models: Sequence[ModelConfig]
    model_roots: Sequence[Path]
    poll_seconds: float
    labels_before_versions: bool
    retry: RetryPolicy
    limits: Limits
    threads: int
    drain_seconds: float
    rest_timeout_seconds: float


class ModelServer:
    """A server that has not been started."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._manager = VersionManager(self._load, settings.retry)
        self._core = ServerCore(
            self._manager, settings.model_roots, settings.poll_seconds, settings.labels_before_versions
        )
        self._dispatcher = Dispatcher(settings.threads, settings.limits.requests)
        self._api = Api(self._core, settings.limits)
        self._health = Health()
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Makes `run` finish what is under way and return."""
        self._stop.set()

    async def run(self) -> None:
        """Loads the models, serves until `stop` is called, then drains.

        Raises:
            ServingError: a model cannot be loaded, or a port is taken.
        """
        starting = asyncio.create_task(asyncio.to_thread(self._core.start, self._settings.models))
        await asyncio.wait((starting, asyncio.create_task(self._stop.wait())), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            self._core.stop()
        await starting
        if not self._stop.is_set():
            await self._serve()
        await asyncio.to_thread(self._core.stop)
        self._manager.close()

    async def _serve(self) -> None:
        settings = self._settings
        server = grpc.aio.server(options=self._options())
        add_services(server, self._api, self._dispatcher, self._health)
        try:
            port = server.add_insecure_port(f"{settings.address}:{settings.grpc_port}")
        except RuntimeError as problem:
            raise ServingError(
                grpc.StatusCode.UNAVAILABLE, f"--port {settings.grpc_port} on {settings.address} cannot be had"
            ) from problem
        await server.start()
        await self._health.set(True)
        print(f"model_server: ready grpc={settings.address}:{port}", flush=True)
        await self._stop.wait()
        _LOG.info("Stopping: no new requests, %d under way", self._dispatcher.under_way)
        await self._health.set(False)
        await server.stop(settings.drain_seconds)
        await asyncio.to_thread(self._dispatcher.close)

    def _options(self) -> list[tuple[str, int]]:
        size = self._settings.limits.message_bytes
        return [
            ("grpc.max_receive_message_length", size),
            ("grpc.max_send_message_length", -1),
            # Two servers on one port would share its connections between them.
            ("grpc.so_reuseport", 0),
        ]

    def _load(self, model: str, number: int, path: Path) -> Servable:
        try:
            loaded = SavedModel(path)
        except ServingError:
            self._metrics.loaded(str(path), "fail")
            raise
        self._metrics.loaded(str(path), "success")
        try:
            warm_up(loaded, number, path, self._settings.limits, self._metrics)
        except ServingError:
            loaded.close()
            raise
        return loaded
