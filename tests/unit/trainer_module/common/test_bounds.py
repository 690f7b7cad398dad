"""The limits of a request inside a graph, and that the probe sees whether a signature has them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.data_gate.checks import FAILED
from components.model_probe.bounds import bounds_check
from components.model_probe.probed_process import RefusedRequestError
from contracts.signatures import MAX_ROWS, MAX_SLOTS
from trainer_module.common.bounds import bounded

SPECS = {
    "user_id": tf.TensorSpec([None], tf.string, name="user_id"),
    "movie_id": tf.TensorSpec([None, None], tf.string, name="movie_id"),
    "retrieval_score": tf.TensorSpec([None, None], tf.float32, name="retrieval_score"),
    "k": tf.TensorSpec([], tf.int32, name="k"),
}


def graph(checked: bool) -> Callable[..., tf.Tensor]:
    """A signature of all kinds of inputs, which answers with the number of rows."""

    def answer(*values: tf.Tensor) -> tf.Tensor:
        user_id, *_ = bounded(dict(zip(SPECS, values, strict=True))) if checked else values
        return tf.size(user_id)

    return tf.function(answer, input_signature=list(SPECS.values()), autograph=False).get_concrete_function()


CHECKED = graph(checked=True)


def request(rows: int = 1, columns: int = 1, k: int = 1, **others: Any) -> dict[str, Any]:
    return {
        "user_id": tf.fill([rows], "1"),
        "movie_id": tf.fill([rows, columns], "1"),
        "retrieval_score": tf.zeros([rows, columns]),
        "k": tf.constant(k),
        **others,
    }


@pytest.mark.parametrize(
    "within",
    [
        request(rows=MAX_ROWS, columns=MAX_SLOTS // MAX_ROWS, k=MAX_SLOTS // MAX_ROWS),
        request(rows=1, columns=MAX_SLOTS, k=MAX_SLOTS),
        request(rows=0, columns=0, k=0),
        request(rows=0, k=MAX_SLOTS),
    ],
)
def test_the_largest_and_the_smallest_requests_are_answered(within: dict[str, Any]) -> None:
    assert CHECKED(**within).numpy() == len(within["user_id"])


@pytest.mark.parametrize(
    ("beyond", "named"),
    [
        (request(rows=MAX_ROWS + 1), ["user_id", "[1025]", "1,024"]),
        (request(columns=MAX_SLOTS + 1), ["movie_id", "[131073]", "131,072"]),
        (request(rows=2, columns=MAX_SLOTS // 2 + 1), ["movie_id", "[65537]", "131,072", "[2]"]),
        (request(k=MAX_SLOTS + 1), ["k is", "[131073]", "131,072"]),
        (request(rows=1024, k=2**31 - 1), ["k is", "[2147483647]", "[1024]"]),
        (request(k=-1), ["k is", "[-1]"]),
        (request(user_id=tf.fill([3], "1")), ["user_id has", "[3]", "movie_id has", "[1]"]),
        (request(retrieval_score=tf.zeros([1, 2])), ["movie_id has", "retrieval_score has", "columns"]),
    ],
)
def test_what_is_beyond_a_limit_is_an_invalid_argument_that_names_it(
    beyond: dict[str, Any], named: list[str]
) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        CHECKED(**beyond)
    assert [text for text in named if text not in caught.value.message] == []


def probed(signature: Callable[..., tf.Tensor]) -> Any:
    def call(inputs: Mapping[str, np.ndarray]) -> tf.Tensor:
        try:
            return signature(**{name: tf.constant(inputs[name], spec.dtype) for name, spec in SPECS.items()})
        except tf.errors.InvalidArgumentError as error:
            raise RefusedRequestError(f"{type(error).__name__}: {error}") from error

    sent = {name: value.numpy() for name, value in request(columns=2).items()}
    return bounds_check("recommend", sent, call)


def test_the_probe_finds_every_limit_that_a_signature_lacks() -> None:
    assert probed(CHECKED).value == 0
    unchecked = probed(graph(checked=False))
    assert unchecked.verdict == FAILED
    # Three inputs with rows, rows, columns, two inputs with columns, and three lengths.
    assert unchecked.value == 3 + 1 + 1 + 2 + 3
