"""The base of the ranking models: squared error of predicted ratings."""

from abc import abstractmethod
from collections.abc import Mapping

import tensorflow as tf
import tensorflow_recommenders as tfrs

from contracts import features
from trainer_module.common.mean_loss import MeanLossModel

# What an example holds of its user, as of the point in time; the rest is of the movie.
USER_SIDE = frozenset(
    (
        features.USER_ID,
        features.TIMESTAMP,
        features.HISTORY_MOVIE_INDEX,
        features.HISTORY_RATING_CENTRED,
        *features.TRANSFORMED_USER_FEATURES,
        *features.TRANSFORMED_CONTEXT_FEATURES,
    )
)


class RatingModel(MeanLossModel):
    """A model that maps transformed features of B (user, movie) pairs to ratings [B].

    `call` takes what is of the user, `USER_SIDE`, also once for each of U users, with `user_of_pair` [B]: the
    row of each pair's user. A history that many candidates share is then looked up and summed up once.
    """

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
    def call(
        self,
        inputs: Mapping[str, tf.Tensor],
        training: bool = False,
        *,
        user_of_pair: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Transformed features of B pairs, those of users [U] with `user_of_pair` [B], to ratings [B]."""

    @abstractmethod
    def cross_weights(self) -> dict[str, object]:
        """The crossed parts under `features` and, under `layers`, a matrix of norms for each cross layer."""


def per_pair(values: tf.Tensor, user_of_pair: tf.Tensor | None) -> tf.Tensor:
    """What is of users [U, ...] for each pair [B, ...]; None if it is of pairs already."""
    return values if user_of_pair is None else tf.gather(values, user_of_pair)
