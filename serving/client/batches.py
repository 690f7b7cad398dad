"""Lists of ids, cut into requests and laid out as matrices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np

from serving.client.tensors import Array

_T = TypeVar("_T")


def check_ids(name: str, ids: Sequence[str]) -> None:
    """Refuses what is not a sequence of ids.

    Raises:
      TypeError: it is one id, or holds something that is not a str.
    """
    if isinstance(ids, str | bytes):
        raise TypeError(f"{name} takes a list of ids, not one id: {ids!r}")
    for each in ids:
        if not isinstance(each, str):
            raise TypeError(f"{name} takes ids of type str: {each!r} is of type {type(each).__name__}")


def chunks(items: Sequence[_T], size: int) -> Iterator[list[_T]]:
    """The items in lists of `size`, of which the last may be shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def padded(rows: Sequence[Sequence[str]]) -> Array:
    """Rows of ids as a matrix [rows, longest], with "" at the end of shorter ones."""
    matrix = np.full((len(rows), max(map(len, rows), default=0)), "", object)
    for row, ids in zip(matrix, rows):
        row[: len(ids)] = ids
    return matrix


def check_k(k: int) -> None:
    """Refuses a length of list that no model can give.

    Raises:
      ValueError: it is below 1 or does not fit an int32.
    """
    if not 0 < k < 2**31:
        raise ValueError(f"k is {k}: it must be 1 or more")
