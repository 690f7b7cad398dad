"""How often the data gate's distances refuse fair draws of a data set, and how often draws with a fault.

Fair draws are of ratings: an eval split of so many against all the others (skew), a data set of so many of
which a fifth is the eval split (skew), and two sets of so many with replacement (drift). A draw is refused if
one feature is above its threshold, as the gate refuses the run. The faults are planted into the second set.
"""

import argparse
import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from benchmarks.tables import markdown
from components.data_gate.checks import FAILED
from components.data_gate.distance_checks import drift_checks, skew_checks
from contracts import features
from contracts.features import RATINGS
from distances.measure import Distributions, Values
from movielens.layouts import detect_layout
from movielens.readers import parse_movies, parse_ratings, parse_users, read_lines
from movielens.records import Movie, Rating, User
from schema import RATINGS_SCHEMA
from studies import tables
from studies.harness import RESULTS_FILE, Harness

SUMMARY: Final = "how often the data gate refuses fair draws, and draws with planted faults"
EPILOG: Final = """\
examples:
  python -m studies gate --data-dir data/ml-100k
  python -m studies gate --draws 1000 --sizes 40 60 1000
"""

_SIZES: Final = (20, 40, 60, 100, 200, 500, 1_000, 5_000, 20_000)
_HELD_OUT: Final = 5

# What is refused of draws without a fault.
_FAIR: Final = ("fair eval split refused", "fair small set refused", "fair pair refused")

Codes = npt.NDArray[np.int64]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of this study."""
    parser.add_argument("--draws", type=int, default=400, help="of each size (default: %(default)s)")
    parser.add_argument("--sizes", type=int, nargs="+", default=_SIZES, metavar="N", help="ratings in a draw")
    parser.add_argument("--seed", type=int, default=42, help="of the draws (default: %(default)s)")


def run(options: argparse.Namespace, harness: Harness) -> str:
    """Draws, judges, and returns the table."""
    table = RatedFeatures.read(harness.source.path)
    schema = text_format.Parse(RATINGS_SCHEMA.read_text("utf-8"), schema_pb2.Schema())
    rng = np.random.default_rng(options.seed)
    rows = []
    for size in options.sizes:
        if size >= len(table):
            continue
        draws = range(options.draws)
        fair = (
            [_skew_refused(table, schema, rng.permutation(len(table)), size) for _ in draws],
            [_skew_refused(table, schema, _some(table, size, rng), size // _HELD_OUT) for _ in draws],
            [_drift_refused(table, schema, size, rng, None) for _ in draws],
        )
        faults = [
            f"{np.mean([_drift_refused(table, schema, size, rng, fault) for _ in draws]):.0%}"
            for fault in FAULTS.values()
        ]
        rows.append((f"{size:,}", *(f"{np.mean(refused):.2%}" for refused in fair), *faults))
    head = ("ratings drawn", *_FAIR, *FAULTS)
    title = f"{harness.source.name}, {options.draws} draws of each size"
    harness.folder.mkdir(parents=True, exist_ok=True)
    with (harness.folder / RESULTS_FILE).open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([head, *rows])
    tables.write_page(harness.folder / "results.md", "Data gate", [(title, markdown(head, rows))])
    return f"{title}\n\n{markdown(head, rows)}"


class RatedFeatures:
    """The compared features of every rating, as codes of their values."""

    def __init__(self, columns: dict[str, tuple[list[str], Codes]], genres: list[str], flags: Codes) -> None:
        """Takes the values and codes [ratings] of each feature, and the genre flags [ratings, genres]."""
        self.columns = columns
        self.genres = genres
        self.flags = flags

    def __len__(self) -> int:
        return len(self.flags)

    @classmethod
    def read(cls, folder: Path) -> "RatedFeatures":
        """Reads a MovieLens folder."""
        layout = detect_layout([path.name for path in folder.iterdir()], str(folder))
        spec = layout.spec

        def records(file: str, parse: Any, kind: type) -> list[Any]:
            with (folder / file).open("rb") as stream:
                found = (record for _, record in parse(read_lines(stream), layout, file))
                return [record for record in found if isinstance(record, kind)]

        movies = {movie.movie_id: movie for movie in records(spec.movies_file, parse_movies, Movie)}
        of_users = records(spec.users_file, parse_users, User) if spec.users_file else []
        users = {user.user_id: user for user in of_users}
        ratings = [one for one in records(spec.ratings_file, parse_ratings, Rating) if one.movie_id in movies]
        ratings = [one for one in ratings if not users or one.user_id in users]
        texts: dict[str, list[Any]] = {
            features.USER_RATING: [one.rating for one in ratings],
            features.MOVIE_RELEASE_YEAR: [movies[one.movie_id].release_year for one in ratings],
        }
        if users:
            texts[features.USER_GENDER] = [users[one.user_id].gender for one in ratings]
            texts[features.USER_OCCUPATION_TEXT] = [users[one.user_id].occupation for one in ratings]
            texts[features.BUCKETIZED_USER_AGE] = [users[one.user_id].bucketized_age for one in ratings]
            texts[features.RAW_USER_AGE] = [users[one.user_id].raw_age for one in ratings]
        columns = {}
        for name, values in texts.items():
            # A value that is missing lacks a code.
            known = sorted({value for value in values if value is not None})
            code = {value: index for index, value in enumerate(known)}
            shown = [value if isinstance(value, str) else f"{value:g}" for value in known]
            columns[name] = shown, np.array([code.get(value, -1) for value in values], np.int64)
        genres = sorted({genre for movie in movies.values() for genre in movie.genres})
        flag = {movie: np.isin(genres, found.genres) for movie, found in movies.items()}
        flags = np.array([flag[one.movie_id] for one in ratings], np.int64)
        return cls(columns, genres, flags)

    def distributions(self, rows: Codes) -> dict[str, Values]:
        """The distributions over some of the ratings."""
        found = {}
        for name, (values, codes) in self.columns.items():
            there = codes[rows]
            there = there[there >= 0]
            counts = np.bincount(there, minlength=len(values)).tolist()
            found[name] = Values(len(there), {v: n for v, n in zip(values, counts, strict=True) if n})
        genres = self.flags[rows].sum(axis=0).tolist()
        found[features.MOVIE_GENRES] = Values(len(rows), dict(zip(self.genres, genres, strict=True)))
        return found


def _with_values(found: Distributions, name: str, counts: dict[str, int]) -> dict[str, Values]:
    return {**found, name: Values(found[name].examples, counts)}


def _threes(found: Distributions) -> Distributions:
    return _with_values(found, features.USER_RATING, {"3": found[features.USER_RATING].examples})


def _fives_are_ones(found: Distributions) -> Distributions:
    counts = dict(found[features.USER_RATING].counts)
    counts["1"] = counts.get("1", 0) + counts.pop("5", 0)
    return _with_values(found, features.USER_RATING, counts)


def _no_dramas(found: Distributions) -> Distributions:
    counts = {genre: n for genre, n in found[features.MOVIE_GENRES].counts.items() if genre != "Drama"}
    return _with_values(found, features.MOVIE_GENRES, counts)


def _years_are_shifted(found: Distributions) -> Distributions:
    counts = {f"{float(year) + 20:g}": n for year, n in found[features.MOVIE_RELEASE_YEAR].counts.items()}
    return _with_values(found, features.MOVIE_RELEASE_YEAR, counts)


FAULTS: Final[dict[str, Callable[[Distributions], Distributions]]] = {
    "all stars 3": _threes,
    "5 stars written as 1": _fives_are_ones,
    "Drama lost": _no_dramas,
    "years off by 20": _years_are_shifted,
}


def _some(table: RatedFeatures, size: int, rng: np.random.Generator) -> Codes:
    return rng.choice(len(table), size, replace=False)


def _skew_refused(table: RatedFeatures, schema: Any, order: Codes, size: int) -> bool:
    """Whether the first `size` of the rows in `order` are refused as the eval split of all of them."""
    train, evaluation = table.distributions(order[size:]), table.distributions(order[:size])
    return any(check.verdict == FAILED for check in skew_checks(RATINGS, schema, train, evaluation, {}))


def _drift_refused(
    table: RatedFeatures,
    schema: Any,
    size: int,
    rng: np.random.Generator,
    fault: Callable[[Distributions], Distributions] | None,
) -> bool:
    before, now = (table.distributions(rng.integers(len(table), size=size)) for _ in range(2))
    judged = fault(now) if fault else now
    return any(check.verdict == FAILED for check in drift_checks(RATINGS, schema, judged, before, ""))
