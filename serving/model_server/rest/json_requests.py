"""JSON bodies to requests, by the rules of TensorFlow Serving's REST API."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import model_pb2, predict_pb2

from serving.model_server.errors import ModelServerError, invalid_argument
from serving.model_server.rest.json_values import as_text, is_base64, make_tensor, parse

Inputs = Mapping[str, meta_graph_pb2.TensorInfo]
_SIGNATURE, _INSTANCES, _INPUTS = "signature_name", "instances", "inputs"


class Format(Enum):
    """How a body lists its values, and so how the answer does."""

    ROW = "row"
    COLUMN = "column"


def fill_predict_request(
    body: bytes,
    request: predict_pb2.PredictRequest,
    inputs_of: Callable[[str], Inputs],
    check_rows: Callable[[str, int], None],
) -> Format:
    """Adds the signature and the tensors of a body to a request.

    Args:
      body: the JSON.
      request: the request, with the model that the path names.
      inputs_of: the inputs of a signature, by its name ("" is the default one).
      check_rows: refuses an input with too many rows, by name and number, before its values become tensors.

    Raises:
      ModelServerError: the body is wrong.
    """
    document = parse(body)
    _fill_signature(document, request.model_spec)
    signature = request.model_spec.signature_name
    inputs = inputs_of(signature)
    if not inputs:
        raise invalid_argument(f"Failed to get input map for signature: {signature or 'DEFAULT'}")
    if _INSTANCES in document and _INPUTS in document:
        raise _malformed(
            document,
            f"Not formatted correctly expecting only one of '{_INPUTS}' or '{_INSTANCES}' keys to exist ",
        )
    if _INSTANCES in document:
        instances = document[_INSTANCES]
        if not isinstance(instances, list):
            raise _malformed(document, f"Excepting '{_INSTANCES}' to be an list/array")
        if not instances:
            raise _malformed(document, f"No values in '{_INSTANCES}' array")
        check_rows(_INSTANCES, len(instances))
        tensors = _rows(instances, inputs)
        chosen = Format.ROW
    elif _INPUTS in document:
        columns = document[_INPUTS]
        for name, column in columns.items() if isinstance(columns, dict) else [(_INPUTS, columns)]:
            if isinstance(column, list):
                check_rows(name, len(column))
        tensors = _columns(columns, inputs)
        chosen = Format.COLUMN
    else:
        raise invalid_argument(f"Missing '{_INPUTS}' or '{_INSTANCES}' key")
    for name, tensor in tensors.items():
        request.inputs[name].CopyFrom(tensor)
    return chosen


def _fill_signature(document: dict[str, Any], spec: model_pb2.ModelSpec) -> None:
    name = document.get(_SIGNATURE, "")
    if not isinstance(name, str):
        raise _malformed(document, "not formatted correctly. 'signature_name' key must be a string value.")
    try:
        spec.signature_name = name
    except ValueError as problem:
        raise _malformed(
            document, "not formatted correctly. 'signature_name' key must be UTF-8."
        ) from problem


def _malformed(document: object, complaint: str) -> ModelServerError:
    return invalid_argument(f"JSON Value: {as_text(document)} {complaint}")


def _rows(instances: list[Any], inputs: Inputs) -> dict[str, tensor_pb2.TensorProto]:
    """One tensor for each input, with a row for each instance."""
    if len(inputs) > 1 and not isinstance(instances[0], dict):
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as "
            "per tensorinfo_map"
        )
    named = _is_named(instances[0])
    only = next(iter(inputs))
    tensors: dict[str, tensor_pb2.TensorProto] = {}
    for position, instance in enumerate(instances):
        if named and not _is_named(instance):
            raise invalid_argument(f"Expecting object but got list at item {position} of input list")
        if not named and _is_named(instance):
            raise invalid_argument(f"Expecting value/list but got object at item {position} of input list")
        for name, value in instance.items() if named else [(only, instance)]:
            try:
                _add_row(name, value, inputs, tensors)
            except ModelServerError as error:
                where = f"{position} key: {name}" if named else f"{position}"
                raise invalid_argument(
                    f"Failed to process element: {where} of 'instances' list. Error: {error}"
                ) from error
        if named and set(instance) != set(inputs):
            raise invalid_argument(
                f"Failed to process element: {position} of 'instances' list. "
                f"JSON object: {as_text(instance)} keys must be equal to: {','.join(sorted(inputs))}"
            )
    for tensor in tensors.values():
        row = [dim.size for dim in tensor.tensor_shape.dim]
        del tensor.tensor_shape.dim[:]
        for size in (len(instances), *row):
            tensor.tensor_shape.dim.add(size=size)
    return tensors


def _is_named(instance: object) -> bool:
    return isinstance(instance, dict) and not is_base64(instance)


def _add_row(name: str, value: Any, inputs: Inputs, tensors: dict[str, tensor_pb2.TensorProto]) -> None:
    """Adds the values of a row. Each tensor has the shape of one row until all rows are there."""
    if name not in inputs:
        raise invalid_argument(f"JSON object: does not have named input: {name}")
    row = make_tensor(value, inputs[name].dtype)
    tensor = tensors.setdefault(name, row)
    if tensor is row:
        return
    if tensor.tensor_shape != row.tensor_shape:
        raise invalid_argument(f"Expecting shape {_shape(tensor)} but got: {_shape(row)}")
    # Merging appends repeated fields, the sizes of the shape among them.
    row.ClearField("tensor_shape")
    tensor.MergeFrom(row)


def _shape(tensor: tensor_pb2.TensorProto) -> str:
    return "[" + ",".join(str(dim.size) for dim in tensor.tensor_shape.dim) + "]"


def _columns(value: Any, inputs: Inputs) -> dict[str, tensor_pb2.TensorProto]:
    if not isinstance(value, dict) or is_base64(value):
        if len(inputs) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as "
                "per tensorinfo_map"
            )
        name, info = next(iter(inputs.items()))
        return {name: make_tensor(value, info.dtype)}
    tensors = {}
    for name, info in sorted(inputs.items()):
        if name not in value:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
        tensors[name] = make_tensor(value[name], info.dtype)
    return tensors
