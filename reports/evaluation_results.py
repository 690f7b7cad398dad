"""What an Evaluator found: metrics of a model and its baseline, slice by slice, bars, and the blessing."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trainer_module import features

# TFMA takes seconds to import, so what reads no results does without.

OVERALL: Final = "overall"
COUNTS: Final = (features.USER_COUNT, features.EXAMPLE_COUNT)


@dataclass(frozen=True)
class Measure:
    """One metric: its value and, where TFMA computed them, the bounds of its 95 % confidence interval."""

    value: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class SliceSummary:
    """The metrics of one slice, by the names in `trainer_module.features`.

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
    tfma = _tfma()
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


@dataclass(frozen=True)
class Bar:
    """What a metric has to reach, over all evaluated rows.

    Attributes:
        at_least: lower bound, None if there is none.
        at_most: upper bound, None if there is none.
        beats_baseline: whether the model has to be better than its baseline.
    """

    at_least: float | None
    at_most: float | None
    beats_baseline: bool


def read_bars(evaluation_uri: str) -> dict[str, Bar]:
    """Reads the bars that an Evaluator held a model to, by metric.

    Args:
        evaluation_uri: folder of its `evaluation` artifact.
    """
    config = json.loads((Path(evaluation_uri) / "eval_config.json").read_text(encoding="utf-8"))["evalConfig"]
    bars = {}
    for spec in config.get("metricsSpecs", ()):
        for name, thresholds in spec.get("perSliceThresholds", {}).items():
            # Ours stand on the overall slice alone; see `pipeline.evaluation`.
            threshold = thresholds["thresholds"][0]["threshold"]
            value = threshold.get("valueThreshold", {})
            bars[name] = Bar(
                at_least=value.get("lowerBound"),
                at_most=value.get("upperBound"),
                beats_baseline="changeThreshold" in threshold,
            )
    return bars


def _tfma() -> Any:
    # TFX comes before TFMA: imported after it, some of its components can be None.
    import tfx.components  # noqa: F401

    # isort: split
    import tensorflow_model_analysis

    return tensorflow_model_analysis


def _slice_summary(found: Any) -> SliceSummary:
    tfma = _tfma()
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
        user_count=int(model[features.USER_COUNT].value),
        example_count=int(model[features.EXAMPLE_COUNT].value),
    )


def _reason(failure: Any) -> str:
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
