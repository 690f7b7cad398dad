"""Sends what libraries print to a log file, and leaves the terminal to us."""

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from absl import logging as absl_logging

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@contextlib.contextmanager
def captured_output(log_path: Path, *, show: bool) -> Iterator[TextIO]:
    """Redirects the file descriptors 1 and 2, which reaches C++ libraries and child processes too.

    Args:
      log_path: is appended to; its folder is there.
      show: let everything also pass through to the terminal.

    Yields:
      A stream to the terminal. With `show` it takes the way of the other lines, so the order is kept.
    """
    _flush()
    saved = {number: os.dup(number) for number in (1, 2)}
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    with contextlib.ExitStack() as undo:
        sink = undo.enter_context(_tee(log_path) if show else _file(log_path))
        for number in saved:
            os.dup2(sink, number)
        undo.callback(_restore, saved)
        terminal = os.fdopen(
            os.dup(1 if show else saved[1]), "w", encoding=encoding, errors="replace", buffering=1
        )
        undo.enter_context(terminal)
        undo.enter_context(logging_to(os.dup(2)))
        yield terminal


@contextlib.contextmanager
def _file(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _tee(path: Path) -> Iterator[int]:
    # A process and not a thread: C++ code that fills the pipe while it holds the interpreter's lock would
    # wait for a thread for ever. A session of its own keeps Ctrl-C away from it, so no line is lost.
    process = subprocess.Popen(["tee", "-a", str(path)], stdin=subprocess.PIPE, start_new_session=True)
    assert process.stdin is not None
    try:
        yield process.stdin.fileno()
    finally:
        process.stdin.close()
        # A worker that outlives the run holds the pipe open; it must not hold us.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)


@contextlib.contextmanager
def logging_to(descriptor: int) -> Iterator[None]:
    """Sends what Python logs to a file descriptor, which is closed in the end."""
    root = logging.getLogger()
    level, absl_level = root.level, absl_logging.get_verbosity()
    stream = os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", buffering=1)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(_FORMAT))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    absl_logging.set_verbosity(absl_logging.INFO)  # TFX's way to log; by default it keeps to warnings.
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        absl_logging.set_verbosity(absl_level)
        with contextlib.suppress(OSError):
            stream.close()


def _restore(saved: dict[int, int]) -> None:
    _flush()
    for number, copy in saved.items():
        os.dup2(copy, number)
        os.close(copy)


def _flush() -> None:
    # On a full disk the log lacks its end, and the run reports the disk by itself.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
