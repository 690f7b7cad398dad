"""What a method is to do, whole or in parts that succeed or fail by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from serving.client.calls import Plan
from serving.client.errors import ServingError

_T = TypeVar("_T")


@dataclass(frozen=True)
class ClientRequest(Generic[_T]):
    """What a method is to do.

    Attributes:
      plan: its calls.
      timeout: seconds that it may take; None stands for the client's.
    """

    plan: Plan[_T]
    timeout: float | None


@dataclass(frozen=True)
class BatchRequest(Generic[_T]):
    """What a method over many rows is to do.

    Attributes:
      parts: for each request that the rows are cut into, its number of rows and its calls.
      timeout: seconds that each part may take; None stands for the client's.
    """

    parts: Sequence[tuple[int, Plan[list[_T]]]]
    timeout: float | None


@dataclass(frozen=True)
class BatchPart(Generic[_T]):
    """What became of a part: its results, or the error of all its rows."""

    results: Sequence[_T]
    error: ServingError | None
    rows: int


def joined(parts: Sequence[BatchPart[_T]]) -> list[_T | ServingError]:
    """One result a row, or its error.

    Raises:
      ServingError: all parts failed.
    """
    if parts and parts[0].error and all(part.error for part in parts):
        raise parts[0].error
    return [result for part in parts for result in ([part.error] * part.rows if part.error else part.results)]
