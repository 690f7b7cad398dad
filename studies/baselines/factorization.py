"""Matrix factorization of ratings, from scikit-surprise: SVD and SVD++ (Koren, Bell and Volinsky 2009)."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from surprise import SVD, SVDpp, Trainset

from studies.data.split_data import Floats, Ints, SplitData

_MODELS: Final = {"svd": SVD, "svd++": SVDpp}


class Factorization:
    """One of scikit-surprise's factorizations, fitted by stochastic gradient descent.

    Args:
      model: `svd` or `svd++`.
      seed: of the first factors.
      settings: scikit-surprise's own, such as `n_factors`, `n_epochs`, `lr_all` and `reg_all`.
    """

    def __init__(self, model: str, seed: int = 42, **settings: Any) -> None:
        self._model = _MODELS[model](random_state=seed, **settings)

    def fit(self, data: SplitData) -> None:
        """Fits over the train split in its order."""
        train = data.train
        self._users, of_user = np.unique(train.user, return_inverse=True)
        self._movies, of_movie = np.unique(train.movie, return_inverse=True)
        by_user: dict[int, list[tuple[int, float]]] = {user: [] for user in range(len(self._users))}
        by_movie: dict[int, list[tuple[int, float]]] = {movie: [] for movie in range(len(self._movies))}
        for user, movie, rating in zip(
            of_user.tolist(), of_movie.tolist(), train.rating.tolist(), strict=True
        ):
            by_user[user].append((movie, rating))
            by_movie[movie].append((user, rating))
        scale = (float(train.rating.min()), float(train.rating.max()))
        self._model.fit(
            Trainset(
                by_user,
                by_movie,
                len(self._users),
                len(self._movies),
                len(train),
                scale,
                {user: place for place, user in enumerate(self._users.tolist())},
                {movie: place for place, movie in enumerate(self._movies.tolist())},
            )
        )

    def predict(self, users: Ints, movies: Ints) -> Floats:
        """Pairs [n] to ratings [n]; what training has not seen adds nothing to the mean."""
        return np.fromiter(self._estimates(users, movies), np.float64, len(users))

    def _estimates(self, users: Ints, movies: Ints) -> Iterator[float]:
        for user, movie in zip(users.tolist(), movies.tolist(), strict=True):
            yield self._model.predict(user, movie, clip=False).est
