"""`python -m pipeline preset`: what a search found becomes a preset with its origin."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.commands.preset import PresetError, keep
from pipeline.config import PipelineConfig, load_config
from reports.reading.run_data import ABOUT
from tests.unit.reports.recorded_run import FAILED, RecordedRuns

RUN = "2026-01-31T12:00:00"


def record(output: Path, overrides: list[str], *, ended: bool = True, **found: dict[str, Any]) -> None:
    """A run over ml-100k whose Tuners found some values, by model."""
    runs = RecordedRuns(output)
    runs.node(RUN, "RatingsGen", input_base="/data/ml-100k")
    for model, values in found.items():
        node_id = f"{model.capitalize()}Tuner"
        best = runs.artifact(
            "HyperParameters",
            node_id,
            "best_hyperparameters",
            summary="best val_rmse 0.9123 in trial 3 of 20",
        )
        (Path(best.uri) / "best_hyperparameters.txt").write_text(json.dumps({"space": [], "values": values}))
        runs.node(RUN, node_id, outputs={"best_hyperparameters": best})
    if not ended:
        return
    config = load_config(None, ["data_dir=/data/ml-100k", *overrides]).model_dump(mode="json")
    runs.node(RUN, "ReportGen", **{ABOUT: json.dumps({"config": config, "nodes": []})})


FOUND = {"learning_rate": 0.00123456789, "batch_size": 256, "hidden_units": "[128, 64]"}
TUNED = [
    "tuning.models=[ranking]",
    "data.split=random",
    "ranking.structure=dnn",
    "retrieval.epochs=3",
    "tuning.trials=30",
]


def test_what_was_found_and_configured_is_kept_with_what_made_it(tmp_path: Path) -> None:
    record(tmp_path / "runs", TUNED, ranking=FOUND)
    file = keep(str(tmp_path / "runs"), "latest", "mine", tmp_path / "presets")
    assert file == tmp_path / "presets" / "mine.yaml"
    assert file.read_text() == (
        "# Best val_rmse 0.9123 in trial 3 of 20 trials, on validation examples cut from the train split.\n"
        "# Data: ml-100k, split random. Found by the Tuner of ranking on 2026-01-31:\n"
        "#   python local_runner.py --data-dir ml-100k --split random --set ranking.structure=dnn "
        "--tune ranking \\\n"
        "#     --set tuning.trials=30\n"
        "ranking:\n"
        "  structure: dnn\n"
        "  learning_rate: 0.001235\n"
        "  batch_size: 256\n"
        "  hidden_units: [128, 64]\n"
    )
    ranking = load_config(file).ranking
    assert (ranking.structure, ranking.hidden_units) == ("dnn", (128, 64))
    assert ranking.epochs == PipelineConfig().ranking.epochs


def test_the_defaults_of_the_split_are_kept_and_are_not_in_the_command(tmp_path: Path) -> None:
    overrides = ["tuning.models=[retrieval]", "data.split=random", "retrieval.towers=1"]
    record(tmp_path / "runs", overrides, retrieval={"dropout": 0.125})
    file = keep(str(tmp_path / "runs"), "latest", "mine", tmp_path / "presets")
    command = "--data-dir ml-100k --split random --set retrieval.towers=1 --tune retrieval\n"
    assert command in file.read_text()
    configured = load_config(None, overrides).retrieval
    assert load_config(file).retrieval == configured.model_copy(update={"dropout": 0.125})


def test_the_head_and_sections_of_other_models_stay_as_they_are(tmp_path: Path) -> None:
    presets = tmp_path / "presets"
    presets.mkdir()
    by_hand = (
        "# For everybody.\n\n"
        "# By hand,\n# twice.\nretrieval:\n  # Wide.\n  embedding_dim: 128\n\n  dropout: 0.5\n"
    )
    (presets / "mine.yaml").write_text(f"{by_hand}\n# Old.\nranking:\n  epochs: 2\n")
    (presets / "head.yaml").write_text("# For nobody yet.\n\n")
    record(tmp_path / "runs", TUNED, ranking=FOUND)
    with pytest.raises(PresetError, match=r"mine\.yaml has ranking already; --yes replaces it"):
        keep(str(tmp_path / "runs"), "latest", "mine", presets)
    text = keep(str(tmp_path / "runs"), "latest", "mine", presets, overwrite=True).read_text()
    assert text.startswith(by_hand)
    assert "Old" not in text
    settings = yaml.safe_load(text)
    assert settings["retrieval"] == {"embedding_dim": 128, "dropout": 0.5}
    assert settings["ranking"]["batch_size"] == 256
    assert (
        keep(str(tmp_path / "runs"), "latest", "head", presets)
        .read_text()
        .startswith("# For nobody yet.\n\n# Best")
    )


def test_a_run_without_a_tuner_is_no_preset(tmp_path: Path) -> None:
    record(tmp_path / "runs", [])
    with pytest.raises(PresetError, match=f"no Tuner ended well in run {RUN} .* --tune"):
        keep(str(tmp_path / "runs"), "latest", "mine", tmp_path / "presets")
    with pytest.raises(PresetError, match="no run has written to"):
        keep(str(tmp_path / "nothing"), "latest", "mine", tmp_path / "presets")
    assert not (tmp_path / "presets").exists()


def test_a_run_that_has_not_ended_is_refused(tmp_path: Path) -> None:
    record(tmp_path / "runs", TUNED, ended=False, ranking=FOUND)
    with pytest.raises(PresetError, match=f"run {RUN} has not come to its end"):
        keep(str(tmp_path / "runs"), "latest", "mine", tmp_path / "presets")
    assert not (tmp_path / "presets").exists()


def test_a_tuner_that_failed_has_found_nothing(tmp_path: Path) -> None:
    record(tmp_path / "runs", [])
    RecordedRuns(tmp_path / "runs").node(RUN, "RankingTuner", FAILED, error="none of 3 trials ended well")
    with pytest.raises(PresetError, match="no Tuner ended well"):
        keep(str(tmp_path / "runs"), "latest", "mine", tmp_path / "presets")


@pytest.mark.parametrize("name", ["../best", "Best", "", "a b"])
def test_a_name_is_one_of_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(PresetError, match="is not a name of a preset"):
        keep(str(tmp_path), "latest", name, tmp_path)
