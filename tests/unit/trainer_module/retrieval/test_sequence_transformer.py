"""The transformer over the latest movies: what it may see, and that it finds a planted order."""

import numpy as np
import pytest
import tensorflow as tf

from contracts import features
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.tiny_world import variable
from trainer_module.retrieval.sequence_transformer import CausalBlock, SequenceTransformer

MOVIES, LENGTH, DIM = 8, 6, 16
TRAITS = tf.Variable(tf.zeros([MOVIES + 1, len(features.GENRES) + 2]), trainable=False)


def transformer() -> SequenceTransformer:
    tf.keras.utils.set_random_seed(1)
    return SequenceTransformer(
        tiny_world.sizes(users=1, movies=MOVIES), TRAITS, DIM, LENGTH, dropout=0.0, l2=0.0
    )


def histories(*rows: list[int]) -> tf.Tensor:
    return tf.constant(rows, tf.int64)


def test_a_later_movie_does_not_change_an_earlier_state() -> None:
    tf.keras.utils.set_random_seed(1)
    block = CausalBlock(4, length=5, queries=5, dropout=0.0)
    states = np.random.default_rng(1).normal(size=[1, 5, 4]).astype(np.float32)
    present = tf.constant([[True] * 5])
    before = block(states, present).numpy()
    states[0, 3, 0] += 1
    after = block(states, present).numpy()
    np.testing.assert_array_equal(before[0, :3], after[0, :3])
    assert (np.abs(before[0, 3:] - after[0, 3:]).max(axis=1) > 1e-4).all()


def test_padding_is_not_read() -> None:
    layer = transformer()
    short = layer(histories([3, 1])).numpy()
    variable(layer, features.MOVIE_INDEX)[0].assign(tf.fill([DIM], 9.0))
    np.testing.assert_allclose(layer(histories([0, 0, 0, 0, 0, 0, 3, 1])), short, rtol=1e-6)
    np.testing.assert_array_equal(layer(histories([0, 0], [0, 0])), np.zeros([2, DIM]))


@pytest.mark.parametrize("changed", [[1, 2, 3, 4, 5, 7], [1, 2, 3, 5, 4, 6], [7, 2, 3, 4, 5, 6]])
def test_every_movie_and_its_place_count(changed: list[int]) -> None:
    layer = transformer()
    layer(histories(changed))
    for block in [each for each in layer.submodules if isinstance(each, CausalBlock)]:
        block._bias.assign(tf.random.stateless_normal(block._bias.shape, [1, 2]))
    original, other = layer(histories([1, 2, 3, 4, 5, 6], changed)).numpy()
    assert np.abs(original - other).max() > 1e-4


def test_it_learns_that_the_third_last_movie_decides() -> None:
    layer, head = transformer(), tf.keras.layers.Dense(MOVIES)
    rng = np.random.default_rng(1)
    rows = rng.integers(1, MOVIES + 1, size=[2_000, LENGTH])
    model = tf.keras.Sequential([tf.keras.layers.InputLayer(LENGTH, dtype=tf.int64), layer, head])
    model.compile(
        tf.keras.optimizers.Adam(0.01), tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.fit(rows[:1_500], rows[:1_500, -3] % MOVIES, batch_size=50, epochs=8, verbose=0)
    found = model.predict(rows[1_500:], verbose=0).argmax(axis=1)
    assert (found == rows[1_500:, -3] % MOVIES).mean() > 0.9
