"""The list that a user gets: from one model where the server has one that returns it, else in two stages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import grpc

from contracts import signatures
from serving.client.batches import check_ids, check_k, chunks
from serving.client.calls import Plan, Version, responses
from serving.client.errors import ServingError
from serving.client.results import Recommendation
from serving.client.retrieval import found_by, recommend_call
from serving.client.two_stages import as_recommendation, recommend_in_two_stages

# How long a client does not try again a server without any of them.
_REMEMBERED_SECONDS: Final = 60.0


class ListModels:
    """The models that return a whole list, the one first that a server was seen to have.

    Threads may share one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._names: tuple[str, ...] = (signatures.RECOMMENDER, signatures.JOINT)
        self._missing_until = clock()

    def names(self) -> tuple[str, ...]:
        """The models to call, in this order; none where they were all missing a short while ago."""
        return () if self._clock() < self._missing_until else self._names

    def answered(self, name: str) -> None:
        """Puts a model first."""
        self._names = (name, *(other for other in self._names if other != name))

    def all_missing(self) -> None:
        """Spares the next calls the requests that the server has just refused."""
        self._missing_until = self._clock() + _REMEMBERED_SECONDS


def recommend(
    user_ids: Sequence[str],
    k: int,
    retrieved: int,
    exclude: Mapping[str, Sequence[str]],
    version: Version,
    stage_versions: tuple[Version, Version],
    batch_size: int,
    models: ListModels,
) -> Plan[list[Recommendation]]:
    """The k best movies for each user, in one call of each batch where the server can do that.

    Args:
      user_ids: the users.
      k: the most movies per user.
      retrieved: movies to retrieve per user, in two stages.
      exclude: movies to leave out, by user.
      version: of the model that returns whole lists; one that is missing is an error.
      stage_versions: of retrieval and of ranking; either makes it two stages.
      batch_size: the most users of a request.
      models: where to look for that model.

    Raises:
      ServingError: a request failed.
      ValueError: versions of both ways were requested.
    """
    check_ids("user_ids", user_ids)
    check_k(k)
    of_stages = any(each is not None for each in stage_versions)
    if of_stages and version is not None:
        raise ValueError(
            "version is of the model that returns whole lists: it goes with no version of a stage"
        )
    if not user_ids:
        return []
    if not of_stages:
        batches = list(chunks(user_ids, batch_size))
        for model in models.names() if version is None else (signatures.RECOMMENDER,):
            outcomes = yield [recommend_call(model, users, k, exclude, version) for users in batches]
            if version is None and any(_is_missing(outcome) for outcome in outcomes):
                continue
            answers = responses(outcomes)
            models.answered(model)
            return [
                as_recommendation(user, found.without(exclude.get(user, ())), k, recommender=found.served_by)
                for users, answer in zip(batches, answers)
                for user, found in zip(users, found_by(answer, len(users), signatures.KNOWN_USER, rated=True))
            ]
        if models.names():
            models.all_missing()
    return (yield from recommend_in_two_stages(user_ids, k, retrieved, exclude, *stage_versions, batch_size))


def _is_missing(outcome: object) -> bool:
    return isinstance(outcome, ServingError) and outcome.code is grpc.StatusCode.NOT_FOUND
