"""The calls of one model: retrieve, from a history, similar, rank, metadata and status."""

import inspect
from typing import Any

import grpc
import numpy as np
import pytest

from serving.client import (
    AsyncClient,
    Client,
    MovieList,
    RequestRecord,
    ScoredMovie,
    ServedBy,
    ServingError,
    Signature,
    TensorSpec,
    VersionStatus,
    messages,
)
from tests.unit.serving.client.conftest import Connect, Serve
from tests.unit.serving.client.scripted_server import UNKNOWN_USER, Received, Refusal, predicted, world


def ids(found: MovieList) -> list[str]:
    return [movie.movie_id for movie in found.movies]


def test_retrieve_leaves_empty_slots_out(serve: Serve, connect: Connect) -> None:
    found = connect(serve().address).retrieve("42", k=9, exclude=["b", "d"])

    assert found == MovieList(
        (
            ScoredMovie("a", "Film a ö", 0.0),
            ScoredMovie("c", "Film c ö", -1.0),
            ScoredMovie("e", "Film e ö", -2.0),
        ),
        True,
        ServedBy("retrieval", 7),
    )


def test_titles_stay_on_the_server_if_the_client_does_without(serve: Serve, connect: Connect) -> None:
    scripted = serve()
    client = connect(scripted.address, titles=False)

    lists = (
        client.retrieve("42", 2).movies,
        client.retrieve_from_history(["b"], 2).movies,
        client.similar("b", 2).movies,
        client.recommend("42", 2).movies,
        client.recommend("42", 2, retrieval_version=7).movies,
    )

    assert [[movie.title for movie in movies] for movies in lists] == [["", ""]] * len(lists)
    assert all(movie.movie_id for movies in lists for movie in movies)
    filters = [each.request.output_filter for each in scripted.received if each.model != "ranking"]
    assert not any("movie_title" in outputs for outputs in filters)


def test_exclusions_of_several_users_are_padded(serve: Serve, connect: Connect) -> None:
    scripted = serve()
    found = connect(scripted.address).retrieve_many(
        ["1", UNKNOWN_USER, "3"], 2, exclude={"1": ["a", "b"], "3": ["c"]}, version=5
    )

    assert [ids(each) for each in found] == [["c", "d"], ["a", "b"], ["a", "b"]]
    assert [each.known for each in found] == [True, False, True]
    assert {each.served_by.version for each in found} == {5}
    [received] = scripted.received
    assert received.strings("exclude_movie_ids") == [["a", "b"], ["", ""], ["c", ""]]


def test_histories_are_padded_and_cut(serve: Serve, connect: Connect) -> None:
    scripted = serve()
    client = connect(scripted.address, batch_size=2)
    found = client.retrieve_from_history_many([["a", "c"], [], ["b"]], 2)

    assert [ids(each) for each in found] == [["b", "d"], ["a", "b"], ["a", "c"]]
    assert [each.known for each in found] == [None] * 3
    sent = sorted(each.strings("history_movie_ids") for each in scripted.received)
    assert sent == [[["a", "c"], ["", ""]], [["b"]]]
    assert ids(client.retrieve_from_history(["a"], 1, version="canary")) == ["b"]


def test_similar_movies_and_a_movie_that_is_not_known(serve: Serve, connect: Connect) -> None:
    client = connect(serve().address)
    found = client.similar_many(["c", "nowhere"], 2)

    assert [ids(each) for each in found] == [["a", "b"], []]
    assert [each.known for each in found] == [True, False]
    assert client.similar("c", 2) == found[0]


def test_ratings_come_in_the_order_of_the_request(serve: Serve, connect: Connect) -> None:
    scripted = serve()
    client = connect(scripted.address, batch_size=2)
    found = client.rank_many(["1", "2", "3"], [["e", "d"], ["b"], ["a", "nowhere", "c"]])

    assert [each.predicted_ratings for each in found] == [(1.0, 5.0), (4.5,), (3.0, 2.5, 3.0)]
    assert [each.movie_ids for each in found] == [("e", "d"), ("b",), ("a", "nowhere", "c")]
    assert sorted(each.strings("movie_id") for each in scripted.received) == [
        [["a", "nowhere", "c"]],
        [["e", "d"], ["b", ""]],
    ]
    assert client.rank("1", ["e", "d"]) == found[0]


def test_generators_are_lists(serve: Serve, connect: Connect) -> None:
    client = connect(serve().address, batch_size=2)

    found = client.retrieve_many((user for user in "123"), 2, exclude={"1": (movie for movie in "ab")})
    assert [ids(each) for each in found] == [["c", "d"], ["a", "b"], ["a", "b"]]
    histories = ((movie for movie in history) for history in ("ac", "b"))
    assert [ids(each) for each in client.retrieve_from_history_many(histories, 1)] == [["b"], ["a"]]
    assert client.rank("1", (movie for movie in "ed")).predicted_ratings == (1.0, 5.0)
    assert client.recommend("1", 1, exclude=(movie for movie in "d")).movies[0].movie_id == "b"


def test_a_request_stays_below_the_limits_of_the_models(serve: Serve, connect: Connect) -> None:
    scripted = serve()
    long = ["a"] * 50_000
    connect(scripted.address).rank_many(["1", "2", "3", "4"], [["b"], long, long, long])

    # 131,072 movies at most, rows times the longest of them.
    sent = sorted([len(each.strings("movie_id")) for each in scripted.received])
    assert sent == [2, 2]


def test_every_request_is_reported(serve: Serve, connect: Connect) -> None:
    def answer(received: Received) -> Any:
        return Refusal(grpc.StatusCode.NOT_FOUND) if received.model == "recommender" else world(received)

    records: list[RequestRecord] = []
    connect(serve(answer).address, on_request=records.append).recommend("42")
    assert [(each.method, each.model, each.code.name) for each in records] == [
        ("Predict", "recommender", "NOT_FOUND"),
        ("Predict", "joint", "OK"),
    ]


def test_calls_are_shared_by_all_addresses_of_a_server(serve: Serve, connect: Connect) -> None:
    servers = [serve(), serve()]
    addresses = ",".join(f"127.0.0.1:{each.port}" for each in servers)
    client = connect(f"ipv4:{addresses}", connections=1)
    for _ in range(20):
        client.similar("a")

    assert all(each.received for each in servers)
    # A caller may choose gRPC's own way.
    first = connect(f"ipv4:{addresses}", channel_options={"grpc.service_config": "{}"})
    before = [len(each.received) for each in servers]
    for _ in range(4):
        first.similar("a")
    assert sorted(len(each.received) - old for each, old in zip(servers, before, strict=True)) == [0, 4]


@pytest.mark.parametrize(
    ("outputs", "complaint"),
    [
        ({}, "output 'user_rating'"),
        ({"user_rating": np.float32([[1.0]])}, r"the shape \(1, 1\) and not \(1, 2\)"),
        ({"user_rating": np.float32([1.0, 2.0])}, r"the shape \(2,\) and not \(1, 2\)"),
        ({"user_rating": np.float32([[1.0, np.nan]])}, "user '42' is not a number"),
    ],
)
def test_an_answer_that_breaks_the_contract_is_an_error(
    outputs: dict[str, Any], complaint: str, serve: Serve, connect: Connect
) -> None:
    scripted = serve(lambda received: predicted(received, **outputs))

    with pytest.raises(ServingError, match=complaint) as failure:
        connect(scripted.address).rank("42", ["a", "b"])
    assert (failure.value.code, failure.value.model) == (grpc.StatusCode.INTERNAL, "ranking")


def test_a_tensor_that_cannot_be_read_is_an_error(serve: Serve, connect: Connect) -> None:
    def answer(received: Received) -> Any:
        response = world(received)
        response.outputs["user_rating"].tensor_content += b"x"
        return response

    with pytest.raises(ServingError, match=r"output 'user_rating': .*bytes"):
        connect(serve(answer).address).rank("42", ["a", "b"])


def test_metadata_lists_the_signatures(serve: Serve, connect: Connect) -> None:
    def answer(received: Received) -> Any:
        assert list(received.request.metadata_field) == ["signature_def"]
        assert received.request.model_spec.version_label == "canary"
        signatures = messages.SignatureDefMap()
        signature = signatures.signature_def["rank"]
        signature.inputs["user_id"].dtype = 7
        signature.inputs["user_id"].tensor_shape.dim.add(size=-1)
        signature.outputs["user_rating"].dtype = 1
        signature.outputs["user_rating"].tensor_shape.unknown_rank = True
        response = messages.GetModelMetadataResponse()
        response.model_spec.name, response.model_spec.version.value = "ranking", 3
        packed = response.metadata["signature_def"]
        packed.type_url = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
        packed.value = signatures.SerializeToString()
        return response

    found = connect(serve(answer).address).metadata("ranking", version="canary")

    assert found.served_by == ServedBy("ranking", 3)
    assert found.signatures == {
        "rank": Signature(
            {"user_id": TensorSpec("DT_STRING", (-1,))}, {"user_rating": TensorSpec("DT_FLOAT", None)}
        )
    }


def test_metadata_without_signatures_is_an_error(serve: Serve, connect: Connect) -> None:
    scripted = serve(lambda received: messages.GetModelMetadataResponse())

    with pytest.raises(ServingError, match="retrieval: INTERNAL"):
        connect(scripted.address).metadata("retrieval")


def test_status_lists_the_newest_version_first(serve: Serve, connect: Connect) -> None:
    def answer(received: Received) -> Any:
        assert received.request.model_spec.version.value == 4
        response = messages.GetModelStatusResponse()
        response.model_version_status.add(version=4, state=30)
        failed = response.model_version_status.add(version=5, state=50)
        failed.status.error_code, failed.status.error_message = 5, "no saved_model.pb"
        return response

    found = connect(serve(answer).address).status("ranking", version=4)

    assert found == [
        VersionStatus(5, "END", "NOT_FOUND", "no saved_model.pb"),
        VersionStatus(4, "AVAILABLE", "OK", ""),
    ]


@pytest.mark.parametrize(
    ("call", "error", "complaint"),
    [
        (lambda client: client.retrieve_many("42"), TypeError, "not one id: '42'"),
        (lambda client: client.recommend(42), TypeError, "42 is of type int"),
        (lambda client: client.recommend("42", exclude="50"), TypeError, "not one id: '50'"),
        (lambda client: client.similar(1), TypeError, "1 is of type int"),
        (lambda client: client.rank("42", "50"), TypeError, "not one id: '50'"),
        (lambda client: client.rank_many(["1", "2"], [["a"]]), ValueError, "2 users and 1 lists"),
        (lambda client: client.retrieve_from_history("50"), TypeError, "not one id: '50'"),
        (lambda client: client.recommend("42", k=0), ValueError, "k is 0"),
        (lambda client: client.similar("a", k=2**31), ValueError, "k is 2147483648"),
        (lambda client: client.similar("a", k=1.5), TypeError, "k is 1.5"),
        (lambda client: client.recommend("42", candidates=0), ValueError, "candidates is 0"),
        (lambda client: client.rank("42", ["a"] * 131_073), ValueError, "131,073 movies in one row"),
        (lambda client: client.rank("42", ["a"], version=-1), ValueError, "-1 is not a version"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused_before_anything_is_sent(
    call: Any, error: type[Exception], complaint: str, serve: Serve, connect: Connect
) -> None:
    scripted = serve()

    with pytest.raises(error, match=complaint):
        call(connect(scripted.address))
    assert scripted.received == []


def test_both_clients_take_the_same_arguments() -> None:
    def parameters(kind: type) -> dict[str, Any]:
        public = {name: each for name, each in vars(kind).items() if name == "__init__" or name[0] != "_"}
        return {name: inspect.signature(each).parameters for name, each in public.items()}

    assert parameters(AsyncClient) == parameters(Client)
    assert "recommend_many" in parameters(Client)
