"""When a call is tried again, and how long a method may go on."""

from __future__ import annotations

import random
import time
from typing import Final

import grpc

from serving.client.calls import Call
from serving.client.endpoint import Endpoint
from serving.client.errors import ServingError

# Attempts per call, the first included, and the pause before each further one: twice the last one's limit,
# and a random part of the second half of it, so that clients which failed together do not return together.
_ATTEMPTS: Final = 5
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 1.0


class Attempts:
    """How long a method of the client may still take, and when a call of it is tried again."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self, call: Call, endpoint: Endpoint) -> float:
        """Seconds that are left.

        Raises:
          ServingError: none are.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            reason = f"the {self._seconds:g} s for it are over"
            raise ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, call.model, endpoint.address, reason)
        return left

    def pause(self, failed: int, error: ServingError) -> float:
        """Seconds to wait before the next attempt.

        Args:
          failed: attempts of this call so far.
          error: how the last of them failed.

        Raises:
          ServingError: that error, if the call is not to be tried again: the server was reached, it was the
            last attempt, or there is no time for another.
        """
        if error.code is not grpc.StatusCode.UNAVAILABLE or failed >= _ATTEMPTS:
            raise error
        pause = backoff(failed, random.random())
        if time.monotonic() + pause >= self._end:
            raise error
        return pause


def backoff(failed: int, chance: float) -> float:
    """Seconds between attempt number `failed` and the next, for a `chance` from 0 to 1."""
    longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** (failed - 1))
    return longest * (1 + chance) / 2
