"""Everything that the charts of the data need, counted in one pass over the Examples."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contracts import features
from reports.eda.value_counts import ValueCounts
from reports.reading.examples import ABSENT, Batch, Texts

_SECONDS_PER_HOUR: Final = 3600
_HOURS_PER_DAY: Final = 24
# 1970-01-01 was a Thursday, the day with the number 3 where Monday is 0.
_WEEKDAY_OF_DAY_0: Final = 3


class Tally:
    """Counts and sums of ratings by a key, in arrays that grow with the number of keys."""

    def __init__(self) -> None:
        self.keys: dict[str, int] = {}
        self.counts = np.zeros(0, np.int64)
        self.sums = np.zeros(0, np.float64)

    def add(self, texts: Texts, codes: npt.NDArray[np.int64], ratings: npt.NDArray[Any]) -> None:
        """Adds ratings: `codes` are positions in `texts.values`."""
        places = np.array([self.keys.setdefault(value, len(self.keys)) for value in texts.values], np.int64)
        missing = len(self.keys) - len(self.counts)
        self.counts = np.pad(self.counts, (0, missing))
        self.sums = np.pad(self.sums, (0, missing))
        width = len(texts.values)
        # No value occurs twice in `values`, so the places are distinct.
        self.counts[places] += np.bincount(codes, minlength=width)
        self.sums[places] += np.bincount(codes, weights=ratings, minlength=width)

    def means(self) -> npt.NDArray[np.float64]:
        """[keys] mean rating of each key."""
        means: npt.NDArray[np.float64] = self.sums / np.maximum(self.counts, 1)
        return means


@dataclass
class EdaCounts:
    """Counts over all rows that were added. Keys are texts of the data; "" and `ABSENT` stand for absent.

    Attributes:
      rows: ratings by split.
      ratings: by value.
      ratings_by_gender: by value, for each gender.
      raw_ages: by value, over ratings.
      age_groups: by lower edge, over ratings.
      release_years: by year, over ratings.
      occupations: ratings by (occupation, lower edge of the age group).
      zips: ratings by (zip code, occupation); "" stands for a zip code that is not five digits, too.
      zip_stars: sum of the ratings by zip code.
      months: ratings and their sum by month, counted from January 1970.
      weekday_hours: [7, 24] ratings in UTC, Monday first.
      movies: by movie id.
      titles: by movie id.
      users: by user id.
      user_genders: of each user.
      user_ages: lower edge of each user's age group.
      genres: by genre; a rating counts for each genre of its movie.
    """

    rows: Counter[str] = field(default_factory=Counter)
    ratings: Counter[float] = field(default_factory=Counter)
    ratings_by_gender: defaultdict[str, Counter[float]] = field(default_factory=lambda: defaultdict(Counter))
    raw_ages: Counter[float] = field(default_factory=Counter)
    age_groups: Counter[float] = field(default_factory=Counter)
    release_years: Counter[float] = field(default_factory=Counter)
    occupations: Counter[tuple[str, float]] = field(default_factory=Counter)
    zips: Counter[tuple[str, str]] = field(default_factory=Counter)
    zip_stars: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    months: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0, 0.0]))
    weekday_hours: npt.NDArray[np.int64] = field(
        default_factory=lambda: np.zeros((7, _HOURS_PER_DAY), np.int64)
    )
    movies: Tally = field(default_factory=Tally)
    titles: dict[str, str] = field(default_factory=dict)
    users: Tally = field(default_factory=Tally)
    user_genders: dict[str, str] = field(default_factory=dict)
    user_ages: dict[str, float] = field(default_factory=dict)
    genres: Tally = field(default_factory=Tally)

    @property
    def total(self) -> int:
        """Ratings of all splits."""
        return self.rows.total()

    def has(self, feature: str) -> bool:
        """Whether any row has one of the features that some versions of MovieLens lack."""
        return {
            features.USER_GENDER: lambda: any(self.ratings_by_gender),
            features.RAW_USER_AGE: lambda: bool(self.raw_ages),
            features.BUCKETIZED_USER_AGE: lambda: bool(self.age_groups),
            features.USER_OCCUPATION_TEXT: lambda: any(name for name, _ in self.occupations),
            features.USER_ZIP_CODE: lambda: any(code for code, _ in self.zips),
        }[feature]()

    def add(self, split: str, batch: Batch) -> None:
        """Counts the rows of a batch."""
        numbers, texts = batch.numbers, batch.texts
        ratings = numbers[features.USER_RATING]
        gender, occupation = texts[features.USER_GENDER], texts[features.USER_OCCUPATION_TEXT]
        ages = numbers[features.BUCKETIZED_USER_AGE]
        self.rows[split] += len(batch)
        self.ratings.update(_count(ratings))
        for (code, rating), count in _pairs(gender.codes, ratings):
            self.ratings_by_gender[gender.values[int(code)]][rating] += count
        for counter, name in (
            (self.raw_ages, features.RAW_USER_AGE),
            (self.age_groups, features.BUCKETIZED_USER_AGE),
            (self.release_years, features.MOVIE_RELEASE_YEAR),
        ):
            counter.update(_count(numbers[name][numbers[name] != ABSENT]))
        for (code, age), count in _pairs(occupation.codes, ages):
            self.occupations[occupation.values[int(code)], age] += count
        self._add_places(texts[features.USER_ZIP_CODE], occupation, ratings)
        self._add_times(numbers[features.TIMESTAMP], ratings)
        self._add_movies_and_users(batch, gender, ages)

    def _add_places(self, zips: Texts, occupation: Texts, ratings: npt.NDArray[Any]) -> None:
        valid = [code if len(code) == 5 and code.isdecimal() else "" for code in zips.values]
        for (code, work), count in _pairs(zips.codes, occupation.codes):
            self.zips[valid[int(code)], occupation.values[int(work)]] += count
        for name, stars in zip(valid, np.bincount(zips.codes, ratings, len(valid)).tolist(), strict=True):
            self.zip_stars[name] += stars

    def _add_times(self, timestamps: npt.NDArray[np.int64], ratings: npt.NDArray[Any]) -> None:
        hours = timestamps // _SECONDS_PER_HOUR
        weekdays = (hours // _HOURS_PER_DAY + _WEEKDAY_OF_DAY_0) % 7
        slots = weekdays * _HOURS_PER_DAY + hours % _HOURS_PER_DAY
        self.weekday_hours += np.bincount(slots, minlength=7 * _HOURS_PER_DAY).reshape(7, -1)
        months = timestamps.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
        for month in np.unique(months).tolist():
            of_month = ratings[months == month]
            self.months[month][0] += len(of_month)
            self.months[month][1] += float(of_month.sum(dtype=np.float64))

    def _add_movies_and_users(self, batch: Batch, gender: Texts, ages: npt.NDArray[Any]) -> None:
        ratings = batch.numbers[features.USER_RATING]
        movie, user = batch.texts[features.MOVIE_ID], batch.texts[features.USER_ID]
        title = batch.texts[features.MOVIE_TITLE]
        self.movies.add(movie, movie.codes, ratings)
        self.users.add(user, user.codes, ratings)
        self.genres.add(batch.genres, batch.genres.codes, ratings[batch.genre_rows])
        for value, row in zip(movie.values, _first_rows(movie), strict=True):
            self.titles.setdefault(value, title.values[title.codes[row]])
        for value, row in zip(user.values, _first_rows(user), strict=True):
            self.user_genders.setdefault(value, gender.values[gender.codes[row]])
            self.user_ages.setdefault(value, float(ages[row]))

    def movie_ids(self) -> ValueCounts | None:
        """Movie ids as numbers, over ratings; None where they are not all digits."""
        if not self.movies.keys or not all(key.isdecimal() for key in self.movies.keys):
            return None
        counts = zip(self.movies.keys, self.movies.counts.tolist(), strict=True)
        return ValueCounts.of(Counter({float(key): count for key, count in counts}))


def count_all(batches: Iterable[tuple[str, Batch]]) -> EdaCounts:
    """Counts batches, each with the name of its split."""
    counts = EdaCounts()
    for split, batch in batches:
        counts.add(split, batch)
    return counts


def _first_rows(texts: Texts) -> Sequence[int]:
    """A row of each value."""
    rows = np.zeros(len(texts.values), np.int64)
    rows[texts.codes[::-1]] = np.arange(len(texts.codes))[::-1]
    found: list[int] = rows.tolist()
    return found


def _count(column: npt.NDArray[Any]) -> dict[float, int]:
    values, counts = np.unique(column, return_counts=True)
    return dict(zip(values.astype(np.float64).tolist(), counts.tolist(), strict=True))


def _pairs(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> Iterable[tuple[tuple[float, float], int]]:
    """How often each pair of values of two columns occurs."""
    if not len(left):
        return []
    left_values, left_codes = np.unique(left, return_inverse=True)
    right_values, right_codes = np.unique(right, return_inverse=True)
    counts = np.bincount(left_codes * len(right_values) + right_codes)
    return [
        (
            (float(left_values[pair // len(right_values)]), float(right_values[pair % len(right_values)])),
            count,
        )
        for pair, count in enumerate(counts.tolist())
        if count
    ]
