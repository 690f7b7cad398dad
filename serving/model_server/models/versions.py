"""The life of versions: load the new one, switch, let the old one finish its requests, unload it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Protocol

import grpc

from serving.model_server.errors import ModelServerError, error_from
from serving.model_server.models.saved_model import Runner

_LOG = logging.getLogger(__name__)


class State(IntEnum):
    """Where a version is, with the numbers of `ModelVersionStatus.State`."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


class Servable(Runner, Protocol):
    """A loaded version."""

    def close(self) -> None:
        """Frees its memory."""


@dataclass
class Version:
    """What is known of one version.

    Attributes:
      number: its number.
      path: its folder.
      state: where it is.
      error: why it could not be loaded, if it could not.
      servable: the model, from AVAILABLE until it is unloaded.
      leases: how many requests use it.
      attempts: how often loading it failed since it was first wanted.
      retry_at: when to try again, by the monotonic clock.
    """

    number: int
    path: Path
    state: State = State.START
    error: ModelServerError | None = None
    servable: Servable | None = None
    leases: int = 0
    attempts: int = 0
    retry_at: float = 0.0


@dataclass(frozen=True)
class RetryPolicy:
    """What to do about a version that does not load.

    Attributes:
      retries: how often to try again.
      seconds: how long to wait before.
    """

    retries: int
    seconds: float


class VersionManager:
    """Every version of every model.

    One thread calls `reconcile`; any thread takes leases.
    """

    def __init__(self, load: Callable[[str, int, Path], Servable], retry: RetryPolicy) -> None:
        self._load = load
        self._retry = retry
        self._lock = threading.Lock()
        self._versions: dict[str, dict[int, Version]] = {}
        # Called when the last request of a version that is to be unloaded has ended.
        self.on_idle: Callable[[], None] = lambda: None

    @contextmanager
    def lease(self, model: str, number: int | None = None) -> Iterator[tuple[int, Servable]]:
        """Lends a version, which stays loaded meanwhile.

        Args:
          model: its name.
          number: the version, or None for the newest that is available.

        Raises:
          ModelServerError: NOT_FOUND, there is no such version now.
        """
        with self._lock:
            version = self._find(model, number)
            version.leases += 1
            servable = version.servable
        assert servable is not None
        try:
            yield version.number, servable
        finally:
            with self._lock:
                version.leases -= 1
                idle = version.leases == 0 and version.state is State.UNLOADING
            if idle:
                self.on_idle()

    def is_available(self, model: str, number: int | None = None) -> bool:
        """Whether a version, or any version, answers requests."""
        with self._lock:
            versions = self._versions.get(model, {})
            return any(
                version.state is State.AVAILABLE and number in (None, version.number)
                for version in versions.values()
            )

    def statuses(self, model: str) -> list[tuple[int, State, ModelServerError | None]]:
        """The state of each version that there is or was, the newest first."""
        with self._lock:
            versions = self._versions.get(model, {})
            return [
                (number, versions[number].state, versions[number].error)
                for number in sorted(versions, reverse=True)
            ]

    def reconcile(self, model: str, aspired: Mapping[int, Path]) -> None:
        """Loads the versions that are wanted and not there, then unloads those that are not wanted any more.

        A version that answers is unloaded only once one that is wanted answers in its place, or when none is
        wanted. One that requests still use is unloaded by `unload_idle`, later.

        Args:
          model: the name of the model.
          aspired: the versions that are wanted, and their folders.
        """
        # The newest first: it is the one that requests without a version are waiting for.
        for number in sorted(aspired, reverse=True):
            version = self._to_load(model, number, aspired[number])
            if version is not None:
                self._load_version(model, version)
        self._retire(model, aspired)
        self._forget_failures(model, aspired)
        self.unload_idle()

    def unload_idle(self) -> None:
        """Unloads the versions that are not wanted any more and whose last request has ended."""
        with self._lock:
            idle = [
                (model, version)
                for model, versions in self._versions.items()
                for version in versions.values()
                if version.state is State.UNLOADING and version.leases == 0
            ]
        for model, version in idle:
            self._unload_version(model, version)

    def close(self) -> None:
        """Unloads everything that no request uses."""
        for model in list(self._versions):
            self.reconcile(model, {})

    def _find(self, model: str, number: int | None) -> Version:
        versions = self._versions.get(model, {})
        available = [each for each, version in versions.items() if version.state is State.AVAILABLE]
        if number is None and available:
            return versions[max(available)]
        if number is not None and number in available:
            return versions[number]
        wanted = f"Latest({model})" if number is None else f"Specific({model}, {number})"
        raise ModelServerError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")

    def _to_load(self, model: str, number: int, path: Path) -> Version | None:
        """The version, if it has to be loaded now."""
        with self._lock:
            versions = self._versions.setdefault(model, {})
            version = versions.get(number)
            if version is None or (version.state is State.END and version.error is None):
                version = versions[number] = Version(number, path)
            elif version.state is not State.END or not self._may_retry(version):
                return None
            version.state = State.LOADING
            return version

    def _may_retry(self, version: Version) -> bool:
        return version.attempts <= self._retry.retries and time.monotonic() >= version.retry_at

    def _load_version(self, model: str, version: Version) -> None:
        started = time.monotonic()
        try:
            servable = self._load(model, version.number, version.path)
        except Exception as problem:
            error = error_from(problem)
            _LOG.error("Loading servable: {name: %s version: %d} failed: %s", model, version.number, error)
            with self._lock:
                version.attempts += 1
                version.retry_at = time.monotonic() + self._retry.seconds
                version.state, version.error = State.END, error
            return
        with self._lock:
            version.servable = servable
            version.state, version.error = State.AVAILABLE, None
        seconds = time.monotonic() - started
        _LOG.info(
            "Successfully loaded servable version {name: %s version: %d} in %.2f s",
            model,
            version.number,
            seconds,
        )

    def _retire(self, model: str, aspired: Mapping[int, Path]) -> None:
        """Stops requests to what is not wanted, if what is wanted can take them."""
        with self._lock:
            versions = self._versions.get(model, {}).values()
            replaced = not aspired or any(
                version.state is State.AVAILABLE and version.number in aspired for version in versions
            )
            for version in versions:
                if version.state is State.AVAILABLE and version.number not in aspired and replaced:
                    version.state = State.UNLOADING

    def _forget_failures(self, model: str, aspired: Mapping[int, Path]) -> None:
        """A version that failed, went away and comes back is a new one."""
        with self._lock:
            for version in self._versions.get(model, {}).values():
                if version.number not in aspired:
                    version.attempts, version.retry_at = 0, 0.0

    def _unload_version(self, model: str, version: Version) -> None:
        servable, version.servable = version.servable, None
        assert servable is not None
        servable.close()
        with self._lock:
            version.state = State.END
        _LOG.info("Done unloading servable version {name: %s version: %d}", model, version.number)
