"""The transformer over the latest movies: what it may see, and that it finds a planted order."""

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from contracts import features
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.tiny_world import variable
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.sequence_transformer import (
    TIME_BUCKETS,
    CausalBlock,
    SequenceTransformer,
    time_bucket,
)

MOVIES, LENGTH, DIM = 8, 6, 16
TRAITS = tf.Variable(tf.zeros([MOVIES + 1, len(features.GENRES) + 2]), trainable=False)


def transformer() -> SequenceTransformer:
    tf.keras.utils.set_random_seed(1)
    return SequenceTransformer(
        tiny_world.sizes(users=1, movies=MOVIES), TRAITS, DIM, LENGTH, dropout=0.0, l2=0.0
    )


def seconds(*rows: list[int]) -> tf.Tensor:
    return tf.constant(rows, tf.int64)


def no_times(history: tf.Tensor) -> tf.Tensor:
    return tf.fill(tf.shape(history), tf.constant(features.NO_AGE, tf.int64))


def read(layer: SequenceTransformer, history: tf.Tensor) -> np.ndarray:
    """What comes out without times."""
    return layer(history, no_times(history)).numpy()


def histories(*rows: list[int]) -> tf.Tensor:
    return tf.constant(rows, tf.int64)


def test_a_later_movie_does_not_change_an_earlier_state() -> None:
    tf.keras.utils.set_random_seed(1)
    block = CausalBlock(4, length=5, queries=5, dropout=0.0)
    states = np.random.default_rng(1).normal(size=[1, 5, 4]).astype(np.float32)
    present = tf.constant([[True] * 5])
    apart = tf.ones([1, 5, 5], tf.int32)
    before = block(states, present, apart).numpy()
    states[0, 3, 0] += 1
    after = block(states, present, apart).numpy()
    np.testing.assert_array_equal(before[0, :3], after[0, :3])
    assert (np.abs(before[0, 3:] - after[0, 3:]).max(axis=1) > 1e-4).all()


def test_padding_is_not_read() -> None:
    layer = transformer()
    short = read(layer, histories([3, 1]))
    variable(layer, features.MOVIE_INDEX)[0].assign(tf.fill([DIM], 9.0))
    np.testing.assert_allclose(read(layer, histories([0, 0, 0, 0, 0, 0, 3, 1])), short, rtol=1e-6)
    np.testing.assert_array_equal(read(layer, histories([0, 0], [0, 0])), np.zeros([2, DIM]))


@pytest.mark.parametrize("changed", [[1, 2, 3, 4, 5, 7], [1, 2, 3, 5, 4, 6], [7, 2, 3, 4, 5, 6]])
def test_every_movie_and_its_place_count(changed: list[int]) -> None:
    layer = transformer()
    read(layer, histories(changed))
    for block in [each for each in layer.submodules if isinstance(each, CausalBlock)]:
        block._bias.assign(tf.random.stateless_normal(block._bias.shape, [1, 2]))
    original, other = read(layer, histories([1, 2, 3, 4, 5, 6], changed))
    assert np.abs(original - other).max() > 1e-4


@pytest.mark.parametrize("changed", [[90, 80, 3, 2, 1], [90, 50, 40, 20, 1], [90, 80, 40, 20, 10]])
def test_every_pause_counts_up_to_the_request(changed: list[int]) -> None:
    layer, history = transformer(), histories([1, 2, 3, 4, 5])
    original, other = (layer(history, seconds(ages)).numpy() for ages in ([90, 80, 40, 20, 1], changed))
    assert np.abs(original - other).max() > 1e-4


def test_times_of_padding_are_not_read() -> None:
    layer, history = transformer(), histories([0, 0, 3, 1])
    known, other = (layer(history, seconds([*ages, 30, 10])).numpy() for ages in ([-1, -1], [500, 7]))
    np.testing.assert_array_equal(known, other)


def test_buckets_of_time() -> None:
    day = 24 * 3600
    assert time_bucket(seconds([features.NO_AGE, 0, 1, 3, 1000 * day])).numpy().tolist() == [
        [0, 1, 2, 3, TIME_BUCKETS - 1]
    ]
    # What is longer than training has seen is like what it has seen.
    assert time_bucket(seconds([40 * day])) == time_bucket(seconds([10_000 * day]))


def test_the_width_has_to_be_even() -> None:
    RetrievalHyperparameters(embedding_dim=7)
    with pytest.raises(ValidationError, match="embedding_dim"):
        RetrievalHyperparameters(embedding_dim=7, sequence_encoder="transformer")
