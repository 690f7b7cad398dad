"""Distances between two sets of data with their thresholds: skew between splits, drift between runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tensorflow_metadata.proto.v0 import schema_pb2

from reports.data.schema import threshold_of
from reports.section import Column, Part, Table
from reports.verdict import Verdict, worst

# Both distances are at most 1, so this threshold is never reached: it makes TFDV measure and judge nothing.
_NEVER: Final = 2.0
_KINDS: Final = {"L_INFTY": "L-infinity", "JENSEN_SHANNON_DIVERGENCE": "Jensen-Shannon"}


@dataclass(frozen=True)
class DistanceCheck:
    """A value against its threshold, whoever measured it.

    Attributes:
      name: what is compared with what, such as "skew: train and eval".
      feature: what was measured, such as `ratings.user_gender`.
      measure: of the distance, such as "L-infinity".
      value: the distance.
      threshold: what it may be at most, None if there is no threshold.
      verdict: how it came out.
    """

    name: str
    feature: str
    measure: str
    value: float
    threshold: float | None
    verdict: Verdict


def measure(
    name: str, table: str, schema: Any, statistics: Any, other: Any, *, comparator: str, above: Verdict
) -> list[DistanceCheck]:
    """Measures every feature with TFDV: L-infinity for texts, Jensen-Shannon divergence for numbers.

    Args:
      name: of the checks.
      table: what the Examples are, `ratings` or `movies`.
      schema: has the thresholds.
      statistics: `DatasetFeatureStatisticsList` of the data that is judged.
      other: that of the data it is compared with.
      comparator: the field of a schema's feature with the threshold: `skew_comparator` or `drift_comparator`.
      above: the verdict on a value above its threshold.
    """
    import tensorflow_data_validation as tfdv

    thresholds = {feature.name: threshold_of(getattr(feature, comparator)) for feature in schema.feature}
    everywhere = schema_pb2.Schema.FromString(schema.SerializeToString())
    for feature in everywhere.feature:
        # Drift is measured whichever the comparator is: TFDV has one formula for both.
        feature.drift_comparator.Clear()
        threshold = thresholds[feature.name]
        kind = "infinity_norm" if feature.type == schema_pb2.BYTES else "jensen_shannon_divergence"
        getattr(feature.drift_comparator, kind).threshold = _NEVER if threshold is None else threshold
        feature.skew_comparator.Clear()
    found = tfdv.validate_statistics(statistics, everywhere, previous_statistics=other)
    checks = []
    for info in found.drift_skew_info:
        feature_name = ".".join(info.path.step)
        for measurement in info.drift_measurements:
            kind = type(measurement).Type.Name(measurement.type)
            threshold = thresholds.get(feature_name)
            verdict = Verdict.NO_THRESHOLD
            if threshold is not None:
                verdict = Verdict.PASSED if measurement.value <= threshold else above
            checks.append(
                DistanceCheck(
                    name,
                    f"{table}.{feature_name}",
                    _KINDS.get(kind, kind),
                    measurement.value,
                    threshold,
                    verdict,
                )
            )
    return checks


def checks_part(checks: Sequence[DistanceCheck], text: Iterable[str]) -> Part:
    """The table of checks, what missed its threshold first."""
    order = (Verdict.FAILED, Verdict.WARNING, Verdict.PASSED, Verdict.NO_THRESHOLD)
    ranked = sorted(
        checks,
        key=lambda check: (order.index(check.verdict), -check.value / (check.threshold or _NEVER)),
    )
    with_threshold = [check for check in checks if check.verdict is not Verdict.NO_THRESHOLD]
    missed = [check for check in with_threshold if check.verdict is not Verdict.PASSED]
    answer = f"{len(missed)} of {len(with_threshold)} distances with a threshold are above it"
    if missed:
        answer += f": {', '.join(f'{check.feature} ({check.name})' for check in ranked[: len(missed)][:4])}"
    return Part(
        "data-checks",
        "Drift and skew",
        answer=f"{answer}." if checks else "Nothing was compared.",
        text=tuple(text),
        tables=(
            Table(
                "checks",
                "Distances between data, with the thresholds of the data gate.",
                (
                    Column("feature"),
                    Column("verdict"),
                    Column("compared"),
                    Column("measure"),
                    Column("value", ".4f"),
                    Column("threshold", ".3g"),
                ),
                tuple(
                    (
                        check.feature,
                        check.verdict,
                        check.name,
                        check.measure,
                        check.value,
                        "no threshold" if check.threshold is None else check.threshold,
                    )
                    for check in ranked
                ),
                filterable=True,
                empty="There are no statistics to compare.",
            ),
        ),
        verdict=worst([check.verdict for check in checks]) if checks else None,
    )


def values(checks: Sequence[DistanceCheck]) -> dict[str, Any]:
    """The same for programs: by what was compared, then by feature."""
    found: dict[str, dict[str, Any]] = {}
    for check in checks:
        found.setdefault(check.name, {})[check.feature] = {
            "measure": check.measure,
            "value": check.value,
            "threshold": check.threshold,
            "verdict": check.verdict.value,
        }
    return found
