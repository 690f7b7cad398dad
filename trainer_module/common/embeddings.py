"""Embeddings of ids, categories, titles and histories, which the models put together."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft

from contracts import features

# Sizes of the indices without a vocabulary; 0 is "unknown".
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
            embeddings_regularizer=penalty(l2),
            name=f"{feature}_embedding",
        )


def projection(dim: int, name: str, l2: float, use_bias: bool = False) -> tf.keras.layers.Dense:
    """Numbers, or flags of several categories at once, to an embedding, begun and penalized like one."""
    return tf.keras.layers.Dense(
        dim, use_bias=use_bias, kernel_initializer=_small(), kernel_regularizer=penalty(l2), name=name
    )


def _small() -> tf.keras.initializers.Initializer:
    return tf.keras.initializers.RandomNormal(stddev=0.05)


def penalty(l2: float) -> tf.keras.regularizers.Regularizer | None:
    """What Keras takes for an L2 penalty, which may be none."""
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
    dropped, so that the sum does not depend on any single one.
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
    with a ReLU: a movie at a place then adds the same whatever the others are. A movie is embedded by its id
    and its traits, since people who rate one page after the other follow genres, years and fame.

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
