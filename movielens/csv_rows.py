"""Rows of CSV files: which columns of a file are meant, and its lines split into fields by pyarrow."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

import pyarrow
from pyarrow import csv

from movielens.records import DatasetError, RejectReason

_DELIMITERS: Final = (",", ";", "\t")
_LINES_AT_ONCE: Final = 10_000
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


class CsvFormat(NamedTuple):
    """How to read a CSV file.

    Attributes:
      delimiter: one character.
      names: of all columns, in the order of the file.
      columns: positions in `names` of the columns that are read, in the order in which they are wanted.
    """

    delimiter: str
    names: tuple[str, ...]
    columns: tuple[int, ...]

    @property
    def ignored(self) -> tuple[str, ...]:
        """The columns that are not read."""
        return tuple(name for index, name in enumerate(self.names) if index not in self.columns)


class CsvTable(NamedTuple):
    """What a CSV file has to hold: the names of its columns, and a row as an example."""

    columns: tuple[str, ...]
    example: str

    @property
    def standard(self) -> CsvFormat:
        """The format in which GroupLens publishes the file."""
        return CsvFormat(",", self.columns, tuple(range(len(self.columns))))

    def read_format(self, header: bytes, file: str) -> CsvFormat:
        """Finds the columns on the first line of a file.

        Their order, other columns between them, quotes, capitals and underscores make no difference.

        Args:
          header: line 1, without byte order mark.
          file: its name, for the error.

        Raises:
          DatasetError: a column is missing.
        """
        wanted = [_plain(name) for name in self.columns]
        for delimiter in _DELIMITERS:
            form = CsvFormat(delimiter, ("",) * (header.count(delimiter.encode()) + 1), (0,))
            form = form._replace(columns=tuple(range(len(form.names))))
            [fields] = split_rows([header], form)
            if isinstance(fields, RejectReason):  # A delimiter within quotes.
                continue
            names = tuple(field.decode("utf-8", errors="replace").strip() for field in fields)
            found = [_plain(name) for name in names]
            if set(wanted) <= set(found):
                return CsvFormat(delimiter, names, tuple(found.index(name) for name in wanted))
        shown = header.decode("utf-8", errors="backslashreplace")[:200]
        raise DatasetError(
            f"{file}, line 1: the header should name the columns {', '.join(self.columns)} but is '{shown}'; "
            f"expected is a first line such as '{','.join(self.columns)}' and then rows such as "
            f"'{self.example}'"
        )


RATINGS_TABLE: Final = CsvTable(("userId", "movieId", "rating", "timestamp"), "1,296,3.5,1147880044")
MOVIES_TABLE: Final = CsvTable(("movieId", "title", "genres"), '296,"Film, A (1994)",Comedy|Crime')


def check_encoding(beginning: bytes, file: str) -> None:
    """Refuses a file whose first bytes are those of UTF-16.

    Raises:
      DatasetError: the file is UTF-16.
    """
    if beginning.startswith(_UTF16_MARKS):
        raise DatasetError(
            f"{file} is UTF-16 text and UTF-8 is expected: save it as UTF-8, for example with "
            f"iconv -f UTF-16 -t UTF-8"
        )


def split_all(
    lines: Iterable[tuple[int, bytes]], form: CsvFormat
) -> Iterator[tuple[int, bytes, list[bytes] | RejectReason]]:
    """Yields number, line, and the wanted fields of every numbered line, or why it cannot be split."""
    rest = iter(lines)
    while some := list(islice(rest, _LINES_AT_ONCE)):
        for (number, line), fields in zip(some, split_rows([line for _, line in some], form), strict=True):
            yield number, line, fields


def split_rows(lines: list[bytes], form: CsvFormat) -> list[list[bytes] | RejectReason]:
    """The wanted fields of each line, or why it cannot be split.

    Args:
      lines: without newlines; a quoted field cannot hold one.
      form: the format of the file.
    """
    if not lines:
        return []
    text = b"\n".join(lines) + b"\n"
    if not _is_utf8(text):
        readable = iter(split_rows([line for line in lines if _is_utf8(line)], form))
        return [next(readable) if _is_utf8(line) else RejectReason.ENCODING for line in lines]
    names = [str(position) for position in range(len(form.names))]
    wrong: dict[int, str] = {}

    def skip(row: csv.InvalidRow) -> str:
        wrong[row.number - 1] = row.text
        return "skip"

    wanted = [names[position] for position in form.columns]
    try:
        table = csv.read_csv(
            pyarrow.BufferReader(text),
            # One thread, or rows are not numbered.
            read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
            parse_options=csv.ParseOptions(
                delimiter=form.delimiter, ignore_empty_lines=False, invalid_row_handler=skip
            ),
            convert_options=csv.ConvertOptions(
                strings_can_be_null=False,
                include_columns=wanted,
                column_types=dict.fromkeys(names, pyarrow.binary()),
            ),
        )
        rows = table.num_rows
    except pyarrow.ArrowInvalid:
        rows = -1
    if rows + len(wrong) != len(lines) or any("\n" in row for row in wrong.values()):
        # A quote that one line opens and another one closes: only alone is each of them read for itself.
        if len(lines) == 1:
            return [RejectReason.QUOTING]
        half = len(lines) // 2
        return split_rows(lines[:half], form) + split_rows(lines[half:], form)
    fields = zip(*(table.column(name).to_numpy().tolist() for name in wanted), strict=True)
    return [_reason(lines[index]) if index in wrong else list(next(fields)) for index in range(len(lines))]


def _reason(line: bytes) -> RejectReason:
    return RejectReason.QUOTING if line.count(b'"') % 2 else RejectReason.FIELD_COUNT


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _plain(name: str) -> str:
    """A column's name as it is compared: `user_id`, `UserID` and `userId` are one."""
    return name.strip().lower().replace("_", "").replace(" ", "")
