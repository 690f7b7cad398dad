"""The order in which versions are loaded, used and unloaded."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import grpc
import pytest
from tensorflow.core.protobuf import meta_graph_pb2

from serving.model_server.errors import ModelServerError
from serving.model_server.models.tensors import Array
from serving.model_server.models.versions import RetryPolicy, Servable, State, VersionManager


class Model:
    """A model without TensorFlow, which writes down what happens to it."""

    signatures: Mapping[str, meta_graph_pb2.SignatureDef] = {}

    def __init__(self, number: int, events: list[str]) -> None:
        self._number, self._events = number, events
        events.append(f"load {number}")

    def run(self, signature: str, feeds: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        return []

    def close(self) -> None:
        self._events.append(f"unload {self._number}")


class World:
    """A manager whose loader fails for the versions in `broken`."""

    def __init__(self, retries: int = 0, seconds: float = 0.0) -> None:
        self.events: list[str] = []
        self.broken: set[int] = set()
        self.manager = VersionManager(self._load, RetryPolicy(retries, seconds))

    def _load(self, model: str, number: int, path: Path) -> Servable:
        if number in self.broken:
            self.events.append(f"fail {number}")
            raise RuntimeError("broken")
        return Model(number, self.events)

    def want(self, *numbers: int) -> None:
        self.manager.reconcile("m", {number: Path(str(number)) for number in numbers})

    def states(self) -> dict[int, State]:
        return {number: state for number, state, _ in self.manager.statuses("m")}


def test_the_new_version_is_loaded_before_the_old_one_is_unloaded() -> None:
    world = World()
    world.want(1)
    world.want(2)
    assert world.events == ["load 1", "load 2", "unload 1"]
    assert world.states() == {2: State.AVAILABLE, 1: State.END}


def test_an_old_version_stays_as_long_as_the_new_one_does_not_load() -> None:
    world = World()
    world.want(1)
    world.broken = {2}
    world.want(2)
    assert world.states() == {2: State.END, 1: State.AVAILABLE}
    [(_, _, error), _] = world.manager.statuses("m")
    assert error is not None
    assert error.message == "RuntimeError: broken"
    with world.manager.lease("m") as (number, _):
        assert number == 1


def test_a_version_in_use_is_unloaded_after_its_last_request() -> None:
    world = World()
    idle: list[str] = []
    world.manager.on_idle = lambda: idle.append("idle")
    world.want(1)
    with world.manager.lease("m"), world.manager.lease("m"):
        world.want(2)
        assert world.states()[1] is State.UNLOADING
        with world.manager.lease("m") as (number, _):
            assert number == 2
        with pytest.raises(ModelServerError), world.manager.lease("m", 1):
            pass
        world.want(2)
        assert "unload 1" not in world.events
    assert idle == ["idle"]
    world.want(2)
    assert world.events[-1] == "unload 1"


def test_the_last_request_of_a_removed_model_may_come_back_late() -> None:
    world = World()
    world.want(1)
    with world.manager.lease("m"):
        world.want()
        world.manager.unload_idle()
        assert world.states() == {1: State.UNLOADING}
    world.manager.unload_idle()
    assert world.states() == {1: State.END}
    assert world.events == ["load 1", "unload 1"]


def test_a_version_that_comes_back_is_loaded_again() -> None:
    world = World()
    for number in (1, 2, 1):
        world.want(number)
    assert world.events == ["load 1", "load 2", "unload 1", "load 1", "unload 2"]


def test_the_newest_is_loaded_first_and_answers_without_a_version() -> None:
    world = World()
    world.want(1, 2, 3)
    assert world.events == ["load 3", "load 2", "load 1"]
    with world.manager.lease("m") as (number, _):
        assert number == 3
    with world.manager.lease("m", 2) as (number, _):
        assert number == 2


def test_a_failed_version_is_tried_again_as_often_as_the_policy_allows() -> None:
    world = World(retries=2)
    world.broken = {1}
    for _ in range(5):
        world.want(1)
    assert world.events == ["fail 1"] * 3
    world.want()
    world.broken = set()
    world.want(1)
    assert world.states() == {1: State.AVAILABLE}


def test_a_failed_version_is_left_alone_meanwhile() -> None:
    world = World(retries=2, seconds=3600)
    world.broken = {1}
    world.want(1)
    world.want(1)
    assert world.events == ["fail 1"]


def test_what_is_not_there_is_not_found() -> None:
    world = World()
    for number, wanted in ((None, "Latest(m)"), (7, "Specific(m, 7)")):
        with pytest.raises(ModelServerError) as caught, world.manager.lease("m", number):
            pass
        assert caught.value.code is grpc.StatusCode.NOT_FOUND
        assert caught.value.message == f"Servable not found for request: {wanted}"


def test_a_model_that_nobody_wants_any_more_is_unloaded() -> None:
    world = World()
    world.want(1, 2)
    world.want()
    assert world.states() == {2: State.END, 1: State.END}
    assert not world.manager.is_available("m")
