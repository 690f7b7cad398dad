"""Distances between two sets of data against the thresholds of the curated schemas.

To the threshold of a schema comes what chance alone does to samples of these sizes.
"""

from __future__ import annotations

from collections.abc import Mapping

from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_gate.checks import DRIFT, SKEW, Check, at_most, not_compared
from distances.measure import Distance, Distributions, measured


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
        for name, threshold, found in measured(schema, now, accepted, "drift_comparator")
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
    for name, threshold, found in measured(schema, evaluation, train, "skew_comparator"):
        if name in expected:
            why = f"measured {found.value:.4f}; {expected[name]}"
            checks.append(not_compared(SKEW, f"{table}.{name}", found.measure, why))
        else:
            checks.append(_check(SKEW, table, name, threshold, found, "eval against train"))
    return checks


def _check(name: str, table: str, feature: str, threshold: float, found: Distance, where: str) -> Check:
    comparator = "skew_comparator" if name == SKEW else "drift_comparator"
    detail = (
        f"the threshold is {threshold:g}, {comparator} of {feature} in schema/{table}.pbtxt, plus "
        f"{found.allowance:.4f} for chance in samples of these sizes"
    )
    total = threshold + found.allowance
    return at_most(name, f"{table}.{feature}", found.measure, found.value, total, where, detail)
