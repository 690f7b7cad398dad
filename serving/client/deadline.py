"""How long a method of the client may go on."""

from __future__ import annotations

import time

import grpc

from serving.client.calls import Call
from serving.client.errors import ServingError


class Deadline:
    """The time that a method has, from now on, for all of its requests."""

    def __init__(self, seconds: float, address: str) -> None:
        self._seconds = seconds
        self._address = address
        self._end = time.monotonic() + seconds

    def left(self, call: Call) -> float:
        """Seconds that are left.

        Raises:
          ServingError: none are.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            reason = f"the {self._seconds:g} s for it are over"
            raise ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, call.model, self._address, reason)
        return left
