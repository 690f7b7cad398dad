"""Fits a ranking model: from one seed or several, with or without the validation examples in the end."""

import json
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from contracts import artifacts, features
from trainer_module.common.fitting import fit, refit
from trainer_module.common.training_setup import TrainingSetup
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.ranking.rating_model import RatingModel
from trainer_module.ranking.rating_sets import RatingSets

MONITOR = "val_rmse"


class SeedAverage:
    """The mean of models that differ in their seed alone.

    Args:
      members: trained models, one at least.
    """

    def __init__(self, members: Sequence[RatingModel]) -> None:
        self._members = members

    @property
    def variables(self) -> list[tf.Variable]:
        """The weights of all models."""
        return [variable for member in self._members for variable in member.variables]

    def __call__(
        self,
        inputs: Mapping[str, tf.Tensor],
        *,
        user_of_pair: tf.Tensor | None = None,
        sets: RatingSets | None = None,
    ) -> tf.Tensor:
        """Transformed features of B (user, movie) pairs to ratings [B], not clipped; see `RatingModel`."""
        more = {} if sets is None else {"sets": sets}
        members = [member(inputs, user_of_pair=user_of_pair, **more) for member in self._members]
        return tf.add_n(members) / len(members)

    def cross_weights(self) -> dict[str, object]:
        """The same as of a single model, the mean over all of them."""
        weights = [member.cross_weights() for member in self._members]
        return {**weights[0], "layers": np.mean(np.array([of["layers"] for of in weights]), axis=0).tolist()}


class FittedMembers(NamedTuple):
    """What the fit of a ranking model gives.

    Attributes:
      members: the models whose mean is predicted.
      before_refit: a model that has not been trained on the validation examples.
    """

    members: list[RatingModel]
    before_refit: RatingModel


def fit_members(
    build: Callable[[], RatingModel],
    setup: TrainingSetup,
    hyperparameters: RankingHyperparameters,
    names: Collection[str],
    model_run_dir: str,
) -> FittedMembers:
    """Fits `ensemble_seeds` models, from the seed of the run and those after it.

    With `refit`, a first fit with early stopping finds the number of epochs, and the models are then fitted
    for as many on the whole train split. What the first fit found is in `fit.json`.

    Args:
      build: makes a new model from the current seed.
      setup: the Trainer's arguments, opened.
      hyperparameters: of the fits.
      names: what the model reads of an example.
      model_run_dir: as of `fit`; what other seeds leave is in folders below it.
    """
    read = {*names, features.USER_RATING}
    train, validation = setup.batches(read, hyperparameters)

    def new(seed: int) -> RatingModel:
        tf.keras.utils.set_random_seed(seed)
        model = build()
        model.compile(optimizer=tf.keras.optimizers.Adam(hyperparameters.learning_rate))
        return model

    def early_stopped(seed: int, folder: str) -> tuple[RatingModel, int]:
        model = new(seed)
        record = fit(
            model,
            train,
            validation,
            hyperparameters,
            monitor=MONITOR,
            mode="min",
            model_run_dir=folder,
        )
        return model, record["best_epoch"]

    first, epochs = early_stopped(setup.seed, model_run_dir)
    seeds = range(setup.seed, setup.seed + hyperparameters.ensemble_seeds)
    if not hyperparameters.refit:
        folders = {seed: os.path.join(model_run_dir, f"seed_{seed}") for seed in seeds[1:]}
        others = (early_stopped(seed, folder)[0] for seed, folder in folders.items())
        return FittedMembers([first, *others], first)
    whole = setup.all_batches(read, hyperparameters)
    members, refits = [], []
    for seed in seeds:
        started = time.monotonic()
        members.append(new(seed))
        metrics = refit(members[-1], whole, hyperparameters, epochs=epochs, monitor="rmse")
        refits.append({"seed": seed, "seconds": round(time.monotonic() - started, 1), "epochs": metrics})
    path = os.path.join(model_run_dir, artifacts.FIT_FILE)
    with tf.io.gfile.GFile(path) as file:
        record = json.loads(file.read())
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(json.dumps({**record, "refits": refits}, indent=2))
    return FittedMembers(members, first)
