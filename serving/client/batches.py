"""Lists of ids as callers give them, cut into requests and laid out as matrices."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from contracts.signatures import MAX_ROWS, MAX_SLOTS
from serving.client.tensors import Array

_T = TypeVar("_T")


def as_ids(name: str, ids: Iterable[str]) -> list[str]:
    """The ids of any iterable, a generator among them.

    Raises:
      TypeError: it is one id, or holds something that is not a str.
    """
    if isinstance(ids, str | bytes):
        raise TypeError(f"{name} takes a list of ids, not one id: {ids!r}")
    listed = list(ids)
    for each in listed:
        if not isinstance(each, str):
            raise TypeError(f"{name} takes ids of type str: {each!r} is of type {type(each).__name__}")
    return listed


def as_exclusions(exclude: Mapping[str, Iterable[str]] | None) -> dict[str, list[str]]:
    """Movies to leave out, by user."""
    return {user: as_ids("exclude", movies) for user, movies in (exclude or {}).items()}


def as_length(name: str, value: int) -> int:
    """The length of a list that one request may ask for.

    Raises:
      TypeError: it is not a whole number.
      ValueError: it is below 1 or above what the models allow.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}: it must be a whole number") from None
    if not 0 < number <= MAX_SLOTS:
        raise ValueError(f"{name} is {number}: the models take 1 to {MAX_SLOTS:,}")
    return number


def chunks(items: Iterable[_T], size: int, width: Callable[[_T], int]) -> list[list[_T]]:
    """The items in lists that one request may hold.

    Args:
      items: one a row.
      size: the most rows of a request; never more than the models allow.
      width: of an item: movies that are listed, given or left out for it.

    Raises:
      ValueError: one item alone is more than a request may ask for.
    """
    cut: list[list[_T]] = []
    widest = 0
    for item in items:
        wide = width(item)
        if wide > MAX_SLOTS:
            raise ValueError(f"{wide:,} movies in one row: the models take {MAX_SLOTS:,} at most")
        widest = max(widest, wide)
        if not cut or len(cut[-1]) == min(size, MAX_ROWS) or (len(cut[-1]) + 1) * widest > MAX_SLOTS:
            cut.append([])
            widest = wide
        cut[-1].append(item)
    return cut


def padded(rows: Sequence[Sequence[str]]) -> Array:
    """Rows of ids as a matrix [rows, longest], with "" at the end of shorter ones."""
    matrix = np.full((len(rows), max(map(len, rows), default=0)), "", object)
    for row, ids in zip(matrix, rows):
        row[: len(ids)] = ids
    return matrix
