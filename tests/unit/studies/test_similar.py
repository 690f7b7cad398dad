"""The study of similar movies: series by title, places, and neighbours of users who were left out."""

import numpy as np
import pytest

from studies.data.split_data import SplitData, SplitRatings
from studies.similar_movies.study import nearest_by_users, overlap, places_in_series, series_of

TITLES = [
    "Die Hard (1988)",
    "Die Hard 2 (1990)",
    "Die Hard: With a Vengeance (1995)",
    "Godfather, The (1972)",
    "Godfather: Part II, The (1974)",
    "Seven (Se7en) (1995)",
    "Die Hard (1988)",
    "Die Hard 9 (2030)",
]


def test_a_series_is_what_titles_begin_with() -> None:
    ratings = [50] * 7 + [1]
    assert series_of(TITLES, ratings) == [[0, 1, 2], [3, 4]]


def test_places_count_what_is_more_similar() -> None:
    scores = np.array([[-np.inf, 0.1, 0.9], [0.5, -np.inf, 0.4], [0.2, 0.3, -np.inf]])
    assert places_in_series(scores, [[0, 1]]).tolist() == [2.0, 1.0]


def test_neighbours_are_those_of_users_without_a_training_rating() -> None:
    def ratings(pairs: list[tuple[int, int]]) -> SplitRatings:
        user, movie = (np.array(column) for column in zip(*pairs, strict=True))
        return SplitRatings(user, movie, np.full(len(pairs), 4.0), np.arange(len(pairs)))

    ids = [f"{number}".encode() for number in range(12)]
    # User 0 is known from training and watches 0 and 2; twenty others watch 0 and 1.
    data = SplitData(
        np.array([f"{user}".encode() for user in range(21)]),
        np.array(ids),
        ratings([(0, 3)]),
        ratings([(0, 0), (0, 2), *((user, movie) for user in range(1, 21) for movie in (0, 1))]),
    )
    # Places in another order than that of the catalogue.
    found = nearest_by_users(data, ids[::-1])
    assert set(found) == {11, 10}
    assert 10 in found[11]
    scores = np.zeros([12, 12])
    scores[11, sorted(found[11])] = 1
    scores[10, sorted(found[10])] = 1
    assert overlap(scores, found) == pytest.approx(1.0)
