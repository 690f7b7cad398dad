"""What every `run_fn` does first: seeds, the transform output, the catalogue, the batches."""

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft

from contracts import features
from trainer_module.common.catalogue import read_catalogue
from trainer_module.common.held_out import held_out_for_order
from trainer_module.common.hyperparameters import FitHyperparameters, tuned_values, with_values
from trainer_module.common.inputs import TrainerArgs, TransformedExamples, pair_keys
from trainer_module.common.user_states import UserStates, joined, read_user_states

# Keys of the Trainer's custom_config.
HYPERPARAMETERS = "hyperparameters"
SEED = "seed"
HISTORY_LENGTH = "history_length"
CODE_FINGERPRINT = "code_fingerprint"
# Of ranking: which ratings retrieval holds out, {"rule": ..., "share": ...}, so that ranking does too.
LIST_VALIDATION = "list_validation"


class TrainingSetup:
    """The Trainer's arguments, opened.

    Attributes:
      seed: of every random choice of the fit.
      history_length: movies of history that a model reads.
      hyperparameters: the model's, as plain values; those that a Tuner found replace the configured ones.
      transform_output: vocabularies, feature types and the transform graph.
      catalogue: all movies.
    """

    def __init__(self, fn_args: TrainerArgs) -> None:
        config = fn_args.custom_config
        self.seed: int = config[SEED]
        self.history_length: int = config[HISTORY_LENGTH]
        self.hyperparameters: dict[str, object] = with_values(
            config[HYPERPARAMETERS], tuned_values(fn_args.hyperparameters)
        )
        tf.keras.utils.set_random_seed(self.seed)
        self.transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
        self.catalogue = read_catalogue(fn_args.movie_files, self.transform_output, self.seed)
        self._train_files = fn_args.train_files
        self._eval_files = fn_args.eval_files
        self._list_validation: dict[str, Any] | None = config.get(LIST_VALIDATION)

    @cached_property
    def training_states(self) -> UserStates:
        """What each user has rated in the train split."""
        return read_user_states(self.examples(self._train_files), self.catalogue)

    @cached_property
    def known_states(self) -> UserStates:
        """What each user has rated in both splits, which a SavedModel serves from."""
        evaluation = read_user_states(self.examples(self._eval_files), self.catalogue)
        return joined(self.training_states, evaluation)

    @cached_property
    def list_validation(self) -> npt.NDArray[np.bool_] | None:
        """Which ratings of `training_states` the final order of the list is fitted on, [N].

        None where the model is trained by itself, and no list is ordered.
        """
        if self._list_validation is None:
            return None
        rule, share = self._list_validation["rule"], self._list_validation["share"]
        return held_out_for_order(self.training_states, rule, share, self.seed)

    @cached_property
    def _withheld(self) -> npt.NDArray[np.int64] | None:
        if self.list_validation is None:
            return None
        states = self.training_states.where(self.list_validation)
        users = states.ids[states.users]
        movies = self.catalogue.ids[states.positions]
        keys = pair_keys({features.USER_ID: tf.constant(users), features.MOVIE_ID: tf.constant(movies)})
        withheld: npt.NDArray[np.int64] = np.sort(keys.numpy())
        return withheld

    def examples(self, files: Sequence[str]) -> TransformedExamples:
        """The transformed Examples of some splits."""
        return TransformedExamples(files, self.transform_output, self.history_length)

    def batches(
        self, names: Collection[str], hyperparameters: FitHyperparameters
    ) -> tuple[tf.data.Dataset, tf.data.Dataset]:
        """Training and validation batches, both cut from the train split."""
        examples = self.examples(self._train_files)
        share = hyperparameters.validation_share
        return (
            examples.training_batches(
                sorted(names),
                batch_size=hyperparameters.batch_size,
                validation_share=share,
                seed=self.seed,
                withheld=self._withheld,
            ),
            examples.validation_batches(
                sorted(names), validation_share=share, seed=self.seed, withheld=self._withheld
            ),
        )

    def all_batches(self, names: Collection[str], hyperparameters: FitHyperparameters) -> tf.data.Dataset:
        """Training batches of the whole train split."""
        return self.examples(self._train_files).training_batches(
            sorted(names), batch_size=hyperparameters.batch_size, validation_share=0.0, seed=self.seed
        )
