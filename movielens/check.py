"""Counts the rows of a data set, good and rejected, as a run does, in one pass over each file."""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from contracts.features import GENRES
from movielens.layouts import Layout, detect_layout
from movielens.readers import parse_movies, parse_ratings, parse_users, read_format, read_lines
from movielens.records import Movie, Rating, Rejected, RejectReason, User

# Rejected rows to show in full, for each reason.
_EXAMPLES_PER_REASON = 3


@dataclass
class FolderReport:
    """Rows of one data set by file.

    Attributes:
      layout: of the folder.
      rows: by file.
      rejected: rows by file and reason.
      examples: some rejected rows.
      ignored: columns that are not read, by file.
      unknown_genres: movies by genre, for those that the schemas lack.
    """

    layout: Layout
    rows: Counter[str] = field(default_factory=Counter)
    rejected: Counter[tuple[str, RejectReason]] = field(default_factory=Counter)
    examples: list[Rejected] = field(default_factory=list)
    ignored: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unknown_genres: Counter[str] = field(default_factory=Counter)

    def refusals(self, max_rejected_share: float) -> list[str]:
        """Why a run on this data set would fail, one sentence each; none where it would not."""
        found = []
        for name in self.layout.spec.files:
            bad = self.bad_rows(name)
            if bad > max_rejected_share * self.rows[name]:
                found.append(
                    f"{bad:,} of the {self.rows[name]:,} rows of {name} ({bad / self.rows[name]:.2%}) cannot "
                    f"be used, more than data.max_rejected_share={max_rejected_share:g} allows"
                )
        if self.unknown_genres:
            genres = ", ".join(sorted(self.unknown_genres))
            found.append(
                f"the schemas do not have the genres {genres}, which the data gate refuses as "
                "ENUM_TYPE_UNEXPECTED_STRING_VALUES of movie_genres unless data_gate.allow names that"
            )
        return found

    def bad_rows(self, file: str) -> int:
        """Rejected rows of a file."""
        return sum(count for (name, _), count in self.rejected.items() if name == file)

    def lines(self) -> Iterator[str]:
        """The report as text."""
        yield f"layout {self.layout.value}"
        for name in self.layout.spec.files:
            if name != self.layout.spec.companion_file:
                yield f"{name:12} {self.rows[name]:>12,} rows {self.bad_rows(name):>9,} rejected"
        for name, columns in self.ignored.items():
            yield f"{name}: not read: column {', '.join(columns)}"
        for genre, count in sorted(self.unknown_genres.items()):
            yield f"unknown genre: {count:,} x {genre}"
        for (name, reason), count in sorted(self.rejected.items()):
            yield f"rejected: {count:,} x {reason.value} in {name}"
            for row in self.examples:
                if (row.file, row.reason) == (name, reason):
                    yield f"  line {row.line}: {row.text}"


def check_folder(folder: Path) -> FolderReport:
    """Reads all files of the data set in `folder`.

    Raises:
      DatasetError: The folder does not hold a MovieLens data set, or a header is wrong.
    """
    layout = detect_layout([path.name for path in folder.iterdir()], str(folder))
    spec = layout.spec
    report = FolderReport(layout, ignored=ignored_columns(folder, layout))
    with (folder / spec.movies_file).open("rb") as stream:
        movies = _ids(report, spec.movies_file, parse_movies(read_lines(stream), layout, spec.movies_file))
    users: set[str] | None = None
    if spec.users_file is not None:
        with (folder / spec.users_file).open("rb") as stream:
            users = _ids(report, spec.users_file, parse_users(read_lines(stream), layout, spec.users_file))
    pairs = _Pairs()
    with (folder / spec.ratings_file).open("rb") as stream:
        for line, record in parse_ratings(read_lines(stream), layout, spec.ratings_file):
            report.rows[spec.ratings_file] += 1
            if isinstance(record, Rejected):
                _reject(report, record)
            elif record.movie_id not in movies:
                _reject(report, _row(record, spec.ratings_file, line, RejectReason.UNKNOWN_MOVIE))
            elif users is not None and record.user_id not in users:
                _reject(report, _row(record, spec.ratings_file, line, RejectReason.UNKNOWN_USER))
            else:
                pairs.add(record, line)
    for line, text in pairs.repeated():
        _reject(report, Rejected(spec.ratings_file, line, RejectReason.DUPLICATE_PAIR, text))
    return report


def ignored_columns(folder: Path, layout: Layout) -> dict[str, tuple[str, ...]]:
    """The columns that the data set has and nobody reads, by file.

    Raises:
      DatasetError: A column that is read is missing.
    """
    found = {}
    for file in (layout.spec.ratings_file, layout.spec.movies_file):
        with (folder / file).open("rb") as stream:
            form = read_format(stream.readline(1 << 16).rstrip(b"\n"), layout, str(folder / file))
        if form is not None and form.ignored:
            found[file] = form.ignored
    return found


class _Pairs:
    """(user, movie) of every usable rating: 16 bytes for each with its line."""

    def __init__(self) -> None:
        self._users: dict[str, int] = {}
        self._movies: dict[str, int] = {}
        self._pairs = array("q")
        self._lines = array("q")

    def add(self, rating: Rating, line: int) -> None:
        user = self._users.setdefault(rating.user_id, len(self._users))
        movie = self._movies.setdefault(rating.movie_id, len(self._movies))
        self._pairs.append(user << 32 | movie)
        self._lines.append(line)

    def repeated(self) -> Iterator[tuple[int, str]]:
        """Line and text of every rating of a pair after its first one in the file."""
        pairs = np.frombuffer(self._pairs, np.int64) if self._pairs else np.empty(0, np.int64)
        again = np.ones(len(pairs), np.bool_)
        again[np.unique(pairs, return_index=True)[1]] = False
        users, movies = list(self._users), list(self._movies)
        for index in np.flatnonzero(again).tolist():
            pair = self._pairs[index]
            yield self._lines[index], f"user {users[pair >> 32]}, movie {movies[pair & 0xFFFFFFFF]} again"


def _ids(
    report: FolderReport,
    file: str,
    records: Iterator[tuple[int, Movie | Rejected]] | Iterator[tuple[int, User | Rejected]],
) -> set[str]:
    ids: set[str] = set()
    for line, record in records:
        report.rows[file] += 1
        if isinstance(record, Rejected):
            _reject(report, record)
            continue
        if isinstance(record, Movie):
            report.unknown_genres.update(set(record.genres).difference(GENRES))
        own_id, twice = (
            (record.movie_id, RejectReason.DUPLICATE_MOVIE)
            if isinstance(record, Movie)
            else (record.user_id, RejectReason.DUPLICATE_USER)
        )
        if own_id in ids:
            _reject(report, Rejected(file, line, twice, own_id))
        ids.add(own_id)
    return ids


def _reject(report: FolderReport, row: Rejected) -> None:
    report.rejected[row.file, row.reason] += 1
    if report.rejected[row.file, row.reason] <= _EXAMPLES_PER_REASON:
        report.examples.append(row)


def _row(rating: Rating, file: str, line: int, reason: RejectReason) -> Rejected:
    return Rejected(
        file, line, reason, f"user {rating.user_id}, movie {rating.movie_id}, {rating.rating} stars"
    )
