"""Classify, Regress and MultiInference: signatures over serialized tf.Examples, read as scores or numbers."""

from collections.abc import Mapping

import grpc
import numpy as np
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import classification_pb2, inference_pb2, input_pb2, regression_pb2

from serving.model_server.errors import ServingError, invalid_argument
from serving.model_server.limits import Limits
from serving.model_server.predict import DEFAULT_SIGNATURE, fill_model_spec
from serving.model_server.saved_model import Runner
from serving.model_server.tensors import Array, dtype_of

# Names that TensorFlow gives to the tensors of such signatures, and to what the signatures are for.
INPUTS = "inputs"
CLASSES = "classes"
SCORES = "scores"
OUTPUTS = "outputs"
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"


def classify(
    runner: Runner, version: int, request: classification_pb2.ClassificationRequest, limits: Limits
) -> classification_pb2.ClassificationResponse:
    """Answers a ClassificationRequest; raises ServingError."""
    name, signature = _signature(runner, request.model_spec.signature_name)
    outputs = _classification_outputs(signature)
    examples = _examples(request.input, limits)
    values = dict(zip(outputs, runner.run(name, {INPUTS: examples}, outputs), strict=True))
    response = classification_pb2.ClassificationResponse()
    fill_model_spec(response.model_spec, request.model_spec.name, version, name)
    _fill_classification(response.result, len(examples), values)
    return response


def regress(
    runner: Runner, version: int, request: regression_pb2.RegressionRequest, limits: Limits
) -> regression_pb2.RegressionResponse:
    """Answers a RegressionRequest; raises ServingError."""
    name, signature = _signature(runner, request.model_spec.signature_name)
    outputs = _regression_outputs(signature)
    examples = _examples(request.input, limits)
    (value,) = runner.run(name, {INPUTS: examples}, outputs)
    response = regression_pb2.RegressionResponse()
    fill_model_spec(response.model_spec, request.model_spec.name, version, name)
    _fill_regression(response.result, len(examples), value)
    return response


def multi_inference(
    runner: Runner, version: int, request: inference_pb2.MultiInferenceRequest, limits: Limits
) -> inference_pb2.MultiInferenceResponse:
    """Answers a MultiInferenceRequest; raises ServingError.

    TensorFlow Serving computes the tasks in one run over one input tensor. Signatures of TensorFlow 2 never
    share theirs, so here each task is a run of its own over the same examples.
    """
    planned: dict[str, tuple[str, list[str]]] = {}
    model = ""
    for task in request.tasks:
        spec = task.model_spec
        if not spec.name:
            raise invalid_argument("Found ModelSpec with an empty model name.")
        if model not in ("", spec.name):
            raise invalid_argument(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        model = spec.name
        name = spec.signature_name or DEFAULT_SIGNATURE
        if name in planned:
            raise invalid_argument(f"Duplicate evaluation of signature: {name}")
        signature = runner.signatures.get(name)
        if signature is None:
            raise invalid_argument(f"Requested signature not found in model graph: {name}")
        if task.method_name == CLASSIFY:
            planned[name] = task.method_name, _classification_outputs(signature)
        elif task.method_name == REGRESS:
            planned[name] = task.method_name, _regression_outputs(signature)
        else:
            raise ServingError(
                grpc.StatusCode.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}"
            )
    examples = _examples(request.input, limits)
    response = inference_pb2.MultiInferenceResponse()
    for name, (method, outputs) in planned.items():
        values = dict(zip(outputs, runner.run(name, {INPUTS: examples}, outputs), strict=True))
        result = response.results.add()
        fill_model_spec(result.model_spec, model, version, name)
        if method == CLASSIFY:
            _fill_classification(result.classification_result, len(examples), values)
        else:
            _fill_regression(result.regression_result, len(examples), values[OUTPUTS])
    return response


def _signature(runner: Runner, asked: str) -> tuple[str, meta_graph_pb2.SignatureDef]:
    name = asked or DEFAULT_SIGNATURE
    if name not in runner.signatures:
        raise invalid_argument(f"No signature was found with the name: {name}")
    return name, runner.signatures[name]


def _classification_outputs(signature: meta_graph_pb2.SignatureDef) -> list[str]:
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise invalid_argument(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if INPUTS not in signature.inputs:
        raise _misfit(f"No classification inputs found in SignatureDef: {signature}")
    outputs = [name for name in (CLASSES, SCORES) if name in signature.outputs]
    if not outputs:
        raise _misfit(
            f'Expected classification signature outputs to contain at least one of "{CLASSES}" or '
            f'"{SCORES}". Signature was: {signature}'
        )
    return outputs


def _regression_outputs(signature: meta_graph_pb2.SignatureDef) -> list[str]:
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    if INPUTS not in signature.inputs:
        raise _misfit(f"No regression inputs found in SignatureDef: {signature}")
    if OUTPUTS not in signature.outputs:
        raise _misfit(f"No regression outputs found in SignatureDef: {signature}")
    return [OUTPUTS]


def _misfit(message: str) -> ServingError:
    return ServingError(grpc.StatusCode.FAILED_PRECONDITION, message)


def _examples(sent: input_pb2.Input, limits: Limits) -> Array:
    """The serialized Examples, each with the features of the context, if there is one."""
    match sent.WhichOneof("kind"):
        case "example_list":
            serialized = [example.SerializeToString() for example in sent.example_list.examples]
        case "example_list_with_context":
            # Serialized messages one behind the other are the merged message.
            context = sent.example_list_with_context.context.SerializeToString()
            serialized = [
                context + example.SerializeToString() for example in sent.example_list_with_context.examples
            ]
        case _:
            serialized = []
    if not serialized:
        raise invalid_argument("Input is empty.")
    examples = np.array(serialized, object)
    limits.check_rows({INPUTS: examples})
    return examples


def _fill_classification(
    result: classification_pb2.ClassificationResult, rows: int, values: Mapping[str, Array]
) -> None:
    for name, dtype, kind in (
        (CLASSES, np.dtype(object), "DT_STRING"),
        (SCORES, np.dtype(np.float32), "DT_FLOAT"),
    ):
        if name not in values:
            continue
        value = values[name]
        if value.ndim != 2:
            raise invalid_argument(
                f"Expected Tensor shape: [batch_size num_classes] but got {_shape_text(value)}"
            )
        if value.dtype != dtype:
            raise invalid_argument(f"Expected {name} Tensor of {kind}. Got: {_type_text(value)}")
        if len(value) != rows:
            raise invalid_argument(f"Expected {name} output batch size of {rows}. Got: {len(value)}")
    classes, scores = values.get(CLASSES), values.get(SCORES)
    if classes is not None and scores is not None and classes.shape[1] != scores.shape[1]:
        widths = f"{classes.shape[1]} vs. {scores.shape[1]}"
        raise invalid_argument(f"Tensors class and score should match in dim_size(1). Got {widths}")
    for row in range(rows):
        filled = result.classifications.add()
        for column in range(next(iter(values.values())).shape[1]):
            filled.classes.add(
                # A label travels as text.
                label=classes[row, column].decode(errors="replace") if classes is not None else "",
                score=scores[row, column] if scores is not None else 0.0,
            )


def _fill_regression(result: regression_pb2.RegressionResult, rows: int, value: Array) -> None:
    if value.ndim != 1 and not (value.ndim == 2 and value.shape[1] == 1):
        raise invalid_argument(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            f"{_shape_text(value)}"
        )
    if len(value) != rows:
        raise invalid_argument(f"Input batch size did not match output batch size: {rows} vs. {len(value)}")
    if value.dtype != np.float32:
        raise invalid_argument(f"Expected output Tensor of DT_FLOAT.  Got: {_type_text(value)}")
    for number in value.ravel().tolist():
        result.regressions.add(value=number)


def _shape_text(value: Array) -> str:
    return "[" + ",".join(map(str, value.shape)) + "]"


def _type_text(value: Array) -> str:
    name: str = types_pb2.DataType.Name(dtype_of(value))
    return name
