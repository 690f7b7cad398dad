"""Deadlines, attempts, connections and the text of errors."""

import asyncio
import pickle
import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import grpc
import pytest

from serving.client import AsyncClient, Client, ServingError, Tls, raise_failures
from tests.unit.serving.client.conftest import Connect, Serve
from tests.unit.serving.client.scripted_server import Received, Refusal, ScriptedServer, two_stages, world

CODES = [code for code in grpc.StatusCode if code not in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)]


class FailsFirst:
    """Answers UNAVAILABLE so many times to each model, then as the world does."""

    def __init__(self, times: int) -> None:
        self._left = {"retrieval": times, "ranking": times}

    def __call__(self, received: Received) -> Any:
        if self._left.get(received.model):
            self._left[received.model] -= 1
            return Refusal(grpc.StatusCode.UNAVAILABLE, "restarting")
        return two_stages(received)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("localhost", 0))
        return int(holder.getsockname()[1])


def test_a_server_that_is_away_for_a_moment_is_called_again(serve: Serve, connect: Connect) -> None:
    scripted = serve(FailsFirst(2))
    found = connect(scripted.address).recommend("42", k=1)

    assert [movie.movie_id for movie in found.movies] == ["d"]
    assert found.degraded is None
    assert scripted.models()[2:] == ["retrieval"] * 3 + ["ranking"] * 3


def test_attempts_come_to_an_end(serve: Serve, connect: Connect) -> None:
    scripted = serve(FailsFirst(100))

    with pytest.raises(ServingError) as failure:
        connect(scripted.address).retrieve("42")
    assert len(scripted.received) == 5
    assert (failure.value.code, failure.value.reason) == (grpc.StatusCode.UNAVAILABLE, "restarting")


@pytest.mark.parametrize("code", CODES)
def test_no_other_failure_is_tried_again(code: grpc.StatusCode, serve: Serve, connect: Connect) -> None:
    scripted = serve(lambda received: Refusal(code, "no"))

    with pytest.raises(ServingError) as failure:
        connect(scripted.address).similar("a")
    assert failure.value.code is code
    assert len(scripted.received) == 1


def test_attempts_end_with_the_time_that_the_call_has(serve: Serve, connect: Connect) -> None:
    scripted = serve(FailsFirst(100))

    with pytest.raises(ServingError) as failure:
        connect(scripted.address).retrieve("42", timeout=0.2)
    # The third pause is of 0.2 s at least.
    assert 1 <= len(scripted.received) <= 3
    # The last attempt ends with its own refusal, or with the time of the call on a busy machine.
    assert failure.value.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_a_call_that_hangs_ends_at_the_deadline_and_is_not_repeated(serve: Serve, connect: Connect) -> None:
    over = Event()

    def hang(received: Received) -> Any:
        over.wait(30)
        return world(received)

    scripted = serve(hang)
    client = connect(scripted.address, timeout=30)
    with pytest.raises(ServingError) as failure:
        client.recommend("42", timeout=0.3)
    over.set()
    assert failure.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "timeout" in failure.value.hint
    assert scripted.models() == ["recommender"]


def test_both_stages_share_the_time_of_the_call(serve: Serve, connect: Connect) -> None:
    scripted = serve(FailsFirst(3))
    client = connect(scripted.address, timeout=100)
    client.recommend("42", timeout=5)
    client.recommend("42")

    left = [each.seconds_left for each in scripted.received if each.model in ("retrieval", "ranking")]
    # Retrieval leaves time for ranking. Each stage makes three pauses, which are random, before its fourth
    # attempt; gRPC rounds a deadline by up to 3 %.
    assert left[0] <= 3 * 1.03
    assert left[3] < left[0]
    assert left[4] < 5 - (left[0] - left[3])
    assert left[7] < left[4]
    assert 50 < left[8] <= 60 * 1.03


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), 1e9])
def test_a_timeout_that_is_not_a_length_of_time_is_refused(
    timeout: float, serve: Serve, connect: Connect
) -> None:
    scripted = serve()

    with pytest.raises(ValueError, match="the timeout is"):
        connect(scripted.address).recommend("42", timeout=timeout)
    assert scripted.received == []


def test_nobody_listening_is_named_with_what_to_do(free_port: int, connect: Connect) -> None:
    address = f"localhost:{free_port}"

    with pytest.raises(ServingError) as failure:
        connect(address).recommend("42")
    assert failure.value.code is grpc.StatusCode.UNAVAILABLE
    assert failure.value.address == address
    assert failure.value.model == "recommender"
    for part in (address, "recommender", "UNAVAILABLE", "8500"):
        assert part in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_server_that_was_restarted_is_found_again(serve: Serve, connect: Connect) -> None:
    first = serve()
    client = connect(first.address)
    before = client.recommend("42")
    first.stop()
    second = serve(port=first.port)

    assert client.recommend("42") == before
    assert second.models() == ["recommender"]


def test_calls_one_after_the_other_share_a_connection(serve: Serve, connect: Connect) -> None:
    scripted = serve()
    client = connect(scripted.address, connections=4)
    for _ in range(3):
        client.recommend("42")

    assert len({each.connection for each in scripted.received}) == 1


def test_requests_of_a_batch_are_under_way_together_on_connections_of_their_own(
    serve: Serve, connect: Connect
) -> None:
    together = Barrier(3)

    def wait(received: Received) -> Any:
        together.wait(30)  # Breaks, and so fails the call, unless three requests are here at once.
        return world(received)

    scripted = serve(wait)
    found = connect(scripted.address, connections=3, batch_size=1).similar_many(
        ["a", "b", "c", "d", "e", "a"]
    )

    assert len(found) == 6
    assert len({each.connection for each in scripted.received}) == 3


def test_a_failed_request_leaves_the_others_of_its_batch(serve: Serve, connect: Connect) -> None:
    def answer(received: Received) -> Any:
        if "b" in received.strings("movie_id"):
            return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "too much")
        return world(received)

    found = connect(serve(answer).address, batch_size=2).similar_many(["a", "b", "c"])
    failed = [isinstance(each, ServingError) for each in found]
    assert failed == [True, True, False]
    assert "batch_size" in found[0].hint
    with pytest.raises(ServingError, match="too much"):
        raise_failures(found)


def test_a_batch_of_which_nothing_is_left_is_an_error(serve: Serve, connect: Connect) -> None:
    scripted = serve(lambda received: Refusal(grpc.StatusCode.INVALID_ARGUMENT, "no"))

    with pytest.raises(ServingError, match="no"):
        connect(scripted.address, batch_size=1).similar_many(["a", "b"])
    assert len(scripted.received) == 2


def test_closing_ends_calls_that_are_under_way_and_refuses_later_ones(serve: Serve) -> None:
    begun, over = Event(), Event()

    def hang(received: Received) -> Any:
        begun.set()
        over.wait(30)
        return world(received)

    client = Client(serve(hang).address, timeout=30)
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(client.similar_many, ["a", "b"]), threads.submit(client.recommend, "42")]
        assert begun.wait(30)
        client.close()
        failures = [call.exception() for call in calls]
    over.set()
    with pytest.raises(ServingError) as late:
        client.recommend("42")
    client.close()
    assert [getattr(each, "code", each) for each in (*failures, late.value)] == [
        grpc.StatusCode.CANCELLED
    ] * 3


def test_closing_ends_awaited_calls_with_the_same_error(serve: Serve) -> None:
    begun, over = Event(), Event()

    def hang(received: Received) -> Any:
        begun.set()
        over.wait(30)
        return world(received)

    async def closed_under_way() -> list[Any]:
        client = AsyncClient(serve(hang).address, timeout=30)
        call = asyncio.ensure_future(client.recommend("42"))
        await asyncio.to_thread(begun.wait, 30)
        await client.close()
        late = asyncio.ensure_future(client.recommend("42"))
        return list(await asyncio.gather(call, late, return_exceptions=True))

    found = asyncio.run(closed_under_way())
    over.set()
    assert [getattr(each, "code", each) for each in found] == [grpc.StatusCode.CANCELLED] * 2


def test_an_answer_of_many_megabytes_arrives(serve: Serve, connect: Connect) -> None:
    def answer(received: Received) -> Any:
        response = world(received)
        response.outputs["padding"].string_val.append(b"x" * 20_000_000)
        response.outputs["padding"].dtype = 7
        return response

    assert connect(serve(answer).address).similar("a", 1).known


def test_errors_travel_between_processes() -> None:
    error = ServingError(grpc.StatusCode.NOT_FOUND, "ranking", "localhost:1", "Servable\n  not found")
    copy = pickle.loads(pickle.dumps(error))

    assert str(copy) == str(error)
    assert str(copy).startswith("localhost:1: model ranking: NOT_FOUND: Servable not found (")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": float("nan")}, "timeout is nan"),
        ({"timeout": float("inf")}, "timeout is inf"),
        ({"connections": 0}, "1 or more"),
        ({"batch_size": 0}, "1 to 1,024"),
        ({"batch_size": 1025}, "1 to 1,024"),
        ({"token": "secret"}, "in the clear"),
        ({"token": "one\ntwo", "tls": Tls()}, "character 4 of the 7"),
        ({"token": "", "tls": Tls()}, "not empty"),
    ],
)
def test_clients_that_cannot_work_are_not_made(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Client("localhost:8500", **options)


def test_threads_can_share_a_client(serve: Serve) -> None:
    scripted: ScriptedServer = serve()
    with Client(scripted.address, connections=2) as client, ThreadPoolExecutor(8) as threads:
        found = list(threads.map(client.recommend, [str(user) for user in range(40)]))

    assert [each.user_id for each in found] == [str(user) for user in range(40)]
    assert len({each.connection for each in scripted.received}) <= 2
