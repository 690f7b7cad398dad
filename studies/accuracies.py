"""Top-k accuracy over ratings, by score and by id: what ties are worth."""

from typing import NamedTuple

import numpy as np

from studies.data.split_data import Floats, Ints, SplitRatings
from studies.tasks import ACCURACY_LENGTHS, BY_ID, BY_SCORE, TIED


class Reading(NamedTuple):
    """Accuracies over the ratings of the eval split, for each of the list lengths.

    Attributes:
      by_score: as `tf.math.in_top_k` counts, ties and all.
      by_id: the movie itself in the list, ties in random order.
      tied: share of the ratings whose movie scores exactly as another one does.
    """

    by_score: dict[int, float]
    by_id: dict[int, float]
    tied: float

    def metrics(self) -> dict[str, float]:
        """The same by the names of `ACCURACY_METRICS`."""
        named = [
            {names[k]: value for k, value in metrics.items()}
            for names, metrics in ((BY_SCORE, self.by_score), (BY_ID, self.by_id))
        ]
        return {**named[0], **named[1], TIED: self.tied}


def read(scores: Floats, evaluation: SplitRatings, seed: int) -> Reading:
    """Top-k accuracies by score and by id over the whole catalogue, training movies included.

    Args:
      scores: [U, M].
      evaluation: the ratings that are looked for.
      seed: of the order of ties.
    """
    random = np.random.default_rng(seed)
    better, ties = _rivals(scores, evaluation.user, evaluation.movie)
    rank = better + np.floor(random.random(len(ties)) * (ties + 1)).astype(np.int64)
    return Reading(
        {k: float(np.mean(better < k)) for k in ACCURACY_LENGTHS},
        {k: float(np.mean(rank < k)) for k in ACCURACY_LENGTHS},
        float(np.mean(ties > 0)),
    )


def _rivals(scores: Floats, users: Ints, movies: Ints) -> tuple[Ints, Ints]:
    """How many movies score above each rating's own, and how many others score the same, [n] each."""
    better, ties = np.empty(len(users), np.int64), np.empty(len(users), np.int64)
    for row, (user, movie) in enumerate(zip(users, movies, strict=True)):
        own = scores[user, movie]
        # What is not a number is found nowhere.
        better[row] = np.count_nonzero(~(scores[user] <= own))
        ties[row] = np.count_nonzero(scores[user] == own) - 1
    return better, ties
