"""A cell of a study: one model with its settings, fitted on one split with one seed, and what came out."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from pipeline.fingerprint import source_fingerprint
from studies.baselines.registry import BASELINES
from studies.tasks import Task


@dataclass(frozen=True)
class Cell:
    """What is to be measured.

    Attributes:
      split: a key of `studies.data.splits.SPLITS`.
      model: its name in tables; of a baseline, its key in `studies.baselines.registry.BASELINES`.
      task: what it does.
      seed: of the fit.
      settings: hyperparameters of a model of ours, all of them; None for a baseline, which is tuned.
    """

    split: str
    model: str
    task: Task
    seed: int
    settings: Mapping[str, Any] | None = None

    @property
    def code(self) -> str:
        """Digest of what metrics depend on: the code of a model of ours, what a baseline is tuned over."""
        return _grid(self.model) if self.settings is None else _code(self.task)

    @property
    def asked(self) -> str:
        """The settings as text, "tuned" for a baseline."""
        return "tuned" if self.settings is None else json.dumps(self.settings, sort_keys=True)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a process of its own."""
        return {**asdict(self), "settings": None if self.settings is None else dict(self.settings)}


@dataclass(frozen=True)
class Outcome:
    """What came out for a cell.

    Attributes:
      metrics: on the eval split, by name.
      fit_seconds: from Examples to an exported SavedModel; of a baseline, its last fit.
      per_second: users that got a list, or ratings predicted, in a second.
      settings: those of the fit, which tuning chose for a baseline.
      tuning_seconds: of all fits on the tuning cut; 0 where nothing was tuned.
      weights: how many numbers the fit learned; None where that is not known.
    """

    metrics: Mapping[str, float]
    fit_seconds: float
    per_second: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    tuning_seconds: float = 0.0
    weights: int | None = None


@cache
def _grid(baseline: str) -> str:
    grid = [dict(settings) for settings in BASELINES[baseline].grid]
    return hashlib.sha256(json.dumps(grid, sort_keys=True).encode()).hexdigest()[:12]


@cache
def _code(task: Task) -> str:
    return source_fingerprint(f"trainer_module.{task}.run_fn")[:12]
