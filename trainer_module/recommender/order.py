"""The final order of the retrieved candidates, and how it is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from contracts.signatures import CANDIDATES

# The place of a candidate counts by its logarithm, as in NDCG.
_PLACES: Final = np.log(np.arange(1, CANDIDATES + 1))
_PLACE_DEVIATION: Final = float(_PLACES.std())
# Predicted ratings of one list deviate by more than rounding, or do not count.
_LEAST_DEVIATION: Final = 1e-4

# The weights of the predicted rating that validation chooses among.
WEIGHTS: Final = tuple(round(0.05 * step, 2) for step in range(41))
# The share of retrieval's recall@10 that an order has to keep on validation. Few held-out ratings decide on
# graded NDCG, and without this limit a weight that costs hits can be the best of them by chance.
LEAST_RECALL: Final = 0.97
# Where gains are graded: (2^stars - 1) / 31, of ratings up to 5 stars (Burges et al. 2005).
_MOST_STARS: Final = 5.0
# Ratings from which a movie counts as liked.
LIKED: Final = 4.0
_LENGTH: Final = 10

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FinalOrder:
    """A blend of where retrieval placed a candidate and which rating is predicted for it.

    Both are standardized, so that the weight does not depend on the rating scale or on how far apart one
    user's predicted ratings lie. Predicted ratings are not clipped to the scale, because clipped ones tie.

    Attributes:
      weight: of the predicted rating; 0 keeps the order of retrieval.
    """

    weight: float

    def scores(self, places: tf.Tensor, ratings: tf.Tensor, given: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
        """What the list is sorted by, descending.

        Args:
          places: of each candidate in the list of retrieval, from 0, int32 [B, C].
          ratings: predicted and not clipped, [B, C].
          given: which slots hold a candidate, [B, C].
          known: which users are in the models, [B]; the order of retrieval stands for the others.

        Returns:
          Scores [B, C]; slots without a candidate have the lowest float.
        """
        placed = -tf.math.log(tf.cast(places, tf.float32) + 1.0) / _PLACE_DEVIATION
        count = tf.maximum(tf.reduce_sum(tf.cast(given, tf.float32), axis=1, keepdims=True), 1.0)
        of_given = tf.where(given, ratings, 0.0)
        centred = tf.where(given, ratings - tf.reduce_sum(of_given, axis=1, keepdims=True) / count, 0.0)
        deviation = tf.sqrt(tf.reduce_sum(tf.square(centred), axis=1, keepdims=True) / count)
        standardized = tf.where(deviation > _LEAST_DEVIATION, centred / tf.maximum(deviation, 1e-12), 0.0)
        weight = tf.where(known, float(self.weight), 0.0)[:, tf.newaxis]
        return tf.where(given, placed + weight * standardized, placed.dtype.min)


@dataclass(frozen=True)
class ValidationLists:
    """What retrieval recommends to users of whom some ratings were held out.

    Attributes:
      user_id: [U].
      movie_id: candidates, best first, [U, N].
      stars: the held-out rating of each candidate, 0 where there is none, [U, N].
      wanted: the held-out ratings of each user, in or outside of the list, [T] and their users [T].
    """

    user_id: npt.NDArray[np.bytes_]
    movie_id: npt.NDArray[np.bytes_]
    stars: Floats
    wanted: tuple[Floats, npt.NDArray[np.int64]]


def fit_order(lists: ValidationLists, ratings: Floats) -> tuple[FinalOrder, dict[str, object]]:
    """Chooses the weight of the predicted rating by graded NDCG@10 on validation; the lowest of equal ones.

    A weight that loses more than 3 % of retrieval's recall@10 is not chosen.

    Args:
      lists: of a retrieval model that was not trained on the held-out ratings.
      ratings: predicted for the candidates by a ranking model that was not either, not clipped, [U, N].

    Returns:
      The order, and a record: users, ratings, and metrics of the retrieval order and of the chosen one.
    """
    places = np.broadcast_to(np.arange(ratings.shape[1]), ratings.shape)
    inputs = [
        tf.constant(places, tf.int32),
        tf.constant(ratings, tf.float32),
        tf.ones(ratings.shape, tf.bool),
        tf.ones(len(ratings), tf.bool),
    ]
    found = {}
    for weight in WEIGHTS:
        scores = FinalOrder(weight).scores(*inputs).numpy()
        order = np.argsort(-scores, axis=1, kind="stable")
        found[weight] = list_metrics(np.take_along_axis(lists.stars, order, axis=1), *lists.wanted)
    least = LEAST_RECALL * found[WEIGHTS[0]]["recall@10"]
    allowed = [weight for weight in WEIGHTS if found[weight]["recall@10"] >= least]
    best = max(allowed, key=lambda weight: found[weight]["graded_ndcg@10"])
    return FinalOrder(best), {
        "weight": best,
        "candidates": CANDIDATES,
        "validation": {
            "users": len(ratings),
            "ratings": len(lists.wanted[0]),
            "retrieval_order": found[WEIGHTS[0]],
            "final_order": found[best],
        },
        "graded_ndcg@10_by_weight": {str(weight): found[weight]["graded_ndcg@10"] for weight in WEIGHTS},
    }


def list_metrics(stars: Floats, wanted: Floats, users: npt.NDArray[np.int64]) -> dict[str, float]:
    """Recall@10, recall@10 of liked movies, and graded NDCG@10, as `pipeline.evaluation` has them.

    Args:
      stars: the held-out rating in each slot of each list, 0 where there is none, [U, N].
      wanted: all held-out ratings, [T].
      users: whose they are, a row of `stars`, [T].
    """
    top, count = stars[:, :_LENGTH], len(stars)
    discounts = 1.0 / np.log2(np.arange(_LENGTH) + 2.0)
    recalls = []
    for least in (0.0, LIKED):
        all_of_user = np.bincount(users, wanted >= least, count)
        hits = ((top > 0) & (top >= least)).sum(axis=1)
        some = all_of_user > 0
        recalls.append(float((hits[some] / all_of_user[some]).mean()) if some.any() else 0.0)
    ideal = 0.0
    for user in range(count):
        best = np.sort(_gain(wanted[users == user]))[::-1][:_LENGTH]
        ideal += float(best @ discounts[: len(best)])
    reached = float((_gain(top) @ discounts[: top.shape[1]]).sum())
    return {
        "recall@10": recalls[0],
        "liked_recall@10": recalls[1],
        "graded_ndcg@10": reached / ideal if ideal else 0.0,
    }


def _gain(stars: Floats) -> Floats:
    gains: Floats = (2.0**stars - 1.0) / (2.0**_MOST_STARS - 1.0)
    return gains
