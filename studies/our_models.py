"""The settings of our own models that a study measures: the defaults and the shipped presets."""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.config import PipelineConfig, load_config, preset_names
from studies.cells import Cell
from studies.data.splits import SPLITS
from studies.tasks import JOINT, RANKING, RETRIEVAL, Task

DEFAULT: Final = "default"


def configurations(split: str) -> dict[str, PipelineConfig]:
    """The default configuration of a split, a key of `SPLITS`, and every preset, by name."""
    rule = [f"data.split={SPLITS[split].split}"]
    presets = {name: load_config(None, rule, name) for name in preset_names()}
    return {DEFAULT: load_config(None, rule), **presets}


def distinct_models(
    configs: Mapping[str, PipelineConfig],
) -> list[tuple[str, Task, dict[str, Any]]]:
    """(name, task, hyperparameters) of each model; a preset that leaves one as it is adds nothing.

    A joint model is only that of a configuration that trains one.
    """
    found: list[tuple[str, Task, dict[str, Any]]] = []
    tasks: tuple[Task, ...] = (RETRIEVAL, RANKING, JOINT)
    for task in tasks:
        seen: list[dict[str, Any]] = []
        for name, config in configs.items():
            if task == JOINT and config.model != JOINT:
                continue
            settings = config.hyperparameters(task).model_dump(mode="json")
            if settings not in seen:
                seen.append(settings)
                found.append((f"our {task}, {name}", task, settings))
    return found


def cells_of(
    models: list[tuple[str, Task, dict[str, Any]]], splits: list[str], seeds: list[int]
) -> list[Cell]:
    """A cell for each model, split and seed."""
    return [
        Cell(split, name, task, seed, settings)
        for name, task, settings in models
        for split in splits
        for seed in seeds
    ]
