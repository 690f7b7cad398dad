"""The loss and the scores of the retrieval model, by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from contracts import features
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.retrieval.planted_model import PLAIN, model, plant, watched
from tests.unit.trainer_module.tiny_world import silence, variable
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.model import RetrievalModel, loss_for, popularity_features
from trainer_module.retrieval.towers import QUERY_FEATURES


def test_towers_receive_how_popular_the_latest_movies_are() -> None:
    built = RetrievalModel(
        tiny_world.sizes(users=2, movies=3),
        RetrievalHyperparameters.model_validate({**PLAIN, "sequence_length": 1, "towers": 2}),
        tiny_world.catalogue(["1", "2", "3"]),
        np.repeat([[1], [1], [8]], 1 + 3 + 1, axis=1).astype(np.float32),
        np.ones(3, np.int32),
    )
    built.compute_loss(watched([(1, 1), (2, 2)]))
    (traits,) = (weight for weight in built.non_trainable_variables if "known_traits" in weight.name)
    # The z-scores of two equal numbers and a larger one, whatever they are.
    expected = [0, -math.sqrt(0.5), -math.sqrt(0.5), math.sqrt(2)]
    np.testing.assert_allclose(traits[:, -1], expected, rtol=1e-6)


def test_the_sampling_probability_corrects_the_loss() -> None:
    built = model(3, ratings=[2, 1, 1], loss="sampled_softmax")
    plant(built, [[0], [1], [2], [0]], [[0], [3], [0], [9]])
    # Two draws: movie 1 is in 3 of 4 such batches, movie 2 in 7 of 16. Movie 3 is not in this one.
    first, second = 4 / 3, 16 / 7
    by_hand = [
        -math.log(first * math.exp(3) / (first * math.exp(3) + second)),
        -math.log(second / (first * math.exp(6) + second)),
    ]
    loss = built.compute_loss(watched([(1, 1), (2, 2)]))
    assert float(loss) == pytest.approx(sum(by_hand) / 2, rel=1e-5)


def test_the_same_movie_twice_in_a_batch_is_no_negative() -> None:
    built = model(2, loss="sampled_softmax")
    plant(built, [[0], [1], [2]], [[0], [3], [0]])
    # Two rows of movie 1: each has one rival, movie 2 of the third row, and not its own double.
    by_hand = [math.log(1 + math.exp(-3)), math.log(1 + math.exp(-6)), math.log(1 + math.exp(3))]
    loss = built.compute_loss(watched([(1, 1), (2, 1), (1, 2)]))
    assert float(loss) == pytest.approx(sum(by_hand) / 3, rel=1e-5)


@pytest.mark.parametrize("history", [(0, 3), (3, 3)])
def test_the_full_softmax_is_over_all_that_was_not_seen(history: tuple[int, ...]) -> None:
    built = model(4, loss="full_softmax")
    plant(built, [[0], [1], [0], [0], [0]], [[50], [3], [2], [1], [0]])
    by_hand = math.log(math.exp(3) + math.exp(2) + math.exp(0)) - 2
    assert float(built.compute_loss(watched([(1, 2)], history))) == pytest.approx(by_hand, rel=1e-5)


def test_the_squared_loss_is_over_all_that_was_not_seen() -> None:
    built = model(4, loss="weighted_squared", unobserved_weight=0.5)
    plant(built, [[0], [1], [0], [0], [0]], [[50], [3], [2], [1], [4]])
    # Movie 3 was seen: (2 - 1)^2 + (3^2 + 4^2) / 2.
    assert float(built.compute_loss(watched([(1, 2)], (0, 3)))) == pytest.approx(1 + 25 / 2, rel=1e-5)


def test_the_squared_loss_may_have_seen_movies_as_targets() -> None:
    built = model(4, loss="weighted_squared", unobserved_weight=0.5, given_weight=0.25)
    plant(built, [[0], [1], [0], [0], [0]], [[50], [3], [2], [5], [4]])
    # As above, and (5 - 1)^2 / 4 of movie 3.
    loss = float(built.compute_loss(watched([(1, 2)], (0, 3))))
    assert loss == pytest.approx(1 + 25 / 2 + 16 / 4, rel=1e-5)


@pytest.mark.parametrize(
    ("as_of", "period", "negatives"),
    [
        # Movies 1, 3 and 4 came in periods 1, 2 and 3.
        ("now", 1, [3]),
        ("now", 2, [3, 1]),
        ("now", 3, [3, 1, 0]),
        # A query without a period is of now, when all are there.
        ("now", 0, [3, 1, 0]),
        ("last_rating", 1, [3, 1, 0]),
    ],
)
def test_what_came_later_is_no_negative_of_queries_as_of_now(
    as_of: str, period: int, negatives: list[float]
) -> None:
    built = model(4, loss="full_softmax", as_of=as_of, first_period=(1, 1, 2, 3))
    plant(built, [[0], [1], [0], [0], [0]], [[50], [3], [2], [1], [0]])
    by_hand = math.log(math.exp(2) + sum(map(math.exp, negatives))) - 2
    loss = float(built.compute_loss(watched([(1, 2)], period=period)))
    assert loss == pytest.approx(by_hand, rel=1e-5)


def test_what_came_later_is_no_negative_of_a_sample_either() -> None:
    built = model(2, loss="sampled_softmax", as_of="now", first_period=(1, 3))
    plant(built, [[0], [1], [1]], [[0], [3], [0]])
    # Two rows of period 2: movie 1 does not have a rival, movie 2 is to be found although it came later.
    loss = float(built.compute_loss(watched([(1, 1), (2, 2)], period=2)))
    assert loss == pytest.approx(math.log(1 + math.exp(3)) / 2, rel=1e-5)


def test_what_came_later_has_no_weight_in_the_squared_loss() -> None:
    settings = {"loss": "weighted_squared", "unobserved_weight": 0.5, "given_weight": 0.25}
    built = model(4, as_of="now", first_period=(1, 1, 2, 3), **settings)
    plant(built, [[0], [1], [0], [0], [0]], [[50], [3], [2], [5], [4]])
    # The target 2, movie 1 that was passed over, and movie 3 that was seen, but not the later movie 4.
    loss = float(built.compute_loss(watched([(1, 2)], (0, 3), period=2)))
    assert loss == pytest.approx(1 + 9 / 2 + 16 / 4, rel=1e-5)


def test_a_score_takes_recent_popularity_as_of_the_query_s_period() -> None:
    # All time, the starts of periods 1, 2 and 3, and now: another movie is ahead in each.
    ratings = np.array([[9, 9, 1, 1, 1], [1, 1, 9, 1, 1], [1, 1, 1, 9, 1], [1, 1, 1, 1, 9]], np.float32)
    built = RetrievalModel(
        tiny_world.sizes(users=4, movies=4),
        RetrievalHyperparameters.model_validate({"embedding_dim": 1, **PLAIN}),
        tiny_world.catalogue(list("1234")),
        ratings,
        np.ones(4, np.int32),
    )
    built.compute_loss(watched([(1, 1)]))
    silence(built)
    built.set_blend(2.0)
    for period, ahead in ((1, 0), (2, 1), (3, 2), (0, 3)):
        query = built.query_tower({name: watched([(1, 1)], period=period)[name] for name in QUERY_FEATURES})
        scores = tf.matmul(query, built.candidate_embeddings(), transpose_b=True).numpy()[0]
        # Twice the z-scores of one number among three equal ones.
        expected = np.full(4, -2 / math.sqrt(3))
        expected[ahead] = 2 * math.sqrt(3)
        np.testing.assert_allclose(scores, expected, rtol=1e-5, err_msg=f"period {period}")


@pytest.mark.parametrize("loss", ["sampled_softmax", "full_softmax", "weighted_squared"])
def test_a_step_learns_every_weight_of_the_towers(loss: str) -> None:
    tf.keras.utils.set_random_seed(1)
    built = RetrievalModel(
        tiny_world.sizes(users=4, movies=4),
        RetrievalHyperparameters.model_validate(
            {"embedding_dim": 3, "loss": loss, "dropout": 0, "periods": 2}
        ),
        tiny_world.catalogue(list("1234")),
        np.array([[1, 0, 1, 2], [2, 1, 0, 1], [3, 0, 4, 5], [4, 2, 2, 1]], np.float32),
        np.ones(4, np.int32),
    )
    batch = watched([(row, row) for row in (1, 2, 3, 4)])
    batch[features.HISTORY_MOVIE_INDEX] = tf.constant([[2], [3], [4], [1]], tf.int64)
    with tf.GradientTape() as tape:
        loss_value = built.compute_loss(batch)
    for weight in built.trainable_variables:
        assert weight.shape.num_elements(), weight.name
    gradients = tape.gradient(loss_value, built.trainable_variables)
    learned = {
        weight.name
        for weight, gradient in zip(built.trainable_variables, gradients, strict=True)
        if gradient is not None and np.abs(tf.convert_to_tensor(gradient)).max() > 0
    }
    for part in ("user_index", "movie_index", "window", "period", "popularity", "bias", "age"):
        assert any(part in name for name in learned), part


def test_popularity_is_the_z_score_of_the_log() -> None:
    ratings = np.array([[0, 5], [math.e**2 - 1, 5]], np.float32)
    np.testing.assert_allclose(popularity_features(ratings), [[-1, 0], [1, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("loss", "movies", "expected"),
    [
        ("auto", 20_000, "full_softmax"),
        ("auto", 20_001, "sampled_softmax"),
        ("sampled_softmax", 10, "sampled_softmax"),
        ("weighted_squared", 90_000, "weighted_squared"),
    ],
)
def test_auto_samples_from_large_catalogues(loss: str, movies: int, expected: str) -> None:
    settings = RetrievalHyperparameters.model_validate({"loss": loss, "batch_size": 1000})
    assert loss_for(settings, movies) == expected


def test_scores_that_do_not_fit_into_memory_are_an_error() -> None:
    settings = RetrievalHyperparameters(loss="full_softmax", batch_size=4096)
    with pytest.raises(ValueError, match=r"retrieval\.loss full_softmax scores all 90,000 movies"):
        loss_for(settings, 90_000)


def test_towers_side_by_side_are_searched_by_their_mean_score() -> None:
    built = model(3, towers=2)
    for number, (queries, movies) in enumerate(
        zip(built.query_tower.towers, built.candidate_tower.towers, strict=True), start=1
    ):
        variable(queries, features.USER_INDEX)[1].assign([float(number)])
        variable(movies, "movie_index_embedding").assign([[0], [1], [2], [10 * number]])
    queries = {name: watched([(1, 1)])[name] for name in QUERY_FEATURES}
    scores = tf.matmul(built.query_tower(queries), built.candidate_embeddings(), transpose_b=True)
    np.testing.assert_allclose(scores, [[(1 + 2) / 2, (2 + 4) / 2, (10 + 40) / 2]])
    np.testing.assert_allclose(built.movie_embeddings(), [[1, 1], [2, 2], [10, 20]])
    # Each pair learns by itself.
    one = math.log(math.exp(1) + math.exp(2) + math.exp(10)) - 1
    two = math.log(math.exp(2) + math.exp(4) + math.exp(40)) - 2
    assert float(built.compute_loss(watched([(1, 1)]))) == pytest.approx(one + two, rel=1e-5)
