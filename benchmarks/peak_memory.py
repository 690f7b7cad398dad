"""The most memory that a process and its children had at once, sampled from outside.

The sampler runs in another process than what it measures: a thread beside the work would have to wait
for the interpreter's lock just when a library is busiest.
"""

import threading
from types import TracebackType
from typing import Final

import psutil

_SECONDS_BETWEEN_SAMPLES: Final = 0.05


class PeakMemory:
    """Samples the resident memory (RSS, bytes) of a process tree in a thread, as a context manager.

    Workers that Beam starts count too; pages that they share with their parent count once for each.
    """

    def __init__(self, pid: int) -> None:
        """Watches the process `pid` and its children; one that has ended uses 0 bytes."""
        self._root = pid
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)
        self._peak = 0

    def __enter__(self) -> "PeakMemory":
        """Starts to sample."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops."""
        self._ended.set()
        self._thread.join()

    def sample(self) -> int:
        """Looks once; returns the bytes that are resident now."""
        now = _resident(self._root)
        with self._lock:
            self._peak = max(self._peak, now)
        return now

    def take_peak(self) -> int:
        """Returns the most bytes since the last call, and begins anew with what is resident now."""
        now = self.sample()
        with self._lock:
            peak, self._peak = self._peak, now
        return peak

    def _watch(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN_SAMPLES):
            self.sample()


def _resident(pid: int) -> int:
    total = 0
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
