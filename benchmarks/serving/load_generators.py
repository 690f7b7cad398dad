"""The list in one call, measured by our own benchmark and by ghz, an independent load generator in Go.

Both send the same bytes to the same server in turns: ghz, gRPC's Python library with messages that are made
before, so that timing is all that differs, and the client, which makes and reads messages.
"""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pb2
from google.protobuf.internal.encoder import _VarintBytes
from tensorflow_serving.apis import prediction_service_pb2

from benchmarks.measured_run import BenchmarkError
from benchmarks.serving.local_server import ServedFolders
from benchmarks.serving.timings import Timings, measure
from contracts.signatures import RECOMMENDER
from serving.batch_models import BatchListModel
from serving.client import Client
from serving.client.calls import PREDICT
from serving.client.retrieval import ListOutputs, recommend_call

# Each generator is measured in so many turns, between the others, so that they meet the same machine.
TURNS: Final = 5
_LENGTH: Final = 10
_METHOD: Final = PREDICT.lstrip("/").replace("/", ".")


@dataclass(frozen=True)
class GeneratorCell:
    """What one generator measured at one concurrency.

    Attributes:
      generator: its name.
      concurrency: calls at once, each on a connection of its own.
      turns: what it measured, turn by turn.
    """

    generator: str
    concurrency: int
    turns: Sequence[Timings]

    def middle(self, name: str) -> float:
        """The median over the turns of an attribute of `Timings`."""
        return float(statistics.median(getattr(turn, name) for turn in self.turns))

    @property
    def noise(self) -> float:
        """How far the turns' medians are apart, as a share of the middle one."""
        medians = [turn.p50 for turn in self.turns]
        return (max(medians) - min(medians)) / self.middle("p50")


def agree(first: GeneratorCell, second: GeneratorCell) -> bool:
    """Whether two generators' median latencies differ by less than either's turns do among each other."""
    apart = abs(first.middle("p50") - second.middle("p50"))
    return apart <= max(each.noise * each.middle("p50") for each in (first, second))


def compare_generators(
    server: ServedFolders, ghz: Path, concurrencies: Sequence[int], seconds: float, log: Callable[[str], None]
) -> list[GeneratorCell]:
    """Measures all three at every concurrency.

    Args:
      server: serves the recommender.
      ghz: the program.
      concurrencies: calls at once.
      seconds: of each turn.
      log: gets progress.

    Raises:
      BenchmarkError: ghz cannot be run, or a request of it failed.
    """
    names = BatchListModel(server.root / RECOMMENDER / "1").users_file.read_bytes().split()
    users = [name.decode() for name in names]
    wanted = ListOutputs(titles=True, rated=True)
    requests = [recommend_call(RECOMMENDER, [user], _LENGTH, {}, None, wanted).request for user in users]
    files = write_files(server.root, requests)
    cells: list[GeneratorCell] = []
    for concurrency in concurrencies:
        with Client(server.address, connections=concurrency) as client, _Stubs(server, concurrency) as stubs:
            calls = {
                "this benchmark, bytes": partial(_call, stubs.call, requests),
                "this benchmark, client": partial(
                    _call, lambda _, user: client.recommend(user, _LENGTH), users
                ),
            }
            generators: dict[str, Callable[[], Timings]] = {
                "ghz": partial(run_ghz, ghz, server.address, files, concurrency, seconds),
                **{name: partial(measure, call, concurrency, seconds) for name, call in calls.items()},
            }
            cells += _in_turns(generators, concurrency, log)
    return cells


def _in_turns(
    generators: Mapping[str, Callable[[], Timings]], concurrency: int, log: Callable[[str], None]
) -> list[GeneratorCell]:
    measured: dict[str, list[Timings]] = {name: [] for name in generators}
    for turn in range(TURNS):
        for name, generator in generators.items():
            log(f"{concurrency} at once, turn {turn + 1} of {TURNS}: {name}")
            measured[name].append(generator())
    return [GeneratorCell(name, concurrency, turns) for name, turns in measured.items()]


def _call(send: Callable[[int, Any], object], values: Sequence[Any], number: int) -> object:
    return send(number, values[number % len(values)])


class _Stubs:
    """Bare methods of gRPC, each on a connection of its own."""

    def __init__(self, server: ServedFolders, concurrency: int) -> None:
        options = (("grpc.use_local_subchannel_pool", 1),)
        self._channels = [grpc.insecure_channel(server.address, options) for _ in range(concurrency)]
        self._methods = [channel.unary_unary(PREDICT) for channel in self._channels]

    def call(self, number: int, request: bytes) -> object:
        """Sends bytes; a thread of `measure` stays on one connection."""
        return self._methods[number % len(self._methods)](request)

    def __enter__(self) -> _Stubs:
        return self

    def __exit__(self, *_: object) -> None:
        for channel in self._channels:
            channel.close()


def write_files(folder: Path, requests: Sequence[bytes]) -> tuple[Path, Path]:
    """Writes the descriptors of the API, which the stock server does not send, and the requests in a row."""
    descriptors = descriptor_pb2.FileDescriptorSet()
    _add_file(descriptors, prediction_service_pb2.DESCRIPTOR, set())
    protos, data = folder / "api.binpb", folder / "requests.bin"
    protos.write_bytes(descriptors.SerializeToString())
    data.write_bytes(b"".join(_VarintBytes(len(request)) + request for request in requests))
    return protos, data


def _add_file(descriptors: Any, file: Any, added: set[str]) -> None:
    for dependency in file.dependencies:
        _add_file(descriptors, dependency, added)
    if file.name not in added:
        added.add(file.name)
        file.CopyToProto(descriptors.file.add())


def run_ghz(ghz: Path, address: str, files: tuple[Path, Path], concurrency: int, seconds: float) -> Timings:
    """Runs ghz once.

    Args:
      ghz: the program.
      address: of the server.
      files: descriptors and requests.
      concurrency: calls at once, each on a connection of its own.
      seconds: how long.

    Raises:
      BenchmarkError: it cannot be run, or a request failed.
    """
    protos, data = files
    command = [
        str(ghz),
        "--insecure",
        f"--protoset={protos}",
        f"--call={_METHOD}",
        f"--binary-file={data}",
        f"--concurrency={concurrency}",
        f"--connections={concurrency}",
        f"--duration={seconds}s",
        "--duration-stop=wait",
        "--format=json",
        address,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        raise BenchmarkError(f"{ghz} cannot be run: {reason} (--ghz: its path)") from error
    return ghz_timings(json.loads(done.stdout))


def ghz_timings(report: dict[str, Any]) -> Timings:
    """What ghz reports, in our units.

    Raises:
      BenchmarkError: a request failed.
    """
    codes = report.get("statusCodeDistribution") or {}
    if set(codes) != {"OK"}:
        raise BenchmarkError(f"requests of ghz failed: {codes} {report.get('errorDistribution')}")
    latency = {each["percentage"]: each["latency"] / 1e6 for each in report["latencyDistribution"]}
    return Timings(latency[50], latency[99], report["rps"], report["count"])
