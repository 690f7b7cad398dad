"""Joining requests into a batch and taking its answers apart."""

import numpy as np
import pytest

from serving.model_server.batching.batches import BatchTask, count_rows, fit_together, join, take_apart
from serving.model_server.config.text_protos import BatchingParameters
from serving.model_server.errors import ModelServerError


def _task(**feeds: object) -> BatchTask:
    arrays = {name: np.asarray(value) for name, value in feeds.items()}
    return BatchTask(arrays, len(next(iter(arrays.values()))), 0.0)


def test_rows_are_joined_in_order_and_come_back_to_who_sent_them() -> None:
    tasks = [_task(x=[[1], [2]]), _task(x=[[3]])]
    joined = join(tasks, BatchingParameters())
    assert joined["x"].tolist() == [[1], [2], [3]]
    first, second = take_apart([joined["x"] * 10, np.arange(3)], tasks, 3)
    assert [each.tolist() for each in first] == [[[10], [20]], [0, 1]]
    assert [each.tolist() for each in second] == [[[30]], [2]]


def test_padding_rows_repeat_a_row_that_is_there() -> None:
    tasks = [_task(x=[[1]]), _task(x=[[2], [3]])]
    joined = join(tasks, BatchingParameters(max_batch_size=8, allowed_batch_sizes=(2, 5, 8)))
    assert joined["x"].tolist() == [[1], [2], [3], [2], [2]]
    answers = take_apart([joined["x"]], tasks, 5)
    assert [each[0].tolist() for each in answers] == [[[1]], [[2], [3]]]


def test_short_rows_are_filled_with_zeros_and_empty_strings() -> None:
    tasks = [
        _task(n=[[1, 2, 3]], s=np.array([[b"a"]], object)),
        _task(n=[[4]], s=np.array([[b"b", b"c"]], object)),
    ]
    parameters = BatchingParameters(pad_variable_length_inputs=True)
    assert fit_together(tasks[0].feeds, tasks[1].feeds, padding=True)
    assert not fit_together(tasks[0].feeds, tasks[1].feeds, padding=False)
    joined = join(tasks, parameters)
    assert joined["n"].tolist() == [[1, 2, 3], [4, 0, 0]]
    assert joined["s"].tolist() == [[b"a", b""], [b"b", b"c"]]


@pytest.mark.parametrize(
    ("feeds", "complaint"),
    [
        ({}, "Batching Run() must have at least one input tensor"),
        ({"k": np.int32(3)}, "Batching Run() input tensors must have at least one dimension"),
        (
            {"a": np.zeros(2), "b": np.zeros(3)},
            "Batching Run() input tensors must have equal 0th-dimension size",
        ),
    ],
)
def test_inputs_share_their_first_dimension(feeds: dict[str, np.ndarray], complaint: str) -> None:
    with pytest.raises(ModelServerError) as caught:
        count_rows({name: np.asarray(value) for name, value in feeds.items()})
    assert caught.value.message == complaint


@pytest.mark.parametrize("output", [np.float32(1), np.zeros(2)])
def test_an_output_without_a_row_for_each_input_is_an_error(output: np.ndarray) -> None:
    with pytest.raises(ModelServerError, match="Batched output tensor"):
        take_apart([np.asarray(output)], [_task(x=[1, 2, 3])], 3)
