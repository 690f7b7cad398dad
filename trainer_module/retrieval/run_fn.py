"""The `run_fn` that trains the retrieval model and exports it."""

import io
import json
import os
import tempfile
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from contracts import artifacts
from trainer_module.common.catalogue import Catalogue
from trainer_module.common.embeddings import VocabularySizes
from trainer_module.common.fitting import fit, refit
from trainer_module.common.held_out import held_out, held_out_for_order
from trainer_module.common.inputs import TrainerArgs
from trainer_module.common.serving_tables import MovieTable, UserTable
from trainer_module.common.training_setup import TrainingSetup
from trainer_module.common.user_states import UserStates, with_newcomers
from trainer_module.retrieval.examples import Periods, RetrievalExamples, with_period
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.model import MODE, MONITOR, RetrievalModel
from trainer_module.retrieval.partitions import IndexReport, make_index
from trainer_module.retrieval.signatures import (
    RetrievalServing,
    popularity_before,
    recent_popularity,
    total_popularity,
    user_queries,
)
from trainer_module.retrieval.similar import DAMPING, similar_candidates
from trainer_module.retrieval.validation_lists import write_validation_lists

# Users, and movies, that an index is tuned and measured on.
INDEX_QUERIES = 1024


def run_fn(fn_args: TrainerArgs) -> None:
    """Trains the retrieval model and writes the SavedModel; TFX calls it with the Trainer's arguments."""
    setup = TrainingSetup(fn_args)
    hyperparameters = RetrievalHyperparameters.model_validate(setup.hyperparameters)
    data = RetrievalData(setup, hyperparameters)
    model = _fitted(data, fn_args.model_run_dir)
    write_embeddings(model, data.states, setup.catalogue, fn_args.model_run_dir)
    with tempfile.TemporaryDirectory() as assets:
        serving, indexes = make_serving(model, data, assets)
        tf.saved_model.save(serving, fn_args.serving_model_dir, signatures=serving.signatures())
    write_indexes(indexes, fn_args.model_run_dir)


def train(
    setup: TrainingSetup, hyperparameters: RetrievalHyperparameters, model_run_dir: str
) -> RetrievalModel:
    """Fits a model and leaves what `fit` leaves in `model_run_dir`."""
    return _fitted(RetrievalData(setup, hyperparameters), model_run_dir)


class RetrievalData:
    """The ratings that a retrieval model learns from.

    Args:
      setup: the Trainer's arguments, opened.
      hyperparameters: of the model.

    Attributes:
      states: what each user has rated in the train split, with the period that a query is of.
    """

    def __init__(self, setup: TrainingSetup, hyperparameters: RetrievalHyperparameters) -> None:
        self.setup = setup
        self.hyperparameters = hyperparameters
        self._periods = Periods.of(setup.training_states.timestamps, hyperparameters.periods)
        self.states = self.with_period(setup.training_states)

    def with_period(self, states: UserStates) -> UserStates:
        """Other states with the period that each user's query is of."""
        return with_period(states, self._periods, self.hyperparameters)

    def examples(self, states: UserStates) -> RetrievalExamples:
        """What a model learns from these ratings."""
        return RetrievalExamples(self.with_period(states), self._periods, self.hyperparameters)

    def cut(
        self, chosen: npt.NDArray[np.bool_], withheld: npt.NDArray[np.bool_] | None = None
    ) -> tuple[UserStates, tf.data.Dataset, tf.data.Dataset]:
        """Ratings to learn from, and batches for training and for validation, which keeps `chosen` [N].

        Neither reads what is `withheld` [N].
        """
        learned = ~chosen if withheld is None else ~(chosen | withheld)
        kept, validation = self.states.where(learned), self.states.where(chosen)
        examples, seed = self.examples(kept), self.setup.seed
        return (
            kept,
            examples.training_batches(seed),
            examples.validation_batches(validation.positions, validation.row_splits, seed),
        )

    def new_model(self, states: UserStates) -> RetrievalModel:
        """An untrained model with how popular the movies are in `states`."""
        return RetrievalModel(
            VocabularySizes.of(self.setup.transform_output),
            self.hyperparameters,
            self.setup.catalogue,
            self._popularity(states),
            self._first_period(states),
        )

    def _popularity(self, states: UserStates) -> npt.NDArray[np.float32]:
        """Ratings by catalogue position of all time, and those of the month before each period and now."""
        movies, times = len(self.setup.catalogue), states.timestamps
        moments = [times.min(initial=0), *self._periods.edges, times.max(initial=0) + 1]
        recent = [popularity_before(states, movies, int(moment)) for moment in moments]
        return np.stack([total_popularity(states, movies), *recent], axis=1)

    def _first_period(self, states: UserStates) -> npt.NDArray[np.int32]:
        """The period of each movie's first rating [M], the first one for a movie without any."""
        first = np.full(len(self.setup.catalogue), states.timestamps.max(initial=0))
        np.minimum.at(first, states.positions, states.timestamps)
        rated = np.bincount(states.positions, minlength=len(first)) > 0
        periods: npt.NDArray[np.int32] = np.where(rated, self._periods.index(first), 1).astype(np.int32)
        return periods


def _fitted(data: RetrievalData, model_run_dir: str) -> RetrievalModel:
    """The model with the weights of its best epoch, or of as many epochs over the whole train split."""
    setup, hyperparameters = data.setup, data.hyperparameters
    chosen = held_out(data.states, hyperparameters.validation, hyperparameters.validation_share, setup.seed)
    ordered = held_out_for_order(
        data.states, hyperparameters.validation, hyperparameters.validation_share, setup.seed
    )
    kept, training, validation = data.cut(chosen, ordered)
    model = data.new_model(kept)
    model.compile(optimizer=tf.keras.optimizers.Adam(hyperparameters.learning_rate))
    record = fit(
        model,
        training,
        validation,
        hyperparameters,
        monitor=MONITOR,
        mode=MODE,
        model_run_dir=model_run_dir,
    )
    weight = chosen_blend(model, validation, hyperparameters)
    model.set_blend(weight)
    write_validation_lists(model, data.states.where(ordered), data.examples(kept), setup, model_run_dir)
    if not hyperparameters.refit:
        return model
    tf.keras.utils.set_random_seed(setup.seed)
    model = data.new_model(data.states)
    model.compile(optimizer=tf.keras.optimizers.Adam(hyperparameters.learning_rate))
    everything = data.examples(data.states).training_batches(setup.seed)
    refit(model, everything, hyperparameters, epochs=record["best_epoch"])
    model.set_blend(weight)
    return model


def chosen_blend(
    model: RetrievalModel, validation: tf.data.Dataset, hyperparameters: RetrievalHyperparameters
) -> float:
    """What is best added to each query's weight of recent popularity, of a model that is trained."""
    weights = hyperparameters.recent_weights
    return model.blend(validation, weights) if len(weights) > 1 else weights[0]


def write_embeddings(
    model: RetrievalModel, states: UserStates, catalogue: Catalogue, model_run_dir: str
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
    with tf.io.gfile.GFile(os.path.join(model_run_dir, artifacts.MOVIE_EMBEDDINGS_FILE), "wb") as file:
        file.write(archive.getvalue())


def write_indexes(indexes: Mapping[str, IndexReport], model_run_dir: str) -> None:
    """Leaves which indexes were made and why."""
    with tf.io.gfile.GFile(os.path.join(model_run_dir, artifacts.INDEX_FILE), "w") as file:
        file.write(json.dumps({name: index.as_dict() for name, index in indexes.items()}, indent=2))


def make_serving(
    model: RetrievalModel, data: RetrievalData, assets: str
) -> tuple[RetrievalServing, dict[str, IndexReport]]:
    """What the SavedModel answers, and which indexes it holds and why, by what they search.

    Args:
      model: a trained model.
      data: what it was trained on.
      assets: a folder for files that the SavedModel carries, until it is saved.
    """
    setup, hyperparameters, states = data.setup, data.hyperparameters, data.states
    known, movies = data.with_period(setup.known_states), len(setup.catalogue)
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
    popularity, of_movies = total_popularity(states, movies), model.movie_embeddings().numpy()
    similar = similar_candidates(of_movies, popularity, DAMPING)
    directions, searched_by_movies = make_index(
        similar,
        *_sampled_movies(similar_candidates(of_movies, popularity, 0.0), setup.seed),
        hyperparameters,
        setup.seed,
    )
    serving = RetrievalServing(
        query_tower=model.query_tower,
        candidates=candidates,
        directions=directions,
        movies=MovieTable(setup.catalogue, os.path.join(assets, "movies.txt")),
        users=tables[0],
        training_users=tables[1],
        popularity=popularity,
        recent=recent_popularity(states, movies),
        top_k=hyperparameters.top_k,
    )
    return serving, {"candidates": searched_by_users, "directions": searched_by_movies}


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
