"""Distances between two sets of data over common bins, against the thresholds of the curated schemas.

L-infinity distance for categories, Jensen-Shannon divergence (in bits) for numbers: both are 0 for equal and
1 for disjoint distributions. Numbers of few values, such as stars, have a bin for each value; others have the
deciles of both sets together. To the threshold of a schema comes what chance alone does to samples of these
sizes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_gate.checks import DRIFT, SKEW, Check, at_most, not_compared

L_INFINITY: Final = "L-infinity distance"
JENSEN_SHANNON: Final = "Jensen-Shannon divergence"

# Chance exceeds an allowance once in so many fair pairs of samples, for one feature. `python -m studies gate`
# measures what that comes to for whole data sets.
CHANCE: Final = 5e-4
_MOST_VALUES: Final = 20
_BINS: Final = 10


@dataclass(frozen=True)
class Values:
    """How often a feature has each value.

    Attributes:
      examples: Examples that have the feature.
      counts: occurrences by value, which can be more where a feature has several values.
    """

    examples: int
    counts: Mapping[str, int]


Distributions = Mapping[str, Values]
"""`Values` by feature, of one split."""


@dataclass(frozen=True)
class Distance:
    """How far two sets of data are apart in one feature.

    Attributes:
      measure: of the distance.
      value: from 0 to 1.
      allowance: what chance alone stays below in nearly all cases.
    """

    measure: str
    value: float
    allowance: float


def distance(now: Values, other: Values, *, numeric: bool) -> Distance:
    """The distance between two distributions of one feature.

    Args:
      now: what is judged.
      other: what it is compared with.
      numeric: whether the values are numbers.
    """
    names = sorted({*now.counts, *other.counts}, key=float if numeric else str)
    table = np.array([[side.counts.get(name, 0) for name in names] for side in (now, other)], np.float64)
    totals = table.sum(axis=1, keepdims=True)
    measure = JENSEN_SHANNON if numeric else L_INFINITY
    if not totals.all():
        return Distance(measure, float(totals.any()), 0.0)
    shares = table / totals
    variance = 1 / now.examples + 1 / other.examples
    if not numeric:
        pooled = shares.mean(axis=0)
        # The share nearest to a half varies most; each of them may be the one that is farthest off.
        deviation = math.sqrt(float((pooled * (1 - pooled)).max()) * variance)
        allowance = deviation * NormalDist().inv_cdf(1 - CHANCE / (2 * len(names)))
        return Distance(measure, float(np.abs(shares[0] - shares[1]).max()), min(1.0, allowance))
    shares = _binned(shares)
    # Near 0 the divergence of fair samples is a chi-square of one degree less than there are bins.
    allowance = _chi_square(shares.shape[1] - 1) * variance / (8 * math.log(2))
    return Distance(measure, _divergence(shares), min(1.0, allowance))


def _binned(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Shares [2, values] in bins [2, bins]: each value alone, or the deciles of both sets together."""
    if shares.shape[1] <= _MOST_VALUES:
        return shares
    pooled = np.cumsum(shares.mean(axis=0))
    bins = np.minimum((pooled - shares.mean(axis=0) / 2) * _BINS, _BINS - 1).astype(int)
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    return np.add.reduceat(shares, starts, axis=1)


def _divergence(shares: npt.NDArray[np.float64]) -> float:
    middle = shares.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(shares > 0, shares * np.log2(shares / middle), 0.0)
    return max(0.0, float(parts.sum()) / 2)


def _chi_square(degrees: int) -> float:
    """The quantile that `CHANCE` exceeds, by the approximation of Wilson and Hilferty (1931)."""
    if degrees <= 0:
        return 0.0
    spread = 2 / (9 * degrees)
    quantile: float = degrees * (1 - spread + NormalDist().inv_cdf(1 - CHANCE) * math.sqrt(spread)) ** 3
    return quantile


def drift_checks(
    table: str, schema: schema_pb2.Schema, now: Distributions, accepted: Distributions, where: str
) -> list[Check]:
    """Every feature with a drift comparator against the last accepted run.

    Args:
      table: `ratings` or `movies`.
      schema: has the thresholds.
      now: the data that is judged.
      accepted: the same split of the last accepted run.
      where: the split, for the record.
    """
    return [
        _check(DRIFT, table, name, threshold, found, where)
        for name, threshold, found in _measured(schema, now, accepted, "drift_comparator")
    ]


def skew_checks(
    table: str,
    schema: schema_pb2.Schema,
    train: Distributions,
    evaluation: Distributions,
    expected: Mapping[str, str],
) -> list[Check]:
    """Every feature with a skew comparator, the eval split against the train split.

    Args:
      table: `ratings` or `movies`.
      schema: has the thresholds.
      train: the train split.
      evaluation: the eval split.
      expected: why a feature may differ, for those that do by the way the data was split; they do not have a
        threshold.
    """
    checks = []
    for name, threshold, found in _measured(schema, evaluation, train, "skew_comparator"):
        if name in expected:
            why = f"measured {found.value:.4f}; {expected[name]}"
            checks.append(not_compared(SKEW, f"{table}.{name}", found.measure, why))
        else:
            checks.append(_check(SKEW, table, name, threshold, found, "eval against train"))
    return checks


def compared_features(schema: schema_pb2.Schema) -> dict[str, Any]:
    """The type in `schema_pb2` of every feature whose distribution is compared."""
    return {
        feature.name: feature.type
        for feature in schema.feature
        if _threshold(feature.drift_comparator) is not None or _threshold(feature.skew_comparator) is not None
    }


def _measured(
    schema: schema_pb2.Schema, now: Distributions, other: Distributions, comparator: str
) -> Iterator[tuple[str, float, Distance]]:
    for feature in schema.feature:
        threshold = _threshold(getattr(feature, comparator))
        judged, reference = now.get(feature.name), other.get(feature.name)
        # A feature that one side lacks is a case of missing values.
        if threshold is not None and judged and reference and judged.examples and reference.examples:
            numeric = feature.type != schema_pb2.BYTES
            yield feature.name, threshold, distance(judged, reference, numeric=numeric)


def _threshold(comparator: Any) -> float | None:
    for kind in ("infinity_norm", "jensen_shannon_divergence"):
        if comparator.HasField(kind):
            return float(getattr(comparator, kind).threshold)
    return None


def _check(name: str, table: str, feature: str, threshold: float, found: Distance, where: str) -> Check:
    comparator = "skew_comparator" if name == SKEW else "drift_comparator"
    detail = (
        f"the threshold is {threshold:g}, {comparator} of {feature} in schema/{table}.pbtxt, plus "
        f"{found.allowance:.4f} for chance in samples of these sizes"
    )
    total = threshold + found.allowance
    return at_most(name, f"{table}.{feature}", found.measure, found.value, total, where, detail)
