"""What retrieval recommends to the users of validation, which the final order of the list is fitted on."""

import io
import os

import numpy as np
import tensorflow as tf

from contracts import artifacts, signatures
from trainer_module.common.training_setup import TrainingSetup
from trainer_module.common.user_states import UserStates
from trainer_module.retrieval.examples import RetrievalExamples, validation_users
from trainer_module.retrieval.model import RetrievalModel


def write_validation_lists(
    model: RetrievalModel,
    validation: UserStates,
    examples: RetrievalExamples,
    setup: TrainingSetup,
    model_run_dir: str,
) -> None:
    """Writes the lists of a model that has not been trained on the ratings to be found.

    The file holds `user_id` [U], the candidates `movie_id` [U, N], best first, and the ratings to be found:
    `target_user` [T], a number in `user_id`, `target_movie_id` [T] and `target_rating` [T], in stars.

    Args:
      model: as it was before a refit.
      validation: the ratings that were held out.
      examples: what the model has learned from.
      setup: the Trainer's arguments, opened.
      model_run_dir: the folder to write to.
    """
    users = validation_users(validation.row_splits, setup.seed)
    depth = signatures.EVALUATION_DEPTH
    batches = examples.validation_batches(validation.positions, validation.row_splits, setup.seed)
    positions = np.concatenate([model.ranked(batch, depth)[1].numpy() for batch in batches])
    row_of_user = np.full(len(validation.ids), -1)
    row_of_user[users] = np.arange(len(users))
    target_user = row_of_user[validation.users]
    kept = target_user >= 0
    # A remote file cannot seek back, as the writer of an archive has to.
    archive = io.BytesIO()
    np.savez(
        archive,
        user_id=validation.ids[users].astype(np.bytes_),
        movie_id=setup.catalogue.ids[positions].astype(np.bytes_),
        target_user=target_user[kept],
        target_movie_id=setup.catalogue.ids[validation.positions[kept]].astype(np.bytes_),
        target_rating=validation.ratings[kept],
    )
    with tf.io.gfile.GFile(os.path.join(model_run_dir, artifacts.VALIDATION_LISTS_FILE), "wb") as file:
        file.write(archive.getvalue())
