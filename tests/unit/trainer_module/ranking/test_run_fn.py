"""The ranking model: its starting point, what it reads, and what a training run exports."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from contracts import artifacts, features
from contracts import signatures as signature_names
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.tiny_world import ANN, MOVIES, RATINGS, silence, variable
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.ranking.run_fn import CATEGORIES, ID_FEATURES, INPUT_FEATURES, RankingModel, run_fn

SIZES = tiny_world.sizes(users=4, movies=4)
ROWS = [
    tiny_world.transformed(
        str(row),
        str(row),
        user_index=row,
        movie_index=row,
        user_rating=float(row),
        age_normalized=row / 4,
        age_bucket_index=row,
        gender_index=row % 2,
        occupation_index=row % 3,
        zip_area_index=row,
        hour_index=row,
        weekday_index=row,
        history_movie_index=[row % 4 + 1, row],
        history_rating_centred=[1.0, -0.5],
        genres_multi_hot=np.eye(len(features.GENRES), dtype=np.float32)[row],
        title_word_index=[row],
        release_year_normalized=row - 2.5,
        release_decade_index=row,
    )
    for row in (1, 2, 3, 4)
]
BATCH = tiny_world.batch(ROWS, history_length=3)


def model(structure: str = "stacked", dropout: float = 0.0, **more: object) -> RankingModel:
    tf.keras.utils.set_random_seed(1)
    hyperparameters = RankingHyperparameters.model_validate(
        {
            "structure": structure,
            "embedding_dim": 3,
            "hidden_units": (8, 4),
            "dropout": dropout,
            "unknown_id_share": 0.0,
            **more,
        }
    )
    built = RankingModel(SIZES, hyperparameters, mean_rating=3.5)
    built(BATCH)
    return built


def test_a_model_that_has_learnt_nothing_predicts_the_mean() -> None:
    built = model()
    bias = variable(built, "rating/bias")
    mean = bias.numpy()
    silence(built)
    bias.assign(mean)
    assert built(BATCH).numpy().tolist() == [3.5] * 4
    # Squared errors 2.5, 1.5, .5 and .5, squared.
    assert float(built.compute_loss(BATCH)) == pytest.approx((6.25 + 2.25 + 0.25 + 0.25) / 4)


@pytest.mark.parametrize("structure", ["stacked", "parallel", "low_rank", "dnn"])
def test_a_gradient_reaches_every_variable(structure: str) -> None:
    built = model(structure)
    with tf.GradientTape() as tape:
        loss = built.compute_loss(BATCH)
    gradients = tape.gradient(loss, built.trainable_variables)
    for weight, gradient in zip(built.trainable_variables, gradients, strict=True):
        assert gradient is not None, weight.name
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, weight.name


@pytest.mark.parametrize("name", INPUT_FEATURES)
def test_every_feature_changes_the_prediction(name: str) -> None:
    built = model()
    # As initialized, the embeddings are so small that a float32 may not show the difference.
    for weight in built.trainable_variables:
        weight.assign(weight * 10)
    without = {**BATCH, name: tf.zeros_like(BATCH[name])}
    assert np.abs(built(BATCH) - built(without)).max() > 1e-4


def test_l2_is_on_the_embeddings() -> None:
    assert not model(l2=0.0).losses
    built = model(l2=0.5)
    # Ids, categories, the two biases and the title words.
    assert len(built.losses) == len(ID_FEATURES) * 2 + len(CATEGORIES) + 1
    silence(built)
    variable(built, "weekday_index").assign(tf.fill([8, 3], 2.0))
    assert float(tf.add_n(built.losses)) == pytest.approx(0.5 * 8 * 3 * 4)


def test_randomness_ends_with_training() -> None:
    built = model(dropout=0.5)
    np.testing.assert_array_equal(built(BATCH), built(BATCH))
    assert np.abs(built(BATCH, training=True) - built(BATCH, training=True)).max() > 0


@pytest.mark.slow
def test_a_training_run_exports_a_model_that_answers(
    tmp_path: Path, trainer_args: Callable[..., SimpleNamespace]
) -> None:
    run_fn(trainer_args({"epochs": 2, "validation_share": 0.4, "embedding_dim": 4}))
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    ids = [[movie["movie_id"] for movie in MOVIES]]
    ranked = signatures[signature_names.RANK](
        user_id=tf.constant([ANN["user_id"]]), movie_id=tf.constant(ids)
    )
    ratings = ranked[features.USER_RATING].numpy()
    assert ratings.shape == (1, len(MOVIES))
    assert (ratings >= 1).all()
    assert (ratings <= 5).all()
    evaluated = signatures[signature_names.EVALUATE](
        examples=tf.constant([tiny_world.example(row) for row in RATINGS])
    )
    # Few ratings damped by many pseudo-ratings stay near the mean.
    np.testing.assert_allclose(evaluated[signature_names.REFERENCE_RATING], tiny_world.MEAN_RATING, atol=0.5)
    assert json.loads((tmp_path / "run" / artifacts.FIT_FILE).read_text())["monitor"] == "val_rmse"
