"""The web application over the models that the sample run pushed."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from movielens.__main__ import main as movielens
from movielens.layouts import Layout
from movielens.readers import parse_movies, read_lines
from movielens.records import Movie
from serving.app.application import create_app
from serving.app.settings import AppSettings
from serving.client import Client
from serving.feedback import FeedbackWriter
from tests.app_pages import film_ids, rate, start_as
from tests.served_sample import NEW, OLD, ServedSample

pytestmark = pytest.mark.slow

KNOWN = "42"


@pytest.fixture(scope="session")
def client(served_sample: ServedSample) -> Iterator[Client]:
    with Client(served_sample.address, timeout=60) as connected:
        yield connected


@pytest.fixture
def app(served_sample: ServedSample, client: Client, tmp_path: Path) -> FastAPI:
    app_settings = AppSettings(served_sample.models, tmp_path / "feedback", requests_per_minute=100_000)
    return create_app(app_settings, client, served_sample.address)


@pytest.fixture
def browser(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as opened:
        yield opened


def test_the_list_is_the_served_one_with_titles_genres_and_reasons(
    browser: TestClient, client: Client
) -> None:
    best = client.recommend(KNOWN, 100)
    retrieved = [movie.movie_id for movie in client.retrieve(KNOWN, 100).movies]
    found = browser.get(f"/api/v1/users/{KNOWN}/recommendations?limit=50&offset=10").json()
    entries = found["entries"]
    assert (found["source"], found["version"], found["total"]) == ("served", NEW, 100)
    assert [entry["movie"]["movie_id"] for entry in entries] == [each.movie_id for each in best.movies[10:60]]
    assert [entry["place"] for entry in entries] == list(range(11, 61))
    for entry, movie in zip(entries, best.movies[10:60], strict=True):
        assert entry["movie"]["title"] == movie.title
        assert entry["predicted_stars"] == pytest.approx(movie.predicted_rating, abs=1e-4)
        assert entry["retrieval_place"] == retrieved.index(movie.movie_id) + 1
        assert entry["movie"]["genres"]
    watched = {
        each["movie"]["movie_id"] for each in browser.get(f"/api/v1/users/{KNOWN}/history").json()["history"]
    }
    near = [each["movie_id"] for entry in entries for each in entry["near"]]
    assert near
    assert set(near) <= watched
    assert not watched & {entry["movie"]["movie_id"] for entry in entries}


def test_the_catalogue_is_the_raw_data(browser: TestClient, served_sample: ServedSample) -> None:
    with (served_sample.raw / "u.item").open("rb") as stream:
        records = [record for _, record in parse_movies(read_lines(stream), Layout.ML_100K, "u.item")]
    raw = {movie.movie_id: movie for movie in records if isinstance(movie, Movie)}
    with (served_sample.raw / "u.data").open() as stream:
        ratings = [row for row in csv.reader(stream, delimiter="\t") if row[0] == KNOWN]
    [total] = {browser.get("/api/v1/movies").json()["total"]}
    assert total == len(raw)
    for movie_id in ("1", "7", "100"):
        found = browser.get(f"/api/v1/movies/{movie_id}").json()
        wanted = raw[movie_id]
        assert (found["title"], found["year"]) == (wanted.title, wanted.release_year)
        assert sorted(found["genres"]) == sorted(wanted.genres)
    history = browser.get(f"/api/v1/users/{KNOWN}/history").json()
    latest = sorted(ratings, key=lambda row: int(row[3]))[-50:]
    assert {(each["movie"]["movie_id"], each["stars"]) for each in history["history"]} == {
        (row[1], float(row[2])) for row in latest
    }
    assert history["user"]["ratings"] == len(ratings)


def test_a_new_user_gets_what_is_popular_then_what_follows_from_ratings(
    browser: TestClient, client: Client
) -> None:
    popular = [movie.movie_id for movie in client.recommend("no such user", 20).movies]
    assert film_ids(browser.get("/").text) == popular
    start_as(browser, age="30", gender="Female")
    assert "Popular of late, ordered by" in browser.get("/").text
    liked = popular[:3]
    for movie_id in liked:
        answer = rate(browser, movie_id, 5)
    from_history = [
        movie.movie_id
        for movie in client.retrieve_from_history(liked, 30).movies
        if movie.movie_id not in liked
    ]
    assert film_ids(answer.text) == from_history[:20]


def test_a_filtered_list_has_films_of_that_kind_alone(browser: TestClient) -> None:
    found = browser.get(f"/api/v1/users/{KNOWN}/recommendations?genre=Drama&decade=1990&limit=100").json()
    assert found["entries"]
    for entry in found["entries"]:
        assert "Drama" in entry["movie"]["genres"]
        assert 1990 <= entry["movie"]["year"] < 2000


def test_what_is_rated_and_shown_becomes_a_data_set(
    browser: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start_as(browser, KNOWN)
    shown = film_ids(browser.get("/?page=2").text)
    rate(browser, shown[0], 5)
    rate(browser, shown[1], 2)
    event = {"event_id": "sent-by-a-program", "user_id": "7", "movie_id": shown[0], "stars": 3}
    assert browser.post("/api/v1/ratings", json=event).json()["written"] is True
    assert browser.post("/api/v1/ratings", json=event).json()["written"] is False

    with FeedbackWriter(tmp_path / "feedback") as writer:
        folder = writer.close_folder()
    assert folder is not None
    assert movielens(["check", str(folder)]) == 0
    with (folder / "ratings.csv").open(newline="") as stream:
        written = {(row["userId"], row["movieId"]): float(row["rating"]) for row in csv.DictReader(stream)}
    assert written == {(KNOWN, shown[0]): 5.0, (KNOWN, shown[1]): 2.0, ("7", shown[0]): 3.0}
    with (folder / "impressions.csv").open(newline="") as stream:
        impressions = [row for row in csv.DictReader(stream) if row["userId"] == KNOWN]
    second_page = [row for row in impressions if int(row["position"]) > 20]
    assert [row["movieId"] for row in second_page] == shown
    assert [int(row["position"]) for row in second_page] == list(range(21, 41))
    assert {row["version"] for row in impressions} == {str(NEW)}


def test_labels_divide_users_between_two_versions(
    served_sample: ServedSample, client: Client, tmp_path: Path
) -> None:
    app_settings = AppSettings(served_sample.models, tmp_path, variants=("stable", "canary"))
    with TestClient(create_app(app_settings, client, served_sample.address)) as compared:
        lists = [
            compared.get(f"/api/v1/users/{user}/recommendations?limit=1").json() for user in range(1, 13)
        ]
    assert {(each["variant"], each["version"]) for each in lists} == {("stable", OLD), ("canary", NEW)}


def test_inside_shows_versions_metrics_orders_and_two_versions(browser: TestClient, client: Client) -> None:
    page = browser.get(f"/inside?user={KNOWN}&first={OLD}&second={NEW}").text
    assert page.count("AVAILABLE") == 4
    assert "graded_ndcg@10" in page
    assert "Two versions side by side" in page
    assert "only here" not in page
    best = client.recommend(KNOWN, 1).movies[0]
    assert f'<a href="/films/{best.movie_id}">' in page
    report = browser.get("/inside/report")
    assert report.text.startswith("<!doctype html>")
    status = browser.get("/api/v1/status").json()
    assert {each["model"]: each["available"] for each in status["models"]} == {
        "recommender": [NEW, OLD],
        "retrieval": [NEW],
        "ranking": [NEW],
    }
    assert status["models"][0]["metrics"]


def test_the_api_keeps_to_its_description(app: FastAPI) -> None:
    """A few requests of each operation, valid and not, against the OpenAPI description."""
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 10
    for operation in operations:
        takes_something = any(operation.iter_parameters()) or len(operation.body) > 0
        # What takes nothing cannot get something wrong.
        for mode in GenerationMode if takes_something else [GenerationMode.POSITIVE]:

            @settings(
                max_examples=2,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def send(case: schemathesis.Case) -> None:
                # Stars have to be on the scale of the data, which no schema says.
                case.call_and_validate(excluded_checks=[positive_data_acceptance])

            send()


def test_the_description_names_what_programs_need(browser: TestClient) -> None:
    described = json.loads(browser.get("/api/v1/openapi.json").text)
    assert set(described["paths"]) == {path for path in described["paths"] if path.startswith("/api/v1/")}
    post = described["paths"]["/api/v1/ratings"]["post"]
    assert {"201", "400", "404", "405", "409", "422", "429", "503"} <= set(post["responses"])
