"""Coverage, personalization, popularity and short lists by hand."""

from math import isnan, log

import pytest

from pipeline.evaluation.list_metrics import spread
from pipeline.evaluation.ranked_ids import shown_list

pytestmark = pytest.mark.slow

TEN = tuple(str(number).encode() for number in range(10))


def test_a_list_shows_each_movie_once_and_nothing_in_an_empty_slot() -> None:
    movies, logs = shown_list([b"b", b"", b"a", b"b"], [1.0, 7.0, 3.0, 9.0])
    assert movies == (b"b", b"a")
    # A repeated id counts at its first place.
    assert logs == pytest.approx(log(2) + log(4))
    assert isnan(shown_list([b"a"], None)[1])


def test_the_same_list_for_everyone() -> None:
    coverage, personalization, popularity, short = spread([(TEN, 10 * log(5))] * 3, 1_000)
    assert (coverage, personalization, short) == (pytest.approx(0.01), 0, 0)
    assert popularity == pytest.approx(log(5))


def test_lists_that_overlap() -> None:
    other = (*TEN[:4], *(movie + b"x" for movie in TEN[4:]))
    third = tuple(movie + b"y" for movie in TEN)
    coverage, personalization, _, short = spread([(TEN, 0), (other, 0), (third, 0)], 100)
    assert coverage == pytest.approx(26 / 100)
    # Two lists share four of ten, the two other pairs nothing.
    assert personalization == pytest.approx(1 - 0.4 / 3)
    assert short == 0


def test_users_with_fewer_than_ten() -> None:
    assert spread([(TEN, 0), (TEN[:9], 0), ((), 0), (TEN, 0)], 100)[3] == pytest.approx(1 / 2)
    # A catalogue of four fills no list of ten.
    assert spread([(TEN[:4], 0)], 4)[3] == 0
    assert isnan(spread([((), 0.0)], 4)[2])
