"""The two towers of the retrieval model."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from contracts import features
from trainer_module.common.embeddings import (
    USER_CATEGORIES,
    HistoryBag,
    LatestMovies,
    MovieContent,
    UnknownIds,
    VocabularySizes,
    penalty,
    projection,
)
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters

QUERY_FEATURES = (
    *features.TRANSFORMED_USER_FEATURES,
    features.PERIOD_INDEX,
    features.HISTORY_MOVIE_INDEX,
)
CANDIDATE_FEATURES = (*features.TRANSFORMED_MOVIE_FEATURES, features.MOVIE_POPULARITY)


def extra_dims(periods: int) -> int:
    """How many numbers both towers put behind their embeddings: the bias and the columns of MOVIE_POPULARITY.

    Those are popularity of all time, recent popularity at the start of each period, and that of now.
    """
    return 1 + 1 + periods + 1


class QueryTower(tf.keras.layers.Layer):
    """User id, demographics, time and history to a query embedding.

    Every part is an embedding of the tower's width and they are added, so the score is a sum of inner
    products, one for each part with the candidate (a factorization machine, Rendle 2010, across towers).
    Behind them come a 1 for the candidate's bias and the weights that this query gives to how popular a
    movie is, all in all and of late as of the query's period: an unknown user gets those, someone with a
    history less.

    While training, a share of the users is unknown, and half of those do not have a history too.

    Args:
      sizes: rows of each embedding.
      traits: as of `traits_by_index`, not trainable, which towers may share.
      hyperparameters: widths, rates and what is read.
    """

    def __init__(
        self, sizes: VocabularySizes, traits: tf.Variable, hyperparameters: RetrievalHyperparameters
    ) -> None:
        super().__init__()
        dim, dropout, l2 = hyperparameters.embedding_dim, hyperparameters.dropout, hyperparameters.l2
        self._unknown_share = hyperparameters.unknown_id_share
        self._user = sizes.embedding(features.USER_INDEX, dim, hyperparameters.user_l2)
        self._categories = {name: sizes.embedding(name, dim, l2) for name in USER_CATEGORIES}
        # Its bias is the part of the query that all users share.
        self._age = projection(dim, "age", l2, use_bias=True)
        self._periods = hyperparameters.periods
        self._period = tf.keras.layers.Embedding(
            1 + self._periods, dim, embeddings_regularizer=penalty(l2), name="period"
        )
        self._history = HistoryBag(sizes, dim, dropout, hyperparameters.history_l2)
        self._latest = (
            LatestMovies(sizes, traits, dim, hyperparameters.sequence_length, dropout, l2)
            if hyperparameters.sequence_length
            else None
        )
        # A softmax begins with all-time popularity; the squares, whose scores lie near 0 and 1, with nothing.
        begin = 0.0 if hyperparameters.loss == "weighted_squared" else 1.0
        self._popularity_weights = tf.keras.layers.Dense(
            2,
            kernel_initializer="zeros",
            bias_initializer=tf.keras.initializers.Constant([begin, 0.0]),
            name="popularity",
        )
        # Chosen on validation after the fit, see `RetrievalModel.blend`.
        self.added_recent_weight = tf.Variable(0.0, trainable=False, name="added")

    def call(self, query: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Query features ([B], history [B, H]) to embeddings [B, dim + extra_dims]; period 0 means now."""
        users, history = query[features.USER_INDEX], query[features.HISTORY_MOVIE_INDEX]
        if training and self._unknown_share:
            chance = tf.random.uniform(tf.shape(users))
            users = tf.where(chance < self._unknown_share, tf.zeros_like(users), users)
            unknown_user = (chance < self._unknown_share / 2)[:, tf.newaxis]
            history = tf.where(unknown_user, tf.zeros_like(history), history)
        period = query[features.PERIOD_INDEX]
        parts = [
            self._user(users),
            *(layer(query[name]) for name, layer in self._categories.items()),
            self._age(query[features.AGE_NORMALIZED][:, tf.newaxis]),
            self._period(tf.where(period > 0, period, self._periods * tf.ones_like(period))),
            self._history(history, training=training),
        ]
        if self._latest is not None:
            parts.append(self._latest(history, training=training))
        taste = tf.add_n(parts)
        weights = self._popularity_weights(taste)
        # Which column of recent popularity: that of the period's start, the last one for now.
        column = tf.where(period > 0, period - 1, self._periods * tf.ones_like(period))
        recent = (weights[:, 1:] + self.added_recent_weight) * tf.one_hot(column, self._periods + 1)
        return tf.concat([taste, tf.ones_like(taste[:, :1]), weights[:, :1], recent], axis=1)


class CandidateTower(tf.keras.layers.Layer):
    """Movie id and content to a candidate embedding; an unknown id leaves the content.

    Behind it come a bias of the movie and how often it was rated by when, for `QueryTower`'s weights.
    """

    def __init__(self, sizes: VocabularySizes, hyperparameters: RetrievalHyperparameters) -> None:
        super().__init__()
        dim, l2 = hyperparameters.embedding_dim, hyperparameters.l2
        self._unknown = UnknownIds(hyperparameters.unknown_id_share)
        self._movie = sizes.embedding(features.MOVIE_INDEX, dim, l2)
        self._content = MovieContent(sizes, dim, l2)
        self._bias = tf.keras.layers.Embedding(
            sizes.sizes[features.MOVIE_INDEX], 1, embeddings_initializer="zeros", name="bias"
        )

    def call(self, movie: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Transformed movie features [B, ...] to embeddings [B, dim + extra_dims]."""
        ids = self._unknown(movie[features.MOVIE_INDEX], training=training)
        taste = self._movie(ids) + self._content(movie)
        return tf.concat([taste, self._bias(ids), movie[features.MOVIE_POPULARITY]], axis=1)


class SideBySide(tf.keras.layers.Layer):
    """Several towers as one, their embeddings one behind the other.

    Queries and candidates of K pairs then have the mean of the pairs' K scores as their inner product, if the
    `scale` of one side is 1 / K: an ensemble that is searched like a single model.
    """

    def __init__(self, towers: Sequence[tf.keras.layers.Layer], scale: float = 1.0) -> None:
        super().__init__()
        self.towers = list(towers)
        self._scale = scale

    def call(self, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Features [B, ...] to embeddings [B, sum of the towers' widths]."""
        return self._scale * tf.concat([tower(inputs) for tower in self.towers], axis=1)
