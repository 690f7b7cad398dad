"""The models of a server: their configuration, and the thread that watches their folders."""

import logging
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc
from tensorflow_serving.apis import model_pb2

from serving.model_server.config.model_config import ModelConfig, check_roots
from serving.model_server.errors import ModelServerError, invalid_argument
from serving.model_server.models.sources import ModelSource
from serving.model_server.models.versions import Servable, State, VersionManager

_LOG = logging.getLogger(__name__)
# How often a server that looks for versions once looks for the first one of each model.
_FIRST_VERSION_SECONDS = 1.0


class ServerCore:
    """Every model of a server."""

    def __init__(
        self,
        manager: VersionManager,
        roots: Collection[Path],
        poll_seconds: float,
        labels_before_versions: bool,
    ) -> None:
        """Makes a core without models.

        Args:
          manager: what loads and unloads.
          roots: the folders that a reload may name, with everything below them.
          poll_seconds: how often to look at the folders; 0 looks once, when the models are set.
          labels_before_versions: whether a new label may name a version that is not available.
        """
        self._manager = manager
        self._roots = tuple(roots)
        self._poll_seconds = poll_seconds
        self._labels_before_versions = labels_before_versions
        self._sources: dict[str, ModelSource] = {}
        self._labels: dict[str, dict[str, int]] = {}
        # Held by whoever changes models or versions: the watching thread or a reload.
        self._changing = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._watcher = threading.Thread(target=self._watch, name="versions", daemon=True)
        manager.on_idle = self._wake.set

    def start(self, models: Sequence[ModelConfig]) -> None:
        """Loads the models of the command line, and returns when each of them has a version that answers.

        A model without any version yet is waited for.

        Raises:
          ModelServerError: no version of some model can be loaded.
        """
        with self._changing:
            self._set_models(models)
            while not self._stopping:
                self._reconcile()
                waiting = [name for name in self._sources if not self._manager.is_available(name)]
                if not waiting:
                    break
                self._raise_if_failed(waiting)
                self._wake.wait(self._poll_seconds or _FIRST_VERSION_SECONDS)
                self._wake.clear()
        self._watcher.start()

    def reload(self, models: Sequence[ModelConfig]) -> None:
        """Replaces the models, and returns when each new one has a version that answers.

        Raises:
          ModelServerError: a folder is not allowed, a label names no available version, or a new model has
            no version that can be loaded.
        """
        check_roots(models, self._roots)
        self.replace(models)

    def replace(self, models: Sequence[ModelConfig]) -> None:
        """`reload` for the server's own configuration file, which may name any folder."""
        with self._changing:
            new = [model.name for model in models if model.name not in self._sources]
            self._set_models(models)
            self._reconcile()
            waiting = [name for name in new if not self._manager.is_available(name)]
            self._raise_if_failed(waiting)
        if waiting:
            raise ModelServerError(
                grpc.StatusCode.UNKNOWN,
                f"{len(waiting)} model(s) did not become available: {{{', '.join(waiting)}}}",
            )

    def unavailable(self) -> list[str]:
        """The configured models without a version that answers."""
        return [name for name in tuple(self._sources) if not self._manager.is_available(name)]

    def has(self, name: str) -> bool:
        """Whether there is such a model."""
        return name in self._sources

    def stop(self) -> None:
        """Ends the watching."""
        self._stopping = True
        self._wake.set()
        if self._watcher.ident is not None:
            self._watcher.join()

    @contextmanager
    def lease(self, spec: model_pb2.ModelSpec) -> Iterator[tuple[int, Servable]]:
        """Lends the version that a request names.

        Raises:
          ModelServerError: it names none, or one that is not there.
        """
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        number: int | None = None
        match spec.WhichOneof("version_choice"):
            case "version":
                number = spec.version.value
            case "version_label":
                number = self._labels.get(spec.name, {}).get(spec.version_label)
                if number is None:
                    raise invalid_argument(f"Unrecognized servable version label: {spec.version_label}")
        with self._manager.lease(spec.name, number) as leased:
            yield leased

    def statuses(self, spec: model_pb2.ModelSpec) -> list[tuple[int, State, ModelServerError | None]]:
        """The states of a model's versions, the newest first, or of the one that the request names.

        Raises:
          ModelServerError: NOT_FOUND.
        """
        known = self._manager.statuses(spec.name)
        if spec.WhichOneof("version_choice") == "version":
            number = spec.version.value
            known = [status for status in known if status[0] == number]
            if not known:
                raise ModelServerError(
                    grpc.StatusCode.NOT_FOUND, f"Could not find version {number} of model {spec.name}"
                )
        if not known:
            raise ModelServerError(
                grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {spec.name}"
            )
        return known

    def _set_models(self, models: Sequence[ModelConfig]) -> None:
        self._labels = self._checked_labels(models)
        for name in set(self._sources) - {model.name for model in models}:
            del self._sources[name]
            self._manager.reconcile(name, {})
        for model in models:
            if name_source := self._sources.get(model.name):
                name_source.model = model
            else:
                self._sources[model.name] = ModelSource(model)

    def _checked_labels(self, models: Sequence[ModelConfig]) -> dict[str, dict[str, int]]:
        for model in models:
            for label, number in model.labels.items():
                moved = self._labels.get(model.name, {}).get(label, number) != number
                if self._manager.is_available(model.name, number) or (
                    self._labels_before_versions and not moved
                ):
                    continue
                raise ModelServerError(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"Request to assign label to version {number} of model {model.name}, which is not "
                    "currently available for inference",
                )
        return {model.name: dict(model.labels) for model in models}

    def _reconcile(self) -> None:
        for name, source in self._sources.items():
            aspired = source.aspired()
            if aspired is not None:
                self._manager.reconcile(name, aspired)

    def _raise_if_failed(self, waiting: Collection[str]) -> None:
        failures = [
            f"{{name: {name} version: {number}}} due to error: {error}"
            for name in waiting
            for number, _, error in self._manager.statuses(name)
            if error is not None
        ]
        if failures:
            raise ModelServerError(
                grpc.StatusCode.UNKNOWN,
                f"{len(failures)} servable(s) did not become available: {{{', '.join(failures)}}}",
            )

    def _watch(self) -> None:
        polls = self._poll_seconds > 0
        while not self._stopping:
            self._wake.wait(self._poll_seconds if polls else None)
            self._wake.clear()
            try:
                with self._changing:
                    if polls and not self._stopping:
                        self._reconcile()
                    self._manager.unload_idle()
            except Exception:
                # A thread that dies here would leave a server that never finds a new version again.
                _LOG.exception("Watching the folders of the models failed")
