"""Ratings of many candidates for each user, as of one state of what is known."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from contracts import features
from trainer_module.common.serving_tables import MovieTable, UserTable

# A rating model: transformed features of B pairs to ratings [B], not clipped. Those of users are [U], with
# the row of each pair's user as `user_of_pair` [B].
Predict = Callable[..., tf.Tensor]


class RatingLists(tf.Module):
    """Predicts ratings of users and candidates by id.

    `rate`, a `tf.function`, survives in a SavedModel, so that other models can be composed with it.

    Args:
      predict: the rating model.
      weights: its variables.
      users: what is known of each user.
      movies: the catalogue.
      scale: lowest and highest rating.
    """

    def __init__(
        self,
        predict: Predict,
        weights: Sequence[tf.Variable],
        users: UserTable,
        movies: MovieTable,
        scale: tuple[float, float],
    ) -> None:
        super().__init__()
        self._predict = predict
        # A partial function hides what it holds from `tf.Module`.
        self._tables = getattr(predict, "keywords", {}).get("sets")
        self._weights = weights
        self._users = users
        self._movies = movies
        self._scale = scale
        self.rate = tf.function(
            self._rate,
            input_signature=[
                tf.TensorSpec([None], tf.string, name=features.USER_ID),
                tf.TensorSpec([None, None], tf.string, name=features.MOVIE_ID),
            ],
            autograph=False,
        )

    def _rate(self, user_id: tf.Tensor, movie_id: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """user_id [B] and candidates movie_id [B, C] to ratings.

        The user is taken as of the latest rating known, weekday and hour of that rating included, so the
        same request always has the same answer.

        Returns:
          Ratings [B, C] as the model predicts them, the same clipped to the scale, and which users the
          model has, [B].
        """
        shape = tf.shape(movie_id)
        users = self._users.rows(user_id)
        movies = self._movies.columns(
            tf.reshape(self._movies.rows(movie_id), [-1]), features.TRANSFORMED_MOVIE_FEATURES
        )
        ids = {features.USER_ID: user_id, features.MOVIE_ID: tf.reshape(movie_id, [-1])}
        user_of_pair = tf.repeat(tf.range(shape[0]), shape[1])
        inputs = {**self._users.profile(users), **movies, **ids}
        ratings = tf.reshape(self._predict(inputs, user_of_pair=user_of_pair), shape)
        return ratings, tf.clip_by_value(ratings, *self._scale), users > 0
