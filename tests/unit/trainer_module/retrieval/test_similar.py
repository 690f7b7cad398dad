"""Cosines that count less where few ratings stand behind a movie: numbers worked out by hand."""

import numpy as np
import pytest

from trainer_module.retrieval.similar import DAMPING, similar_candidates

# At angles of 0, 10 and 20 degrees, of different lengths; the second is not rated.
ANGLES = np.radians([0.0, 10.0, 20.0])
EMBEDDINGS = (np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1) * [[3.0], [0.5], [2.0]]).astype(np.float32)
RATINGS = np.array([99, 0, 49])


def similarities(damping: float) -> list[float]:
    """Of the first movie to each."""
    query = similar_candidates(EMBEDDINGS, RATINGS, 0.0)[0]
    found: list[float] = (similar_candidates(EMBEDDINGS, RATINGS, damping) @ query).tolist()
    return found


def test_without_damping_they_are_cosines() -> None:
    assert similarities(0.0) == pytest.approx(np.cos(ANGLES).tolist(), abs=1e-6)


def test_a_movie_without_ratings_falls_behind_a_known_one() -> None:
    support = [100 / 105, 1 / 6, 50 / 55]
    found = similarities(5.0)
    assert found == pytest.approx((np.cos(ANGLES) * support).tolist(), abs=1e-6)
    assert found[2] > found[1] > 0
    assert DAMPING > 0


def test_an_embedding_of_zeros_is_similar_to_nothing() -> None:
    assert similar_candidates(np.zeros([1, 2], np.float32), np.array([3]), 5.0).tolist() == [[0.0, 0.0]]
