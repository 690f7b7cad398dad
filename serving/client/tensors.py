"""NumPy arrays to TensorProtos and back."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.client.messages import DataType, TensorProto

Array = npt.NDArray[Any]

# Each numeric type: its NumPy type and the field that holds its values one by one.
_NUMBERS: Final = {
    "DT_FLOAT": ("float32", "float_val"),
    "DT_DOUBLE": ("float64", "double_val"),
    "DT_HALF": ("float16", "half_val"),
    "DT_INT8": ("int8", "int_val"),
    "DT_INT16": ("int16", "int_val"),
    "DT_INT32": ("int32", "int_val"),
    "DT_INT64": ("int64", "int64_val"),
    "DT_UINT8": ("uint8", "int_val"),
    "DT_UINT16": ("uint16", "int_val"),
    "DT_UINT32": ("uint32", "uint32_val"),
    "DT_UINT64": ("uint64", "uint64_val"),
    "DT_BOOL": ("bool", "bool_val"),
}
_STRING: Final = "DT_STRING"
_NAMES_OF_DTYPES: Final = {np.dtype(dtype): name for name, (dtype, _) in _NUMBERS.items()}


def encode(value: npt.ArrayLike) -> Any:
    """Makes a TensorProto of an array.

    Args:
      value: numbers or booleans of any shape, or strings: str (sent as UTF-8), bytes, or a mixture.

    Raises:
      TypeError: TensorFlow does not have this type, or an element is not a string.
    """
    array = np.asarray(value)
    shape = {"dim": [{"size": size} for size in array.shape]}
    if array.dtype.kind in "USO":
        values = [_bytes(element) for element in array.ravel().tolist()]
        return TensorProto(dtype=_number(_STRING), tensor_shape=shape, string_val=values)
    name = _NAMES_OF_DTYPES.get(array.dtype.newbyteorder("="))
    if name is None:
        raise TypeError(
            f"an array of {array.dtype} cannot be sent: TensorFlow Serving does not have this type"
        )
    content = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return TensorProto(dtype=_number(name), tensor_shape=shape, tensor_content=content)


def decode(proto: Any) -> Array:
    """Makes an array of a TensorProto; strings become an array of bytes objects.

    A server may send the values as they lie in memory or one by one, and of several equal values at the
    end only the first.

    Raises:
      ValueError: the type is not known here, or the values do not fit the shape.
    """
    shape = tuple(dimension.size for dimension in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise ValueError("the tensor's shape is not fully known")
    name = type_name(proto.dtype)
    if name == _STRING:
        values = np.empty(len(proto.string_val), object)
        values[:] = list(proto.string_val)
        return _filled(values, shape, b"")
    if name not in _NUMBERS:
        raise ValueError(f"a tensor of type {name} cannot be read")
    dtype, field = _NUMBERS[name]
    if proto.tensor_content:
        little_endian = np.dtype(dtype).newbyteorder("<")
        if len(proto.tensor_content) != math.prod(shape) * little_endian.itemsize:
            raise ValueError(f"{len(proto.tensor_content)} bytes are not a {dtype} tensor of shape {shape}")
        return np.frombuffer(proto.tensor_content, little_endian).reshape(shape).astype(dtype)
    listed = getattr(proto, field)
    if name == "DT_HALF":
        return _filled(np.array(listed, np.uint16).view(np.float16), shape, np.float16(0))
    return _filled(np.array(listed, dtype), shape, np.dtype(dtype).type(0))


def type_name(number: int) -> str:
    """Name of a DataType, such as "DT_FLOAT"; its number if it is not known here."""
    value = DataType.values_by_number.get(number)
    return str(value.name) if value else str(number)


def _number(name: str) -> int:
    return int(DataType.values_by_name[name].number)


def _bytes(element: object) -> bytes:
    if isinstance(element, str):
        return element.encode("utf-8")
    if isinstance(element, bytes):
        return element
    raise TypeError(f"strings were expected, and {element!r} is none")


def _filled(values: Array, shape: tuple[int, ...], default: object) -> Array:
    """`values` in the given shape; the last one, or `default`, stands for those that were not sent."""
    size = math.prod(shape)
    if len(values) > size:
        raise ValueError(f"{len(values)} values do not fit a tensor of shape {shape}")
    if len(values) == size:
        return values.reshape(shape)
    whole = np.empty(size, values.dtype)
    whole[: len(values)] = values
    whole[len(values) :] = values[-1] if len(values) else default
    return whole.reshape(shape)
