"""The strongest ranking model: biases, factors of both sides with all their ratings, sessions, crosses."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from contracts import features
from trainer_module.common.embeddings import USER_CATEGORIES, UnknownIds, VocabularySizes
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.ranking.interactions import DeepAndCross
from trainer_module.ranking.rating_model import USER_SIDE, RatingModel, per_pair
from trainer_module.ranking.rating_sets import RatingSet, RatingSets
from trainer_module.ranking.sessions import SESSION_FEATURES, WINDOW, Sessions

ID_FEATURES = (features.USER_INDEX, features.MOVIE_INDEX)
MOVIE_CATEGORIES = (features.RELEASE_DECADE_INDEX,)
# What the model reads of an example.
INPUT_FEATURES = (
    features.USER_ID,
    features.MOVIE_ID,
    features.TIMESTAMP,
    *ID_FEATURES,
    *USER_CATEGORIES,
    *MOVIE_CATEGORIES,
    features.AGE_NORMALIZED,
    features.RELEASE_YEAR_NORMALIZED,
    features.GENRES_MULTI_HOT,
)
# Parts of x0, as the report of the cross weights names them.
CROSSED = ("user", "movie", "user times movie", "session")


class RatedFactors(tf.keras.layers.Layer):
    """What an owner's ratings give: the set of them, and how far each is from what was expected.

    The implicit and the explicit sum of Koren (2008, equations 15 and 13), over the square root of their
    number: sum_j y_j / sqrt(n) and sum_j r_j z_j / sqrt(n) for residuals r and embeddings y, z of the other
    side. The rating that is to be predicted is left out of both.

    Args:
      sizes: rows of the embeddings.
      member: the index feature of the other side.
      dim: width.
    """

    def __init__(self, sizes: VocabularySizes, member: str, dim: int) -> None:
        super().__init__()
        self._size = sizes.sizes[member]
        self._dim = dim

    def build(self, input_shape: tf.TensorShape) -> None:
        """Makes both embeddings."""
        self._implicit, self._explicit = (
            self.add_weight(
                name, [self._size, self._dim], initializer=tf.keras.initializers.RandomNormal(stddev=0.02)
            )
            for name in ("implicit", "explicit")
        )
        super().build(input_shape)

    def call(
        self, rows: tf.Tensor, members: tf.Tensor, columns: tf.Tensor, ratings: RatingSet
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Sums over the ratings of each row.

        Args:
          rows: of the owners [B].
          members: rows of the other side, whose rating is to be predicted, [B].
          columns: indices of their embeddings, [B].
          ratings: of all owners.

        Returns:
          The implicit and the explicit sum, [B, dim] each.
        """
        own = ratings.membership(rows, members)
        # Each owner of the batch once: the active ones are in it many times.
        owners, places = tf.unique(rows, tf.int64)
        ones, residuals = ratings.matrices(owners, self._size)
        scale = tf.math.rsqrt(tf.maximum(ratings.counts(rows) - own.held, 1.0))[:, tf.newaxis]
        sums = []
        for matrix, weights, left_out in (
            (ones, self._implicit, own.held),
            (residuals, self._explicit, own.residual),
        ):
            total = tf.gather(tf.sparse.sparse_dense_matmul(matrix, weights), places)
            sums.append(scale * (total - left_out[:, tf.newaxis] * tf.gather(weights, columns)))
        return sums[0], sums[1]


class SvdppModel(RatingModel):
    """SVD++ on both sides, sessions, and DCN-V2 over what they found.

    rating = mean + b_u + b_m + <p, q> + deep and cross layers over (p, q, p * q, session), where p is the
    sum of the user's own factors, of the movies that the user rated (`RatedFactors`) and of the profile, q
    is the same of the movie, its raters and its content, and the session is what `Sessions` returns.

    Args:
      sizes: rows of each embedding.
      hyperparameters: widths, structure and rates.
      mean_rating: of training, the prediction's starting point.
      sets: the ratings of the train split.
      biases: where the biases of users and movies start, by feature and index.
    """

    def __init__(
        self,
        sizes: VocabularySizes,
        hyperparameters: RankingHyperparameters,
        mean_rating: float,
        sets: RatingSets,
        biases: Mapping[str, npt.NDArray[np.float32]],
    ) -> None:
        super().__init__()
        dim = hyperparameters.embedding_dim
        self._hyperparameters = hyperparameters
        # Behind a function, or Keras would write the ratings into every checkpoint.
        self._training_sets: Callable[[], RatingSets] = lambda: sets
        self._unknown = UnknownIds(hyperparameters.unknown_id_share)
        self._biases = {
            name: tf.keras.layers.Embedding(
                sizes.sizes[name],
                1,
                embeddings_initializer=tf.keras.initializers.Constant(biases[name][:, np.newaxis]),
                name=f"{name}_bias",
            )
            for name in ID_FEATURES
        }
        self._factors = {name: sizes.embedding(name, dim) for name in ID_FEATURES}
        self._rated = RatedFactors(sizes, features.MOVIE_INDEX, dim)
        self._raters = RatedFactors(sizes, features.USER_INDEX, dim)
        self._categories = {
            name: sizes.embedding(name, dim) for name in (*USER_CATEGORIES, *MOVIE_CATEGORIES)
        }
        self._age, self._year, self._genres = (tf.keras.layers.Dense(dim, use_bias=False) for _ in range(3))
        self._sessions = Sessions(WINDOW)
        self._input_dropout = tf.keras.layers.Dropout(hyperparameters.dropout)
        self._session_weights = tf.keras.layers.Dense(
            1,
            bias_initializer=tf.keras.initializers.Constant(mean_rating),
            kernel_initializer="zeros",
            name="session",
        )
        self._interactions = DeepAndCross(hyperparameters)
        self._head = tf.keras.layers.Dense(
            1,
            kernel_initializer=tf.keras.initializers.RandomNormal(stddev=0.01),
            use_bias=False,
            name="rating",
        )

    def call(
        self,
        inputs: Mapping[str, tf.Tensor],
        training: bool = False,
        *,
        user_of_pair: tf.Tensor | None = None,
        sets: RatingSets | None = None,
    ) -> tf.Tensor:
        """Transformed features of B (user, movie) pairs to ratings [B], not clipped.

        What users have rated is summed up once for each user of the batch; see `RatedFactors`.

        Args:
          inputs: `INPUT_FEATURES`; without a timestamp each user is taken as of the latest rating.
          training: whether to drop units and ids.
          user_of_pair: see `RatingModel`.
          sets: the ratings that are known; those of the train split if None.
        """
        sets = self._training_sets() if sets is None else sets
        inputs = {
            name: per_pair(values, user_of_pair) if name in USER_SIDE else values
            for name, values in inputs.items()
        }
        users = sets.user_rows(inputs[features.USER_ID])
        movies = sets.movie_rows(inputs[features.MOVIE_ID])
        timestamps = inputs.get(features.TIMESTAMP)
        if timestamps is None:
            timestamps = sets.latest(users)
        session = self._sessions(sets, users, movies, timestamps)
        ids = {name: self._unknown(inputs[name], training=training) for name in ID_FEATURES}
        bias = {name: tf.squeeze(layer(ids[name]), axis=1) for name, layer in self._biases.items()}
        factors = {name: layer(ids[name]) for name, layer in self._factors.items()}
        user_index, movie_index = (inputs[name] for name in ID_FEATURES)
        rated = self._rated(users, movies, movie_index, sets.users)
        raters = self._raters(movies, users, user_index, sets.movies)
        profile, content = self._side(inputs)
        user = tf.add_n([factors[features.USER_INDEX], *rated, profile])
        movie = tf.add_n([factors[features.MOVIE_INDEX], *raters, content])
        if training:
            hyperparameters = self._hyperparameters
            self.add_loss(hyperparameters.l2_factors * _mean_square(factors.values()))
            self.add_loss(hyperparameters.l2_history * _mean_square([*rated, *raters, profile, content]))
            self.add_loss(hyperparameters.l2_biases * _mean_square([b[:, tf.newaxis] for b in bias.values()]))
        x0 = self._input_dropout(tf.concat([user, movie, user * movie, session], axis=1), training=training)
        outputs = self._session_weights(session) + self._head(self._interactions(x0, training=training))
        return tf.add_n([tf.squeeze(outputs, axis=1), *bias.values(), tf.reduce_sum(user * movie, axis=1)])

    def cross_weights(self) -> dict[str, object]:
        """The parts of x0 and, for each cross layer, the weight of each pair; see `block_norms`."""
        widths = [*[self._hyperparameters.embedding_dim] * 3, SESSION_FEATURES]
        return {
            "features": CROSSED,
            "layers": [norms.tolist() for norms in self._interactions.block_norms(widths)],
        }

    def _side(self, inputs: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """What is known of users and of movies without any rating, [B, dim] each."""
        categories = {name: layer(inputs[name]) for name, layer in self._categories.items()}
        age = self._age(inputs[features.AGE_NORMALIZED][:, tf.newaxis])
        year = self._year(inputs[features.RELEASE_YEAR_NORMALIZED][:, tf.newaxis])
        genres = inputs[features.GENRES_MULTI_HOT]
        number = tf.maximum(tf.reduce_sum(genres, axis=1, keepdims=True), 1.0)
        content = [year, self._genres(genres * tf.math.rsqrt(number))]
        return (
            tf.add_n([age, *(categories[name] for name in USER_CATEGORIES)]),
            tf.add_n([*content, *(categories[name] for name in MOVIE_CATEGORIES)]),
        )


def _mean_square(parts) -> tf.Tensor:  # type: ignore[no-untyped-def]
    """Sum over the parts [B, dim] of the mean of their rows' squared lengths.

    Over an epoch each embedding is penalized as often as it is used, which is what strong regularization
    needs to leave movies and users with many ratings free.
    """
    return tf.add_n([tf.reduce_mean(tf.reduce_sum(tf.square(part), axis=1)) for part in parts])
