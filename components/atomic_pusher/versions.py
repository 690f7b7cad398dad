"""The versions in a folder that a model server watches: which there are, which is served, what they are.

A version is a folder whose name is an integer. TensorFlow Serving serves the highest one unless its
`models.config` sets otherwise, and ignores every other name: those of versions being written or removed
start with a dot.
"""

from __future__ import annotations

import hashlib
import posixpath
import time
from collections.abc import Iterable
from typing import IO, Final

from components.atomic_pusher.manifest import MANIFEST_FILE, Manifest, ManifestError
from components.atomic_pusher.storage import MODEL_FILES, files_below, storage_of

STAGED: Final = ".staged-"
REMOVED: Final = ".removed-"
_LARGEST: Final = 2**63 - 1
_CHUNK_BYTES: Final = 1 << 20


def versions_in(base: str) -> dict[int, str]:
    """The folders of the versions below `base` by number, in ascending order; empty if there is no `base`.

    Raises:
      OSError: the folder cannot be read.
    """
    storage = storage_of(base)
    found = {
        int(name): posixpath.join(base, name)
        for name in storage.names(base)
        if name.isascii() and name.isdecimal() and int(name) <= _LARGEST
    }
    return {number: found[number] for number in sorted(found) if storage.is_folder(found[number])}


def served_version(base: str) -> int | None:
    """The version that TensorFlow Serving serves by default, None if there is none.

    Raises:
      OSError: the folder cannot be read.
    """
    return max((number for number, path in versions_in(base).items() if is_model(path)), default=None)


def is_model(path: str) -> bool:
    """Whether the folder holds what makes it a SavedModel."""
    storage = storage_of(path)
    return any(storage.is_file(posixpath.join(path, file)) for file in MODEL_FILES)


def next_version(known: Iterable[int]) -> int:
    """The seconds since 1970 or, when the clock is not past all known versions, the number behind them.

    Args:
      known: versions that are there or were.

    Raises:
      ValueError: there is no larger number.
    """
    number = max(int(time.time()), max(known, default=0) + 1)
    if number > _LARGEST:
        raise ValueError(
            f"version {number - 1} is the largest number that there is; remove or rename its folder"
        )
    return number


def staged_version(name: str) -> int | None:
    """The version that a folder of this name is being made for, None for any other folder."""
    number = name.removeprefix(STAGED).partition("-")[0]
    return int(number) if name.startswith(STAGED) and number.isdecimal() else None


def read_manifest(path: str) -> Manifest | None:
    """The manifest of the version in this folder; None if it has none, as those of other pushers.

    Raises:
      ManifestError: it cannot be read.
    """
    storage, file = storage_of(path), posixpath.join(path, MANIFEST_FILE)
    if not storage.is_file(file):
        return None
    try:
        with storage.open(file) as stream:
            text = stream.read()
    except OSError as error:
        raise ManifestError(f"{file}: cannot be read ({error.strerror or error})") from error
    return Manifest.from_json(text, file)


def hashed_files(folder: str) -> dict[str, str]:
    """sha256 (hex) by relative path of every file of a version or a model but the manifest.

    Raises:
      OSError: a file cannot be read.
    """
    storage, found = storage_of(folder), {}
    for file in files_below(storage, folder):
        if file != MANIFEST_FILE:
            with storage.open(posixpath.join(folder, file)) as stream:
                found[file] = copied(stream, None)
    return found


def changed_file(path: str, manifest: Manifest) -> str | None:
    """The first file of a version that differs from its manifest, None if all agree.

    Raises:
      OSError: a file cannot be read.
    """
    found = hashed_files(path)
    return next(
        (file for file in sorted({*found, *manifest.files}) if found.get(file) != manifest.files.get(file)),
        None,
    )


def copied(source: IO[bytes], target: IO[bytes] | None) -> str:
    """Reads `source` to its end, writes it to `target` if there is one, and returns its sha256 (hex)."""
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK_BYTES):
        digest.update(chunk)
        if target is not None:
            target.write(chunk)
    return digest.hexdigest()
