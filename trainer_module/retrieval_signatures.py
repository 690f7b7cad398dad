"""What the retrieval SavedModel answers: the serving contract's signatures and the Evaluator's two."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer_module import features
from trainer_module.serving_tables import MovieTable, UserTable
from trainer_module.towers import QUERY_FEATURES, QueryTower
from trainer_module.user_states import UserStates

# The score of an empty slot: finite, so that it passes through JSON, and below every real one.
NO_SCORE = tf.float32.min
# "Recent" popularity is that of the last month of ratings.
RECENT_SECONDS = 30 * 24 * 3600

Outputs = dict[str, tf.Tensor]


def total_popularity(states: UserStates, movies: int) -> npt.NDArray[np.float32]:
    """Ratings per catalogue position, [M]."""
    counts: npt.NDArray[np.float32] = np.bincount(states.positions, minlength=movies).astype(np.float32)
    return counts


def recent_popularity(states: UserStates, movies: int) -> npt.NDArray[np.float32]:
    """Ratings per catalogue position in the last month, [M]; all-time popularity orders equal ones."""
    total = total_popularity(states, movies)
    recent = states.positions[states.timestamps > states.timestamps.max(initial=0) - RECENT_SECONDS]
    scores: npt.NDArray[np.float32] = np.bincount(recent, minlength=movies).astype(np.float32)
    scores += total / (total.sum() + 1)
    return scores


class RetrievalServing(tf.Module):
    """The retrieval model as it is served: brute force over the whole catalogue.

    Args:
      query_tower: the trained query tower.
      candidate_embeddings: one row per catalogue position, [M, dim].
      movies: the catalogue.
      users: users as of the last rating known, training and evaluation splits together.
      training_users: users as of the last rating of training, for the Evaluator.
      popularity: all-time ratings per position in training, [M]: the baseline.
      recent: recent ratings per position in training, [M]: what an unknown user gets.
      top_k: length of the list that signatures without `k` return.
    """

    def __init__(
        self,
        query_tower: QueryTower,
        candidate_embeddings: tf.Tensor,
        movies: MovieTable,
        users: UserTable,
        training_users: UserTable,
        popularity: npt.NDArray[np.float32],
        recent: npt.NDArray[np.float32],
        top_k: int,
    ) -> None:
        super().__init__()
        self._query_tower = query_tower
        self._candidates = tf.Variable(candidate_embeddings, trainable=False)
        self._directions = tf.Variable(tf.math.l2_normalize(candidate_embeddings, axis=1), trainable=False)
        self._movies = movies
        self._users = users
        self._training_users = training_users
        self._popularity = tf.Variable(popularity, trainable=False)
        self._recent = tf.Variable(recent, trainable=False)
        self._top_k = min(top_k, movies.size)

    def signatures(self) -> dict[str, Callable[..., Outputs]]:
        """Concrete functions by signature name."""
        ids = tf.TensorSpec([None], tf.string)
        lists = tf.TensorSpec([None, None], tf.string)
        k = tf.TensorSpec([], tf.int32, name=features.K)

        def named(spec: tf.TensorSpec, name: str) -> tf.TensorSpec:
            return tf.TensorSpec(spec.shape, spec.dtype, name)

        specs: Mapping[str, tuple[Callable[..., Outputs], tuple[tf.TensorSpec, ...]]] = {
            features.SERVING_DEFAULT: (self._serving_default, (named(ids, features.USER_ID),)),
            features.RECOMMEND: (
                self._recommend,
                (named(ids, features.USER_ID), named(lists, features.EXCLUDE_MOVIE_IDS), k),
            ),
            features.RECOMMEND_FROM_HISTORY: (
                self._recommend_from_history,
                (named(lists, features.HISTORY_MOVIE_IDS),),
            ),
            features.SIMILAR_MOVIES: (self._similar_movies, (named(ids, features.MOVIE_ID), k)),
            features.EVALUATE: (self._evaluate, (named(ids, features.EXAMPLES),)),
            features.EVALUATE_BASELINE: (self._evaluate_baseline, (named(ids, features.EXAMPLES),)),
        }
        return {
            name: tf.function(function, input_signature=signature, autograph=False).get_concrete_function()
            for name, (function, signature) in specs.items()
        }

    def _serving_default(self, user_id: tf.Tensor) -> Outputs:
        """user_id [B] to the top K movies that each user has not rated."""
        rows = self._users.rows(user_id)
        scores = self._hide(self._user_scores(self._users, rows), self._users.rated(rows))
        return {**self._top(scores, self._top_k), features.KNOWN_USER: rows > 0}

    def _recommend(self, user_id: tf.Tensor, exclude_movie_ids: tf.Tensor, k: tf.Tensor) -> Outputs:
        """user_id [B] to the top k, without what the user has rated and `exclude_movie_ids` [B, E]."""
        rows = self._users.rows(user_id)
        scores = self._hide(self._user_scores(self._users, rows), self._users.rated(rows))
        scores = self._hide(scores, self._known_positions(exclude_movie_ids))
        return {**self._top(scores, k), features.KNOWN_USER: rows > 0}

    def _recommend_from_history(self, history_movie_ids: tf.Tensor) -> Outputs:
        """history_movie_ids [B, H], oldest first, to the top K movies outside of it."""
        rows = self._movies.rows(history_movie_ids)
        nobody = self._users.profile(tf.zeros(tf.shape(history_movie_ids)[:1], tf.int64))
        known = self._movies.columns(rows, [features.MOVIE_INDEX])[features.MOVIE_INDEX]
        queries = self._query_tower(
            {**{name: nobody[name] for name in QUERY_FEATURES}, features.HISTORY_MOVIE_INDEX: known}
        )
        scores = tf.where(
            tf.reduce_any(known > 0, axis=1, keepdims=True),
            tf.matmul(queries, self._candidates, transpose_b=True),
            self._recent[tf.newaxis, :],
        )
        return self._top(self._hide(scores, self._known_positions(history_movie_ids)), self._top_k)

    def _similar_movies(self, movie_id: tf.Tensor, k: tf.Tensor) -> Outputs:
        """movie_id [B] to the k other movies nearest by cosine; none for an unknown movie."""
        rows = self._movies.rows(movie_id)
        known = rows > 0
        queries = tf.gather(self._directions, tf.maximum(rows - 1, 0))
        scores = tf.matmul(queries, self._directions, transpose_b=True)
        scores = self._hide(scores, tf.RaggedTensor.from_tensor((rows - 1)[:, tf.newaxis], padding=-1))
        scores = tf.where(known[:, tf.newaxis], scores, NO_SCORE)
        return {**self._top(scores, k), features.KNOWN_MOVIE: known}

    def _evaluate(self, examples: tf.Tensor) -> Outputs:
        """Serialized Examples [B] to the ids that each user gets who has rated the train split only."""
        rows = self._training_users.rows(_user_ids(examples))
        scores = self._user_scores(self._training_users, rows)
        return self._evaluated(scores, rows)

    def _evaluate_baseline(self, examples: tf.Tensor) -> Outputs:
        """The same for popularity: the most rated movies of the train split."""
        rows = self._training_users.rows(_user_ids(examples))
        return self._evaluated(tf.repeat(self._popularity[tf.newaxis, :], tf.size(rows), axis=0), rows)

    def _evaluated(self, scores: tf.Tensor, rows: tf.Tensor) -> Outputs:
        hidden = self._hide(scores, self._training_users.rated(rows))
        depth = min(features.EVALUATION_DEPTH, self._movies.size)
        return {features.MOVIE_ID: self._top(hidden, depth)[features.MOVIE_ID]}

    def _user_scores(self, users: UserTable, rows: tf.Tensor) -> tf.Tensor:
        """Rows [B] to a score for every movie [B, M]; recent popularity for row 0."""
        profile = users.profile(rows)
        queries = self._query_tower({name: profile[name] for name in QUERY_FEATURES})
        return tf.where(
            (rows > 0)[:, tf.newaxis],
            tf.matmul(queries, self._candidates, transpose_b=True),
            self._recent[tf.newaxis, :],
        )

    def _known_positions(self, movie_ids: tf.Tensor) -> tf.RaggedTensor:
        """Ids [B, E] to the catalogue positions of those that the catalogue holds, ragged."""
        rows = self._movies.rows(movie_ids)
        return tf.ragged.boolean_mask(rows - 1, rows > 0)

    def _hide(self, scores: tf.Tensor, positions: tf.RaggedTensor) -> tf.Tensor:
        """Scores [B, M] with NO_SCORE at the given positions of each row."""
        indices = tf.stack(
            [tf.cast(positions.value_rowids(), tf.int64), tf.cast(positions.values, tf.int64)], axis=1
        )
        return tf.tensor_scatter_nd_update(
            scores, indices, tf.fill([tf.shape(indices)[0]], tf.constant(NO_SCORE))
        )

    def _top(self, scores: tf.Tensor, k: tf.Tensor | int) -> Outputs:
        """Ids, titles and scores [B, k] of the best; a slot without a movie has an empty id."""
        k = tf.clip_by_value(k, 0, self._movies.size)
        best, positions = tf.math.top_k(scores, k)
        rows = tf.where(best > NO_SCORE, tf.cast(positions, tf.int64) + 1, tf.zeros([], tf.int64))
        return {
            features.MOVIE_ID: self._movies.ids(rows),
            features.MOVIE_TITLE: self._movies.titles(rows),
            features.SCORE: best,
        }


def _user_ids(examples: tf.Tensor) -> tf.Tensor:
    spec = {features.USER_ID: tf.io.FixedLenFeature([], tf.string)}
    return tf.io.parse_example(examples, spec)[features.USER_ID]
