"""Recall, NDCG and reciprocal rank of ranked movie ids, and what the first slots of a list show."""

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

# Slots that a user is taken to look at, and what they show: different movies, and the sum of the logarithms
# of their popularity.
FIRST: Final = 10
# Stars from which a movie is liked, and up to which it is disliked.
LIKED: Final = 4.0
DISLIKED: Final = 2.0
# Columns of `graded_by_user`.
GRADED_SUMS: Final = 6
Shown: TypeAlias = tuple[tuple[bytes, ...], float]


def slot_of(movie_id: bytes, ranked: Sequence[bytes]) -> int:
    """Slot of a movie in a ranked list, from 1; 0 where the list lacks it.

    A repeated id counts at its first place and takes the later one too; an empty id is an empty slot.
    """
    return ranked.index(movie_id) + 1 if movie_id in ranked else 0


def shown_list(ranked: Sequence[bytes], popularity: Sequence[float] | None) -> Shown:
    """What the slots of a list show: a repeated id counts once, an empty slot not at all.

    Args:
      ranked: movie ids, best first.
      popularity: training ratings of each of them; without it the sum is NaN.

    Returns:
      The movies, and the sum of log(1 + popularity) over them.
    """
    places = {movie: place for place, movie in reversed(list(enumerate(ranked))) if movie}
    movies = tuple(sorted(places, key=places.__getitem__))
    if popularity is None:
        return movies, math.nan
    return movies, sum(math.log1p(popularity[places[movie]]) for movie in movies)


def retrieval_by_user(user: Ints, slot: Ints, lengths: Sequence[int]) -> Floats:
    """Measures the ranked list of every user, by id.

    With R the movies that a user rated in the evaluated split, and h(i) = 1 where slot i = 1, 2, ... of the
    user's list holds one of them:

    * recall@k = sum_{i<=k} h(i) / |R|. A user with more than k relevant movies cannot reach 1; some papers
      divide by min(|R|, k) instead.
    * NDCG@k = sum_{i<=k} h(i) / log2(i + 1), over the same sum for a perfect list, whose first min(|R|, k)
      slots all hit.
    * reciprocal rank = 1 / (first slot that hits), 0 where none does. Its mean is the MRR.

    Recall and NDCG as in Krichene and Rendle, On Sampled Metrics for Item Recommendation, KDD 2020; the
    reciprocal rank as in Voorhees, The TREC-8 Question Answering Track Report, 1999.

    Args:
      user: [rows] number of the row's user, 0..users-1; every user has a row, every movie of R one row.
      slot: [rows] slot of the row's movie in the list of its user, from 1; 0 where the list lacks it.
      lengths: [n] each k at which recall and NDCG are taken.

    Returns:
      [users, 2n + 1] recall at each k, NDCG at each k, and reciprocal rank, all in 0..1.

    Example: a user rated a, b and c, and the list is x, a, y, b. The slots are 2, 4 and 0, and the metrics at
    10 are 2/3, (1/log2(3) + 1/log2(5)) / (1 + 1/log2(3) + 1/2) and 1/2.
    """
    relevant = np.bincount(user)
    ideal = np.cumsum(1.0 / np.log2(np.arange(1, max(lengths) + 1) + 1.0))
    gain = 1.0 / np.log2(np.maximum(slot, 1) + 1.0)
    hits = [(slot > 0) & (slot <= k) for k in lengths]
    reciprocal = np.zeros(relevant.size)
    np.maximum.at(reciprocal, user, (slot > 0) / np.maximum(slot, 1))
    return np.stack(
        [
            *(np.bincount(user, hit) / relevant for hit in hits),
            *(
                np.bincount(user, hit * gain) / ideal[np.minimum(relevant, k) - 1]
                for k, hit in zip(lengths, hits, strict=True)
            ),
            reciprocal,
        ],
        axis=1,
    )


def graded_by_user(user: Ints, slot: Ints, stars: Floats) -> Floats:
    """Sums behind the metrics of a list of how its movies were liked, in its first ten slots.

    A movie is liked from 4 stars and disliked up to 2. Its gain is (2^stars - 1) / 31 (Burges et al.,
    Learning to Rank using Gradient Descent, ICML 2005), discounted by log2(slot + 1).

    Args:
      user: as of `retrieval_by_user`.
      slot: as of `retrieval_by_user`.
      stars: [rows] the rating of the row's movie.

    Returns:
      [users, GRADED_SUMS] whether the user liked a movie, the recall of those, the discounted gain of the
      list and of a perfect one, the movies found, and those of them that were disliked.
    """
    users = int(user.max(initial=-1)) + 1
    hit = (slot > 0) & (slot <= FIRST)
    liked = np.bincount(user, stars >= LIKED, users)
    gain = (2.0**stars - 1.0) / 31.0
    # The perfect list has the user's movies by falling gain.
    order = np.lexsort((-gain, user))
    place = np.arange(user.size) - np.searchsorted(user[order], user[order])
    ideal = np.where(place < FIRST, gain[order] / np.log2(place + 2.0), 0.0)
    return np.stack(
        [
            np.minimum(liked, 1.0),
            np.bincount(user, hit & (stars >= LIKED), users) / np.maximum(liked, 1.0),
            np.bincount(user, np.where(hit, gain / np.log2(np.maximum(slot, 1) + 1.0), 0.0), users),
            np.bincount(user[order], ideal, users),
            np.bincount(user, hit, users),
            np.bincount(user, hit & (stars <= DISLIKED), users),
        ],
        axis=1,
    )
