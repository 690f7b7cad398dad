"""The rating that user and movie give by themselves: mean + user bias + movie bias."""

from studies.data.split_data import Floats, Ints, SplitData
from trainer_module.ranking.biases import damped_biases


class DampedBiases:
    """The bias model that ranking is evaluated against, with a damping of its own.

    Args:
      movie_damping: ratings at the mean that each movie gets on top of its own.
      user_damping: the same for users.
    """

    def __init__(self, movie_damping: float, user_damping: float) -> None:
        self._movie_damping = movie_damping
        self._user_damping = user_damping

    def fit(self, data: SplitData) -> None:
        """Fits on `data.train`."""
        self._mean, self._user, self._movie = damped_biases(
            data.train.user,
            data.train.movie,
            data.train.rating,
            (len(data.user_ids), len(data.movie_ids)),
            movie_damping=self._movie_damping,
            user_damping=self._user_damping,
        )

    def predict(self, users: Ints, movies: Ints) -> Floats:
        """Pairs [n] to ratings [n]."""
        return self._mean + self._user[users].astype(float) + self._movie[movies]
