"""Requests of TensorFlow Serving's API as bytes, and what their responses mean."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, Union

import grpc
import numpy as np

from serving.client import messages
from serving.client.results import (
    ModelMetadata,
    ServedBy,
    Signature,
    TensorSpec,
    VersionStatus,
)
from serving.client.tensors import Array, decode, encode, type_name

PREDICT: Final = "/tensorflow.serving.PredictionService/Predict"
GET_MODEL_METADATA: Final = "/tensorflow.serving.PredictionService/GetModelMetadata"
GET_MODEL_STATUS: Final = "/tensorflow.serving.ModelService/GetModelStatus"

# A version by its number, one by its label, or the latest.
Version = Union[int, str, None]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Call:
    """A call that can be sent, and sent again.

    Attributes:
      method: path of the gRPC method.
      request: the serialized request.
      parse: makes a message of the response.
      model: the model of the request.
      share: of the time of the method, what may be over when this call ends.
    """

    method: str
    request: bytes
    parse: Callable[[bytes], Any]
    model: str
    share: float = 1.0


# The logic of a method, for a client that blocks and for one that does not: it yields a call, is sent the
# response or gets the ServingError raised, and returns the method's result.
Plan = Generator[Call, Any, _T]


class BrokenContractError(Exception):
    """A model's response is not what the serving contract promises."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(model, reason)
        self.model = model
        self.reason = reason


def predict(
    model: str,
    signature: str,
    inputs: Mapping[str, Array],
    version: Version,
    wanted: Sequence[str] = (),
) -> Call:
    """A call of one signature of a model, for the outputs that are wanted, or for all of them."""
    request = messages.PredictRequest()
    _fill(request.model_spec, model, version)
    request.model_spec.signature_name = signature
    for name, array in inputs.items():
        request.inputs[name].CopyFrom(encode(array))
    request.output_filter.extend(wanted)
    return Call(PREDICT, request.SerializeToString(), messages.PredictResponse.FromString, model)


def outputs(response: Any, shapes: Mapping[str, tuple[int | None, ...]]) -> dict[str, Array]:
    """The named outputs of a PredictResponse; strings become an array of str.

    Args:
      response: the PredictResponse.
      shapes: the size of each dimension by output name; None stands for any.

    Raises:
      BrokenContractError: an output is missing, cannot be read, or has another shape.
    """
    arrays = {}
    model = response.model_spec.name
    for name, shape in shapes.items():
        if name not in response.outputs:
            raise BrokenContractError(model, f"the answer does not have the output {name!r}")
        try:
            array = decode(response.outputs[name])
        except ValueError as error:
            raise BrokenContractError(model, f"output {name!r}: {error}") from error
        fits = [want is None or want == size for want, size in zip(shape, array.shape)]
        if array.ndim != len(shape) or not all(fits):
            wanted = tuple("any" if want is None else want for want in shape)
            raise BrokenContractError(model, f"output {name!r} has the shape {array.shape} and not {wanted}")
        arrays[name] = _texts(array) if array.dtype == object else array
    return arrays


def served_by(response: Any) -> ServedBy:
    """The model and version that a response is from."""
    return ServedBy(response.model_spec.name, response.model_spec.version.value)


def metadata(model: str, version: Version) -> Plan[ModelMetadata]:
    """The signatures of a model."""
    request = messages.GetModelMetadataRequest(metadata_field=["signature_def"])
    _fill(request.model_spec, model, version)
    parse = messages.GetModelMetadataResponse.FromString
    response = yield Call(GET_MODEL_METADATA, request.SerializeToString(), parse, model)
    packed = response.metadata["signature_def"]
    if packed.type_url.rpartition("/")[2] != messages.SignatureDefMap.DESCRIPTOR.full_name:
        raise BrokenContractError(model, "the answer does not hold signatures")
    signatures = messages.SignatureDefMap.FromString(packed.value).signature_def
    return ModelMetadata(
        served_by(response),
        {
            name: Signature(_specs(signatures[name].inputs), _specs(signatures[name].outputs))
            for name in sorted(signatures)
        },
    )


def status(model: str, version: Version) -> Plan[list[VersionStatus]]:
    """The versions of a model, the newest first."""
    request = messages.GetModelStatusRequest()
    _fill(request.model_spec, model, version)
    parse = messages.GetModelStatusResponse.FromString
    response = yield Call(GET_MODEL_STATUS, request.SerializeToString(), parse, model)
    states = messages.GetModelStatusResponse.DESCRIPTOR.fields_by_name["model_version_status"]
    names = states.message_type.fields_by_name["state"].enum_type.values_by_number
    codes = {code.value[0]: code.name for code in grpc.StatusCode}
    found = [
        VersionStatus(
            each.version,
            names[each.state].name if each.state in names else str(each.state),
            codes.get(each.status.error_code, str(each.status.error_code)),
            each.status.error_message,
        )
        for each in response.model_version_status
    ]
    return sorted(found, key=lambda each: -each.version)


def _fill(model_spec: Any, model: str, version: Version) -> None:
    model_spec.name = model
    if isinstance(version, str):
        model_spec.version_label = version
    elif version is not None:
        if isinstance(version, bool) or not isinstance(version, int):
            raise TypeError(f"{version!r} is not a version of a model: give its number or its label")
        if not 0 <= version < 2**63:
            raise ValueError(f"{version} is not a version of a model")
        model_spec.version.value = version


def _texts(array: Array) -> Array:
    flat = [element.decode("utf-8", "replace") for element in array.ravel().tolist()]
    texts = np.empty(len(flat), object)
    texts[:] = flat
    return texts.reshape(array.shape)


def _specs(tensors: Mapping[str, Any]) -> dict[str, TensorSpec]:
    return {name: _spec(tensors[name]) for name in sorted(tensors)}


def _spec(info: Any) -> TensorSpec:
    sizes = tuple(dimension.size for dimension in info.tensor_shape.dim)
    return TensorSpec(type_name(info.dtype), None if info.tensor_shape.unknown_rank else sizes)
