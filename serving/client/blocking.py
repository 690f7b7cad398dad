"""The client that blocks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

import grpc

from serving.client import calls, endpoint, ranking, retrieval
from serving.client.attempts import Attempts
from serving.client.calls import BrokenContractError, Call, Outcome, Plan, Version
from serving.client.endpoint import Endpoint, Tls, Token
from serving.client.errors import ServingError
from serving.client.pool import ChannelPool
from serving.client.results import ModelMetadata, MovieList, Ratings, Recommendation, VersionStatus

_T = TypeVar("_T")


class Client:
    """Recommendations from a model server, over gRPC.

    It connects at the first call. Threads may share it; close it at the end, or use it in a `with` block:

        with Client("localhost:8500") as client:
            for movie in client.recommend("42", k=10).movies:
                print(movie.title, movie.predicted_rating)

    Every call takes a `timeout`, the seconds that it may take altogether, pauses, both stages and all users
    included (None stands for the client's), and a version: a number, a label, or None for the latest. A
    request that does not reach the server
    (UNAVAILABLE) is sent again, up to four times, after growing pauses; nothing else is. Every call raises
    `ServingError` if it fails, and ValueError or TypeError, before anything is sent, for an argument that
    cannot be meant.

    Args:
      address: host and port of the server's gRPC service.
      timeout: seconds that a call may take, unless it says otherwise.
      tls: None connects in the clear.
      token: sent as `authorization: Bearer ...` with every request, which takes TLS; a function is called
        each time.
      connections: the most connections, and so the most requests of one batch call that are under way at
        the same time.
      batch_size: the most users, histories or movies in one request; a longer list is cut.

    Raises:
      OSError: a certificate cannot be read, at the first call.
      ValueError: the arguments contradict each other.
    """

    def __init__(
        self,
        address: str = endpoint.DEFAULT_ADDRESS,
        *,
        timeout: float = endpoint.DEFAULT_TIMEOUT,
        tls: Tls | None = None,
        token: Token | None = None,
        connections: int = endpoint.DEFAULT_CONNECTIONS,
        batch_size: int = endpoint.DEFAULT_BATCH_SIZE,
    ) -> None:
        self._endpoint = Endpoint(address, timeout, tls, token, connections, batch_size)
        self._pool = ChannelPool(connections, lambda: self._endpoint.channel(grpc))
        # They wait for the requests of batch calls and start with the first of those.
        self._threads = ThreadPoolExecutor(connections, "serving-client")

    def recommend(
        self,
        user_id: str,
        k: int = 10,
        *,
        candidates: int = endpoint.DEFAULT_CANDIDATES,
        exclude: Sequence[str] = (),
        retrieval_version: Version = None,
        ranking_version: Version = None,
        timeout: float | None = None,
    ) -> Recommendation:
        """Movies for a user in two stages: retrieve candidates, then order them by predicted rating.

        No movie is among them that the user has rated. A user who is not in the models gets candidates
        from what is popular. If the server has no ranking model, the movies come in the order of retrieval
        and `degraded` says so; a `ranking_version` that is requested and missing is an error.

        Args:
          user_id: the user.
          k: the most movies to return.
          candidates: movies to retrieve; `k` if that is more.
          exclude: ids of further movies to leave out.
        """
        [recommendation] = self.recommend_many(
            [user_id],
            k,
            candidates=candidates,
            exclude={user_id: exclude},
            retrieval_version=retrieval_version,
            ranking_version=ranking_version,
            timeout=timeout,
        )
        return recommendation

    def recommend_many(
        self,
        user_ids: Sequence[str],
        k: int = 10,
        *,
        candidates: int = endpoint.DEFAULT_CANDIDATES,
        exclude: Mapping[str, Sequence[str]] | None = None,
        retrieval_version: Version = None,
        ranking_version: Version = None,
        timeout: float | None = None,
    ) -> list[Recommendation]:
        """`recommend` for each of several users, in their order.

        Each answer carries the versions that it is from: while a server changes versions they can differ.

        Args:
          user_ids: the users.
          k: the most movies per user.
          candidates: movies to retrieve per user.
          exclude: ids of further movies to leave out, by user.
        """
        plan = ranking.recommend(
            user_ids,
            k,
            candidates,
            exclude or {},
            retrieval_version,
            ranking_version,
            self._endpoint.batch_size,
        )
        return self._run(plan, timeout)

    def retrieve(
        self,
        user_id: str,
        k: int = 10,
        *,
        exclude: Sequence[str] = (),
        version: Version = None,
        timeout: float | None = None,
    ) -> MovieList:
        """The first stage alone: the k movies of the highest retrieval score.

        The score is a dot product of the user and the movie; for an unknown user, recent popularity.

        Args:
          user_id: the user.
          k: the most movies to return.
          exclude: ids of movies to leave out, besides those that the user has rated.
        """
        [found] = self.retrieve_many(
            [user_id], k, exclude={user_id: exclude}, version=version, timeout=timeout
        )
        return found

    def retrieve_many(
        self,
        user_ids: Sequence[str],
        k: int = 10,
        *,
        exclude: Mapping[str, Sequence[str]] | None = None,
        version: Version = None,
        timeout: float | None = None,
    ) -> list[MovieList]:
        """`retrieve` for each of several users, in their order; `exclude` holds movies by user."""
        plan = retrieval.retrieve(user_ids, k, exclude or {}, version, self._endpoint.batch_size)
        return self._run(plan, timeout)

    def retrieve_from_history(
        self,
        movie_ids: Sequence[str],
        k: int = 10,
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> MovieList:
        """The k best movies for somebody of whom nothing is known but what they have seen.

        Args:
          movie_ids: movies that they have seen, the oldest first; none of them is returned.
          k: the most movies to return; the model has a limit of its own, which `metadata` shows.
        """
        [found] = self.retrieve_from_history_many([movie_ids], k, version=version, timeout=timeout)
        return found

    def retrieve_from_history_many(
        self,
        histories: Sequence[Sequence[str]],
        k: int = 10,
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> list[MovieList]:
        """`retrieve_from_history` for each of several people, in their order."""
        plan = retrieval.retrieve_from_history(histories, k, version, self._endpoint.batch_size)
        return self._run(plan, timeout)

    def similar(
        self, movie_id: str, k: int = 10, *, version: Version = None, timeout: float | None = None
    ) -> MovieList:
        """The k other movies that are nearest to a movie; the score is the cosine, -1 to 1.

        A movie that is not in the model has none.
        """
        [found] = self.similar_many([movie_id], k, version=version, timeout=timeout)
        return found

    def similar_many(
        self,
        movie_ids: Sequence[str],
        k: int = 10,
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> list[MovieList]:
        """`similar` for each of several movies, in their order."""
        return self._run(retrieval.similar(movie_ids, k, version, self._endpoint.batch_size), timeout)

    def rank(
        self,
        user_id: str,
        movie_ids: Sequence[str],
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> Ratings:
        """The second stage alone: the user's predicted ratings of these movies, in stars, in their order."""
        [ratings] = self.rank_many([user_id], [movie_ids], version=version, timeout=timeout)
        return ratings

    def rank_many(
        self,
        user_ids: Sequence[str],
        movie_ids: Sequence[Sequence[str]],
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> list[Ratings]:
        """`rank` for each of several users, in their order.

        Args:
          user_ids: the users, [B].
          movie_ids: one list of movies per user, of any lengths.
        """
        return self._run(ranking.rank(user_ids, movie_ids, version, self._endpoint.batch_size), timeout)

    def metadata(self, model: str, *, version: Version = None, timeout: float | None = None) -> ModelMetadata:
        """The signatures of a model: names, types and shapes of inputs and outputs."""
        return self._run(calls.metadata(model, version), timeout)

    def status(
        self, model: str, *, version: Version = None, timeout: float | None = None
    ) -> list[VersionStatus]:
        """The states of a model's versions, or of one of them, the newest first."""
        return self._run(calls.status(model, version), timeout)

    def close(self) -> None:
        """Closes the connections; calls that are under way end with CANCELLED."""
        for channel in self._pool.channels():
            channel.close()
        self._threads.shutdown()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, plan: Plan[_T], timeout: float | None) -> _T:
        attempts = Attempts(self._endpoint.timeout if timeout is None else timeout)
        try:
            several = next(plan)
            while True:
                several = plan.send(self._outcomes(several, attempts))
        except StopIteration as end:
            result: _T = end.value
            return result
        except BrokenContractError as error:
            raise self._endpoint.broke_contract(error) from error

    def _outcomes(self, several: Sequence[Call], attempts: Attempts) -> list[Outcome]:
        def outcome(call: Call) -> Outcome:
            try:
                return self._call(call, attempts)
            except ServingError as error:
                return error

        run = map if len(several) < 2 else self._threads.map
        return list(run(outcome, several))

    def _call(self, call: Call, attempts: Attempts) -> Any:
        failed = 0
        while True:
            try:
                with self._pool.channel() as channel:
                    method = channel.unary_unary(call.method, response_deserializer=call.parse)
                    return method(
                        call.request,
                        timeout=attempts.left(call, self._endpoint),
                        metadata=self._endpoint.metadata(),
                    )
            except grpc.RpcError as error:
                failed += 1
                time.sleep(attempts.pause(failed, self._endpoint.failed(call, error)))
