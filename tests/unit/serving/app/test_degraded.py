"""The application where the model server is gone, lacks a model, or does not have a label."""

import json
from typing import Any

import grpc
import pytest

from serving.app.model_calls import ModelCalls
from tests.app_pages import film_ids, rate, start_as
from tests.contract.model_server.servers import wait_for
from tests.unit.serving.app.conftest import IDS, KNOWN, STARS, VERSION, Open, answer_all, without
from tests.unit.serving.client.conftest import Serve
from tests.unit.serving.client.scripted_server import Received, Refusal


def test_without_the_model_server_pages_work_and_ratings_are_written_and_lists_come_back(
    open_app: Open, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = serve(answer_all)
    browser = open_app(address=gone.address)
    start_as(browser, KNOWN)
    normal = film_ids(browser.get("/").text)
    gone.stop()

    page = browser.get("/")
    assert page.status_code == 200
    assert "does not answer" in page.text
    # By popularity, without what the user has watched.
    assert film_ids(page.text) == ["2", "3", "5", "6", "7", "8"]
    assert film_ids(browser.get("/?genre=Drama").text) == ["3", "8"]
    for path in ("/films?query=matrix", "/films/1", "/because", "/ratings", "/inside?user=42"):
        assert browser.get(path).status_code == 200
    # Once, not for each liked film.
    for film in ("5", "6"):
        assert rate(browser, film, 5, event=f"liked-film-{film}").status_code == 200
    assert browser.get("/because").text.count("does not answer") == 1
    assert rate(browser, "5", 1).status_code == 200
    assert browser.get("/readyz").status_code == 503
    assert browser.get("/healthz").status_code == 200

    serve(answer_all, port=gone.port)
    services = browser.app.state.services  # type: ignore[attr-defined]

    def ready() -> bool:
        # The pause after a failure is over.
        monkeypatch.setattr(services.calls, "_down_until", 0.0)
        return browser.get("/readyz").status_code == 200

    wait_for(ready, lambda: browser.get("/readyz").text)
    assert "does not answer" not in browser.get("/").text
    start_as(browser, KNOWN)
    assert film_ids(browser.get("/").text) == normal
    assert browser.get("/readyz").json() == {"ready": True, "versions": [VERSION]}


def test_a_server_that_is_down_is_left_alone_for_a_moment(open_app: Open, serve: Serve) -> None:
    gone = serve(answer_all)
    browser = open_app(address=gone.address)
    gone.stop()
    calls: ModelCalls = browser.app.state.services.calls  # type: ignore[attr-defined]
    browser.get("/")
    failures = calls.records["recommend"].failures
    browser.get("/")
    assert calls.records["recommend"].failures == failures == 1


def test_without_ranking_and_recommender_lists_have_no_stars_but_a_notice(open_app: Open) -> None:
    browser = open_app(without("recommender", "joint", "ranking"))
    found = browser.get(f"/api/v1/users/{KNOWN}/recommendations").json()
    assert [entry["movie"]["movie_id"] for entry in found["entries"]] == ["2", "3", "5", "6", "7", "8"]
    assert {entry["predicted_stars"] for entry in found["entries"]} == {None}
    assert "ranking" in found["notice"]
    person = {"ratings": [{"movie_id": "1", "stars": 5}]}
    from_history = browser.post("/api/v1/recommendations", json=person).json()
    assert from_history["source"] == "history"
    assert "predicted stars are missing" in from_history["notice"]


def test_without_retrieval_the_list_is_there_without_reasons(open_app: Open) -> None:
    browser = open_app(without("retrieval"))
    found = browser.get(f"/api/v1/users/{KNOWN}/recommendations").json()
    assert found["source"] == "served"
    assert {entry["retrieval_place"] for entry in found["entries"]} == {None}
    assert browser.get("/films/1").status_code == 200


def test_reasons_are_the_nearest_liked_films_and_the_place_of_retrieval(open_app: Open) -> None:
    found = open_app().get(f"/api/v1/users/{KNOWN}/recommendations").json()
    first = found["entries"][0]
    assert (first["movie"]["movie_id"], first["place"], first["retrieval_place"]) == ("8", 1, 6)
    assert first["predicted_stars"] == STARS["8"]
    # Film 4 is a neighbour too, and was watched, with 2 stars.
    assert [near["movie_id"] for near in first["near"]] == ["1"]
    assert found["version"] == VERSION


def test_a_profile_orders_popular_films_by_its_predicted_ratings(open_app: Open) -> None:
    browser = open_app()
    nobody = browser.post("/api/v1/recommendations", json={}).json()
    somebody = browser.post("/api/v1/recommendations", json={"age": 30, "gender": "Female"}).json()
    assert nobody["source"] == "popular"
    assert [entry["movie"]["movie_id"] for entry in nobody["entries"]] == IDS
    assert {entry["predicted_stars"] for entry in nobody["entries"]} == {None}
    assert somebody["source"] == "profile"
    assert [entry["movie"]["movie_id"] for entry in somebody["entries"]] == IDS[::-1]


def test_what_the_latest_version_made_does_not_count_for_a_label_that_the_server_lacks(
    open_app: Open, serve: Serve
) -> None:
    def lacks_labels(received: Received) -> Any:
        if received.method == "Predict" and received.request.model_spec.version_label:
            return Refusal(grpc.StatusCode.INVALID_ARGUMENT, "Unrecognized servable version label: canary")
        return answer_all(received)

    browser = open_app(lacks_labels, variants=("stable", "canary"))
    services = browser.app.state.services  # type: ignore[attr-defined]
    start_as(browser, KNOWN)
    assert rate(browser, "5", 5).status_code == 200
    found = browser.get(f"/api/v1/users/{KNOWN}/recommendations").json()
    assert found["source"] == "served"
    assert found["variant"] is None
    label = services.variants.of_user(KNOWN)
    # The list after the start, that of the session, and that of the API.
    assert services.variants.missing == {label: 3}
    assert not services.variants.lists
    assert not services.variants.ratings


def test_the_list_of_a_session_is_that_of_the_label(open_app: Open, serve: Serve) -> None:
    server = serve(answer_all)
    browser = open_app(address=server.address, variants=("stable", "canary"))
    variants = browser.app.state.services.variants  # type: ignore[attr-defined]
    start_as(browser, KNOWN)
    rate(browser, "5", 5)
    label = variants.of_user(KNOWN)
    asked = [
        each.request.model_spec.version_label
        for each in server.received
        if each.method == "Predict" and each.request.model_spec.signature_name == "recommend_from_history"
    ]
    assert asked == [label]
    assert variants.ratings == {label: 1}


def test_users_are_divided_among_labels(open_app: Open, serve: Serve) -> None:
    server = serve(answer_all)
    browser = open_app(address=server.address, variants=("stable", "canary"))
    services = browser.app.state.services  # type: ignore[attr-defined]
    users = [str(user) for user in range(100)]
    assert {services.variants.of_user(user) for user in users} == {"stable", "canary"}
    start_as(browser, KNOWN)
    browser.get("/")
    label = services.variants.of_user(KNOWN)
    sent = [each.request.model_spec.version_label for each in server.received if each.model == "recommender"]
    assert set(sent) == {label}
    assert services.variants.lists[label] == 2
    assert label in browser.get("/inside").text

    status = json.loads(browser.get("/api/v1/status").text)
    assert status["variants"] == ["stable", "canary"]
