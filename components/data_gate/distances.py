"""Distances between two sets of data as TFDV measures them, against the thresholds of the curated schemas.

L-infinity distance for categories, Jensen-Shannon divergence for numbers: both are 0 for equal and 1 for
disjoint distributions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.data_gate.checks import DRIFT, SKEW, Check, at_most, not_compared
from components.data_gate.split_rules import sampling_allowance

_JENSEN_SHANNON: Final = anomalies_pb2.DriftSkewInfo.Measurement.JENSEN_SHANNON_DIVERGENCE
_MEASURES: Final = {
    anomalies_pb2.DriftSkewInfo.Measurement.L_INFTY: "L-infinity distance",
    _JENSEN_SHANNON: "Jensen-Shannon divergence",
    anomalies_pb2.DriftSkewInfo.Measurement.NORMALIZED_ABSOLUTE_DIFFERENCE: "normalized absolute difference",
}


def drift_checks(
    table: str,
    schema: schema_pb2.Schema,
    now: statistics_pb2.DatasetFeatureStatisticsList,
    accepted: statistics_pb2.DatasetFeatureStatisticsList,
    where: str,
) -> list[Check]:
    """Every feature with a drift comparator against the last accepted run.

    Args:
      table: `ratings` or `movies`.
      schema: has the thresholds.
      now: statistics of the data that is judged.
      accepted: those of the same split of the last accepted run.
      where: the split, for the record.
    """
    found = tfdv.validate_statistics(now, schema, previous_statistics=accepted)
    return [
        at_most(DRIFT, f"{table}.{_name(info)}", _MEASURES[one.type], one.value, one.threshold, where)
        for info in found.drift_skew_info
        for one in info.drift_measurements
    ]


def skew_checks(
    table: str,
    schema: schema_pb2.Schema,
    train: statistics_pb2.DatasetFeatureStatisticsList,
    evaluation: statistics_pb2.DatasetFeatureStatisticsList,
    expected: Mapping[str, str],
) -> list[Check]:
    """Every feature with a skew comparator, the eval split against the train split.

    An eval split can be small, so to the threshold of the schema comes what chance alone does to a sample of
    its size.

    Args:
      table: `ratings` or `movies`.
      schema: has the thresholds.
      train: statistics of the train split.
      evaluation: those of the eval split.
      expected: why a feature may differ, for those that do by the way the data was split; they are without a
        threshold.
    """
    found = tfdv.validate_statistics(train, schema, serving_statistics=evaluation)
    examples = min(one.datasets[0].num_examples for one in (train, evaluation))
    checks = []
    for info in found.drift_skew_info:
        name = f"{table}.{_name(info)}"
        for one in info.skew_measurements:
            measure = _MEASURES[one.type]
            if _name(info) in expected:
                why = f"measured {one.value:.4f}; {expected[_name(info)]}"
                checks.append(not_compared(SKEW, name, measure, why))
            else:
                chance = sampling_allowance(examples, divergence=one.type == _JENSEN_SHANNON)
                detail = (
                    f"the threshold is {one.threshold:g} plus {chance:.4f} for chance in {examples:,.0f} rows"
                )
                threshold = one.threshold + chance
                checks.append(
                    at_most(SKEW, name, measure, one.value, threshold, "eval against train", detail)
                )
    return checks


def _name(info: anomalies_pb2.DriftSkewInfo) -> str:
    return ".".join(info.path.step)
