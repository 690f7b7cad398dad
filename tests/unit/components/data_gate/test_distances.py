"""Distances over common bins by known answers, and what chance adds to the threshold of a small split."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_gate.distance_checks import drift_checks, skew_checks
from components.data_gate.split_rules import expected_skew
from distances.measure import Distance, Distributions, Values, distance

SCHEMA = text_format.Parse(
    """
    feature {
      name: "user_gender" type: BYTES
      skew_comparator { infinity_norm { threshold: 0.05 } }
      drift_comparator { infinity_norm { threshold: 0.05 } }
    }
    feature {
      name: "user_rating" type: FLOAT
      skew_comparator { jensen_shannon_divergence { threshold: 0.05 } }
    }
    feature { name: "movie_id" type: BYTES }
    """,
    schema_pb2.Schema(),
)


def genders(male: int, female: int) -> Distributions:
    return {"user_gender": Values(male + female, {"Male": male, "Female": female})}


def numbers(*values: float) -> Values:
    return Values(len(values), Counter(f"{value:g}" for value in values))


def divergence(now: Values, other: Values) -> Distance:
    return distance(now, other, numeric=True)


def test_drift() -> None:
    [far] = drift_checks("ratings", SCHEMA, genders(8_000, 2_000), genders(5_000, 5_000), "train split")
    [near] = drift_checks("ratings", SCHEMA, genders(5_400, 4_600), genders(5_000, 5_000), "train split")

    # Two shares of 10,000 Examples: 3.66 deviations of sqrt(p (1 - p) 2 / 10,000), p = .65 and .52.
    assert (far.feature, far.verdict) == ("ratings.user_gender", "failed")
    assert (far.value, far.threshold) == (pytest.approx(0.3), pytest.approx(0.05 + 0.0247, abs=2e-4))
    assert (near.value, near.verdict) == (pytest.approx(0.04), "passed")


def test_divergence_by_hand() -> None:
    half = divergence(numbers(1, 2), numbers(1, 1))
    # Against the middle (3/4, 1/4): mean of log2(2/3)/2 + log2(2)/2 and log2(4/3).
    by_hand = ((math.log2(2 / 3) + 1) / 2 + math.log2(4 / 3)) / 2

    assert half.value == pytest.approx(by_hand)
    assert divergence(numbers(1, 2), numbers(2, 1)).value == 0
    assert divergence(numbers(1), numbers(2)).value == pytest.approx(1)


def test_the_ends_of_a_range_do_not_move_the_bins() -> None:
    stars = [2.0, 3.0, 4.0, 5.0] * 250
    assert divergence(numbers(*stars, 1.0, 1.0), numbers(*stars)).value < 0.002
    years = [1960.0 + index % 40 for index in range(10_000)]
    assert divergence(numbers(*years, 2010.0), numbers(*years)).value < 1e-4


def test_numbers_of_many_values_are_compared_by_common_deciles() -> None:
    old, new = ([start + index % 100 for index in range(10_000)] for start in (1900.0, 1950.0))
    # Half of each is where the other is not, which is .5; deciles that cut through the edges lose a little.
    assert 0.4 < divergence(numbers(*old), numbers(*new)).value <= 0.5


def test_fair_draws_of_any_size_are_hardly_ever_beyond_chance() -> None:
    rng = np.random.default_rng(7)
    shares = [0.06, 0.11, 0.27, 0.34, 0.22]
    for size in (40, 60, 400):
        draws = [
            Values(
                size, {str(star + 1): int(count) for star, count in enumerate(rng.multinomial(size, shares))}
            )
            for _ in range(400)
        ]
        for numeric in (True, False):
            found = [
                distance(now, other, numeric=numeric)
                for now, other in zip(draws[::2], draws[1::2], strict=True)
            ]
            assert sum(one.value > one.allowance for one in found) <= 1


def test_skew_leaves_room_for_chance_in_a_small_split() -> None:
    train = genders(50_000, 50_000)

    [by_chance] = skew_checks("ratings", SCHEMA, train, genders(60, 40), {})
    [beyond] = skew_checks("ratings", SCHEMA, train, genders(80, 20), {})
    [many] = skew_checks("ratings", SCHEMA, train, genders(6_000, 4_000), {})

    assert [check.verdict for check in (by_chance, beyond, many)] == ["passed", "failed", "failed"]
    assert "skew_comparator of user_gender in schema/ratings.pbtxt" in beyond.detail


def test_what_a_temporal_split_changes_by_itself_has_no_threshold() -> None:
    expected = expected_skew("temporal")

    [check] = skew_checks("ratings", SCHEMA, genders(50, 50), genders(90, 10), expected)

    assert (check.verdict, check.threshold) == ("not compared", None)
    assert "measured 0.4000; a temporal split holds out other people" in check.detail
    assert not expected_skew("random")
    assert not expected_skew("leave_last_out")
    assert "user_rating" not in expected
    assert "movie_genres" not in expected
