"""Where versions are kept: a local file system, or whatever else TensorFlow's file system API reaches.

Nothing here imports TensorFlow before a path needs it, so the commands on local folders start at once.

The two kinds differ in what a rename promises. Locally, one rename of a folder is atomic, and files and
folders are flushed to the disk before it, so that neither a killed process nor a power cut leaves half a
version. An object store renames file by file: there a version's folder is seen while it fills. Its files are
therefore moved in an order that is safe to read: everything else first and `saved_model.pb` last, without
which nothing is a SavedModel. A server that looks in between finds a version that does not load yet and tries
again (TensorFlow Serving: `--max_num_load_retries`, `--load_retry_interval_micros`). An object store does not
have locks: let one process at a time push to a folder there.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import posixpath
import shutil
from collections.abc import Iterable, Iterator
from typing import IO, Final, Protocol

_LOG = logging.getLogger(__name__)
_LOCK_FILE: Final = ".lock"
# The files of which every SavedModel has one, and without which no loader takes a folder for one.
MODEL_FILES: Final = ("saved_model.pb", "saved_model.pbtxt")


class Storage(Protocol):
    """The operations that a push needs; every one raises OSError where it fails.

    Attributes:
      atomic: whether a version is seen whole or not at all.
    """

    atomic: bool

    def names(self, folder: str) -> list[str]:
        """What is in the folder, sorted; nothing if it is not there."""

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder of this name."""

    def is_file(self, path: str) -> bool:
        """Whether there is a file of this name."""

    def make_folder(self, path: str) -> None:
        """Makes the folder, and those above it, unless it is there."""

    def open(self, path: str) -> contextlib.AbstractContextManager[IO[bytes]]:
        """Opens a file for reading."""

    def create(self, path: str) -> contextlib.AbstractContextManager[IO[bytes]]:
        """Opens a new file; it is on the disk when the context ends."""

    def append(self, path: str, line: bytes) -> None:
        """Adds a line to a file, which is made if it is not there."""

    def publish(self, staged: str, path: str) -> None:
        """Gives a staged folder its name, in one step where there is such a step."""

    def remove(self, path: str, aside: str | None = None) -> None:
        """Removes a folder; with `aside`, a name beside it, so that nobody sees it half removed."""

    def locked(self, folder: str) -> contextlib.AbstractContextManager[None]:
        """Keeps other pushes away from the folder, where the storage has locks."""


def storage_of(path: str) -> Storage:
    """The storage that a path lies in."""
    return GfileStorage() if "://" in path else LocalStorage()


def files_below(storage: Storage, folder: str) -> list[str]:
    """The files in a folder and below it as relative paths, sorted."""
    found: list[str] = []
    for name in storage.names(folder):
        path = posixpath.join(folder, name)
        if storage.is_folder(path):
            found += (posixpath.join(name, below) for below in files_below(storage, path))
        else:
            found.append(name)
    return sorted(found)


def model_file_last(files: Iterable[str]) -> list[str]:
    """The order in which a reader may see files appear: what makes a folder a SavedModel comes last."""
    return sorted(files, key=lambda file: (file in MODEL_FILES, file))


class LocalStorage:
    """A file system with atomic renames and locks."""

    atomic = True

    def names(self, folder: str) -> list[str]:
        """See `Storage`."""
        try:
            return sorted(os.listdir(folder))
        except FileNotFoundError:
            return []

    def is_folder(self, path: str) -> bool:
        """See `Storage`."""
        return os.path.isdir(path)

    def is_file(self, path: str) -> bool:
        """See `Storage`."""
        return os.path.isfile(path)

    def make_folder(self, path: str) -> None:
        """See `Storage`."""
        missing = []
        folder = os.path.abspath(path)
        while not os.path.isdir(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        os.makedirs(path, exist_ok=True)
        for made in missing:
            _sync_folder(os.path.dirname(made))

    def open(self, path: str) -> contextlib.AbstractContextManager[IO[bytes]]:
        """See `Storage`."""
        return open(path, "rb")

    @contextlib.contextmanager
    def create(self, path: str) -> Iterator[IO[bytes]]:
        """See `Storage`."""
        with open(path, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    def append(self, path: str, line: bytes) -> None:
        """See `Storage`."""
        with open(path, "ab", buffering=0) as file:
            file.write(line)
            os.fsync(file.fileno())

    def publish(self, staged: str, path: str) -> None:
        """See `Storage`."""
        for folder, _, _ in os.walk(staged, topdown=False):
            _sync_folder(folder)
        os.rename(staged, path)
        _sync_folder(os.path.dirname(path))

    def remove(self, path: str, aside: str | None = None) -> None:
        """See `Storage`."""
        if aside is not None:
            os.rename(path, aside)
        shutil.rmtree(aside or path)

    @contextlib.contextmanager
    def locked(self, folder: str) -> Iterator[None]:
        """See `Storage`; the lock of a killed process ends with it."""
        with open(os.path.join(folder, _LOCK_FILE), "ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _LOG.warning("%s: another process is pushing; waiting for its end", folder)
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class GfileStorage:
    """What `tf.io.gfile` reaches: gs://, s3://, hdfs:// and others."""

    atomic = False

    def __init__(self) -> None:
        import tensorflow as tf

        self._gfile = tf.io.gfile
        self._error = tf.errors.OpError

    def names(self, folder: str) -> list[str]:
        """See `Storage`."""
        with self._as_os_error():
            if not self._gfile.isdir(folder):
                return []
            # Object stores mark folders with a slash.
            return sorted({name.rstrip("/") for name in self._gfile.listdir(folder)} - {""})

    def is_folder(self, path: str) -> bool:
        """See `Storage`."""
        with self._as_os_error():
            return bool(self._gfile.isdir(path))

    def is_file(self, path: str) -> bool:
        """See `Storage`."""
        with self._as_os_error():
            return bool(self._gfile.exists(path)) and not self._gfile.isdir(path)

    def make_folder(self, path: str) -> None:
        """See `Storage`."""
        with self._as_os_error():
            self._gfile.makedirs(path)

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[IO[bytes]]:
        """See `Storage`."""
        with self._as_os_error(), self._gfile.GFile(path, "rb") as file:
            yield file

    @contextlib.contextmanager
    def create(self, path: str) -> Iterator[IO[bytes]]:
        """See `Storage`."""
        with self._as_os_error(), self._gfile.GFile(path, "wb") as file:
            yield file

    def append(self, path: str, line: bytes) -> None:
        """See `Storage`; an object store writes the whole file anew."""
        with self._as_os_error(), self._gfile.GFile(path, "ab") as file:
            file.write(line)

    def publish(self, staged: str, path: str) -> None:
        """See `Storage`: file by file, `saved_model.pb` last."""
        files = files_below(self, staged)
        with self._as_os_error():
            for folder in sorted({posixpath.dirname(file) for file in files} | {""}):
                self._gfile.makedirs(posixpath.join(path, folder))
            for file in model_file_last(files):
                self._gfile.rename(posixpath.join(staged, file), posixpath.join(path, file))
            self._gfile.rmtree(staged)

    def remove(self, path: str, aside: str | None = None) -> None:
        """See `Storage`: what makes it a SavedModel goes first."""
        with self._as_os_error():
            for file in MODEL_FILES:
                if self._gfile.exists(posixpath.join(path, file)):
                    self._gfile.remove(posixpath.join(path, file))
            self._gfile.rmtree(path)

    @contextlib.contextmanager
    def locked(self, folder: str) -> Iterator[None]:
        """See `Storage`: there are no locks."""
        yield

    @contextlib.contextmanager
    def _as_os_error(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise OSError(error.message) from error
