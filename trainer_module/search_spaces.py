"""What a search tries: of each model, the hyperparameters and the values that each may take.

What a model is made of (its structure, its losses, its list) is a decision; a search looks for its numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from trainer_module.hyperparameters import (
    FitHyperparameters,
    JointHyperparameters,
    RankingHyperparameters,
    RetrievalHyperparameters,
)

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
        """The range, wide enough for a value; a logarithm has no place for 0."""
        if not isinstance(value, int | float) or (self.log and value <= 0):
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

SPACES: Final[Mapping[type[FitHyperparameters], Space]] = {
    RetrievalHyperparameters: {
        "learning_rate": Range(5e-4, 1e-2, log=True),
        "batch_size": Choice((256, 512, 1024, 2048)),
        "embedding_dim": Choice((32, 64, 128)),
        "dropout": Range(0.0, 0.6),
        "unknown_id_share": Range(0.01, 0.3, log=True),
    },
    RankingHyperparameters: {
        "learning_rate": Range(3e-4, 1e-2, log=True),
        "batch_size": Choice((256, 512, 1024, 2048)),
        "embedding_dim": Choice((16, 32, 64)),
        "dropout": Range(0.0, 0.6),
        "unknown_id_share": Range(0.01, 0.3, log=True),
        "hidden_units": Choice(((32,), (64,), (128,), (128, 64))),
        "l2": Range(1e-7, 1e-3, log=True),
    },
    JointHyperparameters: {
        "learning_rate": Range(5e-4, 1e-2, log=True),
        "batch_size": Choice((256, 512, 1024, 2048)),
        "embedding_dim": Choice((32, 64, 128)),
        "dropout": Range(0.0, 0.6),
        "unknown_id_share": Range(0.01, 0.3, log=True),
        "hidden_units": Choice(((32,), (64,), (128,), (128, 64))),
        "l2": Range(1e-7, 1e-3, log=True),
        # The retrieval loss keeps its weight: what counts is the one beside the other.
        "ranking_weight": Range(0.1, 30.0, log=True),
    },
}
