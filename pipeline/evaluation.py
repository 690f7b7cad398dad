"""What is measured, on which slices, and the bars that a model has to clear to be blessed.

A model answers twice over the same Examples in one Evaluator run: its signature `evaluate` and, loaded a
second time as the baseline model, its signature `evaluate_baseline` (popularity for retrieval, damped user
and movie biases for ranking). So "beats the baseline" is a gate of the stock Evaluator.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

# TFX comes before TFMA: imported after it, some of its components can be None.
import tfx.components  # noqa: F401

# isort: split
import tensorflow_model_analysis as tfma
from google.protobuf.wrappers_pb2 import BoolValue, DoubleValue

from pipeline import metrics
from pipeline.config import EvaluationConfig
from pipeline.fingerprint import source_fingerprint
from reports.evaluation_results import EvaluationSummary
from trainer_module import features

# The least by which a model has to be better: a model that equals its baseline does not beat it.
MARGIN = 1e-6

# Enough for the width of a 95 % interval to vary by a twentieth; more cost time and tell little.
RESAMPLES = 200


def ranking_eval_config(evaluation: EvaluationConfig, seed: int = 42) -> tfma.EvalConfig:
    """What the ranking Evaluator measures: RMSE and MAE in stars, over rows.

    Args:
        evaluation: bars, slices and options.
        seed: seeds the resampling behind the confidence intervals.

    Returns:
        A config for an Evaluator that gets the same model as `model` and `baseline_model`; without a
        `baseline_model` the bar "beats the baseline" is left out. Signatures return `user_rating` [B].
    """
    return _eval_config(evaluation, seed, [_rating_part(evaluation)])


def retrieval_eval_config(evaluation: EvaluationConfig, seed: int = 42) -> tfma.EvalConfig:
    """What the retrieval Evaluator measures: recall, NDCG and MRR by id, means over users.

    Args:
        evaluation: bars, slices and options.
        seed: seeds the resampling behind the confidence intervals.

    Returns:
        A config as of `ranking_eval_config`. Signatures return `movie_id` [B, depth], best first, the
        same list for all rows of a user.
    """
    return _eval_config(evaluation, seed, [_retrieval_part(evaluation)])


def joint_eval_config(evaluation: EvaluationConfig, seed: int = 42) -> tfma.EvalConfig:
    """What the Evaluator of a model that does both measures: all of the above, and every bar counts.

    Args:
        evaluation: bars, slices and options.
        seed: seeds the resampling behind the confidence intervals.

    Returns:
        A config as of `ranking_eval_config`. Signatures return what those of both models return.
    """
    return _eval_config(evaluation, seed, [_retrieval_part(evaluation), _rating_part(evaluation)])


class _Part(NamedTuple):
    """What is measured of one task.

    Attributes:
        output: of the signatures, and the feature that holds the label.
        metric: the group of metrics.
        thresholds: the bars, by metric.
    """

    output: str
    metric: type[tfma.metrics.Metric]
    thresholds: dict[str, tfma.MetricThreshold]


def _rating_part(evaluation: EvaluationConfig) -> _Part:
    thresholds = {
        features.RMSE: _threshold(evaluation, at_most=evaluation.max_rmse, beat_baseline=True),
        features.MAE: _threshold(evaluation, at_most=evaluation.max_mae),
    }
    return _Part(features.USER_RATING, metrics.RatingMetrics, thresholds)


def _retrieval_part(evaluation: EvaluationConfig) -> _Part:
    thresholds = {
        features.RECALL_AT[10]: _threshold(
            evaluation, at_least=evaluation.min_recall_at_10, beat_baseline=True
        ),
        features.RECALL_AT[100]: _threshold(evaluation, at_least=evaluation.min_recall_at_100),
    }
    return _Part(features.MOVIE_ID, metrics.RetrievalMetrics, thresholds)


def _eval_config(evaluation: EvaluationConfig, seed: int, parts: Sequence[_Part]) -> tfma.EvalConfig:
    labels: dict[str, Any] = (
        {"label_key": parts[0].output}
        if len(parts) == 1
        # By output, of which a label of its own belongs to each.
        else {"label_keys": {part.output: part.output for part in parts}}
    )
    # TFMA takes an untyped SavedModel for a Keras one and would feed it raw features.
    candidate = tfma.ModelSpec(
        name=tfma.CANDIDATE_KEY,
        model_type=tfma.TF_GENERIC,
        signature_name=features.EVALUATE,
        **labels,
    )
    baseline = tfma.ModelSpec(
        name=tfma.BASELINE_KEY,
        model_type=tfma.TF_GENERIC,
        signature_name=features.EVALUATE_BASELINE,
        **labels,
        is_baseline=True,
    )
    overall = tfma.SlicingSpec()
    settings = {
        "resamples": RESAMPLES if evaluation.confidence_intervals else 0,
        "seed": seed,
        "code_fingerprint": source_fingerprint(metrics.__name__),
    }
    specs = [
        tfma.MetricsSpec(
            metrics=[
                tfma.MetricConfig(
                    class_name=part.metric.__name__,
                    module=part.metric.__module__,
                    config=json.dumps(settings),
                )
            ],
            # Not `thresholds`: TFMA holds every slice to those, and a slice of three users decides nothing.
            per_slice_thresholds={
                name: tfma.PerSliceMetricThresholds(
                    thresholds=[tfma.PerSliceMetricThreshold(slicing_specs=[overall], threshold=threshold)]
                )
                for name, threshold in part.thresholds.items()
            },
        )
        for part in parts
    ]
    return tfma.EvalConfig(
        model_specs=[candidate, baseline],
        slicing_specs=[overall, *(tfma.SlicingSpec(feature_keys=[key]) for key in evaluation.slices)],
        metrics_specs=specs,
        options=tfma.Options(include_default_metrics=BoolValue(value=False)),
    )


def _threshold(
    evaluation: EvaluationConfig,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    beat_baseline: bool = False,
) -> tfma.MetricThreshold:
    lower = None if at_least is None else DoubleValue(value=at_least)
    upper = None if at_most is None else DoubleValue(value=at_most)
    threshold = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound=lower, upper_bound=upper)
    )
    if beat_baseline and evaluation.beat_baseline:
        higher = at_least is not None
        directions = tfma.MetricDirection
        threshold.change_threshold.CopyFrom(
            tfma.GenericChangeThreshold(
                absolute=DoubleValue(value=MARGIN if higher else -MARGIN),
                direction=directions.HIGHER_IS_BETTER if higher else directions.LOWER_IS_BETTER,
            )
        )
    return threshold


def summarize(summary: EvaluationSummary) -> str:
    """One line for the console, such as "recall@10 .226 (popularity .086), 943 eval users"."""
    overall = summary.overall
    parts = []
    for names, baseline in (
        ((features.RECALL_AT[10], features.NDCG_AT[10]), "popularity"),
        (metrics.RATING_METRICS, "biases"),
    ):
        for name in names:
            if name in overall.model:
                beside = (
                    f" ({baseline} {_short(overall.baseline[name].value)})"
                    if name in overall.baseline
                    else ""
                )
                parts.append(f"{name} {_short(overall.model[name].value)}{beside}")
    # Errors are means over ratings, the rest over users.
    measured_on = [
        *([f"{overall.user_count:,} eval users"] if features.RECALL_AT[10] in overall.model else []),
        *([f"{overall.example_count:,} eval ratings"] if features.RMSE in overall.model else []),
    ]
    line = ", ".join([*parts, *measured_on])
    return line if summary.blessed else f"{line}; not blessed: {'; '.join(summary.reasons)}"


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value >= 0 else f"{value:.3f}"
