"""Sets of ratings inside a model: who has rated what, what is left out, what is unknown."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.unit.trainer_module import tiny_world
from trainer_module.ranking.biases import damped_biases
from trainer_module.ranking.rating_sets import RatingSet, RatingSets

# Owner 1 has rated 3 and then 1; owner 3 has rated 2, 1 and 3. Owner 2 has rated nothing.
OWNERS = np.array([3, 1, 3, 1, 3])
MEMBERS = np.array([1, 1, 2, 3, 3])
RESIDUALS = np.array([0.5, -1.0, 2.0, 1.5, -0.25], np.float32)
TIMESTAMPS = np.array([20, 30, 10, 5, 40])


def ratings(limit: int = 10) -> RatingSet:
    # Embedding columns that distinguish themselves from members.
    return RatingSet(OWNERS, MEMBERS, MEMBERS * 2, RESIDUALS, TIMESTAMPS, rows=4, limit=limit)


def rows(*values: int) -> tf.Tensor:
    return tf.constant(values, tf.int64)


def test_ratings_lie_by_owner_and_time() -> None:
    held = ratings()
    assert held.row_splits.numpy().tolist() == [0, 0, 2, 2, 5]
    assert held.members.numpy().tolist() == [3, 1, 2, 1, 3]
    assert held.residuals.numpy().tolist() == [1.5, -1, 2, 0.5, -0.25]
    assert held.counts(rows(0, 1, 2, 3)).numpy().tolist() == [0, 2, 0, 3]
    total, squares = held.sums(rows(1, 0))
    assert total.numpy().tolist() == [0.5, 0]
    assert squares.numpy().tolist() == [3.25, 0]


def test_the_limit_keeps_the_latest() -> None:
    held = ratings(limit=2)
    assert held.members.numpy().tolist() == [3, 1, 1, 3]
    # What was left out is not held, so nothing is subtracted for it.
    assert held.membership(rows(3, 3), rows(2, 1)).held.numpy().tolist() == [0, 1]


def test_membership_of_pairs() -> None:
    found = ratings().membership(rows(1, 1, 3, 0, 2, 3, 3, 0), rows(3, 2, 2, 1, 1, 3, 99, 0))
    assert found.held.numpy().tolist() == [1, 0, 1, 0, 0, 1, 0, 0]
    assert found.residual.numpy().tolist() == [1.5, 0, 2, 0, 0, -0.25, 0, 0]


def test_a_member_beyond_all_is_not_taken_for_one_of_the_next_row() -> None:
    # Members end at 3: row 2 with member 4 + 1 would be the pair of row 3 with member 1.
    assert ratings().membership(rows(2), rows(5)).held.numpy().tolist() == [0]


def test_matrices_by_hand() -> None:
    ones, residuals = ratings().matrices(rows(3, 0, 1), 8)
    np.testing.assert_array_equal(
        tf.sparse.to_dense(tf.sparse.reorder(ones)),
        [[0, 0, 1, 0, 1, 0, 1, 0], [0] * 8, [0, 0, 1, 0, 0, 0, 1, 0]],
    )
    np.testing.assert_array_equal(
        tf.sparse.to_dense(tf.sparse.reorder(residuals)),
        [[0, 0, 0.5, 0, 2, 0, -0.25, 0], [0] * 8, [0, 0, -1, 0, 0, 0, 1.5, 0]],
    )


@pytest.mark.parametrize(("moment", "place"), [(0, 2), (10, 2), (11, 3), (40, 4), (41, 5), (-5, 2)])
def test_the_place_of_a_point_in_time(moment: int, place: int) -> None:
    assert ratings().place(rows(3), rows(moment)).numpy().tolist() == [place]


def test_both_sides_of_user_states(tmp_path: Path) -> None:
    movies = tiny_world.catalogue(["b", "a", "cold"], unrated=["cold"])
    states = tiny_world.states(
        movies, {"u": [("a", 5.0, 1), ("cold", 1.0, 2)], "v": [("a", 4.0, 3)], "w": [("b", 2.0, 9)]}
    )
    sets = RatingSets(states, movies, mean_rating=3.0, limit=10, assets=str(tmp_path), name="test")
    users = sets.user_rows(tf.constant(["v", "nobody", "u", ""]))
    assert users.numpy().tolist() == [2, 0, 1, 0]
    assert sets.latest(users).numpy().tolist() == [3, 0, 2, 0]
    found = sets.movie_rows(tf.constant(["a", "gone", "cold"]))
    assert found.numpy().tolist() == [2, 0, 3]
    _, user_bias, movie_bias = damped_biases(
        states.users, states.positions, states.ratings, (len(states.ids), len(movies)), mean_rating=3.0
    )
    # u's ratings of "a" and "cold", less the mean and the movies' biases; "cold" does not have an embedding.
    assert sets.users.columns.numpy().tolist() == [2, 0, 2, 1]
    np.testing.assert_allclose(sets.users.residuals[:2], [2 - movie_bias[1], -2 - movie_bias[2]], rtol=1e-6)
    # The raters of "b", of "a" (two of them) and of "cold".
    assert sets.movies.row_splits.numpy().tolist() == [0, 0, 1, 3, 4]
    assert sets.movies.columns.numpy().tolist() == [3, 1, 2, 1]
    np.testing.assert_allclose(sets.movies.residuals[1:3], [2 - user_bias[0], 1 - user_bias[1]], rtol=1e-6)
    # One movie, one genre.
    assert sets.genres.shape == (4, 21)
    assert tf.reduce_sum(sets.genres, axis=1).numpy().tolist() == [0, 1, 1, 1]
