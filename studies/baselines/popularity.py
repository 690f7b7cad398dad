"""The same list for everybody: the most rated movies, of all time or of the last days of training."""

import numpy as np

from studies.baselines.base import RetrievalBaseline
from studies.data.split_data import Floats, Ints, SplitData

_SECONDS_A_DAY = 86_400


class Popularity:
    """Counts of training ratings.

    Args:
      days: the last days of training that count, all of them if None; all-time counts order equal ones.
    """

    def __init__(self, days: int | None = None) -> None:
        self._days = days

    def fit(self, data: SplitData) -> None:
        """Counts the ratings of each movie."""
        train, movies = data.train, len(data.movie_ids)
        total = np.bincount(train.movie, minlength=movies).astype(np.float64)
        self._scores: Floats = total
        if self._days is not None:
            recent = train.timestamp > train.timestamp.max(initial=0) - self._days * _SECONDS_A_DAY
            self._scores = np.bincount(train.movie[recent], minlength=movies) + total / (total.sum() + 1)

    def scores(self, users: Ints) -> Floats:
        """The counts for each of `users` [B], [B, M]."""
        return np.broadcast_to(self._scores, (len(users), len(self._scores)))


class NewUsersGetRecent:
    """Another baseline for those with a training rating, and recent popularity for everybody else.

    Args:
      baseline: ranks for known users.
      days: as of `Popularity`.
    """

    def __init__(self, baseline: RetrievalBaseline, days: int = 30) -> None:
        self._baseline = baseline
        self._recent = Popularity(days)

    def fit(self, data: SplitData) -> None:
        """Fits both."""
        self._known = np.bincount(data.train.user, minlength=len(data.user_ids)) > 0
        self._baseline.fit(data)
        self._recent.fit(data)

    def scores(self, users: Ints) -> Floats:
        """Users [B] to scores [B, M], of one baseline or the other."""
        known = self._known[users][:, np.newaxis]
        return np.where(known, self._baseline.scores(users), self._recent.scores(users))
