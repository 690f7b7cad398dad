"""JSON values to the values of tensors, by the rules of TensorFlow Serving's REST API."""

import base64
import binascii
import json
import math
from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving.model_server.errors import TRUNCATED, ModelServerError, invalid_argument
from serving.model_server.models.tensors import MAX_RANK, dtype_name

# What errors show of a value.
SHOWN_BYTES = 256
_BASE64 = "b64"
_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)
# For each type: the field of a TensorProto, and the integers that it takes.
_INTEGERS = {
    types_pb2.DT_INT8: ("int_val", range(-(2**7), 2**7)),
    types_pb2.DT_INT16: ("int_val", range(-(2**15), 2**15)),
    types_pb2.DT_INT32: ("int_val", _INT32),
    types_pb2.DT_INT64: ("int64_val", _INT64),
    types_pb2.DT_UINT8: ("int_val", range(2**8)),
    types_pb2.DT_UINT32: ("uint32_val", range(2**32)),
    types_pb2.DT_UINT64: ("uint64_val", range(2**64)),
}
_DECIMALS: Mapping[int, tuple[str, type[np.floating[Any]]]] = {
    types_pb2.DT_FLOAT: ("float_val", np.float32),
    types_pb2.DT_DOUBLE: ("double_val", np.float64),
}


def parse(body: bytes) -> dict[str, Any]:
    """Reads a body that must be an object.

    Raises:
      ModelServerError: INVALID_ARGUMENT.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    try:
        document = json.loads(body)
    except json.JSONDecodeError as problem:
        raise invalid_argument(f"JSON Parse error: {problem.msg} at offset: {problem.pos}") from problem
    except UnicodeDecodeError as problem:
        raise invalid_argument(
            f"JSON Parse error: Invalid encoding in string. at offset: {problem.start}"
        ) from problem
    except (RecursionError, ValueError) as problem:
        raise invalid_argument(f"JSON Parse error: {problem}") from problem
    if not isinstance(document, dict):
        raise invalid_argument(f"JSON Value: {as_text(document)} Is not object")
    return document


def as_text(value: object) -> str:
    """A value of JSON as errors show it: its first bytes, so that a large body cannot make a larger error."""
    shown = ""
    for part in json.JSONEncoder(indent=4, ensure_ascii=False).iterencode(value):
        shown += part
        if len(shown) > SHOWN_BYTES:
            break
    encoded = shown.encode(errors="surrogatepass")
    if len(encoded) <= SHOWN_BYTES:
        return shown
    return encoded[:SHOWN_BYTES].decode(errors="ignore") + TRUNCATED


def kind_of(value: object) -> str:
    """The name of a value's JSON type."""
    if value is None or isinstance(value, bool):
        return {None: "Null", True: "True", False: "False"}[value]
    for kind, name in ((dict, "Object"), (list, "Array"), (str, "String")):
        if isinstance(value, kind):
            return name
    return "Number"


def is_base64(value: object) -> bool:
    """Whether this is an object that stands for bytes: {"b64": "..."}."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(_BASE64), str)


def from_base64(value: Any) -> bytes:
    """The bytes of such an object.

    Raises:
      ModelServerError: it is another object, or its text is not base64.
    """
    if not is_base64(value):
        raise invalid_argument(f"JSON Value: {as_text(value)} not formatted correctly for base64 data")
    text = value[_BASE64]
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as problem:
        raise invalid_argument("Unable to base64 decode") from problem


def make_tensor(value: Any, dtype: int) -> tensor_pb2.TensorProto:
    """A tensor of nested lists, which must be as long as the first of their level.

    Raises:
      ModelServerError: they are not, or a value is none of the type.
    """
    shape = []
    first = value
    while isinstance(first, list):
        shape.append(len(first))
        if len(shape) > MAX_RANK:
            raise invalid_argument(f"Encountered list at unexpected level: {MAX_RANK} expected < {MAX_RANK}")
        first = first[0] if first else None
    leaves: list[Any] = []
    _flatten(value, 0, shape, leaves)
    tensor = tensor_pb2.TensorProto(dtype=dtype)
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    _append(tensor, leaves)
    return tensor


def _flatten(value: Any, level: int, shape: list[int], leaves: list[Any]) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid_argument(
                f"JSON Value: {as_text(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        leaves.append(value)
        return
    if level >= len(shape):
        raise invalid_argument(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    for element in value:
        _flatten(element, level + 1, shape, leaves)


def _append(tensor: tensor_pb2.TensorProto, values: list[Any]) -> None:
    dtype = tensor.dtype
    if dtype == types_pb2.DT_STRING:
        tensor.string_val.extend(_string(value, dtype) for value in values)
    elif dtype in _DECIMALS:
        field, kind = _DECIMALS[dtype]
        getattr(tensor, field).extend(_decimal(value, dtype, kind) for value in values)
    elif dtype in _INTEGERS:
        field, taken = _INTEGERS[dtype]
        for value in values:
            if not isinstance(value, int) or isinstance(value, bool) or value not in taken:
                raise _wrong_type(value, dtype)
        getattr(tensor, field).extend(values)
    elif dtype == types_pb2.DT_BOOL:
        for value in values:
            if not isinstance(value, bool):
                raise _wrong_type(value, dtype)
        tensor.bool_val.extend(values)
    elif values:
        raise ModelServerError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"Conversion of JSON Value: {as_text(values[0])} to type: {dtype_name(dtype)}",
        )


def _string(value: object, dtype: int) -> bytes:
    if isinstance(value, dict):
        return from_base64(value)
    if not isinstance(value, str):
        raise _wrong_type(value, dtype)
    # JSON can name half of a surrogate pair, which no UTF-8 can.
    return value.encode(errors="surrogatepass")


def _decimal(value: Any, dtype: int, kind: type[np.floating[Any]]) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _wrong_type(value, dtype)
    _check_lossless(value, kind)
    return float(value)


def _check_lossless(value: int | float, kind: type[np.floating[Any]]) -> None:
    if isinstance(value, int):
        fits = abs(value) <= 2 ** (np.finfo(kind).nmant + 1) - 1
    else:
        fits = not math.isfinite(value) or abs(value) <= float(np.finfo(kind).max)
    if not fits:
        name = "float" if kind is np.float32 else "double"
        raise invalid_argument(
            f"Cannot convert JSON value: {as_text(value)} to {name} without loss of precision."
        )


def _wrong_type(value: object, dtype: int) -> ModelServerError:
    return invalid_argument(
        f"JSON Value: {as_text(value)} Type: {kind_of(value)} is not of expected type: {dtype_name(dtype)}"
    )
