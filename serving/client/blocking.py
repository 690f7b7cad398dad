"""The client that blocks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from serving.client import endpoint
from serving.client.calls import BrokenContractError, Call, Outcome
from serving.client.deadline import Deadline
from serving.client.endpoint import Endpoint, Tls, Token
from serving.client.errors import ServingError
from serving.client.pool import ChannelPool
from serving.client.requests import ClientRequest, ClientRequests

if TYPE_CHECKING:  # novermin
    # Python 3.10 has them, and the client runs on 3.9.
    from typing import Concatenate, ParamSpec

    _P = ParamSpec("_P")

_T = TypeVar("_T")


def _blocking(
    make: Callable[Concatenate[ClientRequests, _P], ClientRequest[_T]],
) -> Callable[Concatenate[Client, _P], _T]:
    """The method that makes this request and waits for its result."""

    @functools.wraps(make)
    def method(self: Client, /, *args: _P.args, **options: _P.kwargs) -> _T:
        return self._run(make(self._requests, *args, **options))

    return method


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
      timeout: seconds that a call may take, unless it is given its own.
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
        self._requests = ClientRequests(batch_size)
        self._pool = ChannelPool(connections, lambda: self._endpoint.channel(grpc))
        # They wait for the requests of batch calls and start with the first of those.
        self._threads = ThreadPoolExecutor(connections, "serving-client")

    recommend = _blocking(ClientRequests.recommend)
    recommend_many = _blocking(ClientRequests.recommend_many)
    retrieve = _blocking(ClientRequests.retrieve)
    retrieve_many = _blocking(ClientRequests.retrieve_many)
    retrieve_from_history = _blocking(ClientRequests.retrieve_from_history)
    retrieve_from_history_many = _blocking(ClientRequests.retrieve_from_history_many)
    similar = _blocking(ClientRequests.similar)
    similar_many = _blocking(ClientRequests.similar_many)
    rank = _blocking(ClientRequests.rank)
    rank_many = _blocking(ClientRequests.rank_many)
    metadata = _blocking(ClientRequests.metadata)
    status = _blocking(ClientRequests.status)

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

    def _run(self, request: ClientRequest[_T]) -> _T:
        deadline = self._endpoint.deadline(request.timeout)
        try:
            several = next(request.plan)
            while True:
                several = request.plan.send(self._outcomes(several, deadline))
        except StopIteration as end:
            result: _T = end.value
            return result
        except BrokenContractError as error:
            raise self._endpoint.broke_contract(error) from error

    def _outcomes(self, several: Sequence[Call], deadline: Deadline) -> list[Outcome]:
        def outcome(call: Call) -> Outcome:
            try:
                return self._call(call, deadline)
            except ServingError as error:
                return error

        run = map if len(several) < 2 else self._threads.map
        return list(run(outcome, several))

    def _call(self, call: Call, deadline: Deadline) -> Any:
        try:
            with self._pool.channel() as channel:
                method = channel.unary_unary(call.method, response_deserializer=call.parse)
                timeout = deadline.left(call)
                return method(call.request, timeout=timeout, metadata=self._endpoint.metadata())
        except grpc.RpcError as error:
            raise self._endpoint.failed(call, error) from error
