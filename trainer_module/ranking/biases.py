"""The bias model: what is expected of a rating from who gave it and of which movie it is."""

import numpy as np
import numpy.typing as npt

from trainer_module.common.user_states import UserStates

# Pseudo-ratings at the mean that damp the biases of movies and users with few ratings.
MOVIE_DAMPING = 25.0
USER_DAMPING = 10.0


def damped_biases(
    states: UserStates, movies: int, mean_rating: float | None = None
) -> tuple[float, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The bias model, rating = mean + user bias + movie bias (Koren 2010, section 2.1, decoupled form).

    Args:
      states: the ratings, by user.
      movies: number of movies in the catalogue.
      mean_rating: what biases are relative to; the mean of these ratings if None.

    Returns:
      The mean, the bias of each user [U] and the bias of each catalogue position [M].
    """
    mean = states.mean_rating if mean_rating is None else mean_rating
    users = np.repeat(np.arange(len(states.ids)), np.diff(states.row_splits))
    movie_sums = np.bincount(states.positions, weights=states.ratings - mean, minlength=movies)
    movie_bias = movie_sums / (MOVIE_DAMPING + np.bincount(states.positions, minlength=movies))
    residuals = states.ratings - mean - movie_bias[states.positions]
    user_sums = np.bincount(users, weights=residuals, minlength=len(states.ids))
    user_bias = user_sums / (USER_DAMPING + np.diff(states.row_splits))
    return mean, user_bias.astype(np.float32), movie_bias.astype(np.float32)
