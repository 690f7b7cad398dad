"""The list that a user gets: from one model where the server has one that returns it, else in two stages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import grpc

from contracts import signatures
from serving.client.calls import Plan, Version
from serving.client.errors import ServingError
from serving.client.results import Recommendation
from serving.client.retrieval import ListOutputs, found_by, recommend_call
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
    users: Sequence[str],
    k: int,
    retrieved: int,
    exclude: Mapping[str, Sequence[str]],
    version: Version,
    stage_versions: tuple[Version, Version],
    models: ListModels,
    titles: bool,
) -> Plan[list[Recommendation]]:
    """The k best movies for each user, in one call where the server can do that.

    Args:
      users: the users, as many as one request may have.
      k: the most movies per user.
      retrieved: movies to retrieve per user, in two stages.
      exclude: movies to leave out, by user.
      version: of the model that returns whole lists; one that is missing is an error.
      stage_versions: of retrieval and of ranking; either makes it two stages.
      models: where to look for that model.
      titles: whether the movies have titles.

    Raises:
      ServingError: a request failed.
    """
    wanted = ListOutputs(titles, rated=True)
    if stage_versions == (None, None):
        for model in models.names() if version is None else (signatures.RECOMMENDER,):
            try:
                answer = yield recommend_call(model, users, k, exclude, version, wanted)
            except ServingError as error:
                if version is None and error.code is grpc.StatusCode.NOT_FOUND:
                    continue
                raise
            models.answered(model)
            found = found_by(answer, len(users), wanted)
            return [
                as_recommendation(user, each.without(exclude.get(user, ())), k, recommender=each.served_by)
                for user, each in zip(users, found)
            ]
        if models.names():
            models.all_missing()
    return (yield from recommend_in_two_stages(users, k, retrieved, exclude, *stage_versions, titles))
