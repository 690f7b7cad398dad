"""The servables of one run: one version number, published one after the other, served together.

A process that is killed between two of them leaves a set whose last servable is missing. Such a set is
unfinished: the next push or rollback publishes a new one and then removes it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from components.atomic_pusher import history
from components.atomic_pusher.manifest import Manifest, ManifestError
from components.atomic_pusher.versions import changed_file, is_model, read_manifest, versions_in


def unfinished(base: str) -> list[int]:
    """The versions of a servable whose set a killed process left without its last servable.

    A set that was published whole is in the log of its last servable, also when somebody has removed that
    servable's version since.

    Raises:
      OSError: a folder cannot be read.
    """
    found = []
    for number, path in versions_in(base).items():
        manifest = _manifest(path)
        if manifest and len(manifest.move.servables) > 1:
            last = posixpath.join(posixpath.dirname(base), manifest.move.servables[-1])
            if not is_model(posixpath.join(last, str(number))) and number not in {
                move.version for move in history.moves(last)
            }:
                found.append(number)
    return found


def version_of(bases: Sequence[str], fingerprints: Sequence[str]) -> int | None:
    """The newest version under which these models were published together and are whole.

    Args:
      bases: the folders of the servables, in the order in which they are published.
      fingerprints: of their models.

    Raises:
      OSError: a version cannot be read.
    """
    names = tuple(map(posixpath.basename, bases))
    there = [versions_in(base) for base in bases]
    for number in sorted(set.intersection(*map(set, there)), reverse=True):
        paths = [versions[number] for versions in there]
        if all(_holds(path, model, names) for path, model in zip(paths, fingerprints, strict=True)):
            return number
    return None


def _holds(path: str, fingerprint: str, servables: tuple[str, ...]) -> bool:
    manifest = _manifest(path)
    return (
        manifest is not None
        # Early manifests name no servables; each version was published by itself then.
        and (manifest.move.servables or servables[:1]) == servables
        and manifest.model_fingerprint == fingerprint
        and changed_file(path, manifest) is None
    )


def _manifest(path: str) -> Manifest | None:
    try:
        return read_manifest(path)
    except ManifestError:
        return None
