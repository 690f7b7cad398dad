"""The Tuner finds hyperparameters of a real model, and the Trainer's fit takes them."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tfx.dsl.components.base import base_executor
from tfx.types import Channel, artifact_utils, standard_artifacts
from tfx.utils import proto_utils

from components.recommender_tuner.component import RecommenderTuner
from components.recommender_tuner.executor import RecommenderTunerExecutor, TuningError
from contracts import artifacts
from tests.transform_run import run_transform
from tests.unit.trainer_module.tiny_world import MOVIES, RATINGS, write
from trainer_module.ranking.run_fn import run_fn

pytestmark = pytest.mark.slow

RANKING = "trainer_module.tuning.ranking.tuner_fn"
CONFIG = {
    "hyperparameters": {"validation_share": 0.4, "embedding_dim": 4, "epochs": 9},
    "seed": 1,
    "history_length": 2,
    "code_fingerprint": "",
    "trials": 2,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What a Tuner reads, of the tiny world."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "transform").mkdir()
    transformed = run_transform(folder / "transform", RATINGS)
    graph, examples, movies = (
        standard_artifacts.TransformGraph(),
        standard_artifacts.Examples(),
        standard_artifacts.Examples(),
    )
    graph.uri, examples.uri, movies.uri = transformed.path, str(folder / "examples"), str(folder / "movies")
    for artifact, split in ((examples, "train"), (movies, "all")):
        artifact.split_names = artifact_utils.encode_split_names([split])
        (Path(artifact.uri) / f"Split-{split}").mkdir(parents=True)
    for number, file in enumerate(Path(transformed.files).parent.glob("transformed*")):
        file.rename(Path(examples.uri) / "Split-train" / f"data-{number}.gz")
    write(Path(movies.uri) / "Split-all" / "data-0.gz", MOVIES)
    return {"examples": [examples], "movies": [movies], "transform_graph": [graph]}


def run(folder: Path, world: dict[str, list[Any]], **config: Any) -> tuple[Any, Path]:
    """Runs the executor as TFX does; returns the best hyperparameters and the folder of the trials."""
    component = RecommenderTuner(
        examples=Channel(type=standard_artifacts.Examples),
        movies=Channel(type=standard_artifacts.Examples),
        transform_graph=Channel(type=standard_artifacts.TransformGraph),
        tuner_fn=RANKING,
        custom_config={**CONFIG, "search_dir": str(folder / "tuning"), **config},
    )
    best, results = standard_artifacts.HyperParameters(), standard_artifacts.TunerResults()
    best.uri, results.uri = str(folder / "best"), str(folder / "results")
    properties = {
        key: proto_utils.proto_to_json(value) if hasattr(value, "DESCRIPTOR") else value
        for key, value in component.spec.exec_properties.items()
    }
    # The eval split of the Examples is not there: a search does without it.
    world["examples"][0].split_names = artifact_utils.encode_split_names(["train", "eval"])
    context = base_executor.BaseExecutor.Context(tmp_dir=str(folder / "tmp"), unique_id="1")
    RecommenderTunerExecutor(context).Do(
        world, {"best_hyperparameters": [best], "tuner_results": [results]}, properties
    )
    return best, Path(results.uri)


@pytest.mark.slow
def test_what_the_tuner_finds_is_what_the_trainer_fits_with(
    tmp_path: Path, world: dict[str, list[Any]]
) -> None:
    best, results = run(tmp_path, world)
    found = json.loads((Path(best.uri) / "best_hyperparameters.txt").read_text())
    trials = json.loads((results / "tuner_results.json").read_text())
    assert len(trials) == 2
    assert trials[0]["score"] <= trials[1]["score"]
    assert found["values"] == {
        name: value for name, value in trials[0].items() if name not in ("trial_id", "score")
    }
    assert best.get_string_custom_property("summary").startswith(
        f"best val_rmse {trials[0]['score']:.4f} in "
    )
    assert best.get_string_custom_property("summary").endswith(" of 2")

    files = str(Path(world["examples"][0].uri) / "Split-train" / "*")
    run_fn(
        SimpleNamespace(
            train_files=[files],
            eval_files=[files],
            movie_files=[str(Path(world["movies"][0].uri) / "Split-all" / "*")],
            transform_graph_path=world["transform_graph"][0].uri,
            serving_model_dir=str(tmp_path / "model"),
            model_run_dir=str(tmp_path / "run"),
            hyperparameters=found,
            custom_config=CONFIG,
        )
    )
    fitted = json.loads((tmp_path / "run" / artifacts.FIT_FILE).read_text())["hyperparameters"]
    assert fitted["learning_rate"] == found["values"]["learning_rate"]
    assert fitted["hidden_units"] == json.loads(found["values"]["hidden_units"])
    # How long to fit is the Trainer's business.
    assert fitted["epochs"] == 9


def test_a_search_without_one_good_trial_fails_with_the_reason(
    tmp_path: Path, world: dict[str, list[Any]]
) -> None:
    with pytest.raises(TuningError, match=r"none of 1 trials has ended well: .*the val_rmse became inf"):
        run(
            tmp_path,
            world,
            trials=1,
            hyperparameters={**CONFIG["hyperparameters"], "learning_rate": 1e38},  # type: ignore[dict-item]
        )
    assert not (tmp_path / "best").exists()
