"""How versions come to be: staged beside the others, flushed, renamed; then logs and old versions follow."""

from __future__ import annotations

import contextlib
import logging
import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

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
from components.atomic_pusher.sets import unfinished, version_of
from components.atomic_pusher.staging import copy_model, staged_folder, write_manifest
from components.atomic_pusher.storage import storage_of
from components.atomic_pusher.versions import (
    REMOVED,
    STAGED,
    changed_file,
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
    """A version was not published; the message has the reason and what is served."""


@dataclass(frozen=True)
class PushCandidate:
    """A servable that is to be published.

    Attributes:
      base: the folder that a server watches; made if it is not there.
      model: folder of the SavedModel.
      provenance: for the manifest.
      extra_files: files to add by relative path; one that the model has itself is left as it is.
    """

    base: str
    model: str
    provenance: Provenance
    extra_files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Pushed:
    """What a push came to for one servable.

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


def push(candidates: Sequence[PushCandidate], retention: Retention) -> list[Pushed]:
    """Publishes the servables of one run under one number, the highest below all of their folders.

    They are published in their order, once all of them are written. Models that are there together already,
    whole, are not published again: so a second push changes nothing, and models that were rolled back do not
    come back by themselves.

    Args:
      candidates: the servables, in folders beside one another.
      retention: which older versions stay.

    Raises:
      PushError: nothing was published; what was served still is.
    """
    bases = [candidate.base for candidate in candidates]
    with _publishing(bases) as numbers:
        for candidate in candidates:
            if not is_model(candidate.model):
                raise PushError(
                    f"{candidate.model} does not hold a saved_model.pb, so there is nothing to push"
                )
        fingerprints = [model_fingerprint(hashed_files(candidate.model)) for candidate in candidates]
        there = version_of(bases, fingerprints)
        version = next_version(numbers) if there is None else there
        if there is None:
            _publish(candidates, version, PUSH, None)
        # What stands for these models stays, also where later copies of others took their place.
        _settle(bases, Retention(retention.keep, {*retention.pinned, version}))
        return [
            Pushed(
                version, posixpath.join(base, str(version)), there is None, served_version(base) or version
            )
            for base in bases
        ]


def point(bases: Sequence[str], version: int, action: Action) -> list[Manifest]:
    """Makes earlier models the served ones: publishes their files, byte for byte, as the highest version.

    Works with every server and configuration, in one step a servable, and forgets nothing.

    Args:
      bases: the folders of the servables, in the order in which they are published.
      version: whose files to serve.
      action: what to call it in manifests and logs.

    Returns:
      The manifests of the new version.

    Raises:
      PushError: there is no such version, it differs from its manifest, or it cannot be copied; what
        was served still is.
    """
    for base in bases:
        there = versions_in(base)
        if version not in there:
            known = ", ".join(map(str, there)) or "none"
            raise PushError(f"{base} lacks version {version}; there are: {known}")
    with _publishing(bases) as numbers:
        candidates = [_as_candidate(base, version) for base in bases]
        made = _publish(candidates, next_version(numbers), action, version)
        _settle(bases, None)
        return made


def _as_candidate(base: str, version: int) -> PushCandidate:
    path = posixpath.join(base, str(version))
    if not is_model(path):
        raise PushError(f"{path} does not hold a saved_model.pb, so it cannot be served")
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
    return PushCandidate(base, path, manifest.provenance if manifest else Provenance())


@contextlib.contextmanager
def _publishing(bases: Sequence[str]) -> Iterator[set[int]]:
    """The version numbers that are taken, with all folders locked and without half-written versions.

    Raises:
      PushError: something went wrong.
    """
    try:
        with contextlib.ExitStack() as stack:
            # In one order, so that two processes never wait for each other.
            for base in sorted(bases):
                storage = storage_of(base)
                storage.make_folder(base)
                stack.enter_context(storage.locked(base))
            numbers = {number for base in bases for number in _known_versions(base)}
            for base in bases:
                _remove_leftovers(base)
            yield numbers
    except (OSError, ValueError) as error:
        served = "; ".join(f"{posixpath.basename(base)}: {_still_served(base)}" for base in bases)
        raise PushError(f"{', '.join(bases)}: nothing was pushed: {_message(error)}; {served}") from error


def _message(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f' ({error.filename})' if error.filename else ''}"
    return str(error)


def _still_served(base: str) -> str:
    try:
        served = served_version(base)
    except OSError:
        return "what is served is untouched"
    return "no version is served" if served is None else f"version {served} is still served"


def _known_versions(base: str) -> set[int]:
    staged = {staged_version(name) for name in storage_of(base).names(base)} - {None}
    logged = {move.version for move in history.moves(base)}
    return {*versions_in(base), *logged, *(number for number in staged if number is not None)}


def _remove_leftovers(base: str) -> None:
    """Removes what killed pushes left: under the lock, or with one process at a time, nobody writes them."""
    storage = storage_of(base)
    for name in storage.names(base):
        if name.startswith((STAGED, REMOVED)):
            _LOG.warning("%s: removing %s, which a killed push left", base, name)
            storage.remove(posixpath.join(base, name))
    if not storage.atomic:
        for path in versions_in(base).values():
            if not is_model(path):
                _LOG.warning("%s: a killed push left it without a saved_model.pb; removing it", path)
                storage.remove(path)


def _publish(
    candidates: Sequence[PushCandidate], version: int, action: Action, copy_of: int | None
) -> list[Manifest]:
    """Writes all versions, then publishes them one by one; takes them back if one of them fails."""
    names = tuple(posixpath.basename(candidate.base) for candidate in candidates)
    stages = [staged_folder(candidate.base, version) for candidate in candidates]
    manifests, published = [], []
    try:
        for candidate, stage in zip(candidates, stages, strict=True):
            storage = storage_of(candidate.base)
            files = copy_model(storage, candidate.model, stage, candidate.extra_files)
            move = Move.now(action, served_version(candidate.base), version, copy_of, names)
            origin = _origin(candidate.base, copy_of) or version
            manifests.append(Manifest(version, origin, move, candidate.provenance, files))
            write_manifest(storage, stage, manifests[-1])
        for candidate, stage in zip(candidates, stages, strict=True):
            path = posixpath.join(candidate.base, str(version))
            published.append(path)
            storage_of(candidate.base).publish(stage, path)
    except BaseException:
        for path in [*reversed(published), *stages]:
            with contextlib.suppress(OSError):
                storage_of(path).remove(path)
        raise
    return manifests


def _origin(base: str, copy_of: int | None) -> int | None:
    if copy_of is None:
        return None
    manifest = read_manifest(versions_in(base)[copy_of])
    return manifest.origin if manifest else copy_of


def _settle(bases: Sequence[str], retention: Retention | None) -> None:
    """Brings logs and folders up to date. The versions are out: a failure is logged and tried again."""
    try:
        for base in bases:
            for number in unfinished(base):
                _LOG.warning("%s: removing version %s, which a killed push left alone", base, number)
                _remove(base, number)
        # That of the last servable shows that a set was published whole, so it comes first.
        for base in reversed(bases):
            history.write_missing(base)
        if retention:
            kept = {number for base in bases for number in _newest(base, retention.keep)}
            for base in bases:
                # What is not a SavedModel does not count and does not go.
                for number, path in versions_in(base).items():
                    if is_model(path) and number not in {*kept, *retention.pinned}:
                        _remove(base, number)
    except OSError as error:
        _LOG.warning(
            "%s: %s; the next push tries again to bring logs and old versions up to date",
            ", ".join(bases),
            _message(error),
        )


def _newest(base: str, keep: int) -> list[int]:
    return [number for number, path in versions_in(base).items() if is_model(path)][-keep:]


def _remove(base: str, number: int) -> None:
    path = posixpath.join(base, str(number))
    storage_of(base).remove(path, posixpath.join(base, f"{REMOVED}{number}"))
