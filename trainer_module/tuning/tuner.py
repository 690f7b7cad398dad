"""The search for better hyperparameters: KerasTuner's Bayesian optimization over fits of our models.

A trial is a fit as the Trainer does it, without the export, and its score is the best epoch's metric on
validation examples cut from the train split. The state of a search is on disk after each trial, so one that
was killed goes on where it was.
"""

import contextlib
import dataclasses
import gc
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, Literal, TypeVar

import keras_tuner
import tensorflow as tf
from keras_tuner import errors
from keras_tuner.engine import base_tuner
from keras_tuner.engine import trial as trials
from keras_tuner.oracles import BayesianOptimizationOracle
from pydantic import BaseModel

from contracts import artifacts
from trainer_module.common.fitting import DivergedError, progress
from trainer_module.common.hyperparameters import tuned_values, with_values
from trainer_module.common.inputs import TrainerArgs
from trainer_module.common.training_setup import CODE_FINGERPRINT, TrainingSetup
from trainer_module.tuning.search_spaces import Choice, Space

# Keys of the Tuner's custom_config, beside those of the Trainer's.
TRIALS = "trials"
SEARCH_DIR = "search_dir"

# Random trials come first, one in so many of all; the model of the scores proposes from then on.
RANDOM_SHARE = 3
# What makes several fits of one; a score is that of the first.
ONE_FIT = {"refit": False, "ensemble_seeds": 1}
# A space in which so many fits in a row break down is a wrong one.
FAILURES_IN_A_ROW = 5

H = TypeVar("H", bound=BaseModel)


class SearchError(errors.FatalError):
    """A search cannot go on."""


class _Oracle(BayesianOptimizationOracle):
    """Tries the configured values first, so that what it finds is never worse than what there was.

    And nothing twice: the same values have the same score.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if not self.trials:
            values = {parameter.name: parameter.default for parameter in self.get_space().space}
            return {"status": trials.TrialStatus.RUNNING, "values": values}
        found: dict[str, Any] = super().populate_space(trial_id)
        if any(found["values"] == trial.hyperparameters.values for trial in self.trials.values()):
            found = self._random_populate_space()
        return found


class HyperparameterSearch(base_tuner.BaseTuner):
    """Fits one model after the other and reports each.

    KerasTuner's own `Tuner` fits models of Keras 3; this one takes the fit as a function.

    Args:
      oracle: chooses the values.
      score: fits with some values and returns the objective; a folder of the trial is the second argument.
      directory: where the search is kept.
    """

    def __init__(
        self,
        oracle: BayesianOptimizationOracle,
        score: Callable[[dict[str, object], str], float],
        directory: str,
    ) -> None:
        self._score = score
        parent, name = os.path.split(directory.rstrip("/"))
        try:
            super().__init__(oracle=oracle, directory=parent, project_name=name)
        except (ValueError, KeyError, RuntimeError) as error:
            raise SearchError(
                f"the search in {directory} cannot be read ({error}); remove the folder to start anew"
            ) from error

    def run_trial(self, trial: trials.Trial) -> dict[str, float]:
        """Fits with the values of the trial and returns the objective.

        Raises:
          FailedTrialError: these values do not work, and others may.
          SearchError: something else went wrong, and the search ends.
        """
        folder = os.path.join(self.get_trial_dir(trial.trial_id), "fit")
        if tf.io.gfile.exists(folder):  # Of a trial that was killed.
            tf.io.gfile.rmtree(folder)
        try:
            with _logging_fields(trial=_number(trial), trials=self.oracle.max_trials, best=self.best):
                score = self._score(tuned_values({"values": trial.hyperparameters.values}), folder)
        except (DivergedError, tf.errors.ResourceExhaustedError) as error:
            raise errors.FailedTrialError(str(error)) from error
        except Exception as error:
            raise SearchError(f"trial {trial.trial_id} failed: {error}") from error
        finally:
            tf.keras.backend.clear_session()
            gc.collect()
        return {self.oracle.objective.name: score}

    def on_trial_end(self, trial: trials.Trial) -> None:
        """Keeps the results up to now, and reports them."""
        super().on_trial_end(trial)
        objective = self.oracle.objective.name
        score = trial.metrics.get_best_value(objective) if trial.metrics.exists(objective) else None
        metric = f"{objective} {score:.4f}" if score is not None else "failed"
        progress.info(
            "trial %d of %d: %s; %s",
            _number(trial),
            self.oracle.max_trials,
            metric,
            self.best,
            extra={
                "trial": _number(trial),
                "trials": self.oracle.max_trials,
                "metric": metric,
                "best": self.best,
                "trial_ended": True,
            },
        )

    @property
    def best(self) -> str:
        """The best metric so far, such as "best val_rmse 0.9312 in trial 2"; "" if there is none."""
        found = [each for each in self.oracle.get_best_trials(1) if each.status == "COMPLETED"]
        if not found:
            return ""
        return f"best {self.oracle.objective.name} {found[0].score:.4f} in trial {_number(found[0])}"


def _number(trial: trials.Trial) -> int:
    """The place of a trial in the search, from 1."""
    return int(trial.trial_id) + 1


def make_tuner(
    fn_args: TrainerArgs,
    hyperparameters: type[H],
    space_of: Callable[[H], Space],
    train: Callable[[TrainingSetup, H, str], object],
    *,
    monitor: str,
    mode: Literal["min", "max"],
) -> HyperparameterSearch:
    """A tuner over the space of a model.

    Args:
      fn_args: of the Tuner; what the search depends on names its folder below `custom_config[SEARCH_DIR]`.
      hyperparameters: of the model.
      space_of: what to try, by dotted names of hyperparameters.
      train: fits a model and leaves `fit.json` in the folder that is its last argument.
      monitor: the metric that `fit.json` holds the best of.
      mode: whether it should fall or rise.
    """
    setup = TrainingSetup(fn_args)
    config = fn_args.custom_config
    configured = hyperparameters.model_validate(setup.hyperparameters)
    once = {name: value for name, value in ONE_FIT.items() if hasattr(configured, name)}
    base = configured.model_copy(update=once)
    space = space_of(base)

    def score(values: dict[str, object], folder: str) -> float:
        # Whatever trials came before, the same values have the same score.
        tf.keras.utils.set_random_seed(setup.seed)
        train(setup, hyperparameters.model_validate(with_values(base.model_dump(), values)), folder)
        with tf.io.gfile.GFile(os.path.join(folder, artifacts.FIT_FILE)) as file:
            record = json.loads(file.read())
        tf.io.gfile.rmtree(os.path.join(folder, "checkpoints"))
        return float(record["best"])

    oracle = _Oracle(
        objective=keras_tuner.Objective(monitor, mode),
        max_trials=config[TRIALS],
        num_initial_points=max(2, config[TRIALS] // RANDOM_SHARE),
        seed=setup.seed,
        hyperparameters=as_hyperparameters(space, base),
        allow_new_entries=False,
        max_consecutive_failed_trials=FAILURES_IN_A_ROW,
    )
    return HyperparameterSearch(
        oracle, score, os.path.join(config[SEARCH_DIR], _search_id(fn_args, base, space))
    )


def as_hyperparameters(space: Space, base: BaseModel) -> keras_tuner.HyperParameters:
    """The space as KerasTuner has it, with the configured values as its defaults and inside of it."""
    found = keras_tuner.HyperParameters()
    for name, domain in space.items():
        configured = attrgetter(name)(base)
        wide = domain.with_value(configured)
        if isinstance(wide, Choice):
            values = [_scalar(value) for value in wide.values]
            default = values[0] if configured is None else _scalar(configured)
            found.Choice(name, values, ordered=not isinstance(values[0], str), default=default)
            continue
        default = wide.low if configured is None else configured
        kind = found.Int if isinstance(wide.low, int) and isinstance(wide.high, int) else found.Float
        kind(name, wide.low, wide.high, sampling="log" if wide.log else "linear", default=default)
    return found


def _scalar(value: Any) -> Any:
    """A value as KerasTuner takes it; `tuned_values` is the way back."""
    return json.dumps(list(value)) if isinstance(value, tuple) else value


def _search_id(fn_args: TrainerArgs, base: BaseModel, space: Space) -> str:
    """Names a search by what its scores depend on; more trials do not make another search."""
    depends_on = {
        "data": [fn_args.train_files, fn_args.movie_files, fn_args.transform_graph_path],
        "config": {
            name: value for name, value in fn_args.custom_config.items() if name not in (TRIALS, SEARCH_DIR)
        },
        "base": base.model_dump(mode="json"),
        "space": {name: dataclasses.asdict(domain) for name, domain in space.items()},
        "code": fn_args.custom_config[CODE_FINGERPRINT],
    }
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:12]


@contextlib.contextmanager
def _logging_fields(**more: object) -> Iterator[None]:
    """Adds attributes to every record of progress."""

    def add(record: logging.LogRecord) -> bool:
        vars(record).update(more)
        return True

    progress.addFilter(add)
    try:
        yield
    finally:
        progress.removeFilter(add)
