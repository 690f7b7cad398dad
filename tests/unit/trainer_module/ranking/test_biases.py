"""The bias model by hand."""

import numpy as np

from trainer_module.ranking.biases import damped_biases

# u rates b and a, v rates a; nobody rates the third movie.
USERS, MOVIES, RATINGS = np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([3.0, 5.0, 4.0], np.float32)
SIZE = (2, 3)


def test_damped_biases_by_hand() -> None:
    mean, users, by_movie = damped_biases(USERS, MOVIES, RATINGS, SIZE)
    assert mean == 4
    # a: (1 + 0) / (25 + 2), b: -1 / (25 + 1).
    a, b = 1 / 27, -1 / 26
    np.testing.assert_allclose(by_movie, [b, a, 0], rtol=1e-6)
    # What the movies leave: u has 1 - a and -1 - b over 10 + 2, v has -a over 10 + 1.
    np.testing.assert_allclose(users, [(1 - a - 1 - b) / 12, -a / 11], rtol=1e-5)


def test_damping_pulls_to_the_mean() -> None:
    _, users, by_movie = damped_biases(USERS, MOVIES, RATINGS, SIZE, movie_damping=1, user_damping=2)
    # a: 1 / (1 + 2), b: -1 / (1 + 1); u has 2/3 and -1/2 over 2 + 2, v has -1/3 over 2 + 1.
    np.testing.assert_allclose(by_movie, [-1 / 2, 1 / 3, 0], rtol=1e-6)
    np.testing.assert_allclose(users, [(2 / 3 - 1 / 2) / 4, -1 / 9], rtol=1e-5)


def test_biases_relative_to_another_mean() -> None:
    mean, _, by_movie = damped_biases(USERS, MOVIES, RATINGS, SIZE, mean_rating=3.0)
    assert mean == 3
    np.testing.assert_allclose(by_movie, [0, 3 / 27, 0], rtol=1e-6)
