"""What a batch is made of: requests joined along the first dimension, and their answers taken apart again."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import grpc
import numpy as np

from serving.model_server.config.text_protos import BatchingParameters
from serving.model_server.errors import ModelServerError, invalid_argument
from serving.model_server.models.tensors import Array

Feeds = Mapping[str, Array]


@dataclass(frozen=True)
class BatchTask:
    """One request that waits for a batch.

    Attributes:
      feeds: its inputs.
      rows: the first dimension of each of them.
      enqueued: when it came, by the monotonic clock.
      answer: its outputs, later.
    """

    feeds: Feeds
    rows: int
    enqueued: float
    answer: Future[list[Array]] = field(default_factory=Future)


def count_rows(feeds: Feeds) -> int:
    """The first dimension, which all inputs must share.

    Raises:
      ModelServerError: they do not, or one has none. TensorFlow Serving refuses it just so, which is why
        signatures with a scalar input, such as `k`, cannot be served with batching on.
    """
    if not feeds:
        raise invalid_argument("Batching Run() must have at least one input tensor")
    for value in feeds.values():
        if value.ndim == 0:
            raise invalid_argument("Batching Run() input tensors must have at least one dimension")
    rows = {len(value) for value in feeds.values()}
    if len(rows) > 1:
        raise invalid_argument("Batching Run() input tensors must have equal 0th-dimension size")
    return rows.pop()


def fit_together(one: Feeds, other: Feeds, padding: bool) -> bool:
    """Whether two requests can be in one batch: their rows have one shape, or can be padded to one."""
    if padding:
        return all(one[name].ndim == other[name].ndim for name in one)
    return all(one[name].shape[1:] == other[name].shape[1:] for name in one)


def join(tasks: Sequence[BatchTask], parameters: BatchingParameters) -> dict[str, Array]:
    """The inputs of a batch, filled up to an allowed size with the first row of its last request."""
    rows = sum(task.rows for task in tasks)
    wanted = next((size for size in parameters.allowed_batch_sizes if size >= rows), rows)
    joined = {}
    for name in tasks[0].feeds:
        parts = [task.feeds[name] for task in tasks]
        if parameters.pad_variable_length_inputs:
            parts = _padded(parts)
        if wanted > rows:
            parts.append(np.repeat(parts[-1][:1], wanted - rows, axis=0))
        joined[name] = np.concatenate(parts) if len(parts) > 1 else parts[0]
    return joined


def take_apart(outputs: Sequence[Array], tasks: Sequence[BatchTask], rows: int) -> list[list[Array]]:
    """The outputs of each request.

    Args:
      outputs: those of the batch.
      tasks: the requests.
      rows: how many rows the batch had, with its padding.

    Raises:
      ModelServerError: an output does not have a row for each row of the inputs.
    """
    for output in outputs:
        if output.ndim == 0:
            raise _not_batched("Batched output tensor has 0 dimensions")
        if len(output) != rows:
            raise _not_batched(
                "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of "
                "the input tensors"
            )
    ends = np.cumsum([task.rows for task in tasks])
    return [
        [output[end - task.rows : end] for output in outputs]
        for task, end in zip(tasks, ends.tolist(), strict=True)
    ]


def _padded(parts: Sequence[Array]) -> list[Array]:
    """Fills rows up to the longest, with zeros or empty strings behind, in every dimension but the first."""
    longest = np.max([part.shape[1:] for part in parts], axis=0)
    fill = b"" if parts[0].dtype == object else 0
    return [
        np.pad(
            part,
            [(0, 0), *((0, int(size - own)) for size, own in zip(longest, part.shape[1:], strict=True))],
            constant_values=fill,
        )
        for part in parts
    ]


def _not_batched(message: str) -> ModelServerError:
    return ModelServerError(grpc.StatusCode.FAILED_PRECONDITION, message)
