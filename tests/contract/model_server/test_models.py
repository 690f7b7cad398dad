"""Status, metadata, and the methods that are not there."""

import grpc
import pytest
from google.protobuf.message import Message
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    regression_pb2,
)

from tests.contract.model_server.servers import Server, error_of

pytestmark = pytest.mark.slow
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def test_status_lists_every_version_the_newest_first(server: Server) -> None:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "toy"
    answer = server.models.GetModelStatus(request)
    assert [(each.version, each.state) for each in answer.model_version_status] == [(2, 30), (1, 30)]
    assert {each.status.error_code for each in answer.model_version_status} == {0}


def test_status_of_one_version(server: Server) -> None:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "toy"
    request.model_spec.version.value = 1
    assert [each.version for each in server.models.GetModelStatus(request).model_version_status] == [1]


def test_status_of_what_is_not_there(server: Server) -> None:
    request = get_model_status_pb2.GetModelStatusRequest()
    assert error_of(lambda: server.models.GetModelStatus(request)) == (INVALID, "Missing ModelSpec")
    request.model_spec.name = "no"
    missing = grpc.StatusCode.NOT_FOUND
    assert error_of(lambda: server.models.GetModelStatus(request)) == (
        missing,
        "Could not find any versions of model no",
    )
    request.model_spec.version.value = 7
    assert error_of(lambda: server.models.GetModelStatus(request)) == (
        missing,
        "Could not find version 7 of model no",
    )


def test_metadata_are_the_signatures(server: Server) -> None:
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "toy"
    answer = server.prediction.GetModelMetadata(request)
    assert (answer.model_spec.name, answer.model_spec.version.value) == ("toy", 2)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    answer.metadata["signature_def"].Unpack(signatures)
    words = signatures.signature_def["words"]
    assert {name: info.dtype for name, info in words.inputs.items()} == {
        "word": types_pb2.DT_STRING,
        "times": types_pb2.DT_INT64,
    }
    assert set(words.outputs) == {"word", "length", "total", "raw_bytes"}
    assert words.method_name == "tensorflow/serving/predict"


def test_metadata_of_what_is_not_there(server: Server) -> None:
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    assert error_of(lambda: server.prediction.GetModelMetadata(request)) == (INVALID, "Missing ModelSpec")
    request.model_spec.name = "no"
    code, details = error_of(lambda: server.prediction.GetModelMetadata(request))
    assert (code, details) == (INVALID, "GetModelMetadataRequest must specify at least one metadata_field")
    request.metadata_field.append("weights")
    assert error_of(lambda: server.prediction.GetModelMetadata(request))[0] == INVALID
    request.metadata_field[:] = ["signature_def"]
    assert error_of(lambda: server.prediction.GetModelMetadata(request)) == (
        grpc.StatusCode.NOT_FOUND,
        "Servable not found for request: Latest(no)",
    )


@pytest.mark.parametrize(
    ("method", "request_type"),
    [
        ("Classify", classification_pb2.ClassificationRequest),
        ("Regress", regression_pb2.RegressionRequest),
        ("MultiInference", inference_pb2.MultiInferenceRequest),
    ],
)
def test_methods_over_examples_are_unimplemented(
    server: Server, own_server_only: None, method: str, request_type: type[Message]
) -> None:
    code, details = error_of(lambda: getattr(server.prediction, method)(request_type()))
    assert code == grpc.StatusCode.UNIMPLEMENTED
    assert method in details
    assert "Predict" in details
