"""Predict over gRPC: what it computes, and its errors for wrong requests."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import predict_pb2

from tests.contract.model_server.servers import Server, error_of, predict_request

pytestmark = pytest.mark.slow
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def test_default_signature_of_the_newest_version_answers(server: Server) -> None:
    answer = server.prediction.Predict(predict_request(x=[2.0, 4.0]))
    assert tf.make_ndarray(answer.outputs["y"]).tolist() == [3.0, 4.0]
    assert answer.model_spec.name == "toy"
    assert answer.model_spec.version.value == 2
    assert answer.model_spec.signature_name == "serving_default"


def test_values_are_in_the_field_of_their_type(server: Server) -> None:
    answer = server.prediction.Predict(
        predict_request(signature="words", word=["añb".encode(), b"\xff"], times=np.array([3, 2]))
    )
    assert answer.model_spec.signature_name == "words"
    assert list(answer.outputs["word"].string_val) == ["añb".encode(), b"\xff"]
    assert list(answer.outputs["length"].int_val) == [4, 1]
    assert list(answer.outputs["total"].int64_val) == [12, 2]
    assert answer.outputs["total"].dtype == types_pb2.DT_INT64
    assert [dim.size for dim in answer.outputs["total"].tensor_shape.dim] == [2]


@pytest.mark.parametrize("as_content", [True, False])
def test_every_type_comes_back_as_it_was_sent(server: Server, as_content: bool) -> None:
    values = {
        "a": np.array([[1.5, np.inf]], np.float32),
        "b": np.array([[1e300, -0.0]], np.float64),
        "c": np.array([[-(2**31), 7]], np.int32),
        "d": np.array([[2**63 - 1, 0]], np.int64),
        "e": np.array([[True, False]]),
        "f": np.array([[b"", b"\x00\xff"]], object),
        "g": np.array([[0, 255]], np.uint8),
    }
    request = predict_request(signature="same", **values)
    if not as_content:
        for name, field in {
            "a": "float_val",
            "b": "double_val",
            "c": "int_val",
            "d": "int64_val",
            "e": "bool_val",
            "g": "int_val",
        }.items():
            request.inputs[name].tensor_content = b""
            getattr(request.inputs[name], field).extend(values[name].ravel().tolist())
    answer = server.prediction.Predict(request)
    for name, value in values.items():
        np.testing.assert_array_equal(tf.make_ndarray(answer.outputs[name]), value)


def test_a_tensor_with_fewer_values_than_room_repeats_the_last(server: Server) -> None:
    request = predict_request()
    request.inputs["x"].CopyFrom(_tensor(types_pb2.DT_FLOAT, [4], float_val=[2.0, 6.0]))
    assert list(server.prediction.Predict(request).outputs["y"].float_val) == [3.0, 5.0, 5.0, 5.0]
    request.inputs["x"].ClearField("float_val")
    assert list(server.prediction.Predict(request).outputs["y"].float_val) == [2.0] * 4


def test_strings_in_tensor_content_are_read(server: Server) -> None:
    request = predict_request(signature="words", times=np.array([1, 1]))
    # TensorFlow writes the lengths first, then the texts.
    request.inputs["word"].CopyFrom(_tensor(types_pb2.DT_STRING, [2], tensor_content=b"\x02\x01abc"))
    assert list(server.prediction.Predict(request).outputs["word"].string_val) == [b"ab", b"c"]


def test_a_scalar_input_is_taken(server: Server) -> None:
    answer = server.prediction.Predict(predict_request(signature="scaled", x=[1.0, 2.0], k=3))
    assert list(answer.outputs["y"].float_val) == [3.0, 6.0]


def test_no_rows_are_an_answer_with_no_rows(server: Server) -> None:
    request = predict_request()
    request.inputs["x"].CopyFrom(_tensor(types_pb2.DT_FLOAT, [0]))
    assert [dim.size for dim in server.prediction.Predict(request).outputs["y"].tensor_shape.dim] == [0]


def test_output_filter_names_the_outputs_to_send(server: Server) -> None:
    request = predict_request(signature="words", word=["a"], times=np.array([1]))
    request.output_filter.extend(["total", "length"])
    assert set(server.prediction.Predict(request).outputs) == {"total", "length"}


@pytest.mark.parametrize(
    ("spec", "code", "message"),
    [
        ({}, INVALID, "ModelSpec has no name specified."),
        ({"name": "no"}, grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(no)"),
        (
            {"name": "no", "version": 9},
            grpc.StatusCode.NOT_FOUND,
            "Servable not found for request: Specific(no, 9)",
        ),
        (
            {"name": "toy", "version": 9},
            grpc.StatusCode.NOT_FOUND,
            "Servable not found for request: Specific(toy, 9)",
        ),
        (
            {"name": "newest", "version": 1},
            grpc.StatusCode.NOT_FOUND,
            "Servable not found for request: Specific(newest, 1)",
        ),
        ({"name": "toy", "label": "x"}, INVALID, "Unrecognized servable version label: x"),
        ({"name": "no", "label": "x"}, INVALID, "Unrecognized servable version label: x"),
        (
            {"name": "toy", "signature": "x"},
            grpc.StatusCode.FAILED_PRECONDITION,
            'Serving signature key "x" not found.',
        ),
    ],
)
def test_the_requested_model_must_be_there(
    server: Server, spec: dict[str, object], code: grpc.StatusCode, message: str
) -> None:
    request = predict_request("", x=[1.0])
    _fill(request, spec)
    assert error_of(lambda: server.prediction.Predict(request)) == (code, message)


def test_a_request_without_a_model_spec_is_refused(server: Server) -> None:
    assert error_of(lambda: server.prediction.Predict(predict_pb2.PredictRequest())) == (
        INVALID,
        "Missing ModelSpec",
    )


def test_versions_and_labels_choose_who_answers(server: Server) -> None:
    for spec, version, value in (
        ({"version": 1}, 1, 2.0),
        ({"version": 2}, 2, 3.0),
        ({"label": "stable"}, 1, 2.0),
        ({"label": "canary"}, 2, 3.0),
    ):
        request = predict_request(x=[2.0])
        _fill(request, {"name": "toy", **spec})
        answer = server.prediction.Predict(request)
        assert (answer.model_spec.version.value, list(answer.outputs["y"].float_val)) == (version, [value])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}."),
        ({"x": [1.0], "z": 1}, "2!=1 len({x,z}) != len({x}). Sent extra: {z}. Missing but required: {}."),
        ({"z": 1, "a": 2}, "2!=1 len({a,z}) != len({x}). Sent extra: {a,z}. Missing but required: {x}."),
    ],
)
def test_the_number_of_inputs_must_fit(server: Server, inputs: dict[str, object], message: str) -> None:
    code, details = error_of(lambda: server.prediction.Predict(predict_request(**inputs)))
    assert (code, details) == (INVALID, "input size does not match signature: " + message)


def test_another_input_in_the_place_of_one_is_refused(server: Server) -> None:
    code, details = error_of(lambda: server.prediction.Predict(predict_request(z=[1.0])))
    assert code == INVALID
    assert "x" in details


@pytest.mark.parametrize(("value", "given"), [(["a"], "string"), ([1], "int32"), (np.array([1.0]), "double")])
def test_a_value_of_another_type_is_refused(server: Server, value: object, given: str) -> None:
    code, details = error_of(lambda: server.prediction.Predict(predict_request(x=value)))
    assert code == INVALID
    assert details.startswith(f"Expects arg[0] to be float but {given} is provided")


def test_a_value_of_another_rank_is_computed_if_the_graph_can(server: Server) -> None:
    answer = server.prediction.Predict(predict_request(x=[[1.0, 3.0]]))
    assert tf.make_ndarray(answer.outputs["y"]).tolist() == [[2.5, 3.5]]
    code, _ = error_of(lambda: server.prediction.Predict(predict_request(signature="sums", rows=[1.0])))
    assert code == INVALID


def test_what_the_model_refuses_is_the_clients_fault(server: Server) -> None:
    code, _ = error_of(
        lambda: server.prediction.Predict(predict_request(signature="parsed", inputs=["junk"]))
    )
    assert code == INVALID


@pytest.mark.parametrize(
    "tensor",
    [
        tensor_pb2.TensorProto(),
        tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_content=b"abc"),
        tensor_pb2.TensorProto(dtype=types_pb2.DT_RESOURCE),
    ],
)
def test_what_is_no_tensor_is_refused(server: Server, tensor: tensor_pb2.TensorProto) -> None:
    request = predict_request()
    request.inputs["x"].CopyFrom(tensor)
    assert error_of(lambda: server.prediction.Predict(request)) == (INVALID, "tensor parsing error: x")


def test_output_filter_must_name_outputs_once(server: Server) -> None:
    request = predict_request(signature="words", word=["a"], times=np.array([1]))
    request.output_filter.append("x")
    assert error_of(lambda: server.prediction.Predict(request)) == (
        INVALID,
        "output tensor alias not found in signature: x Outputs expected to be in the set "
        "{length,raw_bytes,total,word}.",
    )
    request.output_filter[:] = ["total", "total"]
    assert error_of(lambda: server.prediction.Predict(request)) == (
        INVALID,
        "duplicate output tensor alias: total",
    )


def test_messages_are_cut_at_1024_characters(server: Server) -> None:
    code, details = error_of(lambda: server.prediction.Predict(predict_request(signature="s" * 3000)))
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert details == ('Serving signature key "' + "s" * 3000)[:1024] + "...TRUNCATED"


def _tensor(dtype: int, shape: list[int], **values: object) -> tensor_pb2.TensorProto:
    tensor = tensor_pb2.TensorProto(dtype=dtype, **values)
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def _fill(request: predict_pb2.PredictRequest, spec: dict[str, object]) -> None:
    request.model_spec.name = spec.get("name", "")
    request.model_spec.signature_name = spec.get("signature", "")
    if "version" in spec:
        request.model_spec.version.value = spec["version"]
    if "label" in spec:
        request.model_spec.version_label = spec["label"]
