"""What the retrieval model learns from and is validated on, made from the users' ratings of training."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from contracts import features
from trainer_module.common.inputs import Batch, no_autograph
from trainer_module.common.user_states import UserStates
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters

# Catalogue positions that a query should find, [B, Y], NO_TARGET where a row has fewer.
TARGETS = "targets"
NO_TARGET = -1
# Positions of all that the users of validation have rated, [B, R], NO_TARGET where a row has fewer.
RATED = "rated"
# Users that validation ranks the catalogue for; more change little and cost as much as the epoch.
# Share of a user's movies that `held_out` examples predict.
HELD_OUT_SHARE = 0.5
VALIDATION_USERS = 20_000
VALIDATION_BATCH = 256
SHUFFLE_BUFFER = 1_000_000


@dataclass(frozen=True)
class Periods:
    """Stretches of time with equally many ratings.

    Attributes:
      edges: where the second and later ones start, UTC seconds, ascending.
    """

    edges: npt.NDArray[np.int64]

    @classmethod
    def of(cls, timestamps: npt.NDArray[np.int64], count: int) -> "Periods":
        """Cuts the time of some ratings into `count` periods."""
        shares = np.arange(1, count) / count
        return cls(np.quantile(timestamps, shares, method="higher").astype(np.int64))

    def index(self, timestamps: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """The period of each timestamp, from 1 to `count`."""
        found: npt.NDArray[np.int32] = 1 + np.searchsorted(self.edges, timestamps, side="right").astype(
            np.int32
        )
        return found


def with_period(
    states: UserStates, periods: Periods, hyperparameters: RetrievalHyperparameters
) -> UserStates:
    """The states with the period that each user's query is of; 0, which means now, without any rating."""
    rated = np.diff(states.row_splits) > 0
    period = np.zeros(len(states.ids), np.int32)
    if hyperparameters.as_of == "last_rating":
        period[rated] = periods.index(states.timestamps[states.row_splits[1:][rated] - 1])
    return states.with_profile({features.PERIOD_INDEX: period})


def validation_users(row_splits: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """The users that validation ranks the catalogue for, in order: those with a rating to be found.

    Args:
      row_splits: where each user's ratings to be found start, [U + 1].
      seed: chooses among more users than validation takes.
    """
    users = np.flatnonzero(np.diff(row_splits))
    chosen: npt.NDArray[np.int64] = np.sort(np.random.default_rng(seed).permutation(users)[:VALIDATION_USERS])
    return chosen


class RetrievalExamples:
    """Batches for the retrieval model from ratings that lie in memory, 4 bytes of history each.

    Args:
      states: the ratings to learn from, with the period of each user.
      periods: of all ratings.
      hyperparameters: which examples, how many at a time, how long a history.
    """

    def __init__(
        self, states: UserStates, periods: Periods, hyperparameters: RetrievalHyperparameters
    ) -> None:
        self._hyperparameters = hyperparameters
        self._splits = states.row_splits
        self._movies = tf.constant(states.movie_index)
        self._positions = tf.constant(states.positions)
        # A user all of whose ratings are held out is unknown, as one who comes after training.
        known = np.where(np.diff(states.row_splits) > 0, states.profile[features.USER_INDEX], 0)
        profile = {**states.profile, features.USER_INDEX: known}
        self._profile = {name: tf.constant(values) for name, values in profile.items()}
        self._states = states
        self._periods = periods

    def training_batches(self, seed: int) -> tf.data.Dataset:
        """One epoch, in another order at each iteration.

        Ratings of the same second lack an order, as those that a user sends off with one page. For `next`
        examples each epoch puts them into another one, by chance.
        """
        if self._hyperparameters.examples == "next":
            lengths = np.diff(self._splits)
            users = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
            rows = {
                "user": tf.constant(users),
                "start": tf.constant(self._splits[:-1][users]),
                "period": tf.constant(self._periods.index(self._states.timestamps)),
            }
            count, make, drawn = len(users), partial(self._next, rows), self._orders(users, seed)
        else:
            users = np.flatnonzero(np.diff(self._splits) > 1)
            count, make, drawn = len(users), partial(self._held_out, tf.constant(users)), _draws(seed)
        shuffled = tf.data.Dataset.range(count).shuffle(
            min(count, SHUFFLE_BUFFER), seed=seed, reshuffle_each_iteration=True
        )
        numbers = shuffled.batch(self._hyperparameters.batch_size)
        return tf.data.Dataset.zip((numbers, drawn)).map(make).prefetch(tf.data.AUTOTUNE)

    def _orders(self, users: npt.NDArray[np.int32], seed: int) -> tf.data.Dataset:
        """Endlessly the movies and their catalogue positions [N], in one order of the ties an epoch."""
        times = self._states.timestamps
        later = (np.diff(users, prepend=-1) != 0) | (np.diff(times, prepend=times[:1]) != 0)
        moments = tf.constant(np.cumsum(later), tf.float64)

        @no_autograph
        def order(draw: tf.Tensor) -> tf.data.Dataset:
            places = tf.argsort(moments + tf.random.stateless_uniform([len(users)], draw, dtype=tf.float64))
            ordered = (tf.gather(self._movies, places), tf.gather(self._positions, places))
            return tf.data.Dataset.from_tensors(ordered).repeat()

        return _draws(seed).take(1).flat_map(order)

    def validation_batches(
        self, positions: npt.NDArray[np.int32], row_splits: npt.NDArray[np.int64], seed: int
    ) -> tf.data.Dataset:
        """One row a user: everything the examples hold of it, and what it should be recommended.

        Args:
          positions: catalogue positions to be found, user after user.
          row_splits: where each user's start, [U + 1]; users with none are left out.
          seed: chooses among more users than validation takes.
        """
        users = validation_users(row_splits, seed)
        targets, splits = tf.constant(positions), tf.constant(row_splits)

        @no_autograph
        def make(users: tf.Tensor) -> Batch:
            history, _ = self._of_users(users, self._hyperparameters.history_limit)
            places, valid = _window(tf.gather(splits, users), tf.gather(splits, users + 1), None)
            found = tf.where(valid, tf.gather(targets, places), NO_TARGET)
            return {**self._queries(users, history), TARGETS: found, RATED: self._of_users(users, None)[1]}

        return tf.data.Dataset.from_tensor_slices(users).batch(VALIDATION_BATCH).map(make).cache()

    @no_autograph
    def _next(
        self, rows: Mapping[str, tf.Tensor], numbers: tf.Tensor, ordered: tuple[tf.Tensor, tf.Tensor]
    ) -> Batch:
        """Numbers of ratings [B] and `_orders` to what their users had rated before and the rated movies."""
        movies, positions = ordered
        users = tf.gather(rows["user"], numbers)
        starts = tf.gather(rows["start"], numbers)
        places, valid = _window(starts, numbers, self._hyperparameters.history_limit)
        history = tf.where(valid, tf.gather(movies, places), 0)
        return {
            **self._queries(users, history),
            features.PERIOD_INDEX: tf.gather(rows["period"], numbers),
            TARGETS: tf.gather(positions, numbers)[:, tf.newaxis],
        }

    @no_autograph
    def _held_out(self, users: tf.Tensor, numbers: tf.Tensor, draw: tf.Tensor) -> Batch:
        """Numbers among `users` [B] and a seed [2] to a part of what they have rated and the rest."""
        users = tf.gather(users, numbers)
        history, positions = self._of_users(users, self._hyperparameters.history_limit)
        chosen = tf.random.stateless_uniform(tf.shape(history), draw) < HELD_OUT_SHARE
        return {
            **self._queries(users, tf.where(chosen, 0, history)),
            TARGETS: tf.where(chosen, positions, NO_TARGET),
        }

    def _of_users(self, users: tf.Tensor, limit: int | None) -> tuple[tf.Tensor, tf.Tensor]:
        """The latest movies of users [B]: indices and catalogue positions, [B, H], padded in front."""
        splits = tf.constant(self._splits)
        places, valid = _window(tf.gather(splits, users), tf.gather(splits, users + 1), limit)
        history = tf.where(valid, tf.gather(self._movies, places), 0)
        return history, tf.where(valid, tf.gather(self._positions, places), NO_TARGET)

    def _queries(self, users: tf.Tensor, history: tf.Tensor) -> Batch:
        profile = {name: tf.gather(values, users) for name, values in self._profile.items()}
        return {**profile, features.HISTORY_MOVIE_INDEX: history}


def _draws(seed: int) -> tf.data.Dataset:
    """Endlessly seeds [2], others in each epoch; a random operation inside of `map` would repeat itself."""
    return tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)


def _window(starts: tf.Tensor, ends: tf.Tensor, limit: int | None) -> tuple[tf.Tensor, tf.Tensor]:
    """The last places before each end [B], as many as the longest row has or the limit allows.

    Returns:
      The places [B, W], newest last, and which of them are not before their start.
    """
    width = tf.reduce_max(ends - starts)
    if limit is not None:
        width = tf.minimum(width, limit)
    width = tf.maximum(width, 1)
    places = ends[:, tf.newaxis] - width + tf.range(width)[tf.newaxis, :]
    valid = places >= starts[:, tf.newaxis]
    return tf.maximum(places, 0), valid
