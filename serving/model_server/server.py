"""One server: its ports, its models, its start and its end."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
from aiohttp import web

from serving.model_server.api import Api
from serving.model_server.batching.scheduler import BatchedModel, BatchScheduler
from serving.model_server.config.config_file import ConfigFile
from serving.model_server.config.model_config import ModelConfig
from serving.model_server.config.text_protos import BatchingParameters, TlsConfig, read_batching
from serving.model_server.config.tls import grpc_credentials, rest_context
from serving.model_server.dispatch import Dispatcher
from serving.model_server.errors import ModelServerError
from serving.model_server.grpc_services import Health, add_services
from serving.model_server.limits import Limits
from serving.model_server.metrics import Metrics
from serving.model_server.models.core import ServerCore
from serving.model_server.models.saved_model import SavedModel
from serving.model_server.models.versions import RetryPolicy, Servable, VersionManager
from serving.model_server.models.warmup import warm_up
from serving.model_server.rest.application import RestApi, RestSettings
from serving.model_server.rest.connections import RestServer

_LOG = logging.getLogger(__name__)
# In the folder of a version, with `--enable_per_model_batching_parameters`.
PER_MODEL_BATCHING_FILE = "batching_params.pbtxt"
# How often watchers of the health get to see a model that has gone or come.
_HEALTH_SECONDS = 0.5


@dataclass(frozen=True)
class Settings:
    """What a server is started with.

    Attributes:
      address: the interface that both ports are on.
      grpc_port: 0 takes a free one.
      rest_port: 0 takes a free one, None turns REST off.
      models: what to serve.
      model_roots: folders that a reload may name, with everything below them.
      poll_seconds: how often to look for new versions; 0 looks once.
      labels_before_versions: whether a new label may name a version that is not available.
      retry: what to do about a version that does not load.
      limits: how much to take on.
      threads: how many requests compute at once.
      drain_seconds: how long requests may take to end when the server is stopped.
      rest_timeout_seconds: how long a REST answer may take.
      metrics_path: where Prometheus reads, if it does.
      warm_up: whether warm-up files are used.
      batching: how requests are batched, if they are.
      per_model_batching: only versions with a file of their own parameters are batched.
      tls: the certificates, for both ports, if there are any.
      health: whether gRPC has the health service.
      cors: whether pages of other origins may call REST.
      config_file: what the models were read from, None where the command line names one.
      config_poll_seconds: how often to read it again; 0 reads it once.
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
    metrics_path: str | None
    warm_up: bool
    batching: BatchingParameters | None
    per_model_batching: bool
    tls: TlsConfig | None
    health: bool
    cors: bool
    config_file: Path | None
    config_poll_seconds: float


class ModelServer:
    """A server that has not been started."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._manager = VersionManager(self._load, settings.retry)
        self._core = ServerCore(
            self._manager, settings.model_roots, settings.poll_seconds, settings.labels_before_versions
        )
        self._scheduler = BatchScheduler(settings.batching.num_batch_threads) if settings.batching else None
        # A request that waits for its batch keeps its thread, as in TensorFlow Serving.
        threads = settings.limits.requests if settings.batching else settings.threads
        self._dispatcher = Dispatcher(threads, settings.limits.requests)
        self._api = Api(self._core, settings.limits, self._metrics)
        self._health = Health(self._core.unavailable)
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Makes `run` finish what is under way and return."""
        self._stop.set()

    async def run(self) -> bool:
        """Loads the models, serves until `stop` is called, then finishes what is under way.

        Returns:
          Whether everything was finished. If not, threads still compute.

        Raises:
          ModelServerError: a model cannot be loaded, or a port is taken.
        """
        _check_ports(self._settings)
        stopped = asyncio.create_task(self._stop.wait())
        starting = asyncio.create_task(asyncio.to_thread(self._core.start, self._settings.models))
        await asyncio.wait((starting, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            self._core.stop()
        await starting
        if not self._stop.is_set():
            await self._serve()
        await asyncio.to_thread(self._core.stop)
        if self._dispatcher.under_way:
            return False
        self._dispatcher.close()
        self._manager.close()
        if self._scheduler:
            self._scheduler.close()
        return True

    async def _serve(self) -> None:
        settings = self._settings
        server = grpc.aio.server(options=self._options())
        add_services(server, self._api, self._dispatcher, self._health if settings.health else None)
        ports = {"grpc": _add_port(server, settings)}
        rest = RestApi(
            self._api,
            self._dispatcher,
            self._metrics,
            RestSettings(
                settings.metrics_path,
                settings.rest_timeout_seconds,
                settings.limits.message_bytes,
                settings.limits.batch_rows,
                settings.cors,
            ),
            self._core.unavailable,
        )
        runner = web.ServerRunner(RestServer(rest), shutdown_timeout=settings.drain_seconds)
        await runner.setup()
        try:
            if settings.rest_port is not None:
                ports["rest"] = await _start_rest(runner, settings)
            await server.start()
            await self._health.refresh()
            # The process that starts this one reads from this line that it is ready, and its ports.
            listening = (f"{name}={_at(settings.address, port)}" for name, port in ports.items())
            print("model_server: ready " + " ".join(listening), flush=True)
            await self._watch()
            _LOG.info("Stopping: no new requests, %d under way", self._dispatcher.under_way)
            await self._health.stop()
        finally:
            await asyncio.gather(server.stop(settings.drain_seconds), runner.cleanup())

    async def _watch(self) -> None:
        """Keeps health and configuration up to date until the server is stopped."""
        follow = ConfigFile(self._settings.config_file, self._settings.config_poll_seconds, self._core)
        following = asyncio.create_task(follow.run())
        while not self._stop.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _HEALTH_SECONDS)
            await self._health.refresh()
        following.cancel()

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
        except ModelServerError:
            self._metrics.loaded(str(path), "fail")
            raise
        self._metrics.loaded(str(path), "success")
        if self._settings.warm_up:
            try:
                warm_up(loaded, number, path, self._settings.limits, self._metrics)
            except BaseException:
                loaded.close()
                raise
        parameters = self._settings.batching
        if parameters and self._settings.per_model_batching:
            own = path / PER_MODEL_BATCHING_FILE
            parameters = read_batching(own, parameters.num_batch_threads) if own.is_file() else None
        if self._scheduler is None or parameters is None:
            return loaded
        return BatchedModel(loaded, self._scheduler, parameters, partial(self._metrics.batch, model))


def _at(address: str, port: int) -> str:
    """Both as one text, an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _check_ports(settings: Settings) -> None:
    """Refuses ports that are taken, before the models are loaded; 0 takes a free one later."""
    for flag, port in (("--port", settings.grpc_port), ("--rest_api_port", settings.rest_port)):
        if not port:
            continue
        family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((settings.address, port))
        except OSError as problem:
            raise _taken(flag, settings.address, port, problem.strerror or str(problem)) from problem


def _taken(flag: str, address: str, port: int, reason: str) -> ModelServerError:
    return ModelServerError(
        grpc.StatusCode.UNAVAILABLE,
        f"{flag}: cannot listen on {_at(address, port)}: {reason}; end what listens there or name another",
    )


def _add_port(server: grpc.aio.Server, settings: Settings) -> int:
    address = _at(settings.address, settings.grpc_port)
    try:
        if settings.tls:
            port: int = server.add_secure_port(address, grpc_credentials(settings.tls))
        else:
            port = server.add_insecure_port(address)
    except RuntimeError as problem:
        raise _taken("--port", settings.address, settings.grpc_port, "it is in use") from problem
    return port


async def _start_rest(runner: web.ServerRunner, settings: Settings) -> int:
    context = rest_context(settings.tls) if settings.tls else None
    site = web.TCPSite(runner, settings.address, settings.rest_port, ssl_context=context)
    try:
        await site.start()
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise _taken("--rest_api_port", settings.address, settings.rest_port or 0, reason) from problem
    port: int = runner.addresses[0][1]
    return port
