"""The features of a user's other ratings of about the same time, by hand."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.unit.trainer_module import tiny_world
from trainer_module.common.catalogue import Catalogue
from trainer_module.ranking.rating_sets import RatingSets
from trainer_module.ranking.sessions import (
    DAMPING,
    DECAYS,
    GENRE_DECAY,
    SESSION_FEATURES,
    USER_DAMPING,
    Sessions,
)

MEAN = 3.0
# The genres of "a" and "b" are one and the same, that of "c" is another.
IDS = ["a", "b", "c"]


def catalogue() -> Catalogue:
    movies = tiny_world.catalogue(IDS)
    movies.columns["genres_multi_hot"][1] = movies.columns["genres_multi_hot"][0]
    return movies


def sessions(
    folder: Path,
    ratings: dict[str, list[tuple[str, float, int]]],
    pairs: list[tuple[str, str, int]],
    window: int = 8,
) -> np.ndarray:
    movies = catalogue()
    sets = RatingSets(
        tiny_world.states(movies, ratings),
        movies,
        mean_rating=MEAN,
        limit=10,
        assets=str(folder),
        name="test",
    )
    users, rated, moments = zip(*pairs, strict=True)
    found = Sessions(window)(
        sets,
        sets.user_rows(tf.constant(users)),
        sets.movie_rows(tf.constant(rated)),
        tf.constant(moments, tf.int64),
    )
    return np.asarray(found)


def test_a_session_by_hand(tmp_path: Path) -> None:
    # The rating of "a" is the one to predict; "b" was rated a minute before, "c" ten after.
    ratings = {"u": [("b", 5.0, 940), ("a", 1.0, 1000), ("c", 2.0, 1600)]}
    [found] = sessions(tmp_path, ratings, [("u", "a", 1000)])
    # Less the mean and the movies' biases, over one rating each and 25 pseudo-ratings.
    b, c = 2 - 2 / 26, -1 + 1 / 26
    mean = (b + c) / (2 + USER_DAMPING)
    kernels = [(np.exp(-60 / decay), np.exp(-600 / decay)) for decay in DECAYS]
    kernels += [(1, 0), (np.exp(-60 / GENRE_DECAY), 0)]
    expected = []
    for near, far in kernels:
        expected += [(near * (b - mean) + far * (c - mean)) / (near + far + DAMPING), np.log1p(near + far)]
    spread = b**2 + c**2 - 2 * mean**2
    expected += [mean, np.log1p(2), np.sqrt(spread / 3 + 0.1)]
    assert len(found) == SESSION_FEATURES
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_rating_itself_is_never_read(tmp_path: Path) -> None:
    ratings = {
        rating: sessions(
            tmp_path,
            {"u": [("b", 5.0, 940), ("a", rating, 1000), ("c", 2.0, 1600)]},
            [("u", "a", 1000)],
        )
        for rating in (1.0, 5.0)
    }
    np.testing.assert_allclose(ratings[1.0], ratings[5.0], atol=1e-5)


def test_the_window_holds_the_nearest_ratings_of_that_user(tmp_path: Path) -> None:
    ratings = {
        "t": [("a", 5.0, 1000)],
        "u": [("a", 5.0, 10), ("b", 1.0, 20), ("c", 2.0, 5000)],
        "v": [("a", 5.0, 1000)],
    }
    # Two ratings, one on each side of the moment: "b" and "c", whatever others did then.
    [found] = sessions(tmp_path, ratings, [("u", "gone", 1000)], window=2)
    weights = np.exp(-np.array([980, 4000]) / DECAYS[-1])
    assert found[2 * len(DECAYS) - 1] == pytest.approx(np.log1p(weights.sum()), rel=1e-4)


def test_unknown_users_have_no_session(tmp_path: Path) -> None:
    ratings = {"u": [("b", 5.0, 940)]}
    found = sessions(tmp_path, ratings, [("nobody", "a", 940), ("nobody", "gone", 0), ("u", "b", 940)])
    # No rating, none of known movies, and none but the one to predict.
    for row in found:
        np.testing.assert_allclose(row[:-1], 0, atol=1e-6)
        assert row[-1] == pytest.approx(np.sqrt(0.1))
