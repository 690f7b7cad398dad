"""The process that a model is probed in: started bare, watched for time and memory, ended in any case."""

from __future__ import annotations

import logging
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from components.data_gate.checks import FAILED, Check, at_most
from contracts.artifacts import PROGRESS_LOGGER

_PROGRESS: Final = logging.getLogger(PROGRESS_LOGGER)
Arrays = Mapping[str, npt.NDArray[Any]]
# By name: type and shape, None where the rank is open.
Specs = dict[str, tuple[str, list[int | None] | None]]
# By signature: inputs and outputs.
Signatures = dict[str, tuple[Specs, Specs]]

# Kinds of checks of the process as a whole.
PROCESS: Final = "process"
TIMEOUT: Final = "timeout"
MEMORY: Final = "memory"

_SCRIPT: Final = Path(__file__).with_name("bare_process.py")
_LENGTH: Final = struct.Struct(">Q")
# How often time and memory are looked at while an answer is waited for.
_POLL_SECONDS: Final = 0.05
# Importing TensorFlow is not the model's doing, and takes long on a busy machine.
_START_SECONDS: Final = 600.0
_MIB: Final = 2**20
_STDERR_LINES: Final = 3


class ProcessEndedError(RuntimeError):
    """The process is gone, so that nothing more can be called; `check` has the reason."""

    def __init__(self, check: Check) -> None:
        super().__init__(check.sentence())
        self.check = check


class NotStartedError(RuntimeError):
    """There is no such process on this machine, which is not the fault of a model."""


class RefusedRequestError(RuntimeError):
    """TensorFlow answered with an error."""


class ProbedProcess:
    """A fresh Python that has TensorFlow and NumPy alone.

    It starts at once, so that TensorFlow loads there while the caller does something else.

    Args:
      timeout_seconds: for loading the model, and for each answer.
      max_memory_mb: MiB by which the process may grow from before it loads the model.
    """

    def __init__(self, timeout_seconds: float, max_memory_mb: float) -> None:
        self._timeout, self._max_memory = timeout_seconds, max_memory_mb
        self._base: float | None = None
        self._peak = 0.0
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        # What else is in those folders is refused by the script.
        folders = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_SCRIPT), *folders],
            cwd=tempfile.gettempdir(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
        )

    def __enter__(self) -> ProbedProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def memory(self) -> Check:
        """How far the process has grown above what TensorFlow alone takes, at its peak."""
        grown = max(0.0, self._peak - (self._base or 0.0))
        return at_most(MEMORY, PROCESS, "peak growth in MiB", round(grown, 1), self._max_memory)

    def load(self, path: str) -> Signatures:
        """Loads the SavedModel and returns what its signatures take and give.

        Raises:
          NotStartedError: TensorFlow is not to be had in the process.
          ProcessEndedError: the process is gone.
          RefusedRequestError: TensorFlow cannot load the model.
        """
        try:
            self._receive("TensorFlow", _START_SECONDS)
        except ProcessEndedError as error:
            raise NotStartedError(f"{sys.executable} cannot start the model probe: {error}") from None
        self._base = self._memory("VmRSS")
        found: Signatures = self._request("loading", ("load", path))
        return found

    def call(self, signature: str, inputs: Arrays, times: int = 1) -> tuple[Arrays, list[float]]:
        """Calls a signature `times` times with the same inputs.

        Args:
          signature: its name.
          inputs: arrays by name; texts as arrays of bytes objects.
          times: how often.

        Returns:
          The last answer, and the seconds that each took.

        Raises:
          ProcessEndedError: the process is gone: it crashed, was killed, took too long or too much memory.
          RefusedRequestError: TensorFlow answered with an error.
        """
        typed = {
            name: ("string" if value.dtype == np.object_ else value.dtype.name, value)
            for name, value in inputs.items()
        }
        answer: tuple[Arrays, list[float]] = self._request(signature, ("call", signature, typed, times))
        _PROGRESS.debug("answered", extra={"counted": "requests answered", "count": times})
        return answer

    def _request(self, what: str, request: tuple[object, ...]) -> Any:
        pickled = pickle.dumps(request)
        message = memoryview(_LENGTH.pack(len(pickled)) + pickled)
        assert self._process.stdin is not None
        try:
            while message:
                message = message[self._process.stdin.write(message) or 0 :]
        except BrokenPipeError:
            raise self._gone(what) from None
        return self._receive(what, self._timeout)

    def _receive(self, what: str, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        [length] = _LENGTH.unpack(self._read(_LENGTH.size, what, timeout, deadline))
        kind, answer = pickle.loads(self._read(length, what, timeout, deadline))
        self._watch_memory()
        if kind == "error":
            raise RefusedRequestError(answer)
        return answer

    def _read(self, size: int, what: str, timeout: float, deadline: float) -> bytes:
        assert self._process.stdout is not None
        file = self._process.stdout.fileno()
        found = bytearray()
        while len(found) < size:
            if select.select([file], [], [], _POLL_SECONDS)[0]:
                part = os.read(file, size - len(found))
                if not part:
                    raise self._gone(what)
                found += part
                continue
            self._watch_memory()
            if (left := deadline - time.monotonic()) < 0:
                self._end()
                # Not `at_most`: rounded, the value can equal the threshold.
                raise ProcessEndedError(
                    Check(
                        TIMEOUT,
                        what,
                        "seconds without an answer",
                        round(timeout - left, 1),
                        timeout,
                        "at most",
                        FAILED,
                        detail="it hangs, and the process was ended",
                    )
                )
        return bytes(found)

    def _watch_memory(self) -> None:
        self._peak = max(self._peak, self._memory("VmHWM"))
        if self._base is not None and self.memory.verdict == FAILED:
            check = self.memory
            self._end()
            raise ProcessEndedError(check)

    def _memory(self, line: str) -> float:
        """MiB of the process as /proc reports them, 0 if it is gone."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        except OSError:
            return 0.0
        found = [text.split()[1] for text in status.splitlines() if text.startswith(f"{line}:")]
        return int(found[0]) * 1024 / _MIB if found else 0.0

    def _gone(self, what: str) -> ProcessEndedError:
        status = self._process.wait()
        how = f"it ended with exit status {status}"
        if status < 0:
            how = f"it was killed by {signal.Signals(-status).name}"
            if -status == signal.SIGKILL:
                how += ", as happens when a machine runs out of memory"
        self._errors.seek(0)
        last = self._errors.read().decode("utf-8", "replace").split("\n")
        output = " / ".join([line.strip() for line in last if line.strip()][-_STDERR_LINES:])
        detail = f"{how}: {output}" if output else how
        return ProcessEndedError(
            Check(PROCESS, what, "crashed", float(status), 0.0, "at least", FAILED, detail=detail)
        )

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()
