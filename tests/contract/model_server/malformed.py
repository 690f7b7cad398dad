"""Requests that are wrong in every way that hypothesis comes upon."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import predict_pb2

# Not `gated`, which waits for a file.
SIGNATURES = ("", "words", "scaled", "same", "sums", "parsed")
ALIASES = ("x", "word", "times", "k", "rows", "inputs", "a", "b", "c", "d", "e", "f", "g")
OUTPUTS = ("y", "word", "length", "total", "sum", "a", "outputs")
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)

_DTYPES = st.sampled_from(sorted(types_pb2.DataType.values())) | st.sampled_from(
    [types_pb2.DT_FLOAT, types_pb2.DT_STRING, types_pb2.DT_INT32, types_pb2.DT_INT64]
)
_SIZES = st.integers(-1, 4) | st.integers(0, 2**20) | INT64
_VALUES = {
    "float_val": st.floats(width=32),
    "double_val": st.floats(),
    "int_val": INT32,
    "int64_val": INT64,
    "bool_val": st.booleans(),
    "string_val": st.binary(max_size=20),
    "half_val": INT32,
    "uint32_val": st.integers(0, 2**32 - 1),
    "uint64_val": st.integers(0, 2**64 - 1),
}


@st.composite
def tensors(draw: st.DrawFn) -> tensor_pb2.TensorProto:
    """Any TensorProto: types that no array has, shapes that nothing fits, values of several types."""
    tensor = tensor_pb2.TensorProto(dtype=draw(_DTYPES))
    tensor.tensor_shape.unknown_rank = draw(st.sampled_from([False] * 9 + [True]))
    for size in draw(st.lists(_SIZES, max_size=4) | st.lists(st.just(1), max_size=300)):
        tensor.tensor_shape.dim.add(size=size)
    for field in draw(st.lists(st.sampled_from(sorted(_VALUES)), max_size=2)):
        getattr(tensor, field).extend(draw(st.lists(_VALUES[field], max_size=5)))
    tensor.tensor_content = draw(st.just(b"") | st.binary(max_size=64))
    return tensor


def predict_requests() -> SearchStrategy[predict_pb2.PredictRequest]:
    """Any PredictRequest; most of them name the model, a signature and inputs that exist."""
    return st.builds(
        _request,
        st.sampled_from(["toy"] * 8 + ["no", ""]) | st.text(max_size=20),
        st.sampled_from(SIGNATURES) | st.text(max_size=20),
        st.none() | st.integers(0, 3) | INT64 | st.text(max_size=5),
        st.dictionaries(st.sampled_from(ALIASES) | st.text(max_size=8), tensors(), max_size=7),
        st.lists(st.sampled_from(OUTPUTS) | st.text(max_size=5), max_size=2),
    )


def valid_request() -> predict_pb2.PredictRequest:
    """A request that has an answer, to be cut and changed."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "toy"
    request.inputs["x"].dtype = types_pb2.DT_FLOAT
    request.inputs["x"].tensor_shape.dim.add(size=8)
    request.inputs["x"].tensor_content = np.arange(8, dtype=np.float32).tobytes()
    return request


@st.composite
def damaged(draw: st.DrawFn, message: bytes) -> bytes:
    """A message cut off, with bytes changed, or with others behind."""
    kept = bytearray(message[: draw(st.integers(0, len(message)))])
    for _ in range(draw(st.integers(0, 4))):
        if kept:
            kept[draw(st.integers(0, len(kept) - 1))] = draw(st.integers(0, 255))
    return bytes(kept) + draw(st.binary(max_size=32))


def json_values() -> SearchStrategy[object]:
    """Any value of JSON, numbers that JSON does not have among them."""
    # JSON can name halves of surrogate pairs too.
    texts = st.text(max_size=10) | st.sampled_from(["\ud800", "a\udcff", "\x00"])
    leaves = st.none() | st.booleans() | st.floats() | INT64 | st.integers() | texts
    return st.recursive(
        leaves | st.fixed_dictionaries({"b64": st.text(max_size=8)}),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=12,
    )


def json_bodies() -> SearchStrategy[object]:
    """Bodies that look like predictions, or like nothing."""
    named = st.dictionaries(st.sampled_from(ALIASES), json_values(), max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "signature_name": st.sampled_from(SIGNATURES) | json_values(),
            "instances": st.lists(named | json_values(), max_size=4) | json_values(),
            "inputs": named | json_values(),
        },
    )


def _request(
    model: str,
    signature: str,
    version: int | str | None,
    inputs: dict[str, tensor_pb2.TensorProto],
    outputs: list[str],
) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest(output_filter=outputs)
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if isinstance(version, int):
        request.model_spec.version.value = version
    elif version is not None:
        request.model_spec.version_label = version
    for name, tensor in inputs.items():
        request.inputs[name].CopyFrom(tensor)
    return request
