"""Closed folders: data sets in the layout of the CSV MovieLens files, complete or not there."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from serving.feedback.journal import Journal

RATINGS_FILE: Final = "ratings.csv"
MOVIES_FILE: Final = "movies.csv"
IMPRESSIONS_FILE: Final = "impressions.csv"
_RATINGS_HEADER: Final = ("userId", "movieId", "rating", "timestamp")
_MOVIES_HEADER: Final = ("movieId", "title", "genres")
_IMPRESSIONS_HEADER: Final = (
    "eventId",
    "userId",
    "movieId",
    "position",
    "list",
    "version",
    "variant",
    "timestamp",
)


def folder_of(root: Path, number: int) -> Path:
    """Where a folder is once it is closed."""
    return root / f"feedback-{number:06d}"


def write_folder(root: Path, number: int, journal: Journal) -> Path:
    """Writes the events of a folder, flushes them and gives the folder its name in one step.

    A folder that is there is complete and stays as it is.

    Raises:
      OSError: it cannot be written.
    """
    target = folder_of(root, number)
    if target.is_dir():
        return target
    staged = root / f".staged-{number:06d}"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    _write(staged / RATINGS_FILE, _RATINGS_HEADER, journal.ratings(number))
    _write(staged / MOVIES_FILE, _MOVIES_HEADER, journal.movies(number))
    _write(staged / IMPRESSIONS_FILE, _IMPRESSIONS_HEADER, journal.impressions(number))
    _flush_folder(staged)
    staged.rename(target)
    _flush_folder(root)
    return target


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        stream.flush()
        os.fsync(stream.fileno())


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
