"""A version before it is published: its files, beside the versions, under a name that servers ignore."""

from __future__ import annotations

import io
import posixpath
import uuid
from collections.abc import Mapping
from typing import IO

from components.atomic_pusher.manifest import MANIFEST_FILE, Manifest
from components.atomic_pusher.storage import Storage, files_below, storage_of
from components.atomic_pusher.versions import STAGED, copied


def staged_folder(base: str, version: int) -> str:
    """A new name for what is to become this version below `base`."""
    return posixpath.join(base, f"{STAGED}{version}-{uuid.uuid4().hex[:8]}")


def copy_model(storage: Storage, source: str, stage: str, extra_files: Mapping[str, bytes]) -> dict[str, str]:
    """Copies a model and adds files that it lacks; returns sha256 (hex) by relative path.

    Raises:
      OSError: a file cannot be read or written.
    """
    origin = storage_of(source)
    files: dict[str, str] = {}
    for file in files_below(origin, source):
        if file != MANIFEST_FILE:
            with origin.open(posixpath.join(source, file)) as stream:
                files[file] = _write(storage, stage, file, stream)
    for file, content in extra_files.items():
        if file not in files:
            files[file] = _write(storage, stage, file, io.BytesIO(content))
    return files


def write_manifest(storage: Storage, stage: str, manifest: Manifest) -> None:
    """Adds the manifest, the last file of a version.

    Raises:
      OSError: it cannot be written.
    """
    _write(storage, stage, MANIFEST_FILE, io.BytesIO(manifest.to_json()))


def _write(storage: Storage, stage: str, file: str, content: IO[bytes]) -> str:
    """Writes one file of a version and returns its sha256 (hex)."""
    path = posixpath.join(stage, file)
    storage.make_folder(posixpath.dirname(path))
    with storage.create(path) as target:
        return copied(content, target)
