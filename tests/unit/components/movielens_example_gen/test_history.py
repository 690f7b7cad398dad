"""Histories never see their own future."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.movielens_example_gen.history import history_windows


def histories(
    users: list[int],
    timestamps: list[int],
    length: int = 50,
    evaluated: list[bool] | None = None,
    usable: list[bool] | None = None,
    seed: int = 1,
) -> list[list[int]]:
    windows = history_windows(
        np.array(users, np.int64),
        np.array(timestamps, np.int64),
        np.array(evaluated or [False] * len(users), np.bool_),
        np.array(usable or [True] * len(users), np.bool_),
        length,
        np.random.default_rng(seed),
    )
    return [
        windows.candidates[start:stop].tolist()
        for start, stop in zip(windows.starts, windows.stops, strict=True)
    ]


def test_each_row_remembers_the_earlier_rows_of_its_user_newest_last() -> None:
    assert histories([0, 0, 1, 0, 1], [10, 30, 5, 20, 40]) == [[], [0, 3], [], [0], [2]]


def test_only_the_most_recent_are_kept() -> None:
    assert histories([0, 0, 0, 0], [1, 2, 3, 4], length=2) == [[], [0], [0, 1], [1, 2]]


def test_rows_that_may_not_be_remembered_still_remember() -> None:
    usable = [True, False, True, False, True]
    assert histories([0, 0, 0, 1, 1], [1, 2, 3, 1, 2], usable=usable) == [[], [0], [0], [], []]


def test_of_one_second_eval_comes_after_training() -> None:
    for seed in range(20):
        evaluated, first, _ = histories([0, 0, 0], [7, 7, 7], evaluated=[True, False, False], seed=seed)
        assert sorted(evaluated) == [1, 2]
        assert 0 not in first


@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans(), st.booleans()), max_size=40),
    length=st.integers(1, 5),
)
def test_history_is_the_definition(rows: list[tuple[int, int, bool, bool]], length: int) -> None:
    users, timestamps, evaluated, usable = ([row[column] for row in rows] for column in range(4))
    whole = histories(users, timestamps, len(rows) + 1, evaluated, usable)
    for i, found in enumerate(whole):
        moments = [(timestamps[j], evaluated[j]) for j in found]
        assert moments == sorted(moments)
        assert all(users[j] == users[i] and usable[j] for j in found)
        others = {j for j in range(len(rows)) if users[j] == users[i] and usable[j] and j != i}
        own = (timestamps[i], evaluated[i])
        before = {j for j in others if (timestamps[j], evaluated[j]) < own}
        together = {j for j in others if (timestamps[j], evaluated[j]) == own}
        assert len(set(found)) == len(found)
        assert before <= set(found) <= before | together
        # Of two ratings that may both be remembered, one is before the other.
        assert all((j in found) != (i in whole[j]) for j in together if usable[i])
    cut = histories(users, timestamps, length, evaluated, usable)
    assert cut == [found[-length:] for found in whole]
