"""Checks of single features by their statistics: missing values, spread, and the place in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_gate.checks import (
    DRIFT,
    MISSING,
    SPREAD,
    TIME_SHIFT,
    Check,
    at_least,
    at_most,
)
from components.data_gate.settings import DataGateSettings
from contracts.features import RATINGS, TIMESTAMP, TRAIN_SPLIT, USER_RATING

Statistics = Mapping[str, Any]
"""`DatasetFeatureStatisticsList` by the name of the split."""

# Standard deviation of the ratings in stars, below which there is nothing to learn from.
MIN_RATING_DEVIATION: Final = 0.1
_DAY: Final = 86_400
_WITHOUT: Final = "share of Examples without it"


def missing_checks(
    table: str,
    schema: schema_pb2.Schema,
    now: Statistics,
    accepted: Statistics,
    settings: DataGateSettings,
) -> list[Check]:
    """The optional features: a data set has one in nearly all Examples or in none.

    The schema has to allow that a feature is missing, because not every MovieLens version has it. A feature
    that may be empty, such as a history, is missing by its nature and is not looked at. One
    that is gone since the last accepted run counts as drift.
    """
    checks = []
    optional = [
        feature.name
        for feature in schema.feature
        if feature.presence.min_fraction < 1 and feature.value_count.min >= 1
    ]
    for name in optional:
        feature = f"{table}.{name}"
        shares = {split: _missing_share(statistics, name) for split, statistics in sorted(now.items())}
        if any(share < 1 for share in shares.values()):
            checks += [
                at_most(
                    MISSING,
                    feature,
                    _WITHOUT,
                    share,
                    settings.max_missing_share,
                    f"{split} split",
                    setting="data_gate.max_missing_share",
                )
                for split, share in shares.items()
            ]
        elif any(_missing_share(statistics, name) < 1 for statistics in accepted.values()):
            detail = "the last accepted run has it"
            checks.append(at_most(DRIFT, feature, _WITHOUT, 1, settings.max_missing_share, detail=detail))
    return checks


def spread_checks(now: Statistics) -> list[Check]:
    """Whether the ratings differ enough to learn from."""
    return [
        at_least(
            SPREAD,
            f"{RATINGS}.{USER_RATING}",
            "standard deviation in stars",
            _numbers(statistics, USER_RATING).std_dev,
            MIN_RATING_DEVIATION,
            f"{split} split",
        )
        for split, statistics in sorted(now.items())
    ]


def time_checks(now: Statistics, accepted: Statistics, settings: DataGateSettings) -> list[Check]:
    """How far the ratings of the train split have moved in time since the last accepted run."""
    if TRAIN_SPLIT not in accepted or TRAIN_SPLIT not in now:
        return []
    new, old = (_numbers(statistics[TRAIN_SPLIT], TIMESTAMP) for statistics in (now, accepted))
    return [
        at_most(
            TIME_SHIFT,
            f"{RATINGS}.{TIMESTAMP}",
            f"days between the {word} ratings",
            abs(getattr(new, field) - getattr(old, field)) / _DAY,
            settings.max_timestamp_shift_days,
            f"{TRAIN_SPLIT} split",
            setting="data_gate.max_timestamp_shift_days",
        )
        for word, field in (("oldest", "min"), ("median", "median"), ("newest", "max"))
    ]


def _feature(statistics: Any, name: str) -> Any:
    """The statistics of one feature, None if no Example has it."""
    for feature in statistics.datasets[0].features:
        if (feature.name or ".".join(feature.path.step)) == name:
            return feature
    return None


def _missing_share(statistics: Any, name: str) -> float:
    found = _feature(statistics, name)
    examples = statistics.datasets[0].num_examples
    if found is None or not examples:
        return 1.0
    common = found.num_stats.common_stats if found.HasField("num_stats") else found.string_stats.common_stats
    return 1 - float(common.num_non_missing) / float(examples)


def _numbers(statistics: Any, name: str) -> Any:
    """The `NumericStatistics` of a feature; all zero if no Example has it."""
    found = _feature(statistics, name)
    return statistics_pb2.NumericStatistics() if found is None else found.num_stats
