"""Predict: one signature, from named tensors to named tensors."""

from collections.abc import Iterable, Mapping

import grpc
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import model_pb2, predict_pb2

from serving.model_server.errors import ModelServerError, invalid_argument
from serving.model_server.limits import Limits
from serving.model_server.models.saved_model import Runner
from serving.model_server.models.tensors import Array, fill_tensor, parse_tensor

DEFAULT_SIGNATURE = "serving_default"


def predict(
    runner: Runner, version: int, request: predict_pb2.PredictRequest, limits: Limits
) -> predict_pb2.PredictResponse:
    """Answers one request.

    Args:
      runner: the model.
      version: the version that it is.
      request: the request.
      limits: how large the inputs may be.

    Raises:
      ModelServerError: the request does not fit the signature, or the model failed.
    """
    signature, outputs = compute(runner, request, limits)
    response = predict_pb2.PredictResponse()
    fill_model_spec(response.model_spec, request.model_spec.name, version, signature)
    for alias, value in outputs.items():
        fill_tensor(response.outputs[alias], value)
    return response


def compute(
    runner: Runner, request: predict_pb2.PredictRequest, limits: Limits
) -> tuple[str, dict[str, Array]]:
    """The same, as arrays.

    Returns:
      The name of the signature, and its outputs.
    """
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    signature = runner.signatures.get(name)
    if signature is None:
        raise ModelServerError(
            grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.'
        )
    feeds = _feeds(signature, request, limits)
    outputs = _outputs(signature, request.output_filter)
    return name, dict(zip(outputs, runner.run(name, feeds, outputs), strict=True))


def fill_model_spec(spec: model_pb2.ModelSpec, name: str, version: int, signature: str) -> None:
    """Writes the model, version and signature that answered."""
    spec.name = name
    spec.version.value = version
    spec.signature_name = signature


def _feeds(
    signature: meta_graph_pb2.SignatureDef, request: predict_pb2.PredictRequest, limits: Limits
) -> dict[str, Array]:
    sent, wanted = request.inputs, signature.inputs
    # Signatures of TensorFlow before 2.12 do not have this field.
    defaults = getattr(signature, "defaults", {})
    if len(sent) > len(wanted) or (len(sent) < len(wanted) and not defaults):
        raise invalid_argument(
            f"input size does not match signature: {len(sent)}!={len(wanted)} "
            f"len({_names(sent)}) != len({_names(wanted)}). "
            f"Sent extra: {_names(set(sent) - set(wanted))}. "
            f"Missing but required: {_names(set(wanted) - set(sent))}."
        )
    feeds = {}
    for alias in sorted(wanted):
        if alias not in sent and alias not in defaults:
            raise invalid_argument(
                f"Signature input alias: {alias}(feed name: {wanted[alias].name}) not found in request and "
                "no default value provided. Inputs expected to be in the request "
                f"{_names(sent)}, or default input alias set: {','.join(sorted(defaults))}"
            )
        proto = sent[alias] if alias in sent else defaults[alias]
        if proto.tensor_shape.dim:
            limits.check_rows(alias, proto.tensor_shape.dim[0].size)
        feeds[alias] = parse_tensor(alias, proto, limits.message_bytes)
    if not set(sent) <= set(wanted):
        used = ",".join(sorted(set(sent) & set(wanted)))
        raise invalid_argument(
            f"Inputs contains invalid name. Used request inputs: {used}, "
            f"request input: {','.join(sorted(sent))}"
        )
    return feeds


def _outputs(signature: meta_graph_pb2.SignatureDef, output_filter: Iterable[str]) -> list[str]:
    chosen: list[str] = []
    for alias in output_filter:
        if alias not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in the set "
                f"{_names(signature.outputs)}."
            )
        if alias in chosen:
            raise invalid_argument(f"duplicate output tensor alias: {alias}")
        chosen.append(alias)
    return chosen or sorted(signature.outputs)


def _names(names: Mapping[str, object] | Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
