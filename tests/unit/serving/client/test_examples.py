"""`rate_examples`: raw features to one predicted rating each, in their order, all of one version."""

from typing import Any

import grpc
import numpy as np
import pytest

from serving.client import ServingError, messages
from serving.client.tensors import decode
from tests.unit.serving.client.conftest import Connect, Serve
from tests.unit.serving.client.scripted_server import Received, Refusal, predicted


def ages(received: Received) -> Any:
    """The predicted rating is the age."""
    rows = [messages.Example.FromString(each) for each in decode(received.request.inputs["examples"])]
    found = [row.features.feature["raw_user_age"].float_list.value[0] for row in rows]
    return predicted(received, user_rating=np.array(found, np.float32))


def test_rows_keep_their_order_over_several_requests_of_one_version(serve: Serve, connect: Connect) -> None:
    server = serve(ages)
    client = connect(server.address, batch_size=2)
    found = client.rate_examples([{"raw_user_age": float(age), "user_id": "1"} for age in range(5)])
    assert found.predicted_ratings == (0.0, 1.0, 2.0, 3.0, 4.0)
    assert (found.served_by.model, found.served_by.version) == ("ranking", 7)
    versions = [each.request.model_spec.version.value for each in server.received]
    assert versions == [0, 7, 7]


def test_features_have_the_types_of_their_values(serve: Serve, connect: Connect) -> None:
    server = serve(ages)
    row = {
        "raw_user_age": 30.0,
        "user_id": "é",
        "timestamp": 5,
        "history_movie_ids": ["1", "2"],
        "history_ratings": [4.0, 2.5],
        "movie_genres": [],
    }
    connect(server.address).rate_examples([row])
    [sent] = decode(server.received[0].request.inputs["examples"])
    feature = messages.Example.FromString(sent).features.feature
    assert list(feature["user_id"].bytes_list.value) == ["é".encode()]
    assert list(feature["timestamp"].int64_list.value) == [5]
    assert list(feature["history_movie_ids"].bytes_list.value) == [b"1", b"2"]
    assert list(feature["history_ratings"].float_list.value) == [4.0, 2.5]
    assert "movie_genres" not in feature


def test_what_the_server_refuses_is_an_error_and_nothing_is_sent_for_nothing(
    serve: Serve, connect: Connect
) -> None:
    server = serve(lambda received: Refusal(grpc.StatusCode.NOT_FOUND))
    client = connect(server.address)
    with pytest.raises(ServingError):
        client.rate_examples([{"user_id": "1"}])
    with pytest.raises(ValueError, match="no rows"):
        client.rate_examples([])
    assert len(server.received) == 1
