"""Item-item models: cosine neighbours and EASE."""

import numpy as np
from scipy import linalg
from scipy.sparse import csr_matrix

from studies.baselines.base import watched
from studies.data.split_data import Floats, Ints, SplitData


class ItemKnn:
    """Sums the similarities of a movie's nearest neighbours among what the user has watched.

    similarity(i, j) = |users of both| / (sqrt(|users of i| |users of j|) + shrinkage); Deshpande and Karypis
    2004, Item-based top-N recommendation algorithms.

    Args:
      neighbours: kept of each movie.
      shrinkage: pulls similarities that few users carry towards 0.
    """

    def __init__(self, neighbours: int = 100, shrinkage: float = 10.0) -> None:
        self._neighbours = neighbours
        self._shrinkage = shrinkage

    def fit(self, data: SplitData) -> None:
        """Counts movies in common, [M, M] dense."""
        self._watched = watched(data)
        together: Floats = (self._watched.T @ self._watched).toarray()
        users = together.diagonal()
        similarity = together / np.maximum(np.sqrt(np.outer(users, users)) + self._shrinkage, 1e-12)
        np.fill_diagonal(similarity, 0)
        if self._neighbours < len(users):
            least = np.partition(similarity, -self._neighbours, axis=1)[:, [-self._neighbours]]
            similarity[similarity < least] = 0
        self._similarity = csr_matrix(similarity.T)

    def scores(self, users: Ints) -> Floats:
        """Users [B] to scores [B, M]."""
        scores: Floats = (self._watched[users] @ self._similarity).toarray()
        return scores


class Ease:
    """The closed-form linear autoencoder without self-similarity (Steck 2019, arXiv 1905.03375).

    With P = (X'X + penalty I)^-1, the weights are B = I - P / diag(P), and the scores X B.

    Args:
      penalty: on the squared weights.
    """

    def __init__(self, penalty: float = 300.0) -> None:
        self._penalty = penalty

    def fit(self, data: SplitData) -> None:
        """Inverts an [M, M] matrix."""
        self._watched = watched(data)
        gram: Floats = (self._watched.T @ self._watched).toarray()
        gram[np.diag_indices_from(gram)] += self._penalty
        inverse: Floats = linalg.inv(gram, overwrite_a=True)
        self._weights: Floats = inverse / -inverse.diagonal()
        np.fill_diagonal(self._weights, 0)

    def scores(self, users: Ints) -> Floats:
        """Users [B] to scores [B, M]."""
        scores: Floats = self._watched[users] @ self._weights
        return scores
