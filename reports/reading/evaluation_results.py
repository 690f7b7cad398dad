"""Results of an Evaluator: metrics of model, reference and served version, and the blessing."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from contracts import metrics
from reports.reading.thresholds import derived_from

# TFMA takes seconds to import, so what reads no results does without.

OVERALL: Final = "overall"
# Other orders of the candidates of a recommender: names of their metrics, and of the differences to them.
_ORDERS: Final = {
    "order of retrieval": (metrics.OF_RETRIEVAL_ORDER, metrics.OVER_RETRIEVAL_ORDER),
    "order by predicted rating": (metrics.OF_RATING_ORDER, metrics.OVER_RATING_ORDER),
}


@dataclass(frozen=True)
class Measure:
    """One metric: its value and, where TFMA computed them, the bounds of its 95 % confidence interval."""

    value: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class SliceSummary:
    """The metrics of one slice, by the names in `contracts.features`.

    Attributes:
      name: `overall`, or feature and value as `user_gender=Male`.
      model: metrics of the model.
      reference: the same of popularity or the damped biases.
      over_reference: model minus reference; the interval is that of pairs, user by user.
      served: the same of the version that was served; empty where there was none, or where it answers
        just as the model does.
      over_served: model minus served version.
      user_count: users with at least one evaluated row.
      example_count: evaluated rows.
      orders: of a recommender, the metrics of its candidates in other orders, by order.
      over_orders: by order, model minus that order; the interval is that of pairs, user by user.
    """

    name: str
    model: Mapping[str, Measure]
    reference: Mapping[str, Measure]
    over_reference: Mapping[str, Measure]
    served: Mapping[str, Measure]
    over_served: Mapping[str, Measure]
    user_count: int
    example_count: int
    orders: Mapping[str, Mapping[str, Measure]] = field(default_factory=dict)
    over_orders: Mapping[str, Mapping[str, Measure]] = field(default_factory=dict)


@dataclass(frozen=True)
class EvaluationSummary:
    """What an Evaluator found.

    Attributes:
      overall: the metrics over all evaluated rows.
      slices: the metrics of every slice that the data has, sorted by name.
      blessed: whether the model cleared every threshold.
      reasons: one sentence for each threshold that it did not clear.
      failed: the metrics that did not, by the name of the slice.
    """

    overall: SliceSummary
    slices: tuple[SliceSummary, ...]
    blessed: bool
    reasons: tuple[str, ...]
    failed: Mapping[str, frozenset[str]] = field(default_factory=dict)


def read_metrics(evaluation_uri: str) -> EvaluationSummary:
    """Reads the results of an Evaluator.

    Args:
      evaluation_uri: folder of its `evaluation` artifact.

    Raises:
      FileNotFoundError: the folder does not hold results of an Evaluator.
    """
    tfma = _tfma()
    try:
        validation = tfma.load_validation_result(evaluation_uri)
    except AssertionError:  # TFMA's error when there is no such file
        raise FileNotFoundError(
            f"{evaluation_uri}: does not hold results of an Evaluator; name its `evaluation` artifact"
        ) from None
    by_name = {found.name: found for found in map(_slice_summary, tfma.load_metrics(evaluation_uri))}
    # Where nothing is served, the candidate takes its place, and the metrics add nothing.
    if not any(measure.value for found in by_name.values() for measure in found.over_served.values()):
        by_name = {
            name: dataclasses.replace(found, served={}, over_served={}) for name, found in by_name.items()
        }
    overall = by_name.pop(OVERALL, SliceSummary(OVERALL, {}, {}, {}, {}, {}, 0, 0))
    failures = [
        (failure, _slice_name(part.slice_key))
        for part in validation.metric_validations_per_slice
        for failure in part.failures
    ]
    reasons = tuple(_reason(failure, name) for failure, name in failures)
    failed: dict[str, set[str]] = defaultdict(set)
    for failure, name in failures:
        failed[name].add(_judged_metric(failure.metric_key.name))
    if not overall.example_count:
        reasons = ("no row was evaluated: the eval split is empty", *reasons)
    return EvaluationSummary(
        overall=overall,
        slices=tuple(by_name[name] for name in sorted(by_name)),
        blessed=validation.validation_ok,
        reasons=reasons,
        failed={name: frozenset(names) for name, names in failed.items()},
    )


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
    of_candidate, over_served = by_model[candidate, False], by_model[candidate, True]
    served = by_model[tfma.BASELINE_KEY, False]
    reference = _derived(of_candidate, metrics.OF_REFERENCE)
    return SliceSummary(
        name=_slice_name(found.slice_key),
        model=_possible({name: of_candidate[name] for name in reference}),
        reference=_possible(reference),
        over_reference=_derived(of_candidate, metrics.OVER_REFERENCE),
        served=_possible({name: served[name] for name in reference if name in served}),
        over_served=over_served,
        user_count=int(of_candidate[metrics.USER_COUNT].value),
        example_count=int(of_candidate[metrics.EXAMPLE_COUNT].value),
        orders={
            name: _possible(found)
            for name, found in _by_order(
                of_candidate, {name: pattern for name, (pattern, _) in _ORDERS.items()}
            ).items()
        },
        over_orders=_by_order(of_candidate, {name: pattern for name, (_, pattern) in _ORDERS.items()}),
    )


def _by_order(measures: Mapping[str, Measure], patterns: Mapping[str, str]) -> dict[str, dict[str, Measure]]:
    found = {name: _derived(measures, pattern) for name, pattern in patterns.items()}
    return {name: derived for name, derived in found.items() if derived}


def _possible(measures: Mapping[str, Measure]) -> dict[str, Measure]:
    """The metrics, with intervals that end where a metric cannot go on: a share is from 0 to 1.

    TFMA's intervals are symmetric, so near 0 they would begin below it.
    """
    return {
        name: dataclasses.replace(
            found,
            lower=None if found.lower is None else max(0.0, found.lower),
            upper=found.upper if found.upper is None or name in metrics.NOT_SHARES else min(1.0, found.upper),
        )
        for name, found in measures.items()
    }


def _derived(measures: Mapping[str, Measure], pattern: str) -> dict[str, Measure]:
    """The measures whose names the pattern makes, by the names that it makes them from."""
    found = {derived_from(name, pattern): measure for name, measure in measures.items()}
    return {name: found[name] for name in measures if name in found}


def _slice_name(slice_key: Any) -> str:
    parts = _tfma().slicer.deserialize_slice_key(slice_key)
    return ",".join(f"{feature}={value}" for feature, value in parts) or OVERALL


def _judged_metric(name: str) -> str:
    """The metric that a threshold is about: that of a difference or of a distance behind another."""
    patterns = (
        metrics.OVER_REFERENCE,
        metrics.BEHIND_REFERENCE,
        metrics.BEHIND_SERVED,
        metrics.BEHIND_RETRIEVAL_ORDER,
    )
    return next((metric for pattern in patterns if (metric := derived_from(name, pattern))), name)


# What a threshold is about where the name of its metric does not show it.
_ABOUT: Final = {
    metrics.COVERAGE: "few movies fill the lists of all users",
    metrics.PERSONALIZATION: "users get much the same list, whoever they are",
    metrics.SHORT_LISTS: "the share of users who get fewer than ten movies",
}


def _reason(failure: Any, slice_name: str) -> str:
    name = failure.metric_key.name
    if not failure.HasField("metric_value"):
        return f"{name} was not computed"
    value = failure.metric_value.double_value.value
    if failure.metric_threshold.HasField("change_threshold"):
        change = failure.metric_threshold.change_threshold
        return (
            f"{name} is {abs(value):.4f} behind the served version, more than the "
            f"{abs(change.absolute.value):g} allowed"
        )
    if metric := derived_from(name, metrics.OVER_REFERENCE):
        return f"{metric} does not beat its reference: the difference is {value:+.4f}"
    threshold = failure.metric_threshold.value_threshold
    for pattern, beside in (
        (metrics.BEHIND_REFERENCE, "its reference"),
        (metrics.BEHIND_SERVED, "the served version"),
        (metrics.BEHIND_RETRIEVAL_ORDER, "the order of retrieval"),
    ):
        if metric := derived_from(name, pattern):
            where, scope = ("", "") if slice_name == OVERALL else (f"{slice_name}: ", " in a slice")
            return (
                f"{where}{metric} is at least {value:.4f} behind {beside} with 95 % confidence, more than "
                f"the {threshold.upper_bound.value:g} allowed{scope}"
            )
    about = f" ({_ABOUT[name]})" if name in _ABOUT else ""
    if threshold.HasField("lower_bound"):
        return f"{name} {value:.4f} misses the threshold of at least {threshold.lower_bound.value:g}{about}"
    return f"{name} {value:.4f} misses the threshold of at most {threshold.upper_bound.value:g}{about}"
