"""Who has rated what: each user's ratings and each movie's, as tables inside a model."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from contracts import features
from trainer_module.common.catalogue import Catalogue
from trainer_module.common.serving_tables import id_table
from trainer_module.common.user_states import UserStates
from trainer_module.ranking.biases import damped_biases

# An owner's row and the seconds of a rating, up to the year 2514, in one integer.
SECONDS_BITS = 34

IntArray = npt.NDArray[np.integer[Any]]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Membership:
    """Whether a set holds a member.

    Attributes:
      held: 1 where it does, else 0, [B].
      residual: of that rating, 0 where there is none, [B].
    """

    held: tf.Tensor
    residual: tf.Tensor


class RatingSet(tf.Module):
    """The ratings of each owner, oldest first: movies of users, or raters of movies. Row 0 owns none.

    Args:
      owners: the row that owns each rating, from 1, [N].
      members: the row of its other side, from 1, [N].
      columns: index of that other side's embedding, 0 for an unknown one, [N].
      residuals: ratings, less what is expected of them, [N].
      timestamps: UTC seconds, [N].
      rows: number of owners, the unknown one included.
      limit: how many of an owner's latest ratings are kept.

    Attributes:
      row_splits: where each owner's ratings start, [rows + 1].
      members, columns, residuals, timestamps: as above, by owner and time.
    """

    def __init__(
        self,
        owners: IntArray,
        members: IntArray,
        columns: IntArray,
        residuals: FloatArray,
        timestamps: IntArray,
        *,
        rows: int,
        limit: int,
    ) -> None:
        super().__init__()
        order = np.lexsort((timestamps, owners))
        ends = np.cumsum(np.bincount(owners, minlength=rows))
        order = order[ends[owners[order]] - np.arange(len(order)) <= limit]
        owners, members = owners[order].astype(np.int64), members[order].astype(np.int64)
        residuals = residuals[order].astype(np.float32)
        splits = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=rows))])
        # Pairs in order, to look one up by bisection.
        self._stride = int(members.max(initial=0)) + 1
        pairs = owners * self._stride + members
        by_pair = np.argsort(pairs, kind="stable")
        self.row_splits = _fixed(splits.astype(np.int64))
        self.members = _fixed(members.astype(np.int32))
        self.columns = _fixed(columns[order].astype(np.int32))
        self.residuals = _fixed(residuals)
        self.timestamps = _fixed(timestamps[order].astype(np.int64))
        # One more than there are: a bisection can end behind the last, and a variable must not be empty.
        self._pairs = _fixed(np.append(pairs[by_pair], np.iinfo(np.int64).max))
        self._pair_residuals = _fixed(np.append(residuals[by_pair], np.float32(0)))
        self._moments = _fixed((owners << SECONDS_BITS) + _seconds(timestamps[order]))
        sums = np.bincount(owners, residuals, rows), np.bincount(owners, residuals**2, rows)
        self._sums, self._squares = (_fixed(values.astype(np.float32)) for values in sums)

    def counts(self, rows: tf.Tensor) -> tf.Tensor:
        """Rows [B] to the number of their ratings, float [B]."""
        return tf.cast(tf.gather(self.row_splits, rows + 1) - tf.gather(self.row_splits, rows), tf.float32)

    def sums(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Rows [B] to the sums of their residuals and of the squares of these, [B] each."""
        return tf.gather(self._sums, rows), tf.gather(self._squares, rows)

    def place(self, rows: tf.Tensor, timestamps: tf.Tensor) -> tf.Tensor:
        """Place of the first rating of rows [B] that is not earlier than UTC seconds [B], [B]."""
        seconds = tf.clip_by_value(timestamps, 0, 2**SECONDS_BITS - 1)
        return tf.searchsorted(self._moments, rows * 2**SECONDS_BITS + seconds, out_type=tf.int64)

    def membership(self, rows: tf.Tensor, members: tf.Tensor) -> Membership:
        """Whether rows [B] hold members [B]."""
        pairs = rows * self._stride + members
        found = tf.searchsorted(self._pairs, pairs)
        # A member beyond the stride would be taken for one of the next row.
        held = (tf.gather(self._pairs, found) == pairs) & (members < self._stride)
        residual = tf.gather(self._pair_residuals, found)
        return Membership(tf.cast(held, tf.float32), tf.where(held, residual, tf.zeros_like(residual)))

    def matrices(self, rows: tf.Tensor, width: int) -> tuple[tf.SparseTensor, tf.SparseTensor]:
        """Rows [Q] to two sparse matrices [Q, width] over the embeddings of the other side.

        The first has a 1 for each rating, the second its residual.
        """
        starts = tf.gather(self.row_splits, rows)
        places = tf.ragged.range(starts, tf.gather(self.row_splits, rows + 1))
        columns = tf.cast(tf.gather(self.columns, places.values), tf.int64)
        indices = tf.stack([places.value_rowids(), columns], axis=1)
        shape = tf.stack([tf.size(rows, tf.int64), width])
        residuals = tf.gather(self.residuals, places.values)
        return (
            tf.SparseTensor(indices, tf.ones_like(residuals), shape),
            tf.SparseTensor(indices, residuals, shape),
        )


class RatingSets(tf.Module):
    """Both sides of the ratings of some splits.

    A user's ratings are kept less what is expected of the movie, and a movie's less what is expected of the
    rater. What is expected of a movie omits ratings of this user's other movies, so a rating that is to be
    predicted is left out by leaving out its pair alone.

    Args:
      states: the ratings, by user.
      catalogue: all movies.
      mean_rating: of training.
      limit: how many of a user's and of a movie's latest ratings are kept.
      assets: a folder for the files of ids, which the SavedModel copies.
      name: of these splits, part of the names of those files.

    Attributes:
      users: each user's ratings; its members are movies.
      movies: each movie's ratings; its members are users.
      genres: of each movie row, scaled to length 1, [M + 1, genres].
    """

    def __init__(
        self,
        states: UserStates,
        catalogue: Catalogue,
        *,
        mean_rating: float,
        limit: int,
        assets: str,
        name: str,
    ) -> None:
        super().__init__(name=name)
        user = states.users
        mean, user_bias, movie_bias = damped_biases(
            user,
            states.positions,
            states.ratings,
            (len(states.ids), len(catalogue)),
            mean_rating=mean_rating,
        )
        user_index = states.profile[features.USER_INDEX].astype(np.int64)
        self.users = RatingSet(
            user + 1,
            states.positions + 1,
            states.movie_index,
            states.ratings - mean - movie_bias[states.positions],
            states.timestamps,
            rows=len(states.ids) + 1,
            limit=limit,
        )
        self.movies = RatingSet(
            states.positions + 1,
            user + 1,
            user_index[user],
            states.ratings - mean - user_bias[user],
            states.timestamps,
            rows=len(catalogue) + 1,
            limit=limit,
        )
        genres = catalogue.columns[features.GENRES_MULTI_HOT].astype(np.float32)
        lengths = np.maximum(np.linalg.norm(genres, axis=1, keepdims=True), 1)
        self.genres = _fixed(np.concatenate([np.zeros_like(genres[:1]), genres / lengths]))
        self._user_rows = id_table(states.ids, os.path.join(assets, f"{name}_rating_users.txt"))
        self._movie_rows = id_table(catalogue.ids, os.path.join(assets, f"{name}_rating_movies.txt"))
        latest = states.timestamps[states.row_splits[1:] - 1]
        self._latest = _fixed(np.concatenate([[0], latest]).astype(np.int64))

    def user_rows(self, user_id: tf.Tensor) -> tf.Tensor:
        """Ids [B] to rows [B], 0 for an unknown one."""
        return self._user_rows.lookup(user_id) + 1

    def movie_rows(self, movie_id: tf.Tensor) -> tf.Tensor:
        """Ids [B] to rows [B], 0 for an unknown one."""
        return self._movie_rows.lookup(movie_id) + 1

    def latest(self, rows: tf.Tensor) -> tf.Tensor:
        """Rows [B] of users to the UTC seconds of their latest rating [B], 0 for an unknown one."""
        return tf.gather(self._latest, rows)


def _seconds(timestamps: IntArray) -> IntArray:
    return np.clip(timestamps.astype(np.int64), 0, 2**SECONDS_BITS - 1)


def _fixed(values: npt.NDArray[np.generic]) -> tf.Variable:
    return tf.Variable(values, trainable=False)
