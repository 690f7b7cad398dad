"""Says what a run itself no longer can: that its process was killed, in which node, and how to go on.

The kernel ends a process that has used up the memory without a chance to say so. A second small process waits
for the end of the run at the other end of a pipe. This file is that process, too, so it imports little.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from pipeline.local_run.node_run import NodeRun, RunObserver

_ENDED: Final = "the run has ended by itself"
_VMSTAT: Final = "/proc/vmstat"
_SHOW_CURSOR: Final = "\x1b[?25h"  # The live table hides it.


class LastWords:
    """Watches over this process, from the start of the `with` block to its end."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Prepares the words.

        Args:
          lines: what standard error gets below the error: where the log is, how to resume.
        """
        self._lines = lines

    def __enter__(self) -> LastWords:
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
        """Lets it go; whatever went wrong is told by others."""
        self.running(_ENDED)
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def running(self, node_id: str) -> None:
        """Says which node runs from now on."""
        assert self._process.stdin is not None
        # Without the other process the run goes on all the same.
        with contextlib.suppress(BrokenPipeError):
            print(node_id, file=self._process.stdin, flush=True)


@dataclass(frozen=True)
class ObserverWithLastWords:
    """A `RunObserver` that tells the last words of each node, and then another observer of everything."""

    words: LastWords
    observer: RunObserver

    def node_started(self, node_id: str) -> None:
        """See `RunObserver`."""
        self.words.running(node_id)
        self.observer.node_started(node_id)

    def node_finished(self, node: NodeRun) -> None:
        """See `RunObserver`."""
        self.observer.node_finished(node)

    def node_failed(self, node_id: str) -> None:
        """See `RunObserver`."""
        self.observer.node_failed(node_id)

    def note(self, message: str) -> None:
        """See `RunObserver`."""
        self.observer.note(message)


def wait_and_tell(nodes: TextIO, error: TextIO, lines: Sequence[str]) -> None:
    """Waits for the end of `nodes`, and tells of it unless the run has ended by itself.

    Args:
      nodes: a line for each node that starts.
      error: where to tell.
      lines: see `LastWords`.
    """
    before = _killed_for_memory()
    node = ""
    for line in nodes:
        node = line.strip()
    if node == _ENDED:
        return
    if _killed_for_memory() > before:
        cause = (
            "killed by the kernel, because the memory of the machine was used up; end other programs, give "
            "it more, or lower a batch_size"
        )
    else:
        cause = "the process was killed or has crashed; the end of the log may tell why"
    where = f"{node}: " if node else ""
    cursor = _SHOW_CURSOR if error.isatty() else ""
    print(f"{cursor}error: {where}{cause}", *lines, sep="\n", file=error, flush=True)


def _killed_for_memory() -> int:
    """How many processes the kernel has killed for lack of memory since it started; 0 if it does not say."""
    with contextlib.suppress(OSError), open(_VMSTAT, encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
    return 0


if __name__ == "__main__":
    wait_and_tell(sys.stdin, sys.stderr, sys.argv[1:])
