"""Histories never see their own future."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.movielens_example_gen.history import history_windows


def histories(users: list[int], usable: list[bool], length: int) -> list[list[int]]:
    windows = history_windows(np.array(users), np.array(usable, np.bool_), length)
    return [
        windows.candidates[start:stop].tolist()
        for start, stop in zip(windows.starts, windows.stops, strict=True)
    ]


def test_each_row_remembers_the_earlier_rows_of_its_user_newest_last() -> None:
    assert histories([0, 0, 0, 1, 1], [True] * 5, 50) == [[], [0], [0, 1], [], [3]]


def test_only_the_most_recent_are_kept() -> None:
    assert histories([0, 0, 0, 0], [True] * 4, 2) == [[], [0], [0, 1], [1, 2]]


def test_rows_that_may_not_be_remembered_still_remember() -> None:
    assert histories([0, 0, 0, 1, 1], [True, False, True, False, True], 50) == [[], [0], [0], [], []]


@given(
    rows=st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=40).map(sorted),
    length=st.integers(1, 5),
)
def test_history_is_the_definition(rows: list[tuple[int, bool]], length: int) -> None:
    users = [user for user, _ in rows]
    usable = [flag for _, flag in rows]
    expected = [
        [j for j in range(i) if users[j] == users[i] and usable[j]][-length:] for i in range(len(rows))
    ]
    assert histories(users, usable, length) == expected
