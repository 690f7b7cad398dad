"""How long a method of the client may go on."""

from __future__ import annotations

import math
import time
from typing import Final

import grpc

from serving.client.calls import Call
from serving.client.errors import ServingError

# gRPC cannot wait for ever, and who waits for longer than a day has made a mistake.
_LONGEST_SECONDS: Final = 86_400.0


def check_timeout(seconds: float) -> float:
    """Refuses what is not a length of time.

    Raises:
      TypeError: it is not a number.
      ValueError: it is not above 0 and at most a day; infinity and NaN are not.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"the timeout is {seconds!r}: it has to be a number of seconds")
    if not (math.isfinite(seconds) and 0 < seconds <= _LONGEST_SECONDS):
        raise ValueError(
            f"the timeout is {seconds} seconds: it has to be above 0 and at most {_LONGEST_SECONDS:,.0f}"
        )
    return seconds


class Deadline:
    """The time that a method has, from now on, for its calls."""

    def __init__(self, seconds: float, address: str) -> None:
        self._seconds = check_timeout(seconds)
        self._address = address
        self._start = time.monotonic()

    def left(self, call: Call) -> float:
        """Seconds that are left for a call.

        Raises:
          ServingError: none are.
        """
        left = self._start + self._seconds * call.share - time.monotonic()
        if left <= 0:
            reason = f"the {self._seconds:g} s for it are over"
            raise ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, call.model, self._address, reason)
        return left
