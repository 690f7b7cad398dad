"""The pushed models behind a server: what the Evaluator measured is what clients get."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf

from contracts.signatures import MAX_ROWS
from tests.contract.model_server.servers import Server, predict_request, running
from tests.contract.served_models import ServedModels
from tests.pipeline_run import MODELS, PipelineRun

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pushed(sample_run: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("pushed")
    listed = "".join(
        f'config {{ name: "{name}" base_path: "{path.parent}" model_platform: "tensorflow" }}\n'
        for name, path in ((name, sample_run.model(name)) for name in MODELS)
    )
    (folder / "models.config").write_text(f"model_config_list {{ {listed} }}")
    with running(folder, [f"--model_config_file={folder}/models.config"]) as server:
        yield server


@pytest.fixture(scope="module")
def eval_examples(sample_run: PipelineRun) -> np.ndarray:
    """The serialized Examples that the Evaluator saw."""
    [split] = (sample_run.output / "artifacts" / "RatingsGen" / "examples").glob("*/Split-eval")
    files = [str(path) for path in split.iterdir()]
    return np.array(list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()), object)


def _outputs(server: Server, model: str, signature: str, **inputs: object) -> dict[str, np.ndarray]:
    answer = server.prediction.Predict(predict_request(model, signature, **inputs))
    return {name: tf.make_ndarray(tensor) for name, tensor in answer.outputs.items()}


def test_ratings_over_grpc_are_those_of_the_evaluator(
    pushed: Server, served: ServedModels, sample_run: PipelineRun, eval_examples: np.ndarray
) -> None:
    batches = np.split(eval_examples, range(MAX_ROWS, len(eval_examples), MAX_ROWS))
    over_grpc, evaluated = (
        np.concatenate([answers(some)["user_rating"] for some in batches])
        for answers in (
            lambda some: _outputs(pushed, "ranking", "serving_default", examples=some),
            lambda some: served.call("ranking", "evaluate", examples=some),
        )
    )
    np.testing.assert_allclose(over_grpc, evaluated, rtol=0, atol=1e-5)

    stars = [
        tf.train.Example.FromString(serialized).features.feature["user_rating"].float_list.value[0]
        for serialized in eval_examples
    ]
    rmse = float(np.sqrt(np.mean((over_grpc - np.array(stars)) ** 2)))
    shown = re.match(r"rmse (\d*\.\d+) ", sample_run.summaries["RankingEvaluator"])
    assert shown, sample_run.summaries["RankingEvaluator"]
    assert rmse == pytest.approx(float(shown[1]), abs=10 ** -len(shown[1].partition(".")[2]))


def test_both_protocols_agree_with_the_model_itself(pushed: Server, served: ServedModels) -> None:
    users = ["1", "2", "nobody"]
    itself = served.call("retrieval", "recommend", user_id=users, exclude_movie_ids=[[""]] * 3, k=5)
    over_grpc = _outputs(
        pushed, "retrieval", "recommend", user_id=users, exclude_movie_ids=[[""]] * 3, k=np.int32(5)
    )
    body = {
        "signature_name": "recommend",
        "inputs": {"user_id": users, "exclude_movie_ids": [[""]] * 3, "k": 5},
    }
    over_rest = pushed.post("/v1/models/retrieval:predict", body).json()["outputs"]
    assert set(over_grpc) == set(over_rest) == set(itself)
    for name in ("movie_id", "movie_title"):
        texts = [[each.decode() for each in row] for row in over_grpc[name]]
        assert texts == over_rest[name] == itself[name].tolist()
    np.testing.assert_allclose(over_grpc["score"], itself["score"], atol=1e-5)
    np.testing.assert_array_equal(np.array(over_rest["score"], np.float32), over_grpc["score"])
    assert over_rest["known_user"] == over_grpc["known_user"].tolist() == [True, True, False]
