"""The data that the gate has let through before, in a folder that every run of an output root shares.

    <root>/<series>/<split rule>/000001-accepted-<data>/   entry.json, distributions.json and
                                                            ratings-train.pb, movies-all.pb
                                 000002-reviewed-<data>/   entry.json: somebody lets that data pass
                                 000003-accepted-<data>/

Entries are only ever added. `entry.json` is written last, by a rename where the storage has one, so a
reader never sees half an entry, on object stores either. The baseline of some data is the newest accepted
entry of *other* data: a second run on the same data compares with what the first one compared with.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.dsl.io import fileio

from contracts.artifacts import DISTRIBUTIONS_FILE
from distances.measure import Distributions, from_json, to_json

ENTRY_FILE: Final = "entry.json"
_ACCEPTED, _REVIEWED = "accepted", "reviewed"
_ENTRY: Final = re.compile(r"(\d{6,})-(accepted|reviewed)-([0-9a-f]+)")
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9._=-]+")
# Characters of a digest in the name of an entry; the whole one is in the entry.
_DIGEST_SHOWN: Final = 16


class DamagedEntryError(ValueError):
    """What is kept of accepted data is damaged; the message names the file and what to do."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(
            f"{path} is damaged ({problem}); put a backup of it back, or remove the folder "
            f"{posixpath.dirname(path)}, and data is compared with what was accepted before that"
        )


@dataclass(frozen=True)
class Entry:
    """Something that was accepted or reviewed.

    Attributes:
      folder: where it is.
      name: of the folder, in the order in which entries were made.
      about: the fields of `entry.json`: `at` (UTC), `run`, `reason`, `data`, `volume`,
        `files` (sha256 by name).
    """

    folder: str
    name: str
    about: Mapping[str, Any]

    def statistics(self, table: str, split: str) -> statistics_pb2.DatasetFeatureStatisticsList | None:
        """The statistics of a split, None if they were not kept.

        Raises:
          DamagedEntryError: they are not what was kept.
        """
        content = self._read(_statistics_file(table, split))
        return None if content is None else statistics_pb2.DatasetFeatureStatisticsList.FromString(content)

    def distributions(self) -> Mapping[str, Distributions] | None:
        """The values of the compared features for `train` and `movies`, None if they were not kept.

        Raises:
          DamagedEntryError: they are not what was kept.
        """
        content = self._read(DISTRIBUTIONS_FILE)
        return None if content is None else from_json(content.decode())

    def _read(self, file: str) -> bytes | None:
        path = posixpath.join(self.folder, file)
        # Entries of earlier versions bring no digests.
        known = self.about.get("files", {}).get(file)
        if not fileio.exists(path):
            if known:
                raise DamagedEntryError(path, "it is gone")
            return None
        with fileio.open(path, "rb") as stream:
            content: bytes = stream.read()
        if known and _sha256(content) != known:
            raise DamagedEntryError(path, "its bytes have changed since the data was accepted")
        return content


@dataclass(frozen=True)
class AcceptedData:
    """The entries of one series of data under one split rule.

    Attributes:
      root: folder of all series.
      series: what the data is called.
      split: the split rule, which decides what the splits look like.
    """

    root: str
    series: str
    split: str

    @property
    def folder(self) -> str:
        """Where the entries are."""
        return posixpath.join(self.root, _file_name(self.series), _file_name(self.split))

    def baseline(self, data: str) -> Entry | None:
        """The newest accepted entry of other data than that with the digest `data`."""
        return next((entry for entry in self._newest_first(_ACCEPTED) if entry.about["data"] != data), None)

    def review(self, data: str) -> Entry | None:
        """The newest review that lets this very data pass, if it is newer than the baseline."""
        baseline = self.baseline(data)
        for entry in self._newest_first(_REVIEWED):
            if baseline is not None and entry.name < baseline.name:
                return None
            if entry.about["data"] == data:
                return entry
        return None

    def fingerprint(self, data: str) -> str:
        """What the gate's decision on this data depends on here: the names of baseline and review."""
        found = (self.baseline(data), self.review(data))
        return " ".join(entry.name if entry else "none" for entry in found)

    def other_series(self) -> list[str]:
        """Series and split rules of the same root that have entries, as `series/split`."""
        return sorted(
            f"{series}/{split}"
            for series in _children(self.root)
            for split in _children(posixpath.join(self.root, series))
            if posixpath.join(self.root, series, split) != self.folder
        )

    def accept(
        self,
        data: str,
        volume: Mapping[str, int],
        statistics: Mapping[tuple[str, str], Any],
        run: str,
        distributions: Mapping[str, Distributions] | None = None,
    ) -> None:
        """Makes this data the newest accepted one; changes nothing if it is already.

        Args:
          data: digest of the data.
          volume: counts, for the next run to compare with.
          statistics: `DatasetFeatureStatisticsList` by table and split.
          run: id of the pipeline run.
          distributions: the values of the compared features, by `train` and `movies`.
        """
        newest = next(self._newest_first(_ACCEPTED), None)
        if newest is not None and newest.about["data"] == data:
            return
        files = {_statistics_file(*key): found.SerializeToString() for key, found in statistics.items()}
        if distributions is not None:
            files[DISTRIBUTIONS_FILE] = to_json(distributions).encode()
        self._add(_ACCEPTED, data, {"run": run, "volume": dict(volume)}, files)

    def add_review(self, data: str, reason: str) -> str:
        """Lets this data pass whatever the last accepted run was like; returns the folder of the entry."""
        return self._add(_REVIEWED, data, {"reason": reason}, {})

    def _add(self, kind: str, data: str, about: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
        names = _children(self.folder)
        number = 1 + max((int(match[1]) for match in map(_ENTRY.fullmatch, names) if match), default=0)
        folder = posixpath.join(self.folder, f"{number:06d}-{kind}-{data[:_DIGEST_SHOWN]}")
        fileio.makedirs(folder)
        for name, content in files.items():
            with fileio.open(posixpath.join(folder, name), "wb") as stream:
                stream.write(content)
        now = datetime.datetime.now(datetime.timezone.utc)
        digests = {"files": {name: _sha256(content) for name, content in files.items()}} if files else {}
        entry = {"kind": kind, "at": now.isoformat(timespec="seconds"), "data": data, **about, **digests}
        path = posixpath.join(folder, ENTRY_FILE)
        with fileio.open(f"{path}.partial", "w") as stream:
            stream.write(json.dumps(entry, indent=2) + "\n")
        fileio.rename(f"{path}.partial", path, overwrite=True)
        return folder

    def _newest_first(self, kind: str) -> Iterator[Entry]:
        for name in sorted(_children(self.folder), reverse=True):
            match = _ENTRY.fullmatch(name)
            folder = posixpath.join(self.folder, name)
            path = posixpath.join(folder, ENTRY_FILE)
            if match and match[2] == kind and fileio.exists(path):
                yield Entry(folder, name, _about(path))


def _about(path: str) -> dict[str, Any]:
    with fileio.open(path, "rb") as stream:
        content = stream.read()
    try:
        about: dict[str, Any] = json.loads(content)
        if not {"at", "data"} <= about.keys():
            raise ValueError("it lacks the time or the digest of the data")
    except (ValueError, AttributeError) as error:
        raise DamagedEntryError(path, str(error)) from error
    return about


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _children(folder: str) -> list[str]:
    # Object stores end the names of folders with a slash.
    return [name.rstrip("/") for name in fileio.listdir(folder)] if fileio.isdir(folder) else []


def _file_name(text: str) -> str:
    """A name for a folder, which no two texts share."""
    name = _NOT_IN_A_NAME.sub("_", text)
    return name if name == text else f"{name.strip('_') or 'series'}-{_sha256(text.encode())[:8]}"


def _statistics_file(table: str, split: str) -> str:
    return f"{table}-{split}.pb"
