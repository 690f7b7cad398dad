"""Implicit-feedback matrix factorization by alternating least squares, from the `implicit` package."""

import numpy as np
from implicit.als import AlternatingLeastSquares

from studies.baselines.base import watched
from studies.data.split_data import Floats, Ints, SplitData


class ImplicitAls:
    """Hu, Koren and Volinsky 2008, Collaborative Filtering for Implicit Feedback Datasets.

    Args:
      factors: width of the embeddings.
      regularization: L2 penalty on them.
      alpha: confidence of a watched movie; that of another one is 1.
      iterations: over users and movies.
      seed: of the first embeddings.
    """

    def __init__(
        self,
        factors: int = 64,
        regularization: float = 10.0,
        alpha: float = 8.0,
        iterations: int = 20,
        seed: int = 42,
    ) -> None:
        self._model = AlternatingLeastSquares(
            factors=factors,
            regularization=regularization,
            alpha=alpha,
            iterations=iterations,
            random_state=seed,
            # Several threads sum in an order of their own, and this one is quick.
            num_threads=1,
        )

    def fit(self, data: SplitData) -> None:
        """Alternates."""
        self._model.fit(watched(data).astype(np.float32), show_progress=False)

    def scores(self, users: Ints) -> Floats:
        """Users [B] to scores [B, M]."""
        scores: Floats = self._model.user_factors[users] @ self._model.item_factors.T
        return scores
