"""Trains a model of ours through its own `run_fn` and measures what its SavedModel answers."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf

from contracts import artifacts, features, signatures
from studies.accuracies import read
from studies.cells import Outcome
from studies.child import OnProgress
from studies.data.example_arrays import serialized
from studies.data.prepared import PreparedSplit
from studies.data.split_data import SplitData
from studies.joint_scores import catalogue_scores
from studies.scoring import rating_metrics, retrieval_metrics
from studies.tasks import JOINT, RANKING, RETRIEVAL, Task
from trainer_module.common.training_setup import HISTORY_LENGTH, HYPERPARAMETERS, SEED

# Examples that the model gets at a time.
BATCH: Final = 512


@dataclass
class StudyTrainerArgs:
    """What a `run_fn` reads (`common.inputs.TrainerArgs`), without a TFX component around it."""

    train_files: list[str]
    eval_files: list[str]
    movie_files: list[str]
    transform_graph_path: str
    serving_model_dir: str
    model_run_dir: str
    custom_config: dict[str, Any]
    hyperparameters: dict[str, Any] | None = field(default=None)


def train_and_measure(
    task: Task,
    split: PreparedSplit,
    hyperparameters: dict[str, Any],
    seed: int,
    folder: Path,
    on_progress: OnProgress,
) -> Outcome:
    """Fits the model on the train split and measures it on the eval split.

    Args:
      task: names the model, `trainer_module.<task>`.
      split: what it is fitted and measured on.
      hyperparameters: all of them, as plain values.
      seed: of the fit.
      folder: the SavedModel goes to `model/` in it, and what the fit leaves to `run/`.
      on_progress: is called with each line of progress.
    """
    arguments = trainer_arguments(split, hyperparameters, seed, folder)
    model, run = Path(arguments.serving_model_dir), Path(arguments.model_run_dir)
    run.mkdir(parents=True, exist_ok=True)
    run_fn: Callable[[StudyTrainerArgs], None] = import_module(f"trainer_module.{task}.run_fn").run_fn
    logging.getLogger(artifacts.PROGRESS_LOGGER).addHandler(_ProgressHandler(on_progress))
    started = time.monotonic()
    run_fn(arguments)
    fit_seconds = time.monotonic() - started
    on_progress("measuring")
    metrics, per_second = measure(model, task, split)
    checkpoint = tf.train.latest_checkpoint(str(run / "checkpoints"))
    if task == JOINT:
        data = SplitData.read(Path(split.arrays))
        scores = catalogue_scores(arguments, checkpoint, data)
        metrics |= read(scores, data.evaluation, seed).metrics()
    return Outcome(
        metrics,
        fit_seconds=fit_seconds,
        per_second=per_second,
        weights=_weights(checkpoint),
        settings=hyperparameters,
    )


def trainer_arguments(
    split: PreparedSplit, hyperparameters: dict[str, Any], seed: int, folder: Path
) -> StudyTrainerArgs:
    """What the `run_fn` of a model is called with; see `train_and_measure`."""
    return StudyTrainerArgs(
        [split.train],
        [split.evaluation],
        [split.movies],
        split.transform_graph,
        str(folder / "model"),
        str(folder / "run"),
        {HYPERPARAMETERS: hyperparameters, SEED: seed, HISTORY_LENGTH: split.history_length},
    )


def measure(model: Path, task: Task, split: PreparedSplit) -> tuple[dict[str, float], float]:
    """Calls the signature that the Evaluator calls, over the same Examples.

    Returns:
      The metrics by name, and how many users got a list, or how many ratings were predicted, in a second; a
      joint model predicts them and gives a list with each.
    """
    loaded = tf.saved_model.load(str(model))
    evaluate = loaded.signatures[signatures.EVALUATE]
    data = SplitData.read(Path(split.arrays))
    examples = np.array(list(serialized(split.raw_eval).as_numpy_iterator()), np.object_)
    metrics: dict[str, float] = {}
    if task != RANKING:
        # The list is that of the user, whatever the row, so each is requested once.
        _, first = np.unique(data.evaluation.user, return_index=True)
        lists, per_second = _answers(evaluate, examples[first], features.MOVIE_ID)
        metrics |= retrieval_metrics(data, [ranked.tolist() for ranked in lists])
    if task != RETRIEVAL:
        predicted, per_second = _answers(evaluate, examples, features.USER_RATING)
        metrics |= rating_metrics(predicted.astype(np.float64), data.evaluation.rating)
    return metrics, per_second


def _answers(signature: Any, examples: Any, output: str) -> tuple[Any, float]:
    """An output for all `examples`, and how many of them were answered in a second."""

    def call(batch: Any) -> Any:
        return signature(**{signatures.EXAMPLES: tf.constant(batch)})[output].numpy()

    call(examples[:BATCH])  # The first call makes the graph ready.
    started = time.monotonic()
    parts = [call(examples[start : start + BATCH]) for start in range(0, len(examples), BATCH)]
    return np.concatenate(parts), len(examples) / (time.monotonic() - started)


def _weights(checkpoint: str | None) -> int | None:
    """How many numbers the fit learned, from its checkpoint; None if it left none."""
    if checkpoint is None:
        return None
    sizes: list[int] = [
        math.prod(shape)
        for name, shape in tf.train.list_variables(checkpoint)
        # Metrics and counters are single numbers, which no weight is; traits of movies are data.
        if shape and not name.startswith("optimizer/") and "/_known_traits/" not in name
    ]
    return sum(sizes)


class _ProgressHandler(logging.Handler):
    """Hands on the progress lines of a fit."""

    def __init__(self, on_progress: OnProgress) -> None:
        super().__init__()
        self._on_progress = on_progress

    def emit(self, record: logging.LogRecord) -> None:
        """Hands on the line."""
        self._on_progress(record.getMessage())
