"""What every baseline is: fitted on ratings, then called for scores of movies or for ratings."""

from typing import Protocol

import numpy as np
from scipy.sparse import csr_matrix

from studies.data.split_data import Floats, Ints, SplitData


class RetrievalBaseline(Protocol):
    """Ranks the catalogue for known users."""

    def fit(self, data: SplitData) -> None:
        """Fits on `data.train`."""

    def scores(self, users: Ints) -> Floats:
        """Users [B] to scores of all movies [B, M], higher is better; equal ones are ties."""


class RatingBaseline(Protocol):
    """Predicts ratings."""

    def fit(self, data: SplitData) -> None:
        """Fits on `data.train`."""

    def predict(self, users: Ints, movies: Ints) -> Floats:
        """Pairs [n] to ratings in stars [n], which may lie off the scale."""


def watched(data: SplitData) -> csr_matrix:
    """The train split as implicit feedback: [U, M] with 1 where the user has rated the movie."""
    train = data.train
    ones = np.ones(len(train), np.float64)
    return csr_matrix((ones, (train.user, train.movie)), (len(data.user_ids), len(data.movie_ids)))
