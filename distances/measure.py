"""Distances between two sets of data over common bins.

L-infinity distance for categories, Jensen-Shannon divergence (in bits) for numbers: both are 0 for equal and
1 for disjoint distributions. Numbers of few values, such as stars, have a bin for each value; others have the
deciles of both sets together. Thresholds are the comparators of the curated schemas; to each comes an
allowance for what chance alone does to samples of these sizes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tensorflow_metadata.proto.v0 import schema_pb2

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


def to_json(splits: Mapping[str, Distributions]) -> str:
    """The distributions of several splits, by name, for a file."""
    return json.dumps(
        {
            split: {feature: asdict(values) for feature, values in found.items()}
            for split, found in splits.items()
        }
    )


def from_json(text: str) -> dict[str, Distributions]:
    """Reads what `to_json` gave."""
    return {
        split: {feature: Values(**values) for feature, values in found.items()}
        for split, found in json.loads(text).items()
    }


def compared_features(schema: schema_pb2.Schema) -> dict[str, Any]:
    """The type in `schema_pb2` of every feature whose distribution is compared."""
    return {
        feature.name: feature.type
        for feature in schema.feature
        if _threshold(feature.drift_comparator) is not None or _threshold(feature.skew_comparator) is not None
    }


def measured(
    schema: schema_pb2.Schema, now: Distributions, other: Distributions, comparator: str
) -> Iterator[tuple[str, float, Distance]]:
    """Yields name, threshold of the schema and distance of every feature that has a comparator.

    Args:
      schema: has the thresholds.
      now: the data that is judged.
      other: what it is compared with.
      comparator: the field with the threshold: `skew_comparator` or `drift_comparator`.
    """
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
