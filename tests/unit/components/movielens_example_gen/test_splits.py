"""The split rules by themselves, with answers worked out by hand."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.movielens_example_gen import splits

DAY = 86_400


def test_last_out_marks_the_last_row_of_each_user_but_never_an_only_one() -> None:
    users = np.array([0, 0, 0, 1, 2, 2, 3])
    assert splits.last_out(users).tolist() == [False, False, True, False, False, True, False]


def test_permutation_is_that_of_the_study() -> None:
    # np.random.RandomState(42).permutation(10) is [8 1 5 0 7 2 9 4 3 6]; the first eight train.
    assert np.flatnonzero(splits.permutation(10, 0.2, 42)).tolist() == [3, 6]


def test_hash_holds_out_about_the_share_and_does_not_depend_on_other_rows() -> None:
    pairs = [(str(user), str(movie)) for user in range(100) for movie in range(100)]
    out = {pair for pair in pairs if splits.is_held_out(*pair, 0.2, 42)}
    assert len(out) == pytest.approx(2000, abs=160)  # Four standard deviations.
    assert out != {pair for pair in pairs if splits.is_held_out(*pair, 0.2, 43)}
    # A larger share only adds to a smaller one.
    assert out <= {pair for pair in pairs if splits.is_held_out(*pair, 0.3, 42)}


def temporal(pairs: list[tuple[int, int]], eval_share: float, parts: int) -> list[bool]:
    """The temporal split of (timestamp, line) pairs that are spread over `parts` workers."""
    pieces = [np.array(pairs[part::parts], np.int64).reshape(-1, 2) for part in range(parts)]
    days = splits.add_counters(splits.count_days(piece[:, 0]) for piece in pieces)
    boundary = splits.find_boundary_day(days, eval_share)
    packed = b"".join(splits.ratings_on(boundary.day, piece[:, 0], piece[:, 1]) for piece in pieces)
    cut = splits.find_cut(packed, boundary)
    together = np.array(pairs, np.int64)
    return splits.after(cut, together[:, 0], together[:, 1]).tolist()


def test_temporal_cut_settles_equal_timestamps_by_line() -> None:
    # Four of five train. Lines 2 to 5 share one second: the last line of them is eval.
    pairs = [(DAY, 1), (2 * DAY, 2), (2 * DAY, 3), (2 * DAY, 4), (2 * DAY, 5)]
    assert temporal(pairs, 0.2, 2) == [False, False, False, False, True]


def test_boundary_day_is_where_the_share_is_reached() -> None:
    days = Counter({10: 3, 11: 4, 14: 3})
    assert splits.find_boundary_day(days, 0.7) == (10, 2)
    assert splits.find_boundary_day(days, 0.6) == (11, 0)
    assert splits.find_boundary_day(days, 0.3) == (11, 3)


@given(
    timestamps=st.lists(st.integers(0, 5 * DAY), min_size=1, max_size=60),
    eval_share=st.floats(0.01, 0.99),
    parts=st.integers(1, 4),
)
def test_temporal_cut_equals_a_global_sort(timestamps: list[int], eval_share: float, parts: int) -> None:
    pairs = [(timestamp, line) for line, timestamp in enumerate(timestamps, 1)]
    trains = set(sorted(pairs)[: splits.train_rows(len(pairs), eval_share)])
    assert temporal(pairs, eval_share, parts) == [pair not in trains for pair in pairs]
