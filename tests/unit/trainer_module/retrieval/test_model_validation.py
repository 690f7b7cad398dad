"""The validation metrics of the retrieval model, by id."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from contracts import features
from pipeline.evaluation.ranked_ids import retrieval_by_user
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.retrieval.planted_model import PLAIN, metrics, model, plant, recall, watched
from tests.unit.trainer_module.tiny_world import silence
from trainer_module.retrieval.examples import TARGETS, Periods, RetrievalExamples, with_period
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.model import RetrievalModel


@pytest.mark.slow
def test_validation_chooses_how_much_recent_popularity_counts() -> None:
    counts = np.ones([20, 1 + 3 + 1], np.float32)
    counts[19, -1] = 100
    built = RetrievalModel(
        tiny_world.sizes(users=20, movies=20),
        RetrievalHyperparameters.model_validate({"embedding_dim": 1, **PLAIN}),
        tiny_world.catalogue([str(movie) for movie in range(1, 21)]),
        counts,
        np.ones(20, np.int32),
    )
    built.compute_loss(watched([(1, 1)]))
    silence(built)
    built.compile()
    # Movie 20 is last among ties, and first as soon as recent popularity counts.
    last = tf.data.Dataset.from_tensors(watched([(1, 20)]))
    assert built.blend(last, (0.0, 0.5)) == 0.5
    assert metrics(built, watched([(1, 20)])) == (1, 1)
    first = tf.data.Dataset.from_tensors(watched([(1, 1)]))
    assert built.blend(first, (0.5, 0.0)) == 0.0


def test_a_tower_without_information_scores_near_chance() -> None:
    # Score-based top-k counts ties as hits, so towers that died to zero look perfect to it.
    movies = 200
    built = model(movies)
    pairs = [(1, movie) for movie in range(1, movies + 1)]
    # All scores tie, so exactly the first 10 positions of the randomly ordered catalogue are shown.
    assert recall(built, watched(pairs)) == pytest.approx(0.05)
    by_score = tfrs.metrics.FactorizedTopK(
        tf.data.Dataset.from_tensors(built.candidate_embeddings()), ks=(10,)
    )
    zeros = tf.zeros([5, built.candidate_embeddings().shape[1]])
    by_score.update_state(zeros, zeros)
    assert [float(result) for result in by_score.result()] == [1.0]


def test_a_tower_with_all_information_scores_1() -> None:
    built = model(20, dim=20)
    one_hot = np.vstack([np.zeros(20), np.eye(20)])
    plant(built, one_hot, one_hot)
    assert metrics(built, watched([(movie, movie) for movie in range(1, 21)])) == (1, 1)


@pytest.mark.parametrize(("movie", "found"), [(11, 1), (10, 0), (1, 0)])
def test_the_tenth_place_counts_and_the_eleventh_does_not(movie: int, found: int) -> None:
    built = model(20)
    plant(built, np.ones([21, 1]), np.arange(21)[:, None])
    assert recall(built, watched([(1, movie)])) == found


def test_the_metrics_of_a_user_are_those_of_the_evaluator() -> None:
    built = model(20)
    plant(built, np.ones([21, 1]), np.arange(21)[:, None])
    batch = watched([(1, 19)])
    # The list is 20, 19, ... 11; of 19, 15 and 2 it holds the first two, at places 2 and 6.
    batch[TARGETS] = tf.constant([[18, -1, 14, 1]])
    by_hand = retrieval_by_user(np.zeros(3, np.int64), np.array([2, 6, 0]), [10])[0]
    assert metrics(built, batch) == pytest.approx((by_hand[0], by_hand[1]), rel=1e-5)


def test_what_a_user_has_rated_is_no_rival() -> None:
    built = model(20)
    plant(built, np.ones([21, 1]), np.arange(21)[:, None])
    # Ten movies are better than movie 10, two of which are history.
    assert recall(built, watched([(1, 10)], history=(20, 19))) == 1
    assert recall(built, watched([(1, 8)], history=(20, 19))) == 0


def test_what_a_user_has_rated_is_no_rival_however_long_ago() -> None:
    # Movies 9 to 20 were rated before the two that the history holds, and are better than movie 8.
    rated = [*range(20, 8, -1), 1, 2]
    catalogue = tiny_world.catalogue([str(movie) for movie in range(1, 21)])
    states = tiny_world.states(catalogue, {"ann": [(str(movie), 3.0, movie) for movie in rated]})
    settings = RetrievalHyperparameters.model_validate({"history_limit": 2, **PLAIN})
    periods = Periods.of(states.timestamps, 3)
    (batch,) = RetrievalExamples(
        with_period(states, periods, settings), periods, settings
    ).validation_batches(np.array([7], np.int32), np.array([0, 1]), seed=1)
    assert batch[features.HISTORY_MOVIE_INDEX].numpy().tolist() == [[1, 2]]
    built = model(20)
    plant(built, np.ones([21, 1]), np.arange(21)[:, None])
    assert metrics(built, batch) == (1, 1)


def test_a_tower_of_nans_finds_nothing() -> None:
    built = model(20)
    plant(built, np.full([21, 1], np.nan), np.ones([21, 1]))
    assert recall(built, watched([(1, movie) for movie in range(1, 21)])) == 0
