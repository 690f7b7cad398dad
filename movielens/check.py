"""Counts the rows of a data set, good and rejected, in one pass over each file.

What takes all ratings at once to see, a user who rated a movie twice, is found by the pipeline's
ExampleGen and not here.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from movielens.layouts import Layout, detect_layout
from movielens.readers import parse_movies, parse_ratings, parse_users, read_lines
from movielens.records import Movie, Rating, Rejected, RejectReason, User

# Rejected rows to show in full, for each reason.
_EXAMPLES_PER_REASON = 3


@dataclass
class FolderReport:
    """Rows of one data set by file; `rejected` counts by file and reason, `examples` holds some of them."""

    layout: Layout
    rows: Counter[str] = field(default_factory=Counter)
    rejected: Counter[tuple[str, RejectReason]] = field(default_factory=Counter)
    examples: list[Rejected] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """The report as text."""
        yield f"layout {self.layout.value}"
        for name in self.layout.spec.files:
            bad = sum(count for (file, _), count in self.rejected.items() if file == name)
            yield f"{name:12} {self.rows[name]:>12,} rows {bad:>9,} rejected"
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
    report = FolderReport(layout)
    with (folder / spec.movies_file).open("rb") as stream:
        movies = _ids(report, spec.movies_file, parse_movies(read_lines(stream), layout, spec.movies_file))
    users: set[str] | None = None
    if spec.users_file is not None:
        with (folder / spec.users_file).open("rb") as stream:
            users = _ids(report, spec.users_file, parse_users(read_lines(stream), layout, spec.users_file))
    with (folder / spec.ratings_file).open("rb") as stream:
        for line, record in parse_ratings(read_lines(stream), layout, spec.ratings_file):
            report.rows[spec.ratings_file] += 1
            if isinstance(record, Rejected):
                _reject(report, record)
            elif record.movie_id not in movies:
                _reject(report, _row(record, spec.ratings_file, line, RejectReason.UNKNOWN_MOVIE))
            elif users is not None and record.user_id not in users:
                _reject(report, _row(record, spec.ratings_file, line, RejectReason.UNKNOWN_USER))
    return report


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
