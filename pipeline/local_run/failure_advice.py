"""What to do where the machine made a node fail: no space, no memory, a disk that cannot be written."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# Parts of messages: errno's own, which TensorFlow and Beam pass on as text, and those of SQLite and C++.
_NO_SPACE: Final = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT), "disk is full")
_READ_ONLY: Final = (os.strerror(errno.EROFS), "readonly database")
_NO_MEMORY: Final = (os.strerror(errno.ENOMEM), "MemoryError", "std::bad_alloc", "OOM when allocating")
_MEGABYTE: Final = 1_000_000


def failure_advice(error: BaseException, output: Path) -> str:
    """What was missing and what to do, in one sentence; "" if the machine is not to blame.

    Args:
      error: what a node failed with, with what lies behind it.
      output: where the run writes.
    """
    messages = [f"{type(link).__name__}: {link}" for link in _chain(error)]
    if _any(_NO_SPACE, messages):
        folder = min(output, Path(tempfile.gettempdir()), key=lambda path: shutil.disk_usage(path).free)
        usage = shutil.disk_usage(folder)
        return (
            f"{_NO_SPACE[0]}: free space below {folder} "
            f"({usage.free // _MEGABYTE:,} of {usage.total // _MEGABYTE:,} MB are free)"
        )
    if _any(_READ_ONLY, messages):
        return f"{_READ_ONLY[0]}: make {output} writable, or name another folder with --output"
    if _any(_NO_MEMORY, messages):
        return f"{_NO_MEMORY[0]}: end other programs, give it more memory, or lower a batch_size"
    return ""


def _any(parts: tuple[str, ...], messages: list[str]) -> bool:
    return any(part in text for part in parts for text in messages)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and what was being handled then."""
    seen: set[int] = set()
    links: list[BaseException | None] = [error]
    while links:
        link = links.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            yield link
            links += [link.__context__, link.__cause__]
