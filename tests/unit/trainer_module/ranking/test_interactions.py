"""DCN-V2: the cross equation by hand, and how each structure is put together."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.ranking.interactions import DeepAndCross

X0 = tf.constant([[1.0, 2.0]])


def layer(**hyperparameters: Any) -> DeepAndCross:
    return DeepAndCross(RankingHyperparameters(dropout=0.0, **hyperparameters))


def test_one_cross_layer_by_hand() -> None:
    crossing = layer(structure="stacked", cross_layers=1, hidden_units=())
    crossing(X0)
    kernel, bias = crossing.trainable_variables
    kernel.assign([[1, 2], [3, 4]])
    bias.assign([1, 1])
    # W x = (1 + 6, 2 + 8), plus b = (8, 11), times x0 = (8, 22), plus x = (9, 24).
    np.testing.assert_allclose(crossing(X0), [[9, 24]])


def test_the_second_cross_layer_multiplies_by_the_first_input() -> None:
    crossing = layer(structure="stacked", cross_layers=2, hidden_units=())
    crossing(X0)
    for kernel in crossing.trainable_variables[::2]:
        kernel.assign(np.eye(2))
    # x1 = x0 * x0 + x0 = (2, 6); x2 = x0 * x1 + x1 = (4, 18).
    np.testing.assert_allclose(crossing(X0), [[4, 18]])


def test_low_rank_by_hand() -> None:
    crossing = layer(structure="low_rank", projection_dim=1, hidden_units=())
    crossing(X0)
    down, up, bias = crossing.trainable_variables
    assert (down.shape, up.shape) == ((2, 1), (1, 2))
    down.assign([[1], [2]])
    up.assign([[3, 4]])
    bias.assign([1, 0])
    # V^T x = 5, U 5 = (15, 20), plus b = (16, 20), times x0 = (16, 40), plus x = (17, 42).
    np.testing.assert_allclose(crossing(X0), [[17, 42]])


@pytest.mark.parametrize(("width", "rank"), [(16, 4), (10, 2), (2, 1)])
def test_low_rank_takes_a_quarter_of_the_input_by_default(width: int, rank: int) -> None:
    crossing = layer(structure="low_rank", hidden_units=())
    crossing(tf.ones([1, width]))
    assert [tuple(weight.shape) for weight in crossing.trainable_variables[:2]] == [
        (width, rank),
        (rank, width),
    ]


def test_stacked_feeds_the_cross_layers_output_to_the_deep_ones() -> None:
    stacked = layer(structure="stacked", hidden_units=(3,))
    assert stacked(X0).shape == (1, 3)
    for weight in stacked.trainable_variables:
        weight.assign(tf.ones_like(weight))
    # x1 = x0 * (3 + 1) + x0 = (5, 10), then the sum plus a bias of 1.
    np.testing.assert_allclose(stacked(X0), [[16, 16, 16]])


def test_parallel_sets_both_side_by_side() -> None:
    parallel = layer(structure="parallel", hidden_units=(7, 5))
    assert parallel(tf.ones([4, 2])).shape == (4, 2 + 5)
    for weight in parallel.trainable_variables:
        weight.assign(tf.ones_like(weight))
    # The deep layers read x0: 1 + 2 + 1 = 4 seven times, then 28 + 1.
    np.testing.assert_allclose(parallel(X0), [[5, 10, 29, 29, 29, 29, 29]])


def test_dnn_has_no_cross_layer() -> None:
    deep = layer(structure="dnn", hidden_units=(3,))
    assert deep(X0).shape == (1, 3)
    assert [tuple(weight.shape) for weight in deep.trainable_variables] == [(2, 3), (3,)]


@pytest.mark.parametrize("structure", ["stacked", "parallel", "low_rank", "dnn"])
def test_a_gradient_reaches_every_variable(structure: str) -> None:
    tf.keras.utils.set_random_seed(1)
    crossing = layer(structure=structure, cross_layers=2, hidden_units=(6, 4))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(crossing(tf.random.normal([8, 4])))
    for weight, gradient in zip(
        crossing.trainable_variables, tape.gradient(loss, crossing.trainable_variables), strict=True
    ):
        assert gradient is not None, weight.name
        assert np.abs(gradient).max() > 0, weight.name


def test_block_norms_by_hand() -> None:
    # Two features, of widths 1 and 2. Keras multiplies x W^T, so row 0 is what feature 0 of x_l acts through.
    crossing = layer(structure="stacked", cross_layers=1, hidden_units=())
    crossing(tf.ones([1, 3]))
    kernel, _ = crossing.trainable_variables
    kernel.assign([[2, 3, 4], [1, 0, 0], [-1, 1, 2]])
    [norms] = crossing.block_norms([1, 2])
    np.testing.assert_allclose(norms, [[2, np.sqrt(1 + 1)], [np.sqrt(9 + 16), np.sqrt(1 + 4)]])


def test_block_norms_of_low_rank_are_those_of_the_product() -> None:
    crossing = layer(structure="low_rank", projection_dim=1, hidden_units=())
    crossing(X0)
    down, up, _ = crossing.trainable_variables
    down.assign([[1], [2]])
    up.assign([[3, 4]])
    # down x up = [[3, 4], [6, 8]], and row 0 is what feature 0 of x_l acts through.
    np.testing.assert_allclose(crossing.block_norms([1, 1])[0], [[3, 6], [4, 8]], rtol=1e-6)


def test_deep_layers_alone_cross_nothing() -> None:
    crossing = layer(structure="dnn", hidden_units=(2,))
    crossing(X0)
    assert crossing.block_norms([1, 1]) == []
