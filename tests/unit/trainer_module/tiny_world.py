"""Tiny users, movies and ratings written by hand, raw, transformed or as the tables of a model."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from contracts import features
from trainer_module.common.catalogue import Catalogue
from trainer_module.common.embeddings import FIXED_SIZES, VocabularySizes
from trainer_module.common.user_states import PROFILE_FEATURES, UserStates

Value = str | int | float | Sequence[str] | Sequence[int] | Sequence[float]
Row = Mapping[str, Value]

THURSDAY_AFTERNOON = int(datetime(1997, 12, 4, 15, 55, 49, tzinfo=timezone.utc).timestamp())
SUNDAY_BEFORE_MIDNIGHT = int(datetime(2000, 1, 2, 23, 59, 59, tzinfo=timezone.utc).timestamp())
MONDAY_MIDNIGHT = SUNDAY_BEFORE_MIDNIGHT + 1

ANN = {
    "user_id": "ann",
    "raw_user_age": 25.0,
    "bucketized_user_age": 25.0,
    "user_gender": "Female",
    "user_occupation_text": "student",
    "user_zip_code": "02139",
}
# As in ML-1M: the age group is known and the age is not.
BEN = {
    "user_id": "ben",
    "bucketized_user_age": 35.0,
    "user_gender": "Male",
    "user_occupation_text": "college/grad student",
    "user_zip_code": "94110-1234",
}
# As in ML-20M: nothing is known.
CY = {"user_id": "çy"}

AMELIE = {
    "movie_id": "1",
    "movie_title": "Amélie (2001)",
    "movie_genres": ["Comedy", "Romance"],
    "movie_release_year": 2001,
}
LEON = {
    "movie_id": "2",
    "movie_title": "LÉON: The Professional (1994)",
    "movie_genres": ["Thriller", "Crime", "Drama"],
    "movie_release_year": 1994,
}
ARRIVAL = {
    "movie_id": "3",
    "movie_title": "1895: Arrival of a Train, Don't Look! (1895)",
    "movie_genres": ["Documentary"],
    "movie_release_year": 1895,
}
LATER = {
    "movie_id": "4",
    "movie_title": "A B C D E F G H I J K L M N (2061)",
    "movie_genres": ["Sci-Fi"],
    "movie_release_year": 2061,
}
UNDATED = {"movie_id": "5", "movie_title": "???", "movie_genres": ["(no genres listed)"]}
# In the catalogue only: nobody has rated it.
COLD = {
    "movie_id": "6",
    "movie_title": "The Train (1994)",
    "movie_genres": ["Crime"],
    "movie_release_year": 1994,
}
MOVIES = (AMELIE, LEON, ARRIVAL, LATER, UNDATED, COLD)


def _rating(user: Row, movie: Row, rating: float, timestamp: int, history: Mapping[str, float]) -> Row:
    return {
        **user,
        **movie,
        "user_rating": rating,
        "timestamp": timestamp,
        "history_movie_ids": list(history),
        "history_ratings": list(history.values()),
    }


# Ratings with a mean of 3.
RATINGS = (
    _rating(ANN, AMELIE, 5.0, THURSDAY_AFTERNOON, {}),
    _rating(ANN, LEON, 4.0, THURSDAY_AFTERNOON + 60, {"1": 5.0}),
    _rating(BEN, AMELIE, 2.0, SUNDAY_BEFORE_MIDNIGHT, {}),
    _rating(BEN, LATER, 1.0, MONDAY_MIDNIGHT, {"1": 2.0}),
    _rating(CY, AMELIE, 3.0, MONDAY_MIDNIGHT + 10, {}),
    _rating(CY, ARRIVAL, 2.0, MONDAY_MIDNIGHT + 20, {"1": 3.0}),
    _rating(CY, UNDATED, 4.0, MONDAY_MIDNIGHT + 30, {"1": 3.0, "3": 2.0}),
)
MEAN_RATING = 3.0


def example(row: Row) -> bytes:
    """A serialized tf.train.Example; an int becomes an int64, a float a float, a text bytes."""
    return tf.train.Example(
        features=tf.train.Features(feature={name: _feature(value) for name, value in row.items()})
    ).SerializeToString()


def _feature(value: Value) -> tf.train.Feature:
    values: list[Any] = list(value) if isinstance(value, (list, tuple, np.ndarray)) else [value]
    if not values:
        return tf.train.Feature()
    if isinstance(values[0], str):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode() for text in values]))
    if isinstance(values[0], (int, np.integer)):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def write(path: Path, rows: Iterable[Row]) -> str:
    """Writes rows as a gzipped TFRecord file and returns its name."""
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for row in rows:
            writer.write(example(row))
    return str(path)


def transformed(user: str, movie: str, **values: Value) -> Row:
    """A row of transformed Examples, 0 where nothing else is given."""
    scalars = (
        *features.TRANSFORMED_USER_FEATURES,
        *features.TRANSFORMED_CONTEXT_FEATURES,
        *features.TRANSFORMED_MOVIE_FEATURES,
        features.TIMESTAMP,
    )
    row: dict[str, Value] = dict.fromkeys(scalars, 0)
    row |= {features.PERIOD_INDEX: 0}
    row |= dict.fromkeys((features.AGE_NORMALIZED, features.RELEASE_YEAR_NORMALIZED), 0.0)
    row |= {
        features.USER_ID: user,
        features.MOVIE_ID: movie,
        features.USER_RATING: 3.0,
        features.GENRES_MULTI_HOT: [0.0] * len(features.GENRES),
        features.TITLE_WORD_INDEX: [],
        features.HISTORY_MOVIE_INDEX: [],
        features.HISTORY_RATING_CENTRED: [],
    }
    return row | values


def batch(rows: Sequence[Row], history_length: int) -> dict[str, tf.Tensor]:
    """Rows as the models get them: dense, history padded in front, title words behind."""
    widths = {
        features.HISTORY_MOVIE_INDEX: history_length,
        features.HISTORY_RATING_CENTRED: history_length,
        features.TITLE_WORD_INDEX: features.TITLE_WORDS,
    }
    dense = {}
    for name in rows[0]:
        values = [list(row[name]) if name in widths else row[name] for row in rows]  # type: ignore[arg-type]
        if name in widths:
            dtype = np.float32 if name == features.HISTORY_RATING_CENTRED else np.int64
            padded = np.zeros((len(rows), widths[name]), dtype)
            for line, row_values in zip(padded, values, strict=True):
                count = len(row_values)
                if count:
                    line[:count] = row_values
                if name != features.TITLE_WORD_INDEX:
                    line[:] = np.roll(line, widths[name] - count)
            dense[name] = tf.constant(padded)
        else:
            column = np.array(values)
            dense[name] = tf.constant(column.astype(np.float32) if column.dtype == np.float64 else column)
    return dense


def catalogue(ids: Sequence[str], unrated: Sequence[str] = ()) -> Catalogue:
    """Movies in the given order; the vocabulary index of each is its place, from 1, or 0 if unrated."""
    size = len(ids)
    columns: dict[str, Any] = {
        features.MOVIE_INDEX: [0 if id_ in unrated else place + 1 for place, id_ in enumerate(ids)],
        features.GENRES_MULTI_HOT: np.eye(size, len(features.GENRES), dtype=np.float32),
        features.TITLE_WORD_INDEX: np.zeros((size, features.TITLE_WORDS), np.int64),
        features.RELEASE_YEAR_NORMALIZED: np.zeros(size, np.float32),
        features.RELEASE_DECADE_INDEX: np.zeros(size, np.int64),
    }
    return Catalogue(
        ids=np.array([id_.encode() for id_ in ids], np.object_),
        titles=np.array([f"Title of {id_}".encode() for id_ in ids], np.object_),
        columns={name: np.array(values) for name, values in columns.items()},
    )


def states(movies: Catalogue, ratings: Mapping[str, Sequence[tuple[str, float, int]]]) -> UserStates:
    """States of users from their (movie id, rating, timestamp), oldest first; user_index from 1."""
    flat = [rating for rated in ratings.values() for rating in rated]
    positions = movies.positions(np.array([movie.encode() for movie, *_ in flat], np.object_))
    profile: dict[str, Any] = {name: np.zeros(len(ratings), np.int64) for name in PROFILE_FEATURES}
    profile[features.AGE_NORMALIZED] = np.zeros(len(ratings), np.float32)
    profile[features.USER_INDEX] = np.arange(1, len(ratings) + 1)
    profile[features.PERIOD_INDEX] = np.zeros(len(ratings), np.int32)
    return UserStates(
        ids=np.array([user.encode() for user in ratings], np.object_),
        profile=profile,
        row_splits=np.cumsum([0, *map(len, ratings.values())]),
        positions=positions,
        movie_index=movies.columns[features.MOVIE_INDEX][positions].astype(np.int32),
        ratings=np.array([rating for _, rating, _ in flat], np.float32),
        timestamps=np.array([timestamp for *_, timestamp in flat], np.int64),
    )


# An embedding of three known values. Row 0, the unknown one, is not 0, so a forgotten mask shows.
TABLE = [[100.0, 100.0], [1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def sizes(users: int, movies: int, occupations: int = 3, words: int = 5) -> VocabularySizes:
    """Embedding rows for so many known values, and one more each for the unknown."""
    return VocabularySizes(
        {
            **FIXED_SIZES,
            features.USER_INDEX: users + 1,
            features.MOVIE_INDEX: movies + 1,
            features.OCCUPATION_INDEX: occupations + 1,
            features.TITLE_WORD_INDEX: words + 1,
        }
    )


def variable(layer: Any, part: str) -> tf.Variable:
    """The one trainable variable of a layer whose name contains `part`."""
    (found,) = (each for each in layer.trainable_variables if part in each.name)
    return found


def silence(layer: Any) -> None:
    """Sets every weight of a built layer to 0, so that a test can plant the ones it needs."""
    for each in layer.trainable_variables:
        each.assign(tf.zeros_like(each))
