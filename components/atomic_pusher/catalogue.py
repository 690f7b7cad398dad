"""The catalogue file of a version: what an application shows beside the lists that models return."""

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from contracts import features
from contracts.catalogue import CATALOGUE_TABLES, GENRE_SEPARATOR, HISTORY_LENGTH

_BATCH: Final = 10_000
_TEXT: Final = tf.io.FixedLenFeature([], tf.string, b"")
_RATINGS_SPEC: Final = {
    features.USER_ID: _TEXT,
    features.MOVIE_ID: _TEXT,
    features.USER_RATING: tf.io.FixedLenFeature([], tf.float32, 0.0),
    features.TIMESTAMP: tf.io.FixedLenFeature([], tf.int64, 0),
    features.RAW_USER_AGE: tf.io.FixedLenFeature([], tf.float32, np.nan),
    features.BUCKETIZED_USER_AGE: tf.io.FixedLenFeature([], tf.float32, np.nan),
    features.USER_GENDER: _TEXT,
    features.USER_OCCUPATION_TEXT: _TEXT,
}

Columns = dict[str, npt.NDArray[Any]]


def catalogue_file(ratings_splits: Sequence[str], movies_splits: Sequence[str]) -> bytes:
    """A SQLite database with the tables of `contracts.catalogue`.

    Args:
      ratings_splits: folders of `ratings` Examples, of which all ratings count.
      movies_splits: folders of `movies` Examples.
    """
    ratings = _read_ratings(ratings_splits)
    movies = list(_read_movies(movies_splits))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.sqlite"
        database = sqlite3.connect(path)
        database.executescript(CATALOGUE_TABLES)
        with database:
            rows = list(_movie_rows(movies, ratings))
            database.executemany("insert into movies values (?, ?, ?, ?, ?, ?, ?)", rows)
            database.executemany(
                "insert into titles (rowid, title) values (?, ?)", ((row[0], row[2]) for row in rows)
            )
            database.executemany("insert into users values (?, ?, ?, ?, ?, ?)", _user_rows(ratings))
            stars = np.unique(ratings[features.USER_RATING]).tolist()
            database.executemany("insert into stars values (?)", ((each,) for each in stars))
        database.close()
        return path.read_bytes()


def _read_ratings(splits: Sequence[str]) -> Columns:
    """The columns of all ratings, [R] each."""
    parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in _RATINGS_SPEC}
    for serialized in _batches(splits):
        for name, column in tf.io.parse_example(serialized, _RATINGS_SPEC).items():
            values = column.numpy()
            # Objects of bytes take several times the memory of an array of them.
            parts[name].append(values.astype(np.bytes_) if values.dtype == object else values)
    return {name: np.concatenate(arrays) if arrays else np.empty(0) for name, arrays in parts.items()}


def _read_movies(splits: Sequence[str]) -> Iterator[tuple[str, str, str, int | None]]:
    """Id, title, genres and year of each movie."""
    for batch in _batches(splits):
        for serialized in batch.numpy():
            feature = tf.train.Example.FromString(serialized).features.feature
            movie_id, title = (
                feature[name].bytes_list.value[0].decode()
                for name in (features.MOVIE_ID, features.MOVIE_TITLE)
            )
            genres = GENRE_SEPARATOR.join(
                genre.decode() for genre in feature[features.MOVIE_GENRES].bytes_list.value
            )
            years = feature[features.MOVIE_RELEASE_YEAR].int64_list.value
            yield movie_id, title, genres, years[0] if years else None


def _batches(splits: Sequence[str]) -> Iterable[tf.Tensor]:
    files = sorted(file for split in splits for file in tf.io.gfile.glob(f"{split}/*"))
    dataset: Iterable[tf.Tensor] = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_BATCH)
    return dataset


def _movie_rows(
    movies: Sequence[tuple[str, str, str, int | None]], ratings: Columns
) -> Iterator[tuple[object, ...]]:
    """Rows of `movies`, the most rated first; ties in the order of ids."""
    ids, index, counts = np.unique(ratings[features.MOVIE_ID], return_inverse=True, return_counts=True)
    sums = np.bincount(index, ratings[features.USER_RATING], len(ids))
    rated = {
        movie.decode(): (count, total / count)
        for movie, count, total in zip(ids.tolist(), counts.tolist(), sums.tolist(), strict=True)
    }
    ordered = sorted(movies, key=lambda movie: (-rated.get(movie[0], (0, 0.0))[0], movie[0]))
    for position, (movie_id, title, genres, year) in enumerate(ordered, start=1):
        yield position, movie_id, title, genres, year, *rated.get(movie_id, (0, None))


def _user_rows(ratings: Columns) -> Iterator[tuple[object, ...]]:
    """Rows of `users`."""
    ids, index = np.unique(ratings[features.USER_ID], return_inverse=True)
    order = np.lexsort((ratings[features.TIMESTAMP], index))
    ends = np.cumsum(np.bincount(index, minlength=len(ids)))
    for user, of_user in zip(ids.tolist(), np.split(order, ends[:-1]), strict=True):
        latest = of_user[-HISTORY_LENGTH:]
        history = [
            [movie.decode(), round(stars, 2)]
            for movie, stars in zip(
                ratings[features.MOVIE_ID][latest].tolist(),
                ratings[features.USER_RATING][latest].tolist(),
                strict=True,
            )
        ]
        last = latest[-1]
        ages = (ratings[name][last].item() for name in (features.RAW_USER_AGE, features.BUCKETIZED_USER_AGE))
        gender, occupation = (
            ratings[name][last].decode() or None
            for name in (features.USER_GENDER, features.USER_OCCUPATION_TEXT)
        )
        age = next((age for age in ages if not np.isnan(age)), None)
        yield user.decode(), age, gender, occupation, len(of_user), json.dumps(history)
