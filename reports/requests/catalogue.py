"""Adds to users and movies of requests what the catalogue of the served version holds about them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from contracts import features
from contracts.catalogue import GENRE_SEPARATOR
from reports.errors import ReportError
from reports.requests.logged import LoggedRequests, Row

_USERS: Final = "select user_id, age, gender, occupation from users"
_MOVIES: Final = "select movie_id, genres, release_year from movies"


def add_catalogue(requests: LoggedRequests, file: Path, age: str) -> None:
    """Completes the rows that name a user or a movie and nothing more.

    Args:
      requests: is changed.
      file: the catalogue of the version.
      age: the feature that the ages of the catalogue are values of.

    Raises:
      ReportError: the file cannot be read.
    """
    address = f"{file.resolve().as_uri()}?mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as found:
            users = dict(_rows(found.execute(_USERS), _user(age)))
            movies = dict(_rows(found.execute(_MOVIES), _movie))
    except sqlite3.Error as error:
        raise ReportError(f"{file}: is not the catalogue of a version ({error})") from error
    _complete(requests.users, features.USER_ID, users)
    _complete(requests.movies, features.MOVIE_ID, movies)


def _rows(found: Iterable[Any], row: Any) -> Iterator[tuple[str, Row]]:
    for key, *values in found:
        yield key, {name: value for name, value in row(*values).items() if value not in ([None], [])}


def _user(age_feature: str) -> Any:
    def row(age: float | None, gender: str | None, occupation: str | None) -> Row:
        return {
            age_feature: [age],
            features.USER_GENDER: [gender],
            features.USER_OCCUPATION_TEXT: [occupation],
        }

    return row


def _movie(genres: str, year: int | None) -> Row:
    return {
        features.MOVIE_GENRES: [genre for genre in genres.split(GENRE_SEPARATOR) if genre],
        features.MOVIE_RELEASE_YEAR: [year],
    }


def _complete(rows: list[Row], key: str, known: dict[str, Row]) -> None:
    for row in rows:
        if list(row) == [key]:
            row.update(known.get(row[key][0], {}))
