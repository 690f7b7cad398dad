"""Keeps two runs from writing below one output folder at the same time."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LOCK_FILE: Final = "run.lock"


class OutputInUseError(RuntimeError):
    """Another run writes below the output folder; the message names it."""


@contextlib.contextmanager
def run_lock(output: Path) -> Iterator[None]:
    """Holds the output folder for this process.

    The lock is the kernel's and ends with the process that holds it, so one that was killed leaves nothing to
    clean up. What is in the file is for whoever comes second.

    Raises:
      OutputInUseError: another process holds it.
    """
    with (output / LOCK_FILE).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputInUseError(
                f"{output} is in use by {_holder(output / LOCK_FILE)}; wait for its end, or name another "
                "folder with --output"
            ) from None
        file.truncate(0)
        json.dump({"pid": os.getpid(), "started": time.strftime("%Y-%m-%d %H:%M:%S")}, file)
        file.flush()
        yield


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"the run of process {holder['pid']}, started {holder['started']}"
    except (OSError, ValueError, KeyError):
        # It has taken the lock and not yet written who it is.
        return "another run"
