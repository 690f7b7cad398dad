"""The methods that both clients have: their arguments and what they do, whoever sends the calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from contracts.signatures import CANDIDATES
from serving.client import calls, examples, ranking, results, retrieval, whole_lists
from serving.client.batches import as_exclusions, as_ids, as_length, chunks
from serving.client.calls import Plan, Version
from serving.client.parts import BatchRequest, ClientRequest
from serving.client.results import ModelMetadata, MovieList, Ratings, Recommendation, VersionStatus

_T = TypeVar("_T")
_Row = TypeVar("_Row")


class ClientRequests:
    """Makes the request of each method.

    The methods over many rows return one result a row. A row whose request failed has the `ServingError` in
    its place, and only if all requests fail is the first error raised.

    Args:
      batch_size: the most users, histories or movies of one call.
      titles: whether lists have titles.
    """

    def __init__(self, batch_size: int, titles: bool) -> None:
        self._batch_size = batch_size
        self._titles = titles
        self._list_models = whole_lists.ListModels()

    def recommend(
        self,
        user_id: str,
        k: int = 10,
        *,
        candidates: int = CANDIDATES,
        exclude: Iterable[str] = (),
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
        versions = (retrieval_version, ranking_version)
        one = self._recommend([user_id], k, candidates, {user_id: exclude}, version, versions, timeout)
        return _only(one)

    def recommend_many(
        self,
        user_ids: Iterable[str],
        k: int = 10,
        *,
        candidates: int = CANDIDATES,
        exclude: Mapping[str, Iterable[str]] | None = None,
        version: Version = None,
        retrieval_version: Version = None,
        ranking_version: Version = None,
        timeout: float | None = None,
    ) -> BatchRequest[Recommendation]:
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
          timeout: seconds for each request of at most `batch_size` users.
        """
        versions = (retrieval_version, ranking_version)
        return self._recommend(user_ids, k, candidates, exclude, version, versions, timeout)

    def retrieve(
        self,
        user_id: str,
        k: int = 10,
        *,
        exclude: Iterable[str] = (),
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
        one = self.retrieve_many([user_id], k, exclude={user_id: exclude}, version=version, timeout=timeout)
        return _only(one)

    def retrieve_many(
        self,
        user_ids: Iterable[str],
        k: int = 10,
        *,
        exclude: Mapping[str, Iterable[str]] | None = None,
        version: Version = None,
        timeout: float | None = None,
    ) -> BatchRequest[MovieList]:
        """`retrieve` for each of several users, in their order; `exclude` holds movies by user."""
        users, length, hidden = as_ids("user_ids", user_ids), as_length("k", k), as_exclusions(exclude)
        return self._cut(
            users,
            lambda user: max(length, len(hidden.get(user, ()))),
            lambda some: retrieval.retrieve(some, length, hidden, version, self._titles),
            timeout,
        )

    def retrieve_from_history(
        self,
        movie_ids: Iterable[str],
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
        return _only(self.retrieve_from_history_many([movie_ids], k, version=version, timeout=timeout))

    def retrieve_from_history_many(
        self,
        histories: Iterable[Iterable[str]],
        k: int = 10,
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> BatchRequest[MovieList]:
        """`retrieve_from_history` for each of several people, in their order."""
        rows, length = [as_ids("history", history) for history in histories], as_length("k", k)
        plan = partial(retrieval.retrieve_from_history, k=length, version=version, titles=self._titles)
        return self._cut(rows, len, plan, timeout)

    def similar(
        self, movie_id: str, k: int = 10, *, version: Version = None, timeout: float | None = None
    ) -> ClientRequest[MovieList]:
        """The k other movies that are nearest to a movie; the score is the cosine, -1 to 1.

        A movie that is not in the model has none.
        """
        return _only(self.similar_many([movie_id], k, version=version, timeout=timeout))

    def similar_many(
        self,
        movie_ids: Iterable[str],
        k: int = 10,
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> BatchRequest[MovieList]:
        """`similar` for each of several movies, in their order."""
        movies, length = as_ids("movie_ids", movie_ids), as_length("k", k)
        plan = partial(retrieval.similar, k=length, version=version, titles=self._titles)
        return self._cut(movies, lambda _: length, plan, timeout)

    def rank(
        self,
        user_id: str,
        movie_ids: Iterable[str],
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> ClientRequest[Ratings]:
        """The second stage alone: the user's predicted ratings of these movies, in stars, in their order."""
        return _only(self.rank_many([user_id], [movie_ids], version=version, timeout=timeout))

    def rank_many(
        self,
        user_ids: Iterable[str],
        movie_ids: Iterable[Iterable[str]],
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> BatchRequest[Ratings]:
        """`rank` for each of several users, in their order.

        Args:
          user_ids: the users, [B].
          movie_ids: one list of movies per user, of any lengths.
          version: of the model; None stands for the latest.
          timeout: seconds that it may take.
        """
        users = as_ids("user_ids", user_ids)
        rows = [as_ids("movie_ids", movies) for movies in movie_ids]
        if len(users) != len(rows):
            raise ValueError(f"there are {len(users)} users and {len(rows)} lists of movies")
        pairs = list(zip(users, rows))
        return self._cut(pairs, lambda pair: len(pair[1]), lambda some: ranking.rank(some, version), timeout)

    def rate_examples(
        self,
        rows: Sequence[Mapping[str, examples.Feature]],
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> ClientRequest[results.ExampleRatings]:
        """Predicted ratings, in stars, from raw features, for users whom the models have never seen.

        Args:
          rows: of each (user, movie) pair, features of the `ratings` schema by name, such as `raw_user_age`.
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
        user_ids: Iterable[str],
        k: int,
        candidates: int,
        exclude: Mapping[str, Iterable[str]] | None,
        version: Version,
        stage_versions: tuple[Version, Version],
        timeout: float | None,
    ) -> BatchRequest[Recommendation]:
        users, hidden = as_ids("user_ids", user_ids), as_exclusions(exclude)
        length, retrieved = as_length("k", k), as_length("candidates", candidates)
        if version is not None and stage_versions != (None, None):
            raise ValueError(
                "version is of the model that returns whole lists: it goes with no version of a stage"
            )
        return self._cut(
            users,
            lambda user: max(length, retrieved, len(hidden.get(user, ()))),
            lambda some: whole_lists.recommend(
                some, length, retrieved, hidden, version, stage_versions, self._list_models, self._titles
            ),
            timeout,
        )

    def _cut(
        self,
        rows: Iterable[_Row],
        width: Callable[[_Row], int],
        plan: Callable[[list[_Row]], Plan[list[_T]]],
        timeout: float | None,
    ) -> BatchRequest[_T]:
        cut = chunks(rows, self._batch_size, width)
        return BatchRequest([(len(some), plan(some)) for some in cut], timeout)


def _only(request: BatchRequest[_T]) -> ClientRequest[_T]:
    """The request for the one row of a batch."""
    [(_, plan)] = request.parts

    def first() -> Plan[_T]:
        [result] = yield from plan
        return result

    return ClientRequest(first(), request.timeout)
