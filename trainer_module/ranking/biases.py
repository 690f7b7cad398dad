"""The bias model: what is expected of a rating from who gave it and of which movie it is.

Free of TensorFlow, because a study fits it in a process that does not load it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

# Pseudo-ratings at the mean that damp the biases of movies and users with few ratings.
MOVIE_DAMPING = 25.0
USER_DAMPING = 10.0

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer[Any]]


def damped_biases(
    users: Ints,
    movies: Ints,
    ratings: npt.NDArray[np.floating[Any]],
    size: tuple[int, int],
    *,
    mean_rating: float | None = None,
    movie_damping: float = MOVIE_DAMPING,
    user_damping: float = USER_DAMPING,
) -> tuple[float, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The bias model, rating = mean + user bias + movie bias (Koren 2010, section 2.1, decoupled form).

    Args:
      users: who gave each rating, [N].
      movies: which movie it is of, [N].
      ratings: in stars, [N].
      size: numbers of users and of movies, (U, M).
      mean_rating: what biases are relative to; the mean of these ratings if None.
      movie_damping: ratings at the mean that each movie gets on top of its own.
      user_damping: the same for users.

    Returns:
      The mean, the bias of each user [U] and the bias of each movie [M].
    """
    mean = float(ratings.mean(dtype=np.float64)) if mean_rating is None else mean_rating
    movie_bias = _damped_means(movies, ratings - mean, size[1], movie_damping)
    user_bias = _damped_means(users, ratings - mean - movie_bias[movies], size[0], user_damping)
    return mean, user_bias.astype(np.float32), movie_bias.astype(np.float32)


def _damped_means(owners: Ints, values: Floats, size: int, damping: float) -> Floats:
    means: Floats = np.bincount(owners, values, size) / (damping + np.bincount(owners, minlength=size))
    return means
