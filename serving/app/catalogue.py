"""The catalogue of a pushed version: movies, users and their latest ratings, read from its SQLite file."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from contracts.catalogue import GENRE_SEPARATOR

# Words of a search that count.
_MOST_WORDS: Final = 8
_YEAR: Final = re.compile(r"^(.*?)\s*\((\d{4})\)$")
# "Matrix, The": the data sets put articles behind the title.
_ARTICLE: Final = re.compile(r"^(.+), (The|A|An|Le|La|Les|L'|Un|Une|Il|El|Los|Las|Der|Die|Das|O|Os)$")
_COLUMNS: Final = "movie_id, title, genres, release_year, ratings, mean_stars"


@dataclass(frozen=True)
class CatalogueMovie:
    """A movie of the catalogue.

    Attributes:
      movie_id: its id.
      title: as the data set has it.
      genres: their names.
      year: of release, None if it is not known.
      ratings: how many ratings the data has.
      mean_stars: their mean, None without one.
    """

    movie_id: str
    title: str
    genres: tuple[str, ...]
    year: int | None
    ratings: int
    mean_stars: float | None

    @property
    def name(self) -> str:
        """The title as people write it: "The Matrix" of "Matrix, The (1999)"."""
        dated = _YEAR.match(self.title)
        name = dated[1] if dated else self.title
        article = _ARTICLE.match(name)
        if article is None:
            return name
        return f"{article[2]}{'' if article[2].endswith(chr(39)) else ' '}{article[1]}"

    @property
    def decade(self) -> int | None:
        """The first year of the decade of release."""
        return None if self.year is None else self.year // 10 * 10


@dataclass(frozen=True)
class CatalogueUser:
    """A user of the data.

    Attributes:
      user_id: the user.
      age: in years, or the lower edge of a group; None if the data does not have it.
      gender: "Female" or "Male", or None.
      occupation: or None.
      ratings: how many the user has given.
      history: the latest ratings, (movie_id, stars), newest last.
    """

    user_id: str
    age: float | None
    gender: str | None
    occupation: str | None
    ratings: int
    history: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class MovieFilter:
    """Which movies are wanted; an attribute that is not set allows all."""

    genre: str | None = None
    decade: int | None = None

    def __bool__(self) -> bool:
        return self.genre is not None or self.decade is not None

    def allows(self, movie: CatalogueMovie) -> bool:
        """Whether a movie is wanted."""
        return (self.genre is None or self.genre in movie.genres) and (
            self.decade is None or self.decade == movie.decade
        )


class MovieCatalogue:
    """A catalogue file. Threads may share one.

    Args:
      file: the file, which nobody changes any more.
      version: the version that it came with.
    """

    def __init__(self, file: Path, version: int) -> None:
        self.version = version
        self._address = f"{file.resolve().as_uri()}?mode=ro&immutable=1"
        self._threads = threading.local()

    @cached_property
    def genres(self) -> tuple[str, ...]:
        """The names of all genres, in alphabetical order."""
        found = {
            genre
            for (genres,) in self._rows("select distinct genres from movies")
            for genre in _split(genres)
        }
        return tuple(sorted(found))

    @cached_property
    def decades(self) -> tuple[int, ...]:
        """The decades in which movies were released, the latest first."""
        query = "select distinct release_year / 10 * 10 as start from movies where start > 0 order by 1 desc"
        return tuple(row[0] for row in self._rows(query))

    @cached_property
    def occupations(self) -> tuple[str, ...]:
        """The occupations of users; none where the data does not have them."""
        query = "select distinct occupation from users where occupation is not null order by 1"
        return tuple(row[0] for row in self._rows(query))

    @cached_property
    def stars(self) -> tuple[float, ...]:
        """The ratings that the data has, the lowest first."""
        return tuple(row[0] for row in self._rows("select stars from stars order by 1"))

    @property
    def liked(self) -> float:
        """The stars from which a film counts as liked: the first above the middle of the scale."""
        middle = (self.stars[0] + self.stars[-1]) / 2
        return next((stars for stars in self.stars if stars > middle), self.stars[-1])

    def movies(self, movie_ids: Iterable[str]) -> dict[str, CatalogueMovie]:
        """Movies by id; those that the catalogue does not hold are left out."""
        wanted = json.dumps(list(movie_ids))
        query = f"select {_COLUMNS} from movies where movie_id in (select value from json_each(?))"
        return {row[0]: _movie(row) for row in self._rows(query, wanted)}

    def movie(self, movie_id: str) -> CatalogueMovie | None:
        """One movie, None if the catalogue does not hold it."""
        return self.movies([movie_id]).get(movie_id)

    def search(
        self, words: str, wanted: MovieFilter, limit: int, offset: int = 0
    ) -> tuple[int, list[CatalogueMovie]]:
        """Movies whose titles have words that begin so, in any order, accents and capitals aside.

        Returns:
          How many there are, and of these, the most rated first, `limit` from `offset` on.
        """
        found = re.findall(r"\w+", words)[:_MOST_WORDS]
        if words.strip() and not found:
            return 0, []
        where, values = ["1"], list[object]()
        if found:
            where.append("position in (select rowid from titles where titles match ?)")
            values.append(" ".join(f'"{word}"*' for word in found))
        if wanted.genre is not None:
            where.append(f"'{GENRE_SEPARATOR}' || genres || '{GENRE_SEPARATOR}' like ? escape '\\'")
            escaped = re.sub(r"([\\%_])", r"\\\1", wanted.genre)
            values.append(f"%{GENRE_SEPARATOR}{escaped}{GENRE_SEPARATOR}%")
        if wanted.decade is not None:
            where.append("release_year between ? and ?")
            values += [wanted.decade, wanted.decade + 9]
        condition = " and ".join(where)
        [(total,)] = self._rows(f"select count(*) from movies where {condition}", *values)
        query = f"select {_COLUMNS} from movies where {condition} order by position limit ? offset ?"
        return total, [_movie(row) for row in self._rows(query, *values, limit, offset)]

    def user(self, user_id: str) -> CatalogueUser | None:
        """A user with the history, None if the data does not have them."""
        query = "select user_id, age, gender, occupation, ratings, history from users where user_id = ?"
        return next((_user(row) for row in self._rows(query, user_id)), None)

    def users(self, limit: int, offset: int = 0) -> tuple[int, list[CatalogueUser]]:
        """How many users there are, and some of them in the order of their ids."""
        [(total,)] = self._rows("select count(*) from users")
        query = (
            "select user_id, age, gender, occupation, ratings, history from users"
            " order by length(user_id), user_id limit ? offset ?"
        )
        return total, [_user(row) for row in self._rows(query, limit, offset)]

    def _rows(self, query: str, *values: object) -> list[Any]:
        database: sqlite3.Connection | None = getattr(self._threads, "database", None)
        if database is None:
            database = self._threads.database = sqlite3.connect(self._address, uri=True)
        return database.execute(query, values).fetchall()


def _split(genres: str) -> tuple[str, ...]:
    return tuple(filter(None, genres.split(GENRE_SEPARATOR)))


def _movie(row: Sequence[Any]) -> CatalogueMovie:
    movie_id, title, genres, year, ratings, mean_stars = row
    return CatalogueMovie(movie_id, title, _split(genres), year, ratings, mean_stars)


def _user(row: Sequence[Any]) -> CatalogueUser:
    user_id, age, gender, occupation, ratings, history = row
    rated = tuple((movie_id, stars) for movie_id, stars in json.loads(history))
    return CatalogueUser(user_id, age, gender, occupation, ratings, rated)
