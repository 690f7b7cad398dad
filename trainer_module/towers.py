"""Embeddings of users, movies and histories, and the two towers of the retrieval model."""

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf
import tensorflow_transform as tft

from trainer_module import features

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
QUERY_FEATURES = (*features.TRANSFORMED_USER_FEATURES, features.HISTORY_MOVIE_INDEX)
CANDIDATE_FEATURES = features.TRANSFORMED_MOVIE_FEATURES


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
            embeddings_initializer=tf.keras.initializers.RandomNormal(stddev=0.05),
            embeddings_regularizer=tf.keras.regularizers.L2(l2) if l2 else None,
            name=f"{feature}_embedding",
        )


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
        shape = tf.shape(indices, out_type=tf.int64)
        rows = tf.repeat(tf.range(shape[0]), shape[1])
        columns = tf.cast(tf.reshape(indices, [-1]), tf.int64)
        matrix = tf.SparseTensor(
            tf.stack([rows, columns], axis=1),
            tf.reshape(weights, [-1]),
            [shape[0], self._embedding.input_dim],
        )
        return tf.sparse.sparse_dense_matmul(matrix, self._embedding.embeddings)


class HistoryBag(tf.keras.layers.Layer):
    """Sum of the embeddings of the rated movies over the square root of their number.

    The implicit-feedback term of SVD++ (Koren 2008, equation 15). While training, whole movies are
    dropped, so that the sum does not lean on any single one.
    """

    def __init__(self, sizes: VocabularySizes, dim: int, dropout: float) -> None:
        super().__init__()
        self._sum = WeightedSum(sizes.embedding(features.MOVIE_INDEX, dim))
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

    def __init__(self, sizes: VocabularySizes, dim: int) -> None:
        super().__init__()
        self._genres = tf.keras.layers.Dense(dim, use_bias=False)
        self._words = TitleWords(sizes, dim)
        self._decade = sizes.embedding(features.RELEASE_DECADE_INDEX, dim)
        self._year = tf.keras.layers.Dense(dim, use_bias=False)

    def call(self, movie: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Transformed movie features [B, ...] to [B, dim]."""
        return (
            self._genres(movie[features.GENRES_MULTI_HOT])
            + self._words(movie[features.TITLE_WORD_INDEX])
            + self._decade(movie[features.RELEASE_DECADE_INDEX])
            + self._year(movie[features.RELEASE_YEAR_NORMALIZED][:, tf.newaxis])
        )


class QueryTower(tf.keras.layers.Layer):
    """User id, demographics and history to a query embedding.

    Every part is an embedding of the tower's width and they are added, so the score is a sum of inner
    products, one for each part with the candidate (a factorization machine, Rendle 2010, across towers).
    """

    def __init__(self, sizes: VocabularySizes, dim: int, dropout: float, unknown_share: float) -> None:
        super().__init__()
        self._unknown = UnknownIds(unknown_share)
        self._user = sizes.embedding(features.USER_INDEX, dim)
        self._categories = {name: sizes.embedding(name, dim) for name in USER_CATEGORIES}
        # Its bias is the part of the query that all users share; with it comes each movie's popularity.
        self._age = tf.keras.layers.Dense(dim)
        self._history = HistoryBag(sizes, dim, dropout)

    def call(self, query: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Query features ([B], history [B, H]) to embeddings [B, dim]."""
        user = self._user(self._unknown(query[features.USER_INDEX], training=training))
        profile = tf.add_n([layer(query[name]) for name, layer in self._categories.items()])
        age = self._age(query[features.AGE_NORMALIZED][:, tf.newaxis])
        history = self._history(query[features.HISTORY_MOVIE_INDEX], training=training)
        return user + profile + age + history


class CandidateTower(tf.keras.layers.Layer):
    """Movie id and content to a candidate embedding; an unknown id leaves the content."""

    def __init__(self, sizes: VocabularySizes, dim: int, unknown_share: float) -> None:
        super().__init__()
        self._unknown = UnknownIds(unknown_share)
        self._movie = sizes.embedding(features.MOVIE_INDEX, dim)
        self._content = MovieContent(sizes, dim)

    def call(self, movie: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Transformed movie features [B, ...] to embeddings [B, dim]."""
        ids = self._unknown(movie[features.MOVIE_INDEX], training=training)
        return self._movie(ids) + self._content(movie)
