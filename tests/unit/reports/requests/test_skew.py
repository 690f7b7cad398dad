"""Distances between requests and training data, with numbers worked out by hand."""

from collections import Counter

import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from distances.measure import Values
from reports.requests.anomalies import anomalies_of
from reports.requests.logged import LoggedRequests
from reports.requests.section import _chart
from reports.requests.skew import Compared, compared, effective_size
from reports.verdict import Verdict
from schema import RATINGS_SCHEMA

SCHEMA = text_format.Parse(RATINGS_SCHEMA.read_text("utf-8"), schema_pb2.Schema())
# 400 ratings of 100 users, of whom every fourth is a woman.
TRAINING = tfdv.generate_statistics_from_dataframe(
    pd.DataFrame(
        {
            "user_id": [[str(row % 100)] for row in range(400)],
            "user_gender": [["Female" if row % 4 == 0 else "Male"] for row in range(400)],
            "movie_id": [[str(row % 50)] for row in range(400)],
            "movie_genres": [["Action"] if row % 2 else ["Drama"] for row in range(400)],
            "history_movie_ids": [["1", "2"] if row % 2 else ["3"] for row in range(400)],
        },
        dtype=object,
    ),
    n_jobs=1,
).datasets[0]
COUNTED = {"raw_user_age": Values(400, {"20": 200, "30": 200})}


def found(requests: LoggedRequests) -> dict[str, Compared]:
    return {each.feature: each for each in compared(requests, TRAINING, SCHEMA, COUNTED)}


def test_effective_size_is_the_number_of_equal_owners() -> None:
    assert effective_size({"a": 4, "b": 4}, 8) == 2
    # One owner of nearly all rows counts little more than one: 10^2 / (9^2 + 1).
    assert effective_size({"a": 9, "b": 1}, 10) == 1
    # The statistics name 2 of 4 owners.
    assert effective_size({"a": 5, "b": 5}, 20) == 4


def test_users_like_those_of_training_pass() -> None:
    rows = [
        {"user_id": [str(user)], "user_gender": ["Female" if user % 4 == 0 else "Male"]}
        for user in range(100)
    ]
    checks = {name: each.check() for name, each in found(LoggedRequests(users=rows)).items()}
    assert set(checks) == {"user_id", "user_gender"}
    assert checks["user_gender"].value == pytest.approx(0)
    assert {check.verdict for check in checks.values()} == {Verdict.PASSED}


def test_users_unlike_those_of_training_fail_by_the_distance_of_the_shares() -> None:
    rows = [{"user_id": [str(user)], "user_gender": ["Female"]} for user in range(100)]
    check = found(LoggedRequests(users=rows))["user_gender"].check()
    assert check.value == pytest.approx(0.75)
    assert check.verdict is Verdict.FAILED
    # The threshold of the schema, and what chance does to 100 users on each side.
    assert check.threshold is not None
    assert 0.05 < check.threshold < 0.35


def test_one_user_of_many_requests_stands_out_by_the_id_and_not_by_the_gender() -> None:
    rows = [{"user_id": ["4"], "user_gender": ["Female"]}] * 100
    checks = {name: each.check() for name, each in found(LoggedRequests(users=rows)).items()}
    assert checks["user_id"].value == pytest.approx(0.99)
    assert checks["user_id"].verdict is Verdict.FAILED
    # One user is a sample of one.
    assert checks["user_gender"].verdict is Verdict.PASSED


def test_numbers_are_compared_with_what_the_gate_has_counted() -> None:
    rows = [{"user_id": [str(user)], "raw_user_age": [20.0]} for user in range(100)]
    check = found(LoggedRequests(users=rows))["raw_user_age"].check()
    # Of (1, 0) and (1/2, 1/2), whose middle is (3/4, 1/4): (log2(4/3) + log2(2/3) / 2 + log2(2) / 2) / 2.
    assert check.value == pytest.approx(0.3113, abs=1e-4)
    assert check.verdict is Verdict.FAILED


def test_hashed_users_are_not_compared_by_their_ids() -> None:
    rows = [{"user_id": [f"hashed:{user}"], "user_gender": ["Male"]} for user in range(100)]
    assert set(found(LoggedRequests(users=rows))) == {"user_gender"}


def test_histories() -> None:
    like = [["1", "2"], ["3"]] * 50
    assert found(LoggedRequests(histories=like))["history_movie_ids"].check().value == pytest.approx(0)
    unlike = [["9", str(place)] for place in range(100, 200)]
    check = found(LoggedRequests(histories=unlike))["history_movie_ids"].check()
    assert check.value == pytest.approx(0.5)
    assert check.verdict is Verdict.FAILED


@pytest.mark.parametrize(("unknown", "verdict"), [(5, Verdict.PASSED), (40, Verdict.FAILED)])
def test_unknown_users(unknown: int, verdict: Verdict) -> None:
    known = {"known_user": Counter({True: 100 - unknown, False: unknown}), "known_movie": Counter[bool]()}
    checks = found(LoggedRequests(known=known))
    assert set(checks) == {"known_user"}
    assert checks["known_user"].check().value == pytest.approx(unknown / 100)
    assert checks["known_user"].check().verdict is verdict


def test_values_that_the_schema_does_not_allow() -> None:
    requests = LoggedRequests(
        users=[{"user_id": ["1"], "user_gender": ["Robot"]}, {"raw_user_age": [30.0]}],
        movies=[{"movie_id": ["1"], "movie_genres": ["Drama"], "movie_release_year": [3000]}],
    )
    assert {(each.table, each.feature) for each in anomalies_of(requests, SCHEMA)} == {
        ("users", "user_gender"),
        ("movies", "movie_release_year"),
    }


def test_a_chart_names_the_value_that_differs_most_and_none_where_none_does() -> None:
    training = Values(10, Counter(Male=5, Female=5))
    same = Compared("user_gender", False, Values(4, Counter(Male=2, Female=2)), training, 0.1)
    other = Compared("user_gender", False, Values(4, Counter(Female=4)), training, 0.1)

    assert not any(value in _chart(same).answer for value in ("Male", "Female"))
    assert "100.0%" in _chart(other).answer
