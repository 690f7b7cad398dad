"""What the joint model learns from: batches of both tasks, from ratings that neither is validated on."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from contracts import features
from trainer_module.common.catalogue import Catalogue
from trainer_module.common.hyperparameters import FitHyperparameters
from trainer_module.common.inputs import no_autograph, validation_mask
from trainer_module.common.user_states import UserStates

# Keys of a batch: `RetrievalExamples` and transformed Examples.
RETRIEVAL = "retrieval"
RANKING = "ranking"


def held_out_with_ratings(
    states: UserStates, catalogue: Catalogue, hyperparameters: FitHyperparameters, seed: int
) -> npt.NDArray[np.bool_]:
    """Which ratings of `states` [N] are among the validation examples that ranking cuts.

    Raises:
      ValueError: none is.
    """
    users = states.ids[states.users]
    ids = {
        features.USER_ID: tf.constant(users),
        features.MOVIE_ID: tf.constant(catalogue.ids[states.positions]),
    }
    chosen: npt.NDArray[np.bool_] = validation_mask(ids, hyperparameters.validation_share, seed).numpy()
    if not chosen.any():
        raise ValueError(
            f"validation_share {hyperparameters.validation_share:g} holds out none of the training examples; "
            "raise it"
        )
    return chosen


def side_by_side(
    to_find: Sequence[tf.data.Dataset], to_rate: Sequence[tf.data.Dataset]
) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Training and validation batches of both tasks.

    An epoch of training is one of the ratings, with as many batches of retrieval. In validation every row of
    both counts once: the task with fewer batches goes on with empty ones.
    """
    train = tf.data.Dataset.zip({RETRIEVAL: to_find[0].repeat(), RANKING: to_rate[0]})
    counts = [sum(1 for _ in each) for each in (to_find[1], to_rate[1])]
    padded = [_with_empty_batches(each) for each in (to_find[1], to_rate[1])]
    return train, tf.data.Dataset.zip(dict(zip((RETRIEVAL, RANKING), padded, strict=True))).take(max(counts))


def _with_empty_batches(batches: tf.data.Dataset) -> tf.data.Dataset:
    empty = {name: values[:0] for name, values in next(iter(batches)).items()}
    endless = tf.data.Dataset.from_tensors(empty).repeat()
    spec = {name: _any_shape(values) for name, values in empty.items()}

    @no_autograph
    def of_any_shape(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        # Both datasets have to promise the same shapes to be put one behind the other.
        return {
            name: tf.ensure_shape(tf.identity(values), spec[name].shape) for name, values in batch.items()
        }

    return batches.map(of_any_shape).concatenate(endless.map(of_any_shape))


def _any_shape(values: tf.Tensor) -> tf.TensorSpec:
    return tf.TensorSpec([None] * values.shape.rank, values.dtype)
