"""The fields of a row, each read with the checks that it has to pass."""

import datetime
import re
from collections.abc import Callable
from typing import Final

from movielens.layouts import GENRE_SPELLINGS, ML_1M_OCCUPATIONS, ML_100K_GENRES
from movielens.records import AGE_BUCKET_EDGES, NO_GENRES, Movie, RejectReason, User, bucketize_age

_GENDERS: Final = {"M": "Male", "F": "Female"}
_OLDEST_FILM: Final = 1870
_OLDEST_USER: Final = 120
_ID: Final = re.compile(r"[0-9]+", re.ASCII)
_NUMBER: Final = re.compile(rb"[0-9]+(?:\.[0-9]+)?")
# Eleven digits reach the year 5138, far inside int64.
_SECONDS: Final = re.compile(rb"[0-9]{1,11}")
_FLOAT_SECONDS: Final = re.compile(rb"[0-9]{1,11}\.[0-9]*")
# "(1995)", and "(1995-1998)" or "(1995- )" for series.
_YEAR_IN_TITLE: Final = re.compile(r"\((\d{4})(?:\s*[-\u2013]\s*\d{0,4})?\s*\)", re.ASCII)
_YEAR_IN_DATE: Final = re.compile(r"\d{1,2}-[A-Za-z]{3}-(\d{4})", re.ASCII)


class RowError(Exception):
    """A row is to be rejected for `reason`."""

    def __init__(self, reason: RejectReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def whole_seconds(field: bytes) -> int:
    """Seconds since 1970, as GroupLens writes them."""
    if _SECONDS.fullmatch(field) is None:
        raise RowError(RejectReason.BAD_TIMESTAMP)
    return int(field)


def any_seconds(field: bytes) -> int:
    """Seconds since 1970 from `964982703`, `964982703.0`, `2000-07-30 18:45:03` or one with a zone."""
    if _SECONDS.fullmatch(field) is not None:
        return int(field)
    if _FLOAT_SECONDS.fullmatch(field) is not None:
        return int(float(field))
    try:
        time = datetime.datetime.fromisoformat(field.decode("ascii").replace("Z", "+00:00"))
    except ValueError:
        raise RowError(RejectReason.BAD_TIMESTAMP) from None
    seconds = int(time.replace(tzinfo=time.tzinfo or datetime.timezone.utc).timestamp())
    if seconds < 0:
        raise RowError(RejectReason.BAD_TIMESTAMP)
    return seconds


def stars_of(field: bytes, allows: Callable[[float], bool]) -> float:
    """A rating on the scale that `allows`."""
    # A number below zero is a number; float() would also take "nan", "1e0" and "1_0".
    if _NUMBER.fullmatch(field.removeprefix(b"-")) is None:
        raise RowError(RejectReason.NOT_A_NUMBER)
    rating = float(field)
    if not allows(rating):
        raise RowError(RejectReason.OFF_SCALE)
    return rating


def movie_100k(fields: list[str]) -> Movie:
    """A row of `u.item`, which has a flag for each genre."""
    _expect(fields, 5 + len(ML_100K_GENRES))
    movie_id, title, release_date, _, _, *flags = fields
    if not set(flags) <= {"0", "1"}:
        raise RowError(RejectReason.UNKNOWN_CODE)
    genres = [genre for genre, flag in zip(ML_100K_GENRES, flags, strict=True) if flag == "1"]
    return _movie(movie_id, title, genres, release_date)


def movie_of_genres(fields: list[str]) -> Movie:
    """A row of the other layouts, which name the genres."""
    _expect(fields, 3)
    return _movie(fields[0], fields[1], fields[2].split("|"))


def _movie(movie_id: str, title: str, genres: list[str], release_date: str = "") -> Movie:
    if not title.strip():
        raise RowError(RejectReason.EMPTY_FIELD)
    names = dict.fromkeys(GENRE_SPELLINGS.get(genre, genre) for genre in map(str.strip, genres) if genre)
    genre_names = tuple(names) or (NO_GENRES,)
    return Movie(_id(movie_id), title.strip(), genre_names, _release_year(title, release_date))


def _release_year(title: str, release_date: str) -> int | None:
    years = _YEAR_IN_TITLE.findall(title) or _YEAR_IN_DATE.findall(release_date)
    return int(years[-1]) if years and int(years[-1]) >= _OLDEST_FILM else None


def user_100k(fields: list[str]) -> User:
    """A row of `u.user`, with ages in years."""
    _expect(fields, 5)
    user_id, age, gender, occupation, zip_code = fields
    if not age:
        return _user(user_id, None, None, gender, occupation, zip_code)
    years = int(_id(age)) if len(age) <= 3 else _OLDEST_USER + 1
    if years > _OLDEST_USER:
        raise RowError(RejectReason.OFF_SCALE)
    return _user(user_id, float(years), bucketize_age(years), gender, occupation, zip_code)


def user_1m(fields: list[str]) -> User:
    """A row of `users.dat`, with codes for ages and occupations."""
    _expect(fields, 5)
    user_id, gender, bucket, occupation, zip_code = fields
    if bucket and bucket not in map(str, AGE_BUCKET_EDGES):
        raise RowError(RejectReason.UNKNOWN_CODE)
    if occupation not in map(str, range(len(ML_1M_OCCUPATIONS))):
        raise RowError(RejectReason.UNKNOWN_CODE)
    age = float(bucket) if bucket else None
    return _user(user_id, None, age, gender, ML_1M_OCCUPATIONS[int(occupation)], zip_code)


def _user(
    user_id: str, age: float | None, bucket: float | None, gender: str, occupation: str, zip_code: str
) -> User:
    if gender not in _GENDERS:
        raise RowError(RejectReason.UNKNOWN_CODE)
    if not occupation.strip():
        raise RowError(RejectReason.EMPTY_FIELD)
    return User(_id(user_id), age, bucket, _GENDERS[gender], occupation.strip(), zip_code.strip())


def _id(field: str) -> str:
    if _ID.fullmatch(field) is None:
        raise RowError(RejectReason.NOT_A_NUMBER)
    return field


def _expect(fields: list[str], count: int) -> None:
    if len(fields) != count:
        raise RowError(RejectReason.FIELD_COUNT)
