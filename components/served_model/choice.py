"""Which version a candidate is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.atomic_pusher.manifest import Manifest, ManifestError, model_fingerprint
from components.atomic_pusher.versions import hashed_files, is_model, read_manifest, versions_in


@dataclass(frozen=True)
class ServedChoice:
    """What was chosen.

    Attributes:
      version: the version to compare with, None if there is none to compare with.
      path: its folder, "" if there is none.
      digest: fingerprint of its model, "" if there is none.
      key: what the decision about the candidate depends on: the same key, the same decision.
      note: for people.
    """

    version: int | None
    path: str
    digest: str
    key: str
    note: str


@dataclass(frozen=True)
class _Published:
    number: int
    path: str
    manifest: Manifest | None
    fingerprint: str

    def is_of(self, series: str) -> bool:
        """Whether it was made from data and split of this series, as far as it is recorded."""
        return self.manifest is None or self.manifest.provenance.series in ("", series)


def choose(base: str, candidate: str, series: str) -> ServedChoice:
    """The served version, for a new model; for one that was pushed, what it was compared with then.

    After its push the candidate itself is served, or after a rollback its predecessor again. Neither is news
    about the candidate, and compared with anything else it would be judged anew on every run.

    Args:
      base: the push destination.
      candidate: fingerprint of the candidate's files.
      series: data and split that the candidate is made from. A version of another series is not compared
        with: it has other movies and users, or was trained on today's eval split.

    Raises:
      OSError: a version cannot be read.
    """
    published = _published(base)
    own = [found for found in published if found.fingerprint == candidate]
    if own:
        return _as_before(own[-1], published, series)
    if not published:
        return _nothing("nothing was served yet, so there was no version to compare with")
    return _compared(published[-1], series, f"version {published[-1].number} was served")


def _as_before(own: _Published, published: Sequence[_Published], series: str) -> ServedChoice:
    before = own.manifest.provenance.baseline if own.manifest else None
    note = f"the model is version {own.number} already"
    if before == "":
        return _nothing(f"{note}, which was compared with no version")
    others = [found for found in published if found.fingerprint != own.fingerprint]
    same = [found for found in others if found.fingerprint == before]
    earlier = same or [found for found in others if found.number < own.number]
    if not earlier:
        choice = _nothing(f"{note}, and what it was compared with is gone")
    else:
        choice = _compared(earlier[-1], series, f"{note}; compared with version {earlier[-1].number}")
    # What was decided then still holds when that version has gone since.
    return choice if before is None else ServedChoice(**{**vars(choice), "key": before})


def _compared(version: _Published, series: str, note: str) -> ServedChoice:
    if version.manifest is not None and not version.is_of(series):
        return _nothing(
            f"version {version.number} is of {version.manifest.provenance.series}, so it is not compared with"
        )
    return ServedChoice(version.number, version.path, version.fingerprint, version.fingerprint, note)


def _nothing(note: str) -> ServedChoice:
    return ServedChoice(None, "", "", "", note)


def _published(base: str) -> list[_Published]:
    """The versions that a server could serve, in ascending order."""
    found = []
    for number, path in versions_in(base).items():
        if is_model(path):
            try:
                manifest = read_manifest(path)
            except ManifestError:
                manifest = None
            fingerprint = manifest.model_fingerprint if manifest else model_fingerprint(hashed_files(path))
            found.append(_Published(number, path, manifest, fingerprint))
    return found
