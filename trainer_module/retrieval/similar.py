"""Which movies are similar: cosines that count less where few ratings stand behind them."""

from typing import Final

import numpy as np
import numpy.typing as npt

# Ratings at which the cosine of a movie counts half; chosen by `python -m studies similar`.
DAMPING: Final = 5.0

Floats = npt.NDArray[np.float32]


def similar_candidates(embeddings: Floats, ratings: Floats, damping: float) -> Floats:
    """What is searched for the movies similar to one: cos(i, j) (n_j + 1) / (n_j + 1 + damping) with query i.

    The embedding of a movie with few ratings is still near where it began, so the nearest by cosine are
    often movies that hardly anybody has rated. The shrinkage is that of item-based neighbourhoods (Koren
    2008, section 2.2), by the ratings n_j of the candidate; the 1 keeps the direction of a movie without any.

    Args:
      embeddings: of the movies, [M, dim].
      ratings: of training by movie, [M].
      damping: ratings at which a cosine counts half; 0 leaves it as it is.

    Returns:
      Vectors [M, dim] along the embeddings, at most of length 1.
    """
    lengths = np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    support = (ratings + 1.0) / (ratings + 1.0 + damping)
    candidates: Floats = (embeddings / lengths * support[:, np.newaxis]).astype(np.float32)
    return candidates
