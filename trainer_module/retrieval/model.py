"""The two-tower retrieval model: its loss and its validation metrics."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from contracts import features
from trainer_module.common.catalogue import Catalogue
from trainer_module.common.embeddings import VocabularySizes, traits_by_index
from trainer_module.common.mean_loss import MeanLossModel
from trainer_module.retrieval.examples import RATED, TARGETS
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.losses import log_inclusion, softmax_loss, squared_loss
from trainer_module.retrieval.towers import QUERY_FEATURES, CandidateTower, QueryTower, SideBySide

# The length of the list that validation looks at.
RANKED = 10
MONITOR = f"val_ndcg_at_{RANKED}"
MODE: Final = "max"
# Movies up to which `auto` takes the loss over all of them, and the most scores that one step may hold.
FULL_UP_TO = 20_000
MOST_SCORES = 100_000_000
# Logs of equal numbers deviate by no more than rounding.
LEAST_DEVIATION = 1e-6


class RetrievalModel(MeanLossModel):
    """Two towers whose inner product orders the catalogue for a user.

    Args:
      sizes: rows of each embedding.
      hyperparameters: widths, rates and the loss.
      catalogue: all movies, over which validation ranks.
      popularity: ratings of training by catalogue position, all in all and, of late, as of the start of each
        period and as of now, [M, periods + 2].
      first_period: of each movie's first rating by catalogue position, [M].
    """

    def __init__(
        self,
        sizes: VocabularySizes,
        hyperparameters: RetrievalHyperparameters,
        catalogue: Catalogue,
        popularity: npt.NDArray[np.float32],
        first_period: npt.NDArray[np.int32],
    ) -> None:
        super().__init__()
        pairs = range(hyperparameters.towers)
        columns = {**catalogue.columns, features.MOVIE_POPULARITY: popularity_features(popularity)}
        rows = sizes.sizes[features.MOVIE_INDEX]
        traits = tf.Variable(traits_by_index(columns, rows), trainable=False, name="known_traits")
        self.query_tower = SideBySide(
            [QueryTower(sizes, traits, hyperparameters) for _ in pairs], 1 / len(pairs)
        )
        self.candidate_tower = SideBySide([CandidateTower(sizes, hyperparameters) for _ in pairs])
        self._hyperparameters = hyperparameters
        self._loss = loss_for(hyperparameters, len(catalogue))
        self._catalogue = {name: tf.constant(values) for name, values in columns.items()}
        # One rating at least, so that the log of the probability is finite.
        counts = np.maximum(popularity[:, 0], 1)
        self._sampling_probability = tf.constant(counts / counts.sum(), tf.float32)
        index = catalogue.columns[features.MOVIE_INDEX]
        position = np.full(rows, len(catalogue), np.int32)
        position[index] = np.arange(len(catalogue), dtype=np.int32)
        position[0] = len(catalogue)
        self._position = tf.constant(position)
        self._first_period = tf.constant(np.append(first_period, 0), tf.int32)
        self._recall = tf.keras.metrics.Mean(name=f"recall_at_{RANKED}")
        self._ndcg = tf.keras.metrics.Mean(name=f"ndcg_at_{RANKED}")

    def blend(self, validation: tf.data.Dataset, recent_weights: Sequence[float]) -> float:
        """Adds to the weight of recent popularity what validation likes best of some weights; returns it."""
        found = {}
        for weight in recent_weights:
            self.set_blend(weight)
            found[weight] = self.evaluate(validation, verbose=0, return_dict=True)[self._ndcg.name]
        best = max(found, key=found.__getitem__)
        self.set_blend(best)
        return best

    def set_blend(self, recent_weight: float) -> None:
        """Adds so much to the weight of recent popularity, in every query."""
        for tower in self.query_tower.towers:
            tower.added_recent_weight.assign(recent_weight)

    def candidate_embeddings(self) -> tf.Tensor:
        """What the index searches for the whole catalogue, [M, towers * (dim + extra_dims)]."""
        return self.candidate_tower(self._catalogue)

    def movie_embeddings(self) -> tf.Tensor:
        """Embeddings of the whole catalogue without biases and popularity, [M, towers * dim]."""
        dim = self._hyperparameters.embedding_dim
        return tf.concat([tower(self._catalogue)[:, :dim] for tower in self.candidate_tower.towers], axis=1)

    def popularity(self, movie_index: tf.Tensor) -> tf.Tensor:
        """The popularity columns of movies by vocabulary index [B], [B, periods + 2]; 0 of an unknown one."""
        known = tf.pad(self._catalogue[features.MOVIE_POPULARITY], [[0, 1], [0, 0]])
        return tf.gather(known, tf.gather(self._position, movie_index))

    def compute_loss(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Mean loss per rating to be found of a batch of `RetrievalExamples`, summed over the pairs."""
        targets = inputs[TARGETS]
        catalogue = tf.shape(self._sampling_probability)[0]
        if self._loss == "sampled_softmax":
            drawn = tf.boolean_mask(targets, targets >= 0)
            sample, _ = tf.unique(drawn)
            movies = {name: tf.gather(values, sample) for name, values in self._catalogue.items()}
            slots = tf.tensor_scatter_nd_update(
                tf.fill([catalogue + 1], tf.size(sample)), sample[:, tf.newaxis], tf.range(tf.size(sample))
            )
            correction = log_inclusion(tf.gather(self._sampling_probability, sample), tf.size(drawn))
        else:
            movies, slots, correction = self._catalogue, tf.range(catalogue + 1), 0.0
        queries = {name: inputs[name] for name in QUERY_FEATURES}
        shape = tf.stack([tf.shape(targets)[0], tf.shape(movies[features.MOVIE_INDEX])[0]])
        found = _marked(tf.gather(slots, tf.where(targets >= 0, targets, catalogue)), shape)
        history = tf.gather(slots, tf.gather(self._position, queries[features.HISTORY_MOVIE_INDEX]))
        given = (_marked(history, shape) > 0) & (found == 0)
        hidden = given | (self._came_later(queries, movies) & (found == 0))
        losses = []
        for of_query, of_candidate in zip(self.query_tower.towers, self.candidate_tower.towers, strict=True):
            scores = tf.matmul(
                of_query(queries, training=training),
                of_candidate(movies, training=training),
                transpose_b=True,
            )
            losses.append(self._one_loss(scores - correction, found, hidden, given))
        return tf.add_n(losses)

    def _came_later(self, queries: Mapping[str, tf.Tensor], movies: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Which of S movies were not yet rated in the period of each query [B, S], if queries are as of now.

        A movie that was not there shows nothing of what is wanted now. A query of its user's own time, which
        never gets such a movie, keeps them as negatives.
        """
        if self._hyperparameters.as_of == "last_rating":
            return tf.zeros([1, 1], tf.bool)
        periods = queries[features.PERIOD_INDEX][:, tf.newaxis]
        first = tf.gather(self._first_period, tf.gather(self._position, movies[features.MOVIE_INDEX]))
        return (periods > 0) & (first[tf.newaxis, :] > periods)

    def _one_loss(
        self, scores: tf.Tensor, found: tf.Tensor, hidden: tf.Tensor, given: tf.Tensor
    ) -> tf.Tensor:
        settings = self._hyperparameters
        if self._loss == "weighted_squared":
            return squared_loss(
                scores, found, hidden, given, settings.unobserved_weight, settings.given_weight
            )
        return softmax_loss(scores, found, hidden)

    def ranked(self, inputs: Mapping[str, tf.Tensor], k: int) -> tuple[tf.Tensor, tf.Tensor]:
        """The best movies for the rows of a batch of validation, without what their users have rated.

        Returns:
          Scores and catalogue positions, [B, k] each, or [B, M] of a smaller catalogue.
        """
        queries = self.query_tower({name: inputs[name] for name in QUERY_FEATURES})
        scores = tf.matmul(queries, self.candidate_embeddings(), transpose_b=True)
        hidden = _marked(inputs[RATED], tf.shape(scores)) > 0
        relevant = _marked(inputs[TARGETS], tf.shape(scores)) > 0
        best = tf.math.top_k(
            tf.where(hidden & ~relevant, scores.dtype.min, scores), min(k, int(scores.shape[1]))
        )
        return best.values, best.indices

    def train_step(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One step; returns the mean loss alone, because ranking the catalogue is left to validation."""
        logs = super().train_step(inputs)
        del logs[self._recall.name], logs[self._ndcg.name]
        return logs

    def test_step(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Recall and NDCG by id over the whole catalogue, a row a user, what is rated left out.

        As `pipeline.evaluation.ranked_ids` has them. The catalogue is in a random order, which breaks ties.
        """
        queries = self.query_tower({name: inputs[name] for name in QUERY_FEATURES})
        scores = tf.matmul(queries, self.candidate_embeddings(), transpose_b=True)
        # NaN is above everything for `top_k`, so a diverged model would find whatever comes first.
        ranked = ~tf.reduce_any(tf.math.is_nan(scores), axis=1, keepdims=True)
        hidden = _marked(inputs[RATED], tf.shape(scores)) > 0
        relevant = _marked(inputs[TARGETS], tf.shape(scores))
        best = tf.math.top_k(
            tf.where(hidden & (relevant == 0), scores.dtype.min, scores),
            tf.minimum(RANKED, tf.shape(scores)[1]),
        )
        hits = tf.gather(relevant, best.indices, batch_dims=1) * tf.cast(ranked, tf.float32)
        gains = _discounts(tf.shape(hits)[1])
        wanted = tf.reduce_sum(relevant, axis=1)
        ideal = tf.gather(tf.cumsum(gains), tf.cast(tf.minimum(wanted, RANKED), tf.int32) - 1)
        self._recall.update_state(tf.reduce_sum(hits, axis=1) / wanted)
        self._ndcg.update_state(tf.linalg.matvec(hits, gains) / ideal)
        return {metric.name: metric.result() for metric in (self._recall, self._ndcg)}


def popularity_features(ratings: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Numbers of ratings [M, N] to z-scores of their logs [M, N], 0 where all movies have as many."""
    logs = np.log1p(ratings, dtype=np.float64)
    deviation = logs.std(axis=0)
    scores = (logs - logs.mean(axis=0)) / np.where(deviation > LEAST_DEVIATION, deviation, 1)
    rounded: npt.NDArray[np.float32] = scores.astype(np.float32)
    return rounded


def loss_for(hyperparameters: RetrievalHyperparameters, movies: int) -> str:
    """The loss that is meant for a catalogue of so many movies.

    Raises:
      ValueError: if it takes the scores of more movies than fit into memory.
    """
    loss = hyperparameters.loss
    if loss == "auto":
        return "full_softmax" if movies <= FULL_UP_TO else "sampled_softmax"
    if loss != "sampled_softmax" and movies * hyperparameters.batch_size > MOST_SCORES:
        raise ValueError(
            f"retrieval.loss {loss} scores all {movies:,} movies for each of {hyperparameters.batch_size:,} "
            f"rows at once, above {MOST_SCORES:,} scores; set retrieval.loss to sampled_softmax or lower "
            "retrieval.batch_size"
        )
    return loss


def _marked(columns: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """1 at the columns [B, N] of each row and 0 elsewhere, [B, S]; NO_TARGET and column S are nowhere."""
    rows = tf.repeat(tf.range(shape[0]), tf.shape(columns)[1])
    columns = tf.reshape(columns, [-1])
    places = tf.boolean_mask(tf.stack([rows, columns], axis=1), (columns >= 0) & (columns < shape[1]))
    return tf.tensor_scatter_nd_update(tf.zeros(shape), places, tf.ones([tf.shape(places)[0]]))


def _discounts(slots: tf.Tensor) -> tf.Tensor:
    """1 / log2(slot + 1) for the slots of a list, from 1, [slots]."""
    return tf.math.log(2.0) / tf.math.log(tf.cast(tf.range(slots), tf.float32) + 2.0)
