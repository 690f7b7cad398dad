"""Reports a run whose process was killed: in which node, and how to resume it.

A process that the kernel kills for lack of memory cannot write a message. A second small process reads a pipe
from the run until it ends. That process runs this file as a script, so it imports little.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from pipeline.local_run.node_run import NodeRun, RunObserver

_ENDED: Final = "the run has ended by itself"
_VMSTAT: Final = "/proc/vmstat"
_SHOW_CURSOR: Final = "\x1b[?25h"  # The live table hides it.


class KillReporter:
    """Reports it on standard error if this process is killed inside the `with` block."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Prepares the report.

        Args:
          lines: what standard error gets below the error: where the log is, how to resume.
        """
        self._lines = lines

    def __enter__(self) -> KillReporter:
        """Starts the watching process, which writes to what is standard error now."""
        # In a session of its own, so that neither Ctrl-C nor the end of the process group reaches it.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, *self._lines],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the watching process; the run reports its own errors."""
        self.running(_ENDED)
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def running(self, node_id: str) -> None:
        """Writes to the watching process which nodes run from now on."""
        assert self._process.stdin is not None
        # Without the other process the run goes on all the same.
        with contextlib.suppress(BrokenPipeError):
            print(node_id, file=self._process.stdin, flush=True)


@dataclass(frozen=True)
class KillReportingObserver:
    """A `RunObserver` that passes the running nodes to the reporter, and every event to another observer."""

    reporter: KillReporter
    observer: RunObserver
    _running: list[str] = field(default_factory=list)

    def node_started(self, node_id: str) -> None:
        """See `RunObserver`."""
        self._running.append(node_id)
        self.reporter.running(", ".join(self._running))
        self.observer.node_started(node_id)

    def node_finished(self, node: NodeRun) -> None:
        """See `RunObserver`."""
        self._ended(node.node_id)
        self.observer.node_finished(node)

    def node_failed(self, node_id: str) -> None:
        """See `RunObserver`."""
        self._ended(node_id)
        self.observer.node_failed(node_id)

    def _ended(self, node_id: str) -> None:
        self._running.remove(node_id)
        if self._running:
            self.reporter.running(", ".join(self._running))

    def note(self, message: str) -> None:
        """See `RunObserver`."""
        self.observer.note(message)


def wait_and_report(nodes: TextIO, error: TextIO, lines: Sequence[str]) -> None:
    """Waits for the end of `nodes`, and reports it unless the run has ended by itself.

    Args:
      nodes: a line for each node that starts.
      error: where to report.
      lines: see `KillReporter`.
    """
    before = _killed_for_memory()
    node = ""
    for line in nodes:
        node = line.strip()
    if node == _ENDED:
        return
    if _killed_for_memory() > before:
        cause = (
            "killed by the kernel because the machine ran out of memory; end other programs, add memory, "
            "or lower a batch_size"
        )
    else:
        cause = "the process was killed or crashed; see the end of the log"
    where = f"{node}: " if node else ""
    cursor = _SHOW_CURSOR if error.isatty() else ""
    print(f"{cursor}error: {where}{cause}", *lines, sep="\n", file=error, flush=True)


def _killed_for_memory() -> int:
    """Count of processes that the kernel has killed for lack of memory; 0 if that cannot be read."""
    with contextlib.suppress(OSError), open(_VMSTAT, encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
    return 0


if __name__ == "__main__":
    wait_and_report(sys.stdin, sys.stderr, sys.argv[1:])
