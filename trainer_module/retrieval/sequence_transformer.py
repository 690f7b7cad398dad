"""Causal self-attention over the latest movies of a query."""

import tensorflow as tf

from contracts import features
from trainer_module.common.embeddings import VocabularySizes, latest_of, projection

# Attentions side by side in a block, which share its width.
HEADS = 2
BLOCKS = 2


class SequenceTransformer(tf.keras.layers.Layer):
    """Blocks of causal attention over the latest movies, read off at the newest one.

    As in HSTU (Zhai et al. 2024, https://arxiv.org/abs/2402.17152), what follows what is learnt by position
    relative to one another. Position needs no embedding of its own. A movie is embedded by its id and its
    traits, as `LatestMovies` does it.

    Args:
      sizes: rows of the embedding.
      traits: as of `traits_by_index`, not trainable.
      dim: width of the embedding, the blocks and the output, a multiple of `HEADS`.
      length: movies that are read.
      dropout: of the embeddings and of what each block adds.
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
        self._dropout = tf.keras.layers.Dropout(dropout)
        # The last block is read at the newest movie alone.
        self._blocks = [
            CausalBlock(dim, length, 1 if last else length, dropout)
            for last in (number == BLOCKS - 1 for number in range(BLOCKS))
        ]
        self._project = tf.keras.layers.Dense(dim, use_bias=False, name="project")

    def call(self, history: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Movie indices [B, H], newest last, 0 where there is none, to [B, dim]; 0 without any."""
        latest = latest_of(history, self._length)
        present = latest > 0
        movies = self._movies(latest) + self._traits(tf.gather(self._known_traits, latest))
        states = self._dropout(movies, training=training)
        for block in self._blocks:
            states = block(states, present, training=training)
        return self._project(states[:, -1]) * tf.cast(present[:, -1:], tf.float32)


class CausalBlock(tf.keras.layers.Layer):
    """A block of HSTU: attention by SiLU instead of softmax, gated, added to what came in.

    U, V, Q, K = SiLU(X W); A = SiLU(Q K' / sqrt(d) + b) / n; Y = X + (norm(A V) * U) W2, with n places to
    attend to and a learned b for each distance and head. A place attends to itself and to earlier ones.

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

    def call(self, states: tf.Tensor, present: tf.Tensor, training: bool = False) -> tf.Tensor:
        """States [B, L, dim] and which places hold a movie [B, L] to the last states, [B, queries, dim]."""
        gates, values, queries, keys = tf.split(self._inner(self._norm_in(states)), 4, axis=2)
        scores = tf.einsum("bqhd,bkhd->bqkh", _heads(queries[:, -self._queries :]), _heads(keys))
        bias = tf.gather(self._bias, tf.maximum(self._distance, 0))
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
