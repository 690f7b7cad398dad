"""Request batching with TensorFlow Serving's parameters."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import predict_pb2

from tests.contract.model_server.servers import Server, error_of, predict_request, running
from tests.contract.model_server.toy_models import publish

pytestmark = pytest.mark.slow

# A batch waits ten seconds to be full, so what comes back sooner has filled one.
PARAMETERS = """
    max_batch_size { value: 8 }
    batch_timeout_micros { value: 10000000 }
    max_enqueued_batches { value: 100 }
    num_batch_threads { value: 2 }
    allowed_batch_sizes: 4
    allowed_batch_sizes: 8
    pad_variable_length_inputs: true
"""


@pytest.fixture(scope="module")
def batching(toys: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("batching")
    publish(toys[0], folder / "toy", 1)
    (folder / "batching.config").write_text(PARAMETERS)
    flags = ["--model_name=toy", f"--model_base_path={folder}/toy", "--enable_batching=true"]
    with running(folder, [*flags, f"--batching_parameters_file={folder}/batching.config"]) as server:
        yield server


def _sums(server: Server, *requests: np.ndarray) -> list[predict_pb2.PredictResponse]:
    """Sends requests at once."""
    with ThreadPoolExecutor(len(requests)) as pool:
        return list(
            pool.map(
                lambda rows: server.prediction.Predict(predict_request(signature="sums", rows=rows)), requests
            )
        )


def _ints(response: predict_pb2.PredictResponse, name: str) -> list[int]:
    return list(response.outputs[name].int_val)


def test_requests_of_one_signature_become_one_batch(batching: Server) -> None:
    requests = [np.full((2, 3), each, np.float32) for each in range(4)]
    for each, answer in enumerate(_sums(batching, *requests)):
        assert list(answer.outputs["sum"].float_val) == [3.0 * each] * 2
        assert _ints(answer, "batch") == [8, 8]


def test_rows_of_other_lengths_are_padded_to_the_longest(batching: Server) -> None:
    requests = [np.ones((4, width), np.float32) for width in (2, 5)]
    short, long = _sums(batching, *requests)
    assert list(short.outputs["sum"].float_val) == [2.0] * 4
    assert list(long.outputs["sum"].float_val) == [5.0] * 4
    assert _ints(short, "width") == _ints(long, "width") == [5] * 4


def test_a_batch_is_filled_up_to_an_allowed_size(batching: Server) -> None:
    """Three rows and six do not fit in eight, so the first ones go off as a batch of four."""
    with ThreadPoolExecutor(2) as pool:
        predict = batching.prediction.Predict
        first = pool.submit(predict, predict_request(signature="sums", rows=np.ones((3, 1), np.float32)))
        full = pool.submit(predict, predict_request(signature="sums", rows=np.ones((8, 1), np.float32)))
        sizes = {
            len(_ints(each.result(), "batch")): set(_ints(each.result(), "batch")) for each in (first, full)
        }
    assert sizes == {3: {4}, 8: {8}}


def test_a_request_for_some_outputs_runs_by_itself(batching: Server) -> None:
    request = predict_request(signature="sums", rows=np.ones((1, 1), np.float32))
    request.output_filter.append("batch")
    assert _ints(batching.prediction.Predict(request), "batch") == [1]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            predict_request(signature="scaled", x=[1.0], k=2),
            "Batching Run() input tensors must have at least one dimension",
        ),
        (
            predict_request(signature="words", word=["a", "b"], times=np.array([1])),
            "Batching Run() input tensors must have equal 0th-dimension size",
        ),
        (
            predict_request(signature="sums", rows=np.ones((9, 1), np.float32)),
            "Task size 9 is larger than maximum input batch size 8",
        ),
    ],
)
def test_what_cannot_be_batched_is_refused(
    batching: Server, request_: predict_pb2.PredictRequest, message: str
) -> None:
    assert error_of(lambda: batching.prediction.Predict(request_)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        message,
    )


def test_a_bad_request_does_not_harm_the_others_in_its_batch(batching: Server, own_server_only: None) -> None:
    import tensorflow as tf

    good = tf.train.Example()
    good.features.feature["x"].float_list.value.append(0.5)
    valid = predict_request(signature="parsed", inputs=np.array([good.SerializeToString()] * 4, object))
    junk = predict_request(signature="parsed", inputs=np.array([b"junk"] * 4, object))
    with ThreadPoolExecutor(2) as pool:
        bad = pool.submit(batching.prediction.Predict, junk)
        answer = pool.submit(batching.prediction.Predict, valid)
        assert list(answer.result().outputs["outputs"].float_val) == [6.0] * 4
        assert error_of(bad.result)[0] == grpc.StatusCode.INVALID_ARGUMENT
