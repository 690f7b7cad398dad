"""How recommended lists spread over the catalogue: coverage, concentration and popularity bias."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

# The part of the catalogue that counts as its head: the most rated tenth.
HEAD_SHARE: Final = 0.1


@dataclass(frozen=True)
class ListSpread:
    """What lists of movies have in common.

    Attributes:
      lists: how many lists.
      slots: recommended movies in all lists together; empty slots do not count.
      distinct: different movies in them.
      coverage: `distinct` as a share of the catalogue.
      gini: Gini coefficient of how often each movie of the catalogue is recommended: 0 if all are equally
        often, near 1 if few movies fill all lists.
      head_share: share of the slots with a movie of the most rated tenth of the catalogue.
      mean_ratings: mean number of training ratings of the movie in a slot.
    """

    lists: int
    slots: int
    distinct: int
    coverage: float
    gini: float
    head_share: float
    mean_ratings: float


def spread_of(lists: Sequence[Sequence[bytes]], train_ratings: Mapping[bytes, int]) -> ListSpread:
    """Measures lists against the whole catalogue.

    Popularity bias as in Abdollahpouri et al. 2019, Managing Popularity Bias in Recommender Systems.

    Args:
      lists: of movie ids; b"" is an empty slot.
      train_ratings: ratings in training of each movie of the catalogue.
    """
    position = {movie: number for number, movie in enumerate(train_ratings)}
    ratings = np.fromiter(train_ratings.values(), np.int64, len(train_ratings))
    slots = np.array([position[movie] for ranked in lists for movie in ranked if movie in position], np.int64)
    times = np.bincount(slots, minlength=len(position))
    in_head = head_of(ratings)
    filled = max(len(slots), 1)
    return ListSpread(
        lists=len(lists),
        slots=len(slots),
        distinct=int(np.count_nonzero(times)),
        coverage=float(np.count_nonzero(times) / max(len(position), 1)),
        gini=gini(times),
        head_share=float(np.count_nonzero(in_head[slots]) / filled),
        mean_ratings=float(ratings[slots].sum() / filled),
    )


def head_of(ratings: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which movies are in the head of the catalogue, [M]: the tenth with most ratings, one at least."""
    head = np.zeros(len(ratings), np.bool_)
    head[np.argsort(-ratings, kind="stable")[: max(1, round(HEAD_SHARE * len(ratings)))]] = True
    return head


def gini(counts: npt.NDArray[np.int64]) -> float:
    """Gini coefficient of non-negative counts, 0..1; 0 where there is nothing to share."""
    total, size = counts.sum(), len(counts)
    if not total:
        return 0.0
    ranks = np.arange(1, size + 1)
    return float(np.sum((2 * ranks - size - 1) * np.sort(counts)) / (size * total))
