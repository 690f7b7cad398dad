"""REST: the two formats, base64, metadata, status, errors, and that it agrees with gRPC."""

import base64
import gzip
import math

import numpy as np
import pytest
import requests
import tensorflow as tf

from tests.contract.model_server.servers import PATIENCE, Server, predict_request

pytestmark = pytest.mark.slow
PREDICT = "/v1/models/toy:predict"


def _predict(server: Server, body: object, path: str = PREDICT) -> object:
    answer = server.post(path, body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


def _error(answer: requests.Response) -> tuple[int, str]:
    body = answer.json()
    assert list(body) == ["error"]
    return answer.status_code, body["error"]


def test_rows_of_a_single_input_and_output_have_no_names(server: Server) -> None:
    assert _predict(server, {"instances": [2.0, 4, -1e3]}) == {"predictions": [3.0, 4.0, -498.0]}
    assert _predict(server, {"instances": [{"x": 2.0}]}) == {"predictions": [3.0]}


def test_columns_of_a_single_input_and_output_have_no_names(server: Server) -> None:
    assert _predict(server, {"inputs": [2.0, 4.0]}) == {"outputs": [3.0, 4.0]}
    assert _predict(server, {"inputs": {"x": [2.0]}}) == {"outputs": [3.0]}


def test_rows_with_names(server: Server) -> None:
    rows = [{"word": "añ", "times": 3}, {"word": {"b64": base64.b64encode(b"abc").decode()}, "times": -1}]
    assert _predict(server, {"signature_name": "words", "instances": rows}) == {
        "predictions": [
            {"word": "añ", "length": 3, "total": 9, "raw_bytes": {"b64": "YcOx"}},
            {"word": "abc", "length": 3, "total": -3, "raw_bytes": {"b64": "YWJj"}},
        ]
    }


def test_columns_with_names_and_a_scalar(server: Server) -> None:
    body = {"signature_name": "scaled", "inputs": {"x": [1.5, 2.0], "k": 2}}
    assert _predict(server, body) == {"outputs": [3.0, 4.0]}


def test_decimals_have_a_point_and_the_digits_that_they_need(server: Server) -> None:
    text = server.post(PREDICT, {"instances": [2.0, 0.2, 8388607, 2e20]}).text
    assert "[3.0, 2.1, 4194305.5, 1e+20" in text


def test_numbers_that_json_does_not_have(server: Server) -> None:
    answer = requests.post(
        server.url(PREDICT), data='{"inputs": [NaN, Infinity, -Infinity]}', timeout=PATIENCE
    )
    first, *others = answer.json()["outputs"]
    assert math.isnan(first)
    assert others == [math.inf, -math.inf]


def test_every_type_agrees_with_grpc(server: Server) -> None:
    rng = np.random.default_rng(7)
    values = {
        "a": rng.normal(size=(3, 4)).astype(np.float32),
        "b": rng.normal(size=(3, 4)) * 1e150,
        "c": rng.integers(-(2**31), 2**31, (3, 4), np.int32),
        "d": rng.integers(-(2**63), 2**63 - 1, (3, 4), np.int64),
        "e": rng.random((3, 4)) < 0.5,
        "f": np.array([[b"a", "ü".encode(), b'"\\\n', b""]] * 3, object),
        "g": rng.integers(0, 255, (3, 4), np.uint8),
    }
    over_grpc = server.prediction.Predict(predict_request(signature="same", **values))
    columns = {
        name: value.tolist() if name != "f" else [[each.decode() for each in row] for row in value]
        for name, value in values.items()
    }
    outputs = _predict(server, {"signature_name": "same", "inputs": columns})["outputs"]
    instances = [{name: column[row] for name, column in columns.items()} for row in range(3)]
    rows = _predict(server, {"signature_name": "same", "instances": instances})["predictions"]
    for name, value in values.items():
        expected = tf.make_ndarray(over_grpc.outputs[name])
        for found in (outputs[name], [row[name] for row in rows]):
            if name == "f":
                found = [[each.encode() for each in row] for row in found]
            np.testing.assert_array_equal(np.array(found, value.dtype), expected)


def test_paths_choose_the_version(server: Server) -> None:
    for path, value in (
        ("/v1/models/toy/versions/1:predict", 2.0),
        ("/v1/models/toy/versions/2:predict", 3.0),
        ("/v1/models/toy/labels/stable:predict", 2.0),
        ("/v1/models/toy/labels/canary:predict", 3.0),
        ("/v1/models/newest:predict", 3.0),
        ("/V1/Models/newest:Predict", 3.0),
    ):
        assert _predict(server, {"instances": [2.0]}, path) == {"predictions": [value]}


def test_status_and_metadata(server: Server) -> None:
    def status(version: int) -> dict[str, object]:
        state = {"version": str(version), "state": "AVAILABLE"}
        return {**state, "status": {"error_code": "OK", "error_message": ""}}

    assert server.get("/v1/models/toy").json() == {"model_version_status": [status(2), status(1)]}
    assert server.get("/v1/models/toy/versions/1").json() == {"model_version_status": [status(1)]}
    metadata = server.get("/v1/models/toy/versions/1/metadata").json()
    assert metadata["model_spec"] == {"name": "toy", "signature_name": "", "version": "1"}
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["x"]["dtype"] == "DT_FLOAT"
    assert signature["inputs"]["x"]["tensor_shape"] == {
        "dim": [{"size": "-1", "name": ""}],
        "unknown_rank": False,
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"instances": [], "inputs": []}, "expecting only one of 'inputs' or 'instances' keys to exist"),
        ({"instances": 1}, "Excepting 'instances' to be an list/array"),
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": ["a"]}, "is not of expected type: float"),
        ({"instances": ["\ud800"]}, "is not of expected type: float"),
        ({"signature_name": "\ud800", "instances": [1.0]}, "'signature_name' key must be"),
        ({"instances": [None]}, "Type: Null is not of expected type: float"),
        ({"instances": [1.0, [1.0]]}, "Expecting"),
        ({"instances": [1.0, {"x": 1.0}]}, "Expecting value/list but got object at item 1 of input list"),
        ({"instances": [{"x": 1.0}, 1.0]}, "Expecting object but got list at item 1 of input list"),
        ({"instances": [{"z": 1.0}]}, "does not have named input: z"),
        ({"instances": [16777217]}, "without loss of precision"),
        ({"inputs": {"z": 1.0}}, "Missing named input: x in 'inputs' object."),
        (
            {"inputs": [[1.0], [1.0, 2.0]]},
            "Encountered list at unexpected size: 2 at level: 1 expected size: 1",
        ),
        ({"inputs": [1.0, [2.0]]}, "Encountered list at unexpected level: 1 expected < 1"),
        ({"signature_name": 7, "inputs": [1.0]}, "'signature_name' key must be a string value."),
        (
            {"signature_name": "no", "inputs": [1.0]},
            'Serving signature name: "no" not found in signature def',
        ),
        (
            {"signature_name": "words", "inputs": ["a"]},
            "inputs is a plain value/list, but expecting an object",
        ),
        (
            {"signature_name": "words", "instances": ["a"]},
            "instances is a plain list, but expecting list of obj",
        ),
        (
            {"signature_name": "words", "instances": [{"word": "a"}]},
            "keys must be equal to: times,word",
        ),
        (
            {"signature_name": "words", "inputs": {"word": [{"b64": "!"}], "times": [1]}},
            "Unable to base64 decode",
        ),
        (
            {"signature_name": "words", "inputs": {"word": [{"b": "!"}], "times": [1]}},
            "not formatted correctly for base64 data",
        ),
        (
            {"signature_name": "words", "inputs": {"word": ["a"], "times": [1.5]}},
            "is not of expected type: int64",
        ),
    ],
)
def test_a_body_that_does_not_fit_is_400(server: Server, body: object, message: str) -> None:
    status, text = _error(server.post(PREDICT, body))
    assert status == 400
    assert message in text


@pytest.mark.parametrize("body", [b"", b"{", b"nothing", b'{"instances": [1.0]', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_400(server: Server, body: bytes) -> None:
    status, text = _error(requests.post(server.url(PREDICT), data=body, timeout=PATIENCE))
    assert status == 400
    assert "JSON Parse error" in text


def test_a_body_that_is_no_object_is_400(server: Server) -> None:
    assert _error(server.post(PREDICT, [1]))[1].endswith("Is not object")


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v1/models/no:predict", 404, "Servable not found for request: Latest(no)"),
        ("/v1/models/toy/versions/9:predict", 404, "Servable not found for request: Specific(toy, 9)"),
        ("/v1/models/toy/labels/x:predict", 400, "Unrecognized servable version label: x"),
        ("/v1/models/toy/versions/99999999999999999999:predict", 400, "Failed to convert version: "),
        (f"/v1/models/toy/versions/{'7' * 5000}:predict", 400, "Failed to convert version: "),
        ("/v1/models/toy:explain", 400, "Malformed request: POST /v1/models/toy:explain"),
        ("/v1/models/toy", 400, "Malformed request: POST /v1/models/toy"),
    ],
)
def test_a_path_that_leads_nowhere(server: Server, path: str, status: int, message: str) -> None:
    found, text = _error(server.post(path, {"instances": [1.0]}))
    assert found == status
    assert text.startswith(message)


def test_status_of_what_is_not_there_is_404(server: Server) -> None:
    assert _error(server.get("/v1/models/no")) == (404, "Could not find any versions of model no")
    assert _error(server.get("/v1/models/toy/versions/7")) == (404, "Could not find version 7 of model toy")
    assert _error(server.get("/v1/models")) == (400, "Missing model name in request.")
    assert server.get("/else").status_code == 404


@pytest.mark.parametrize("method", ["classify", "regress"])
def test_methods_over_examples_are_501(server: Server, own_server_only: None, method: str) -> None:
    status, text = _error(server.post(f"/v1/models/toy:{method}", {"examples": [{"x": 1.0}]}))
    assert status == 501
    assert method.capitalize() in text


def test_a_body_that_is_too_large_is_413(server: Server, own_server_only: None) -> None:
    status, _ = _error(server.post(PREDICT, {"instances": [0.125] * 200_000}))
    assert status == 413


def test_an_error_does_not_repeat_a_large_body(server: Server, own_server_only: None) -> None:
    status, text = _error(server.post(PREDICT, {"instances": {"a": "ö" * 100_000}}))
    assert status == 400
    assert len(text.encode()) < 512
    assert "...TRUNCATED Excepting 'instances'" in text


def test_too_many_rows_are_refused_in_either_format(server: Server, own_server_only: None) -> None:
    refusals = [
        server.post(PREDICT, body) for body in ({"instances": ["a"] * 501}, {"inputs": {"x": ["a"] * 501}})
    ]
    # The values are of the wrong type, which nobody has looked at.
    assert [answer.status_code for answer in refusals] == [429, 429]
    assert "x has 501 rows, more than the limit of 500" in refusals[1].text


def test_a_compressed_body(server: Server) -> None:
    headers = {"Content-Encoding": "gzip"}
    body = gzip.compress(b'{"instances": [2.0]}')
    url = server.url(PREDICT)
    assert requests.post(url, data=body, headers=headers, timeout=PATIENCE).json() == {"predictions": [3.0]}
    assert requests.post(url, data=b"\x1f\x8b" + body, headers=headers, timeout=PATIENCE).status_code == 400


def test_pages_of_other_origins_may_call(server: Server) -> None:
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    preflight = requests.options(server.url(PREDICT), headers=asked, timeout=PATIENCE)
    assert preflight.status_code == 200
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert server.post(PREDICT, {"instances": [2.0]}).headers["Access-Control-Allow-Origin"] == "*"


def test_metrics_are_where_prometheus_looks(server: Server) -> None:
    server.post(PREDICT, {"instances": [1.0]})
    server.post(PREDICT, {"instances": ["a"]})
    answer = server.get("/monitoring/prometheus/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = answer.text.splitlines()
    for status in ("OK", "INVALID_ARGUMENT"):
        found = [
            line
            for line in lines
            if line.startswith(f':tensorflow:serving:request_count{{model_name="toy",status="{status}"}} ')
        ]
        assert len(found) == 1
        assert float(found[0].rsplit(" ")[-1]) >= 1
    assert any(line.startswith(":tensorflow:serving:request_latency_bucket{") for line in lines)
