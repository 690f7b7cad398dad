"""The base of all models: a TFRS model that reports the mean loss of an epoch and of a validation."""

from collections.abc import Mapping

import tensorflow as tf
import tensorflow_recommenders as tfrs


class MeanLossModel(tfrs.Model):
    """`tfrs.Model` reports the loss of an epoch's last batch, which describes little of the epoch."""

    def __init__(self) -> None:
        super().__init__()
        self._mean_loss = tf.keras.metrics.Mean(name="loss")

    def train_step(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One step; returns the metrics of the epoch so far, the mean of its losses among them."""
        self._mean_loss.update_state(super().train_step(inputs)["loss"])
        return self._means()

    def test_step(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One batch of validation, [B, ...]; returns the metrics so far, the mean loss of an example too."""
        # Batches of validation differ in size, as what is held out is cut from batches that are read.
        rows = tf.shape(tf.nest.flatten(inputs)[0])[0]
        self._mean_loss.update_state(super().test_step(inputs)["loss"], sample_weight=rows)
        return self._means()

    def _means(self) -> dict[str, tf.Tensor]:
        return {metric.name: metric.result() for metric in self.metrics}
