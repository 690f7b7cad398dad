"""Known answers of the embeddings that the models put together."""

import math

import numpy as np
import pytest
import tensorflow as tf

from contracts import features
from tests.transform_run import Transformed
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.tiny_world import TABLE, silence, variable
from trainer_module.common.embeddings import (
    HistoryBag,
    LatestMovies,
    TitleWords,
    UnknownIds,
    VocabularySizes,
    traits_by_index,
)

SIZES = tiny_world.sizes(users=3, movies=3)
HISTORY = tf.constant([[0, 0, 0], [0, 0, 2], [0, 1, 2], [1, 2, 3]], tf.int64)


# Genres, year and popularity: each movie has the genre and the year of its index, and all are as popular.
TRAITS = tf.Variable(
    [[0.0] * (len(features.GENRES) + 2)]
    + [[*np.eye(len(features.GENRES))[index], index, 0.5] for index in (1, 2, 3)],
    trainable=False,
    dtype=tf.float32,
)


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
    # Nothing is set for index 0, under which all movies are that nobody has rated.
    np.testing.assert_array_equal(
        traits_by_index(columns, rows=4), [[0, 0, 0, 0], [0, 1, -2, 1], [1, 0, 0.5, 3], [0, 0, 0, 0]]
    )
