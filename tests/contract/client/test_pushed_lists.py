"""The client against the pushed models: what a caller can rely on."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from serving.client import AsyncClient, Client, Recommendation, ServingError
from tests.pipeline_run import MODELS, PROJECT, SERVABLES, PipelineRun

pytestmark = pytest.mark.slow

UNKNOWN_USER = "no-such-user"


@pytest.fixture(scope="module")
def client(servers: Mapping[str, str]) -> Iterator[Client]:
    with Client(servers["all"], timeout=60) as made:
        yield made


@pytest.fixture(scope="module")
def labelled(servers: Mapping[str, str]) -> Iterator[Client]:
    with Client(servers["labels"], timeout=60) as made:
        yield made


@pytest.fixture(scope="module")
def stages(servers: Mapping[str, str]) -> Iterator[Client]:
    with Client(servers["stages"], timeout=60) as made:
        yield made


@pytest.fixture(scope="module")
def everyone(client: Client, rated: dict[str, set[str]]) -> list[Recommendation]:
    return client.recommend_many(list(rated), 10)


def test_every_user_gets_k_movies_that_they_have_not_rated(
    everyone: list[Recommendation], rated: dict[str, set[str]], titles: dict[str, str]
) -> None:
    for found in everyone:
        ids = [movie.movie_id for movie in found.movies]
        assert found.known_user
        assert len(set(ids)) == len(ids) == min(10, len(titles) - len(rated[found.user_id]))
        assert not rated[found.user_id] & set(ids)
        assert [movie.title for movie in found.movies] == [titles[movie] for movie in ids]


def test_the_list_of_one_call_is_that_of_the_recommender(
    client: Client, everyone: list[Recommendation]
) -> None:
    ratings = client.rank_many(
        [found.user_id for found in everyone],
        [[movie.movie_id for movie in found.movies] for found in everyone],
    )

    for found, again in zip(everyone, ratings, strict=True):
        shown = [movie.predicted_rating for movie in found.movies]
        assert shown == pytest.approx(again.predicted_ratings, abs=1e-5)
        scores = [movie.score for movie in found.movies]
        assert scores == sorted(scores, reverse=True)


def test_two_stages_give_the_list_of_one_call(stages: Client, everyone: list[Recommendation]) -> None:
    again = stages.recommend_many([found.user_id for found in everyone], 10)

    for one, other in zip(everyone, again, strict=True):
        assert (other.order, other.degraded, other.mixed_versions) == ("final", None, False)
        # Scores may differ in the last digit, and so the order of two movies that nearly tie.
        assert [movie.score for movie in other.movies] == pytest.approx(
            [movie.score for movie in one.movies], abs=1e-4
        )
    same = [
        [movie.movie_id for movie in one.movies] == [movie.movie_id for movie in other.movies]
        for one, other in zip(everyone, again, strict=True)
    ]
    assert sum(same) >= 0.98 * len(same)


def test_the_versions_are_those_that_were_pushed(
    stages: Client, everyone: list[Recommendation], sample_run: PipelineRun
) -> None:
    pushed = {name: int(sample_run.model(name).name) for name in SERVABLES}

    assert len(set(pushed.values())) == 1
    assert all(found.versions == {"recommender": pushed["recommender"]} for found in everyone)
    assert stages.recommend("1").versions == {name: pushed[name] for name in MODELS}


def test_an_unknown_user_gets_a_list_and_is_called_one(client: Client) -> None:
    found = client.recommend(UNKNOWN_USER, 10)

    assert not found.known_user
    assert len(found.movies) == 10
    assert found.order == "final"
    assert client.recommend("", 10).known_user is False


def test_excluded_movies_make_room_for_others(client: Client) -> None:
    before = [movie.movie_id for movie in client.recommend("1", 5).movies]
    after = [movie.movie_id for movie in client.recommend("1", 5, exclude=before[:2]).movies]

    # The order of the others can change, since it depends on all candidates.
    assert not set(before[:2]) & set(after)
    assert before[2] in after
    assert len(set(after)) == 5


def test_without_a_ranking_model_the_answer_is_retrievals_and_degraded(labelled: Client) -> None:
    found = labelled.recommend("1", 10)

    assert found.degraded is not None
    assert "Servable not found for request: Latest(ranking)" in found.degraded
    assert found.ranking is None
    retrieved = labelled.retrieve("1", 10)
    assert [(movie.movie_id, movie.score) for movie in found.movies] == [
        (movie.movie_id, movie.score) for movie in retrieved.movies
    ]


@pytest.mark.parametrize(("chosen", "answers"), [(None, 2), (1, 1), ("stable", 1), ("canary", 2)])
def test_a_call_can_name_a_version_or_a_label(
    chosen: int | str | None, answers: int, labelled: Client
) -> None:
    assert labelled.recommend("1", retrieval_version=chosen).versions == {"retrieval": answers}
    assert labelled.similar("1", version=chosen).served_by.version == answers
    assert labelled.metadata("retrieval", version=chosen).served_by.version == answers


@pytest.mark.parametrize(
    ("chosen", "code"),
    [(9, grpc.StatusCode.NOT_FOUND), ("nothing", grpc.StatusCode.INVALID_ARGUMENT)],
)
def test_a_version_that_is_not_there_is_an_error(
    chosen: int | str, code: grpc.StatusCode, labelled: Client
) -> None:
    with pytest.raises(ServingError) as failure:
        labelled.recommend("1", retrieval_version=chosen)
    assert failure.value.code is code


def test_status_and_metadata_are_those_of_the_models(client: Client, labelled: Client) -> None:
    assert [(each.version, each.state) for each in labelled.status("retrieval")] == [
        (2, "AVAILABLE"),
        (1, "AVAILABLE"),
    ]
    signatures = client.metadata("retrieval").signatures
    assert signatures["recommend"].inputs["k"].shape == ()
    assert signatures["recommend"].inputs["user_id"].dtype == "DT_STRING"
    assert set(signatures["similar_movies"].outputs) == {"movie_id", "movie_title", "score", "known_movie"}


def test_histories_and_similar_movies(client: Client, titles: dict[str, str]) -> None:
    seen = ["1", "2", "3"]
    found = client.retrieve_from_history(seen, 10)

    assert len(found.movies) == 10
    assert not set(seen) & {movie.movie_id for movie in found.movies}
    known, unknown = client.similar_many(["1", "no-such-movie"], 5)
    assert (known.known, len(known.movies)) == (True, 5)
    assert all(movie.title == titles[movie.movie_id] and movie.movie_id != "1" for movie in known.movies)
    assert (unknown.known, unknown.movies) == (False, ())


def test_asyncio_answers_the_same(servers: Mapping[str, str], everyone: list[Recommendation]) -> None:
    async def all_lists() -> list[Recommendation]:
        async with AsyncClient(servers["all"], timeout=60) as client:
            return await client.recommend_many([found.user_id for found in everyone], 10)

    for one, other in zip(asyncio.run(all_lists()), everyone, strict=True):
        assert replace(one, movies=()) == replace(other, movies=())
        assert [movie.movie_id for movie in one.movies] == [movie.movie_id for movie in other.movies]


def test_users_requested_alone_get_the_same(client: Client, everyone: list[Recommendation]) -> None:
    for found in everyone[:5]:
        alone = client.recommend(found.user_id, 10)
        assert [movie.predicted_rating for movie in alone.movies] == pytest.approx(
            [movie.predicted_rating for movie in found.movies], abs=1e-5
        )


def test_the_command_works_where_tensorflow_is_not(
    servers: Mapping[str, str], light_python: Path, tmp_path: Path, everyone: list[Recommendation]
) -> None:
    def run(python: Path | str, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([python, *arguments], cwd=folder, capture_output=True, text=True, check=False)

    for library in ("tensorflow", "tfx", "absl", "trainer_module", "rich"):
        assert f"No module named '{library}'" in run(light_python, tmp_path, "-c", f"import {library}").stderr
    flags = ["-m", "serving", "recommend", "--user", everyone[0].user_id, "--server", servers["all"]]
    light = run(light_python, tmp_path, *flags, "--json")
    assert light.returncode == 0, light.stderr
    assert light.stdout == run(sys.executable, PROJECT, *flags, "--json").stdout
    assert everyone[0].movies[0].title in light.stdout.encode().decode("utf-8")
    # What is not there is named.
    table = run(light_python, tmp_path, *flags)
    assert (table.returncode, table.stdout) == (1, "")
    assert "rich" in table.stderr
    batch = run(light_python, tmp_path, "-m", "serving", "batch", "--help")
    assert batch.returncode == 1
    [line] = batch.stderr.splitlines()
    assert "movielens-recommender" in line
