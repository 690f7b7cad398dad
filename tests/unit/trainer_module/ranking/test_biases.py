"""The bias model by hand."""

import numpy as np

from tests.unit.trainer_module import tiny_world
from trainer_module.ranking.biases import damped_biases

MOVIES = tiny_world.catalogue(["b", "a", "never"])
STATES = tiny_world.states(MOVIES, {"u": [("a", 5.0, 1), ("b", 3.0, 2)], "v": [("a", 4.0, 3)]})


def test_damped_biases_by_hand() -> None:
    mean, users, by_movie = damped_biases(STATES, len(MOVIES))
    assert mean == 4
    # a: (1 + 0) / (25 + 2), b: -1 / (25 + 1).
    a, b = 1 / 27, -1 / 26
    np.testing.assert_allclose(by_movie, [b, a, 0], rtol=1e-6)
    # What the movies leave: u has 1 - a and -1 - b over 10 + 2, v has -a over 10 + 1.
    np.testing.assert_allclose(users, [(1 - a - 1 - b) / 12, -a / 11], rtol=1e-5)


def test_biases_relative_to_another_mean() -> None:
    mean, _, by_movie = damped_biases(STATES, len(MOVIES), mean_rating=3.0)
    assert mean == 3
    np.testing.assert_allclose(by_movie, [0, 3 / 27, 0], rtol=1e-6)
