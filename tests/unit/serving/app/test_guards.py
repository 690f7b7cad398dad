"""What every request passes: forged and oversized posts, limits, headers, errors, the log."""

import csv
import json
import logging
import re

import pytest
from fastapi.testclient import TestClient

from serving.app.guards import JsonLines
from tests.app_pages import rate, start_as, token
from tests.unit.serving.app.conftest import KNOWN, Open

PAGES = (
    "/",
    "/because",
    "/films?query=script",
    "/films/5",
    "/ratings",
    "/start",
    "/inside?user=42",
    "/nothing",
)


def test_a_post_without_the_token_of_the_session_changes_nothing(open_app: Open) -> None:
    browser, other = open_app(), open_app()
    fields = {"stars": "5", "event": "from-a-test", "back": "/"}
    for wrong in ({}, {"csrf": token(other)}):
        answer = browser.post("/films/1/rating", data={**fields, **wrong})
        assert answer.status_code == 403
    assert browser.app.state.services.feedback.waiting() == 0  # type: ignore[attr-defined]
    assert rate(browser, "1", 5).status_code == 200
    assert browser.app.state.services.feedback.waiting() == 1  # type: ignore[attr-defined]


def written_stars(browser: TestClient) -> list[float]:
    """The ratings of the folder that is closed now."""
    folder = browser.app.state.services.feedback.close_folder()  # type: ignore[attr-defined]
    with (folder / "ratings.csv").open(newline="") as stream:
        return [float(row["rating"]) for row in csv.DictReader(stream)]


def test_a_form_that_is_sent_twice_is_one_event(open_app: Open) -> None:
    browser = open_app()
    rate(browser, "2", 4)
    before = browser.cookies["movielens_session"]
    for _ in range(2):
        # Before the first answer is there, so with the same cookie.
        browser.cookies.clear()
        browser.cookies.set("movielens_session", before)
        assert rate(browser, "1", 5, event="same-page-1").status_code == 200
    # And after it.
    assert rate(browser, "1", 5, event="same-page-1").status_code == 200
    assert browser.app.state.services.feedback.waiting() == 2  # type: ignore[attr-defined]


def test_every_change_on_one_page_is_an_event_and_the_last_one_counts(open_app: Open) -> None:
    browser = open_app()
    for stars in (5, 3, 5):
        assert rate(browser, "1", stars, event="same-page-1").status_code == 200
    assert browser.app.state.services.feedback.waiting() == 3  # type: ignore[attr-defined]
    assert written_stars(browser) == [5.0]


def test_a_change_after_a_new_start_is_an_event_too(open_app: Open) -> None:
    browser = open_app()
    start_as(browser, KNOWN)
    rate(browser, "2", 5, event="same-page-1")
    rate(browser, "2", 3, event="same-page-1")
    start_as(browser, KNOWN)
    rate(browser, "2", 5, event="same-page-1")
    assert written_stars(browser) == [5.0]


def test_a_form_leads_to_pages_of_ours_only(open_app: Open) -> None:
    browser = open_app()
    for place in ("//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example"):
        fields = {"csrf": token(browser), "interested": "false", "back": place}
        answer = browser.post("/films/1/interest", data=fields, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_pages_run_no_script_of_others_and_show_hostile_titles_as_text(open_app: Open) -> None:
    browser = open_app()
    for path in PAGES:
        answer = browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "<script>alert" not in answer.text
        assert re.findall(r"<script(?! src=\"/static/)", answer.text) == []
        assert re.findall(r"\son\w+=|\sstyle=|javascript:", answer.text) == []
    assert "&lt;script&gt;alert" in browser.get("/films/5").text


def test_the_cookie_is_signed_and_out_of_reach_of_scripts(open_app: Open) -> None:
    browser = open_app(secure_cookies=True)
    cookie = browser.get("/start").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" in cookie
    plain = open_app()
    start_as(plain, KNOWN)
    value = plain.cookies["movielens_session"]
    plain.cookies.clear()
    plain.cookies.set("movielens_session", value[:-3] + "AAA")
    assert "New user" in plain.get("/films").text


def test_many_requests_of_a_client_get_429_with_when_to_come_back(open_app: Open) -> None:
    browser = open_app(requests_per_minute=3)
    answers = [browser.get("/api/v1/movies") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["retry-after"] == "60"
    assert answers[-1].headers["content-type"] == "application/problem+json"
    # Whoever watches the process is not counted.
    assert browser.get("/healthz").status_code == browser.get("/metrics").status_code == 200


def test_people_get_a_page_where_programs_get_problem_details(open_app: Open) -> None:
    browser = open_app(requests_per_minute=2)
    long = browser.get(f"/{'x' * 5000}")
    assert (long.status_code, "<h1>" in long.text) == (414, True)
    [_, many] = [browser.get("/films"), browser.get("/films"), browser.get("/films")][1:]
    assert (many.status_code, many.headers["retry-after"], "<h1>" in many.text) == (429, "60", True)
    wrong = open_app().get("/films/abc")
    assert (wrong.status_code, "pattern" in wrong.text) == (422, False)


@pytest.mark.parametrize("path", ["/", "/films/1", "/healthz", "/api/v1/movies"])
def test_the_head_of_an_answer_can_be_had_alone(path: str, open_app: Open) -> None:
    browser = open_app()
    head, whole = browser.head(path), browser.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert 'method="HEAD"' in browser.get("/metrics").text


def test_methods_that_somebody_made_up_are_one_series(open_app: Open) -> None:
    browser = open_app()
    for name in ("FOO", "BAR"):
        assert browser.request(name, "/").status_code == 405
    metrics = browser.get("/metrics").text
    assert 'method="other"' in metrics
    assert "FOO" not in metrics


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/movies/99", 404),
        ("/api/v1/movies/abc", 422),
        ("/api/v1/movies?limit=1000", 422),
        ("/api/v1/users/99/recommendations", 404),
        ("/api/v1/nothing", 404),
        (f"/api/v1/movies?query={'x' * 5000}", 414),
    ],
)
def test_errors_of_the_api_are_problem_details(open_app: Open, path: str, status: int) -> None:
    answer = open_app().get(path, headers={"X-Request-ID": "given-by-a-proxy"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"] == "given-by-a-proxy"


def test_large_bodies_are_refused_announced_or_not(open_app: Open) -> None:
    browser = open_app()
    assert browser.post("/api/v1/ratings", content=b"x" * 70_000).status_code == 413
    answer = browser.post("/api/v1/ratings", content=iter([b'{"a": "', *[b"x" * 10_000] * 10, b'"}']))
    assert answer.status_code >= 400


def test_the_log_has_routes_and_no_ids(open_app: Open, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "serving.app")
    browser = open_app()
    start_as(browser, KNOWN)
    rate(browser, "8", 5)
    browser.get(f"/api/v1/users/{KNOWN}/history")
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    requests = [line for line in lines if line["logger"] == "serving.app.requests"]
    assert {"/films/{movie_id}/rating", "/api/v1/users/{user_id}/history"} <= {
        line["route"] for line in requests
    }
    assert all({"time", "level", "status", "ms", "request_id"} <= set(line) for line in requests)
    written = "".join(json.dumps(line) for line in requests)
    assert f'"{KNOWN}"' not in written
    assert f"/{KNOWN}" not in written
    assert 'movielens_app_request_seconds_count{method="POST",route="/start"' in browser.get("/metrics").text
