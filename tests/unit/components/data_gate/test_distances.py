"""Distances by known answers, and what chance adds to the threshold of a small eval split."""

from __future__ import annotations

import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_gate.distances import drift_checks, skew_checks
from components.data_gate.split_rules import expected_skew, sampling_allowance

SCHEMA = text_format.Parse(
    """
    feature {
      name: "user_gender" type: BYTES
      skew_comparator { infinity_norm { threshold: 0.05 } }
      drift_comparator { infinity_norm { threshold: 0.05 } }
    }
    feature { name: "movie_id" type: BYTES }
    """,
    schema_pb2.Schema(),
)


def genders(male: int, female: int) -> statistics_pb2.DatasetFeatureStatisticsList:
    import pandas as pd

    frame = pd.DataFrame({"user_gender": ["Male"] * male + ["Female"] * female})
    return tfdv.generate_statistics_from_dataframe(frame)


def test_drift() -> None:
    [far] = drift_checks("ratings", SCHEMA, genders(80, 20), genders(50, 50), "train split")
    [near] = drift_checks("ratings", SCHEMA, genders(54, 46), genders(50, 50), "train split")

    assert (far.feature, far.value, far.threshold, far.verdict) == (
        "ratings.user_gender",
        pytest.approx(0.3),
        0.05,
        "failed",
    )
    assert (near.value, near.verdict) == (pytest.approx(0.04), "passed")


def test_skew_leaves_room_for_chance_in_a_small_split() -> None:
    # Of 100 fair draws of an even coin, 99 in 100 sets have between 37 and 63 heads.
    assert sampling_allowance(100, divergence=False) == pytest.approx(0.1288)
    train = genders(5_000, 5_000)

    [by_chance] = skew_checks("ratings", SCHEMA, train, genders(60, 40), {})
    [beyond] = skew_checks("ratings", SCHEMA, train, genders(70, 30), {})
    [many] = skew_checks("ratings", SCHEMA, train, genders(6_000, 4_000), {})

    assert (by_chance.value, by_chance.threshold) == (pytest.approx(0.1), pytest.approx(0.1788))
    assert [check.verdict for check in (by_chance, beyond, many)] == ["passed", "failed", "failed"]


def test_what_a_temporal_split_changes_by_itself_has_no_threshold() -> None:
    expected = expected_skew("temporal")

    [check] = skew_checks("ratings", SCHEMA, genders(50, 50), genders(90, 10), expected)

    assert (check.verdict, check.threshold) == ("not compared", None)
    assert "measured 0.4000; a temporal split holds out other people" in check.detail
    assert not expected_skew("random")
    assert not expected_skew("leave_last_out")
    assert "user_rating" not in expected
    assert "movie_genres" not in expected
