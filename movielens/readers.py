"""Turns lines of MovieLens files into records.

A file is never held whole. Every parser takes raw lines and yields `(line number, record)`, the record
being a `Rejected` where a line cannot be read, so that callers can count what was left out and name the line.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from movielens.chunks import MAX_LINE_BYTES, Chunk, plan_chunks, read_chunk, read_lines
from movielens.layouts import (
    CSV_MOVIES_HEADER,
    CSV_RATINGS_HEADER,
    GENRE_SPELLINGS,
    ML_1M_OCCUPATIONS,
    ML_100K_GENRES,
    Layout,
)
from movielens.records import (
    AGE_BUCKET_EDGES,
    NO_GENRES,
    DatasetError,
    Movie,
    Rating,
    Rejected,
    RejectReason,
    User,
    bucketize_age,
)

# The lines come with the parsers: whoever reads a file needs both.
__all__ = ["Chunk", "parse_movies", "parse_ratings", "parse_users", "plan_chunks", "read_chunk", "read_lines"]

_SHOWN_CHARACTERS: Final = 200
_BOM: Final = b"\xef\xbb\xbf"
_GENDERS: Final = {"M": "Male", "F": "Female"}
_OLDEST_FILM: Final = 1870
_OLDEST_USER: Final = 120
_RATINGS_SEPARATORS: Final = {Layout.ML_100K: b"\t", Layout.ML_1M: b"::", Layout.ML_CSV: b","}
_ID: Final = re.compile(r"[0-9]+", re.ASCII)
_NUMBER: Final = re.compile(rb"[0-9]+(?:\.[0-9]+)?")
# Eleven digits reach the year 5138, far inside int64.
_SECONDS: Final = re.compile(rb"[0-9]{1,11}")
# "(1995)", and "(1995-1998)" or "(1995- )" for series.
_YEAR_IN_TITLE: Final = re.compile(r"\((\d{4})(?:\s*[-\u2013]\s*\d{0,4})?\s*\)", re.ASCII)
_YEAR_IN_DATE: Final = re.compile(r"\d{1,2}-[A-Za-z]{3}-(\d{4})", re.ASCII)

RecordT = TypeVar("RecordT", Movie, User)


class _RowError(Exception):
    """A row is to be rejected for `reason`."""

    def __init__(self, reason: RejectReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def parse_ratings(
    lines: Iterable[bytes], layout: Layout, file: str, first_line: int = 1
) -> Iterator[tuple[int, Rating | Rejected]]:
    """Parses lines of a ratings file.

    Args:
      lines: Raw lines without newline. Empty ones are passed over.
      layout: The layout of the file.
      file: Its name, for rejected rows and errors.
      first_line: The number of the first line; a byte order mark and a header are looked for on line 1.

    Yields:
      The number of a line, and its rating or why it was rejected.

    Raises:
      DatasetError: Line 1 of a CSV file is not the header it should be.
    """
    separator = _RATINGS_SEPARATORS[layout]
    allows = layout.spec.rating_scale.allows
    # A handful of ratings repeat millions of times: each is checked once.
    known: dict[bytes, float] = {}
    for number, line in _content(lines, layout, file, first_line, CSV_RATINGS_HEADER):
        try:
            _check_bytes(line)
            fields = line.split(separator)
            if len(fields) != 4:
                raise _RowError(RejectReason.FIELD_COUNT)
            user_id, movie_id, stars, seconds = fields
            if not (user_id.isdigit() and movie_id.isdigit()):
                raise _RowError(RejectReason.NOT_A_NUMBER)
            rating = known.get(stars)
            if rating is None:
                rating = _stars(stars, allows)
                if len(known) < 100:
                    known[stars] = rating
            if _SECONDS.fullmatch(seconds) is None:
                raise _RowError(RejectReason.BAD_TIMESTAMP)
        except _RowError as error:
            yield number, _rejected(file, number, error.reason, line)
        else:
            yield number, Rating(user_id.decode("ascii"), movie_id.decode("ascii"), rating, int(seconds))


def parse_movies(
    lines: Iterable[bytes], layout: Layout, file: str, first_line: int = 1
) -> Iterator[tuple[int, Movie | Rejected]]:
    """Parses lines of a movies file; arguments, result and errors as for `parse_ratings`.

    Titles stay as they are shown, less the spaces around them. The release year is the last one in
    parentheses in the title, or else that of the release date, which only ML-100k has.
    """
    parse = {Layout.ML_100K: _movie_100k, Layout.ML_1M: _movie_1m, Layout.ML_CSV: _movie_csv}[layout]
    return _parse_rows(_content(lines, layout, file, first_line, CSV_MOVIES_HEADER), layout, file, parse)


def parse_users(
    lines: Iterable[bytes], layout: Layout, file: str, first_line: int = 1
) -> Iterator[tuple[int, User | Rejected]]:
    """Parses lines of a users file; arguments and result as for `parse_ratings`.

    Raises:
      DatasetError: The layout is without a users file.
    """
    if layout.spec.users_file is None:
        raise DatasetError(f"{file}: the {layout.value} layout does not have a file of users")
    parse = {Layout.ML_100K: _user_100k, Layout.ML_1M: _user_1m}[layout]
    return _parse_rows(_content(lines, layout, file, first_line, ()), layout, file, parse)


def _content(
    lines: Iterable[bytes], layout: Layout, file: str, first_line: int, header: tuple[str, ...]
) -> Iterator[tuple[int, bytes]]:
    """Numbers the lines and takes off what is not content: byte order mark, CR, header, empty lines."""
    for number, raw in enumerate(lines, first_line):
        line = raw.removesuffix(b"\r")
        if number == 1:
            line = line.removeprefix(_BOM)
            if layout.spec.header:
                if line.strip() != ",".join(header).encode():
                    raise DatasetError(
                        f"{file}, line 1: the header should be '{','.join(header)}' but is '{_shown(line)}'; "
                        "take the file as GroupLens publishes it"
                    )
                continue
        if line.strip():
            yield number, line


def _parse_rows(
    content: Iterable[tuple[int, bytes]],
    layout: Layout,
    file: str,
    parse: Callable[[list[str]], RecordT],
) -> Iterator[tuple[int, RecordT | Rejected]]:
    for number, line in content:
        try:
            _check_bytes(line)
            record = parse(_fields(line, layout))
        except _RowError as error:
            yield number, _rejected(file, number, error.reason, line)
        else:
            yield number, record


def _check_bytes(line: bytes) -> None:
    if b"\0" in line:
        raise _RowError(RejectReason.NUL_BYTE)
    if len(line) >= MAX_LINE_BYTES - 1:
        raise _RowError(RejectReason.LINE_TOO_LONG)


def _fields(line: bytes, layout: Layout) -> list[str]:
    try:
        text = line.decode(layout.spec.encoding)
    except UnicodeDecodeError:
        raise _RowError(RejectReason.ENCODING) from None
    if layout is not Layout.ML_CSV:
        return text.split(layout.spec.separator)
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error:
        raise _RowError(RejectReason.QUOTING) from None


def _stars(field: bytes, allows: Callable[[float], bool]) -> float:
    # A number below zero is a number; float() would also take "nan", "1e0" and "1_0".
    if _NUMBER.fullmatch(field.removeprefix(b"-")) is None:
        raise _RowError(RejectReason.NOT_A_NUMBER)
    rating = float(field)
    if not allows(rating):
        raise _RowError(RejectReason.OFF_SCALE)
    return rating


def _movie_100k(fields: list[str]) -> Movie:
    _expect(fields, 5 + len(ML_100K_GENRES))
    movie_id, title, release_date, _, _, *flags = fields
    if not set(flags) <= {"0", "1"}:
        raise _RowError(RejectReason.UNKNOWN_CODE)
    genres = [genre for genre, flag in zip(ML_100K_GENRES, flags, strict=True) if flag == "1"]
    return _movie(movie_id, title, genres, release_date)


def _movie_1m(fields: list[str]) -> Movie:
    _expect(fields, 3)
    return _movie(fields[0], fields[1], fields[2].split("|"))


def _movie_csv(fields: list[str]) -> Movie:
    _expect(fields, 3)
    return _movie(fields[0], fields[1], fields[2].split("|"))


def _movie(movie_id: str, title: str, genres: list[str], release_date: str = "") -> Movie:
    if not title.strip():
        raise _RowError(RejectReason.EMPTY_FIELD)
    names = dict.fromkeys(GENRE_SPELLINGS.get(genre, genre) for genre in map(str.strip, genres) if genre)
    genre_names = tuple(names) or (NO_GENRES,)
    return Movie(_id(movie_id), title.strip(), genre_names, _release_year(title, release_date))


def _release_year(title: str, release_date: str) -> int | None:
    years = _YEAR_IN_TITLE.findall(title) or _YEAR_IN_DATE.findall(release_date)
    return int(years[-1]) if years and int(years[-1]) >= _OLDEST_FILM else None


def _user_100k(fields: list[str]) -> User:
    _expect(fields, 5)
    user_id, age, gender, occupation, zip_code = fields
    if not age:
        return _user(user_id, None, None, gender, occupation, zip_code)
    years = int(_id(age)) if len(age) <= 3 else _OLDEST_USER + 1
    if years > _OLDEST_USER:
        raise _RowError(RejectReason.OFF_SCALE)
    return _user(user_id, float(years), bucketize_age(years), gender, occupation, zip_code)


def _user_1m(fields: list[str]) -> User:
    _expect(fields, 5)
    user_id, gender, bucket, occupation, zip_code = fields
    if bucket and bucket not in map(str, AGE_BUCKET_EDGES):
        raise _RowError(RejectReason.UNKNOWN_CODE)
    if occupation not in map(str, range(len(ML_1M_OCCUPATIONS))):
        raise _RowError(RejectReason.UNKNOWN_CODE)
    age = float(bucket) if bucket else None
    return _user(user_id, None, age, gender, ML_1M_OCCUPATIONS[int(occupation)], zip_code)


def _user(
    user_id: str, age: float | None, bucket: float | None, gender: str, occupation: str, zip_code: str
) -> User:
    if gender not in _GENDERS:
        raise _RowError(RejectReason.UNKNOWN_CODE)
    if not occupation.strip():
        raise _RowError(RejectReason.EMPTY_FIELD)
    return User(_id(user_id), age, bucket, _GENDERS[gender], occupation.strip(), zip_code.strip())


def _id(field: str) -> str:
    if _ID.fullmatch(field) is None:
        raise _RowError(RejectReason.NOT_A_NUMBER)
    return field


def _expect(fields: list[str], count: int) -> None:
    if len(fields) != count:
        raise _RowError(RejectReason.FIELD_COUNT)


def _rejected(file: str, number: int, reason: RejectReason, line: bytes) -> Rejected:
    return Rejected(file, number, reason, _shown(line))


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", errors="backslashreplace")[:_SHOWN_CHARACTERS]
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
