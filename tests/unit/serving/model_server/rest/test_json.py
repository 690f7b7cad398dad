"""How numbers are written and where the fields of errors come from."""

import json

import numpy as np
import pytest
from tensorflow.core.framework import types_pb2

from serving.model_server.errors import ModelServerError, invalid_argument
from serving.model_server.rest import json_responses
from serving.model_server.rest.json_requests import Format
from serving.model_server.rest.json_values import make_tensor


def _column(value: np.ndarray) -> str:
    return json_responses.predictions({"y": value}, Format.COLUMN).decode()


def test_decimals_are_written_as_tensorflow_serving_writes_them() -> None:
    values = np.array([0.2, 3.0, 9e6, 3e-5, 1 / 3, 16777216, -0.0], np.float32)
    assert "[0.2, 3.0, 9e+06, 3e-05, 0.333333343, 16777216.0, -0.0]" in _column(values)
    assert "0.33333333333333331" in _column(np.array([1 / 3]))


def test_every_float_comes_back_exactly() -> None:
    bits = np.random.default_rng(3).integers(0, 2**32, 2000, np.uint64).astype(np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    read = np.array(json.loads(_column(values))["outputs"], np.float32)
    np.testing.assert_array_equal(read, values)


def test_strings_that_are_no_utf_8_go_out_as_they_are() -> None:
    body = json_responses.predictions({"y": np.array([b"\xff\x00"], object)}, Format.COLUMN)
    assert b'"\xff\\u0000"' in body


def test_rows_must_be_as_many_in_every_output() -> None:
    for other in (np.float32(1), np.zeros(3)):
        with pytest.raises(ModelServerError, match="Tensor name: b has "):
            json_responses.predictions({"a": np.zeros(2), "b": np.asarray(other)}, Format.ROW)


def test_integers_must_fit_their_type() -> None:
    assert list(make_tensor([0, 255], types_pb2.DT_UINT8).int_val) == [0, 255]
    for value in (256, -1, True, 1.0, "1"):
        with pytest.raises(ModelServerError, match="is not of expected type: uint8"):
            make_tensor([value], types_pb2.DT_UINT8)


def test_long_messages_are_cut_for_grpc_and_whole_for_rest() -> None:
    error = invalid_argument("é" * 1000)
    assert error.details == "é" * 512 + "...TRUNCATED"
    assert json.loads(json_responses.error(error.message)) == {"error": "é" * 1000}
    assert error.http_status == 400
