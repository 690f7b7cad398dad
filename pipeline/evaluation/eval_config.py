"""What is measured, on which slices, and the thresholds that a model has to clear to be blessed.

Evaluator gets two models: the candidate and the version that is served (`components.served_model`), both
through their signature `evaluate` over the same Examples. The candidate's signature also answers as its
reference, popularity for retrieval and damped user and movie biases for ranking. Three kinds of thresholds
follow:

* absolute ones, "better than the reference" among them, which hold on every run;
* against the served version, with a tolerance, TFMA's change threshold. Where nothing is served yet the
  candidate stands in for it, so that the change is 0 and the other thresholds decide;
* in every slice with enough users, how far the candidate may be behind either of them for certain.

The final list must also not be behind the order of retrieval for certain: a fitted order is ahead by a few
per cent, which chance outweighs among a few hundred users, so that a plain "ahead" would refuse a good order
half the time and one that changes nothing always. With many users the interval is narrow and the rule is
"ahead, or equal".
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

# TFX comes before TFMA: imported after it, some of its components can be None.
import tfx.components  # noqa: F401

# isort: split
import tensorflow_model_analysis as tfma
from google.protobuf.wrappers_pb2 import BoolValue, DoubleValue

# TFMA 0.52 lists the messages in `__all__` and does not export all of them.
from tensorflow_model_analysis.proto import config_pb2

from contracts import features, metrics, signatures
from pipeline.config_sections import EvaluationConfig
from pipeline.evaluation import cold_slices, tfma_metrics
from pipeline.fingerprint import source_fingerprint
from reports.reading.evaluation_results import EvaluationSummary, Measure

# The least by which a model has to be better: a model that equals its reference does not beat it.
MARGIN = 1e-6

# The module that the Evaluator takes its extractors from.
EXTRACTORS = cold_slices.__name__


def ranking_eval_config(evaluation: EvaluationConfig, seed: int = 42) -> config_pb2.EvalConfig:
    """What the ranking Evaluator measures: RMSE and MAE in stars, over rows.

    Args:
      evaluation: thresholds, slices and options.
      seed: seeds the resampling behind the confidence intervals.

    Returns:
      A config for an Evaluator with a `baseline_model`; without one the thresholds against the served
      version are left out. The signatures return `user_rating` [B].
    """
    return _eval_config(evaluation, seed, [_rating_part(evaluation)])


def retrieval_eval_config(evaluation: EvaluationConfig, seed: int = 42) -> config_pb2.EvalConfig:
    """What the retrieval Evaluator measures: recall, NDCG and MRR by id, means over users, and the lists.

    Args:
      evaluation: thresholds, slices and options.
      seed: seeds the resampling behind the confidence intervals.

    Returns:
      A config as of `ranking_eval_config`. The signatures return `movie_id` [B, depth], best first, the
      same list for all rows of a user.
    """
    return _eval_config(evaluation, seed, [_retrieval_part(evaluation)])


def recommender_eval_config(evaluation: EvaluationConfig, seed: int = 42) -> config_pb2.EvalConfig:
    """What the Evaluator of the recommender measures: the final list, by id, and how its movies were liked.

    Args:
      evaluation: thresholds, slices and options.
      seed: seeds the resampling behind the confidence intervals.

    Returns:
      A config as of `retrieval_eval_config`. The signatures return two other orders of the list too.
    """
    return _eval_config(evaluation, seed, [_final_list_part(evaluation)])


def joint_eval_config(evaluation: EvaluationConfig, seed: int = 42) -> config_pb2.EvalConfig:
    """What the Evaluator of a model that does both measures: all of the above, and every threshold counts.

    Args:
      evaluation: thresholds, slices and options.
      seed: seeds the resampling behind the confidence intervals.

    Returns:
      A config as of `ranking_eval_config`. The signatures return what those of both models return.
    """
    return _eval_config(evaluation, seed, [_final_list_part(evaluation), _rating_part(evaluation)])


class _Part(NamedTuple):
    """What is measured of one task.

    Attributes:
      output: of the signatures, and the feature that holds the label.
      metric: the group of metrics.
      overall: the thresholds over all rows, by metric.
      in_slices: those of every slice.
    """

    output: str
    metric: type[tfma.metrics.Metric]
    overall: dict[str, config_pb2.MetricThreshold]
    in_slices: dict[str, config_pb2.MetricThreshold]


def _rating_part(evaluation: EvaluationConfig) -> _Part:
    overall = {
        metrics.RMSE: _at_most(evaluation.max_rmse, allowed_rise=evaluation.max_rmse_rise),
        metrics.MAE: _at_most(evaluation.max_mae),
    }
    if evaluation.beat_reference:
        overall[metrics.OVER_REFERENCE.format(metrics.RMSE)] = _at_most(-MARGIN)
    in_slices = _in_slices(metrics.RMSE, evaluation.max_slice_rmse_rise)
    return _Part(features.USER_RATING, tfma_metrics.RatingMetrics, overall, in_slices)


def _retrieval_part(evaluation: EvaluationConfig) -> _Part:
    recall = metrics.RECALL_AT[10]
    overall = {
        recall: _at_least(evaluation.min_recall_at_10, allowed_fall=evaluation.max_recall_at_10_fall),
        metrics.RECALL_AT[100]: _at_least(evaluation.min_recall_at_100),
        metrics.COVERAGE: _at_least(evaluation.min_coverage_at_10),
        metrics.PERSONALIZATION: _at_least(evaluation.min_personalization_at_10),
        metrics.SHORT_LISTS: _at_most(evaluation.max_short_lists),
    }
    if evaluation.beat_reference:
        overall[metrics.OVER_REFERENCE.format(recall)] = _at_least(MARGIN)
    in_slices = _in_slices(recall, evaluation.max_slice_recall_at_10_fall)
    return _Part(features.MOVIE_ID, tfma_metrics.RetrievalMetrics, overall, in_slices)


def _final_list_part(evaluation: EvaluationConfig) -> _Part:
    part = _retrieval_part(evaluation)
    allowed = {metrics.RECALL_AT[10]: evaluation.max_recall_at_10_behind_retrieval}
    if evaluation.beat_retrieval_order:
        allowed |= dict.fromkeys((metrics.LIKED_RECALL, metrics.GRADED_NDCG), MARGIN)
    behind = {metrics.BEHIND_RETRIEVAL_ORDER.format(name): _at_most(most) for name, most in allowed.items()}
    overall = {**part.overall, **behind}
    return part._replace(metric=tfma_metrics.FinalListMetrics, overall=overall)


def _eval_config(evaluation: EvaluationConfig, seed: int, parts: Sequence[_Part]) -> config_pb2.EvalConfig:
    labels: dict[str, Any] = (
        {"label_key": parts[0].output}
        if len(parts) == 1
        # By output, of which a label of its own belongs to each.
        else {"label_keys": {part.output: part.output for part in parts}}
    )
    models = [
        config_pb2.ModelSpec(
            name=name,
            # TFMA takes an untyped SavedModel for a Keras one and would feed it raw features.
            model_type=tfma.TF_GENERIC,
            signature_name=signatures.EVALUATE,
            is_baseline=name == tfma.BASELINE_KEY,
            **labels,
        )
        for name in (tfma.CANDIDATE_KEY, tfma.BASELINE_KEY)
    ]
    everything = config_pb2.SlicingSpec()
    settings = {
        "min_slice_users": evaluation.min_slice_users,
        "seed": seed,
        "code_fingerprint": source_fingerprint(tfma_metrics.__name__) + source_fingerprint(EXTRACTORS),
    }
    specs = [
        config_pb2.MetricsSpec(
            metrics=[
                config_pb2.MetricConfig(
                    class_name=part.metric.__name__,
                    module=part.metric.__module__,
                    config=json.dumps(settings),
                )
            ],
            # TFMA holds every slice to `thresholds`, also one of three users, in which nothing is behind.
            thresholds=part.in_slices,
            per_slice_thresholds={
                name: config_pb2.PerSliceMetricThresholds(
                    thresholds=[
                        config_pb2.PerSliceMetricThreshold(slicing_specs=[everything], threshold=threshold)
                    ]
                )
                for name, threshold in part.overall.items()
            },
        )
        for part in parts
    ]
    return config_pb2.EvalConfig(
        model_specs=models,
        slicing_specs=[
            everything,
            *(config_pb2.SlicingSpec(feature_keys=[key]) for key in evaluation.slices),
            *(config_pb2.SlicingSpec(feature_values={key: signatures.YES}) for key in cold_slices.COLD),
        ],
        metrics_specs=specs,
        options=config_pb2.Options(include_default_metrics=BoolValue(value=False)),
    )


def _in_slices(metric: str, allowed: float) -> dict[str, config_pb2.MetricThreshold]:
    return {
        name.format(metric): _at_most(allowed) for name in (metrics.BEHIND_REFERENCE, metrics.BEHIND_SERVED)
    }


def _at_least(lowest: float, allowed_fall: float | None = None) -> config_pb2.MetricThreshold:
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound=DoubleValue(value=lowest))
    )
    if allowed_fall is not None:
        threshold.change_threshold.absolute.value = -allowed_fall
        threshold.change_threshold.direction = config_pb2.MetricDirection.HIGHER_IS_BETTER
    return threshold


def _at_most(highest: float, allowed_rise: float | None = None) -> config_pb2.MetricThreshold:
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(upper_bound=DoubleValue(value=highest))
    )
    if allowed_rise is not None:
        threshold.change_threshold.absolute.value = allowed_rise
        threshold.change_threshold.direction = config_pb2.MetricDirection.LOWER_IS_BETTER
    return threshold


def summarize(summary: EvaluationSummary) -> str:
    """One line for the console, such as "recall@10 .226 (popularity .086, served .210), 943 eval users"."""
    overall = summary.overall
    parts = []
    for names, reference in (
        ((metrics.RECALL_AT[10], metrics.NDCG_AT[10]), "popularity"),
        ((metrics.RMSE, metrics.MAE), "biases"),
    ):
        for name in names:
            if name in overall.model:
                beside = ", ".join(
                    f"{source} {_short(measures[name])}"
                    for source, measures in ((reference, overall.reference), ("served", overall.served))
                    if name in measures
                )
                parts.append(f"{name} {_short(overall.model[name])}" + (f" ({beside})" if beside else ""))
    # Errors are means over ratings, the rest over users.
    measured_on = [
        *([f"{overall.user_count:,} eval users"] if metrics.RECALL_AT[10] in overall.model else []),
        *([f"{overall.example_count:,} eval ratings"] if metrics.RMSE in overall.model else []),
    ] or [f"{overall.user_count:,} eval users"]
    line = ", ".join([*parts, *measured_on])
    return line if summary.blessed else f"{line}; not blessed: {'; '.join(summary.reasons)}"


def _short(measure: Measure) -> str:
    value = measure.value
    return f"{value:.3f}".removeprefix("0") if value >= 0 else f"{value:.3f}"
