"""Faults of answers that are known beforehand, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from components.data_gate.checks import Check
from components.model_probe.answers import SignatureTally, list_faults
from components.model_probe.probe_data import ProbeData
from components.model_probe.probed_process import Specs
from components.model_probe.requests import Request, table

MOVIES = {b"1": b"One (1991)", b"2": b"Two (1992)", b"3": b"Three (1993)", b"4": b"Four (1994)"}
DATA = ProbeData(MOVIES, rows=[], transformed={}, rated={}, scale=(1.0, 5.0))
NONE: frozenset[bytes] = frozenset()


@pytest.mark.parametrize(
    ("ids", "hidden", "fault"),
    [
        ([b"1", b"2", b"3"], [], ""),
        ([b"3", b"4", b""], [b"1", b"2"], ""),
        ([b"1", b"2", b"1"], [], "'1' is in it twice"),
        ([b"1", b"2", b"3"], [b"2"], "1 that the user has rated or excluded, such as '2'"),
        ([b"1", b"9", b"3"], [], "1 that the catalogue does not hold, such as '9'"),
        ([b"1", b"", b"3"], [], "an empty slot before a movie; 2 movies where 3 are left"),
        ([b"1", b"2", b""], [b"4"], "2 movies where 3 are left"),
        # What is excluded and unknown does not shorten a list.
        ([b"1", b"2", b""], [b"4", b"9"], "2 movies where 3 are left"),
        ([], [], ""),
    ],
)
def test_faults_of_a_list(ids: list[bytes], hidden: list[bytes], fault: str) -> None:
    assert "; ".join(list_faults(ids, frozenset(hidden), frozenset(hidden), MOVIES)) == fault


def test_a_list_may_lack_what_the_user_has_rated_and_need_not() -> None:
    rated = frozenset({b"3", b"4"})
    assert list_faults([b"1", b"2", b"3"], NONE, rated, MOVIES) == []
    assert list_faults([b"1", b"2", b""], NONE, rated, MOVIES) == []


LISTS: Specs = {
    "movie_id": ("string", [None, None]),
    "movie_title": ("string", [None, None]),
    "score": ("float32", [None, None]),
    "known_user": ("bool", [None]),
}


def request(**more: Any) -> Request:
    return Request("two users", {}, rows=2, width=2, known=[True, False], **more)


def answer(**more: Any) -> dict[str, Any]:
    good = {
        "movie_id": table([[b"1", b"2"], [b"3", b"4"]]),
        "movie_title": table([[b"One (1991)", b"Two (1992)"], [b"Three (1993)", b"Four (1994)"]]),
        "score": np.array([[2.0, 1.0], [1.0, 1.0]], np.float32),
        "known_user": np.array([True, False]),
    }
    return {**good, **more}


def failed(outputs: Specs, sent: Request, *answers: dict[str, Any]) -> list[tuple[str, float | None, str]]:
    tally = SignatureTally("recommend", outputs, DATA)
    for each in answers:
        tally.add(sent, each)
    checks: list[Check] = tally.checks()
    assert all(check.where == f"{len(answers)} requests" for check in checks)
    return [(check.name, check.value, check.detail) for check in checks if check.verdict == "failed"]


def test_good_lists_have_no_fault() -> None:
    assert failed(LISTS, request(), answer(), answer()) == []


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (
            {"score": np.array([[np.nan, np.inf], [1.0, 0.0]], np.float32)},
            ("finite", 2.0, "two users: 2 of 4 in score"),
        ),
        (
            {"score": np.array([[1.0, 2.0], [1.0, 0.0]], np.float32)},
            ("lists", 1.0, "two users: a score is above the one before it"),
        ),
        (
            {"movie_title": table([[b"One (1991)", b"One (1991)"], [b"Three (1993)", b"Four (1994)"]])},
            ("titles", 1.0, "two users: '2' is called 'One (1991)'"),
        ),
        ({"known_user": np.array([True, True])}, ("known ids", 1.0, "two users: 1 of 2 in known_user")),
        (
            {"known_user": np.array([[True, False]])},
            ("shapes", 1.0, "two users: known_user is [1, 2] instead of [2]"),
        ),
        (
            {name: value[:, :1] for name, value in answer().items() if value.ndim == 2},
            ("shapes", 3.0, "two users: movie_id is [2, 1] instead of [2, 2]; "),
        ),
    ],
)
def test_each_fault_is_counted_where_it_belongs(wrong: dict[str, Any], found: tuple[str, float, str]) -> None:
    [first, *_] = failed(LISTS, request(), answer(**wrong), answer())
    assert first[:2] == found[:2]
    assert first[2].startswith(found[2])


def test_movies_that_must_not_be_in_a_list() -> None:
    hidden = [frozenset({b"1"}), frozenset({b"1"})]
    [(kind, count, detail)] = failed(LISTS, request(hidden=hidden, may_lack=hidden), answer())
    assert (kind, count) == ("lists", 1)
    assert "row 0 of movie_id" in detail
    assert "'1'" in detail


def test_ratings_keep_to_the_scale_of_the_data() -> None:
    outputs: Specs = {"user_rating": ("float32", [None])}
    sent = Request("three rows", {}, rows=3)
    on_it = {"user_rating": np.array([1.0, 3.3, 5.0], np.float32)}
    off_it = {"user_rating": np.array([0.5, 5.5, 3.0], np.float32)}
    assert failed(outputs, sent, on_it) == []
    assert failed(outputs, sent, on_it, off_it) == [
        ("scale", 2.0, "three rows: 0.5 in user_rating is not in 1 to 5")
    ]


def test_a_request_that_tensorflow_refuses_is_counted_with_its_first_line() -> None:
    tally = SignatureTally("recommend", LISTS, DATA)
    tally.refused(request(), "InvalidArgumentError: no such k\n at node 7")
    [check] = [check for check in tally.checks() if check.verdict == "failed"]
    assert check.sentence() == (
        "recommend: answers, requests without an answer 1 (threshold: at most 0), 1 requests: "
        "two users: InvalidArgumentError: no such k"
    )
