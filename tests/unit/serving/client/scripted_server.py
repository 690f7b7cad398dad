"""A gRPC server on a loopback port that answers the client's calls from a small world, or by a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np

from serving.client import messages
from serving.client.tensors import decode, encode

METHODS = {
    "Predict": (messages.PredictRequest, messages.PredictResponse),
    "GetModelMetadata": (messages.GetModelMetadataRequest, messages.GetModelMetadataResponse),
    "GetModelStatus": (messages.GetModelStatusRequest, messages.GetModelStatusResponse),
}

# The world: what every user is offered, the best first, and how a user of it rates.
OFFER = ("a", "b", "c", "d", "e")
STARS = {"a": 3.0, "b": 4.5, "c": 3.0, "d": 5.0, "e": 1.0}
# The version of one run.
VERSION = 7
LABELS = {"stable": 7, "canary": 8}
UNKNOWN_USER = "unknown"


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    method: str
    request: Any
    metadata: Mapping[str, str]
    seconds_left: float
    connection: str

    @property
    def model(self) -> str:
        return str(self.request.model_spec.name)

    def strings(self, name: str) -> Any:
        """An input of strings as nested lists of str."""
        return np.char.decode(decode(self.request.inputs[name]).astype("S"), "utf-8").tolist()

    def number(self, name: str) -> int:
        return int(decode(self.request.inputs[name]))


@dataclass(frozen=True)
class Refusal:
    """A status to answer with."""

    code: grpc.StatusCode
    details: str = "because the test refuses it"


Answer = Callable[[Received], Any]


class ScriptedServer:
    """The server; `answer` makes a response message or a Refusal of each request."""

    def __init__(self, answer: Answer, port: int = 0, credentials: Any = None) -> None:
        self.received: list[Received] = []
        self._answer = answer
        self._server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers([_Handler(self._handle)])
        name = f"localhost:{port}"
        self.port: int = (
            self._server.add_secure_port(name, credentials)
            if credentials
            else self._server.add_insecure_port(name)
        )
        # A certificate is for the name. Without one the name would stand for two addresses, and connections.
        self.address = f"{'localhost' if credentials else '127.0.0.1'}:{self.port}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(None).wait()

    def models(self) -> list[str]:
        """The models called, in order."""
        return [each.model for each in self.received]

    def _handle(self, method: str, request: Any, context: Any) -> Any:
        received = Received(
            method, request, dict(context.invocation_metadata()), context.time_remaining(), context.peer()
        )
        self.received.append(received)
        answer = self._answer(received)
        if isinstance(answer, Refusal):
            context.abort(answer.code, answer.details)
        return answer


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, handle: Callable[[str, Any, Any], Any]) -> None:
        self._handle = handle

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method.rpartition("/")[2]
        request, response = METHODS[method]
        return grpc.unary_unary_rpc_method_handler(
            lambda message, context: self._handle(method, message, context),
            request_deserializer=request.FromString,
            response_serializer=response.SerializeToString,
        )


def world(received: Received) -> Any:
    """The small world's answer to a Predict request."""
    signature = received.request.model_spec.signature_name
    if signature == "recommend":
        users, excluded = received.strings("user_id"), received.strings("exclude_movie_ids")
        lists = [
            [movie for movie in OFFER if movie not in hidden] for hidden in excluded or [[]] * len(users)
        ]
        known = [user != UNKNOWN_USER for user in users]
        k = received.number("k")
        if received.model == "retrieval":
            return predicted(received, **movies(lists, k), known_user=known)
        # The final order is that of the stars.
        lists = [sorted(row, key=lambda movie: -STARS[movie]) for row in lists]
        stars = np.array([[STARS[movie] for movie in row][:k] + [0.0] * (k - len(row)) for row in lists])
        found = {
            **movies(lists, k),
            "score": stars.astype(np.float32),
            "user_rating": stars.astype(np.float32),
        }
        return predicted(received, **found, known_user=known)
    if signature == "recommend_from_history":
        histories = received.strings("history_movie_ids")
        lists = [[movie for movie in OFFER if movie not in history] for history in histories]
        return predicted(received, **movies(lists, len(OFFER)))
    if signature == "similar_movies":
        ids = received.strings("movie_id")
        lists = [[other for other in OFFER if other != movie] if movie in OFFER else [] for movie in ids]
        known = [movie in OFFER for movie in ids]
        return predicted(received, **movies(lists, received.number("k")), known_movie=known)
    if signature in ("rank", "rerank"):
        rows = received.strings("movie_id")
        stars = np.array([[STARS.get(movie, 2.5) for movie in row] for row in rows], np.float32)
        score = {"score": 10 * stars} if signature == "rerank" else {}
        return predicted(received, user_rating=stars, **score)
    return Refusal(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{signature}" not found.')


def two_stages(received: Received) -> Any:
    """The answer of a server without a model of whole lists."""
    return not_found(received) if received.model in ("recommender", "joint") else world(received)


def not_found(received: Received) -> Refusal:
    """TensorFlow Serving's error for a model or a version that it does not have."""
    spec = received.request.model_spec
    version = (
        f"Specific({spec.name}, {spec.version.value})" if spec.HasField("version") else f"Latest({spec.name})"
    )
    return Refusal(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {version}")


def movies(lists: Sequence[Sequence[str]], k: int) -> dict[str, Any]:
    """The outputs that hold lists of movies, with empty slots up to k, as the models leave them."""
    rows = [[*row, *[""] * k][:k] for row in lists]
    return {
        "movie_id": np.array(rows, object).reshape(len(rows), k),
        "movie_title": np.array([[movie and f"Film {movie} ö" for movie in row] for row in rows], object),
        "score": np.tile(-np.arange(k, dtype=np.float32), (len(rows), 1)),
    }


def predicted(received: Received, **outputs: Any) -> Any:
    """A PredictResponse of the version of the request, or of the latest, through its filter."""
    spec, wanted = received.request.model_spec, received.request.output_filter
    version = LABELS[spec.version_label] if spec.version_label else spec.version.value
    response = messages.PredictResponse()
    response.model_spec.name = spec.name
    response.model_spec.version.value = version or VERSION
    response.model_spec.signature_name = spec.signature_name
    for name, value in outputs.items():
        if name in wanted or not wanted:
            response.outputs[name].CopyFrom(encode(value))
    return response
