"""The rows of a MovieLens file: ratings, movies, users, and the rows that cannot be used.

Names and values follow the TFDS `movielens` data sets, see
https://www.tensorflow.org/datasets/catalog/movielens.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

# Lower edges of the age buckets that ML-1M uses and TFDS applies to ML-100k; 1 stands for "under 18".
AGE_BUCKET_EDGES: Final = (1, 18, 25, 35, 45, 50, 56)

# The genre of a movie that names none, in the spelling of the CSV data sets.
NO_GENRES: Final = "(no genres listed)"

# Share of a file's rows that may be rejected before a run fails, unless its settings give another one.
MAX_REJECTED_SHARE: Final = 0.01

_FIVE_DIGITS: Final = re.compile(r"[0-9]{5}")


class DatasetError(ValueError):
    """A data set cannot be used. The message is one line: what is wrong, where, and what to do."""


class RejectReason(str, Enum):
    """Why a row was left out; the values are the names that reports and counters show."""

    # A reader sees these in the row itself.
    NUL_BYTE = "nul_byte"
    LINE_TOO_LONG = "line_too_long"
    ENCODING = "encoding"
    QUOTING = "quoting"
    FIELD_COUNT = "field_count"
    EMPTY_FIELD = "empty_field"
    NOT_A_NUMBER = "not_a_number"
    OFF_SCALE = "off_scale"
    BAD_TIMESTAMP = "bad_timestamp"
    UNKNOWN_CODE = "unknown_code"
    # These take other rows to see, so whoever joins the files finds them.
    UNKNOWN_MOVIE = "unknown_movie"
    UNKNOWN_USER = "unknown_user"
    DUPLICATE_PAIR = "duplicate_pair"
    DUPLICATE_MOVIE = "duplicate_movie"
    DUPLICATE_USER = "duplicate_user"


@dataclass(frozen=True, slots=True)
class Rating:
    """One user's rating of one movie; `timestamp` is in UTC seconds since 1970."""

    user_id: str
    movie_id: str
    rating: float
    timestamp: int


@dataclass(frozen=True, slots=True)
class Movie:
    """One movie of the catalogue. Two movies can share a title: only the id identifies.

    `genres` has at least one name, in the spelling of TFDS ("Children", "Unknown").
    """

    movie_id: str
    title: str
    genres: tuple[str, ...]
    release_year: int | None


@dataclass(frozen=True, slots=True)
class User:
    """What ML-100k and ML-1M hold about a user; `raw_age` (years) is in ML-100k only.

    An age that a row leaves blank is None, in both forms.
    """

    user_id: str
    raw_age: float | None
    bucketized_age: float | None
    gender: str
    occupation: str
    zip_code: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was left out: `line` counts from 1 and `text` is its beginning, made printable."""

    file: str
    line: int
    reason: RejectReason
    text: str


def bucketize_age(age: float) -> float:
    """Returns the lower edge of the bucket that `age` (years) falls into, 1 for anyone under 18."""
    return float(max((edge for edge in AGE_BUCKET_EDGES if edge <= age), default=AGE_BUCKET_EDGES[0]))


def is_valid_zip(zip_code: str) -> bool:
    """Whether `zip_code` is a US zip code of five digits; Canadian and cut-off ones are not."""
    return _FIVE_DIGITS.fullmatch(zip_code) is not None
