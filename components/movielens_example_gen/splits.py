"""Which ratings go to eval. All orders are (timestamp, line in the ratings file), so ties are settled.

- `leave_last_out`: the last rating of each user; a user with a single rating stays in train.
- `temporal`: everything after one cut in time; exactly the first `1 - eval_share` of all ratings train.
- `random`: by a hash of (seed, user, movie), or by a seeded permutation of the rows of the file.
- `official_fold`: what a fold of the data set tests on, which `official_folds.py` reads.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

_SECONDS_A_DAY: Final = 86_400

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


class Cut(NamedTuple):
    """The last training rating of a temporal split."""

    timestamp: int
    line: int


class BoundaryDay(NamedTuple):
    """The day (since 1970, UTC) that holds the last training rating, and its rank there, from 0."""

    day: int
    rank: int


def train_rows(rows: int, eval_share: float) -> int:
    """How many of `rows` ratings train; 80,000 of ML-100k for `eval_share` 0.2."""
    return rows - round(rows * eval_share)


def last_out(user: IntArray) -> BoolArray:
    """Marks the last rating of each user who has two or more.

    Args:
      user: [n] codes of users, rows of one user together and in order.
    """
    last = np.ones(len(user), np.bool_)
    last[:-1] = user[1:] != user[:-1]
    alone = last.copy()
    alone[1:] &= last[:-1]
    return last & ~alone


def permutation(rows: int, eval_share: float, seed: int) -> BoolArray:
    """Marks the rows of the file that a seeded permutation puts behind the training share."""
    held_out = np.ones(rows, np.bool_)
    held_out[np.random.RandomState(seed).permutation(rows)[: train_rows(rows, eval_share)]] = False
    return held_out


def is_held_out(user_id: str, movie_id: str, eval_share: float, seed: int) -> bool:
    """Whether the hash of a rating falls into the eval share, whatever else is in the file."""
    key = f"{seed}\0{user_id}\0{movie_id}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") < eval_share * 2.0**64


def after(cut: Cut, timestamp: IntArray, line: IntArray) -> BoolArray:
    """Marks the ratings later than `cut`."""
    result: BoolArray = (timestamp > cut.timestamp) | ((timestamp == cut.timestamp) & (line > cut.line))
    return result


# The cut is found in two counts, so that no machine has to sort everybody's ratings: how many there are
# on each day, then which one it is within the day where the share is reached.


def count_days(timestamp: IntArray) -> Counter[int]:
    """Ratings on each day since 1970 (UTC)."""
    days, counts = np.unique(timestamp // _SECONDS_A_DAY, return_counts=True)
    return Counter(dict(zip(days.tolist(), counts.tolist(), strict=True)))


def add_counters(counters: Iterable[Counter[int]]) -> Counter[int]:
    """The sum of counters, as a Beam combiner takes it."""
    total: Counter[int] = Counter()
    for counter in counters:
        total.update(counter)
    return total


def find_boundary_day(days: Counter[int], eval_share: float) -> BoundaryDay:
    """Finds the day where the training share is reached."""
    rank = train_rows(sum(days.values()), eval_share) - 1
    for day in sorted(days):
        if rank < days[day]:
            return BoundaryDay(day, rank)
        rank -= days[day]
    return BoundaryDay(0, -1)


def ratings_on(day: int, timestamp: IntArray, line: IntArray) -> bytes:
    """The (timestamp, line) pairs of one day, packed as int64, so that a combiner can join them."""
    on_day = timestamp // _SECONDS_A_DAY == day
    pairs: IntArray = np.stack([timestamp[on_day], line[on_day]], axis=1).astype("<i8")
    return pairs.tobytes()


def join_pairs(packed_pairs: Iterable[bytes]) -> bytes:
    """All pairs of the day, as a Beam combiner takes them."""
    return b"".join(packed_pairs)


def find_cut(packed_pairs: bytes, boundary: BoundaryDay) -> Cut:
    """Finds the last training rating among the pairs of the boundary day.

    A rank below zero means that nothing trains: the cut is then before all ratings.
    """
    if boundary.rank < 0:
        return Cut(np.iinfo(np.int64).min, 0)
    pairs = np.frombuffer(packed_pairs, "<i8").reshape(-1, 2)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    timestamp, line = pairs[order[boundary.rank]].tolist()
    return Cut(timestamp, line)
