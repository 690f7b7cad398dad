"""The documented examples of TensorFlow Serving: half_plus_two and half_plus_three.

Source: https://www.tensorflow.org/tfx/serving/api_rest and https://www.tensorflow.org/tfx/serving/docker
"""

from collections.abc import Iterator

import pytest
import tensorflow as tf

from tests.contract.model_server.half_plus import save_half_plus
from tests.contract.model_server.servers import Server, predict_request, running

pytestmark = pytest.mark.slow
ANSWERS = {"half_plus_two": [2.5, 3.0, 4.5], "half_plus_three": [3.5, 4.0, 5.5]}


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("half_plus")
    listed = ""
    for name, addend in (("half_plus_two", 2.0), ("half_plus_three", 3.0)):
        save_half_plus(folder / name / "123", addend)
        listed += f'config {{ name: "{name}" base_path: "{folder}/{name}" model_platform: "tensorflow" }}\n'
    (folder / "models.config").write_text(f"model_config_list {{ {listed} }}")
    with running(folder, [f"--model_config_file={folder}/models.config"]) as server:
        yield server


@pytest.mark.parametrize("model", ANSWERS)
def test_scalars_over_rest(documented: Server, model: str) -> None:
    path = f"/v1/models/{model}:predict"
    assert documented.post(path, {"instances": [1.0, 2.0, 5.0]}).json() == {"predictions": ANSWERS[model]}
    assert documented.post(path, {"inputs": [1.0, 2.0, 5.0]}).json() == {"outputs": ANSWERS[model]}


@pytest.mark.parametrize("model", ANSWERS)
def test_rows_of_the_declared_shape_over_rest(documented: Server, model: str) -> None:
    rows = [{"x": [1.0]}, {"x": [2.0]}, {"x": [5.0]}]
    answer = documented.post(f"/v1/models/{model}:predict", {"instances": rows}).json()
    assert answer == {"predictions": [[value] for value in ANSWERS[model]]}


@pytest.mark.parametrize("model", ANSWERS)
def test_scalars_over_grpc(documented: Server, model: str) -> None:
    answer = documented.prediction.Predict(predict_request(model, x=[1.0, 2.0, 5.0]))
    assert tf.make_ndarray(answer.outputs["y"]).tolist() == ANSWERS[model]
    assert answer.model_spec.version.value == 123
