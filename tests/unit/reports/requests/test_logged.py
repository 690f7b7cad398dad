"""Request logs as they are read: by version, whom and what requests are about."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reports.errors import ReportError
from reports.requests.logged import LoggedRequests, read_logs


def line(signature: str, inputs: Any, outputs: Any = None, version: int | None = 7) -> str:
    found: dict[str, Any] = {"model": "recommender", "signature": signature, "code": "OK", "inputs": inputs}
    if version is not None:
        found |= {"version": version, "outputs": outputs or {}}
    return json.dumps(found)


def logged(tmp_path: Path, *lines: str) -> Mapping[int, LoggedRequests]:
    (tmp_path / "requests.jsonl").write_text("".join(f"{each}\n" for each in lines))
    return read_logs([tmp_path]).versions


def test_users_and_whether_the_model_has_them(tmp_path: Path) -> None:
    recommend = line("recommend", {"user_id": ["1", "2"], "k": 10}, {"known_user": [True, False]})
    requests = logged(tmp_path, recommend)[7]
    assert requests.users == [{"user_id": ["1"]}, {"user_id": ["2"]}]
    assert requests.known["known_user"] == {True: 1, False: 1}
    assert requests.answered == 1


def test_movies_are_those_that_a_request_names_and_not_what_models_chose(tmp_path: Path) -> None:
    requests = logged(
        tmp_path,
        line(
            "similar_movies", {"movie_id": ["50"], "k": 5}, {"movie_id": [["1", "2"]], "known_movie": [True]}
        ),
        line("rank", {"user_id": ["1"], "movie_id": [["3", "4"]]}),
        # The second stage of a list whose first one is in the log.
        line("rerank", {"user_id": ["1"], "movie_id": [["3"]], "retrieval_score": [[0.5]]}),
    )[7]
    assert requests.movies == [{"movie_id": ["50"]}]
    assert requests.users == [{"user_id": ["1"]}]


def test_histories_lose_their_padding(tmp_path: Path) -> None:
    inputs = {"history_movie_ids": [["1", "2"], ["3", ""]]}
    assert logged(tmp_path, line("recommend_from_history", inputs))[7].histories == [["1", "2"], ["3"]]


def test_examples_of_one_user_are_one_user(tmp_path: Path) -> None:
    rows = [
        {
            "user_id": ["1"],
            "raw_user_age": [24.0],
            "movie_id": [movie],
            "movie_genres": ["Drama"],
            "timestamp": [1],
        }
        for movie in ("5", "6")
    ]
    requests = logged(tmp_path, line("serving_default", {"examples": rows}))[7]
    assert requests.users == [{"user_id": ["1"], "raw_user_age": [24.0]}]
    assert [row["movie_id"] for row in requests.movies] == [["5"], ["6"]]


def test_versions_failures_and_broken_lines(tmp_path: Path) -> None:
    (tmp_path / "requests.jsonl.1").write_text(line("recommend", {"user_id": ["1"]}) + "\n")
    failed = line("recommend", {"user_id": ["1"]}, version=None).replace('"OK"', '"INTERNAL"')
    broken = ['{"model": "recomm', "[]", json.dumps({"version": 7})]
    newer = line("recommend", {"user_id": ["1"]}, version=8)
    (tmp_path / "requests.jsonl").write_text("\n".join([newer, failed, *broken]))

    logs = read_logs([tmp_path])
    assert {version: found.answered for version, found in logs.versions.items()} == {7: 1, 8: 1}
    assert logs.failed == {"INTERNAL": 1}
    assert logs.unreadable == 3


def test_a_folder_without_a_log(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"requests\.jsonl"):
        read_logs([tmp_path])
