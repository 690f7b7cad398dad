"""The list from two models, against a server of known answers without any other."""

from threading import Event
from typing import Any

import grpc
import numpy as np
import pytest

from serving.client import RecommendedMovie, ServedBy, ServingError
from serving.client.tensors import decode
from tests.unit.serving.client.conftest import Connect, Serve
from tests.unit.serving.client.scripted_server import (
    Received,
    Refusal,
    movies,
    not_found,
    predicted,
    two_stages,
)


def ids(recommendation: Any) -> list[str]:
    return [movie.movie_id for movie in recommendation.movies]


def stages(received: list[Received]) -> list[Received]:
    return [each for each in received if each.model in ("retrieval", "ranking")]


def without_ranking(code: grpc.StatusCode) -> Any:
    return lambda received: Refusal(code, "gone") if received.model == "ranking" else two_stages(received)


def swapping(received: Received) -> Any:
    """Ranking has version 8 alone, which another run pushed."""
    if received.model != "ranking":
        return two_stages(received)
    if received.request.model_spec.version.value not in (0, 8):
        return not_found(received)
    response = two_stages(received)
    response.model_spec.version.value = 8
    return response


def test_movies_come_in_the_final_order_and_equal_ones_in_that_of_retrieval(
    serve: Serve, connect: Connect
) -> None:
    found = connect(serve(two_stages).address).recommend("42", k=4)

    assert found.movies == (
        RecommendedMovie("d", "Film d ö", 50.0, 5.0),
        RecommendedMovie("b", "Film b ö", 45.0, 4.5),
        RecommendedMovie("a", "Film a ö", 30.0, 3.0),
        RecommendedMovie("c", "Film c ö", 30.0, 3.0),
    )
    assert (found.order, found.mixed_versions, found.degraded) == ("final", False, None)
    assert (found.recommender, found.retrieval, found.ranking) == (
        None,
        ServedBy("retrieval", 7),
        ServedBy("ranking", 7),
    )
    assert found.versions == {"retrieval": 7, "ranking": 7}


def test_the_order_is_that_of_the_scores_and_not_of_the_ratings(serve: Serve, connect: Connect) -> None:
    def against_stars(received: Received) -> Any:
        if received.model != "ranking":
            return two_stages(received)
        stars = np.array([[1.0, 2.0, 3.0, 4.0, 5.0]], np.float32)
        return predicted(received, score=-stars, user_rating=stars)

    found = connect(serve(against_stars).address).recommend("42")
    assert ids(found) == ["a", "b", "c", "d", "e"]
    assert [movie.predicted_rating for movie in found.movies] == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_the_best_are_chosen_among_all_candidates(serve: Serve, connect: Connect) -> None:
    scripted = serve(two_stages)
    client = connect(scripted.address)

    assert ids(client.recommend("42", k=1)) == ["d"]
    assert ids(client.recommend("42", k=1, candidates=3)) == ["b"]
    assert ids(client.recommend("42", k=4, candidates=2)) == ["d", "b", "a", "c"]
    sent = [each.number("k") for each in scripted.received if each.model == "retrieval"]
    assert sent == [100, 3, 4]


def test_requests_are_those_of_the_serving_contract(serve: Serve, connect: Connect) -> None:
    scripted = serve(two_stages)
    connect(scripted.address).recommend("ü42", k=2, exclude=["b", "nowhere"])

    retrieval, ranking = stages(scripted.received)
    assert retrieval.request.model_spec.signature_name == "recommend"
    assert retrieval.strings("exclude_movie_ids") == [["b", "nowhere"]]
    assert ranking.request.model_spec.signature_name == "rerank"
    assert set(ranking.request.inputs) == {"user_id", "movie_id", "retrieval_score"}
    assert ranking.strings("user_id") == ["ü42"]
    assert ranking.strings("movie_id") == [["a", "c", "d", "e"]]
    scores = decode(ranking.request.inputs["retrieval_score"])
    assert (scores.dtype.name, scores.tolist()) == ("float32", [[0.0, -1.0, -2.0, -3.0]])


def test_excluded_movies_are_left_out_even_if_the_model_sends_them(serve: Serve, connect: Connect) -> None:
    def deaf(received: Received) -> Any:
        if received.model != "retrieval":
            return two_stages(received)
        return predicted(received, **movies([["a", "b", "d"]], 3), known_user=[True])

    assert ids(connect(serve(deaf).address).recommend("42", exclude=["d"])) == ["b", "a"]


def test_a_long_list_of_users_is_cut_into_requests(serve: Serve, connect: Connect) -> None:
    scripted = serve(two_stages)
    users = [f"user{number}" for number in range(5)]
    exclude = {"user1": ["d", "b", "a"], "user3": list("abcde"), "user4": ["d"]}
    found = connect(scripted.address, batch_size=2).recommend_many(users, 2, exclude=exclude)

    assert [each.user_id for each in found] == users
    assert [ids(each) for each in found] == [["d", "b"], ["c", "e"], ["d", "b"], [], ["b", "a"]]
    ranked = sorted(each.strings("user_id") for each in scripted.received if each.model == "ranking")
    # Nothing is ordered for a user for whom nothing was retrieved.
    assert ranked == [["user0", "user1"], ["user2"], ["user4"]]
    assert [each.ranking is None for each in found] == [False, False, False, True, False]
    assert [each.degraded for each in found] == [None] * 5


def test_ranking_is_called_with_the_version_that_answered_retrieval(serve: Serve, connect: Connect) -> None:
    def published(received: Received) -> Any:
        response = two_stages(received)
        if received.model == "retrieval":
            response.model_spec.version.value = 8 if received.strings("user_id") == ["second"] else 7
        return response

    scripted = serve(published)
    found = connect(scripted.address, batch_size=1).recommend_many(["first", "second"])

    assert [each.versions for each in found] == [
        {"retrieval": 7, "ranking": 7},
        {"retrieval": 8, "ranking": 8},
    ]
    assert not any(each.mixed_versions or each.degraded for each in found)


def test_another_version_of_ranking_takes_over_and_the_result_shows_it(
    serve: Serve, connect: Connect
) -> None:
    scripted = serve(swapping)
    found = connect(scripted.address).recommend("42", k=2)

    assert ids(found) == ["d", "b"]
    assert (found.order, found.mixed_versions) == ("final", True)
    assert found.versions == {"retrieval": 7, "ranking": 8}
    assert "7" in (found.degraded or "")
    assert "8" in (found.degraded or "")
    sent = [each.request.model_spec.version.value for each in stages(scripted.received)]
    assert sent == [0, 7, 0]


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ],
)
def test_without_the_final_order_the_order_is_that_of_retrieval(
    code: grpc.StatusCode, serve: Serve, connect: Connect
) -> None:
    scripted = serve(without_ranking(code))
    found = connect(scripted.address).recommend("42", k=3)

    assert ids(found) == ["a", "b", "c"]
    assert [movie.predicted_rating for movie in found.movies] == [None] * 3
    assert (found.order, found.ranking, found.mixed_versions) == ("retrieval", None, False)
    assert found.versions == {"retrieval": 7}
    for part in ("ranking", code.name, "gone", scripted.address):
        assert part in (found.degraded or "")


def test_a_ranking_model_that_is_too_slow_costs_the_order_and_not_the_list(
    serve: Serve, connect: Connect
) -> None:
    over = Event()

    def slow(received: Received) -> Any:
        if received.model == "ranking":
            over.wait(30)
        return two_stages(received)

    found = connect(serve(slow).address).recommend("42", k=3, timeout=1)
    over.set()
    assert (ids(found), found.order) == (["a", "b", "c"], "retrieval")
    assert "DEADLINE_EXCEEDED" in (found.degraded or "")


def test_a_ranking_model_that_refuses_is_not_a_missing_one(serve: Serve, connect: Connect) -> None:
    client = connect(serve(without_ranking(grpc.StatusCode.INVALID_ARGUMENT)).address)

    with pytest.raises(ServingError) as failure:
        client.recommend("42")
    assert (failure.value.code, failure.value.model) == (grpc.StatusCode.INVALID_ARGUMENT, "ranking")


@pytest.mark.parametrize("version", [9, "canary"])
def test_a_ranking_version_that_was_requested_has_to_be_there(
    version: int | str, serve: Serve, connect: Connect
) -> None:
    client = connect(serve(without_ranking(grpc.StatusCode.NOT_FOUND)).address)

    with pytest.raises(ServingError):
        client.recommend("42", ranking_version=version)


def test_a_missing_retrieval_model_is_an_error(serve: Serve, connect: Connect) -> None:
    with pytest.raises(ServingError, match=r"Latest\(retrieval\)") as failure:
        connect(serve(not_found).address).recommend("42")
    assert failure.value.code is grpc.StatusCode.NOT_FOUND


def test_versions_and_labels_of_the_stages(serve: Serve, connect: Connect) -> None:
    scripted = serve()
    found = connect(scripted.address).recommend("42", retrieval_version="canary", ranking_version=12)

    retrieval, ranking = (each.request.model_spec for each in scripted.received)
    assert (retrieval.version_label, retrieval.HasField("version")) == ("canary", False)
    assert (ranking.version_label, ranking.version.value) == ("", 12)
    assert (found.versions, found.mixed_versions) == ({"retrieval": 8, "ranking": 12}, True)
