"""What lists are worth on withheld ratings: recall, recall of liked movies, graded NDCG, and their spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from contracts.metrics import COVERAGE, GRADED_NDCG, LIKED_RECALL, RECALL_AT
from pipeline.evaluation.ranked_ids import FIRST, graded_by_user, retrieval_by_user
from studies.data.split_data import Floats, SplitData
from studies.scoring import evaluated_slots

# The metrics of `metrics_of`, in their order.
METRICS: Final = (RECALL_AT[FIRST], LIKED_RECALL, GRADED_NDCG)
MOST_COMMON: Final = "most common movie"
RESAMPLES: Final = 2000

Lists = Sequence[Sequence[bytes]]


class Difference(NamedTuple):
    """A metric of one list minus that of another.

    Attributes:
      value: the difference.
      low: lower end of its 95 % interval.
      high: upper end of it.
      relative: the difference as a share of the other list's metric; None if that is 0.
    """

    value: float
    low: float
    high: float
    relative: float | None


def sums_by_user(data: SplitData, lists: Lists) -> Floats:
    """What the metrics are ratios of the sums of.

    Args:
      data: its eval ratings are the withheld ones.
      lists: the ranked ids of each of `evaluated_users`, best first.

    Returns:
      [users, metrics, 2] numerator and denominator.
    """
    user, slot = evaluated_slots(data, lists)
    recall = retrieval_by_user(user, slot, [FIRST])[:, 0]
    liked_users, liked, gained, ideal, *_ = graded_by_user(user, slot, data.evaluation.rating).T
    terms = np.stack([recall, np.ones_like(recall), liked, liked_users, gained, ideal], axis=1)
    ratios: Floats = terms.reshape(-1, len(METRICS), 2)
    return ratios


def metrics_of(totals: Floats) -> Floats:
    """Totals [..., metrics, 2] to metrics [..., metrics], 0 where nobody liked a movie."""
    above, below = totals[..., 0], totals[..., 1]
    return np.asarray(np.divide(above, below, out=np.zeros_like(above), where=below > 0))


def differences(ours: Floats, theirs: Floats, seed: int) -> list[Difference]:
    """One list minus another, each metric the mean over fits, with intervals from resampled users.

    The draws are the same for both lists and all fits, so the intervals are those of pairs.

    Args:
      ours: [fits, users, metrics, 2], `sums_by_user` of each fit.
      theirs: the same of the other list.
      seed: seeds the resampling.
    """
    both = np.stack([ours, theirs])
    users = both.shape[2]
    generator = np.random.default_rng(seed)

    def means(weights: Floats) -> Floats:
        """[2, metrics]."""
        return np.asarray(metrics_of(np.einsum("u,lfumr->lfmr", weights, both)).mean(axis=1))

    value = means(np.ones(users))
    drawn = np.array(
        [
            means(np.bincount(generator.integers(users, size=users), minlength=users).astype(np.float64))
            for _ in range(RESAMPLES)
        ]
    )
    ends = np.percentile(drawn[:, 0] - drawn[:, 1], [2.5, 97.5], axis=0)
    return [
        Difference(one - other, low, high, (one - other) / other if other else None)
        for one, other, low, high in zip(*value.tolist(), *ends.tolist(), strict=True)
    ]


def spread(lists: Lists, movies: int) -> dict[str, float]:
    """Of the first ten slots: the share of the catalogue in a list, and of the lists with one movie most."""
    times = Counter(movie for ranked in lists for movie in dict.fromkeys(ranked[:FIRST]))
    return {COVERAGE: len(times) / movies, MOST_COMMON: max(times.values()) / len(lists)}
