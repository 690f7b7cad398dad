"""Known answers of the towers, and a gradient for everything that is there to be learnt."""

import math
import re
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from contracts import features
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.tiny_world import TABLE, silence, variable
from trainer_module.common.embeddings import traits_by_index
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.towers import (
    CANDIDATE_FEATURES,
    QUERY_FEATURES,
    CandidateTower,
    QueryTower,
    extra_dims,
)

SIZES = tiny_world.sizes(users=3, movies=3)

ROWS = [
    tiny_world.transformed(
        f"u{row}",
        f"m{row}",
        user_index=row,
        movie_index=row,
        age_normalized=row - 1.5,
        age_bucket_index=row + 1,
        gender_index=row % 2 + 1,
        occupation_index=row,
        zip_area_index=row,
        history_movie_index=[3, row],
        genres_multi_hot=np.eye(len(features.GENRES), dtype=np.float32)[row],
        title_word_index=[row, 2],
        release_year_normalized=float(row),
        release_decade_index=row,
        movie_popularity=[0.5, *[0.0] * 4],
    )
    for row in (1, 2, 3)
]
BATCH = tiny_world.batch(ROWS, history_length=3)
TRAITS = tf.Variable(
    traits_by_index({name: BATCH[name].numpy() for name in CANDIDATE_FEATURES}, rows=len(ROWS) + 1),
    trainable=False,
)
PLAIN = RetrievalHyperparameters(
    embedding_dim=2, dropout=0, unknown_id_share=0, sequence_length=2, periods=3, l2=0, user_l2=0
)


def taste(tower: QueryTower, query: dict[str, tf.Tensor]) -> np.ndarray:
    """The embedding alone, without the bias and the weights of popularity."""
    return tower(query).numpy()[:, :2]


def query_of(**columns: object) -> dict[str, tf.Tensor]:
    return {name: tf.constant(columns.get(name, BATCH[name])) for name in QUERY_FEATURES}


def test_a_query_is_the_sum_of_its_parts() -> None:
    tower = QueryTower(SIZES, TRAITS, PLAIN)
    query = query_of()
    tower(query)
    silence(tower)
    variable(tower, features.USER_INDEX).assign(TABLE)
    np.testing.assert_allclose(taste(tower, query), TABLE[1:])
    variable(tower, features.OCCUPATION_INDEX).assign([[9, 9], [1, 0], [2, 0], [3, 0]])
    np.testing.assert_allclose(taste(tower, query), [[2, 2], [5, 4], [8, 6]])
    variable(tower, "age/kernel").assign([[10, 0]])
    variable(tower, "age/bias").assign([0, 0.5])
    np.testing.assert_allclose(taste(tower, query), [[-3, 2.5], [10, 4.5], [23, 6.5]])
    variable(tower, "history_bag").assign([[9, 9], [0, 0], [0, 0], [0, math.sqrt(2)]])
    np.testing.assert_allclose(taste(tower, query), [[-3, 3.5], [10, 5.5], [23, 8.5]], rtol=1e-6)


def test_a_query_without_a_period_is_of_now() -> None:
    tower = QueryTower(SIZES, TRAITS, PLAIN)
    query = query_of(period_index=[1, 3, 0])
    tower(query)
    silence(tower)
    variable(tower, "period").assign([[9, 9], [1, 0], [2, 0], [3, 0]])
    np.testing.assert_allclose(taste(tower, query), [[1, 0], [3, 0], [3, 0]])


def test_the_weights_of_popularity_depend_on_the_query() -> None:
    tower = QueryTower(SIZES, TRAITS, PLAIN)
    query = query_of()
    assert tower(query).shape == (3, 2 + extra_dims(3))
    # A new tower ranks by all-time popularity for every user.
    np.testing.assert_allclose(tower(query)[:, 2:], [[1, 1, 0, 0, 0, 0]] * 3)
    silence(tower)
    variable(tower, features.USER_INDEX).assign(TABLE)
    variable(tower, "popularity/kernel").assign([[0.5, 0], [0, 1]])
    # Without a period a query is of now, which is the last column.
    now = [[1, 0.5, 0, 0, 0, 2], [1, 1.5, 0, 0, 0, 4], [1, 2.5, 0, 0, 0, 6]]
    np.testing.assert_allclose(tower(query)[:, 2:], now)


def test_a_query_reads_recent_popularity_as_of_its_period() -> None:
    tower = QueryTower(SIZES, TRAITS, PLAIN)
    query = query_of(period_index=[1, 3, 0])
    tower(query)
    silence(tower)
    variable(tower, features.USER_INDEX).assign(TABLE)
    variable(tower, "popularity/kernel").assign([[0.5, 0], [0, 1]])
    # Behind the bias and all time: the starts of periods 1, 2 and 3, and now.
    np.testing.assert_allclose(
        tower(query)[:, 2:], [[1, 0.5, 2, 0, 0, 0], [1, 1.5, 0, 0, 4, 0], [1, 2.5, 0, 0, 0, 6]]
    )
    tower.added_recent_weight.assign(10.0)
    np.testing.assert_allclose(
        tower(query)[:, 2:], [[1, 0.5, 12, 0, 0, 0], [1, 1.5, 0, 0, 14, 0], [1, 2.5, 0, 0, 0, 16]]
    )


def test_unknown_users_learn_what_to_do_without_id_and_history() -> None:
    tf.random.set_seed(1)
    tower = QueryTower(SIZES, TRAITS, PLAIN.model_copy(update={"unknown_id_share": 0.4}))
    count = 5000
    query = {name: tf.repeat(BATCH[name][:1], count, axis=0) for name in QUERY_FEATURES}
    tower(query)
    silence(tower)
    variable(tower, features.USER_INDEX).assign([[0, 0], [1, 0], [0, 0], [0, 0]])
    variable(tower, "history_bag").assign([[0, 0], [0, 1], [0, 1], [0, 1]])
    seen = tower(query, training=True).numpy()[:, :2] > 0
    # Known with history, unknown with history, unknown without; never known without a history.
    assert (seen == [True, True]).all(axis=1).mean() == pytest.approx(0.6, abs=0.03)
    assert (seen == [False, True]).all(axis=1).mean() == pytest.approx(0.2, abs=0.03)
    assert (seen == [False, False]).all(axis=1).mean() == pytest.approx(0.2, abs=0.03)
    assert (tower(query).numpy()[:, :2] > 0).all()


def test_a_movie_without_an_id_still_has_its_content() -> None:
    tower = CandidateTower(SIZES, PLAIN)
    movie = {name: BATCH[name] for name in CANDIDATE_FEATURES}
    movie[features.MOVIE_POPULARITY] = tf.constant([[1.0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 3, 2]])
    tower(movie)
    silence(tower)
    variable(tower, "movie_index_embedding").assign([[0, 0], *TABLE[1:]])
    variable(tower, features.RELEASE_DECADE_INDEX)[2].assign([0.5, 0.25])
    variable(tower, "bias").assign([[0], [7], [8], [9]])
    np.testing.assert_allclose(
        tower(movie),
        [[1, 2, 7, 1, 0, 0, 0, 0], [3.5, 4.25, 8, 0, 0, 0, 0, 0], [5, 6, 9, 0, 0, 0, 3, 2]],
        rtol=1e-6,
    )
    cold = {**movie, features.MOVIE_INDEX: tf.zeros_like(movie[features.MOVIE_INDEX])}
    np.testing.assert_allclose(tower(cold)[:, :3], [[0, 0, 0], [0.5, 0.25, 0], [0, 0, 0]])


@pytest.mark.parametrize("tower", ["query", "candidate"])
def test_a_gradient_reaches_every_variable(tower: str) -> None:
    if tower == "query":
        layer, names = QueryTower(SIZES, TRAITS, PLAIN), QUERY_FEATURES
    else:
        layer, names = CandidateTower(SIZES, PLAIN), CANDIDATE_FEATURES
    layer({name: BATCH[name] for name in names})
    for weight in layer.trainable_variables:
        weight.assign_add(0.1 * tf.ones_like(weight))  # Zeros would hide what lies behind them.
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer({name: BATCH[name] for name in names}) ** 2)
    assert layer.trainable_variables
    for weight, gradient in zip(
        layer.trainable_variables, tape.gradient(loss, layer.trainable_variables), strict=True
    ):
        assert gradient is not None, weight.name
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, weight.name


# By weight, as the layers name them.
QUERY_PENALTIES = {
    "user_index_embedding": "user_l2",
    **dict.fromkeys(
        (
            "age_bucket_index_embedding",
            "gender_index_embedding",
            "occupation_index_embedding",
            "zip_area_index_embedding",
            "age/kernel",
            "period",
            "latest_movies/movie_index_embedding",
            "latest_movies/traits/kernel",
        ),
        "l2",
    ),
    "history_bag/weighted_sum/movie_index_embedding": "history_l2",
}
CANDIDATE_PENALTIES = dict.fromkeys(
    (
        "movie_index_embedding",
        "movie_content/genres/kernel",
        "movie_content/title_words/weighted_sum/title_word_index_embedding",
        "movie_content/release_decade_index_embedding",
        "movie_content/year/kernel",
    ),
    "l2",
)


@pytest.mark.parametrize(
    ("tower", "names", "penalties"),
    [
        (partial(QueryTower, SIZES, TRAITS), QUERY_FEATURES, QUERY_PENALTIES),
        (partial(CandidateTower, SIZES), CANDIDATE_FEATURES, CANDIDATE_PENALTIES),
    ],
)
def test_each_weight_is_penalized_by_its_hyperparameter(
    tower: Callable[[RetrievalHyperparameters], tf.keras.layers.Layer],
    names: tuple[str, ...],
    penalties: dict[str, str],
) -> None:
    values = {"l2": 0.5, "user_l2": 0.25, "history_l2": 0.125}
    layer = tower(PLAIN.model_copy(update=values))
    layer({name: BATCH[name] for name in names})
    for weight in layer.trainable_variables:
        weight.assign(tf.ones_like(weight))
    with tf.GradientTape() as tape:
        penalty = tf.add_n(layer.losses)
    gradients = tape.gradient(penalty, layer.trainable_variables)
    # The slope of w^2 at 1 is 2. Others, such as biases and the weights of popularity, are free.
    found = {
        _part(weight.name): float(tf.reduce_mean(gradient)) / 2
        for weight, gradient in zip(layer.trainable_variables, gradients, strict=True)
        if gradient is not None
    }
    assert found == {name: values[hyperparameter] for name, hyperparameter in penalties.items()}


def _part(name: str) -> str:
    """The name of a weight below its tower, without what Keras counts layers with."""
    inner = name.partition("/")[2].removesuffix(":0").removesuffix("/embeddings")
    return re.sub(r"_\d+(?=/|$)", "", inner)


def test_no_penalty_is_none() -> None:
    layer = CandidateTower(SIZES, PLAIN)
    layer({name: BATCH[name] for name in CANDIDATE_FEATURES})
    assert layer.losses == []
