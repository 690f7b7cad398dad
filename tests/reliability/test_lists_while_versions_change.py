"""Lists over real sockets while runs are pushed by processes that are killed and a server polls all the time.

Every movie's id and every predicted rating name the run whose model they are from.
"""

import random
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from components.atomic_pusher.versions import versions_in
from contracts.signatures import PUBLISHED_TOGETHER, RANKING, RETRIEVAL
from serving.client import Client, Recommendation
from tests.contract.client.conftest import entry
from tests.contract.model_server.servers import PATIENCE, STOCK_SERVER, running
from tests.pipeline_run import PROJECT

pytestmark = pytest.mark.slow

SEED = 14
REQUESTS = 1000
THREADS = 4
RUNS = 4
IDS = tf.TensorSpec([None], tf.string, "user_id")


class RunModel(tf.Module):
    """All servables of one run; its outputs show which run."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    @tf.function(
        autograph=False,
        input_signature=[
            IDS,
            tf.TensorSpec([None, None], tf.string, "exclude_movie_ids"),
            tf.TensorSpec([], tf.int32, "k"),
        ],
    )
    def recommend(
        self, user_id: tf.Tensor, exclude_movie_ids: tf.Tensor, k: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        shape = [tf.shape(user_id)[0], k]
        return {
            "movie_id": tf.fill(shape, str(self.number)),
            "movie_title": tf.fill(shape, "title"),
            "score": tf.zeros(shape),
            "user_rating": tf.fill(shape, float(self.number)),
            "known_user": tf.ones_like(user_id, tf.bool),
        }

    @tf.function(
        autograph=False,
        input_signature=[
            IDS,
            tf.TensorSpec([None, None], tf.string, "movie_id"),
            tf.TensorSpec([None, None], tf.float32, "retrieval_score"),
        ],
    )
    def rerank(
        self, user_id: tf.Tensor, movie_id: tf.Tensor, retrieval_score: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        ratings = tf.fill(tf.shape(movie_id), float(self.number))
        return {"score": tf.identity(retrieval_score), "user_rating": ratings}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("runs")
    found = []
    for number in range(RUNS):
        model = RunModel(number)
        signatures = {"recommend": model.recommend, "rerank": model.rerank}
        tf.saved_model.save(model, str(folder / str(number)), signatures)
        found.append(str(folder / str(number)))
    return found


class Pushing(threading.Thread):
    """Lets processes push and be killed, each after a moment that the seed decides, until it is ended."""

    def __init__(self, serving: Path, models: list[str]) -> None:
        super().__init__()
        self.serving, self.models = serving, models
        self.kills = 0
        self.end = threading.Event()

    def run(self) -> None:
        moments = random.Random(SEED)
        while not self.end.is_set():
            start = self.kills % RUNS
            order = [*self.models[start:], *self.models[:start]]
            command = [sys.executable, "-m", "tests.reliability.pusher_of_runs", str(self.serving), *order]
            with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                # Somewhere in a push, once one of this process is out.
                for _ in range(1 + self.kills % 3):
                    process.stdout.readline()
                self.end.wait(moments.uniform(0, 0.05))
                process.kill()
            self.kills += 1


@pytest.fixture
def serving(tmp_path: Path, models: list[str]) -> Path:
    folder = tmp_path / "serving"
    command = [sys.executable, "-m", "tests.reliability.pusher_of_runs", str(folder), models[0]]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    return folder


@pytest.mark.parametrize("names", [PUBLISHED_TOGETHER, (RETRIEVAL, RANKING)], ids=["all", "two stages"])
def test_a_list_of_two_runs_is_marked(
    names: tuple[str, ...], serving: Path, models: list[str], tmp_path: Path
) -> None:
    config = tmp_path / "models.config"
    config.write_text(f"model_config_list {{ {' '.join(entry(name, serving / name) for name in names)} }}")
    # The stock server takes whole seconds.
    flags = [f"--model_config_file={config}"] + ["--file_system_poll_wait_seconds=1"] * bool(STOCK_SERVER)
    pushing = Pushing(serving, models)
    with (
        running(tmp_path, flags) as server,
        Client(f"localhost:{server.grpc_port}", timeout=PATIENCE) as client,
    ):

        def one_list(number: int) -> Recommendation:
            return client.recommend(str(number), 3)

        pushing.start()
        try:
            with ThreadPoolExecutor(THREADS) as threads:
                found = list(threads.map(one_list, range(REQUESTS)))
                # Quick machines go on until enough versions have come and gone.
                while len({max(each.versions.values()) for each in found}) < 10:
                    found += threads.map(one_list, range(100))
        finally:
            pushing.end.set()
            pushing.join()
    assert pushing.kills > 0
    for each in found:
        assert len(each.movies) == 3
        runs = {int(movie.movie_id) for movie in each.movies}
        ratings = {movie.predicted_rating for movie in each.movies}
        assert len(runs) == len(ratings) == 1
        if each.order == "retrieval":
            assert each.degraded
        elif runs != {int(rating or 0) for rating in ratings}:
            assert each.mixed_versions
            assert each.degraded
    if len(names) == len(PUBLISHED_TOGETHER):
        assert {tuple(each.versions) for each in found} == {("recommender",)}


def test_between_the_publications_the_stages_stay_with_one_run(
    serving: Path, models: list[str], tmp_path: Path
) -> None:
    config = text_format.Parse(
        (PROJECT / "deploy" / "serving" / "models.config").read_text(encoding="utf-8"),
        model_server_config_pb2.ModelServerConfig(),
    )
    listed = [each for each in config.model_config_list.config if each.name in (RETRIEVAL, RANKING)]
    for each in listed:
        each.base_path = str(serving / each.name)
    del config.model_config_list.config[:]
    config.model_config_list.config.extend(listed)
    file = tmp_path / "models.config"
    file.write_text(text_format.MessageToString(config))
    [first] = versions_in(str(serving / RETRIEVAL))
    second = first + 1
    flags = [f"--model_config_file={file}"] + ["--file_system_poll_wait_seconds=1"] * bool(STOCK_SERVER)
    with (
        running(tmp_path, flags) as server,
        Client(f"localhost:{server.grpc_port}", timeout=PATIENCE) as client,
    ):

        def publish(name: str) -> None:
            staged = tmp_path / f"staged-{name}"
            shutil.copytree(models[1], staged)
            staged.rename(serving / name / str(second))

        publish(RANKING)
        server.wait_for_states(RANKING, {second: "AVAILABLE", first: "AVAILABLE"})
        between = client.recommend("1", 3)
        publish(RETRIEVAL)
        server.wait_for_states(RETRIEVAL, {second: "AVAILABLE", first: "END"})
        after = client.recommend("1", 3)
    for found, version, run in ((between, first, "0"), (after, second, "1")):
        assert found.versions == {RETRIEVAL: version, RANKING: version}
        assert (found.order, found.mixed_versions, found.degraded) == ("final", False, None)
        assert {movie.movie_id for movie in found.movies} == {run}


def test_after_all_kills_the_next_push_leaves_whole_runs(serving: Path, models: list[str]) -> None:
    pushing = Pushing(serving, models)
    pushing.start()
    while pushing.kills < 20 and pushing.is_alive():
        pushing.end.wait(0.1)
    pushing.end.set()
    pushing.join()
    command = [
        sys.executable,
        "-m",
        "tests.reliability.pusher_of_runs",
        str(serving),
        models[pushing.kills % RUNS],
    ]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        process.kill()
    versions = [list(versions_in(str(serving / name))) for name in PUBLISHED_TOGETHER]
    assert versions[0] == versions[1] == versions[2]
    assert versions[0]
