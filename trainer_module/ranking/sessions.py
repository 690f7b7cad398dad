"""Features of a rating from the user's others of about the same time and of about the same genres."""

from typing import Final

import tensorflow as tf

from trainer_module.ranking.rating_sets import RatingSets

# People rate in sessions, and their mood and the page they rate from last for one: weights of the other
# ratings fall by e in so many seconds.
DECAYS: Final = (3.0, 30.0, 120.0, 600.0, 3600.0, 86_400.0)
# How many of a user's ratings are read, half of them before the point in time and half from there on.
WINDOW: Final = 128
# Decay of the weights that genres count in too.
GENRE_DECAY: Final = 300.0
# Pseudo-ratings at 0 that damp a mean over few ratings.
DAMPING: Final = 2.0
USER_DAMPING: Final = 5.0
# Pairs of mean and logarithm of weight, and then mean, logarithm of number and deviation of all ratings.
SESSION_FEATURES: Final = 2 * (len(DECAYS) + 2) + 3


class Sessions:
    """Kernel means of the residuals of a user's other ratings near a point in time.

    For each kernel w, sum_j w_j (r_j - m) / (sum_j w_j + DAMPING) over the user's ratings j of other movies,
    with m the damped mean of their residuals r. Kernels are exp(-|t - t_j| / decay), the squared cosine of
    the genres, and the product of both.

    Args:
      window: how many ratings are read, half of them before the point in time and half from there on.
    """

    def __init__(self, window: int) -> None:
        self._half = (window + 1) // 2

    def __call__(
        self, sets: RatingSets, users: tf.Tensor, movies: tf.Tensor, timestamps: tf.Tensor
    ) -> tf.Tensor:
        """Rows of users and movies [B] and UTC seconds [B] to [B, SESSION_FEATURES].

        The rating of that movie itself, where there is one, is never read.
        """
        rated = sets.users
        own = rated.membership(users, movies)
        count = rated.counts(users) - own.held
        total, squares = rated.sums(users)
        mean = (total - own.residual) / (count + USER_DAMPING)
        spread = tf.maximum(squares - tf.square(own.residual) - count * tf.square(mean), 0.0)
        places, kept = self._window(sets, users, timestamps)
        kept = kept & (tf.gather(rated.members, places) != tf.cast(movies, tf.int32)[:, tf.newaxis])
        weights = tf.cast(kept, tf.float32)
        residuals = tf.gather(rated.residuals, places) - mean[:, tf.newaxis]
        gaps = tf.abs(tf.gather(rated.timestamps, places) - timestamps[:, tf.newaxis])
        seconds = tf.cast(gaps, tf.float32)
        genres = tf.gather(sets.genres, tf.gather(rated.members, places))
        cosines = tf.linalg.matvec(genres, tf.gather(sets.genres, movies))
        alike = weights * tf.square(cosines)
        kernels = [weights * tf.exp(-seconds / decay) for decay in DECAYS]
        kernels += [alike, alike * tf.exp(-seconds / GENRE_DECAY)]
        columns = []
        for kernel in kernels:
            weight = tf.reduce_sum(kernel, axis=1)
            columns.append(tf.reduce_sum(kernel * residuals, axis=1) / (weight + DAMPING))
            columns.append(tf.math.log1p(weight))
        columns += [mean, tf.math.log1p(count), tf.sqrt(spread / (count + 1.0) + 0.1)]
        return tf.stack(columns, axis=1)

    def _window(
        self, sets: RatingSets, users: tf.Tensor, timestamps: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Places of the ratings around points in time [B, window] and which of them are the user's own."""
        starts = tf.gather(sets.users.row_splits, users)
        stops = tf.gather(sets.users.row_splits, users + 1)
        middles = sets.users.place(users, timestamps)
        places = middles[:, tf.newaxis] + tf.range(-self._half, self._half, dtype=tf.int64)
        kept = (places >= starts[:, tf.newaxis]) & (places < stops[:, tf.newaxis])
        return tf.where(kept, places, tf.zeros_like(places)), kept
