"""Connections that are shared by the calls of a client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any


@dataclass
class _Lane:
    channel: Any
    calls: int = 0


class PoolClosedError(Exception):
    """The client was closed."""


class ChannelPool:
    """Opens a channel when all others are busy, up to a number of them; then shares the least busy one.

    Threads may share a pool.

    Attributes:
      closed: whether its client was closed.
    """

    def __init__(self, size: int, open_channel: Callable[[], Any]) -> None:
        self._size = size
        self._open_channel = open_channel
        self._lanes: list[_Lane] = []
        self.closed = False
        self._lock = Lock()

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """A channel for one call.

        Raises:
          PoolClosedError: the pool was closed.
        """
        with self._lock:
            if self.closed:
                raise PoolClosedError
            lane = min(self._lanes, key=lambda each: each.calls, default=None)
            if lane is None or (lane.calls and len(self._lanes) < self._size):
                lane = _Lane(self._open_channel())
                self._lanes.append(lane)
            lane.calls += 1
        try:
            yield lane.channel
        finally:
            with self._lock:
                lane.calls -= 1

    def close(self) -> list[Any]:
        """Opens no more channels, and returns those that were opened, for the caller to close."""
        with self._lock:
            self.closed = True
            return [lane.channel for lane in self._lanes]
