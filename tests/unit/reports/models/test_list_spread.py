"""Coverage, concentration and popularity bias by hand."""

import numpy as np
import pytest

from reports.models.list_spread import gini, head_of, spread_of

# Ten movies, so the head is the one that was rated most.
RATINGS = {str(number).encode(): number for number in range(10)}


def test_by_hand() -> None:
    found = spread_of([[b"9", b"8"], [b"9", b"", b"0"]], RATINGS)

    assert (found.lists, found.slots, found.distinct) == (2, 4, 3)
    assert found.coverage == 3 / 10
    assert found.head_share == 2 / 4
    assert found.mean_ratings == (9 + 8 + 9 + 0) / 4
    # Times recommended, in order: seven zeros, 1, 1, 2.
    assert found.gini == pytest.approx((1 * (2 * 8 - 11) + 1 * (2 * 9 - 11) + 2 * (2 * 10 - 11)) / (10 * 4))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([3, 3, 3, 3], 0), ([0, 0, 0, 8], 3 / 4), ([1, 3], 1 / 4), ([0, 0], 0)],
)
def test_gini(counts: list[int], expected: float) -> None:
    assert gini(np.array(counts)) == pytest.approx(expected)


def test_the_head_is_the_most_rated_tenth_and_one_movie_at_least() -> None:
    assert np.flatnonzero(head_of(np.array([5, 9, 1]))).tolist() == [1]
    assert np.flatnonzero(head_of(np.arange(30))).tolist() == [27, 28, 29]


def test_lists_that_are_all_empty() -> None:
    found = spread_of([[b""], []], RATINGS)

    assert (found.slots, found.coverage, found.head_share, found.mean_ratings) == (0, 0, 0, 0)
