"""The limits of a request, inside the graph: every server of a SavedModel refuses what is beyond them."""

from collections.abc import Mapping

import tensorflow as tf

from contracts.signatures import MAX_ROWS, MAX_SLOTS


def bounded(inputs: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
    """The inputs of a signature, which nothing can read before they are checked.

    Args:
      inputs: by name: rows [B], matrices [B, W] of one width, and lengths of lists [].

    Returns:
      The inputs in their order. Where they differ in B or W, have more than `MAX_ROWS` rows, ask for more
      than `MAX_SLOTS` slots or for a negative length, whatever reads them fails with INVALID_ARGUMENT.
    """
    arrays = {name: value for name, value in inputs.items() if value.shape.rank}
    rows = {name: tf.shape(value)[0] for name, value in arrays.items()}
    matrices = {name: value for name, value in arrays.items() if value.shape.rank == 2}
    widths = {name: tf.shape(value)[1] for name, value in matrices.items()}
    lengths = {name: value for name, value in inputs.items() if not value.shape.rank}
    first, count = next(iter(rows.items()))
    most = MAX_SLOTS // tf.maximum(count, 1)
    checks = [
        *_same(rows, "rows"),
        *_same(widths, "columns"),
        _check(count <= MAX_ROWS, f"{first} has", count, f"rows: a request may have {MAX_ROWS:,} at most"),
    ]
    for name, width in widths.items():
        what = f"ids in each of its rows: rows times ids may be {MAX_SLOTS:,} at most, and the rows are"
        checks.append(_check(width <= most, f"{name} has", width, what, count))
    for name, length in lengths.items():
        what = f"and may be from 0 to {MAX_SLOTS:,} divided by the rows of the request, which are"
        allowed = (length >= 0) & (length <= most)
        checks.append(_check(allowed, f"{name} is", length, what, count))
    with tf.control_dependencies(checks):
        return [tf.identity(value) for value in inputs.values()]


def _same(sizes: Mapping[str, tf.Tensor], what: str) -> list[tf.Operation]:
    """Checks that all sizes are equal to the first."""
    names = list(sizes)
    return [
        _check(
            tf.equal(sizes[names[0]], sizes[other]),
            f"{names[0]} has",
            sizes[names[0]],
            f"{what} and {other} has",
            sizes[other],
            "but they have to be equal",
        )
        for other in names[1:]
    ]


def _check(condition: tf.Tensor, *message: str | tf.Tensor) -> tf.Operation:
    # Texts and int32 alone: for other types TensorFlow adds a conditional to the graph, which is slower.
    return tf.debugging.Assert(condition, list(message))
