"""What a search tries: of each model, the hyperparameters and the values that each may take.

What a model is made of (its structure, its losses, its list) is a decision, and so is what it leaves out by
a 0; a search looks for the other numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from trainer_module.common.hyperparameters import FitHyperparameters
from trainer_module.joint.hyperparameters import JointHyperparameters
from trainer_module.ranking.hyperparameters import RankingHyperparameters
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters

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

_FIT: Final[Space] = {
    "learning_rate": Range(3e-4, 1e-2, log=True),
    "batch_size": Choice((256, 512, 1024, 2048)),
    "dropout": Range(0.0, 0.6),
    "unknown_id_share": Range(0.01, 0.3, log=True),
}
_TOWERS: Final[Space] = {
    "embedding_dim": Choice((32, 48, 64, 96, 128)),
    "l2": Range(1e-7, 1e-3, log=True),
    "user_l2": Range(1e-6, 1e-2, log=True),
    "history_l2": Range(1e-7, 1e-3, log=True),
}
_RATINGS: Final[Space] = {
    "embedding_dim": Choice((16, 32, 64)),
    "hidden_units": Choice(((32,), (64,), (128,), (128, 64))),
}
_FACTORS: Final[Space] = {
    "l2_factors": Range(0.01, 1.0, log=True),
    "l2_history": Range(0.003, 0.3, log=True),
    "l2_biases": Range(0.0005, 0.05, log=True),
}


def space_of(hyperparameters: FitHyperparameters) -> Space:
    """What a search may try, for a model of the configured kind; the configured values can be among it.

    Raises:
      TypeError: there is no search for such a model.
    """
    space = dict(_FIT)
    if isinstance(hyperparameters, RankingHyperparameters):
        space |= _RATINGS
        space |= _FACTORS if hyperparameters.structure == "svdpp" else {"l2": _TOWERS["l2"]}
    if isinstance(hyperparameters, RetrievalHyperparameters):
        space |= _TOWERS
        if hyperparameters.examples == "held_out":  # Batches of users, of whom there are fewer than ratings.
            space["batch_size"] = Choice((64, 128, 256, 512))
        if hyperparameters.loss == "weighted_squared":
            space["unobserved_weight"] = Range(0.01, 0.5, log=True)
            space["given_weight"] = Range(0.0, 0.5)
    if isinstance(hyperparameters, JointHyperparameters):
        # Batches of both tasks have as many rows, and those of ratings are the most.
        space["batch_size"] = Choice((512, 1024, 2048))
        # The retrieval loss keeps its weight: what counts is the one beside the other.
        space["ranking_weight"] = Range(0.1, 30.0, log=True)
    if space == _FIT:
        raise TypeError(f"there is no search space for {type(hyperparameters).__name__}")
    return {
        name: domain for name, domain in space.items() if not _off(domain, getattr(hyperparameters, name))
    }


def _off(domain: Range | Choice, configured: Value | None) -> bool:
    """Whether a 0 leaves something out; a logarithm has no place for it."""
    return isinstance(domain, Range) and domain.log and configured == 0
