"""The trainer hands over the catalogue beside what the stock Trainer hands over."""

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.dsl.components.base import base_executor
from tfx.types import Artifact, Channel, artifact_utils, standard_artifacts
from tfx.utils import path_utils, proto_utils

from components.recommender_trainer.component import RecommenderTrainer
from components.recommender_trainer.executor import RecommenderTrainerExecutor
from tests.unit.components.recommender_trainer.recording_run_fn import ARGUMENTS

RECORDING = "tests.unit.components.recommender_trainer.recording_run_fn.run_fn"
SILENT = "tests.unit.components.recommender_trainer.recording_run_fn.silent_run_fn"
CONFIG = {"seed": 7, "hyperparameters": {"epochs": 3, "hidden_units": [64, 32]}}


def examples(folder: Path, name: str, splits: list[str]) -> standard_artifacts.Examples:
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder / name)
    artifact.split_names = artifact_utils.encode_split_names(splits)
    for split in splits:
        (folder / name / f"Split-{split}").mkdir(parents=True)
        (folder / name / f"Split-{split}" / "data-0.gz").touch()
    return artifact


def trainer(run_fn: str = RECORDING, **more: Any) -> RecommenderTrainer:
    return RecommenderTrainer(
        examples=Channel(type=standard_artifacts.Examples),
        movies=Channel(type=standard_artifacts.Examples),
        transform_graph=Channel(type=standard_artifacts.TransformGraph),
        run_fn=run_fn,
        custom_config=CONFIG,
        **more,
    )


def run(
    folder: Path, component: RecommenderTrainer, movie_splits: list[str], **more: list[Artifact]
) -> dict[str, Any]:
    """Runs the executor as TFX does, and returns the arguments of the `run_fn`."""
    graph, model, model_run = (
        standard_artifacts.TransformGraph(),
        standard_artifacts.Model(),
        standard_artifacts.ModelRun(),
    )
    for artifact, name in ((graph, "graph"), (model, "model"), (model_run, "run")):
        artifact.uri = str(folder / name)
    inputs: dict[str, list[Artifact]] = {
        "examples": [examples(folder, "examples", ["train", "eval"])],
        "movies": [examples(folder, "movies", movie_splits)],
        "transform_graph": [graph],
        **more,
    }
    properties = {
        key: proto_utils.proto_to_json(value) if hasattr(value, "DESCRIPTOR") else value
        for key, value in component.spec.exec_properties.items()
    }
    context = base_executor.BaseExecutor.Context(tmp_dir=str(folder / "tmp"), unique_id="1")
    RecommenderTrainerExecutor(context).Do(inputs, {"model": [model], "model_run": [model_run]}, properties)
    arguments: dict[str, Any] = json.loads(
        (Path(path_utils.serving_model_dir(model.uri)) / ARGUMENTS).read_text()
    )
    return arguments


def found(folder: Path, patterns: list[str]) -> list[str]:
    """Files that the patterns match, relative to the folder."""
    return sorted(
        str(Path(file).relative_to(folder)) for pattern in patterns for file in tf.io.gfile.glob(pattern)
    )


def test_the_run_fn_gets_ratings_by_split_and_the_whole_catalogue(tmp_path: Path) -> None:
    arguments = run(tmp_path, trainer(), ["all", "more"])
    assert found(tmp_path, arguments["train_files"]) == ["examples/Split-train/data-0.gz"]
    assert found(tmp_path, arguments["eval_files"]) == ["examples/Split-eval/data-0.gz"]
    assert found(tmp_path, arguments["movie_files"]) == [
        "movies/Split-all/data-0.gz",
        "movies/Split-more/data-0.gz",
    ]
    assert arguments["transform_graph_path"] == str(tmp_path / "graph")
    assert arguments["model_run_dir"] == str(tmp_path / "run")


def test_the_custom_config_arrives_as_it_was(tmp_path: Path) -> None:
    arguments = run(tmp_path, trainer(), ["all"])
    assert arguments["custom_config"] == CONFIG
    assert arguments["hyperparameters"] is None


def test_a_tuner_s_hyperparameters_arrive(tmp_path: Path) -> None:
    best = standard_artifacts.HyperParameters()
    best.uri = str(tmp_path / "best")
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "best_hyperparameters.txt").write_text(json.dumps({"values": {"epochs": 9}}))
    component = trainer(hyperparameters=Channel(type=standard_artifacts.HyperParameters))
    arguments = run(tmp_path, component, ["all"], hyperparameters=[best])
    assert arguments["hyperparameters"] == {"values": {"epochs": 9}}


def test_a_run_fn_that_writes_no_model_fails_the_node(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="failed to generate model"):
        run(tmp_path, trainer(SILENT), ["all"])


def test_the_catalogue_is_an_input_with_lineage() -> None:
    component = trainer()
    assert set(component.inputs) == {"examples", "movies", "transform_graph"}
    assert component.inputs["movies"].type is standard_artifacts.Examples
    assert set(component.outputs) == {"model", "model_run"}


def test_another_config_is_another_cache_key() -> None:
    def key(**config: Any) -> dict[str, Any]:
        component = RecommenderTrainer(
            examples=Channel(type=standard_artifacts.Examples),
            movies=Channel(type=standard_artifacts.Examples),
            transform_graph=Channel(type=standard_artifacts.TransformGraph),
            run_fn=RECORDING,
            custom_config={**CONFIG, **config},
        )
        return dict(component.spec.exec_properties)

    assert key() == key()
    assert key() != key(seed=8)
    assert key() != key(code_fingerprint="edited")
