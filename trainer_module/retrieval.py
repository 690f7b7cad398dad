"""The two-tower retrieval model and the `run_fn` that trains and exports it."""

import io
import json
import os
import tempfile
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_recommenders as tfrs

from trainer_module import features
from trainer_module.catalogue import Catalogue
from trainer_module.fitting import fit
from trainer_module.hyperparameters import RetrievalHyperparameters
from trainer_module.inputs import TrainerArgs
from trainer_module.mean_loss import MeanLossModel
from trainer_module.partitions import IndexReport, make_index
from trainer_module.retrieval_signatures import (
    RetrievalServing,
    recent_popularity,
    total_popularity,
    user_queries,
)
from trainer_module.serving_tables import MovieTable, UserTable
from trainer_module.towers import (
    CANDIDATE_FEATURES,
    QUERY_FEATURES,
    CandidateTower,
    QueryTower,
    VocabularySizes,
)
from trainer_module.training_setup import TrainingSetup
from trainer_module.user_states import UserStates, read_user_states

MONITOR = "val_recall_at_10"
MODE: Final = "max"
RECALL_AT = 10
# Users, and movies, that an index is tuned and measured on.
INDEX_QUERIES = 1024


class RetrievalModel(MeanLossModel):
    """Two towers trained on in-batch negatives.

    The loss is a softmax over the batch with the sampling-probability correction of Yi et al. 2019,
    equation 3 (logits minus the log of each candidate's probability to be in the batch), accidental hits
    removed.

    Args:
      sizes: rows of each embedding.
      hyperparameters: widths and rates.
      catalogue: all movies, over which validation ranks.
      sampling_probability: share of training ratings of each movie index, [V].
    """

    def __init__(
        self,
        sizes: VocabularySizes,
        hyperparameters: RetrievalHyperparameters,
        catalogue: Catalogue,
        sampling_probability: npt.NDArray[np.float32],
    ) -> None:
        super().__init__()
        dim = hyperparameters.embedding_dim
        unknown_share = hyperparameters.unknown_id_share
        self.query_tower = QueryTower(sizes, dim, hyperparameters.dropout, unknown_share)
        self.candidate_tower = CandidateTower(sizes, dim, unknown_share)
        self._task = tfrs.tasks.Retrieval(remove_accidental_hits=True)
        self._sampling_probability = tf.constant(sampling_probability)
        self._catalogue = {name: tf.constant(values) for name, values in catalogue.columns.items()}
        self._recall = tf.keras.metrics.Mean(name="recall_at_10")

    def candidate_embeddings(self) -> tf.Tensor:
        """Embeddings of the whole catalogue, [M, dim]."""
        return self.candidate_tower(self._catalogue)

    def compute_loss(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Mean loss per example of a batch of transformed Examples."""
        movies = inputs[features.MOVIE_INDEX]
        total = self._batch_loss(
            self.query_tower({name: inputs[name] for name in QUERY_FEATURES}, training=training),
            self.candidate_tower({name: inputs[name] for name in CANDIDATE_FEATURES}, training=training),
            movies,
        )
        return total / tf.cast(tf.shape(movies)[0], tf.float32)

    @tf.function
    def _batch_loss(self, queries: tf.Tensor, candidates: tf.Tensor, movies: tf.Tensor) -> tf.Tensor:
        """A graph of its own: the task takes the length of a tensor, which needs AutoGraph."""
        return self._task(
            queries,
            candidates,
            candidate_sampling_probability=tf.gather(self._sampling_probability, movies),
            candidate_ids=movies,
            compute_metrics=False,
        )

    def train_step(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One step; returns the mean loss alone, because ranking the catalogue is left to validation."""
        logs = super().train_step(inputs)
        del logs[self._recall.name]
        return logs

    def test_step(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Recall@10 by id over the whole catalogue, the history left out, ties broken at random."""
        queries = self.query_tower({name: inputs[name] for name in QUERY_FEATURES})
        scores = tf.matmul(queries, self.candidate_embeddings(), transpose_b=True)
        catalogue = self._catalogue[features.MOVIE_INDEX]
        target = inputs[features.MOVIE_INDEX][:, tf.newaxis]
        is_target = tf.equal(catalogue[tf.newaxis, :], target)
        own = tf.reduce_max(tf.where(is_target, scores, scores.dtype.min), axis=1, keepdims=True)
        rivals = ~is_target & ~self._in_history(inputs[features.HISTORY_MOVIE_INDEX])
        better = tf.math.count_nonzero(rivals & (scores > own), axis=1, dtype=tf.float32)
        ties = tf.math.count_nonzero(rivals & tf.equal(scores, own), axis=1, dtype=tf.float32)
        rank = better + tf.floor(tf.random.uniform(tf.shape(ties)) * (ties + 1))
        # No score beats NaN and none ties with it, so a diverged model would find every movie first.
        ranked = ~tf.reduce_any(tf.math.is_nan(scores), axis=1)
        found = tf.reduce_any(is_target, axis=1) & (rank < RECALL_AT) & ranked
        self._recall.update_state(tf.cast(found, tf.float32))
        return {self._recall.name: self._recall.result()}

    def _in_history(self, history: tf.Tensor) -> tf.Tensor:
        """History of movie indices [B, H] to a mask over the catalogue [B, M]."""
        rows = tf.repeat(tf.range(tf.shape(history)[0]), tf.shape(history)[1])
        indices = tf.stack([rows, tf.cast(tf.reshape(history, [-1]), tf.int32)], axis=1)
        shape = [tf.shape(history)[0], tf.size(self._sampling_probability)]
        seen = tf.scatter_nd(indices, tf.ones_like(rows), shape) > 0
        known = self._catalogue[features.MOVIE_INDEX]
        return tf.gather(seen, known, axis=1) & (known > 0)


def run_fn(fn_args: TrainerArgs) -> None:
    """Trains the retrieval model and writes the SavedModel; TFX calls it with the Trainer's arguments."""
    setup = TrainingSetup(fn_args)
    hyperparameters = RetrievalHyperparameters.model_validate(setup.hyperparameters)
    model = train(setup, hyperparameters, fn_args.model_run_dir)
    write_embeddings(model, setup, fn_args.model_run_dir)
    known = read_user_states(setup.examples(fn_args.train_files + fn_args.eval_files), setup.catalogue)
    with tempfile.TemporaryDirectory() as assets:
        serving, indexes = make_serving(model, setup, hyperparameters, known, assets)
        tf.saved_model.save(serving, fn_args.serving_model_dir, signatures=serving.signatures())
    write_indexes(indexes, fn_args.model_run_dir)


def train(
    setup: TrainingSetup, hyperparameters: RetrievalHyperparameters, model_run_dir: str
) -> RetrievalModel:
    """Fits a model and leaves what `fit` leaves in `model_run_dir`."""
    model = new_model(setup, hyperparameters)
    model.compile(optimizer=tf.keras.optimizers.Adam(hyperparameters.learning_rate))
    batches = setup.batches({*QUERY_FEATURES, *CANDIDATE_FEATURES}, hyperparameters)
    fit(model, *batches, hyperparameters, monitor=MONITOR, mode=MODE, model_run_dir=model_run_dir)
    return model


def new_model(setup: TrainingSetup, hyperparameters: RetrievalHyperparameters) -> RetrievalModel:
    """An untrained model for the data."""
    return RetrievalModel(
        VocabularySizes.of(setup.transform_output),
        hyperparameters,
        setup.catalogue,
        _sampling_probability(setup.training_states, setup),
    )


def _sampling_probability(states: UserStates, setup: TrainingSetup) -> npt.NDArray[np.float32]:
    """Share of training ratings by movie index, [V]; one rating at least, so that its log is finite."""
    rows = setup.transform_output.vocabulary_size_by_name(features.MOVIE_VOCABULARY) + 1
    counts: npt.NDArray[np.float32] = np.bincount(states.movie_index, minlength=rows).astype(np.float32)
    counts = np.maximum(counts, 1)
    counts /= counts.sum()
    return counts


def write_embeddings(model: RetrievalModel, setup: TrainingSetup, model_run_dir: str) -> None:
    """Leaves what a map of the movies takes: ids, embeddings [M, dim] and ratings of training."""
    catalogue = setup.catalogue
    # A remote file cannot seek back, as the writer of an archive has to.
    archive = io.BytesIO()
    np.savez(
        archive,
        movie_id=catalogue.ids.astype(np.bytes_),
        embedding=model.candidate_embeddings().numpy(),
        train_ratings=total_popularity(setup.training_states, len(catalogue)).astype(np.int64),
    )
    with tf.io.gfile.GFile(os.path.join(model_run_dir, features.MOVIE_EMBEDDINGS_FILE), "wb") as file:
        file.write(archive.getvalue())


def write_indexes(indexes: Mapping[str, IndexReport], model_run_dir: str) -> None:
    """Leaves which indexes were made and why."""
    with tf.io.gfile.GFile(os.path.join(model_run_dir, features.INDEX_FILE), "w") as file:
        file.write(json.dumps({name: index.as_dict() for name, index in indexes.items()}, indent=2))


def make_serving(
    model: RetrievalModel,
    setup: TrainingSetup,
    hyperparameters: RetrievalHyperparameters,
    known: UserStates,
    assets: str,
) -> tuple[RetrievalServing, dict[str, IndexReport]]:
    """What the SavedModel answers, and which indexes it holds and why, by what they search.

    Args:
      model: a trained model.
      setup: what it was trained with.
      hyperparameters: of the model.
      known: users as of the last rating known.
      assets: a folder for files that the SavedModel carries, until it is saved.
    """
    states, movies = setup.training_states, len(setup.catalogue)
    tables = [
        UserTable(
            of,
            history_length=setup.history_length,
            keep_rated=keep_rated,
            mean_rating=states.mean_rating,
            asset_file=os.path.join(assets, filename),
        )
        for of, keep_rated, filename in (
            (known, hyperparameters.exclude_rated, "users.txt"),
            (states, True, "training_users.txt"),
        )
    ]
    embeddings = model.candidate_embeddings().numpy()
    candidates, searched_by_users = make_index(
        embeddings,
        *_sampled_users(model.query_tower, tables[1], states, setup.seed),
        hyperparameters,
        setup.seed,
    )
    unit = tf.math.l2_normalize(embeddings, axis=1).numpy()
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
    return serving, {"candidates": searched_by_users, "directions": searched_by_movies}


def _sampled_users(
    tower: QueryTower, users: UserTable, states: UserStates, seed: int
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
