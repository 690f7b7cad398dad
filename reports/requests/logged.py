"""Reads request logs: whom and what the requests to each version are about."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from contracts import features, signatures
from contracts import request_log as names
from reports.errors import ReportError

# A feature's values by its name, of one user or of one movie.
Row = dict[str, list[Any]]

USER_FEATURES: Final = (features.USER_ID, *features.DEMOGRAPHICS)
MOVIE_FEATURES: Final = (
    features.MOVIE_ID,
    features.MOVIE_TITLE,
    features.MOVIE_GENRES,
    features.MOVIE_RELEASE_YEAR,
)
# The second stage of a list: the first one was logged, and models chose its movies.
_SECOND_STAGE: Final = signatures.RERANK


@dataclass
class LoggedRequests:
    """The requests that one version answered.

    Attributes:
      answered: how many there are.
      users: a row for each user of each request.
      movies: a row for each movie that a request names by itself; not the candidates of `rank`.
      histories: the movies of each history, the oldest first.
      known: of `known_user` and `known_movie`, how often the model had what it was asked for.
    """

    answered: int = 0
    users: list[Row] = field(default_factory=list)
    movies: list[Row] = field(default_factory=list)
    histories: list[list[str]] = field(default_factory=list)
    known: dict[str, Counter[bool]] = field(
        default_factory=lambda: {signatures.KNOWN_USER: Counter(), signatures.KNOWN_MOVIE: Counter()}
    )

    def add(self, signature: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        """Adds a request that was answered."""
        self.answered += 1
        for name, counts in self.known.items():
            counts.update(outputs.get(name, ()))
        rows = inputs.get(signatures.EXAMPLES, ())
        self.users += _distinct(rows, USER_FEATURES)
        self.movies += _distinct(rows, MOVIE_FEATURES)
        if signature != _SECOND_STAGE:
            self.users += [{features.USER_ID: [user]} for user in inputs.get(features.USER_ID, ())]
        if signature == signatures.SIMILAR_MOVIES:
            self.movies += [{features.MOVIE_ID: [movie]} for movie in inputs[features.MOVIE_ID]]
        for history in inputs.get(features.HISTORY_MOVIE_IDS, ()):
            self.histories.append([movie for movie in history if movie])


@dataclass
class RequestLogs:
    """What the files of one log or of several hold.

    Attributes:
      versions: the requests by the version that answered.
      failed: requests that were not answered, by code.
      unreadable: lines that are not complete, as a full disk or a killed process leaves them.
    """

    versions: dict[int, LoggedRequests] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0

    def add(self, text: str) -> None:
        """Adds a line."""
        try:
            line = json.loads(text)
            version = line.get(names.LOGGED_VERSION)
            if version is None:
                self.failed[line[names.CODE]] += 1
                return
            requests = self.versions.setdefault(int(version), LoggedRequests())
            requests.add(line[names.LOGGED_SIGNATURE], line[names.INPUTS], line[names.OUTPUTS])
        except (ValueError, KeyError, TypeError, AttributeError):
            self.unreadable += 1


def read_logs(folders: Iterable[Path]) -> RequestLogs:
    """Reads all files of the logs in some folders.

    Raises:
      ReportError: a folder does not hold a log, or a file cannot be read.
    """
    logs = RequestLogs()
    for folder in folders:
        files = sorted(folder.glob(f"{names.REQUEST_LOG_FILE}*"))
        if not files:
            raise ReportError(f"{folder}: does not hold {names.REQUEST_LOG_FILE}; name the folder of a log")
        for file in files:
            try:
                with file.open(encoding="utf-8", errors="replace") as stream:
                    for line in stream:
                        logs.add(line)
            except OSError as error:
                raise ReportError(f"{file}: cannot be read ({error.strerror})") from error
    return logs


def _distinct(rows: Iterable[Mapping[str, list[Any]]], wanted: Iterable[str]) -> list[Row]:
    """The different rows of one request: a user with twenty candidates is one user."""
    found = [{name: row[name] for name in wanted if row.get(name)} for row in rows]
    return list({json.dumps(row, sort_keys=True): row for row in found if row}.values())
