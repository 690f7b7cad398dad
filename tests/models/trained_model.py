"""Any model as it is after its `run_fn`: trained, saved, loaded and called."""

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from contracts import artifacts, features
from contracts import signatures as signature_names
from contracts.signatures import MAX_ROWS
from tests.transform_run import Transformed
from trainer_module.common.training_setup import CODE_FINGERPRINT, HISTORY_LENGTH, HYPERPARAMETERS, SEED

# The outputs of each signature, by name.
Answers = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class World:
    """The data that models are trained on.

    Attributes:
      transformed: the train split after Transform.
      catalogue: the file of the `movies` Examples.
      examples: some raw `ratings` Examples to call with.
    """

    transformed: Transformed
    catalogue: str
    examples: list[bytes]


@dataclass(frozen=True)
class Trained:
    """A model after its `run_fn`.

    Attributes:
      folder: of the SavedModel, which has moved there from where it was saved.
      fit: what its fit left.
      before: what it answered in the process of the fit, before it was saved; see `answers`.
    """

    folder: Path
    fit: Mapping[str, Any]
    before: Answers

    @cached_property
    def signatures(self) -> Mapping[str, Any]:
        """By name, loaded."""
        loaded: Mapping[str, Any] = tf.saved_model.load(str(self.folder)).signatures
        return loaded

    @property
    def ranks(self) -> bool:
        return signature_names.RECOMMEND in self.before

    @property
    def rates(self) -> bool:
        return signature_names.RANK in self.before

    def lists(self, users: list[str]) -> tuple[list[list[str]], list[bool]]:
        """The whole catalogue without what each has rated, best first, and who is known."""
        found = self.signatures[signature_names.SERVING_DEFAULT](user_id=tf.constant(users))
        return listed(found), found[signature_names.KNOWN_USER].numpy().tolist()

    def ratings(self, users: list[str], candidates: list[list[str]]) -> Any:
        pairs = {"user_id": tf.constant(users), "movie_id": tf.constant(candidates)}
        return self.signatures[signature_names.RANK](**pairs)[features.USER_RATING].numpy()


def listed(found: Mapping[str, Any]) -> list[list[str]]:
    """The ids of each list, best first, without empty slots."""
    return [[movie.decode() for movie in row if movie] for row in found[features.MOVIE_ID].numpy().tolist()]


def train(
    world: World, module: str, hyperparameters: Mapping[str, Any], folder: Path, history_length: int
) -> Trained:
    """Calls the `run_fn` of a module of `trainer_module` as the Trainer does."""
    before: dict[str, Mapping[str, Any]] = {}
    save = tf.saved_model.save
    no_examples = str(folder / "eval.gz")
    tf.io.TFRecordWriter(no_examples, "GZIP").close()

    def call_and_save(model: Any, path: str, signatures: Mapping[str, Any] | None = None) -> None:
        if signatures is not None:  # Without any it is not the model that is served.
            before.update(answers(signatures, world.examples))
        save(model, path, signatures=signatures)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.saved_model, "save", call_and_save)
        importlib.import_module(f"trainer_module.{module}.run_fn").run_fn(
            SimpleNamespace(
                train_files=[world.transformed.files],
                eval_files=[no_examples],
                movie_files=[world.catalogue],
                transform_graph_path=world.transformed.path,
                serving_model_dir=str(folder / "model"),
                model_run_dir=str(folder / "run"),
                hyperparameters=None,
                custom_config={
                    HYPERPARAMETERS: hyperparameters,
                    SEED: 1,
                    HISTORY_LENGTH: history_length,
                    CODE_FINGERPRINT: "",
                },
            )
        )
    return Trained(
        (folder / "model").rename(folder / "moved"),
        json.loads((folder / "run" / artifacts.FIT_FILE).read_text()),
        before,
    )


def answers(signatures: Mapping[str, Any], examples: list[bytes]) -> Answers:
    """What every signature answers to known and unknown ids, whatever its inputs are."""
    return {name: _answer(function, examples) for name, function in signatures.items()}


def _answer(function: Any, examples: list[bytes]) -> Mapping[str, Any]:
    users, movies = ["u0", "u1", "nobody", ""], ["m0", "m1", "no-such", ""]
    values: dict[str, Any] = {
        features.USER_ID: users,
        features.HISTORY_MOVIE_IDS: [movies, movies[::-1], ["no-such"] * 4, [""] * 4],
        signature_names.EXCLUDE_MOVIE_IDS: [movies] * len(users),
        signature_names.K: 5,
    }
    # Positional in the process of the fit, by name once loaded.
    positional, named = function.structured_input_signature
    inputs = {spec.name: spec for spec in (*positional, *named.values())}
    values[features.MOVIE_ID] = [movies] * len(users) if features.USER_ID in inputs else movies
    # One call may have so many rows at most.
    batches = [examples[start : start + MAX_ROWS] for start in range(0, len(examples), MAX_ROWS)]
    found = []
    for batch in batches if signature_names.EXAMPLES in inputs else [[]]:
        values[signature_names.EXAMPLES] = batch
        found.append(
            function(**{name: tf.constant(values[name], spec.dtype) for name, spec in inputs.items()})
        )
    return {name: np.concatenate([answer[name].numpy() for answer in found]) for name in found[0]}
