"""Both stages against a server of known answers."""

from dataclasses import asdict
from typing import Any

import grpc
import pytest

from serving.client import RecommendedMovie, ServedBy, ServingError
from serving.client.tensors import decode
from tests.unit.serving.client.conftest import Connect, Serve
from tests.unit.serving.client.peer import STRANGER, Received, Refusal, movies, predicted, world


def ids(recommendation: Any) -> list[str]:
    return [movie.movie_id for movie in recommendation.movies]


def without_ranking(code: grpc.StatusCode) -> Any:
    return lambda received: Refusal(code, "gone") if received.model == "ranking" else world(received)


def test_movies_come_by_predicted_rating_and_equal_ones_by_retrieval(serve: Serve, connect: Connect) -> None:
    found = connect(serve().address).recommend("42", k=4)

    assert found.movies == (
        RecommendedMovie("d", "Film d ö", -3.0, 5.0),
        RecommendedMovie("b", "Film b ö", -1.0, 4.5),
        RecommendedMovie("a", "Film a ö", 0.0, 3.0),
        RecommendedMovie("c", "Film c ö", -2.0, 3.0),
    )
    assert (found.user_id, found.known_user, found.degraded) == ("42", True, None)
    assert (found.retrieval, found.ranking) == (ServedBy("retrieval", 7), ServedBy("ranking", 3))
    assert found.versions == {"retrieval": 7, "ranking": 3}


def test_the_best_are_chosen_among_all_candidates(serve: Serve, connect: Connect) -> None:
    peer = serve()
    client = connect(peer.address)

    assert ids(client.recommend("42", k=1)) == ["d"]
    assert ids(client.recommend("42", k=1, candidates=3)) == ["b"]
    assert ids(client.recommend("42", k=4, candidates=2)) == ["d", "b", "a", "c"]
    asked = [each.number("k") for each in peer.received if each.model == "retrieval"]
    assert asked == [200, 3, 4]


def test_requests_are_those_of_the_serving_contract(serve: Serve, connect: Connect) -> None:
    peer = serve()
    connect(peer.address).recommend("ü42", k=2, exclude=["b", "nowhere"])

    retrieval, ranking = peer.received
    assert retrieval.request.model_spec.signature_name == "recommend"
    assert set(retrieval.request.inputs) == {"user_id", "exclude_movie_ids", "k"}
    assert retrieval.strings("user_id") == ["ü42"]
    assert retrieval.strings("exclude_movie_ids") == [["b", "nowhere"]]
    k = decode(retrieval.request.inputs["k"])
    assert (k.shape, k.dtype.name) == ((), "int32")
    assert ranking.request.model_spec.signature_name == "rank"
    assert set(ranking.request.inputs) == {"user_id", "movie_id"}
    assert ranking.strings("user_id") == ["ü42"]
    assert ranking.strings("movie_id") == [["a", "c", "d", "e"]]


def test_excluded_movies_are_left_out_even_if_the_model_sends_them(serve: Serve, connect: Connect) -> None:
    def deaf(received: Received) -> Any:
        if received.model == "ranking":
            return world(received)
        return predicted(received, **movies([["a", "b", "d"]], 3), known_user=[True])

    assert ids(connect(serve(deaf).address).recommend("42", exclude=["d"])) == ["b", "a"]


def test_a_user_that_the_model_does_not_know_is_named_as_one(serve: Serve, connect: Connect) -> None:
    found = connect(serve().address).recommend_many(["42", STRANGER])

    assert [each.known_user for each in found] == [True, False]


def test_a_long_list_of_users_is_cut_into_requests(serve: Serve, connect: Connect) -> None:
    peer = serve()
    users = [f"user{number}" for number in range(5)]
    exclude = {"user1": ["d", "b", "a"], "user3": list("abcde"), "user4": ["d"]}
    found = connect(peer.address, batch_size=2).recommend_many(users, 2, exclude=exclude)

    assert [each.user_id for each in found] == users
    assert [ids(each) for each in found] == [["d", "b"], ["c", "e"], ["d", "b"], [], ["b", "a"]]
    sent = {"retrieval": [], "ranking": []}  # type: dict[str, list[list[str]]]
    for each in peer.received:
        sent[each.model].append(each.strings("user_id"))
    assert sorted(sent["retrieval"]) == [["user0", "user1"], ["user2", "user3"], ["user4"]]
    # Nothing is ranked for a user for whom nothing was retrieved.
    assert sorted(sent["ranking"]) == [["user0", "user1"], ["user2", "user4"]]
    assert [each.ranking is None for each in found] == [False, False, False, True, False]
    assert [each.degraded for each in found] == [None] * 5


def test_nobody_is_asked_about_no_users(serve: Serve, connect: Connect) -> None:
    peer = serve()
    client = connect(peer.address)

    assert client.recommend_many([]) == []
    assert client.rank_many([], []) == []
    assert peer.received == []


@pytest.mark.parametrize("code", [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE])
def test_without_a_ranking_model_the_order_is_that_of_retrieval(
    code: grpc.StatusCode, serve: Serve, connect: Connect
) -> None:
    peer = serve(without_ranking(code))
    found = connect(peer.address).recommend("42", k=3)

    assert ids(found) == ["a", "b", "c"]
    assert [movie.predicted_rating for movie in found.movies] == [None] * 3
    assert found.ranking is None
    assert found.versions == {"retrieval": 7}
    for part in ("order of retrieval", "ranking", code.name, "gone", peer.address):
        assert part in (found.degraded or "")


def test_a_ranking_model_that_refuses_is_no_missing_one(serve: Serve, connect: Connect) -> None:
    client = connect(serve(without_ranking(grpc.StatusCode.INVALID_ARGUMENT)).address)

    with pytest.raises(ServingError) as failure:
        client.recommend("42")
    assert (failure.value.code, failure.value.model) == (grpc.StatusCode.INVALID_ARGUMENT, "ranking")


@pytest.mark.parametrize("version", [9, "canary"])
def test_a_ranking_version_that_was_asked_for_has_to_be_there(
    version: int | str, serve: Serve, connect: Connect
) -> None:
    client = connect(serve(without_ranking(grpc.StatusCode.NOT_FOUND)).address)

    with pytest.raises(ServingError):
        client.recommend("42", ranking_version=version)


def test_a_missing_retrieval_model_is_an_error(serve: Serve, connect: Connect) -> None:
    def answer(received: Received) -> Any:
        if received.model == "retrieval":
            return Refusal(grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(retrieval)")
        return world(received)

    with pytest.raises(ServingError, match=r"Latest\(retrieval\)") as failure:
        connect(serve(answer).address).recommend("42")
    assert failure.value.code is grpc.StatusCode.NOT_FOUND


def test_versions_and_labels_are_asked_for_stage_by_stage(serve: Serve, connect: Connect) -> None:
    peer = serve()
    found = connect(peer.address).recommend("42", retrieval_version="canary", ranking_version=12)

    retrieval, ranking = (each.request.model_spec for each in peer.received)
    assert (retrieval.version_label, retrieval.HasField("version")) == ("canary", False)
    assert (ranking.version_label, ranking.version.value) == ("", 12)
    assert found.versions == {"retrieval": 8, "ranking": 12}


def test_answers_of_one_batch_can_be_of_several_versions(serve: Serve, connect: Connect) -> None:
    def swapping(received: Received) -> Any:
        response = world(received)
        if received.model == "ranking" and received.strings("user_id") == ["second"]:
            response.model_spec.version.value = 4
        return response

    found = connect(serve(swapping).address, batch_size=1).recommend_many(["first", "second"])

    assert [each.versions["ranking"] for each in found] == [3, 4]


def test_both_clients_make_the_same_of_the_same_answers(serve: Serve, connect: Connect) -> None:
    found = connect(serve().address).recommend_many(["42", STRANGER], 1)

    d = {"movie_id": "d", "title": "Film d ö", "score": -3.0, "predicted_rating": 5.0}
    served = {
        "retrieval": {"model": "retrieval", "version": 7},
        "ranking": {"model": "ranking", "version": 3},
    }
    assert [asdict(each) for each in found] == [
        {"user_id": user, "known_user": known, "movies": (d,), **served, "degraded": None}
        for user, known in (("42", True), (STRANGER, False))
    ]
