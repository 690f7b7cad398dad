"""What is in the folder of pushed models beside the SavedModels: catalogues, manifests, the report."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from contracts.catalogue import CATALOGUE_FILE
from contracts.signatures import JOINT, RECOMMENDER, SERVABLES
from serving.app.catalogue import MovieCatalogue

_MANIFEST_FILE: Final = "assets.extra/manifest.json"
# How long a look into the folder counts.
_SECONDS: Final = 5.0


class PublishedError(Exception):
    """The folder of pushed models lacks what the application needs; one line with what to do."""


class PublishedModels:
    """The newest catalogue and the manifests. Threads may share one.

    Args:
      models: the folder that holds the folders of the servables.

    Raises:
      PublishedError: there is not a version with a catalogue.
    """

    def __init__(self, models: Path) -> None:
        self._models = models
        self._lock = threading.Lock()
        self._looked = 0.0
        self._catalogue: MovieCatalogue | None = None
        self.catalogue()

    def catalogue(self) -> MovieCatalogue:
        """The catalogue of the newest version; the one before while a push is under way."""
        with self._lock:
            now = time.monotonic()
            if self._catalogue is None or now - self._looked > _SECONDS:
                self._looked = now
                version, file = max(self._catalogues(), default=(-1, None), key=lambda found: found[0])
                if file is not None and (self._catalogue is None or self._catalogue.version != version):
                    self._catalogue = _opened(file, version)
            if self._catalogue is None:
                raise PublishedError(
                    f"no version below {self._models} has a catalogue ({CATALOGUE_FILE}): run `make run`, "
                    "which pushes one with the models, or name another folder with --models"
                )
            return self._catalogue

    def manifests(self) -> dict[str, dict[int, Mapping[str, Any]]]:
        """The manifests of all versions that are there, by model and version, the newest first."""
        return {
            model: found
            for model in SERVABLES
            if (found := dict(sorted(self._manifests(model), reverse=True, key=lambda each: each[0])))
        }

    def report(self) -> Path | None:
        """The report of the latest run, which lies beside the folder of models."""
        page = self._models.parent / "report" / "index.html"
        return page if page.is_file() else None

    def report_run(self) -> str:
        """The run that the report is of, "" if that is not known."""
        try:
            text = (self._models.parent / "report" / "report.json").read_text(encoding="utf-8")
            return str(json.loads(text)["run"]["id"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _catalogues(self) -> Iterator[tuple[int, Path]]:
        for model in (RECOMMENDER, JOINT):
            for version, folder in self._versions(model):
                if (folder / CATALOGUE_FILE).is_file():
                    yield version, folder / CATALOGUE_FILE

    def _manifests(self, model: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for version, folder in self._versions(model):
            try:
                yield version, json.loads((folder / _MANIFEST_FILE).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                # A version without one, or one that is taken away just now.
                continue

    def _versions(self, model: str) -> Iterator[tuple[int, Path]]:
        for folder in (self._models / model).glob("*"):
            if folder.name.isdecimal():
                yield int(folder.name), folder


def _opened(file: Path, version: int) -> MovieCatalogue:
    catalogue = MovieCatalogue(file, version)
    try:
        # Whatever is wrong with the file shows here rather than in a page.
        if not catalogue.stars:
            raise PublishedError(f"{file} does not hold a rating")
    except sqlite3.Error as error:
        raise PublishedError(f"{file} is not a catalogue: {error}; push the models anew") from error
    return catalogue
