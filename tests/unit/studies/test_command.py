"""The command line: what it requires, and how it refuses."""

import argparse
from pathlib import Path

import pytest

from pipeline.config import load_config, preset_names
from studies import dcn, leaderboard, multitask
from studies.__main__ import main
from studies.cells import Cell
from studies.child import StudyError, run_child
from studies.tasks import JOINT, RANKING, RETRIEVAL
from trainer_module.common.hyperparameters import with_values


def cells(study: object, *arguments: str) -> list[Cell]:
    parser = argparse.ArgumentParser()
    study.add_arguments(parser)  # type: ignore[attr-defined]
    return study.cells(parser.parse_args(arguments))  # type: ignore[attr-defined]


def test_leaderboard_has_every_baseline_and_the_default_of_both_models() -> None:
    found = {cell.model for cell in cells(leaderboard, "--splits", "temporal")}

    assert {
        *("popularity", "popularity, 30 days", "item-kNN", "EASE", "iALS"),
        *("biases", "SVD", "SVD++", "our retrieval, default", "our ranking, default"),
    } <= found


def test_seeds_multiply_what_chooses_at_random_alone() -> None:
    found = cells(leaderboard, "--splits", "random", "--seeds", "1", "2", "--models", "EASE", "iALS")

    assert [(cell.model, cell.seed) for cell in found] == [("EASE", 1), ("iALS", 1), ("iALS", 2)]


def test_the_default_is_that_of_the_split() -> None:
    found = cells(leaderboard, "--splits", "random", "temporal", "--models", "our retrieval, default")

    assert [(cell.split, cell.settings) for cell in found] == [
        (split, load_config(None, [f"data.split={split}"]).retrieval.model_dump(mode="json"))
        for split in ("random", "temporal")
    ]
    assert found[0].settings != found[1].settings


def test_dcn_varies_the_structure_and_the_rank_alone() -> None:
    found = cells(dcn, "--seeds", "1", "--ranks", "8", "--set", "epochs=3")
    settings = {cell.model: dict(cell.settings or {}) for cell in found}

    assert settings["low rank, 8"] == {**settings["low rank, a quarter"], "projection_dim": 8}
    assert {values["structure"] for values in settings.values()} == {"stacked", "parallel", "low_rank", "dnn"}
    assert {values["epochs"] for values in settings.values()} == {3}


def test_multitask_has_every_joint_preset_and_the_default_and_the_best_of_each_task_on_its_own() -> None:
    found = cells(multitask, "--seeds", "1", "2", "--split", "temporal")
    tasks = {cell.model: cell.task for cell in found}
    presets = [name for name in preset_names() if load_config(preset=name).model == JOINT]

    assert {f"our joint, {name}" for name in presets} <= {name for name in tasks if tasks[name] == JOINT}
    assert {name: task for name, task in tasks.items() if task != JOINT} == {
        "our retrieval, default": RETRIEVAL,
        "our retrieval, best_random": RETRIEVAL,
        "our ranking, default": RANKING,
        "our ranking, best_single": RANKING,
    }
    assert {(cell.model, cell.seed) for cell in found} == {(name, seed) for name in tasks for seed in (1, 2)}
    assert {cell.split for cell in found} == {"temporal"}


def test_towers_are_made_to_collapse_by_settings_alone() -> None:
    settings = {cell.model: cell.settings for cell in cells(multitask)}
    preset, tried = (settings[f"our joint, study_joint{more}"] for more in ("", ", learning rate 0.4"))

    assert preset is not None
    assert tried == with_values(preset, {"ranking.learning_rate": 0.4})


def test_leaderboard_has_the_joint_models_too() -> None:
    found = cells(leaderboard, "--splits", "random", "--tasks", JOINT)

    assert {cell.task for cell in found} == {JOINT}
    assert "our joint, study_joint" in {cell.model for cell in found}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["leaderboard", "--data-dir", "{tmp}/absent"], "absent, named by --data-dir, does not exist"),
        (["leaderboard", "--data-dir", "{tmp}/data", "--models", "EAES"], "there is no row 'EAES'"),
        (["dcn", "--data-dir", "{tmp}/data", "--set", "epoch=1"], "did you mean ranking.epochs?"),
        (["dcn", "--data-dir", "{tmp}/data", "--output", "{tmp}/file/x"], "Not a directory; name another"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "data").mkdir()
    for name in ("u.data", "u.item", "u.user"):
        (tmp_path / "data" / name).write_text("1\n")

    given = [argument.format(tmp=tmp_path) for argument in arguments]

    assert main(given if "--output" in given else [*given, f"--output={tmp_path}/work"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_a_child_that_dies_names_its_log(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=rf"ended with status 1; log: {tmp_path}/log\.txt"):
        run_child("studies.absent", {}, tmp_path / "log.txt", print)


def test_a_child_that_fails_gives_the_reason(tmp_path: Path) -> None:
    task = {
        "cell": {"split": "random", "model": "no such baseline", "task": "ranking", "seed": 1},
        "split": {},
    }

    with pytest.raises(StudyError, match="log: "):
        run_child("studies.cell_worker", task, tmp_path / "log.txt", print)
    assert "Traceback" in (tmp_path / "log.txt").read_text()
