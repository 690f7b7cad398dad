"""What is measured, on which slices, and the bars that a model has to clear to be blessed.

A model answers twice over the same Examples in one Evaluator run: its signature `evaluate` and, loaded a
second time as the baseline model, its signature `evaluate_baseline` (popularity for retrieval, damped user
and movie biases for ranking). So "beats the baseline" is a gate of the stock Evaluator.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

# TFX comes before TFMA: imported after it, some of its components can be None.
import tfx.components  # noqa: F401

# isort: split
import tensorflow_model_analysis as tfma
from google.protobuf.wrappers_pb2 import BoolValue, DoubleValue

from pipeline import metrics
from pipeline.config import EvaluationConfig
from pipeline.fingerprint import source_fingerprint
from trainer_module import features

# The least by which a model has to be better: a model that equals its baseline does not beat it.
MARGIN = 1e-6

# Enough for the width of a 95 % interval to vary by a twentieth; more cost time and tell little.
RESAMPLES = 200

OVERALL = "overall"
COUNTS = (metrics.USER_COUNT, metrics.EXAMPLE_COUNT)


def ranking_eval_config(evaluation: EvaluationConfig, seed: int = 42) -> tfma.EvalConfig:
    """What the ranking Evaluator measures: RMSE and MAE in stars, over rows.

    Args:
        evaluation: bars, slices and options.
        seed: seeds the resampling behind the confidence intervals.

    Returns:
        A config for an Evaluator that gets the same model as `model` and `baseline_model`; without a
        `baseline_model` the bar "beats the baseline" is left out. Signatures return `user_rating` [B].
    """
    thresholds = {
        metrics.RMSE: _threshold(evaluation, at_most=evaluation.max_rmse, beat_baseline=True),
        metrics.MAE: _threshold(evaluation, at_most=evaluation.max_mae),
    }
    return _eval_config(evaluation, seed, features.USER_RATING, metrics.RatingMetrics, thresholds)


def retrieval_eval_config(evaluation: EvaluationConfig, seed: int = 42) -> tfma.EvalConfig:
    """What the retrieval Evaluator measures: recall@10, recall@100, NDCG@10 and MRR by id, means over users.

    Args:
        evaluation: bars, slices and options.
        seed: seeds the resampling behind the confidence intervals.

    Returns:
        A config as of `ranking_eval_config`. Signatures return `movie_id` [B, depth], best first, the
        same list for all rows of a user.
    """
    thresholds = {
        metrics.RECALL_AT_10: _threshold(
            evaluation, at_least=evaluation.min_recall_at_10, beat_baseline=True
        ),
        metrics.RECALL_AT_100: _threshold(evaluation, at_least=evaluation.min_recall_at_100),
    }
    return _eval_config(evaluation, seed, features.MOVIE_ID, metrics.RetrievalMetrics, thresholds)


def _eval_config(
    evaluation: EvaluationConfig,
    seed: int,
    label_key: str,
    metric: type[tfma.metrics.Metric],
    thresholds: dict[str, tfma.MetricThreshold],
) -> tfma.EvalConfig:
    # TFMA takes an untyped SavedModel for a Keras one and would feed it raw features.
    candidate = tfma.ModelSpec(
        name=tfma.CANDIDATE_KEY,
        model_type=tfma.TF_GENERIC,
        signature_name=features.EVALUATE,
        label_key=label_key,
    )
    baseline = tfma.ModelSpec(
        name=tfma.BASELINE_KEY,
        model_type=tfma.TF_GENERIC,
        signature_name=features.EVALUATE_BASELINE,
        label_key=label_key,
        is_baseline=True,
    )
    overall = tfma.SlicingSpec()
    settings = {
        "resamples": RESAMPLES if evaluation.confidence_intervals else 0,
        "seed": seed,
        "code_fingerprint": source_fingerprint(metrics.__name__),
    }
    spec = tfma.MetricsSpec(
        metrics=[
            tfma.MetricConfig(
                class_name=metric.__name__, module=metric.__module__, config=json.dumps(settings)
            )
        ],
        # Not `thresholds`: TFMA holds every slice to those, and a slice of three users decides nothing.
        per_slice_thresholds={
            name: tfma.PerSliceMetricThresholds(
                thresholds=[tfma.PerSliceMetricThreshold(slicing_specs=[overall], threshold=threshold)]
            )
            for name, threshold in thresholds.items()
        },
    )
    return tfma.EvalConfig(
        model_specs=[candidate, baseline],
        slicing_specs=[overall, *(tfma.SlicingSpec(feature_keys=[key]) for key in evaluation.slices)],
        metrics_specs=[spec],
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


@dataclass(frozen=True)
class Measure:
    """One metric: its value and, where TFMA computed them, the bounds of its 95 % confidence interval."""

    value: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class SliceSummary:
    """The metrics of one slice, by the names in `pipeline.metrics`.

    Attributes:
        name: `overall`, or feature and value as `user_gender=Male`.
        model: metrics of the model.
        baseline: metrics of its baseline, empty where there was none.
        difference: model minus baseline; the interval is that of pairs, user by user.
        user_count: users with at least one evaluated row.
        example_count: evaluated rows.
    """

    name: str
    model: Mapping[str, Measure]
    baseline: Mapping[str, Measure]
    difference: Mapping[str, Measure]
    user_count: int
    example_count: int


@dataclass(frozen=True)
class EvaluationSummary:
    """What an Evaluator found.

    Attributes:
        overall: the metrics over all evaluated rows.
        slices: the metrics of every slice that the data has, sorted by name.
        blessed: whether the model cleared every bar.
        reasons: one sentence for each bar that it did not clear.
    """

    overall: SliceSummary
    slices: tuple[SliceSummary, ...]
    blessed: bool
    reasons: tuple[str, ...]


def read_metrics(evaluation_uri: str) -> EvaluationSummary:
    """Reads the results of an Evaluator.

    Args:
        evaluation_uri: folder of its `evaluation` artifact.

    Raises:
        FileNotFoundError: the folder holds no results of an Evaluator.
    """
    try:
        validation = tfma.load_validation_result(evaluation_uri)
    except AssertionError:  # TFMA's way to say that there is no such file
        raise FileNotFoundError(
            f"{evaluation_uri}: holds no results of an Evaluator; pass the uri of its `evaluation` artifact"
        ) from None
    by_name = {found.name: found for found in map(_slice_summary, tfma.load_metrics(evaluation_uri))}
    overall = by_name.pop(OVERALL, SliceSummary(OVERALL, {}, {}, {}, 0, 0))
    reasons = tuple(
        _reason(failure) for part in validation.metric_validations_per_slice for failure in part.failures
    )
    if not overall.example_count:
        reasons = ("no row was evaluated: the eval split is empty", *reasons)
    return EvaluationSummary(
        overall=overall,
        slices=tuple(by_name[name] for name in sorted(by_name)),
        blessed=validation.validation_ok,
        reasons=reasons,
    )


def summarize(summary: EvaluationSummary) -> str:
    """One line for the console, such as "recall@10 .226 (popularity .086), 943 eval users"."""
    overall = summary.overall
    if metrics.RMSE in overall.model:
        names, baseline = metrics.RATING_METRICS, "biases"
        measured_on = f"{overall.example_count:,} eval ratings"
    else:
        names, baseline = (metrics.RECALL_AT_10, metrics.NDCG_AT_10), "popularity"
        measured_on = f"{overall.user_count:,} eval users"
    parts = []
    for name in names:
        if name in overall.model:
            beside = (
                f" ({baseline} {_short(overall.baseline[name].value)})" if name in overall.baseline else ""
            )
            parts.append(f"{name} {_short(overall.model[name].value)}{beside}")
    line = ", ".join([*parts, measured_on])
    return line if summary.blessed else f"{line}; not blessed: {'; '.join(summary.reasons)}"


def _slice_summary(found: tfma.MetricsForSlice) -> SliceSummary:
    by_model: dict[tuple[str, bool], dict[str, Measure]] = defaultdict(dict)
    for entry in found.metric_keys_and_values:
        bounds = entry.confidence_interval if entry.HasField("confidence_interval") else None
        by_model[entry.key.model_name, entry.key.is_diff][entry.key.name] = Measure(
            value=entry.value.double_value.value,
            lower=bounds.lower_bound.double_value.value if bounds else None,
            upper=bounds.upper_bound.double_value.value if bounds else None,
        )
    # TFMA calls a model that was evaluated alone "".
    candidate = tfma.CANDIDATE_KEY if (tfma.CANDIDATE_KEY, False) in by_model else ""
    model, baseline = by_model[candidate, False], by_model[tfma.BASELINE_KEY, False]
    slice_key = tfma.slicer.deserialize_slice_key(found.slice_key)
    return SliceSummary(
        name=",".join(f"{feature}={value}" for feature, value in slice_key) or OVERALL,
        model={name: measure for name, measure in model.items() if name not in COUNTS},
        baseline={name: measure for name, measure in baseline.items() if name not in COUNTS},
        difference=by_model[candidate, True],
        user_count=int(model[metrics.USER_COUNT].value),
        example_count=int(model[metrics.EXAMPLE_COUNT].value),
    )


def _reason(failure: tfma.ValidationResult) -> str:
    name = failure.metric_key.name
    if not failure.HasField("metric_value"):
        return f"{name} was not computed"
    value = failure.metric_value.double_value.value
    if failure.metric_threshold.HasField("change_threshold"):
        return f"{name} does not beat its baseline: the difference is {value:+.4f}"
    bar = failure.metric_threshold.value_threshold
    if bar.HasField("lower_bound"):
        return f"{name} {value:.4f} does not reach the bar of at least {bar.lower_bound.value:g}"
    return f"{name} {value:.4f} does not keep to the bar of at most {bar.upper_bound.value:g}"


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value >= 0 else f"{value:.3f}"
