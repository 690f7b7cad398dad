"""Causal self-attention over the latest movies of a query and the time between them."""

import math

import tensorflow as tf

from contracts import features
from trainer_module.common.embeddings import VocabularySizes, latest_of, penalty, projection
from trainer_module.retrieval.hyperparameters import HEADS

BLOCKS = 2
# Of times: an unknown one, 0 seconds, and one for each power of two up to about a month. Longer ones share
# the last, so that a user who comes back after years has a pause that training has seen.
TIME_BUCKETS = 23


def time_bucket(seconds: tf.Tensor) -> tf.Tensor:
    """Seconds to buckets, 0 for what is below 0, which stands for "not known"."""
    logs = tf.math.log1p(tf.cast(tf.maximum(seconds, 0), tf.float32)) / math.log(2)
    found = tf.minimum(1 + tf.cast(tf.round(logs), tf.int32), TIME_BUCKETS - 1)
    return tf.where(seconds < 0, 0, found)


def seconds_between(earlier: tf.Tensor, later: tf.Tensor) -> tf.Tensor:
    """From ages to ages of ratings that came later, NO_AGE if one of them is."""
    known = (earlier >= 0) & (later >= 0)
    return tf.where(known, tf.maximum(earlier - later, 0), features.NO_AGE)


class SequenceTransformer(tf.keras.layers.Layer):
    """Blocks of causal attention over the latest movies, read off at the newest one.

    As in HSTU (Zhai et al. 2024, https://arxiv.org/abs/2402.17152), attention depends on how many places are
    between two movies, and on the time from one to what came after the other, which is the request after the
    newest. A movie is embedded by its id and its traits, as `LatestMovies` does it, and by the time since the
    one before it and until what came after it, which show where a session begins.

    Args:
      sizes: rows of the embedding.
      traits: as of `traits_by_index`, not trainable.
      dim: width of the embedding, the blocks and the output, a multiple of `HEADS`.
      length: movies that are read.
      dropout: of the embeddings and of what each block adds.
      l2: penalty on the embeddings of ids, traits and times.
    """

    def __init__(
        self, sizes: VocabularySizes, traits: tf.Variable, dim: int, length: int, dropout: float, l2: float
    ) -> None:
        super().__init__()
        self._length = length
        self._known_traits = traits
        self._movies = sizes.embedding(features.MOVIE_INDEX, dim, l2)
        self._traits = projection(dim, "traits", l2)
        self._pauses = [
            tf.keras.layers.Embedding(TIME_BUCKETS, dim, embeddings_regularizer=penalty(l2), name=name)
            for name in ("pause_before", "pause_after")
        ]
        self._dropout = tf.keras.layers.Dropout(dropout)
        # The last block is read at the newest movie alone.
        self._blocks = [
            CausalBlock(dim, length, 1 if last else length, dropout)
            for last in (number == BLOCKS - 1 for number in range(BLOCKS))
        ]
        self._project = tf.keras.layers.Dense(dim, use_bias=False, name="project")

    def call(self, history: tf.Tensor, ages: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Movie indices and HISTORY_AGE [B, H], newest last, to [B, dim]; 0 without any movie.

        There is not a movie where the index is 0.
        """
        latest, ages = latest_of(history, self._length), latest_of(ages, self._length)
        present = latest > 0
        ages = tf.where(present, ages, features.NO_AGE)
        # The request itself has the age 0.
        following = tf.pad(ages[:, 1:], [[0, 0], [0, 1]])
        after = seconds_between(ages, following)
        before = tf.pad(after[:, :-1], [[0, 0], [1, 0]], constant_values=features.NO_AGE)
        movies = self._movies(latest) + self._traits(tf.gather(self._known_traits, latest))
        for embedding, pause in zip(self._pauses, (before, after), strict=True):
            movies += embedding(time_bucket(pause))
        apart = time_bucket(seconds_between(ages[:, tf.newaxis, :], following[:, :, tf.newaxis]))
        states = self._dropout(movies, training=training)
        for block in self._blocks:
            states = block(states, present, apart, training=training)
        return self._project(states[:, -1]) * tf.cast(present[:, -1:], tf.float32)


class CausalBlock(tf.keras.layers.Layer):
    """A block of HSTU: attention by SiLU instead of softmax, gated, added to what came in.

    U, V, Q, K = SiLU(X W); A = SiLU(Q K' / sqrt(d) + b + t) / n; Y = X + (norm(A V) * U) W2, with n places
    to attend to and, for each head, a learned b for each distance and a learned t for each bucket of time. A
    place attends to itself and to earlier ones.

    Args:
      dim: width of what comes in and goes out.
      length: places that come in.
      queries: of them, the last ones that go out.
      dropout: of what is added.
    """

    def __init__(self, dim: int, length: int, queries: int, dropout: float) -> None:
        super().__init__()
        self._dim, self._queries = dim, queries
        self._norm_in = tf.keras.layers.LayerNormalization(name="norm_in")
        self._inner = tf.keras.layers.Dense(4 * dim, activation="swish", name="inner")
        self._norm = tf.keras.layers.LayerNormalization(name="norm")
        self._outer = tf.keras.layers.Dense(dim, name="outer")
        self._dropout = tf.keras.layers.Dropout(dropout)
        # How many places each key is before each query; below 0 it is later.
        places = tf.range(length)
        self._distance = places[length - queries :, tf.newaxis] - places[tf.newaxis, :]
        self._bias = self.add_weight("bias", [length, HEADS], initializer="zeros")
        self._time_bias = self.add_weight("time_bias", [TIME_BUCKETS, HEADS], initializer="zeros")

    def call(
        self, states: tf.Tensor, present: tf.Tensor, apart: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """States [B, L, dim] to the last ones, [B, queries, dim].

        Args:
          states: what comes in.
          present: which places hold a movie, [B, L].
          apart: buckets of the time from each key to what came after each query, [B, L, L], queries first.
          training: whether this is a step of the fit.
        """
        gates, values, queries, keys = tf.split(self._inner(self._norm_in(states)), 4, axis=2)
        scores = tf.einsum("bqhd,bkhd->bqkh", _heads(queries[:, -self._queries :]), _heads(keys))
        bias = tf.gather(self._bias, tf.maximum(self._distance, 0))
        # The product makes the gradient of the few buckets one dense sum, not one row for each pair.
        bias += tf.gather(1.0 * self._time_bias, apart[:, -self._queries :])
        seen = present[:, tf.newaxis, :] & (self._distance >= 0)
        weights = tf.nn.silu(scores / (self._dim / HEADS) ** 0.5 + bias)
        weights *= tf.cast(seen, tf.float32)[..., tf.newaxis]
        count = tf.reduce_sum(tf.cast(seen, tf.float32), axis=2)[..., tf.newaxis]
        attended = tf.einsum("bqkh,bkhd->bqhd", weights, _heads(values))
        flat = tf.reshape(attended, [-1, self._queries, self._dim]) / tf.maximum(count, 1.0)
        added = self._outer(self._norm(flat) * gates[:, -self._queries :])
        return states[:, -self._queries :] + self._dropout(added, training=training)


def _heads(states: tf.Tensor) -> tf.Tensor:
    """States [B, L, dim] to [B, L, heads, dim / heads]."""
    shape = tf.shape(states)
    return tf.reshape(states, [shape[0], shape[1], HEADS, states.shape[2] // HEADS])
