"""A model server in a process of its own, which is started again when it ends."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from serving.commands.child_process import ends_with_this_process

# Seconds before a new start.
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
# How often a server that was just started is asked whether it answers.
_CHECK_SECONDS: Final = 0.2
_LOG: Final = logging.getLogger(__name__)


def next_pause(before: float, ran: float) -> float:
    """Seconds before a new start: twice those before, from the first to the longest pause.

    Args:
      before: the pause before the server's last start, 0 if there was none.
      ran: seconds that the server ran; after more than the longest pause, pauses start again.
    """
    return FIRST_PAUSE if ran > LONGEST_PAUSE else max(FIRST_PAUSE, min(2 * before, LONGEST_PAUSE))


class ModelServerProcess:
    """Keeps a model server running inside a `with` block, and ends it with the block.

    Only a server that has answered once is started again: one that never did cannot start at all.

    Args:
      command: starts the server.
      answers: whether the server answers.
      is_wanted: False while the application ends.
      give_up: called with the reason if the server ended before it had ever answered.
    """

    def __init__(
        self,
        command: Sequence[str],
        answers: Callable[[], bool],
        is_wanted: Callable[[], bool],
        give_up: Callable[[str], None],
    ) -> None:
        self._command = ends_with_this_process(command)
        self._answers = answers
        self._is_wanted = is_wanted
        self._give_up = give_up
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        # The server gets a signal when the thread that started it ends, so one thread starts all of them.
        self._thread = threading.Thread(target=self._keep_running)

    def __enter__(self) -> ModelServerProcess:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._stopped.set()
            if self._process:
                self._process.terminate()
        self._thread.join()

    def _keep_running(self) -> None:
        has_answered = False
        pause = 0.0
        while process := self._start():
            started = time.monotonic()
            has_answered = self._wait_for_answer(process) or has_answered
            status = process.wait()
            if self._stopped.is_set() or not self._is_wanted():
                return
            if not has_answered:
                self._give_up(f"the model server ended with exit status {status} at its start: see above")
                return
            pause = next_pause(pause, time.monotonic() - started)
            _LOG.warning(
                "the model server ended with exit status %d and is started again in %g s", status, pause
            )
            self._stopped.wait(pause)

    def _start(self) -> subprocess.Popen[bytes] | None:
        """A new process, None while the application ends."""
        with self._lock:
            if self._stopped.is_set() or not self._is_wanted():
                return None
            self._process = subprocess.Popen(self._command)
            return self._process

    def _wait_for_answer(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether the server answers before it ends."""
        while process.poll() is None:
            if self._answers():
                _LOG.info("the model server answers")
                return True
            with suppress(subprocess.TimeoutExpired):
                process.wait(_CHECK_SECONDS)
        return False
