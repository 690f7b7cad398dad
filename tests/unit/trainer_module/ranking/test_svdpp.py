"""SVD++ with sessions and crosses: each layer by hand, what is left out, and what is unknown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from contracts import features
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.tiny_world import silence, variable
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.ranking.rating_sets import RatingSets
from trainer_module.ranking.sessions import SESSION_FEATURES
from trainer_module.ranking.svdpp import CROSSED, ID_FEATURES, INPUT_FEATURES, RatedFactors, SvdppModel

MEAN = 3.5
SIZES = tiny_world.sizes(users=3, movies=3)
MOVIES = tiny_world.catalogue(["a", "b", "c"])
RATINGS = {
    "u": [("a", 5.0, 100), ("b", 4.0, 160), ("c", 2.0, 900)],
    "v": [("b", 1.0, 50)],
    "w": [("a", 3.0, 70), ("c", 4.0, 75)],
}
PAIRS = [("u", "a", 100, 5.0), ("v", "b", 50, 1.0), ("w", "c", 75, 4.0), ("u", "c", 900, 2.0)]
BIASES = {
    features.USER_INDEX: np.array([0, 0.5, -0.5, 0.25], np.float32),
    features.MOVIE_INDEX: np.array([0, 1, -1, 0.5], np.float32),
}


def rating_sets(folder: Path, ratings: dict[str, list[tuple[str, float, int]]] = RATINGS) -> RatingSets:
    return RatingSets(
        tiny_world.states(MOVIES, ratings),
        MOVIES,
        mean_rating=MEAN,
        limit=10,
        assets=str(folder),
        name="test",
    )


def row(user: str, movie: str, moment: int, rating: float = 3.0) -> tiny_world.Row:
    users = ["", *RATINGS]
    index = "?abc".find(movie)
    return tiny_world.transformed(
        user,
        movie,
        user_index=users.index(user) if user in users else 0,
        movie_index=max(index, 0),
        timestamp=moment,
        user_rating=rating,
        age_normalized=0.5 * moment / 100,
        age_bucket_index=3,
        gender_index=1,
        occupation_index=2,
        zip_area_index=4,
        release_year_normalized=-0.5,
        release_decade_index=9,
        genres_multi_hot=np.eye(len(features.GENRES), dtype=np.float32)[0],
    )


def batch(rows: Sequence[tiny_world.Row]) -> dict[str, tf.Tensor]:
    return tiny_world.batch(rows, history_length=1)


BATCH = batch([row(*pair) for pair in PAIRS])


def model(sets: RatingSets, **more: Any) -> SvdppModel:
    tf.keras.utils.set_random_seed(1)
    hyperparameters = RankingHyperparameters.model_validate(
        {
            "structure": "svdpp",
            "embedding_dim": 3,
            "hidden_units": (4,),
            "dropout": 0.0,
            "unknown_id_share": 0.0,
            **more,
        }
    )
    built = SvdppModel(SIZES, hyperparameters, MEAN, sets, BIASES)
    built(BATCH)
    return built


def loud(built: SvdppModel) -> SvdppModel:
    """With weights so large that everything matters."""
    for number, weight in enumerate(built.trainable_variables):
        weight.assign(tf.random.stateless_normal(weight.shape, [number, 1]))
    return built


def test_rated_factors_by_hand(tmp_path: Path) -> None:
    sets = rating_sets(tmp_path)
    layer = RatedFactors(SIZES, features.MOVIE_INDEX, 2)
    users, movies = (
        sets.user_rows(tf.constant(["u", "w", "nobody"])),
        sets.movie_rows(tf.constant(["c", "b", "a"])),
    )
    columns = tf.constant([3, 2, 1])
    layer(users, movies, columns, sets.users)
    variable(layer, "implicit").assign([[100, 100], [1, 0], [2, 0], [4, 1]])
    variable(layer, "explicit").assign([[100, 100], [1, 0], [0, 1], [1, 1]])
    implicit, explicit = layer(users, movies, columns, sets.users)
    # u has rated a and b beside c; w has not rated b, so nothing is left out; nobody has rated nothing.
    np.testing.assert_allclose(implicit, [[3 / 2**0.5, 0], [5 / 2**0.5, 1 / 2**0.5], [0, 0]], rtol=1e-6)
    of_u = sets.users.residuals.numpy()[:2]
    of_w = sets.users.residuals.numpy()[4:]
    np.testing.assert_allclose(
        explicit, [of_u / 2**0.5, [of_w.sum() / 2**0.5, of_w[1] / 2**0.5], [0, 0]], rtol=1e-5
    )


def test_a_model_that_has_learnt_nothing_predicts_the_biases(tmp_path: Path) -> None:
    built = model(rating_sets(tmp_path))
    biases = {name: layer.numpy() for name in ID_FEATURES for layer in [variable(built, f"{name}_bias")]}
    silence(built)
    variable(built, "session/bias").assign([MEAN])
    assert built(BATCH).numpy().tolist() == [MEAN] * 4
    for name, values in biases.items():
        variable(built, f"{name}_bias").assign(values)
    # The mean, the user's bias and the movie's.
    np.testing.assert_allclose(built(BATCH), [5, 2, 4.25, 4.5])


def test_the_dot_product_of_both_sides(tmp_path: Path) -> None:
    built = model(rating_sets(tmp_path))
    silence(built)
    variable(built, f"{features.USER_INDEX}_embedding").assign([[0] * 3, [1, 2, 0], [0] * 3, [0] * 3])
    variable(built, f"{features.MOVIE_INDEX}_embedding").assign([[0] * 3, [3, 1, 9], [0] * 3, [0, 1, 1]])
    np.testing.assert_allclose(built(BATCH), [5, 0, 0, 2])


def test_the_rating_to_predict_is_left_out(tmp_path: Path) -> None:
    def found(*of_u: tuple[str, float, int]) -> float:
        built = loud(model(rating_sets(tmp_path, {**RATINGS, "u": list(of_u)})))
        return float(built(batch([row("u", "a", 100)]))[0])

    own, *others = RATINGS["u"]
    whole = found(own, *others)
    of_another = abs(found(own, ("b", 1.0, 160), others[1]) - whole)
    # What is expected of the raters of "a" moves a little with it, in the second order.
    assert abs(found(("a", 1.0, 100), *others) - whole) < 0.02 * of_another
    assert abs(found(*others) - whole) < 0.02 * of_another


@pytest.mark.parametrize(
    "name", [name for name in INPUT_FEATURES if name not in (features.USER_ID, features.MOVIE_ID)]
)
def test_every_feature_changes_the_prediction(tmp_path: Path, name: str) -> None:
    built = loud(model(rating_sets(tmp_path)))
    without = {**BATCH, name: tf.zeros_like(BATCH[name])}
    assert np.abs(built(BATCH) - built(without)).max() > 1e-4


def test_a_gradient_reaches_every_variable(tmp_path: Path) -> None:
    built = loud(model(rating_sets(tmp_path)))
    with tf.GradientTape() as tape:
        loss = built.compute_loss(BATCH, training=True)
    gradients = tape.gradient(loss, built.trainable_variables)
    for weight, gradient in zip(built.trainable_variables, gradients, strict=True):
        assert gradient is not None, weight.name
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, weight.name


def test_unknown_ids_get_an_answer_of_their_own(tmp_path: Path) -> None:
    built = loud(model(rating_sets(tmp_path)))
    pairs = [("nobody", "a"), ("", "a"), ("u", "gone"), ("u", ""), ("nobody", "gone")]
    found = built(batch([row(user, movie, 100) for user, movie in pairs])).numpy()
    assert np.isfinite(found).all()
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert len(set(found.tolist())) == 3


def test_without_a_timestamp_it_is_that_of_the_latest_rating(tmp_path: Path) -> None:
    built = loud(model(rating_sets(tmp_path)))
    latest = batch([row("u", "b", 900), row("w", "b", 75), row("nobody", "b", 0)])
    timeless = {name: values for name, values in latest.items() if name != features.TIMESTAMP}
    np.testing.assert_allclose(built(timeless), built(latest), rtol=1e-6)


def test_other_sets_are_other_answers(tmp_path: Path) -> None:
    sets = rating_sets(tmp_path)
    built = loud(model(sets))
    more = rating_sets(tmp_path, {**RATINGS, "v": [("b", 1.0, 50), ("a", 5.0, 55)]})
    np.testing.assert_array_equal(built(BATCH), built(BATCH, sets=sets))
    assert np.abs(built(BATCH) - built(BATCH, sets=more)).max() > 0.01


def test_the_penalties_by_hand(tmp_path: Path) -> None:
    built = model(rating_sets(tmp_path), l2_factors=0.5, l2_history=0.0, l2_biases=0.25)
    silence(built)
    variable(built, f"{features.USER_INDEX}_embedding").assign([[9] * 3, [1, 2, 0], [1, 0, 0], [0] * 3])
    variable(built, f"{features.MOVIE_INDEX}_bias").assign([[9], [2], [4], [0]])
    built(BATCH, training=True)
    # u is in two of four pairs and v in one: (5 + 5 + 1) / 4; "a" and "b" in one each: (4 + 16) / 4.
    assert float(tf.add_n(built.losses)) == pytest.approx(0.5 * 11 / 4 + 0.25 * 20 / 4)


def test_cross_weights_by_part(tmp_path: Path) -> None:
    found = model(rating_sets(tmp_path), cross_layers=2).cross_weights()
    assert found["features"] == CROSSED
    assert np.shape(found["layers"]) == (2, 4, 4)
    assert SESSION_FEATURES == 19


def test_checkpoints_hold_no_ratings(tmp_path: Path) -> None:
    built = model(rating_sets(tmp_path))
    built.compile(optimizer="adam")
    built.save_weights(str(tmp_path / "checkpoint"))
    names = {name for name, _ in tf.train.list_variables(str(tmp_path / "checkpoint"))}
    assert any("factors" in name for name in names)
    assert not any("sets" in name or "residual" in name for name in names)
