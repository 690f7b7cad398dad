"""Statistics of a number that takes few values, exactly, from how often it takes each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ValueCounts:
    """A distribution.

    Attributes:
      values: [n] distinct values, ascending.
      counts: [n] how often each occurs, at least once.
    """

    values: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, counter: Counter[float]) -> ValueCounts:
        """The distribution of what was counted."""
        pairs: Iterable[tuple[float, int]] = sorted(pair for pair in counter.items() if pair[1] > 0)
        values, counts = zip(*pairs, strict=True) if counter else ((), ())
        return cls(np.array(values, np.float64), np.array(counts, np.int64))

    @property
    def total(self) -> int:
        """The number of rows."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """NaN if there are no rows."""
        return float(self.values @ self.counts) / self.total if self.total else math.nan

    @property
    def std(self) -> float:
        """Standard deviation of the sample (divides by n - 1, as pandas does); NaN for fewer than 2 rows."""
        if self.total < 2:
            return math.nan
        squares = float((self.values - self.mean) ** 2 @ self.counts)
        return math.sqrt(squares / (self.total - 1))

    def quantile(self, share: float) -> float:
        """The value below which `share` of the rows lie, linear between two rows; NaN if there are none."""
        if not self.total:
            return math.nan
        place = share * (self.total - 1)
        ends = np.cumsum(self.counts)
        low, high = (
            float(self.values[np.searchsorted(ends, row, side="right")])
            for row in (math.floor(place), math.ceil(place))
        )
        return low + (high - low) * (place - math.floor(place))
