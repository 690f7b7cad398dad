"""What the ranking SavedModel answers: the serving contract's signatures and the Evaluator's one."""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft

from contracts import features
from contracts import signatures as signature_names
from trainer_module.common.bounds import bounded
from trainer_module.common.inputs import densify, feature_widths
from trainer_module.common.serving_tables import MovieTable, UserTable
from trainer_module.ranking.fit import SeedAverage
from trainer_module.ranking.rating_lists import RatingLists
from trainer_module.ranking.rating_model import RatingModel
from trainer_module.ranking.rating_sets import RatingSets

Outputs = dict[str, tf.Tensor]


class RankingServing(tf.Module):
    """The ranking model as it is served.

    Args:
      model: maps transformed features of B (user, movie) pairs to ratings [B].
      transform_output: the transform graph, for signatures over raw Examples.
      history_length: movies of history that the model reads.
      users: users as of the last rating known, training and evaluation splits together.
      movies: the catalogue.
      scale: lowest and highest rating of training; answers are clipped to it.
      training_users: users as of the last rating of training, for the reference.
      biases: the bias model: mean, user biases in `training_users`' order [U], movie biases [M].
      rating_sets: for a model that reads them, the ratings of training, which the Evaluator's signature
        uses, and all ratings known, which the others use.
    """

    def __init__(
        self,
        model: RatingModel | SeedAverage,
        transform_output: tft.TFTransformOutput,
        *,
        history_length: int,
        users: UserTable,
        movies: MovieTable,
        scale: tuple[float, float],
        training_users: UserTable,
        biases: tuple[float, npt.NDArray[np.float32], npt.NDArray[np.float32]],
        rating_sets: tuple[RatingSets, RatingSets] | None = None,
    ) -> None:
        super().__init__()
        # The method and the weights instead of the model, which Keras would save in its own format too, with
        # traces of its own: ten seconds for what no signature calls.
        self._predict = self._predict_evaluated = model.__call__
        self._weights = model.variables
        self._rating_sets = rating_sets
        if rating_sets:
            training, known = rating_sets
            self._predict_evaluated = partial(model.__call__, sets=training)
            self._predict = partial(model.__call__, sets=known)
        # Loaded as it is: in TF Transform's Keras layer, Keras would trace it again to save it its own way.
        self._transform = tf.saved_model.load(transform_output.transform_savedmodel_dir)
        self._parse = _raw_parser(transform_output)
        self._densify = partial(densify, widths=feature_widths(history_length))
        self._movies = movies
        self._scale = scale
        # For the final order of a list: as of all that is known, and as of training for the Evaluator.
        self.known = RatingLists(self._predict, self._weights, users, movies, scale)
        self.trained = RatingLists(self._predict_evaluated, self._weights, training_users, movies, scale)
        self._training_users = training_users
        mean, user_bias, movie_bias = biases
        self._mean = mean
        # Row 0 of both tables is the unknown one, whose bias is 0.
        self._user_bias = tf.Variable(np.concatenate([[0], user_bias]).astype(np.float32), trainable=False)
        self._movie_bias = tf.Variable(np.concatenate([[0], movie_bias]).astype(np.float32), trainable=False)

    def signatures(self) -> dict[str, Callable[..., Outputs]]:
        """Concrete functions by signature name."""
        examples = [tf.TensorSpec([None], tf.string, name=signature_names.EXAMPLES)]
        rank = [
            tf.TensorSpec([None], tf.string, name=features.USER_ID),
            tf.TensorSpec([None, None], tf.string, name=features.MOVIE_ID),
        ]
        from_examples = tf.function(self._from_examples, input_signature=examples, autograph=False)
        return {
            signature_names.SERVING_DEFAULT: from_examples.get_concrete_function(),
            signature_names.EVALUATE: tf.function(
                self._evaluate, input_signature=examples, autograph=False
            ).get_concrete_function(),
            signature_names.RANK: tf.function(
                self._rank, input_signature=rank, autograph=False
            ).get_concrete_function(),
            signature_names.TRANSFORM_FEATURES: tf.function(
                self._transformed, input_signature=examples, autograph=False
            ).get_concrete_function(),
        }

    def _from_examples(self, examples: tf.Tensor) -> Outputs:
        """Serialized raw `ratings` Examples [B], with or without the rating, to ratings [B]."""
        return {features.USER_RATING: self._clipped(self._predict(self._transformed(examples)))}

    def _transformed(self, examples: tf.Tensor) -> Outputs:
        """Serialized raw Examples [B] to what Transform makes of them: dense features [B] and [B, width]."""
        [examples] = bounded({signature_names.EXAMPLES: examples})
        transformed: Outputs = self._densify(self._transform.transform_fn(self._parse(examples)))
        return transformed

    def _rank(self, user_id: tf.Tensor, movie_id: tf.Tensor) -> Outputs:
        """user_id [B] and candidates movie_id [B, C] to ratings [B, C], on the scale."""
        user_id, movie_id = bounded({features.USER_ID: user_id, features.MOVIE_ID: movie_id})
        return {features.USER_RATING: self.known.rate(user_id, movie_id)[1]}

    def _evaluate(self, examples: tf.Tensor) -> Outputs:
        """Serialized raw Examples [B] to the model's ratings and those of the bias model, [B].

        Both use the ratings of training alone.
        """
        [examples] = bounded({signature_names.EXAMPLES: examples})
        spec = {name: tf.io.FixedLenFeature([], tf.string) for name in (features.USER_ID, features.MOVIE_ID)}
        raw = tf.io.parse_example(examples, spec)
        users = self._training_users.rows(raw[features.USER_ID])
        movies = self._movies.rows(raw[features.MOVIE_ID])
        biases = self._mean + tf.gather(self._user_bias, users) + tf.gather(self._movie_bias, movies)
        cold_movie = self._movies.columns(movies, [features.MOVIE_INDEX])[features.MOVIE_INDEX] == 0
        return {
            features.USER_RATING: self._clipped(self._predict_evaluated(self._transformed(examples))),
            signature_names.REFERENCE_RATING: tf.clip_by_value(biases, *self._scale),
            signature_names.COLD_USER: tf.where(users == 0, signature_names.YES, signature_names.NO),
            signature_names.COLD_MOVIE: tf.where(cold_movie, signature_names.YES, signature_names.NO),
        }

    def _clipped(self, ratings: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(ratings, *self._scale)


def _raw_parser(transform_output: tft.TFTransformOutput) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Parses serialized raw Examples that need not hold the label."""
    spec = transform_output.raw_feature_spec()
    label = spec[features.USER_RATING]
    spec[features.USER_RATING] = tf.io.FixedLenFeature(label.shape, label.dtype, default_value=[0.0])
    return partial(tf.io.parse_example, features=spec)
