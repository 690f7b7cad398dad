"""What the retrieval SavedModel answers: the serving contract's signatures and the Evaluator's one."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from contracts import features
from contracts import signatures as signature_names
from trainer_module.common.bounds import bounded
from trainer_module.common.serving_tables import MovieTable, UserTable
from trainer_module.common.user_states import UserStates
from trainer_module.retrieval.index import NO_SCORE, FixedRanking, Found, Index
from trainer_module.retrieval.towers import QUERY_FEATURES

# "Recent" popularity is that of the last month of ratings.
RECENT_SECONDS = 30 * 24 * 3600
# How many users are searched for at a time where lists are evaluated.
EVALUATED_AT_A_TIME = 64

Outputs = dict[str, tf.Tensor]


def total_popularity(states: UserStates, movies: int) -> npt.NDArray[np.float32]:
    """Ratings per catalogue position, [M]."""
    counts: npt.NDArray[np.float32] = np.bincount(states.positions, minlength=movies).astype(np.float32)
    return counts


def popularity_before(states: UserStates, movies: int, moment: int) -> npt.NDArray[np.float32]:
    """Ratings per catalogue position in the month before a moment, UTC seconds, [M]."""
    recent = (states.timestamps < moment) & (states.timestamps >= moment - RECENT_SECONDS)
    counts: npt.NDArray[np.float32] = np.bincount(states.positions[recent], minlength=movies).astype(
        np.float32
    )
    return counts


def recent_popularity(states: UserStates, movies: int) -> npt.NDArray[np.float32]:
    """Ratings per catalogue position in the last month, [M]; all-time popularity orders equal ones."""
    total = total_popularity(states, movies)
    scores = popularity_before(states, movies, int(states.timestamps.max(initial=0)) + 1)
    scores += total / (total.sum() + 1)
    return scores


class RetrievalServing(tf.Module):
    """The retrieval model as it is served.

    Args:
      query_tower: the trained query tower.
      candidates: searches the candidate embeddings, one per catalogue position.
      directions: searches what `similar_candidates` makes of the movies' embeddings.
      movies: the catalogue.
      users: users as of the last rating known, training and evaluation splits together.
      training_users: users as of the last rating of training, for the Evaluator.
      popularity: all-time ratings per position in training, [M]: the reference.
      recent: recent ratings per position in training, [M]: what an unknown user gets.
      top_k: length of the list that signatures without `k` return.
    """

    def __init__(
        self,
        query_tower: tf.keras.layers.Layer,
        candidates: Index,
        directions: Index,
        movies: MovieTable,
        users: UserTable,
        training_users: UserTable,
        popularity: npt.NDArray[np.float32],
        recent: npt.NDArray[np.float32],
        top_k: int,
    ) -> None:
        super().__init__()
        self._query_tower = query_tower
        self._candidates = candidates
        self._directions = directions
        self._movies = movies
        self._users = users
        self._training_users = training_users
        self._popularity = FixedRanking(popularity)
        self._training_ratings = tf.Variable(popularity, trainable=False)
        self._recent = FixedRanking(recent)
        self._top_k = min(top_k, movies.size)

    def signatures(self) -> dict[str, Callable[..., Outputs]]:
        """Concrete functions by signature name."""
        ids = tf.TensorSpec([None], tf.string)
        lists = tf.TensorSpec([None, None], tf.string)
        k = tf.TensorSpec([], tf.int32, name=signature_names.K)

        def named(spec: tf.TensorSpec, name: str) -> tf.TensorSpec:
            return tf.TensorSpec(spec.shape, spec.dtype, name)

        specs: Mapping[str, tuple[Callable[..., Outputs], tuple[tf.TensorSpec, ...]]] = {
            signature_names.SERVING_DEFAULT: (self._serving_default, (named(ids, features.USER_ID),)),
            signature_names.RECOMMEND: (
                self._recommend,
                (named(ids, features.USER_ID), named(lists, signature_names.EXCLUDE_MOVIE_IDS), k),
            ),
            signature_names.RECOMMEND_FROM_HISTORY: (
                self._recommend_from_history,
                (named(lists, features.HISTORY_MOVIE_IDS),),
            ),
            signature_names.SIMILAR_MOVIES: (self._similar_movies, (named(ids, features.MOVIE_ID), k)),
            signature_names.EVALUATE: (self._evaluate, (named(ids, signature_names.EXAMPLES),)),
        }
        return {
            name: tf.function(function, input_signature=signature, autograph=False).get_concrete_function()
            for name, (function, signature) in specs.items()
        }

    def _serving_default(self, user_id: tf.Tensor) -> Outputs:
        """user_id [B] to the top K movies that each user has not rated."""
        [user_id] = bounded({features.USER_ID: user_id})
        rows = self._users.rows(user_id)
        found = self._search_for_users(self._users, rows, self._users.rated(rows), self._top_k)
        return {**self._shown(found), signature_names.KNOWN_USER: rows > 0}

    def _recommend(self, user_id: tf.Tensor, exclude_movie_ids: tf.Tensor, k: tf.Tensor) -> Outputs:
        """user_id [B] to the top k, without what the user has rated and `exclude_movie_ids` [B, E]."""
        user_id, exclude_movie_ids, k = bounded(
            {
                features.USER_ID: user_id,
                signature_names.EXCLUDE_MOVIE_IDS: exclude_movie_ids,
                signature_names.K: k,
            }
        )
        rows = self._users.rows(user_id)
        hidden = tf.concat([self._users.rated(rows), self._positions(exclude_movie_ids)], axis=1)
        found = self._search_for_users(self._users, rows, hidden, self._up_to_all(k))
        return {**self._shown(found), signature_names.KNOWN_USER: rows > 0}

    def _recommend_from_history(self, history_movie_ids: tf.Tensor) -> Outputs:
        """history_movie_ids [B, H], oldest first, to the top K movies outside of it."""
        [history_movie_ids] = bounded({features.HISTORY_MOVIE_IDS: history_movie_ids})
        rows = self._movies.rows(history_movie_ids)
        nobody = self._users.profile(tf.zeros(tf.shape(history_movie_ids)[:1], tf.int64))
        known = self._movies.columns(rows, [features.MOVIE_INDEX])[features.MOVIE_INDEX]
        # The tower finds the latest movies by their columns: padding and unknown movies go in front.
        order = tf.argsort(tf.cast(known > 0, tf.int32), axis=1, stable=True)
        known = tf.gather(known, order, batch_dims=1)
        queries = self._query_tower(
            {**{name: nobody[name] for name in QUERY_FEATURES}, features.HISTORY_MOVIE_INDEX: known}
        )
        return self._shown(
            self._search(
                queries, tf.reduce_any(known > 0, axis=1), self._positions(history_movie_ids), self._top_k
            )
        )

    def _similar_movies(self, movie_id: tf.Tensor, k: tf.Tensor) -> Outputs:
        """movie_id [B] to the k most similar other movies; none for an unknown one."""
        movie_id, k = bounded({features.MOVIE_ID: movie_id, signature_names.K: k})
        rows = self._movies.rows(movie_id)
        known = rows > 0
        queries = tf.math.l2_normalize(self._directions.vectors(tf.maximum(rows - 1, 0)), axis=1)
        itself = self._positions(movie_id[:, tf.newaxis])
        scores, positions = self._directions.search(queries, itself, self._up_to_all(k))
        scores = tf.where(known[:, tf.newaxis], scores, NO_SCORE)
        return {**self._shown((scores, positions)), signature_names.KNOWN_MOVIE: known}

    def _evaluate(self, examples: tf.Tensor) -> Outputs:
        """Serialized Examples [B] to what each user gets who has rated the train split only.

        The reference is popularity: the most rated movies of the train split that the user has not rated.
        """
        [examples] = bounded({signature_names.EXAMPLES: examples})
        user_id, movie_id = _user_and_movie(examples)
        rows, movies = self._training_users.rows(user_id), self._movies.rows(movie_id)
        found = self._evaluated(rows)
        popular = self._popularity.search(self._training_users.rated(rows), self._evaluation_depth)
        cold_movie = self._movies.columns(movies, [features.MOVIE_INDEX])[features.MOVIE_INDEX] == 0
        return {
            features.MOVIE_ID: self._shown(found)[features.MOVIE_ID],
            signature_names.LIST_POPULARITY: tf.gather(self._training_ratings, found[1]),
            signature_names.REFERENCE_MOVIE_ID: self._shown(popular)[features.MOVIE_ID],
            signature_names.REFERENCE_LIST_POPULARITY: tf.gather(self._training_ratings, popular[1]),
            signature_names.CATALOGUE_SIZE: tf.fill(tf.shape(rows), self._movies.size),
            signature_names.COLD_USER: tf.where(rows == 0, signature_names.YES, signature_names.NO),
            signature_names.COLD_MOVIE: tf.where(cold_movie, signature_names.YES, signature_names.NO),
        }

    def _evaluated(self, rows: tf.Tensor) -> Found:
        """Rows of the training users [B] to the same movies, whoever else is in the batch.

        With the number of rows, the last digits of a matrix product change, and with them the order of movies
        that are all but tied; and Beam chooses the size of a batch as it goes. So that number is fixed here.
        """
        batch = tf.shape(rows)[0]
        # The loop cannot stack the results of 0 rows.
        missing = tf.where(batch > 0, -batch % EVALUATED_AT_A_TIME, EVALUATED_AT_A_TIME)
        depth = self._evaluation_depth

        def search(some: tf.Tensor) -> Found:
            return self._search_for_users(self._training_users, some, self._training_users.rated(some), depth)

        found = tf.map_fn(
            search,
            tf.reshape(tf.pad(rows, [[0, missing]]), [-1, EVALUATED_AT_A_TIME]),
            fn_output_signature=(
                tf.TensorSpec([EVALUATED_AT_A_TIME, depth], tf.float32),
                tf.TensorSpec([EVALUATED_AT_A_TIME, depth], tf.int32),
            ),
        )
        scores, positions = (tf.reshape(part, [-1, depth])[:batch] for part in found)
        return scores, positions

    @property
    def _evaluation_depth(self) -> int:
        return min(signature_names.EVALUATION_DEPTH, self._movies.size)

    def _search_for_users(
        self, users: UserTable, rows: tf.Tensor, hidden: tf.RaggedTensor, k: tf.Tensor | int
    ) -> Found:
        """Rows of a table [B] to the best movies; row 0 is an unknown user."""
        return self._search(user_queries(self._query_tower, users, rows), rows > 0, hidden, k)

    def _search(
        self, queries: tf.Tensor, known: tf.Tensor, hidden: tf.RaggedTensor, k: tf.Tensor | int
    ) -> Found:
        """The index's answer where `known` [B], what is popular now elsewhere."""
        found = self._candidates.search(queries, hidden, k)
        popular = self._recent.search(hidden, k)
        scores, positions = (
            tf.where(known[:, tf.newaxis], own, other) for own, other in zip(found, popular, strict=True)
        )
        return scores, positions

    def _up_to_all(self, k: tf.Tensor) -> tf.Tensor:
        return tf.minimum(k, self._movies.size)

    def _positions(self, movie_ids: tf.Tensor) -> tf.RaggedTensor:
        """Ids [B, E] to the catalogue positions of those that the catalogue holds, ragged."""
        rows = self._movies.rows(movie_ids)
        return tf.ragged.boolean_mask(tf.cast(rows - 1, tf.int32), rows > 0)

    def _shown(self, found: Found) -> Outputs:
        """Ids, titles and scores [B, k]; a slot without a movie has an empty id."""
        scores, positions = found
        rows = tf.where(scores > NO_SCORE, tf.cast(positions, tf.int64) + 1, tf.zeros([], tf.int64))
        return {
            features.MOVIE_ID: self._movies.ids(rows),
            features.MOVIE_TITLE: self._movies.titles(rows),
            signature_names.SCORE: scores,
        }


def user_queries(query_tower: tf.keras.layers.Layer, users: UserTable, rows: tf.Tensor) -> tf.Tensor:
    """Rows of a table of users [B] to what the index is searched with, [B, dim]."""
    profile = users.profile(rows)
    return query_tower({name: profile[name] for name in QUERY_FEATURES})


def _user_and_movie(examples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    spec = {name: tf.io.FixedLenFeature([], tf.string) for name in (features.USER_ID, features.MOVIE_ID)}
    parsed = tf.io.parse_example(examples, spec)
    return parsed[features.USER_ID], parsed[features.MOVIE_ID]
