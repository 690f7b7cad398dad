"""The base of all models: a TFRS model that reports the mean loss of an epoch."""

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
        return {metric.name: metric.result() for metric in self.metrics}
