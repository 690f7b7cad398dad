"""The losses of retrieval, worked out by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from trainer_module.retrieval.losses import log_inclusion, softmax_loss, squared_loss

SCORES = tf.constant([[1.0, 0.0, -1.0, 3.0], [0.0, 2.0, 0.0, 0.0]])
NOTHING = tf.zeros([2, 4], tf.bool)
FIRST_ROW_HIDES_THE_LAST = tf.constant([[False, False, False, True], [False] * 4])
TARGETS = tf.constant([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0]])


def test_softmax_counts_every_target_the_same() -> None:
    first = math.log(math.exp(1) + 1 + math.exp(-1) + math.exp(3)) - 1
    total = math.log(3 + math.exp(2))
    by_hand = (first + (total - 2) + total) / 3
    assert float(softmax_loss(SCORES, TARGETS, NOTHING)) == pytest.approx(by_hand, rel=1e-6)


def test_what_is_hidden_is_no_negative() -> None:
    first = math.log(math.exp(1) + 1 + math.exp(-1)) - 1
    total = math.log(3 + math.exp(2))
    by_hand = (first + (total - 2) + total) / 3
    assert float(softmax_loss(SCORES, TARGETS, FIRST_ROW_HIDES_THE_LAST)) == pytest.approx(by_hand, rel=1e-6)


def test_the_squared_loss_weighs_what_was_not_rated_less() -> None:
    # First row: (1 - 1)^2 + .1 (0 + 1), the 3 hidden. Second: (2 - 1)^2 + (0 - 1)^2 + .1 (0 + 0).
    by_hand = (0.1 * 1 + 1 + 1) / 3
    loss = squared_loss(SCORES, TARGETS, FIRST_ROW_HIDES_THE_LAST, NOTHING, 0.1, 0.25)
    assert float(loss) == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize(("given_weight", "of_the_given"), [(0.0, 0.0), (0.25, 0.25 * (3 - 1) ** 2)])
def test_the_squared_loss_may_have_targets_from_the_query(given_weight: float, of_the_given: float) -> None:
    # As above, and the 3 of the first row should be 1 as well. The number of targets stays 3.
    by_hand = (0.1 * 1 + 1 + 1 + of_the_given) / 3
    given = FIRST_ROW_HIDES_THE_LAST
    loss = squared_loss(SCORES, TARGETS, given, given, 0.1, given_weight)
    assert float(loss) == pytest.approx(by_hand, rel=1e-6)


def test_what_came_later_has_no_weight_beside_what_was_read() -> None:
    # First row: the -1 was read, (-1 - 1)^2 / 4, and the 3 came later. Second: as above.
    given = tf.constant([[False, False, True, False], [False] * 4])
    loss = squared_loss(SCORES, TARGETS, given | FIRST_ROW_HIDES_THE_LAST, given, 0.1, 0.25)
    assert float(loss) == pytest.approx((1 + 1 + 1) / 3, rel=1e-6)


def test_a_batch_without_targets_has_a_finite_loss_and_gradient() -> None:
    scores = tf.Variable(SCORES)
    with tf.GradientTape() as tape:
        loss = softmax_loss(scores, tf.zeros_like(TARGETS), ~NOTHING)
    assert float(loss) == 0
    assert np.isfinite(tape.gradient(loss, scores)).all()


def test_inclusion_is_one_minus_never_being_drawn() -> None:
    probability = tf.constant([0.5, 0.1, 1e-6])
    expected = [math.log(1 - 0.5**3), math.log(1 - 0.9**3), math.log(3e-6)]
    np.testing.assert_allclose(log_inclusion(probability, tf.constant(3)), expected, rtol=1e-4)
