"""How a version comes to be: staged beside the others, flushed, renamed; then log and old versions follow."""

from __future__ import annotations

import contextlib
import io
import logging
import posixpath
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Final

from components.atomic_pusher import history
from components.atomic_pusher.manifest import (
    MANIFEST_FILE,
    PUSH,
    Action,
    Manifest,
    ManifestError,
    Move,
    Provenance,
    model_fingerprint,
)
from components.atomic_pusher.storage import Storage, files_below, storage_of
from components.atomic_pusher.versions import (
    REMOVED,
    STAGED,
    changed_file,
    copied,
    hashed_files,
    is_model,
    next_version,
    read_manifest,
    served_version,
    staged_version,
    versions_in,
)

_LOG: Final = logging.getLogger(__name__)


class PushError(RuntimeError):
    """A version was not published; the message says why, and what is served."""


@dataclass(frozen=True)
class Pushed:
    """What a push came to.

    Attributes:
        version: the version that holds the model.
        path: its folder.
        is_new: False if the model was there already and nothing was written.
        served: the version that is served now; another one if that model was rolled back.
    """

    version: int
    path: str
    is_new: bool
    served: int


@dataclass(frozen=True)
class Retention:
    """Which versions a push keeps.

    Attributes:
        keep: how many, the newest of those that are SavedModels.
        pinned: versions that stay whatever their age, because a server's configuration names them.
    """

    keep: int
    pinned: Collection[int] = field(default=())


def push(
    base: str,
    model: str,
    provenance: Provenance,
    retention: Retention,
    extra_files: Mapping[str, bytes] | None = None,
) -> Pushed:
    """Publishes a model as the highest version below `base`.

    A model that is there already, whole, is not published again: so a second push changes nothing, and a
    model that was rolled back does not come back by itself.

    Args:
        base: the folder that a server watches; made if it is not there.
        model: folder of the SavedModel.
        provenance: for the manifest.
        retention: which older versions stay.
        extra_files: files to add by relative path; one that the model has itself is left as it is.

    Raises:
        PushError: nothing was published; what was served still is.
    """
    with _publishing(base) as storage:
        if not is_model(model):
            raise PushError(f"{model} holds no saved_model.pb, so there is nothing to push")
        there = _version_of(base, model_fingerprint(hashed_files(model)))
        if there is None:
            manifest = _publish(storage, base, model, provenance, PUSH, None, extra_files or {})
            version = manifest.version
        else:
            version = there
        path = versions_in(base)[version]
        # What stands for this model stays, also where later copies of others took its place.
        _settle(storage, base, Retention(retention.keep, {*retention.pinned, version}))
        served = served_version(base)
        return Pushed(version, path, there is None, version if served is None else served)


def point(base: str, version: int, action: Action) -> Manifest:
    """Makes an earlier model the served one: publishes its files, byte for byte, as the highest version.

    Works with every server and configuration, in one step, and forgets nothing.

    Args:
        base: the folder that a server watches.
        version: whose files to serve.
        action: what to call it in manifest and log.

    Returns:
        The manifest of the new version.

    Raises:
        PushError: there is no such version, it is not what its manifest says, or it cannot be copied; what
            was served still is.
    """
    there = versions_in(base)
    if version not in there:
        known = ", ".join(map(str, there)) or "none"
        raise PushError(f"{base} has no version {version}; there are: {known}")
    with _publishing(base) as storage:
        path = there[version]
        if not is_model(path):
            raise PushError(f"{path} holds no saved_model.pb, so it cannot be served")
        try:
            manifest = read_manifest(path)
            changed = manifest and changed_file(path, manifest)
        except ManifestError as error:
            raise PushError(str(error)) from error
        if changed:
            raise PushError(
                f"{posixpath.join(path, changed)} is not what was pushed (its sha256 differs from that in "
                f"{MANIFEST_FILE}); choose another version"
            )
        provenance = manifest.provenance if manifest else Provenance()
        result = _publish(storage, base, path, provenance, action, version, {})
        _settle(storage, base, None)
        return result


@contextlib.contextmanager
def _publishing(base: str) -> Iterator[Storage]:
    """The storage of `base`, locked and without leftovers; turns what goes wrong into a PushError."""
    try:
        storage = storage_of(base)
        storage.make_folder(base)
        with storage.locked(base):
            _remove_leftovers(storage, base)
            yield storage
    except (OSError, ValueError) as error:
        raise PushError(f"{base}: nothing was pushed: {_told(error)}; {_still_served(base)}") from error


def _told(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f' ({error.filename})' if error.filename else ''}"
    return str(error)


def _still_served(base: str) -> str:
    try:
        served = served_version(base)
    except OSError:
        return "what is served is untouched"
    return "no version is served" if served is None else f"version {served} is still served"


def _remove_leftovers(storage: Storage, base: str) -> None:
    """Removes what killed pushes left: under the lock, or with one process at a time, nobody writes them."""
    for name in storage.names(base):
        if name.startswith((STAGED, REMOVED)):
            _LOG.warning("%s: removing %s, which a killed push left", base, name)
            storage.remove(posixpath.join(base, name))
    if not storage.atomic:
        for path in versions_in(base).values():
            if not is_model(path):
                _LOG.warning("%s: a killed push left it without a saved_model.pb; removing it", path)
                storage.remove(path)


def _version_of(base: str, fingerprint: str) -> int | None:
    """The newest version that holds this model as it was pushed."""
    for number, path in reversed(versions_in(base).items()):
        try:
            manifest = read_manifest(path)
        except ManifestError:
            continue
        if manifest and manifest.model_fingerprint == fingerprint and changed_file(path, manifest) is None:
            return number
    return None


def _publish(
    storage: Storage,
    base: str,
    source: str,
    provenance: Provenance,
    action: Action,
    copy_of: int | None,
    extra_files: Mapping[str, bytes],
) -> Manifest:
    version = next_version(_known_versions(storage, base))
    stage = posixpath.join(base, f"{STAGED}{version}-{uuid.uuid4().hex[:8]}")
    try:
        files = _copy(storage, source, stage, extra_files)
        move = Move.now(action, served_version(base), version, copy_of)
        manifest = Manifest(version, _origin(base, copy_of) or version, move, provenance, files)
        _write(storage, stage, MANIFEST_FILE, io.BytesIO(manifest.to_json()))
        storage.publish(stage, posixpath.join(base, str(version)))
    except BaseException:
        with contextlib.suppress(OSError):
            storage.remove(stage)
        raise
    return manifest


def _known_versions(storage: Storage, base: str) -> set[int]:
    staged = {staged_version(name) for name in storage.names(base)} - {None}
    logged = {move.version for move in history.moves(base)}
    return {*versions_in(base), *logged, *(number for number in staged if number is not None)}


def _origin(base: str, copy_of: int | None) -> int | None:
    if copy_of is None:
        return None
    manifest = read_manifest(versions_in(base)[copy_of])
    return manifest.origin if manifest else copy_of


def _copy(storage: Storage, source: str, stage: str, extra_files: Mapping[str, bytes]) -> dict[str, str]:
    """Copies a model and adds files; returns sha256 (hex) by relative path."""
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


def _write(storage: Storage, stage: str, file: str, content: IO[bytes]) -> str:
    """Writes one file of a version and returns its sha256 (hex)."""
    path = posixpath.join(stage, file)
    storage.make_folder(posixpath.dirname(path))
    with storage.create(path) as target:
        return copied(content, target)


def _settle(storage: Storage, base: str, retention: Retention | None) -> None:
    """Brings log and folder up to date. The version is out: a failure here is logged and tried again."""
    try:
        history.write_missing(base)
        for number in _outdated(base, retention) if retention else ():
            storage.remove(versions_in(base)[number], posixpath.join(base, f"{REMOVED}{number}"))
    except OSError as error:
        _LOG.warning(
            "%s: %s; the next push tries again to bring the log and old versions up to date",
            base,
            _told(error),
        )


def _outdated(base: str, retention: Retention) -> list[int]:
    """The versions that nothing keeps; what is not a SavedModel does not count and does not go."""
    good = [number for number, path in versions_in(base).items() if is_model(path)]
    return [number for number in good[: -retention.keep] if number not in retention.pinned]
