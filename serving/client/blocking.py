"""The client that blocks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from serving.client import endpoint
from serving.client.calls import BrokenContractError, Call, Plan
from serving.client.deadline import Deadline
from serving.client.endpoint import ChannelOptions, Endpoint, Tls, Token
from serving.client.errors import ServingError
from serving.client.parts import BatchPart, BatchRequest, ClientRequest, joined
from serving.client.pool import ChannelPool, PoolClosedError
from serving.client.requests import ClientRequests
from serving.client.telemetry import OnRequest, Telemetry

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


def _blocking_many(
    make: Callable[Concatenate[ClientRequests, _P], BatchRequest[_T]],
) -> Callable[Concatenate[Client, _P], list[_T | ServingError]]:
    """The method that makes these requests and waits for their results."""

    @functools.wraps(make)
    def method(self: Client, /, *args: _P.args, **options: _P.kwargs) -> list[_T | ServingError]:
        return self._run_many(make(self._requests, *args, **options))

    return method


class Client:
    """Recommendations from a model server, over gRPC.

    It connects at the first call. Threads may share it; close it at the end, or use it in a `with` block:

        with Client("localhost:8500") as client:
            for movie in client.recommend("42", k=10).movies:
                print(movie.title, movie.predicted_rating)

    Every call takes a `timeout`, the seconds that it may take, pauses and both stages included (None stands
    for the client's), and a version: a number, a label, or None for the latest. A request that does not reach
    the server (UNAVAILABLE) is sent again, up to four times, after growing pauses; nothing else is. Every
    call raises `ServingError` if it fails, and ValueError or TypeError, before anything is sent, for an
    argument that cannot be meant.

    The methods whose names end in `_many` cut a long list into requests, each of which has the `timeout`.
    They return one result a row; a row whose request failed has the `ServingError` in its place
    (`raise_failures` raises it), and only if all requests failed is it raised.

    Args:
      address: host and port of the server's gRPC service.
      timeout: seconds that a call may take, unless it is given its own.
      tls: None connects in the clear.
      token: sent as `authorization: Bearer ...` with every request, which takes TLS; a function is called
        each time.
      connections: the most connections, and so the most requests of one batch call that are under way at
        the same time.
      batch_size: the most users, histories or movies in one request; a longer list is cut.
      titles: whether lists come with titles, most of the bytes of an answer; without them every title is "".
      channel_options: of gRPC, by name, beside or instead of the client's own: round robin over all addresses
        of the server, keepalive pings while a call is under way, attempts and sizes of messages.
      on_request: is called with a `RequestRecord` after each request, for metrics. Where the API of
        OpenTelemetry is installed, each request is also a span.

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
        titles: bool = True,
        channel_options: ChannelOptions | None = None,
        on_request: OnRequest | None = None,
    ) -> None:
        self._endpoint = Endpoint(
            address, timeout, tls, token, connections, batch_size, channel_options or {}
        )
        self._telemetry = Telemetry(address, on_request)
        self._requests = ClientRequests(batch_size, titles)
        self._pool = ChannelPool(connections, lambda: self._endpoint.channel(grpc))
        # They wait for the requests of batch calls and start with the first of those.
        self._threads = ThreadPoolExecutor(connections, "serving-client")

    recommend = _blocking(ClientRequests.recommend)
    recommend_many = _blocking_many(ClientRequests.recommend_many)
    retrieve = _blocking(ClientRequests.retrieve)
    retrieve_many = _blocking_many(ClientRequests.retrieve_many)
    retrieve_from_history = _blocking(ClientRequests.retrieve_from_history)
    retrieve_from_history_many = _blocking_many(ClientRequests.retrieve_from_history_many)
    similar = _blocking(ClientRequests.similar)
    similar_many = _blocking_many(ClientRequests.similar_many)
    rank = _blocking(ClientRequests.rank)
    rank_many = _blocking_many(ClientRequests.rank_many)
    rate_examples = _blocking(ClientRequests.rate_examples)
    metadata = _blocking(ClientRequests.metadata)
    status = _blocking(ClientRequests.status)

    def close(self) -> None:
        """Closes the connections; calls that are under way, and later ones, end with CANCELLED."""
        for channel in self._pool.close():
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
            call = next(request.plan)
            while True:
                try:
                    response = self._call(call, deadline)
                except ServingError as error:
                    call = request.plan.throw(error)
                else:
                    call = request.plan.send(response)
        except StopIteration as end:
            result: _T = end.value
            return result
        except BrokenContractError as error:
            raise self._endpoint.broke_contract(error) from error

    def _run_many(self, request: BatchRequest[_T]) -> list[_T | ServingError]:
        def part(rows: int, plan: Plan[list[_T]]) -> BatchPart[_T]:
            try:
                return BatchPart(self._run(ClientRequest(plan, request.timeout)), None, rows)
            except ServingError as error:
                return BatchPart([], error, rows)

        if len(request.parts) < 2:
            return joined([part(*each) for each in request.parts])
        try:
            return joined(list(self._threads.map(part, *zip(*request.parts))))
        except RuntimeError as error:
            # The threads take nothing more from a client that is closed.
            if self._pool.closed:
                raise self._endpoint.closed(next(request.parts[0][1])) from error
            raise

    def _call(self, call: Call, deadline: Deadline) -> Any:
        timeout = deadline.left(call)
        metadata = self._endpoint.metadata()
        with self._telemetry.request(call) as sent:
            try:
                with self._pool.channel() as channel:
                    method = channel.unary_unary(call.method, response_deserializer=call.parse)
                    headers = (*metadata, *sent.headers)
                    sent.response = method(call.request, timeout=timeout, metadata=headers)
                    return sent.response
            except grpc.RpcError as error:
                raise self._endpoint.failed(call, error) from error
            except PoolClosedError as error:
                raise self._endpoint.closed(call) from error
            except ValueError as error:
                # What gRPC raises where a channel is closed between two lines of this method.
                if self._pool.closed:
                    raise self._endpoint.closed(call) from error
                raise
