"""Status, metadata, Classify, Regress and MultiInference."""

import grpc
import pytest
import tensorflow as tf
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
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"


def _example(value: float) -> tf.train.Example:
    example = tf.train.Example()
    example.features.feature["x"].float_list.value.append(value)
    return example


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


def test_classify_gives_labels_and_scores(server: Server) -> None:
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "toy"
    request.model_spec.signature_name = "classify"
    request.input.example_list.examples.extend([_example(0.25), _example(1.0)])
    answer = server.prediction.Classify(request)
    assert answer.model_spec.signature_name == "classify"
    assert [[(each.label, each.score) for each in row.classes] for row in answer.result.classifications] == [
        [("low", 0.75), ("high", 0.25)],
        [("low", 0.0), ("high", 1.0)],
    ]


def test_regress_gives_a_number_for_each_example(server: Server) -> None:
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = "toy"
    request.model_spec.signature_name = "regress"
    request.model_spec.version.value = 1
    request.input.example_list.examples.extend([_example(0.5), _example(2.0)])
    answer = server.prediction.Regress(request)
    assert [each.value for each in answer.result.regressions] == [6.0, 21.0]
    assert answer.model_spec.version.value == 1


def test_a_context_is_part_of_every_example(server: Server) -> None:
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = "toy"
    request.model_spec.signature_name = "regress"
    examples = request.input.example_list_with_context
    examples.context.CopyFrom(_example(3.0))
    examples.examples.extend([tf.train.Example(), tf.train.Example()])
    assert [each.value for each in server.prediction.Regress(request).result.regressions] == [32.0, 32.0]


def test_multi_inference_answers_each_task(server: Server, own_server_only: None) -> None:
    request = inference_pb2.MultiInferenceRequest()
    for signature, method in (("classify", CLASSIFY), ("regress", REGRESS)):
        task = request.tasks.add(method_name=method)
        task.model_spec.name = "toy"
        task.model_spec.signature_name = signature
    request.input.example_list.examples.append(_example(1.0))
    classified, regressed = server.prediction.MultiInference(request).results
    assert classified.classification_result.classifications[0].classes[1].score == 1.0
    assert regressed.regression_result.regressions[0].value == 12.0
    assert regressed.model_spec.signature_name == "regress"


@pytest.mark.parametrize(
    ("signature", "code", "message"),
    [
        ("no", INVALID, "No signature was found with the name: no"),
        ("words", INVALID, "Expected one input Tensor."),
        ("", grpc.StatusCode.FAILED_PRECONDITION, "No regression inputs found in SignatureDef: "),
        ("classify", INVALID, "Expected one output Tensor."),
    ],
)
def test_regress_needs_a_signature_that_fits(
    server: Server, signature: str, code: grpc.StatusCode, message: str
) -> None:
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = "toy"
    request.model_spec.signature_name = signature
    request.input.example_list.examples.append(_example(1.0))
    found, details = error_of(lambda: server.prediction.Regress(request))
    assert found == code
    assert details.startswith(message)


def test_classify_without_examples_is_refused(server: Server) -> None:
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "toy"
    request.model_spec.signature_name = "classify"
    assert error_of(lambda: server.prediction.Classify(request)) == (INVALID, "Input is empty.")


def test_tasks_of_multi_inference_must_fit_together(server: Server) -> None:
    request = inference_pb2.MultiInferenceRequest()
    assert error_of(lambda: server.prediction.MultiInference(request))[0] == INVALID
    for _ in range(2):
        task = request.tasks.add(method_name=REGRESS)
        task.model_spec.name = "toy"
        task.model_spec.signature_name = "regress"
    request.input.example_list.examples.append(_example(1.0))
    assert error_of(lambda: server.prediction.MultiInference(request)) == (
        INVALID,
        "Duplicate evaluation of signature: regress",
    )
    request.tasks[1].model_spec.name = "newest"
    assert error_of(lambda: server.prediction.MultiInference(request)) == (
        INVALID,
        "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
    )
    request.tasks[1].model_spec.name = "toy"
    request.tasks[1].model_spec.signature_name = "classify"
    request.tasks[1].method_name = "tensorflow/serving/predict"
    assert error_of(lambda: server.prediction.MultiInference(request)) == (
        grpc.StatusCode.UNIMPLEMENTED,
        "Unsupported signature method_name: tensorflow/serving/predict",
    )
