"""What a full disk, a read-only one and a lack of memory are reported as, whoever noticed first."""

import errno
import os
from pathlib import Path

import pytest

from pipeline.local_run.failure_advice import failure_advice


def _raised(error: Exception, after: Exception) -> Exception:
    """`error`, raised while `after` was handled."""
    error.__context__ = after
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/file"),
        RuntimeError("/runs/model/variables; No space left on device [while running 'Write']"),
        RuntimeError("Error when executing query: database or disk is full query: INSERT INTO ..."),
        _raised(ValueError("cannot be published"), OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))),
    ],
)
def test_a_full_disk(error: Exception, tmp_path: Path) -> None:
    advice = failure_advice(error, tmp_path)

    assert advice.startswith("No space left on device: free space below /")
    assert advice.endswith(" MB are free)")


def test_a_read_only_disk(tmp_path: Path) -> None:
    error = _raised(
        RuntimeError("attempt to write a readonly database"), OSError(errno.EROFS, os.strerror(errno.EROFS))
    )
    assert failure_advice(error, tmp_path) == (
        f"Read-only file system: make {tmp_path} writable, or name another folder with --output"
    )


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("OOM when allocating tensor with shape[9,9]")])
def test_a_lack_of_memory(error: Exception, tmp_path: Path) -> None:
    assert failure_advice(error, tmp_path).startswith("Cannot allocate memory: ")


def test_other_failures_speak_for_themselves(tmp_path: Path) -> None:
    assert failure_advice(_raised(ValueError("no"), KeyError("spacious")), tmp_path) == ""
