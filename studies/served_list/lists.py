"""The lists of all users: of a run's models behind a server, over gRPC, and of popularity beside them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.serving.local_server import local_server
from contracts.signatures import CANDIDATES
from pipeline.evaluation.ranked_ids import FIRST
from serving.client import Client, raise_failures
from studies.baselines.popularity import Popularity
from studies.child import StudyError
from studies.data.split_data import SplitData
from studies.scoring import evaluated_users, ranked_lists

FINAL, RETRIEVAL_ORDER, RATING_ORDER = "final list", "retrieval order", "rating order"
POPULARITY: Final = "popularity"
# For all users together, on a machine that has other things to do.
_TIMEOUT: Final = 600.0

RankedIds = list[list[str]]


def served_lists(models: Path, user_ids: Sequence[str]) -> dict[str, RankedIds]:
    """Serves what a run pushed and requests the list of each user in every order.

    Args:
      models: holds the folders of the servables.
      user_ids: the users.

    Returns:
      The ids of ten movies a user, by order: the list of `recommender`; the first of retrieval's; and the
      candidates of retrieval by the rating that ranking predicts, equal ones as retrieved.

    Raises:
      BenchmarkError: a model is missing or the server does not start.
      ServingError: a request failed.
      StudyError: a list is not the recommender's.
    """
    with (
        tempfile.TemporaryDirectory(prefix="served-list-") as folder,
        local_server(models, Path(folder)) as server,
        Client(server.address, timeout=_TIMEOUT) as client,
    ):
        recommended = raise_failures(client.recommend_many(user_ids, FIRST))
        retrieved = raise_failures(client.retrieve_many(user_ids, CANDIDATES))
        candidates = [[movie.movie_id for movie in found.movies] for found in retrieved]
        rated = raise_failures(client.rank_many(user_ids, candidates))
    if any(found.recommender is None for found in recommended):
        raise StudyError(f"{models}: the server lacks a model that returns the whole list")
    by_rating = [
        [found.movie_ids[place] for place in np.argsort(-np.array(found.predicted_ratings), kind="stable")]
        for found in rated
    ]
    return {
        FINAL: [[movie.movie_id for movie in found.movies] for found in recommended],
        RETRIEVAL_ORDER: [movies[:FIRST] for movies in candidates],
        RATING_ORDER: [movies[:FIRST] for movies in by_rating],
    }


def popular_lists(data: SplitData, seed: int) -> RankedIds:
    """The most rated movies of the train split that each evaluated user has not rated; ties at random."""
    popularity = Popularity()
    popularity.fit(data)
    found = ranked_lists(popularity.scores, data, seed, depth=FIRST)
    return [[movie.decode() for movie in movies] for movies in found]


def names_of_users(data: SplitData) -> list[str]:
    """The ids of the evaluated users, in the order of `evaluated_users`."""
    ids: list[bytes] = data.user_ids[evaluated_users(data.evaluation)].tolist()
    return [user_id.decode() for user_id in ids]
