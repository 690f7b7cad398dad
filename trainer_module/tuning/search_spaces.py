"""What a search tries: hyperparameters and the values that each may take; each model has a space of its own.

What a model is made of (its structure, its losses, its list) is a decision, and so is what it leaves out by
a 0; a search looks for the other numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

from pydantic import BaseModel

Value = int | float | str | tuple[int, ...]


@dataclass(frozen=True)
class Range:
    """Every number from `low` to `high`; of whole numbers if both are.

    Attributes:
      low: the lowest.
      high: the highest.
      log: whether each order of magnitude is as likely as the next.
    """

    low: float
    high: float
    log: bool = False

    def with_value(self, value: Value | None) -> "Range":
        """The range, wide enough for a value."""
        if not isinstance(value, int | float):
            return self
        return replace(self, low=min(self.low, value), high=max(self.high, value))


@dataclass(frozen=True)
class Choice:
    """One of some values, in an order in which neighbours are alike."""

    values: tuple[Value, ...]

    def with_value(self, value: Value | None) -> "Choice":
        """The values and one more."""
        return self if value is None or value in self.values else Choice((*self.values, value))


Space = Mapping[str, Range | Choice]

FIT_SPACE: Final[Space] = {
    "learning_rate": Range(3e-4, 1e-2, log=True),
    "batch_size": Choice((256, 512, 1024, 2048)),
    "dropout": Range(0.0, 0.6),
    "unknown_id_share": Range(0.01, 0.3, log=True),
}
EMBEDDING_L2: Final = Range(1e-7, 1e-3, log=True)


def without_zeros(space: Space, configured: BaseModel) -> Space:
    """The space without what a configured 0 leaves out; a logarithm cannot include it."""
    return {name: domain for name, domain in space.items() if not _off(domain, attrgetter(name)(configured))}


def _off(domain: Range | Choice, configured: Value | None) -> bool:
    return isinstance(domain, Range) and domain.log and configured == 0
