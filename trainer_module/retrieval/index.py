"""Search by inner product over the catalogue, inside the SavedModel and in plain TensorFlow operations.

`BruteForce` scores every movie. `Partitioned` scores the movies of the partitions that lie nearest to the
query, which `partitions` makes. `FixedRanking` has the same order for everyone. All leave out
the movies that a row hides, and all give k results unless fewer movies are left.
"""

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

# The score of an empty slot: finite, so that it passes through JSON, and below every real one.
NO_SCORE = tf.float32.min

# Scores [B, k], best first, and catalogue positions [B, k].
Found: TypeAlias = tuple[tf.Tensor, tf.Tensor]


class Index(Protocol):
    """What `retrieval_signatures` searches."""

    size: int

    def vectors(self, positions: tf.Tensor) -> tf.Tensor:
        """Catalogue positions [B] to the vectors that are searched [B, dim]."""

    def search(self, queries: tf.Tensor, hidden: tf.RaggedTensor, k: tf.Tensor | int) -> Found:
        """The k best by inner product.

        Args:
          queries: [B, dim].
          hidden: catalogue positions to leave out, ragged [B, None], int32.
          k: from 0 to `size`; an int gives a static shape.

        Returns:
          Scores and positions [B, k]; where nothing is left the score is NO_SCORE and the position any.
        """


class BruteForce(tf.Module):
    """Scores every movie.

    Args:
      vectors: one row per catalogue position, [M, dim].
    """

    def __init__(self, vectors: npt.NDArray[np.float32]) -> None:
        super().__init__()
        self.size = len(vectors)
        self._vectors = tf.Variable(vectors, trainable=False)

    def vectors(self, positions: tf.Tensor) -> tf.Tensor:
        """See `Index`."""
        return tf.gather(self._vectors, positions)

    def search(self, queries: tf.Tensor, hidden: tf.RaggedTensor, k: tf.Tensor | int) -> Found:
        """See `Index`; a tie goes to the lower position."""
        scores = tf.matmul(queries, self._vectors, transpose_b=True)
        best, positions = tf.math.top_k(_hide(scores, hidden.value_rowids(), hidden.values), k)
        return best, positions


class Partitioned(tf.Module):
    """Scores the movies of the partitions whose centroids have the largest inner product with the query.

    At least `probes` partitions are searched, in proportion more where k is above `depth`, and always enough
    of them to fill k slots after what is hidden. With all partitions the answer is that of brute force.

    Rows are searched one after the other, so memory does not grow with the batch and an answer does not
    depend on who else is in it.

    Args:
      vectors: one row per catalogue position, [M, dim].
      partition: partition of each position, [M]; none of the P partitions is empty.
      centroids: [P, dim].
      probes: partitions to search, from 1 to P.
      depth: the length of the list that `probes` was chosen for.
    """

    def __init__(
        self,
        vectors: npt.NDArray[np.float32],
        partition: npt.NDArray[np.int32],
        centroids: npt.NDArray[np.float32],
        *,
        probes: int,
        depth: int,
    ) -> None:
        super().__init__()
        self.size = len(vectors)
        self._probes = probes
        self._depth = depth
        self._partitions = len(centroids)
        # Partition after partition, so that one is a contiguous block; within it in the catalogue's order,
        # which is random and so breaks ties at random.
        order = np.argsort(partition, kind="stable").astype(np.int32)
        sizes = np.bincount(partition, minlength=len(centroids)).astype(np.int32)
        self._vectors = tf.Variable(vectors[order], trainable=False)
        self._positions = tf.Variable(order, trainable=False)
        self._slots = tf.Variable(_inverse(order), trainable=False)
        self._sizes = tf.Variable(sizes, trainable=False)
        self._starts = tf.Variable(np.cumsum(sizes) - sizes, dtype=tf.int32, trainable=False)
        self._centroids = tf.Variable(centroids, trainable=False)

    def vectors(self, positions: tf.Tensor) -> tf.Tensor:
        """See `Index`."""
        return tf.gather(self._vectors, tf.gather(self._slots, positions))

    def search(self, queries: tf.Tensor, hidden: tf.RaggedTensor, k: tf.Tensor | int) -> Found:
        """See `Index`."""
        batch = tf.shape(queries)[0]
        # The loop cannot stack the results of 0 rows.
        queries = tf.pad(queries, [[0, tf.maximum(1 - batch, 0)], [0, 0]])
        hidden = tf.cond(batch > 0, lambda: hidden, lambda: _one_empty_row(hidden))
        affinity = tf.matmul(queries, self._centroids, transpose_b=True)
        nearest = tf.argsort(affinity, direction="DESCENDING", stable=True)
        lengths = tf.cast(hidden.row_lengths(), tf.int32)
        # A movie that is hidden twice counts twice, which searches a little more than is needed.
        needed = tf.minimum(lengths + k, self.size)[:, tf.newaxis]
        searched = tf.cumsum(tf.gather(self._sizes, nearest), axis=1)
        enough = 1 + tf.math.count_nonzero(searched < needed, axis=1, dtype=tf.int32)
        wanted = tf.math.ceil(self._probes * tf.maximum(1.0, tf.cast(k, tf.float32) / self._depth))
        wanted = tf.cast(tf.minimum(wanted, float(self._partitions)), tf.int32)
        slots = tf.TensorSpec([k if isinstance(k, int) else None], tf.float32)
        scores, positions = tf.map_fn(
            lambda row: self._search_one(row, k),
            (queries, nearest, tf.maximum(enough, wanted), hidden),
            fn_output_signature=(slots, tf.TensorSpec(slots.shape, tf.int32)),
        )
        return scores[:batch], positions[:batch]

    def _search_one(self, row: tuple[tf.Tensor, ...], k: tf.Tensor | int) -> Found:
        """A query [dim], partitions by affinity [P], how many of them [], hidden [E] to two of [k]."""
        query, nearest, probes, hidden = row
        searched = nearest[:probes]
        starts = tf.gather(self._starts, searched)
        slots = tf.ragged.range(starts, starts + tf.gather(self._sizes, searched)).flat_values
        scores = tf.linalg.matvec(tf.gather(self._vectors, slots), query)
        positions = tf.gather(self._positions, slots)
        hidden = tf.concat([tf.sort(hidden), [self.size]], axis=0)
        is_hidden = tf.equal(tf.gather(hidden, tf.searchsorted(hidden, positions)), positions)
        best, places = tf.math.top_k(tf.where(is_hidden, NO_SCORE, scores), k)
        return best, tf.gather(positions, places)


class FixedRanking(tf.Module):
    """The same order for everyone, such as that of popularity.

    Args:
      scores: one per catalogue position, [M]; a tie goes to the lower position.
    """

    def __init__(self, scores: npt.NDArray[np.float32]) -> None:
        super().__init__()
        self.size = len(scores)
        order = np.argsort(-scores, kind="stable").astype(np.int32)
        self._scores = tf.Variable(scores[order], trainable=False)
        self._positions = tf.Variable(order, trainable=False)
        self._ranks = tf.Variable(_inverse(order), trainable=False)

    def search(self, hidden: tf.RaggedTensor, k: tf.Tensor | int) -> Found:
        """As `Index.search`, without queries."""
        longest = tf.cast(tf.reduce_max(tf.concat([[0], hidden.row_lengths()], axis=0)), tf.int32)
        depth = tf.minimum(longest + k, self.size)
        scores = tf.repeat(self._scores[tf.newaxis, :depth], hidden.nrows(), axis=0)
        ranks = tf.gather(self._ranks, hidden.values)
        within = ranks < depth
        scores = _hide(scores, tf.boolean_mask(hidden.value_rowids(), within), tf.boolean_mask(ranks, within))
        best, places = tf.math.top_k(scores, k)
        return best, tf.gather(self._positions, places)


def _hide(scores: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Scores [B, N] with NO_SCORE at the given rows [E] and columns [E]."""
    indices = tf.stack([tf.cast(rows, tf.int64), tf.cast(columns, tf.int64)], axis=1)
    return tf.tensor_scatter_nd_update(
        scores, indices, tf.fill([tf.shape(indices)[0]], tf.constant(NO_SCORE))
    )


def _inverse(order: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The permutation that undoes `order`."""
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order), dtype=order.dtype)
    return inverse


def _one_empty_row(hidden: tf.RaggedTensor) -> tf.RaggedTensor:
    return tf.RaggedTensor.from_row_splits(hidden.values, tf.zeros([2], hidden.row_splits.dtype))
