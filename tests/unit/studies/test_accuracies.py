"""Accuracy by score and by id, side by side: the same without ties, and what ties are worth to each."""

import numpy as np
import pytest

from studies.accuracies import read
from studies.tasks import ACCURACY_METRICS, BY_ID, BY_SCORE, TIED
from tests.unit.studies.worlds import ratings

MOVIES = 400
RANDOM = np.random.default_rng(7)
SCORES = RANDOM.random((50, MOVIES)) + 0.1
EVALUATION = ratings([(user, movie, 3.0, 0) for user in range(50) for movie in range(0, MOVIES, 8)])


def test_without_ties_both_read_the_same() -> None:
    reading = read(SCORES, EVALUATION, seed=1)

    assert reading.by_score == reading.by_id
    assert reading.by_id[100] == pytest.approx(100 / MOVIES, abs=0.03)
    assert reading.tied == 0


def test_a_perfect_ranking_is_found_by_both() -> None:
    scores = np.zeros((1, MOVIES))
    scores[0, 5] = 1.0
    reading = read(scores, ratings([(0, 5, 3.0, 0)]), seed=1)

    assert reading.by_score[10] == reading.by_id[10] == 1.0


def test_a_tie_across_the_end_of_the_list_counts_whole_by_score_and_in_part_by_id() -> None:
    # Six movies are better, then twenty tie, four of which the list of ten holds.
    scores = np.concatenate([np.arange(1000, 994, -1), np.full(20, 7.0), np.arange(MOVIES - 26) / MOVIES])
    rated = ratings([(0, movie, 3.0, 0) for movie in range(6, 26) for _ in range(200)])
    metrics = read(scores[np.newaxis], rated, seed=1).metrics()

    assert set(metrics) == set(ACCURACY_METRICS)
    assert metrics[BY_SCORE[10]] == 1.0
    assert metrics[BY_ID[10]] == pytest.approx(4 / 20, abs=0.02)
    # The whole tie lies within the first hundred.
    assert metrics[BY_SCORE[100]] == metrics[BY_ID[100]] == 1.0
    assert metrics[TIED] == 1.0


def test_movies_that_nobody_looks_for_may_tie() -> None:
    scores = np.array([[0.0] * (MOVIES - 1) + [1.0]])

    assert read(scores, ratings([(0, MOVIES - 1, 3.0, 0)]), seed=1).tied == 0


def test_the_order_of_ties_goes_by_the_seed() -> None:
    ties = np.zeros((50, MOVIES))

    assert read(ties, EVALUATION, seed=1) == read(ties, EVALUATION, seed=1) != read(ties, EVALUATION, seed=2)


def test_scores_that_are_no_numbers_find_nothing() -> None:
    reading = read(np.full((50, MOVIES), np.nan), EVALUATION, seed=1)

    assert reading.by_score == reading.by_id == {10: 0.0, 100: 0.0}


@pytest.mark.slow
def test_by_score_is_what_tfrs_counts() -> None:
    import tensorflow as tf
    import tensorflow_recommenders as tfrs

    # Whole numbers, so that a score is the same to the last bit however it is added up; many tie.
    queries, candidates = (
        RANDOM.integers(0, 3, size=(count, 4)).astype(np.float32) for count in (50, MOVIES)
    )
    metric = tfrs.metrics.FactorizedTopK(
        tf.data.Dataset.from_tensor_slices(candidates).batch(128), ks=(10, 100)
    )
    metric.update_state(tf.constant(queries[EVALUATION.user]), tf.constant(candidates[EVALUATION.movie]))
    reading = read(queries @ candidates.T, EVALUATION, seed=1)

    assert list(reading.by_score.values()) == pytest.approx([float(value) for value in metric.result()])
    assert reading.by_id[10] < 0.8 * reading.by_score[10]
