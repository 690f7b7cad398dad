"""The list of one call, against a server of known answers."""

from dataclasses import asdict
from typing import Any

import grpc
import numpy as np
import pytest

from serving.client import RecommendedMovie, ServedBy, ServingError
from serving.client.tensors import decode, encode
from serving.client.whole_lists import ListModels
from tests.unit.serving.client.conftest import Connect, Serve
from tests.unit.serving.client.scripted_server import (
    UNKNOWN_USER,
    Received,
    Refusal,
    movies,
    not_found,
    predicted,
    two_stages,
    world,
)


def ids(recommendation: Any) -> list[str]:
    return [movie.movie_id for movie in recommendation.movies]


def test_one_call_returns_the_list_in_its_final_order(serve: Serve, connect: Connect) -> None:
    scripted = serve()
    found = connect(scripted.address).recommend("42", k=3)

    assert found.movies == (
        RecommendedMovie("d", "Film d ö", 5.0, 5.0),
        RecommendedMovie("b", "Film b ö", 4.5, 4.5),
        RecommendedMovie("a", "Film a ö", 3.0, 3.0),
    )
    assert (found.user_id, found.known_user, found.order, found.degraded) == ("42", True, "final", None)
    assert (found.recommender, found.retrieval, found.ranking) == (ServedBy("recommender", 7), None, None)
    assert (found.versions, found.mixed_versions) == ({"recommender": 7}, False)
    assert scripted.models() == ["recommender"]


def test_the_request_is_that_of_the_serving_contract(serve: Serve, connect: Connect) -> None:
    scripted = serve()
    connect(scripted.address).recommend("ü42", k=2, exclude=["b", "nowhere"])

    [received] = scripted.received
    assert received.request.model_spec.signature_name == "recommend"
    assert set(received.request.inputs) == {"user_id", "exclude_movie_ids", "k"}
    assert received.strings("user_id") == ["ü42"]
    assert received.strings("exclude_movie_ids") == [["b", "nowhere"]]
    k = decode(received.request.inputs["k"])
    assert (k.shape, k.dtype.name, int(k)) == ((), "int32", 2)


def test_excluded_movies_are_left_out_even_if_the_model_sends_them(serve: Serve, connect: Connect) -> None:
    def deaf(received: Received) -> Any:
        rating = np.array([[3.0, 2.0, 1.0]], np.float32)
        return predicted(received, **movies([["a", "b", "d"]], 3), user_rating=rating, known_user=[True])

    found = connect(serve(deaf).address).recommend("42", exclude=["b"])
    assert [(movie.movie_id, movie.predicted_rating) for movie in found.movies] == [("a", 3.0), ("d", 1.0)]


def test_an_unknown_user_is_named_as_one(serve: Serve, connect: Connect) -> None:
    found = connect(serve().address).recommend_many(["42", UNKNOWN_USER])

    assert [each.known_user for each in found] == [True, False]


def test_a_long_list_of_users_is_cut_into_requests(serve: Serve, connect: Connect) -> None:
    scripted = serve()
    users = [f"user{number}" for number in range(5)]
    exclude = {"user1": ["d", "b", "a"], "user3": list("abcde"), "user4": ["d"]}
    found = connect(scripted.address, batch_size=2).recommend_many(users, 2, exclude=exclude)

    assert [each.user_id for each in found] == users
    assert [ids(each) for each in found] == [["d", "b"], ["c", "e"], ["d", "b"], [], ["b", "a"]]
    sent = sorted(each.strings("user_id") for each in scripted.received)
    assert sent == [["user0", "user1"], ["user2", "user3"], ["user4"]]


def test_without_users_there_is_no_call(serve: Serve, connect: Connect) -> None:
    scripted = serve()
    client = connect(scripted.address)

    assert client.recommend_many([]) == []
    assert client.rank_many([], []) == []
    assert scripted.received == []


def test_a_joint_model_under_its_own_name_is_found(serve: Serve, connect: Connect) -> None:
    scripted = serve(lambda received: world(received) if received.model == "joint" else not_found(received))
    client = connect(scripted.address)

    assert [client.recommend("42").versions for _ in range(2)] == [{"joint": 7}] * 2
    # It is the first to be called from then on.
    assert scripted.models() == ["recommender", "joint", "joint"]


def test_what_a_server_does_not_have_is_not_requested_every_time(serve: Serve, connect: Connect) -> None:
    scripted = serve(two_stages)
    client = connect(scripted.address)
    for _ in range(2):
        client.recommend("42")

    stages = ["retrieval", "ranking"]
    assert scripted.models() == ["recommender", "joint", *stages, *stages]


def test_a_model_that_comes_later_is_found_after_a_while() -> None:
    now = 1000.0
    models = ListModels(lambda: now)
    assert models.names() == ("recommender", "joint")
    models.all_missing()
    assert models.names() == ()
    now += 61
    assert models.names() == ("recommender", "joint")


@pytest.mark.parametrize(("version", "number"), [(9, 9), ("canary", 8)])
def test_a_version_or_label_of_the_recommender(
    version: int | str, number: int, serve: Serve, connect: Connect
) -> None:
    found = connect(serve().address).recommend("42", version=version)

    assert found.versions == {"recommender": number}


def test_a_version_that_was_requested_has_to_be_there(serve: Serve, connect: Connect) -> None:
    scripted = serve(two_stages)

    with pytest.raises(ServingError) as failure:
        connect(scripted.address).recommend("42", version=9)
    assert (failure.value.code, failure.value.model) == (grpc.StatusCode.NOT_FOUND, "recommender")
    assert scripted.models() == ["recommender"]


def test_versions_of_both_ways_contradict_each_other(serve: Serve, connect: Connect) -> None:
    scripted = serve()

    with pytest.raises(ValueError, match="version of a stage"):
        connect(scripted.address).recommend("42", version=9, ranking_version=9)
    assert scripted.received == []


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION])
def test_a_recommender_that_refuses_is_not_a_missing_one(
    code: grpc.StatusCode, serve: Serve, connect: Connect
) -> None:
    scripted = serve(lambda received: Refusal(code, "no"))

    with pytest.raises(ServingError) as failure:
        connect(scripted.address).recommend("42")
    assert (failure.value.code, failure.value.model) == (code, "recommender")
    assert scripted.models() == ["recommender"]


def test_a_rating_that_is_not_a_number_breaks_the_contract(serve: Serve, connect: Connect) -> None:
    def diverged(received: Received) -> Any:
        response = world(received)
        response.outputs["user_rating"].CopyFrom(encode(np.full((1, 2), np.nan, np.float32)))
        return response

    with pytest.raises(ServingError, match="not a number") as failure:
        connect(serve(diverged).address).recommend("42", k=2)
    assert failure.value.code is grpc.StatusCode.INTERNAL


def test_both_clients_make_the_same_of_the_same_answers(serve: Serve, connect: Connect) -> None:
    found = connect(serve().address).recommend_many(["42", UNKNOWN_USER], 1)

    d = {"movie_id": "d", "title": "Film d ö", "score": 5.0, "predicted_rating": 5.0}
    made = {
        "movies": (d,),
        "order": "final",
        "recommender": {"model": "recommender", "version": 7},
        "retrieval": None,
        "ranking": None,
        "degraded": None,
    }
    assert [asdict(each) for each in found] == [
        {"user_id": user, "known_user": known, **made}
        for user, known in (("42", True), (UNKNOWN_USER, False))
    ]
