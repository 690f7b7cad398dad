"""Turns lines of MovieLens files into records.

A file is never held whole. Every parser takes raw lines and yields `(line number, record)`, the record
being a `Rejected` where a line cannot be read, so that callers can count what was left out and name the line.
"""

import posixpath
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final, TypeVar

from movielens.chunks import MAX_LINE_BYTES, Chunk, plan_chunks, read_chunk, read_lines
from movielens.csv_rows import (
    MOVIES_TABLE,
    RATINGS_TABLE,
    CsvFormat,
    CsvTable,
    check_encoding,
    split_all,
)
from movielens.fields import (
    RowError,
    any_seconds,
    movie_100k,
    movie_of_genres,
    stars_of,
    user_1m,
    user_100k,
    whole_seconds,
)
from movielens.layouts import Layout
from movielens.records import DatasetError, Movie, Rating, Rejected, RejectReason, User

# The lines come with the parsers: whoever reads a file needs both.
__all__ = ["Chunk", "parse_movies", "parse_ratings", "parse_users", "plan_chunks", "read_chunk", "read_lines"]

_SHOWN_CHARACTERS: Final = 200
_BOM: Final = b"\xef\xbb\xbf"

RecordT = TypeVar("RecordT", Movie, User)


def parse_ratings(
    lines: Iterable[bytes], layout: Layout, file: str, first_line: int = 1, form: CsvFormat | None = None
) -> Iterator[tuple[int, Rating | Rejected]]:
    """Parses lines of a ratings file.

    Args:
      lines: Raw lines without newline. Empty ones are passed over.
      layout: The layout of the file.
      file: Its name, for rejected rows and errors.
      first_line: The number of the first line; a byte order mark and a header are looked for on line 1.
      form: The format of a CSV file, as `read_format` finds it, for lines without line 1; by default the one
        of GroupLens.

    Yields:
      The number of a line, and its rating or why it was rejected.

    Raises:
      DatasetError: Line 1 of a CSV file lacks a column, or the file is UTF-16.
    """
    allows = layout.spec.rating_scale.allows
    seconds_of = any_seconds if layout.spec.header else whole_seconds
    # A handful of ratings repeat millions of times: each is checked once.
    known: dict[bytes, float] = {}
    separator = b"\t" if layout is Layout.ML_100K else layout.spec.separator.encode()
    for number, line, fields in _split(lines, layout, file, first_line, separator, RATINGS_TABLE, form):
        try:
            found = _checked(line, fields)
            if len(found) != 4:
                raise RowError(RejectReason.FIELD_COUNT)
            user_id, movie_id, stars, seconds = found
            if not (user_id.isdigit() and movie_id.isdigit()):
                raise RowError(RejectReason.NOT_A_NUMBER)
            rating = known.get(stars)
            if rating is None:
                rating = stars_of(stars, allows)
                if len(known) < 100:
                    known[stars] = rating
            timestamp = seconds_of(seconds)
        except RowError as error:
            yield number, _rejected(file, number, error.reason, line)
        else:
            yield number, Rating(user_id.decode("ascii"), movie_id.decode("ascii"), rating, timestamp)


def read_format(line: bytes, layout: Layout, file: str) -> CsvFormat | None:
    """The format of a CSV file, from line 1; None where the layout is without a header.

    Raises:
      DatasetError: A column is missing, or the file is UTF-16.
    """
    check_encoding(line, file)
    if not layout.spec.header:
        return None
    is_ratings = posixpath.basename(file) == layout.spec.ratings_file
    table = RATINGS_TABLE if is_ratings else MOVIES_TABLE
    return table.read_format(_content_of(line).removeprefix(_BOM), file)


def parse_movies(
    lines: Iterable[bytes], layout: Layout, file: str, first_line: int = 1, form: CsvFormat | None = None
) -> Iterator[tuple[int, Movie | Rejected]]:
    """Parses lines of a movies file; arguments, result and errors as for `parse_ratings`.

    Titles stay as they are shown, less the spaces around them. The release year is the last one in
    parentheses in the title, or else that of the release date, which only ML-100k has.
    """
    parse = movie_100k if layout is Layout.ML_100K else movie_of_genres
    separator = layout.spec.separator.encode()
    rows = _split(lines, layout, file, first_line, separator, MOVIES_TABLE, form)
    return _parse_rows(rows, layout, file, parse)


def parse_users(
    lines: Iterable[bytes], layout: Layout, file: str, first_line: int = 1
) -> Iterator[tuple[int, User | Rejected]]:
    """Parses lines of a users file; arguments and result as for `parse_ratings`.

    Raises:
      DatasetError: The layout does not have a users file.
    """
    if layout.spec.users_file is None:
        raise DatasetError(f"{file}: the {layout.value} layout does not have a file of users")
    parse = {Layout.ML_100K: user_100k, Layout.ML_1M: user_1m}[layout]
    rows = _split(lines, layout, file, first_line, layout.spec.separator.encode())
    return _parse_rows(rows, layout, file, parse)


def _split(
    lines: Iterable[bytes],
    layout: Layout,
    file: str,
    first_line: int,
    separator: bytes,
    table: CsvTable = MOVIES_TABLE,
    form: CsvFormat | None = None,
) -> Iterator[tuple[int, bytes, list[bytes] | RejectReason]]:
    """Yields number, line, and its fields or why it has none; takes off the header and empty lines."""
    numbered: Iterator[tuple[int, bytes]] = enumerate(lines, first_line)
    if first_line == 1:
        number, line = next(numbered, (1, b""))
        check_encoding(line, file)
        line = line.removeprefix(_BOM)
        if layout.spec.header:
            form = table.read_format(_content_of(line), file)
        else:
            numbered = chain([(number, line)], numbered)
    content = ((number, line) for number, raw in numbered if (line := _content_of(raw)).strip())
    if layout.spec.header:
        yield from split_all(content, form or table.standard)
    else:
        for number, line in content:
            yield number, line, line.split(separator)


def _content_of(raw: bytes) -> bytes:
    return raw.removesuffix(b"\r")


def _parse_rows(
    rows: Iterable[tuple[int, bytes, list[bytes] | RejectReason]],
    layout: Layout,
    file: str,
    parse: Callable[[list[str]], RecordT],
) -> Iterator[tuple[int, RecordT | Rejected]]:
    for number, line, fields in rows:
        try:
            record = parse([_text(field, layout) for field in _checked(line, fields)])
        except RowError as error:
            yield number, _rejected(file, number, error.reason, line)
        else:
            yield number, record


def _checked(line: bytes, fields: list[bytes] | RejectReason) -> list[bytes]:
    if b"\0" in line:
        raise RowError(RejectReason.NUL_BYTE)
    if len(line) >= MAX_LINE_BYTES - 1:
        raise RowError(RejectReason.LINE_TOO_LONG)
    if isinstance(fields, RejectReason):
        raise RowError(fields)
    return fields


def _text(field: bytes, layout: Layout) -> str:
    # A file of a Latin-1 layout may have been saved as UTF-8 since, which Latin-1 text hardly ever is.
    try:
        return field.decode("utf-8")
    except UnicodeDecodeError:
        if layout.spec.encoding == "utf-8":
            raise RowError(RejectReason.ENCODING) from None
    return field.decode(layout.spec.encoding)


def _rejected(file: str, number: int, reason: RejectReason, line: bytes) -> Rejected:
    return Rejected(file, number, reason, _shown(line))


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", errors="backslashreplace")[:_SHOWN_CHARACTERS]
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
