"""Arrays on the wire: by hand, there and back, and against TensorFlow's own functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from serving.client.messages import TensorProto
from serving.client.tensors import decode, encode, type_name

DTYPES = (
    *("float16", "float32", "float64", "bool", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
)
numbers = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
texts = arrays.arrays(
    object,
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    elements=st.one_of(st.text(max_size=6), st.binary(max_size=6)),
    fill=st.nothing(),
)


def shape(*sizes: int) -> dict[str, Any]:
    return {"dim": [{"size": size} for size in sizes]}


def as_bytes(array: Any) -> list[bytes]:
    return [each.encode() if isinstance(each, str) else each for each in array.ravel().tolist()]


def test_known_encodings() -> None:
    # Field numbers of TensorProto: dtype 1, tensor_shape 2, tensor_content 4, string_val 8.
    assert encode(np.float32([1.0, -2.5])).SerializeToString() == (
        b"\x08\x01" + b"\x12\x04\x12\x02\x08\x02" + b"\x22\x08" + b"\x00\x00\x80\x3f\x00\x00\x20\xc0"
    )
    assert encode(np.array("é", object)).SerializeToString() == b"\x08\x07\x12\x00\x42\x02\xc3\xa9"
    assert encode(np.array(7, np.int32)).SerializeToString() == b"\x08\x03\x12\x00\x22\x04\x07\x00\x00\x00"


@pytest.mark.parametrize(
    ("proto", "expected"),
    [
        (TensorProto(dtype=1, tensor_shape=shape(3), float_val=[1, 2, 3]), np.float32([1, 2, 3])),
        # The last value stands for all that follow.
        (TensorProto(dtype=1, tensor_shape=shape(2, 2), float_val=[1, 2]), np.float32([[1, 2], [2, 2]])),
        (TensorProto(dtype=3, tensor_shape=shape(2), int_val=[-1]), np.int32([-1, -1])),
        (TensorProto(dtype=9, tensor_shape=shape(2)), np.int64([0, 0])),
        (TensorProto(dtype=10, tensor_shape=shape(2), bool_val=[True, False]), np.array([True, False])),
        # Half-precision numbers come as the integers of their bits.
        (TensorProto(dtype=19, tensor_shape=shape(2), half_val=[0x3C00, 0xC100]), np.float16([1, -2.5])),
        (TensorProto(dtype=2, tensor_shape=shape(0)), np.zeros(0)),
        (TensorProto(dtype=1, tensor_shape=shape(), float_val=[5]), np.float32(5)),
        (TensorProto(dtype=7, tensor_shape=shape(3), string_val=[b"a", b""]), np.array([b"a", b"", b""])),
        (TensorProto(dtype=7, tensor_shape=shape(2, 0)), np.zeros((2, 0), object)),
    ],
)
def test_known_decodings(proto: Any, expected: Any) -> None:
    decoded = decode(proto)

    assert decoded.shape == expected.shape
    assert decoded.dtype == (object if expected.dtype.kind == "S" else expected.dtype)
    assert decoded.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("proto", "complaint"),
    [
        (TensorProto(dtype=1, tensor_shape=shape(1), float_val=[1, 2]), "2 values do not fit"),
        (TensorProto(dtype=1, tensor_shape=shape(2), tensor_content=b"\0" * 5), "5 bytes are not a float32"),
        (TensorProto(dtype=1, tensor_shape=shape(-1), float_val=[1]), "shape is not fully known"),
        (TensorProto(dtype=1, tensor_shape={"unknown_rank": True}), "shape is not fully known"),
        (TensorProto(dtype=8, tensor_shape=shape(1)), "DT_COMPLEX64 cannot be read"),
        (TensorProto(dtype=999, tensor_shape=shape(1)), "type 999 cannot be read"),
    ],
)
def test_tensors_that_cannot_be_read_are_refused(proto: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        decode(proto)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [(np.complex64([1]), "complex64"), (np.array(["a", 1], object), "1 is none"), ([None], "None is none")],
)
def test_arrays_that_cannot_be_sent_are_refused(value: Any, complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        encode(value)


@given(numbers)
def test_numbers_there_and_back(array: Any) -> None:
    back = decode(TensorProto.FromString(encode(array).SerializeToString()))

    np.testing.assert_array_equal(back, array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)


@given(texts)
def test_strings_there_and_back(array: Any) -> None:
    back = decode(TensorProto.FromString(encode(array).SerializeToString()))

    assert back.shape == array.shape
    assert back.ravel().tolist() == as_bytes(array)


def test_byte_order_of_the_sender_does_not_matter() -> None:
    assert encode(np.array([1, 2], ">i4")) == encode(np.array([1, 2], "<i4"))


def test_names_of_types() -> None:
    assert [type_name(number) for number in (1, 7, 9, 999)] == ["DT_FLOAT", "DT_STRING", "DT_INT64", "999"]


@pytest.mark.slow
def test_tensorflow_reads_and_writes_the_same() -> None:
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2

    @given(st.one_of(numbers, texts))
    def both_ways(array: Any) -> None:
        read = tf.make_ndarray(tensor_pb2.TensorProto.FromString(encode(array).SerializeToString()))
        assert read.shape == array.shape
        if array.dtype != object:
            np.testing.assert_array_equal(read, array)
            assert read.dtype == array.dtype
            parsed = tf.io.parse_tensor(encode(array).SerializeToString(), array.dtype).numpy()
            np.testing.assert_array_equal(parsed, array)
        else:
            assert read.ravel().tolist() == as_bytes(array)
        written = tf.make_tensor_proto(
            array if array.dtype != object else as_bytes(array),
            tf.string if array.dtype == object else None,
            array.shape,
        )
        back = decode(TensorProto.FromString(written.SerializeToString()))
        assert back.shape == array.shape
        if array.dtype != object:
            np.testing.assert_array_equal(back, array)
        else:
            assert back.ravel().tolist() == as_bytes(array)

    both_ways()
