"""Known answers of the towers' parts, and a gradient for everything that is there to be learnt."""

import math
import re
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.conftest import Transformed
from tests.unit.trainer_module.tiny_world import silence, variable
from trainer_module import features
from trainer_module.hyperparameters import RetrievalHyperparameters
from trainer_module.towers import (
    CANDIDATE_FEATURES,
    QUERY_FEATURES,
    CandidateTower,
    HistoryBag,
    LatestMovies,
    QueryTower,
    TitleWords,
    UnknownIds,
    VocabularySizes,
    extra_dims,
    traits_by_index,
)

SIZES = tiny_world.sizes(users=3, movies=3)
# Row 0, the unknown one, is not 0, so a forgotten mask shows.
TABLE = [[100.0, 100.0], [1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
HISTORY = tf.constant([[0, 0, 0], [0, 0, 2], [0, 1, 2], [1, 2, 3]], tf.int64)


def bag(dropout: float = 0.0) -> HistoryBag:
    layer = HistoryBag(SIZES, 2, dropout)
    layer(HISTORY)
    variable(layer, features.MOVIE_INDEX).assign(TABLE)
    return layer


def test_history_is_the_sum_over_the_root_of_its_length() -> None:
    expected = [
        [0, 0],
        [3, 4],
        [4 / math.sqrt(2), 6 / math.sqrt(2)],
        [9 / math.sqrt(3), 12 / math.sqrt(3)],
    ]
    np.testing.assert_allclose(bag()(HISTORY), expected, rtol=1e-6)


def test_weighted_history_counts_movies_and_not_weights() -> None:
    weights = tf.constant([[9.0, 9.0, 9.0], [9.0, 9.0, -1.0], [9.0, 2.0, 0.0], [1.0, 0.0, -1.0]])
    expected = [
        [0, 0],
        [-3, -4],
        [2 / math.sqrt(2), 4 / math.sqrt(2)],
        [-4 / math.sqrt(3), -4 / math.sqrt(3)],
    ]
    np.testing.assert_allclose(bag()(HISTORY, weights=weights), expected, rtol=1e-6)


def test_history_drops_whole_movies_and_only_while_training() -> None:
    tf.random.set_seed(1)
    layer = bag(dropout=0.5)
    np.testing.assert_allclose(layer(HISTORY), bag()(HISTORY))
    dropped = layer(tf.repeat([[0, 1, 2]], 2000, axis=0), training=True).numpy()
    # Nothing, either of the two, or both.
    possible = np.array([[0, 0], [1, 2], [3, 4], [4 / math.sqrt(2), 6 / math.sqrt(2)]])
    distance = np.abs(dropped[:, None] - possible).max(axis=2)
    assert distance.min(axis=1).max() < 1e-5
    shares = np.bincount(distance.argmin(axis=1), minlength=4) / len(dropped)
    np.testing.assert_allclose(shares, 0.25, atol=0.05)


def test_title_is_the_mean_of_its_words() -> None:
    layer = TitleWords(tiny_world.sizes(users=1, movies=1, words=3), 2)
    words = tf.constant([[0, 0, 0], [2, 0, 0], [1, 3, 0]], tf.int64)
    layer(words)
    variable(layer, features.TITLE_WORD_INDEX).assign(TABLE)
    np.testing.assert_allclose(layer(words), [[0, 0], [3, 4], [3, 4]])


def test_a_share_of_ids_becomes_unknown_and_only_while_training() -> None:
    tf.random.set_seed(1)
    ids = tf.ones([10_000], tf.int64)
    layer = UnknownIds(0.2)
    np.testing.assert_array_equal(layer(ids), ids)
    unknown = 1 - layer(ids, training=True).numpy().mean()
    assert unknown == pytest.approx(0.2, abs=0.02)
    np.testing.assert_array_equal(UnknownIds(0.0)(ids, training=True), ids)


def test_sizes_are_those_of_the_vocabularies_and_the_unknown(transformed: Transformed) -> None:
    sizes = VocabularySizes.of(transformed.transform_output).sizes
    assert sizes[features.USER_INDEX] == 3 + 1
    assert sizes[features.MOVIE_INDEX] == 5 + 1
    assert sizes[features.OCCUPATION_INDEX] == 2 + 1
    assert sizes[features.GENDER_INDEX] == 2 + 1
    assert sizes[features.AGE_BUCKET_INDEX] == 7 + 1


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
    # A new tower goes by all-time popularity, whoever asks.
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


def test_strangers_learn_what_to_do_without_id_and_history() -> None:
    tf.random.set_seed(1)
    tower = QueryTower(SIZES, TRAITS, PLAIN.model_copy(update={"unknown_id_share": 0.4}))
    count = 5000
    query = {name: tf.repeat(BATCH[name][:1], count, axis=0) for name in QUERY_FEATURES}
    tower(query)
    silence(tower)
    variable(tower, features.USER_INDEX).assign([[0, 0], [1, 0], [0, 0], [0, 0]])
    variable(tower, "history_bag").assign([[0, 0], [0, 1], [0, 1], [0, 1]])
    seen = tower(query, training=True).numpy()[:, :2] > 0
    # Known with history, unknown with history, stranger; never known without a history.
    assert (seen == [True, True]).all(axis=1).mean() == pytest.approx(0.6, abs=0.03)
    assert (seen == [False, True]).all(axis=1).mean() == pytest.approx(0.2, abs=0.03)
    assert (seen == [False, False]).all(axis=1).mean() == pytest.approx(0.2, abs=0.03)
    assert (tower(query).numpy()[:, :2] > 0).all()


def latest_movies() -> LatestMovies:
    """A layer over two movies whose weights are all 0."""
    layer = LatestMovies(SIZES, TRAITS, 2, length=2, dropout=0.0, l2=0.0)
    layer(HISTORY)
    silence(layer)
    return layer


def filters(kernel: list[list[float]]) -> np.ndarray:
    """The first of eight filters; the others are 0."""
    return np.pad(kernel, [(0, 0), (0, 6)])


def test_the_convolution_reads_the_latest_movies_in_their_order() -> None:
    layer = latest_movies()
    variable(layer, features.MOVIE_INDEX).assign(TABLE)
    # The first filter takes the movie before the newest one, the second ten times the newest one.
    variable(layer, "window/kernel").assign(filters([[1, 0], [0, 0], [0, 10], [0, 0]]))
    variable(layer, "project").assign(np.eye(8, 2))
    np.testing.assert_allclose(layer(HISTORY), [[0, 0], [0, 30], [1, 30], [3, 50]])
    # A history shorter than the window is padded in front.
    np.testing.assert_allclose(layer(tf.constant([[2], [0]], tf.int64)), [[0, 30], [0, 0]])


def test_linear_filters_go_below_0() -> None:
    layer = latest_movies()
    variable(layer, features.MOVIE_INDEX).assign(TABLE)
    kernel = [[-1, 0], [0, 0], [0, 10], [0, 0]]
    variable(layer, "window/kernel").assign(filters(kernel))
    variable(layer, "project").assign(np.eye(8, 2))
    np.testing.assert_allclose(layer(HISTORY), [[0, 0], [0, 30], [0, 30], [0, 50]])
    variable(layer, "linear").assign(kernel)
    np.testing.assert_allclose(layer(HISTORY), [[0, 0], [0, 60], [-1, 60], [-3, 100]])


def test_the_convolution_reads_traits() -> None:
    layer = latest_movies()
    weights = np.zeros([len(features.GENRES) + 2, 2])
    # Movie 2 is of genre 2, each year is its movie's index, and all are as popular.
    weights[[2, -2, -1]] = [[0, 7], [1, 0], [0, 2]]
    variable(layer, "traits").assign(weights)
    variable(layer, "linear").assign([[1, 0], [0, 1], [10, 0], [0, 10]])
    np.testing.assert_allclose(layer(HISTORY), [[0, 0], [20, 80], [21, 81], [32, 18]])


def test_traits_are_found_by_index() -> None:
    columns = {
        features.MOVIE_INDEX: np.array([2, 0, 1]),
        features.GENRES_MULTI_HOT: np.array([[1, 0], [1, 1], [0, 1]]),
        features.RELEASE_YEAR_NORMALIZED: np.array([0.5, 9.0, -2.0]),
        features.MOVIE_POPULARITY: np.array([[3, 0, 0], [-1, 0, 0], [1, 0, 0]]),
    }
    # Nothing is said of index 0, under which all movies are that nobody has rated.
    np.testing.assert_array_equal(
        traits_by_index(columns, rows=4), [[0, 0, 0, 0], [0, 1, -2, 1], [1, 0, 0.5, 3], [0, 0, 0, 0]]
    )


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
def test_each_weight_is_penalized_as_its_hyperparameter_says(
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
