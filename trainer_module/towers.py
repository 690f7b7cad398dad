"""Embeddings of users, movies and histories, and the two towers of the retrieval model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft

from trainer_module import features
from trainer_module.hyperparameters import RetrievalHyperparameters

# Sizes of the indices that need no vocabulary; 0 is "unknown".
FIXED_SIZES: Mapping[str, int] = {
    features.AGE_BUCKET_INDEX: len(features.AGE_BUCKETS) + 1,
    features.GENDER_INDEX: len(features.GENDERS) + 1,
    features.ZIP_AREA_INDEX: 10 + 1,
    features.HOUR_INDEX: 24 + 1,
    features.WEEKDAY_INDEX: 7 + 1,
    features.RELEASE_DECADE_INDEX: features.RELEASE_DECADES + 1,
}
VOCABULARIES: Mapping[str, str] = {
    features.USER_INDEX: features.USER_VOCABULARY,
    features.MOVIE_INDEX: features.MOVIE_VOCABULARY,
    features.OCCUPATION_INDEX: features.OCCUPATION_VOCABULARY,
    features.TITLE_WORD_INDEX: features.TITLE_WORD_VOCABULARY,
}
USER_CATEGORIES = (
    features.AGE_BUCKET_INDEX,
    features.GENDER_INDEX,
    features.OCCUPATION_INDEX,
    features.ZIP_AREA_INDEX,
)
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


@dataclass(frozen=True)
class VocabularySizes:
    """Rows of the embedding of each categorical feature, the unknown one included."""

    sizes: Mapping[str, int]

    @classmethod
    def of(cls, transform_output: tft.TFTransformOutput) -> "VocabularySizes":
        """Reads the sizes off the vocabularies that Transform wrote."""
        learned = {
            feature: transform_output.vocabulary_size_by_name(vocabulary) + 1
            for feature, vocabulary in VOCABULARIES.items()
        }
        return cls({**FIXED_SIZES, **learned})

    def embedding(self, feature: str, dim: int, l2: float = 0.0) -> tf.keras.layers.Embedding:
        """A new embedding of a feature."""
        return tf.keras.layers.Embedding(
            self.sizes[feature],
            dim,
            embeddings_initializer=_small(),
            embeddings_regularizer=_penalty(l2),
            name=f"{feature}_embedding",
        )


def projection(dim: int, name: str, l2: float, use_bias: bool = False) -> tf.keras.layers.Dense:
    """Numbers, or flags of several categories at once, to an embedding, begun and penalized like one."""
    return tf.keras.layers.Dense(
        dim, use_bias=use_bias, kernel_initializer=_small(), kernel_regularizer=_penalty(l2), name=name
    )


def _small() -> tf.keras.initializers.Initializer:
    return tf.keras.initializers.RandomNormal(stddev=0.05)


def _penalty(l2: float) -> tf.keras.regularizers.Regularizer | None:
    return tf.keras.regularizers.L2(l2) if l2 else None


class UnknownIds(tf.keras.layers.Layer):
    """While training, turns a share of ids into 0, so that the unknown id learns an average one's place."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    def call(self, ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Ids [B] to ids [B]."""
        if not training or not self._share:
            return ids
        return tf.where(tf.random.uniform(tf.shape(ids)) < self._share, tf.zeros_like(ids), ids)


class WeightedSum(tf.keras.layers.Layer):
    """Weighted sums of the embeddings of a categorical feature.

    A product of a sparse and a dense matrix: the gradient of a gather would be a row for each index, which
    the optimizer has to sort and add up first, at twice the cost of a training step.

    Args:
      embedding: of the feature, not built yet.
    """

    def __init__(self, embedding: tf.keras.layers.Embedding) -> None:
        super().__init__()
        self._embedding = embedding

    def build(self, input_shape: tf.TensorShape) -> None:
        """Makes the embeddings."""
        with tf.name_scope(self._embedding.name):
            self._embedding.build(input_shape)
        super().build(input_shape)

    def call(self, indices: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Indices [B, N] and weights [B, N], 0 for what does not count, to [B, dim]."""
        # Rows are padded to the longest one, so most of a batch may be weights of 0.
        places = tf.where(tf.not_equal(weights, 0.0))
        columns = tf.cast(tf.gather_nd(indices, places), tf.int64)
        matrix = tf.SparseTensor(
            tf.stack([places[:, 0], columns], axis=1),
            tf.gather_nd(weights, places),
            [tf.shape(indices, out_type=tf.int64)[0], self._embedding.input_dim],
        )
        return tf.sparse.sparse_dense_matmul(matrix, self._embedding.embeddings)


class HistoryBag(tf.keras.layers.Layer):
    """Sum of the embeddings of the rated movies over the square root of their number.

    The implicit-feedback term of SVD++ (Koren 2008, equation 15). While training, whole movies are
    dropped, so that the sum does not lean on any single one.
    """

    def __init__(self, sizes: VocabularySizes, dim: int, dropout: float, l2: float = 0.0) -> None:
        super().__init__()
        self._sum = WeightedSum(sizes.embedding(features.MOVIE_INDEX, dim, l2))
        self._dropout = dropout

    def call(self, history: tf.Tensor, weights: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        """Movie indices [B, H], 0 where there is none, and optional weights [B, H] to [B, dim]."""
        kept = tf.cast(history > 0, tf.float32)
        if training and self._dropout:
            kept *= tf.cast(tf.random.uniform(tf.shape(history)) >= self._dropout, tf.float32)
        total = self._sum(history, kept if weights is None else kept * weights)
        return total / tf.sqrt(tf.maximum(tf.reduce_sum(kept, axis=1, keepdims=True), 1.0))


class TitleWords(tf.keras.layers.Layer):
    """Mean embedding of the words of a title."""

    def __init__(self, sizes: VocabularySizes, dim: int, l2: float = 0.0) -> None:
        super().__init__()
        self._sum = WeightedSum(sizes.embedding(features.TITLE_WORD_INDEX, dim, l2))

    def call(self, words: tf.Tensor) -> tf.Tensor:
        """Word indices [B, W], 0 where there is none, to [B, dim]."""
        present = tf.cast(words > 0, tf.float32)
        return self._sum(words, present) / tf.maximum(tf.reduce_sum(present, axis=1, keepdims=True), 1.0)


class MovieContent(tf.keras.layers.Layer):
    """What is known of a movie without any rating: genres, title words, release year."""

    def __init__(self, sizes: VocabularySizes, dim: int, l2: float = 0.0) -> None:
        super().__init__()
        self._genres = projection(dim, "genres", l2)
        self._words = TitleWords(sizes, dim, l2)
        self._decade = sizes.embedding(features.RELEASE_DECADE_INDEX, dim, l2)
        self._year = projection(dim, "year", l2)

    def call(self, movie: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Transformed movie features [B, ...] to [B, dim]."""
        return (
            self._genres(movie[features.GENRES_MULTI_HOT])
            + self._words(movie[features.TITLE_WORD_INDEX])
            + self._decade(movie[features.RELEASE_DECADE_INDEX])
            + self._year(movie[features.RELEASE_YEAR_NORMALIZED][:, tf.newaxis])
        )


def traits_by_index(columns: Mapping[str, npt.NDArray[np.generic]], rows: int) -> npt.NDArray[np.float32]:
    """Genres, release year and popularity of all time by vocabulary index, [rows, G + 2].

    The unknown movie, which is every one without a rating, has zeros.

    Args:
      columns: `CANDIDATE_FEATURES` of the catalogue, [M, ...].
      rows: size of the vocabulary, the unknown movie included.
    """
    numbers = [columns[features.RELEASE_YEAR_NORMALIZED], columns[features.MOVIE_POPULARITY][:, 0]]
    traits = np.zeros([rows, columns[features.GENRES_MULTI_HOT].shape[1] + len(numbers)], np.float32)
    traits[columns[features.MOVIE_INDEX]] = np.column_stack([columns[features.GENRES_MULTI_HOT], *numbers])
    traits[0] = 0
    return traits


class LatestMovies(tf.keras.layers.Layer):
    """A causal convolution over the latest movies, as of the newest one, that keeps their order.

    Its window is the whole sequence, so it is a dense layer over the embeddings side by side (the horizontal
    filters of Caser, Tang and Wang 2018, https://arxiv.org/abs/1809.07426), with linear filters beside those
    with a ReLU: a movie at a place then says the same whatever the others are. A movie is embedded by its id
    and its traits, since people who rate one page after the other go by genres, years and what is well known.

    Args:
      sizes: rows of the embedding.
      traits: as of `traits_by_index`, not trainable.
      dim: width of the embedding and the output, a quarter of the filters with a ReLU.
      length: movies that are read.
      dropout: of the embeddings side by side and of the filters.
      l2: penalty on the embeddings of ids and traits.
    """

    def __init__(
        self, sizes: VocabularySizes, traits: tf.Variable, dim: int, length: int, dropout: float, l2: float
    ) -> None:
        super().__init__()
        self._length = length
        self._known_traits = traits
        self._movies = sizes.embedding(features.MOVIE_INDEX, dim, l2)
        self._traits = projection(dim, "traits", l2)
        self._window = tf.keras.layers.Dense(4 * dim, activation="relu", name="window")
        self._dropout = tf.keras.layers.Dropout(dropout)
        self._project = tf.keras.layers.Dense(dim, use_bias=False, name="project")
        self._linear = tf.keras.layers.Dense(dim, use_bias=False, name="linear")

    def call(self, history: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Movie indices [B, H], newest last, 0 where there is none, to [B, dim]."""
        latest = history[:, -self._length :]
        latest = tf.pad(latest, [[0, 0], [self._length - tf.shape(latest)[1], 0]])
        latest = tf.ensure_shape(latest, [None, self._length])
        present = tf.cast(latest > 0, tf.float32)[:, :, tf.newaxis]
        movies = self._movies(latest) + self._traits(tf.gather(self._known_traits, latest))
        side_by_side = tf.keras.layers.Flatten()(movies * present)
        filters = self._dropout(self._window(side_by_side), training=training)
        return self._project(filters) + self._linear(self._dropout(side_by_side, training=training))


class QueryTower(tf.keras.layers.Layer):
    """User id, demographics, time and history to a query embedding.

    Every part is an embedding of the tower's width and they are added, so the score is a sum of inner
    products, one for each part with the candidate (a factorization machine, Rendle 2010, across towers).
    Behind them come a 1 for the candidate's bias and the weights that this query gives to how popular a
    movie is, all in all and of late as of the query's period: a stranger leans on those, someone with a
    history less.

    While training, a share of the users is unknown, and half of those have no history either.

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
            1 + self._periods, dim, embeddings_regularizer=_penalty(l2), name="period"
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
            stranger = (chance < self._unknown_share / 2)[:, tf.newaxis]
            history = tf.where(stranger, tf.zeros_like(history), history)
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
