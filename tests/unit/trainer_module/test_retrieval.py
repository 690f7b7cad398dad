"""The retrieval model: its loss by hand, its validation figure by id, and what a training run exports."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.conftest import Transformed
from tests.unit.trainer_module.tiny_world import MOVIES, silence, variable
from trainer_module import features
from trainer_module.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval import RetrievalModel, run_fn
from trainer_module.training_setup import CODE_FINGERPRINT, HISTORY_LENGTH, HYPERPARAMETERS, SEED

HISTORY = 3


def model(movies: int, probability: list[float] | None = None, dim: int = 1) -> RetrievalModel:
    """A model of as many users as movies, all of whose weights are 0."""
    built = RetrievalModel(
        tiny_world.sizes(users=movies, movies=movies),
        RetrievalHyperparameters(embedding_dim=dim, dropout=0.0, unknown_id_share=0.0),
        tiny_world.catalogue([str(movie) for movie in range(1, movies + 1)]),
        np.array(probability or [1 / (movies + 1)] * (movies + 1), np.float32),
    )
    built.compute_loss(watched([(1, 1), (2, 2)]))
    silence(built)
    built.compile()
    return built


def watched(pairs: list[tuple[int, int]], history: tuple[int, ...] = ()) -> dict[str, tf.Tensor]:
    """A batch of (user index, movie index)."""
    rows = [
        tiny_world.transformed(
            str(user), str(movie), user_index=user, movie_index=movie, history_movie_index=history
        )
        for user, movie in pairs
    ]
    return tiny_world.batch(rows, HISTORY)


def plant(built: RetrievalModel, users: object, movies: object) -> None:
    """Sets the embeddings of users and movies, row 0 being the unknown one."""
    variable(built.query_tower, features.USER_INDEX).assign(users)
    variable(built.candidate_tower, features.MOVIE_INDEX).assign(movies)


def recall(built: RetrievalModel, batch: dict[str, tf.Tensor]) -> float:
    dataset = tf.data.Dataset.from_tensors(batch)
    return float(built.evaluate(dataset, verbose=0, return_dict=True)["recall_at_10"])


def test_the_sampling_probability_corrects_the_loss() -> None:
    built = model(2, probability=[0.25, 0.5, 0.25])
    plant(built, [[0], [1], [2]], [[0], [3], [0]])
    # Scores [[3, 0], [6, 0]], minus log(1/2) and log(1/4): each candidate's weight is 2 or 4 times its exp.
    by_hand = [
        -math.log(2 * math.exp(3) / (2 * math.exp(3) + 4)),
        -math.log(4 / (2 * math.exp(6) + 4)),
    ]
    loss = built.compute_loss(watched([(1, 1), (2, 2)]))
    assert float(loss) == pytest.approx(sum(by_hand) / 2, rel=1e-5)


def test_the_same_movie_twice_in_a_batch_is_no_negative() -> None:
    built = model(2, probability=[0.2, 0.4, 0.4])
    plant(built, [[0], [1], [2]], [[0], [3], [0]])
    # Two rows of movie 1: each has one rival, movie 2 of the third row, and not its own double.
    by_hand = [
        math.log(1 + math.exp(-3)),
        math.log(1 + math.exp(-6)),
        math.log(1 + 2 * math.exp(3)),
    ]
    loss = built.compute_loss(watched([(1, 1), (2, 1), (1, 2)]))
    assert float(loss) == pytest.approx(sum(by_hand) / 3, rel=1e-5)


def test_a_gradient_reaches_every_variable() -> None:
    tf.keras.utils.set_random_seed(1)
    sizes = tiny_world.sizes(users=4, movies=4)
    built = RetrievalModel(
        sizes,
        RetrievalHyperparameters(embedding_dim=3),
        tiny_world.catalogue(list("1234")),
        np.full(5, 0.2, np.float32),
    )
    rows = [
        tiny_world.transformed(
            str(row),
            str(row),
            user_index=row,
            movie_index=row,
            age_normalized=row / 4,
            age_bucket_index=row,
            gender_index=row % 2,
            occupation_index=row % 3,
            zip_area_index=row,
            history_movie_index=[row % 4 + 1],
            genres_multi_hot=np.eye(len(features.GENRES), dtype=np.float32)[row],
            title_word_index=[row],
            release_year_normalized=row - 2.5,
            release_decade_index=row,
        )
        for row in (1, 2, 3, 4)
    ]
    with tf.GradientTape() as tape:
        loss = built.compute_loss(tiny_world.batch(rows, HISTORY))
    gradients = tape.gradient(loss, built.trainable_variables)
    for weight, gradient in zip(built.trainable_variables, gradients, strict=True):
        assert gradient is not None, weight.name
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, weight.name


def test_a_tower_that_knows_nothing_scores_near_chance() -> None:
    # Score-based top-k counts ties as hits, so towers that died to zero look perfect to it.
    tf.keras.utils.set_random_seed(1)
    movies = 200
    built = model(movies)
    pairs = [(user, movie) for user in range(1, 11) for movie in range(1, movies + 1)]
    # 10 of 200; the standard deviation over 2,000 rows is .005.
    assert recall(built, watched(pairs)) == pytest.approx(0.05, abs=0.02)
    by_score = tfrs.metrics.FactorizedTopK(
        tf.data.Dataset.from_tensors(built.candidate_embeddings()), ks=(10,)
    )
    by_score.update_state(tf.zeros([5, 1]), tf.zeros([5, 1]))
    assert [float(result) for result in by_score.result()] == [1.0]


def test_a_tower_that_knows_everything_scores_1() -> None:
    built = model(20, dim=20)
    one_hot = np.vstack([np.zeros(20), np.eye(20)])
    plant(built, one_hot, one_hot)
    assert recall(built, watched([(movie, movie) for movie in range(1, 21)])) == 1


@pytest.mark.parametrize(("movie", "found"), [(11, 1), (10, 0), (1, 0)])
def test_the_tenth_place_counts_and_the_eleventh_does_not(movie: int, found: int) -> None:
    built = model(20)
    plant(built, np.ones([21, 1]), np.arange(21)[:, None])
    assert recall(built, watched([(1, movie)])) == found


def test_what_a_user_has_rated_is_no_rival() -> None:
    built = model(20)
    plant(built, np.ones([21, 1]), np.arange(21)[:, None])
    # Ten movies are better than movie 10, two of which are history.
    assert recall(built, watched([(1, 10)], history=(20, 19))) == 1
    assert recall(built, watched([(1, 8)], history=(20, 19))) == 0
    # The target counts even where the user rated it before.
    assert recall(built, watched([(1, 20)], history=(20, 19))) == 1


def test_a_tower_of_nans_finds_nothing() -> None:
    built = model(20)
    plant(built, np.full([21, 1], np.nan), np.ones([21, 1]))
    assert recall(built, watched([(1, movie) for movie in range(1, 21)])) == 0


@pytest.mark.slow
def test_a_training_run_exports_the_whole_catalogue(
    tmp_path: Path, transformed: Transformed, movie_files: list[str]
) -> None:
    run_fn(
        SimpleNamespace(
            train_files=[transformed.files],
            eval_files=[],
            movie_files=movie_files,
            transform_graph_path=transformed.path,
            serving_model_dir=str(tmp_path / "model"),
            model_run_dir=str(tmp_path / "run"),
            hyperparameters=None,
            custom_config={
                HYPERPARAMETERS: {"epochs": 2, "validation_share": 0.4, "embedding_dim": 4},
                SEED: 1,
                HISTORY_LENGTH: 2,
                CODE_FINGERPRINT: "",
            },
        )
    )
    answer = tf.saved_model.load(str(tmp_path / "model")).signatures[features.SERVING_DEFAULT]
    found = answer(user_id=tf.constant(["ann", "nobody"]))
    own, everything = ({id_.decode() for id_ in row} for row in found[features.MOVIE_ID].numpy())
    every_id = {movie["movie_id"] for movie in MOVIES}
    assert own == every_id - {"1", "2"} | {""}
    assert everything == every_id
    assert found[features.KNOWN_USER].numpy().tolist() == [True, False]
    assert json.loads((tmp_path / "run" / features.FIT_FILE).read_text())["monitor"] == "val_recall_at_10"
    indexes = json.loads((tmp_path / "run" / features.INDEX_FILE).read_text())
    for name in ("candidates", "directions"):
        assert indexes[name]["kind"] == "brute_force"
        assert indexes[name]["reason"] == "fewer than 50,000 movies"
