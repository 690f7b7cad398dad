"""The JSON API: what it refuses, by name, and the errors that it describes."""

import time
from typing import Any

import pytest
from httpx import Response

from tests.unit.serving.app.conftest import KNOWN, Open, noting

RATING = {"event_id": "event-01", "user_id": "7", "movie_id": "1", "stars": 4}
IMPRESSION = {"event_id": "event-01", "user_id": "7", "movie_ids": ["1", "2"], "list_name": "for-you"}
LISTED = "/api/v1/recommendations"


def problem(answer: Response, status: int) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    detail: str = answer.json()["detail"]
    return detail


@pytest.mark.parametrize(
    ("field", "person"),
    [
        ("ratings.1.stars", {"ratings": [{"movie_id": "1", "stars": 5}, {"movie_id": "2", "stars": 4.7}]}),
        ("ratings.0.stars", {"ratings": [{"movie_id": "1", "stars": 10}]}),
        ("ratings.0.stars", {"ratings": [{"movie_id": "1", "stars": True}]}),
        ("gender", {"gender": "martian"}),
        ("occupation", {"occupation": "pirate"}),
        ("age", {"age": True}),
        ("age", {"age": 0}),
    ],
)
def test_a_person_whom_the_data_cannot_have_is_refused_by_field(
    open_app: Open, field: str, person: dict[str, Any]
) -> None:
    detail = problem(open_app().post(LISTED, json=person), 422)
    assert detail.split(":")[0].endswith(field)


def test_a_person_of_the_data_gets_a_list(open_app: Open) -> None:
    person = {"age": 30, "gender": "Female", "occupation": "writer", "ratings": []}
    assert open_app().post(LISTED, json=person).status_code == 200
    assert open_app().post(LISTED, json={"gender": "", "occupation": ""}).status_code == 200


def test_movies_that_the_catalogue_lacks_are_no_part_of_a_history(open_app: Open) -> None:
    histories: list[list[list[str]]] = []
    browser = open_app(noting(histories))
    given = [{"movie_id": movie, "stars": 5} for movie in ("999", "1")]
    assert browser.post(LISTED, json={"ratings": given}).json()["source"] == "history"
    assert histories == [[["1"]]]
    assert browser.post(LISTED, json={"ratings": given[:1]}).json()["source"] == "popular"


@pytest.mark.parametrize("path", ["/movies", "/movies/1", f"/users/{KNOWN}/recommendations", "/status"])
def test_a_parameter_that_a_route_does_not_have_is_refused_by_name(open_app: Open, path: str) -> None:
    assert "query.q:" in problem(open_app().get(f"/api/v1{path}?q=matrix"), 422)


def test_every_parameter_of_a_route_is_taken(open_app: Open) -> None:
    path = "/api/v1/movies?query=matrix&genre=Action&decade=1990&limit=1&offset=0"
    assert open_app().get(path).json()["total"] == 1


@pytest.mark.parametrize(("path", "event"), [("ratings", RATING), ("impressions", IMPRESSION)])
def test_an_event_is_written_once_and_another_one_with_its_id_is_refused(
    open_app: Open, path: str, event: dict[str, Any]
) -> None:
    browser = open_app()
    answers = [browser.post(f"/api/v1/{path}", json=event) for _ in range(2)]
    written = [(answer.status_code, answer.json()["written"]) for answer in answers]
    assert written == [(201, True), (201, False)]
    another = browser.post(f"/api/v1/{path}", json={**event, "user_id": "8"})
    assert "event-01" in problem(another, 409)


def test_a_rating_and_an_impression_may_have_one_id(open_app: Open) -> None:
    browser = open_app()
    assert browser.post("/api/v1/ratings", json=RATING).json()["written"]
    assert browser.post("/api/v1/impressions", json=IMPRESSION).json()["written"]


def test_an_event_of_the_future_is_refused(open_app: Open) -> None:
    browser = open_app()
    ahead = int(time.time()) + 24 * 3600
    for path, event in (("ratings", RATING), ("impressions", IMPRESSION)):
        answer = browser.post(f"/api/v1/{path}", json={**event, "timestamp": ahead})
        assert "body.timestamp" in problem(answer, 422)


def test_the_errors_that_occur_are_described(open_app: Open) -> None:
    browser = open_app(requests_per_minute=3)
    described = browser.get("/api/v1/openapi.json").json()["paths"]
    operations = [(verb, operation) for each in described.values() for verb, operation in each.items()]
    for verb, operation in operations:
        assert {"405", "413", "414", "422", "429", "500", "503"} <= set(operation["responses"])
        assert ("400" in operation["responses"]) is (verb == "post")
    events = [path for path, each in described.items() if "409" in each.get("post", {}).get("responses", ())]
    assert events == ["/api/v1/ratings", "/api/v1/impressions"]
    json_type = {"Content-Type": "application/json"}
    problem(browser.post(LISTED, content=b'{"gender": "\xff"}', headers=json_type), 400)
    problem(browser.delete("/api/v1/movies"), 405)
