"""Requests to files, by a thread of its own: a request never waits for the log and never fails by it."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import queue
import random
import threading
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Final

from contracts.request_log import REQUEST_LOG_FILE
from serving.client import RequestRecord
from serving.request_log.lines import LineFormat

_LOG: Final = logging.getLogger(__name__)

DEFAULT_SHARE: Final = 0.01
# A file of the log, and how many full ones are kept: 640 MB and the one that is being written.
FILE_BYTES: Final = 64 * 2**20
KEPT_FILES: Final = 10
# What may wait for the thread. Requests beyond it are not logged.
WAITING_REQUESTS: Final = 1_000
WAITING_BYTES: Final = 32 * 2**20
# How long `close` waits for what is left.
_CLOSING_SECONDS: Final = 5.0
_LOCK_FILE: Final = "writing.lock"

_Waiting = tuple[RequestRecord, float, int]


class RequestLogError(ValueError):
    """A folder that cannot be written to; one line with what to do."""


class RequestLog:
    """Writes a share of all Predict requests to files in a folder: `on_request` of a client.

    Threads and clients may share one; each process needs a folder of its own. A request is counted in `lost`
    where too much waits or the disk refuses.

    Args:
      folder: for `requests.jsonl` and the full files, `requests.jsonl.1` the newest of them; made if it is
        not there.
      share: of the requests, chosen at random, 0 to 1.
      key: hashes user ids, and leaves zip codes out; None writes them as they are.
      file_bytes: when a file is full.
      kept_files: how many full files are kept.
      waiting_requests: how many may wait to be written.

    Raises:
      RequestLogError: the folder cannot be written to, or another process does.
      ValueError: the share is not from 0 to 1, or the key is empty.
    """

    def __init__(
        self,
        folder: Path,
        *,
        share: float = DEFAULT_SHARE,
        key: bytes | None = None,
        file_bytes: int = FILE_BYTES,
        kept_files: int = KEPT_FILES,
        waiting_requests: int = WAITING_REQUESTS,
    ) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"the share is {share}: it has to be from 0 to 1")
        if key is not None and not key:
            raise ValueError("the key is empty: anybody could compute the hashes")
        self._share = share
        self._file = _LogFile(folder, LineFormat(key), file_bytes, kept_files)
        self._waiting: queue.Queue[_Waiting | None] = queue.Queue(waiting_requests)
        self._waiting_bytes = 0
        self._refused = 0
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._write, name="request-log", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """The requests that were chosen and are not in the log."""
        return self._refused + self._file.failures

    def __call__(self, record: RequestRecord) -> None:
        """Takes a request that has ended; returns at once."""
        if record.method != "Predict" or random.random() >= self._share or self._closed:
            return
        size = len(record.request) + (0 if record.response is None else record.response.ByteSize())
        with self._lock:
            if self._waiting_bytes + size > WAITING_BYTES:
                self._refused += 1
                return
            try:
                self._waiting.put_nowait((record, time.time(), size))
            except queue.Full:
                self._refused += 1
            else:
                self._waiting_bytes += size

    def close(self) -> None:
        """Writes what waits, for five seconds at most, and closes the file; later requests are not logged."""
        self._closed = True
        end = time.monotonic() + _CLOSING_SECONDS
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=_CLOSING_SECONDS)
            self._thread.join(max(0.0, end - time.monotonic()))
        if self.lost:
            _LOG.warning("%d requests are missing in the request log", self.lost)

    def __enter__(self) -> RequestLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _write(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            record, ended, size = waiting
            self._file.write(record, ended)
            with self._lock:
                self._waiting_bytes -= size
        self._file.close()


class _LogFile(RotatingFileHandler):
    """The newest file, which becomes `.1` when it is full.

    Attributes:
      failures: lines that could not be written.
    """

    def __init__(self, folder: Path, form: LineFormat, file_bytes: int, kept_files: int) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock_file = (folder / _LOCK_FILE).open("w")
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            super().__init__(folder / REQUEST_LOG_FILE, "a", file_bytes, kept_files, encoding="utf-8")
        except BlockingIOError as error:
            self._lock_file.close()
            raise RequestLogError(
                f"another process writes its requests to {folder}: each needs a folder of its own"
            ) from error
        except OSError as error:
            raise RequestLogError(
                f"{folder} cannot be written to ({error.strerror}): name another folder for the request log"
            ) from error
        self.failures = 0
        self._form = form

    def write(self, record: RequestRecord, ended: float) -> None:
        """Writes a line; a failure is counted, and the first one is logged."""
        try:
            self.emit(logging.makeLogRecord({"msg": self._form.line(record, ended)}))
        except Exception:
            self._failed()

    def close(self) -> None:
        """Closes the file and lets others write to the folder."""
        with contextlib.suppress(OSError):
            super().close()
        self._lock_file.close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """What the handler calls when the disk refuses."""
        del record
        self._failed()

    def _failed(self) -> None:
        self.failures += 1
        if self.failures == 1:
            _LOG.exception("a request was not logged; further ones are only counted")
        # The next line opens the file again; what this one left in the buffer goes.
        stream, self.stream = self.stream, None
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
