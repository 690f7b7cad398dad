"""The client for asyncio."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
from grpc import aio

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


def _awaited(
    make: Callable[Concatenate[ClientRequests, _P], ClientRequest[_T]],
) -> Callable[Concatenate[AsyncClient, _P], Awaitable[_T]]:
    """The method that makes this request and is awaited for its result."""

    @functools.wraps(make)
    async def method(self: AsyncClient, /, *args: _P.args, **options: _P.kwargs) -> _T:
        return await self._run(make(self._requests, *args, **options))

    return method


def _awaited_many(
    make: Callable[Concatenate[ClientRequests, _P], BatchRequest[_T]],
) -> Callable[Concatenate[AsyncClient, _P], Awaitable[list[_T | ServingError]]]:
    """The method that makes these requests and is awaited for their results."""

    @functools.wraps(make)
    async def method(self: AsyncClient, /, *args: _P.args, **options: _P.kwargs) -> list[_T | ServingError]:
        return await self._run_many(make(self._requests, *args, **options))

    return method


class AsyncClient:
    """`Client` with methods to await: the same arguments, answers and errors.

    It belongs to the event loop of its first call.

        async with AsyncClient("localhost:8500") as client:
            recommendation = await client.recommend("42", k=10)
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
        self._pool = ChannelPool(connections, lambda: self._endpoint.channel(aio))

    recommend = _awaited(ClientRequests.recommend)
    recommend_many = _awaited_many(ClientRequests.recommend_many)
    retrieve = _awaited(ClientRequests.retrieve)
    retrieve_many = _awaited_many(ClientRequests.retrieve_many)
    retrieve_from_history = _awaited(ClientRequests.retrieve_from_history)
    retrieve_from_history_many = _awaited_many(ClientRequests.retrieve_from_history_many)
    similar = _awaited(ClientRequests.similar)
    similar_many = _awaited_many(ClientRequests.similar_many)
    rank = _awaited(ClientRequests.rank)
    rank_many = _awaited_many(ClientRequests.rank_many)
    rate_examples = _awaited(ClientRequests.rate_examples)
    metadata = _awaited(ClientRequests.metadata)
    status = _awaited(ClientRequests.status)

    async def close(self) -> None:
        """`Client.close`."""
        for channel in self._pool.close():
            await channel.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run(self, request: ClientRequest[_T]) -> _T:
        deadline = self._endpoint.deadline(request.timeout)
        try:
            call = next(request.plan)
            while True:
                try:
                    response = await self._call(call, deadline)
                except ServingError as error:
                    call = request.plan.throw(error)
                else:
                    call = request.plan.send(response)
        except StopIteration as end:
            result: _T = end.value
            return result
        except BrokenContractError as error:
            raise self._endpoint.broke_contract(error) from error

    async def _run_many(self, request: BatchRequest[_T]) -> list[_T | ServingError]:
        # As many requests at a time as there are connections, as in the client that blocks.
        slots = asyncio.Semaphore(self._endpoint.connections)

        async def part(rows: int, plan: Plan[list[_T]]) -> BatchPart[_T]:
            try:
                async with slots:
                    return BatchPart(await self._run(ClientRequest(plan, request.timeout)), None, rows)
            except ServingError as error:
                return BatchPart([], error, rows)

        return joined(await asyncio.gather(*(part(*each) for each in request.parts)))

    async def _call(self, call: Call, deadline: Deadline) -> Any:
        timeout = deadline.left(call)
        metadata = self._endpoint.metadata()
        with self._telemetry.request(call) as sent:
            try:
                with self._pool.channel() as channel:
                    method = channel.unary_unary(call.method, response_deserializer=call.parse)
                    headers = (*metadata, *sent.headers)
                    sent.response = await method(call.request, timeout=timeout, metadata=headers)
                    return sent.response
            except grpc.RpcError as error:
                raise self._endpoint.failed(call, error) from error
            except PoolClosedError as error:
                raise self._endpoint.closed(call) from error
            except (asyncio.CancelledError, aio.UsageError) as error:
                # How a call ends whose channel is closed. Without that, somebody has cancelled the task.
                if self._pool.closed:
                    raise self._endpoint.closed(call) from error
                raise
