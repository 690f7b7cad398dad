"""Answers to JSON, as TensorFlow Serving's REST API writes them."""

import base64
import inspect
import json
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from google.protobuf import json_format
from google.protobuf.message import Message
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import get_model_metadata_pb2

from serving.model_server.api import SIGNATURE_DEF
from serving.model_server.errors import invalid_argument
from serving.model_server.models.tensors import Array, dtype_name, dtype_of
from serving.model_server.rest.json_requests import Format

# An output with such a name is bytes and not text.
_BYTES_SUFFIX = "_bytes"
# The digits that distinguish every value of a type.
_DIGITS = {types_pb2.DT_FLOAT: 9, types_pb2.DT_DOUBLE: 17}
_INTEGERS = {
    types_pb2.DT_INT8,
    types_pb2.DT_INT16,
    types_pb2.DT_INT32,
    types_pb2.DT_INT64,
    types_pb2.DT_UINT8,
    types_pb2.DT_UINT32,
    types_pb2.DT_UINT64,
}
# Protobuf renamed the argument that prints fields which have their default value.
_PRINT_DEFAULTS = next(
    name
    for name in ("always_print_fields_with_no_presence", "including_default_value_fields")
    if name in inspect.signature(json_format.MessageToJson).parameters
)


def predictions(outputs: Mapping[str, Array], wanted: Format) -> bytes:
    """The body of a prediction.

    Raises:
      ServingError: rows are wanted and the outputs have none, or have different ones, or JSON lacks the
        type.
    """
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")
    if wanted is Format.COLUMN:
        columns = {name: _value(name, outputs[name]) for name in sorted(outputs)}
        body = _object(columns, 4) if len(columns) > 1 else next(iter(columns.values()))
        return _encoded(f'{{\n    "outputs": {body}\n}}')
    _check_rows(outputs)
    columns_of_rows = {name: _row_values(name, outputs[name]) for name in sorted(outputs)}
    if len(outputs) == 1:
        body = ", ".join(next(iter(columns_of_rows.values())))
    else:
        rows = zip(*columns_of_rows.values(), strict=True)
        named = (_object(dict(zip(columns_of_rows, row, strict=True)), 8) for row in rows)
        body = ",".join("\n        " + row for row in named)
    return _encoded(f'{{\n    "predictions": [{body}\n    ]\n}}')


def message(answer: Message) -> bytes:
    """Any message, with the fields that have their default value too."""
    text: str = json_format.MessageToJson(
        answer, preserving_proto_field_name=True, indent=1, **{_PRINT_DEFAULTS: True}
    )
    return (text + "\n").encode()


def metadata(answer: get_model_metadata_pb2.GetModelMetadataResponse) -> bytes:
    """The signatures of a version, taken out of the `Any` that gRPC sends them in."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    answer.metadata[SIGNATURE_DEF].Unpack(signatures)
    spec, definitions = message(answer.model_spec).decode(), message(signatures).decode()
    return f'{{\n"model_spec":{spec},\n"metadata": {{"signature_def": {definitions}}}\n}}\n'.encode()


def error(text: str) -> bytes:
    """The body of every error."""
    # Escaped, for it may quote half of a surrogate pair from a request, which no UTF-8 can.
    return _encoded(f'{{\n    "error": {json.dumps(text)}\n}}')


def _check_rows(outputs: Mapping[str, Array]) -> None:
    expected = -1
    for name, value in sorted(outputs.items()):
        if value.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if expected >= 0 and len(value) != expected:
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {len(value)} expecting: {expected}"
            )
        expected = len(value)


def _value(name: str, value: Array) -> str:
    return _nested(iter(_leaves(name, value)), value.shape)


def _row_values(name: str, value: Array) -> list[str]:
    leaves = iter(_leaves(name, value))
    return [_nested(leaves, value.shape[1:]) for _ in range(len(value))]


def _nested(leaves: Iterator[str], shape: Sequence[int]) -> str:
    if not shape:
        return next(leaves)
    return _list(_nested(leaves, shape[1:]) for _ in range(shape[0]))


def _leaves(name: str, value: Array) -> list[str]:
    """Each element as JSON, in the order of memory."""
    dtype = dtype_of(value)
    flat = value.ravel()
    if dtype in _DIGITS:
        return _decimals(flat)
    if dtype in _INTEGERS:
        return [str(each) for each in flat.tolist()]
    if dtype == types_pb2.DT_BOOL:
        return ["true" if each else "false" for each in flat.tolist()]
    if dtype != types_pb2.DT_STRING:
        raise invalid_argument(f"Failed to write JSON value for tensor type: {dtype_name(dtype)}")
    if name.endswith(_BYTES_SUFFIX):
        return [f'{{ "b64": "{base64.b64encode(each).decode()}" }}' for each in flat.tolist()]
    return [_text(each.decode(errors="surrogateescape")) for each in flat.tolist()]


def _decimals(values: Array) -> list[str]:
    """Six digits where they are the value, and as many as it takes where they are not."""
    texts = [f"{value:.6g}" for value in values.tolist()]
    short = np.array(texts, dtype="U32").astype(values.dtype) if texts else values
    digits = _DIGITS[dtype_of(values)]
    return [
        _decimal(value, text if same else f"{value:.{digits}g}")
        for value, text, same in zip(values.tolist(), texts, (short == values).tolist(), strict=True)
    ]


def _decimal(value: float, text: str) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    # A whole number keeps a sign that it is a decimal one.
    return text if "." in text or "e" in text else text + ".0"


def _list(elements: Iterator[str] | Sequence[str]) -> str:
    return "[" + ", ".join(elements) + "]"


def _object(members: Mapping[str, str], indent: int) -> str:
    margin = "\n" + " " * (indent + 4)
    body = ",".join(f"{margin}{_text(name)}: {value}" for name, value in members.items())
    return "{" + body + "\n" + " " * indent + "}"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _encoded(body: str) -> bytes:
    # Strings that are not UTF-8 are written byte for byte, as the model returned them.
    return body.encode(errors="surrogateescape")
