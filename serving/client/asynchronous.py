"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

import grpc
from grpc import aio

from serving.client import calls, endpoint, ranking, retrieval
from serving.client.attempts import Attempts
from serving.client.calls import BrokenContractError, Call, Outcome, Plan, Version
from serving.client.endpoint import Endpoint, Tls, Token
from serving.client.errors import ServingError
from serving.client.pool import ChannelPool
from serving.client.results import ModelMetadata, MovieList, Ratings, Recommendation, VersionStatus

_T = TypeVar("_T")


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
    ) -> None:
        self._endpoint = Endpoint(address, timeout, tls, token, connections, batch_size)
        self._pool = ChannelPool(connections, lambda: self._endpoint.channel(aio))

    async def recommend(
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
        """`Client.recommend`."""
        [recommendation] = await self.recommend_many(
            [user_id],
            k,
            candidates=candidates,
            exclude={user_id: exclude},
            retrieval_version=retrieval_version,
            ranking_version=ranking_version,
            timeout=timeout,
        )
        return recommendation

    async def recommend_many(
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
        """`Client.recommend_many`."""
        plan = ranking.recommend(
            user_ids,
            k,
            candidates,
            exclude or {},
            retrieval_version,
            ranking_version,
            self._endpoint.batch_size,
        )
        return await self._run(plan, timeout)

    async def retrieve(
        self,
        user_id: str,
        k: int = 10,
        *,
        exclude: Sequence[str] = (),
        version: Version = None,
        timeout: float | None = None,
    ) -> MovieList:
        """`Client.retrieve`."""
        [found] = await self.retrieve_many(
            [user_id], k, exclude={user_id: exclude}, version=version, timeout=timeout
        )
        return found

    async def retrieve_many(
        self,
        user_ids: Sequence[str],
        k: int = 10,
        *,
        exclude: Mapping[str, Sequence[str]] | None = None,
        version: Version = None,
        timeout: float | None = None,
    ) -> list[MovieList]:
        """`Client.retrieve_many`."""
        plan = retrieval.retrieve(user_ids, k, exclude or {}, version, self._endpoint.batch_size)
        return await self._run(plan, timeout)

    async def retrieve_from_history(
        self,
        movie_ids: Sequence[str],
        k: int = 10,
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> MovieList:
        """`Client.retrieve_from_history`."""
        [found] = await self.retrieve_from_history_many([movie_ids], k, version=version, timeout=timeout)
        return found

    async def retrieve_from_history_many(
        self,
        histories: Sequence[Sequence[str]],
        k: int = 10,
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> list[MovieList]:
        """`Client.retrieve_from_history_many`."""
        plan = retrieval.retrieve_from_history(histories, k, version, self._endpoint.batch_size)
        return await self._run(plan, timeout)

    async def similar(
        self, movie_id: str, k: int = 10, *, version: Version = None, timeout: float | None = None
    ) -> MovieList:
        """`Client.similar`."""
        [found] = await self.similar_many([movie_id], k, version=version, timeout=timeout)
        return found

    async def similar_many(
        self,
        movie_ids: Sequence[str],
        k: int = 10,
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> list[MovieList]:
        """`Client.similar_many`."""
        return await self._run(retrieval.similar(movie_ids, k, version, self._endpoint.batch_size), timeout)

    async def rank(
        self,
        user_id: str,
        movie_ids: Sequence[str],
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> Ratings:
        """`Client.rank`."""
        [ratings] = await self.rank_many([user_id], [movie_ids], version=version, timeout=timeout)
        return ratings

    async def rank_many(
        self,
        user_ids: Sequence[str],
        movie_ids: Sequence[Sequence[str]],
        *,
        version: Version = None,
        timeout: float | None = None,
    ) -> list[Ratings]:
        """`Client.rank_many`."""
        plan = ranking.rank(user_ids, movie_ids, version, self._endpoint.batch_size)
        return await self._run(plan, timeout)

    async def metadata(
        self, model: str, *, version: Version = None, timeout: float | None = None
    ) -> ModelMetadata:
        """`Client.metadata`."""
        return await self._run(calls.metadata(model, version), timeout)

    async def status(
        self, model: str, *, version: Version = None, timeout: float | None = None
    ) -> list[VersionStatus]:
        """`Client.status`."""
        return await self._run(calls.status(model, version), timeout)

    async def close(self) -> None:
        """`Client.close`."""
        for channel in self._pool.channels():
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

    async def _run(self, plan: Plan[_T], timeout: float | None) -> _T:
        attempts = Attempts(self._endpoint.timeout if timeout is None else timeout)
        # As many requests at a time as there are connections, as in the client that blocks.
        slots = asyncio.Semaphore(self._endpoint.connections)

        async def outcome(call: Call) -> Outcome:
            try:
                async with slots:
                    return await self._call(call, attempts)
            except ServingError as error:
                return error

        try:
            several = next(plan)
            while True:
                several = plan.send(await asyncio.gather(*map(outcome, several)))
        except StopIteration as end:
            result: _T = end.value
            return result
        except BrokenContractError as error:
            raise self._endpoint.broke_contract(error) from error

    async def _call(self, call: Call, attempts: Attempts) -> Any:
        failed = 0
        while True:
            try:
                with self._pool.channel() as channel:
                    method = channel.unary_unary(call.method, response_deserializer=call.parse)
                    return await method(
                        call.request,
                        timeout=attempts.left(call, self._endpoint),
                        metadata=self._endpoint.metadata(),
                    )
            except grpc.RpcError as error:
                failed += 1
                await asyncio.sleep(attempts.pause(failed, self._endpoint.failed(call, error)))
