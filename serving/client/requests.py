"""The methods that both clients have: their arguments and what they do, whoever sends the calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from contracts.signatures import CANDIDATES
from serving.client import calls, examples, ranking, retrieval, whole_lists
from serving.client.calls import Plan, Version
from serving.client.results import (
    ExampleRatings,
    ModelMetadata,
    MovieList,
    Ratings,
    Recommendation,
    VersionStatus,
)

_T = TypeVar("_T")


@dataclass(frozen=True)
class ClientRequest(Generic[_T]):
    """What a method is to do.

    Attributes:
      plan: its calls.
      timeout: seconds that it may take; None stands for the client's.
    """

    plan: Plan[_T]
    timeout: float | None


class ClientRequests:
    """Makes the request of each method.

    Args:
      batch_size: the most users, histories or movies of one call.
    """

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._list_models = whole_lists.ListModels()

    def recommend(
        self,
        user_id: str,
        k: int = 10,
        *,
        candidates: int = CANDIDATES,
        exclude: Sequence[str] = (),
        version: Version = None,
        retrieval_version: Version = None,
        ranking_version: Version = None,
        timeout: float | None = None,
    ) -> ClientRequest[Recommendation]:
        """The list for a user, the best movie first, none that the user has rated.

        One call of `recommender`, or of `joint`. Where the server has neither, `retrieval` finds candidates
        and the version of `ranking` that is of the same run gives them the final order. If that version is
        missing, the latest one does it; if there is none, or one without `rerank`, the order is that of
        retrieval. `order`, `mixed_versions` and `degraded` of the result show it. A user who is not in the
        models gets what is popular.

        Args:
          user_id: the user.
          k: the most movies to return.
          candidates: movies to retrieve in two stages; `k` if that is more.
          exclude: ids of further movies to leave out.
          version: of `recommender`. A version that is requested and missing is an error.
          retrieval_version: makes it two stages, of which the first is of this version.
          ranking_version: makes it two stages, of which the second is of this version.
          timeout: seconds for all of it.
        """
        plan = self._recommend(
            [user_id], k, candidates, {user_id: exclude}, version, (retrieval_version, ranking_version)
        )
        return ClientRequest(_only(plan), timeout)

    def recommend_many(
        self,
        user_ids: Sequence[str],
        k: int = 10,
        *,
        candidates: int = CANDIDATES,
        exclude: Mapping[str, Sequence[str]] | None = None,
        version: Version = None,
        retrieval_version: Version = None,
        ranking_version: Version = None,
        timeout: float | None = None,
    ) -> ClientRequest[list[Recommendation]]:
        """`recommend` for each of several users, in their order.

        Each list carries the versions that it is from: while a server changes versions they can differ.

        Args:
          user_ids: the users.
          k: the most movies per user.
          candidates: movies to retrieve per user in two stages.
          exclude: ids of further movies to leave out, by user.
          version: see `recommend`.
          retrieval_version: see `recommend`.
          ranking_version: see `recommend`.
          timeout: seconds for all of it.
        """
        versions = (retrieval_version, ranking_version)
        return ClientRequest(
            self._recommend(user_ids, k, candidates, exclude or {}, version, versions), timeout
        )

    def retrieve(
        self,
        user_id: str,
        k: int = 10,
        *,
        exclude: Sequence[str] = (),
        version: Version = None,
        timeout: float | None = None,
    ) -> ClientRequest[MovieList]:
        """The first stage alone: the k movies of the highest retrieval score.

        The score is a dot product of the user and the movie; for an unknown user, recent popularity.

        Args:
          user_id: the user.
          k: the most movies to return.
          exclude: ids of movies to leave out, besides those that the user has rated.
          version: of the model; None stands for the latest.
          timeout: seconds that it may take.
        """
        plan = retrieval.retrieve([user_id], k, {user_id: exclude}, version, self._batch_size)
        return ClientRequest(_only(plan), timeout)

    def retrieve_many(
        self,
        user_ids: Sequence[str],
        k: int = 10,
        *,
        exclude: Mapping[str, Sequence[str]] | None = None,
        version: Version = None,
        timeout: float | None = None,
    ) -> ClientRequest[list[MovieList]]:
        """`retrieve` for each of several users, in their order; `exclude` holds movies by user."""
        plan = retrieval.retrieve(user_ids, k, exclude or {}, version, self._batch_size)
        return ClientRequest(plan, timeout)

    def retrieve_from_history(
        self,
        movie_ids: Sequence[str],
        k: int = 10,
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> ClientRequest[MovieList]:
        """The k best movies for somebody of whom nothing is known but what they have seen.

        Args:
          movie_ids: movies that they have seen, the oldest first; none of them is returned.
          k: the most movies to return; the model has a limit of its own, which `metadata` shows.
          version: of the model; None stands for the latest.
          timeout: seconds that it may take.
        """
        plan = retrieval.retrieve_from_history([movie_ids], k, version, self._batch_size)
        return ClientRequest(_only(plan), timeout)

    def retrieve_from_history_many(
        self,
        histories: Sequence[Sequence[str]],
        k: int = 10,
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> ClientRequest[list[MovieList]]:
        """`retrieve_from_history` for each of several people, in their order."""
        return ClientRequest(
            retrieval.retrieve_from_history(histories, k, version, self._batch_size), timeout
        )

    def similar(
        self, movie_id: str, k: int = 10, *, version: Version = None, timeout: float | None = None
    ) -> ClientRequest[MovieList]:
        """The k other movies that are nearest to a movie; the score is the cosine, -1 to 1.

        A movie that is not in the model has none.
        """
        return ClientRequest(_only(retrieval.similar([movie_id], k, version, self._batch_size)), timeout)

    def similar_many(
        self,
        movie_ids: Sequence[str],
        k: int = 10,
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> ClientRequest[list[MovieList]]:
        """`similar` for each of several movies, in their order."""
        return ClientRequest(retrieval.similar(movie_ids, k, version, self._batch_size), timeout)

    def rank(
        self,
        user_id: str,
        movie_ids: Sequence[str],
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> ClientRequest[Ratings]:
        """The second stage alone: the user's predicted ratings of these movies, in stars, in their order."""
        return ClientRequest(_only(ranking.rank([user_id], [movie_ids], version, self._batch_size)), timeout)

    def rank_many(
        self,
        user_ids: Sequence[str],
        movie_ids: Sequence[Sequence[str]],
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> ClientRequest[list[Ratings]]:
        """`rank` for each of several users, in their order.

        Args:
          user_ids: the users, [B].
          movie_ids: one list of movies per user, of any lengths.
          version: of the model; None stands for the latest.
          timeout: seconds that it may take.
        """
        return ClientRequest(ranking.rank(user_ids, movie_ids, version, self._batch_size), timeout)

    def rate_examples(
        self,
        rows: Sequence[Mapping[str, examples.Feature]],
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> ClientRequest[ExampleRatings]:
        """Predicted ratings, in stars, of (user, movie) pairs of which the raw features are given.

        It is for users whom the models have never seen and who say something about themselves, such as
        `raw_user_age` or what they have rated (`history_movie_ids`, `history_ratings`).

        Args:
          rows: raw features of the `ratings` schema by name; floats for features that are floats.
          version: of ranking; None stands for the latest.
          timeout: seconds that it may take.
        """
        return ClientRequest(examples.rate_examples(rows, version, self._batch_size), timeout)

    def metadata(
        self, model: str, *, version: Version = None, timeout: float | None = None
    ) -> ClientRequest[ModelMetadata]:
        """The signatures of a model: names, types and shapes of inputs and outputs."""
        return ClientRequest(calls.metadata(model, version), timeout)

    def status(
        self, model: str, *, version: Version = None, timeout: float | None = None
    ) -> ClientRequest[list[VersionStatus]]:
        """The states of a model's versions, or of one of them, the newest first."""
        return ClientRequest(calls.status(model, version), timeout)

    def _recommend(
        self,
        user_ids: Sequence[str],
        k: int,
        candidates: int,
        exclude: Mapping[str, Sequence[str]],
        version: Version,
        stage_versions: tuple[Version, Version],
    ) -> Plan[list[Recommendation]]:
        return whole_lists.recommend(
            user_ids, k, candidates, exclude, version, stage_versions, self._batch_size, self._list_models
        )


def _only(plan: Plan[list[_T]]) -> Plan[_T]:
    """The plan's only result."""
    [result] = yield from plan
    return result
