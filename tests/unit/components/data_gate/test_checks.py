"""Known answers: metrics, thresholds and verdicts of single checks."""

from __future__ import annotations

import math

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.data_gate.anomalies import anomaly_checks, unknown_anomalies
from components.data_gate.checks import Check, allowed, at_least, at_most
from components.data_gate.feature_checks import missing_checks, spread_checks, time_checks
from components.data_gate.settings import AllowedAnomaly, DataGateSettings
from components.data_gate.volume import change_checks, count_volume, volume_checks

SETTINGS = DataGateSettings()
DAY = 86_400


def statistics(examples: int, **features: dict[str, float]) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Statistics of numeric features, given as fields of `NumericStatistics`."""
    found = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = found.datasets.add(num_examples=examples)
    for name, fields in features.items():
        feature = dataset.features.add()
        feature.path.step.append(name)
        there = int(fields.pop("there", examples))
        feature.num_stats.common_stats.num_non_missing = there
        feature.num_stats.common_stats.num_missing = examples - there
        for field, value in fields.items():
            setattr(feature.num_stats, field, value)
    return found


def brief(checks: list[Check]) -> list[tuple[str, str, float | None, str]]:
    return [(check.feature, check.name, check.value, check.verdict) for check in checks]


def test_a_metric_on_the_threshold_passes_and_one_that_is_no_number_fails() -> None:
    assert at_most("drift", "f", "m", 0.05, 0.05).verdict == "passed"
    assert at_most("drift", "f", "m", 0.0501, 0.05).verdict == "failed"
    assert at_least("volume", "f", "m", 10, 10).verdict == "passed"
    assert at_most("drift", "f", "m", math.nan, 0.05).verdict == "failed"
    assert at_least("spread", "f", "m", math.nan, 0.05).verdict == "failed"


def test_sentence_names_feature_metric_and_threshold() -> None:
    check = at_most("drift", "ratings.user_gender", "L-infinity distance", 0.31, 0.05, "train split")

    assert check.sentence() == (
        "ratings.user_gender: drift, L-infinity distance 0.31 (threshold: at most 0.05), train split"
    )


def test_a_check_that_passed_needs_no_permission() -> None:
    passed = at_most("drift", "f", "m", 0, 1)

    assert allowed(passed, "meant") is passed
    assert allowed(at_most("drift", "f", "m", 2, 1), "meant").verdict == "allowed"


SCHEMA = schema_pb2.Schema()
for _name, _least, _share in (("age", 1, 0.0), ("history", 0, 0.0), ("id", 1, 1.0)):
    SCHEMA.feature.add(
        name=_name,
        value_count=schema_pb2.ValueCount(min=_least),
        presence=schema_pb2.FeaturePresence(min_fraction=_share),
    )


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (100, [("ratings.age", "missing values", 0.0, "passed")]),
        (60, [("ratings.age", "missing values", pytest.approx(0.4), "failed")]),
        (90, [("ratings.age", "missing values", pytest.approx(0.1), "passed")]),
        # A data set without ages.
        (0, []),
    ],
)
def test_missing_values(there: int, expected: list[tuple[str, str, float, str]]) -> None:
    now = {"train": statistics(100, age={"there": there}, history={"there": 3})}

    assert brief(missing_checks("ratings", SCHEMA, now, {}, SETTINGS)) == expected


def test_feature_that_the_last_accepted_run_had_is_gone() -> None:
    now, before = {"train": statistics(100)}, {"train": statistics(100, age={})}

    assert brief(missing_checks("ratings", SCHEMA, now, before, SETTINGS)) == [
        ("ratings.age", "drift", 1, "failed")
    ]


def test_ratings_without_any_spread() -> None:
    now = {
        "eval": statistics(10, user_rating={"std_dev": 0}),
        "train": statistics(10, user_rating={"std_dev": 1.1}),
    }

    assert brief(spread_checks(now)) == [
        ("ratings.user_rating", "spread", 0, "failed"),
        ("ratings.user_rating", "spread", 1.1, "passed"),
    ]


def test_time_may_go_on_but_not_jump() -> None:
    before = {"train": statistics(10, timestamp={"min": 0, "median": 50 * DAY, "max": 100 * DAY})}
    now = {"train": statistics(10, timestamp={"min": 0, "median": 80 * DAY, "max": 3_750 * DAY})}

    assert brief(time_checks(now, before, SETTINGS)) == [
        ("ratings.timestamp", "time shift", 0, "passed"),
        ("ratings.timestamp", "time shift", 30, "passed"),
        ("ratings.timestamp", "time shift", 3_650, "failed"),
    ]


def test_volume() -> None:
    ratings = {"examples": {"train": 900, "eval": 99}, "users": 25, "movies": 30}
    now = count_volume(ratings, {"examples": {"all": 40}, "users": 0, "movies": 40})

    assert brief(volume_checks(now, SETTINGS)) == [
        ("ratings", "volume", 999, "failed"),
        ("users", "volume", 25, "passed"),
        ("rated movies", "volume", 30, "passed"),
        ("movies", "volume", 40, "passed"),
    ]
    before = {"ratings": 1_998, "users": 25, "rated movies": 10, "movies": 40}
    assert brief(change_checks(now, before, SETTINGS)) == [
        ("ratings", "volume change", 0.5, "failed"),
        ("users", "volume change", 0, "passed"),
        ("rated movies", "volume change", 2, "failed"),
        ("movies", "volume change", 0, "passed"),
    ]


def anomalies(severity: int) -> anomalies_pb2.Anomalies:
    found = anomalies_pb2.Anomalies()
    info = found.anomaly_info["genres"]
    info.severity = severity
    info.reason.add(
        type=anomalies_pb2.AnomalyInfo.ENUM_TYPE_UNEXPECTED_STRING_VALUES,
        short_description="Unexpected string values",
        description="values missing from the schema: Telenovela (~2%).",
    )
    return found


ERROR, WARNING = anomalies_pb2.AnomalyInfo.ERROR, anomalies_pb2.AnomalyInfo.WARNING
REVIEWED = AllowedAnomaly(feature="genres", anomaly="ENUM_TYPE_UNEXPECTED_STRING_VALUES", reason="few")
OTHER = AllowedAnomaly(feature="genres", anomaly="FEATURE_TYPE_NOT_PRESENT", reason="few")


@pytest.mark.parametrize(
    ("severity", "settings", "verdict"),
    [
        (ERROR, DataGateSettings(), "failed"),
        (WARNING, DataGateSettings(), "passed"),
        (WARNING, DataGateSettings(anomaly_severity="warning"), "failed"),
        (ERROR, DataGateSettings(allow=(REVIEWED,)), "allowed"),
        (ERROR, DataGateSettings(allow=(OTHER,)), "failed"),
    ],
)
def test_anomalies(severity: int, settings: DataGateSettings, verdict: str) -> None:
    [check] = anomaly_checks("movies", {"all": anomalies(severity)}, settings)

    assert (check.feature, check.measure, check.verdict) == (
        "movies.genres",
        "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
        verdict,
    )
    assert "Telenovela (~2%)" in check.detail


def test_split_without_anomalies_and_split_without_data() -> None:
    empty = anomalies_pb2.Anomalies(data_missing=True)
    clean = anomalies_pb2.Anomalies()

    assert brief(anomaly_checks("ratings", {"train": clean, "eval": empty}, SETTINGS)) == [
        ("ratings", "anomaly", 1, "failed"),
        ("ratings", "anomaly", 0, "passed"),
    ]


def test_reviewed_anomaly_with_a_name_that_there_is_not() -> None:
    entry = AllowedAnomaly(feature="f", anomaly="ENUM_TYPO", reason="r")

    assert unknown_anomalies(DataGateSettings(allow=(REVIEWED, entry))) == ["ENUM_TYPO"]
