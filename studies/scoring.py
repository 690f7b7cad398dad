"""The one evaluator of all studies: ranked lists by id over the whole catalogue, and errors in stars."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from contracts.metrics import LIST_LENGTHS, MAE, NDCG_AT, RMSE
from contracts.signatures import EVALUATION_DEPTH
from pipeline.evaluation.ranked_ids import retrieval_by_user, slot_of
from studies.data.split_data import Floats, Ints, SplitData, SplitRatings
from studies.tasks import LIST_METRICS, NEW_USERS_NDCG

# Users scored at a time.
BATCH_USERS: Final = 256


def evaluated_users(evaluation: SplitRatings) -> Ints:
    """The users with a rating in the eval split, each once, ascending."""
    users: Ints = np.unique(evaluation.user)
    return users


def evaluated_slots(data: SplitData, lists: Sequence[Sequence[bytes]]) -> tuple[Ints, Ints]:
    """Where the movies of the eval split are in the lists.

    Args:
      data: the split.
      lists: for each of `evaluated_users`, the ranked movie ids, best first; an empty id is an empty slot.

    Returns:
      [rows] position of each eval rating's user among `evaluated_users`, and [rows] slot of its movie in the
      user's list, from 1; 0 where the list lacks it.
    """
    user = np.searchsorted(evaluated_users(data.evaluation), data.evaluation.user)
    movie_ids = data.movie_ids[data.evaluation.movie].tolist()
    slots = [slot_of(movie_id, lists[row]) for row, movie_id in zip(user, movie_ids, strict=True)]
    return user, np.array(slots, np.int64)


def retrieval_metrics(data: SplitData, lists: Sequence[Sequence[bytes]]) -> dict[str, float]:
    """Means over the users of the eval split.

    Args:
      data: every rating of its eval split is relevant, whatever its stars.
      lists: as of `evaluated_slots`.

    Returns:
      The metrics by name, those of `RETRIEVAL_METRICS`.
    """
    row, slots = evaluated_slots(data, lists)
    by_user = retrieval_by_user(row, slots, LIST_LENGTHS)
    metrics = dict(zip(LIST_METRICS, by_user.mean(axis=0).tolist(), strict=True))
    new = ~np.isin(evaluated_users(data.evaluation), data.train.user)
    if new.any():
        metrics[NEW_USERS_NDCG] = float(by_user[new, LIST_METRICS.index(NDCG_AT[10])].mean())
    return metrics


def rating_metrics(predicted: Floats, rated: Floats) -> dict[str, float]:
    """RMSE and MAE in stars over rows, [n] each."""
    errors = predicted - rated
    return {RMSE: float(np.sqrt(np.mean(errors**2))), MAE: float(np.mean(np.abs(errors)))}


def ranked_lists(
    score: Callable[[Ints], Floats], data: SplitData, seed: int, depth: int = EVALUATION_DEPTH
) -> list[list[bytes]]:
    """The best movies of each evaluated user, without those of the train split; ties in random order.

    Args:
      score: users [B] to scores of all movies, [B, M].
      data: who is evaluated and what is left out.
      seed: of the order of ties.
      depth: movies in a list.

    Returns:
      Movie ids, best first; a list is shorter where fewer movies are left.
    """
    random = np.random.default_rng(seed)
    users = evaluated_users(data.evaluation)
    by_user = np.argsort(data.train.user, kind="stable")
    bounds = np.searchsorted(data.train.user[by_user], np.arange(len(data.user_ids) + 1))
    lists = []
    for start in range(0, len(users), BATCH_USERS):
        batch = users[start : start + BATCH_USERS]
        for user, scores in zip(batch, np.array(score(batch), np.float64), strict=True):
            rated = data.train.movie[by_user[bounds[user] : bounds[user + 1]]]
            scores[rated] = -np.inf
            order = np.lexsort((random.random(len(scores)), -scores))[:depth]
            lists.append(data.movie_ids[order[scores[order] > -np.inf]].tolist())
    return lists
