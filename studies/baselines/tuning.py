"""Chooses a baseline's settings on ratings cut from the train split, fits it on all of it and measures it."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from contracts.metrics import NDCG_AT, RMSE
from studies.baselines.base import RatingBaseline, RetrievalBaseline
from studies.baselines.registry import SEED, BaselineSpec
from studies.cells import Outcome
from studies.data.split_data import SplitData, validation_cut
from studies.scoring import evaluated_users, ranked_lists, rating_metrics, retrieval_metrics
from studies.tasks import RETRIEVAL

# The metrics of tuning; the one is to rise and the other to fall.
NDCG_AT_10: Final = NDCG_AT[10]

# Called with how many of how many settings have been tried, and the best metric so far.
Progress = Callable[[int, int, str], None]


def measure_baseline(
    spec: BaselineSpec, data: SplitData, split: str, seed: int, progress: Progress
) -> Outcome:
    """Tunes, fits and measures a baseline.

    Args:
      spec: the baseline.
      data: its eval ratings are looked at by the last measurement alone.
      split: the split rule, which the tuning cut follows.
      seed: of the cut, of ties, and of the baseline where it is `seeded`.
      progress: is called with each setting tried.
    """
    fixed = {SEED: seed} if spec.seeded else {}
    started = time.monotonic()
    settings = dict(spec.grid[0])
    if len(spec.grid) > 1:
        settings = _tuned(spec, fixed, validation_cut(data, split, seed), seed, progress)
    tuning_seconds = time.monotonic() - started if len(spec.grid) > 1 else 0.0
    baseline = spec.make(**settings, **fixed)
    started = time.monotonic()
    baseline.fit(data)
    fit_seconds = time.monotonic() - started
    started = time.monotonic()
    metrics, count = _metrics(spec, baseline, data, seed)
    per_second = count / (time.monotonic() - started)
    return Outcome(
        metrics,
        fit_seconds=fit_seconds,
        per_second=per_second,
        settings=settings,
        tuning_seconds=tuning_seconds,
    )


def _tuned(
    spec: BaselineSpec, fixed: Mapping[str, Any], cut: SplitData, seed: int, progress: Progress
) -> dict[str, Any]:
    best: dict[str, Any] = {}
    best_metric = -np.inf
    for number, settings in enumerate(spec.grid, 1):
        baseline = spec.make(**settings, **fixed)
        baseline.fit(cut)
        metrics, _ = _metrics(spec, baseline, cut, seed)
        name, sign = (NDCG_AT_10, 1) if spec.task == RETRIEVAL else (RMSE, -1)
        if sign * metrics[name] > best_metric:
            best, best_metric = dict(settings), sign * metrics[name]
        progress(number, len(spec.grid), f"{name} {sign * best_metric:.4f}")
    return best


def _metrics(
    spec: BaselineSpec, baseline: RetrievalBaseline | RatingBaseline, data: SplitData, seed: int
) -> tuple[dict[str, float], int]:
    """The metrics, and how many users or ratings were predicted."""
    evaluation = data.evaluation
    if spec.task == RETRIEVAL:
        lists = ranked_lists(baseline.scores, data, seed)  # type: ignore[union-attr]
        return retrieval_metrics(data, lists), len(evaluated_users(evaluation))
    predicted = baseline.predict(evaluation.user, evaluation.movie)  # type: ignore[union-attr]
    scale = data.train.rating.min(), data.train.rating.max()
    return rating_metrics(np.clip(predicted, *scale), evaluation.rating), len(evaluation)
