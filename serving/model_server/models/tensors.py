"""TensorProtos to numpy arrays and back."""

import math

import grpc
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving.model_server.errors import ModelServerError, invalid_argument

Array = npt.NDArray[np.generic]

# The field of a TensorProto that holds the values of a type.
_VALUE_FIELDS = {
    types_pb2.DT_BOOL: "bool_val",
    types_pb2.DT_DOUBLE: "double_val",
    types_pb2.DT_FLOAT: "float_val",
    types_pb2.DT_INT8: "int_val",
    types_pb2.DT_INT16: "int_val",
    types_pb2.DT_INT32: "int_val",
    types_pb2.DT_INT64: "int64_val",
    types_pb2.DT_STRING: "string_val",
    types_pb2.DT_UINT8: "int_val",
    types_pb2.DT_UINT16: "int_val",
    types_pb2.DT_UINT32: "uint32_val",
    types_pb2.DT_UINT64: "uint64_val",
}
# Two bytes each, which travel as integers.
_HALF_TYPES = (types_pb2.DT_HALF, types_pb2.DT_BFLOAT16)
# What an element of a string tensor costs before its text: a pointer, and the object that it points to.
_STRING_BYTES = 8
MAX_RANK = 254


def dtype_name(dtype: int) -> str:
    """TensorFlow's name of a type, such as `float` or `string`."""
    try:
        name: str = types_pb2.DataType.Name(dtype)
    except ValueError:
        return f"unknown type {dtype}"
    return name.removeprefix("DT_").lower()


def dtype_of(array: Array) -> int:
    """The number of an array's type in protos. Arrays of objects hold strings here."""
    if array.dtype == object:
        return int(types_pb2.DT_STRING)
    return int(tf.dtypes.as_dtype(array.dtype).as_datatype_enum)


def parse_tensor(alias: str, proto: tensor_pb2.TensorProto, max_bytes: int) -> Array:
    """Reads one input.

    A TensorProto may hold fewer values than its shape has elements: the last value fills the rest, and a
    tensor without values is zeros. So a small message can declare a huge array; `max_bytes` bounds it.

    Args:
      alias: the name of the input, for errors.
      proto: the tensor.
      max_bytes: what the array may take.

    Raises:
      ModelServerError: INVALID_ARGUMENT if this is not a tensor, RESOURCE_EXHAUSTED if it is too big.
    """
    if proto.dtype not in _VALUE_FIELDS and proto.dtype not in _HALF_TYPES:
        raise invalid_argument(f"tensor parsing error: {alias}")
    dtype = np.dtype(tf.dtypes.as_dtype(proto.dtype).as_numpy_dtype)
    shape = _shape(alias, proto)
    size = math.prod(shape)
    needed = size * (_STRING_BYTES if proto.dtype == types_pb2.DT_STRING else dtype.itemsize)
    if needed > max_bytes:
        raise ModelServerError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"tensor {alias} of shape {list(shape)} takes {needed} bytes, more than the limit of {max_bytes}",
        )
    if proto.tensor_content:
        return _from_content(alias, proto, dtype, shape)
    return _from_values(proto, dtype, size).reshape(shape)


def fill_tensor(proto: tensor_pb2.TensorProto, array: Array) -> None:
    """Writes one output, with its values in the field of their type, as TensorFlow Serving does.

    Args:
      proto: an empty tensor; the response's own, so that nothing is copied.
      array: the output.
    """
    dtype = dtype_of(array)
    if dtype not in _VALUE_FIELDS and dtype not in _HALF_TYPES:
        proto.CopyFrom(tf.make_tensor_proto(array))
        return
    proto.dtype = dtype
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if dtype in _HALF_TYPES:
        proto.half_val.extend(array.view(np.uint16).ravel().tolist())
    else:
        getattr(proto, _VALUE_FIELDS[dtype]).extend(array.ravel().tolist())


def _shape(alias: str, proto: tensor_pb2.TensorProto) -> tuple[int, ...]:
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or len(shape) > MAX_RANK or any(size < 0 for size in shape):
        raise invalid_argument(f"tensor parsing error: {alias}")
    return shape


def _from_content(
    alias: str, proto: tensor_pb2.TensorProto, dtype: np.dtype[np.generic], shape: tuple[int, ...]
) -> Array:
    """The array of a tensor that is its memory. Strings have an encoding of TensorFlow's own there."""
    try:
        if proto.dtype == types_pb2.DT_STRING:
            strings: Array = np.asarray(
                tf.io.parse_tensor(proto.SerializeToString(), tf.string).numpy(), object
            )
            return strings
        return np.frombuffer(proto.tensor_content, dtype).reshape(shape)
    except (ValueError, tf.errors.OpError) as problem:
        raise invalid_argument(f"tensor parsing error: {alias}") from problem


def _from_values(proto: tensor_pb2.TensorProto, dtype: np.dtype[np.generic], size: int) -> Array:
    """A flat array of the values, cut or filled up to the size."""
    if proto.dtype in _HALF_TYPES:
        values = np.asarray(proto.half_val[:size], np.uint32).astype(np.uint16).view(dtype)
    elif proto.dtype == types_pb2.DT_STRING:
        values = np.array(proto.string_val[:size], object)
    else:
        wide = np.asarray(getattr(proto, _VALUE_FIELDS[proto.dtype])[:size])
        values = wide.astype(dtype)
    if len(values) == size:
        return values
    if len(values) == 0:
        return np.full(size, b"", object) if proto.dtype == types_pb2.DT_STRING else np.zeros(size, dtype)
    padded = np.empty(size, values.dtype)
    padded[: len(values)] = values
    padded[len(values) :] = values[-1]
    return padded
