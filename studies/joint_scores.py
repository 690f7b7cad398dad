"""What the towers of a fitted joint model score, which no signature answers for the whole catalogue."""

import os
import tempfile

import numpy as np
import tensorflow as tf

from studies.data.split_data import Floats, SplitData
from trainer_module.common.inputs import TrainerArgs
from trainer_module.common.serving_tables import UserTable
from trainer_module.common.training_setup import TrainingSetup
from trainer_module.common.user_states import with_newcomers
from trainer_module.joint.batches import held_out_with_ratings
from trainer_module.joint.hyperparameters import JointHyperparameters
from trainer_module.retrieval.run_fn import RetrievalData
from trainer_module.retrieval.signatures import user_queries


def catalogue_scores(arguments: TrainerArgs, checkpoint: str, data: SplitData) -> Floats:
    """Scores of all movies for all users as of the end of the train split, [U, M], in the order of `data`.

    The towers are built anew, as `joint.run_fn` builds them, and get the weights that it has exported.

    Args:
      arguments: what `run_fn` was called with.
      checkpoint: what the fit has left of the `JointModel`.
      data: names users and movies.

    Raises:
      AssertionError: a weight of the towers is not in the checkpoint.
    """
    setup = TrainingSetup(arguments)
    hyperparameters = JointHyperparameters.model_validate(setup.hyperparameters)
    training = RetrievalData(setup, hyperparameters.towers)
    held_out = held_out_with_ratings(training.states, setup.catalogue, hyperparameters.ranking, setup.seed)
    model = training.new_model(training.states.where(~held_out))
    restored = tf.train.Checkpoint(retrieval=model).read(checkpoint).expect_partial()
    with tempfile.TemporaryDirectory() as folder:
        users = UserTable(
            with_newcomers(training.states, training.with_period(setup.known_states)),
            history_length=hyperparameters.towers.history_limit,
            keep_rated=False,
            mean_rating=training.states.mean_rating,
            asset_file=os.path.join(folder, "users.txt"),
        )
        queries = user_queries(model.query_tower, users, users.rows(tf.constant(data.user_ids)))
    scores = tf.matmul(queries, model.candidate_embeddings(), transpose_b=True).numpy()
    restored.assert_existing_objects_matched()
    columns = setup.catalogue.positions(data.movie_ids.astype(np.object_))
    ordered: Floats = scores[:, columns]
    return ordered
