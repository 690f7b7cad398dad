"""What became of the rows: counts that workers add up, and the file of rejected rows."""

import csv
import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from tfx.dsl.io import fileio

from contracts import artifacts
from movielens.records import DatasetError, Rejected

# Rows shown of a chunk that alone holds more rejected rows than the whole file may.
_SHOWN_OF_A_HOPELESS_CHUNK = 1000


@dataclass
class Summary:
    """Counts of rows read and rejected by file, and of what was made of the rest."""

    read: Counter[str] = field(default_factory=Counter)
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: Counter[str] = field(default_factory=Counter)
    dropped: int = 0
    users: int = 0
    # One bit a movie of the catalogue, so that the same movie in two shards counts once.
    movies: int = 0

    def mark_movies(self, positions: npt.NDArray[Any]) -> None:
        """Remembers which movies of the catalogue occur."""
        present = np.bincount(positions) > 0
        self.movies |= int.from_bytes(np.packbits(present, bitorder="little").tobytes(), "little")

    def count_rejected(self, rows: Iterable[Rejected]) -> None:
        """Counts rows by file and reason."""
        self.rejected.update((row.file, row.reason.value) for row in rows)

    def to_json(self) -> str:
        """The counts for people and for `IngestionReport`."""
        files = {
            file: {
                "rows": rows,
                "rejected": {
                    reason: count for (name, reason), count in self.rejected.most_common() if name == file
                },
            }
            for file, rows in sorted(self.read.items())
        }
        return json.dumps(
            {
                "files": files,
                "dropped": self.dropped,
                "users": self.users,
                "movies": self.movies.bit_count(),
                "examples": dict(sorted(self.examples.items())),
            },
            indent=2,
        )


def add_summaries(summaries: Iterable[Summary]) -> Summary:
    """The sum of summaries, as a Beam combiner takes it."""
    total = Summary()
    for summary in summaries:
        total.read.update(summary.read)
        total.rejected.update(summary.rejected)
        total.examples.update(summary.examples)
        total.dropped += summary.dropped
        total.users += summary.users
        total.movies |= summary.movies
    return total


def keep_rejected(rows: list[Rejected], allowed: int) -> list[Rejected]:
    """Cuts the rows of a chunk short where they fail the run anyway, to bound memory."""
    return rows if len(rows) <= allowed else rows[:_SHOWN_OF_A_HOPELESS_CHUNK]


def write_rejected(rows: Iterable[Rejected], path: str) -> None:
    """Writes the rejected rows as CSV, by file and line."""
    with fileio.open(path, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "line", "reason", "text"])
        for row in sorted(rows, key=lambda row: (row.file, row.line)):
            writer.writerow([row.file, row.line, row.reason.value, row.text])


def _share_above(share: float) -> str:
    """The next whole per cent, as a setting is written."""
    return f"{min(1.0, math.ceil(share * 100) / 100):g}"


@dataclass(frozen=True)
class IngestionReport:
    """The counts of a finished ingestion of the table in `file`."""

    file: str
    counts: dict[str, Any]

    @classmethod
    def read(cls, path: str, file: str) -> "IngestionReport":
        """Reads what `Summary.to_json` gave."""
        with fileio.open(path) as stream:
            return cls(file, json.loads(stream.read()))

    def properties(self) -> dict[str, int]:
        """The custom properties of the Examples artifact; those of rows are of `file` alone."""
        main = self.counts["files"].get(self.file, {"rows": 0, "rejected": {}})
        return {
            artifacts.ROWS_READ: main["rows"],
            artifacts.ROWS_REJECTED: sum(main["rejected"].values()),
            artifacts.ROWS_DROPPED: self.counts["dropped"],
            artifacts.USERS_COUNT: self.counts["users"],
            artifacts.MOVIES_COUNT: self.counts["movies"],
            **{f"{artifacts.REJECTED_PREFIX}{reason}": count for reason, count in main["rejected"].items()},
            **{
                f"{artifacts.EXAMPLES_PREFIX}{split}": count
                for split, count in self.counts["examples"].items()
            },
        }

    def check_rejected(self, max_rejected_share: float, folder: str, kept_at: str) -> None:
        """Fails when too much of a file was rejected.

        Raises:
          DatasetError: The share of a file's rows is above `max_rejected_share`; the message names the
            reasons and `kept_at`, where the rejected rows are.
        """
        for file, of_file in self.counts["files"].items():
            rows, reasons = of_file["rows"], of_file["rejected"]
            rejected = sum(reasons.values())
            if rejected > max_rejected_share * rows:
                why = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
                raise DatasetError(
                    f"{folder}: {rejected:,} of the {rows:,} rows of {file} ({rejected / rows:.2%}) cannot "
                    f"be used, more than data.max_rejected_share allows ({max_rejected_share:.2%}): {why}. "
                    f"They are listed with their line numbers in {kept_at}. Mend the file, or let it pass "
                    f"with --set data.max_rejected_share={_share_above(rejected / rows)}"
                )

    def check_splits(self, split_names: Iterable[str], folder: str) -> None:
        """Fails when a split got no Example.

        Raises:
          DatasetError: A split is empty.
        """
        for split in split_names:
            if not self.counts["examples"].get(split):
                raise DatasetError(
                    f"{folder}: no rating is left for the split '{split}' "
                    f"({json.dumps(self.counts['examples'])}); use more data or another split rule"
                )
