"""The append-only log of what was served when: one JSON object a line, beside the versions."""

from __future__ import annotations

import json
import posixpath
from typing import Final

from components.atomic_pusher.manifest import ManifestError, Move
from components.atomic_pusher.storage import storage_of
from components.atomic_pusher.versions import read_manifest, versions_in

LOG_FILE: Final = "history.jsonl"


def moves(base: str) -> list[Move]:
    """The entries of the log, the oldest first; a line that a power cut left unfinished is passed over.

    Raises:
      OSError: the log cannot be read.
    """
    found = []
    for line in _text(base).splitlines():
        try:
            found.append(Move.from_dict(json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found


def write_missing(base: str) -> None:
    """Logs every version that the log lacks: the one just published, and those whose process was killed then.

    Raises:
      OSError: the log cannot be read or written.
    """
    logged = {move.version for move in moves(base)}
    text = _text(base)
    # A line of its own even behind an unfinished one.
    before = "" if text.endswith("\n") or not text else "\n"
    for number, path in versions_in(base).items():
        try:
            manifest = None if number in logged else read_manifest(path)
        except ManifestError:
            continue
        if manifest is not None:
            line = json.dumps(manifest.move.to_dict(), ensure_ascii=False)
            storage_of(base).append(posixpath.join(base, LOG_FILE), f"{before}{line}\n".encode())
            before = ""


def _text(base: str) -> str:
    storage, file = storage_of(base), posixpath.join(base, LOG_FILE)
    if not storage.is_file(file):
        return ""
    with storage.open(file) as stream:
        return stream.read().decode("utf-8", errors="replace")
