"""The rating that user and movie give by themselves: mean + user bias + movie bias."""

from typing import Final

import numpy as np

from studies.data.split_data import Floats, Ints, SplitData

# Rounds over movies and users; later ones change no bias by a hundredth of a star.
ROUNDS: Final = 10


class DampedBiases:
    """Koren 2010, Factor in the Neighbors, section 2.1: least squares with a penalty, by alternation.

    Args:
      movie_damping: ratings at the mean that each movie gets on top of its own.
      user_damping: the same for users.
    """

    def __init__(self, movie_damping: float = 25.0, user_damping: float = 10.0) -> None:
        self._movie_damping = movie_damping
        self._user_damping = user_damping

    def fit(self, data: SplitData) -> None:
        """Takes damped means of what is left of each rating, of movies and of users in turn."""
        train = data.train
        users, movies = len(data.user_ids), len(data.movie_ids)
        self._mean = float(train.rating.mean())
        left = train.rating - self._mean
        self._user = np.zeros(users)
        for _ in range(ROUNDS):
            self._movie = _damped_mean(
                train.movie, left - self._user[train.user], movies, self._movie_damping
            )
            self._user = _damped_mean(train.user, left - self._movie[train.movie], users, self._user_damping)

    def predict(self, users: Ints, movies: Ints) -> Floats:
        """Pairs [n] to ratings [n]."""
        return self._mean + self._user[users] + self._movie[movies]


def _damped_mean(of: Ints, values: Floats, size: int, damping: float) -> Floats:
    sums = np.bincount(of, values, size)
    # Without damping a movie that nobody has rated would divide 0 by 0.
    means: Floats = sums / np.maximum(damping + np.bincount(of, minlength=size), 1e-12)
    return means
