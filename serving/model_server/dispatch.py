"""Runs requests in worker threads, a bounded number of them at once."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import grpc

from serving.model_server.errors import ModelServerError

Answer = TypeVar("Answer")


class Dispatcher:
    """The worker threads of a server.

    The event loop keeps answering what is quick (health, status, metadata) while models compute in the
    threads.
    """

    def __init__(self, threads: int, max_requests: int) -> None:
        """Starts without threads; they come with the first requests.

        Args:
          threads: how many requests compute at once.
          max_requests: how many may be under way, those that wait for a thread included.
        """
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._max_requests = max_requests
        self._lock = threading.Lock()
        self._under_way = 0

    @property
    def under_way(self) -> int:
        """How many requests there are now."""
        return self._under_way

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Computes an answer in a thread.

        If the caller is cancelled, because its client has gone or its deadline has passed, work that has not
        begun never does.

        Raises:
          ModelServerError: RESOURCE_EXHAUSTED, there are too many requests.
        """
        with self._lock:
            if self._under_way >= self._max_requests:
                raise ModelServerError(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"{self._under_way} requests are under way, which is the limit of this server",
                )
            self._under_way += 1
        future = self._threads.submit(work)
        future.add_done_callback(self._done)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Ends the threads, which must be idle."""
        self._threads.shutdown(wait=True)

    def _done(self, _: Future[Answer]) -> None:
        with self._lock:
            self._under_way -= 1
