"""The loss of an epoch is the mean over its steps, anew in each epoch; that of validation, over examples."""

import pytest
import tensorflow as tf

from trainer_module.common.mean_loss import MeanLossModel

pytestmark = pytest.mark.slow


class Slope(MeanLossModel):
    """Its loss is the batch's value times a weight that no optimizer moves."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = self.add_weight("slope", initializer="ones")

    def compute_loss(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.reduce_mean(inputs) * self.slope


def test_the_mean_over_the_batches_of_each_epoch() -> None:
    model = Slope()
    model.compile(optimizer=tf.keras.optimizers.SGD(0.0))
    batches = tf.data.Dataset.from_tensor_slices([[1.0], [2.0], [6.0]]).batch(1)
    validation = tf.data.Dataset.from_tensor_slices([[1.0], [1.0], [1.0], [5.0]]).batch(3)
    history = model.fit(batches, epochs=2, validation_data=validation, verbose=0).history
    assert history["loss"] == pytest.approx([3.0, 3.0])
    assert history["val_loss"] == pytest.approx([2.0, 2.0])
