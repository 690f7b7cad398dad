"""The partitioned index against brute force over large synthetic catalogues."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from benchmarks.measured_run import BenchmarkError
from benchmarks.serving import index_worker
from trainer_module.retrieval.hyperparameters import RetrievalHyperparameters
from trainer_module.retrieval.index import BruteForce, Found, Index
from trainer_module.retrieval.partitions import IndexReport, make_index

DIM: Final = 64
DEPTH: Final = 100
SEED: Final = 42
# Users whom the index was tuned on, and others whom it is measured on here.
TUNED_ON, MEASURED_ON = 1024, 512

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class IndexCost:
    """One index of one catalogue, measured in a process that has nothing else.

    Attributes:
      kind: the name of its class.
      batches: {batch size: (p50, p99)} in milliseconds.
      loaded_bytes: growth of resident memory from before the SavedModel to after it was loaded.
      peak_bytes: growth to the most that was resident while it answered.
    """

    kind: str
    batches: dict[int, tuple[float, float]]
    loaded_bytes: int
    peak_bytes: int


@dataclass(frozen=True)
class Scale:
    """Both indexes of one catalogue.

    Attributes:
      movies: its size.
      seconds: to make the index, k-means and both measurements included.
      report: what the export reports.
      recall: share of brute force's first 100 found, mean over users whom nobody tuned on.
      costs: brute force, then partitions.
    """

    movies: int
    seconds: float
    report: IndexReport
    recall: float
    costs: list[IndexCost]


class _Searchable(tf.Module):
    """An index with a signature that returns the positions of the first 100."""

    def __init__(self, index: Index) -> None:
        super().__init__()
        self._index = index

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, DIM], name=index_worker.QUERIES)])
    def search(self, queries: tf.Tensor) -> dict[str, tf.Tensor]:
        nothing = tf.RaggedTensor.from_row_lengths(
            tf.zeros([0], tf.int32), tf.zeros([tf.shape(queries)[0]], tf.int64)
        )
        found: Found = self._index.search(queries, nothing, DEPTH)
        return {index_worker.POSITIONS: found[1]}


def clusters(movies: int, queries: int) -> tuple[Floats, Floats]:
    """Embeddings as a two-tower model makes them: tastes, and a direction of popularity that all users share.

    There are sqrt(M) tastes. A movie is one taste and as much noise again, longer along the common direction
    the more popular it is, by a power law. A user is the mean of three tastes and the common direction.

    Returns:
      Movies [M, 64] and users [Q, 64].
    """
    generator = np.random.default_rng(SEED)
    tastes = generator.normal(size=(round(movies**0.5), DIM)).astype(np.float32) / DIM**0.5
    common = generator.normal(size=DIM).astype(np.float32) / DIM**0.5
    popularity = np.log1p(generator.pareto(1.5, size=movies)).astype(np.float32)
    vectors = generator.normal(size=(movies, DIM)).astype(np.float32) / DIM**0.5
    vectors += tastes[generator.integers(len(tastes), size=movies)]
    vectors += 0.3 * popularity[:, None] * common
    liked = tastes[generator.integers(len(tastes), size=(queries, 3))].mean(axis=1)
    noise = generator.normal(size=(queries, DIM)).astype(np.float32) / DIM**0.5
    return vectors, 1.5 * liked + 0.5 * common + 0.3 * noise


def measure_scale(movies: int, folder: Path, seconds: float, log: Callable[[str], None]) -> Scale:
    """Makes both indexes and measures each in a fresh process, so many seconds for each batch size.

    Raises:
      BenchmarkError: a process failed.
    """
    log(f"{movies:,} movies: embeddings")
    vectors, users = clusters(movies, TUNED_ON + MEASURED_ON)
    nothing = tf.RaggedTensor.from_uniform_row_length(tf.zeros([0], tf.int32), 0, nrows=TUNED_ON)
    log(f"{movies:,} movies: partitions")
    begun = time.monotonic()
    settings = RetrievalHyperparameters(index="partitioned", top_k=DEPTH, embedding_dim=DIM)
    index, report = make_index(vectors, users[:TUNED_ON], nothing, settings, SEED)
    made_in = time.monotonic() - begun
    np.save(folder / index_worker.QUERIES_FILE, users[TUNED_ON:])
    costs: list[IndexCost] = []
    found: list[npt.NDArray[np.int32]] = []
    for each in (BruteForce(vectors), index):
        kind = type(each).__name__
        log(f"{movies:,} movies: {kind}")
        path = folder / f"{kind}-{len(costs)}"
        searchable = _Searchable(each)
        tf.saved_model.save(searchable, str(path), signatures=searchable.search)
        cost, positions = _in_a_process(kind, path, seconds)
        costs.append(cost)
        found.append(positions)
    shares = [
        len(np.intersect1d(exact, near)) / DEPTH for exact, near in zip(found[0], found[1], strict=True)
    ]
    return Scale(movies, made_in, report, float(np.mean(shares)), costs)


def _in_a_process(kind: str, path: Path, seconds: float) -> tuple[IndexCost, npt.NDArray[np.int32]]:
    command = [sys.executable, "-m", index_worker.__name__, str(path), str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode:
        raise BenchmarkError(f"{index_worker.__name__} ended with status {done.returncode}")
    answer = json.loads(done.stdout.splitlines()[-1])
    batches = {int(size): (p50, p99) for size, (p50, p99) in answer["batches"].items()}
    return (
        IndexCost(kind, batches, answer["loaded_bytes"], answer["peak_bytes"]),
        np.load(path.parent / f"{path.name}.npy"),
    )
