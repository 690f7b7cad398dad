"""An application over a small catalogue and a scripted model server that knows the same films."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from fastapi.testclient import TestClient

from contracts.catalogue import CATALOGUE_FILE, CATALOGUE_TABLES
from serving.app.application import create_app
from serving.app.settings import AppSettings
from serving.client import Client, messages
from serving.client.tensors import decode
from tests.unit.serving.client.conftest import Serve, serve
from tests.unit.serving.client.scripted_server import Answer, Received, Refusal, movies, predicted

__all__ = ["serve"]

# By popularity. The id is the place of the film here, from 1.
FILMS = [
    ("Matrix, The (1999)", "Action|Sci-Fi", 1999),
    ("Amélie (2001)", "Comedy|Romance", 2001),
    ("L'Été meurtrier (1983)", "Drama", 1983),
    ("Das Boot (1981)", "Drama|War", 1981),
    ("<script>alert(1)</script> (1995)", "Comedy", 1995),
    ("Undated", "(no genres listed)", None),
    ("Matrix Reloaded, The (2003)", "Action|Sci-Fi", 2003),
    ("Misérables, Les (1995)", "Drama|Musical", 1995),
]
IDS = [str(place) for place in range(1, len(FILMS) + 1)]
KNOWN, HISTORY = "42", [["4", 2.0], ["1", 5.0]]
# The films' places in the order of the recommender are turned: the last one has the most stars.
STARS = {movie: 1.0 + 4.0 * place / len(IDS) for place, movie in enumerate(IDS, start=1)}
VERSION = 7


def write_catalogue(file: Path) -> Path:
    file.parent.mkdir(parents=True)
    database = sqlite3.connect(file)
    database.executescript(CATALOGUE_TABLES)
    with database:
        for place, (title, genres, year) in enumerate(FILMS, start=1):
            row = (place, str(place), title, genres, year, 100 - place, 3.5)
            database.execute("insert into movies values (?, ?, ?, ?, ?, ?, ?)", row)
            database.execute("insert into titles (rowid, title) values (?, ?)", (place, title))
        user = (KNOWN, 30.0, "Female", "writer", len(HISTORY), json.dumps(HISTORY))
        database.execute("insert into users values (?, ?, ?, ?, ?, ?)", user)
        database.executemany("insert into stars values (?)", [(float(stars),) for stars in range(1, 6)])
    database.close()
    return file


def answer_all(received: Received) -> Any:
    """What the models say: for everybody the same films, without those that are watched."""
    if received.method == "GetModelStatus":
        status = messages.GetModelStatusResponse()
        status.model_version_status.add(version=VERSION, state=30)
        return status
    signature = received.request.model_spec.signature_name
    if signature == "recommend":
        [user] = received.strings("user_id")
        seen = {movie for movie, _ in HISTORY} if user == KNOWN else set()
        hidden = {*seen, *received.strings("exclude_movie_ids")[0]}
        found, k = [movie for movie in IDS if movie not in hidden], received.number("k")
        if received.model == "retrieval":
            return predicted(received, **movies([found], k), known_user=[user == KNOWN])
        found = found[::-1] if user == KNOWN else found
        stars = np.array([[STARS[movie] for movie in found] + [1.0] * (k - len(found))], np.float32)
        return predicted(received, **movies([found], k), user_rating=stars, known_user=[user == KNOWN])
    if signature == "recommend_from_history":
        [history] = received.strings("history_movie_ids")
        return predicted(received, **movies([[movie for movie in IDS if movie not in history]], len(IDS)))
    if signature == "similar_movies":
        asked = received.strings("movie_id")
        lists = [[other for other in IDS if other != movie] for movie in asked]
        return predicted(received, **movies(lists, received.number("k")), known_movie=[True] * len(asked))
    if signature == "serving_default":
        rows = [messages.Example.FromString(each) for each in decode(received.request.inputs["examples"])]
        asked = [row.features.feature["movie_id"].bytes_list.value[0].decode() for row in rows]
        return predicted(received, user_rating=np.array([STARS[movie] for movie in asked], np.float32))
    return Refusal(grpc.StatusCode.FAILED_PRECONDITION, f"no signature {signature}")


def without(*models: str) -> Answer:
    """A server that lacks these models."""

    def answer(received: Received) -> Any:
        if received.model in models:
            return Refusal(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {received.model}")
        return answer_all(received)

    return answer


def noting(histories: list[list[list[str]]]) -> Answer:
    """A server that answers all and notes the histories that `recommend_from_history` gets."""

    def answer(received: Received) -> Any:
        if received.request.model_spec.signature_name == "recommend_from_history":
            histories.append(received.strings("history_movie_ids"))
        return answer_all(received)

    return answer


Open = Callable[..., TestClient]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    write_catalogue(tmp_path / "serving" / "recommender" / str(VERSION) / CATALOGUE_FILE)
    return tmp_path / "serving"


@pytest.fixture
def open_app(models: Path, tmp_path: Path, serve: Serve) -> Iterator[Open]:
    """Makes clients of applications; `answer` is what the model server says."""
    opened: list[Any] = []

    def new(answer: Answer = answer_all, *, address: str | None = None, **settings: Any) -> TestClient:
        to = address or serve(answer).address
        client = Client(to, timeout=20)
        app = create_app(AppSettings(models, tmp_path / "feedback", **settings), client, to)
        browser = TestClient(app, raise_server_exceptions=False)
        browser.__enter__()
        opened.extend([browser, client])
        return browser

    yield new
    for each in opened:
        each.__exit__(None, None, None)
