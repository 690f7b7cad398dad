"""The base of the ranking models: squared error of predicted ratings."""

from abc import abstractmethod
from collections.abc import Mapping

import tensorflow as tf
import tensorflow_recommenders as tfrs

from contracts import features
from trainer_module.common.mean_loss import MeanLossModel


class RatingModel(MeanLossModel):
    """A model that maps transformed features of B (user, movie) pairs to ratings [B]."""

    def __init__(self) -> None:
        super().__init__()
        self._task = tfrs.tasks.Ranking(
            loss=tf.keras.losses.MeanSquaredError(),
            metrics=[tf.keras.metrics.RootMeanSquaredError(name="rmse")],
        )

    def compute_loss(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Mean squared error of a batch of transformed Examples."""
        ratings = inputs[features.USER_RATING]
        return self._task(labels=ratings, predictions=self(inputs, training=training))

    @abstractmethod
    def cross_weights(self) -> dict[str, object]:
        """The crossed parts under `features` and, under `layers`, a matrix of norms for each cross layer."""
