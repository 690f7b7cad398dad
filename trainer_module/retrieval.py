"""The `run_fn` that trains the retrieval model and exports it."""

import io
import json
import os
import tempfile

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer_module import features
from trainer_module.catalogue import Catalogue
from trainer_module.fitting import fit, refit
from trainer_module.hyperparameters import RetrievalHyperparameters
from trainer_module.inputs import TrainerArgs
from trainer_module.partitions import IndexReport, make_index
from trainer_module.retrieval_examples import Periods, RetrievalExamples, held_out, with_period
from trainer_module.retrieval_model import MONITOR, RetrievalModel
from trainer_module.retrieval_signatures import (
    RetrievalServing,
    recent_popularity,
    total_popularity,
    user_queries,
)
from trainer_module.serving_tables import MovieTable, UserTable
from trainer_module.towers import VocabularySizes
from trainer_module.training_setup import TrainingSetup
from trainer_module.user_states import UserStates, read_user_states, with_newcomers

# Users, and movies, that an index is tuned and measured on.
INDEX_QUERIES = 1024


def run_fn(fn_args: TrainerArgs) -> None:
    """Trains the retrieval model and writes the SavedModel; TFX calls it with the Trainer's arguments."""
    setup = TrainingSetup(fn_args)
    hyperparameters = RetrievalHyperparameters.model_validate(setup.hyperparameters)
    states = read_user_states(setup.examples(fn_args.train_files), setup.catalogue)
    periods = Periods.of(states.timestamps, hyperparameters.periods)
    states = with_period(states, periods, hyperparameters)
    model = _fitted(setup, hyperparameters, states, periods, fn_args.model_run_dir)
    _write_embeddings(model, setup.catalogue, states, fn_args.model_run_dir)
    known = read_user_states(setup.examples(fn_args.train_files + fn_args.eval_files), setup.catalogue)
    known = with_period(known, periods, hyperparameters)
    indexes = _export(model, setup, hyperparameters, states, known, fn_args.serving_model_dir)
    with tf.io.gfile.GFile(os.path.join(fn_args.model_run_dir, features.INDEX_FILE), "w") as file:
        file.write(json.dumps({name: index.as_dict() for name, index in indexes.items()}, indent=2))


def _fitted(
    setup: TrainingSetup,
    hyperparameters: RetrievalHyperparameters,
    states: UserStates,
    periods: Periods,
    model_run_dir: str,
) -> RetrievalModel:
    """The model with the weights of its best epoch, or of as many epochs over the whole train split."""
    chosen = held_out(states, hyperparameters.validation, hyperparameters.validation_share, setup.seed)
    kept, validation = states.where(~chosen), states.where(chosen)
    examples = RetrievalExamples(with_period(kept, periods, hyperparameters), periods, hyperparameters)
    validation_batches = examples.validation_batches(validation.positions, validation.row_splits, setup.seed)
    model = _model(setup, hyperparameters, kept)
    record = fit(
        model,
        examples.training_batches(setup.seed),
        validation_batches,
        hyperparameters,
        monitor=MONITOR,
        mode="max",
        model_run_dir=model_run_dir,
    )
    weights = hyperparameters.recent_weights
    weight = model.blend(validation_batches, weights) if len(weights) > 1 else weights[0]
    model.set_blend(weight)
    if not hyperparameters.refit:
        return model
    tf.keras.utils.set_random_seed(setup.seed)
    model = _model(setup, hyperparameters, states)
    everything = RetrievalExamples(states, periods, hyperparameters).training_batches(setup.seed)
    refit(model, everything, epochs=record["best_epoch"])
    model.set_blend(weight)
    return model


def _model(
    setup: TrainingSetup, hyperparameters: RetrievalHyperparameters, states: UserStates
) -> RetrievalModel:
    movies = len(setup.catalogue)
    model = RetrievalModel(
        VocabularySizes.of(setup.transform_output),
        hyperparameters,
        setup.catalogue,
        np.stack([total_popularity(states, movies), recent_popularity(states, movies)], axis=1),
    )
    model.compile(optimizer=tf.keras.optimizers.Adam(hyperparameters.learning_rate))
    return model


def _write_embeddings(
    model: RetrievalModel, catalogue: Catalogue, states: UserStates, model_run_dir: str
) -> None:
    """Leaves what a map of the movies takes: ids, embeddings [M, dim] and ratings of training."""
    # A remote file cannot seek back, as the writer of an archive has to.
    archive = io.BytesIO()
    np.savez(
        archive,
        movie_id=catalogue.ids.astype(np.bytes_),
        embedding=model.movie_embeddings().numpy(),
        train_ratings=total_popularity(states, len(catalogue)).astype(np.int64),
    )
    with tf.io.gfile.GFile(os.path.join(model_run_dir, features.MOVIE_EMBEDDINGS_FILE), "wb") as file:
        file.write(archive.getvalue())


def _export(
    model: RetrievalModel,
    setup: TrainingSetup,
    hyperparameters: RetrievalHyperparameters,
    states: UserStates,
    known: UserStates,
    serving_model_dir: str,
) -> dict[str, IndexReport]:
    """Writes the SavedModel; returns which indexes it holds and why, by what they search."""
    movies = len(setup.catalogue)
    with tempfile.TemporaryDirectory() as assets:
        tables = [
            UserTable(
                of,
                history_length=hyperparameters.history_limit,
                keep_rated=keep_rated,
                mean_rating=states.mean_rating,
                asset_file=os.path.join(assets, filename),
            )
            for of, keep_rated, filename in (
                (known, hyperparameters.exclude_rated, "users.txt"),
                (with_newcomers(states, known), True, "training_users.txt"),
            )
        ]
        embeddings = model.candidate_embeddings().numpy()
        candidates, searched_by_users = make_index(
            embeddings,
            *_sampled_users(model.query_tower, tables[1], states, setup.seed),
            hyperparameters,
            setup.seed,
        )
        unit = tf.math.l2_normalize(model.movie_embeddings(), axis=1).numpy()
        directions, searched_by_movies = make_index(
            unit, *_sampled_movies(unit, setup.seed), hyperparameters, setup.seed
        )
        serving = RetrievalServing(
            query_tower=model.query_tower,
            candidates=candidates,
            directions=directions,
            movies=MovieTable(setup.catalogue, os.path.join(assets, "movies.txt")),
            users=tables[0],
            training_users=tables[1],
            popularity=total_popularity(states, movies),
            recent=recent_popularity(states, movies),
            top_k=hyperparameters.top_k,
        )
        tf.saved_model.save(serving, serving_model_dir, signatures=serving.signatures())
    return {"candidates": searched_by_users, "directions": searched_by_movies}


def _sampled_users(
    tower: tf.keras.layers.Layer, users: UserTable, states: UserStates, seed: int
) -> tuple[npt.NDArray[np.float32], tf.RaggedTensor]:
    """Queries of users of the train split [Q, dim] and what they have rated, ragged [Q, None]."""
    rows = 1 + np.random.default_rng(seed).permutation(len(states.ids))[:INDEX_QUERIES]
    return user_queries(tower, users, tf.constant(rows)).numpy(), users.rated(rows)


def _sampled_movies(
    directions: npt.NDArray[np.float32], seed: int
) -> tuple[npt.NDArray[np.float32], tf.RaggedTensor]:
    """Directions of some movies [Q, dim] and their own positions, ragged [Q, 1]."""
    positions = np.random.default_rng(seed).permutation(len(directions))[:INDEX_QUERIES].astype(np.int32)
    itself = tf.RaggedTensor.from_uniform_row_length(tf.constant(positions), 1)
    return directions[positions], itself
