"""Tiny MovieLens folders written by hand, and the executor run over them in this process."""

import gzip
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from components.movielens_example_gen.component import MovieLensExampleGen
from components.movielens_example_gen.executor import MovieLensExampleGenExecutor
from components.movielens_example_gen.settings import ExampleGenSettings
from contracts.features import RATINGS, Table

BEAM_ARGS = ["--runner=FnApiRunner", "--sdk_container_image=unused"]

# (user, movie, rating, timestamp), one a line of the file.
Row = tuple[int, int, int, int]


class SmallPieces(MovieLensExampleGenExecutor):
    """The executor with chunks and shards so small that tiny data needs several of both."""

    chunk_bytes = 40
    rows_per_shard = 3


@dataclass
class Result:
    """What a run left behind."""

    folder: Path
    properties: dict[str, Any]
    split_names: list[str]

    @cached_property
    def splits(self) -> dict[str, list[dict[str, list[Any]]]]:
        """Every Example of every split."""
        return {
            name: [parse(record) for record in records(self.folder / f"Split-{name}")]
            for name in self.split_names
        }

    def by_pair(self, split: str) -> dict[tuple[str, str], dict[str, list[Any]]]:
        """The Examples of a split by (user, movie)."""
        return {(e["user_id"][0].decode(), e["movie_id"][0].decode()): e for e in self.splits[split]}


def write_100k(folder: Path, rows: list[Row] | bytes, movies: int = 9, users: int = 9) -> Path:
    """Writes a folder in the 100k layout; users and movies have the ids 1 to 9."""
    folder.mkdir(exist_ok=True)
    if not isinstance(rows, bytes):
        rows = b"".join(b"%d\t%d\t%d\t%d\n" % row for row in rows)
    (folder / "u.data").write_bytes(rows)
    flags = "|".join("1" if flag in (5, 8) else "0" for flag in range(19))
    (folder / "u.item").write_text(
        "".join(f"{m}|Movie {m} (199{m})|01-Jan-1995||url|{flags}\n" for m in range(1, movies + 1)),
        encoding="latin-1",
    )
    (folder / "u.user").write_text(
        "".join(f"{u}|{20 + u}|{'MF'[u % 2]}|student|{u:05d}\n" for u in range(1, users + 1))
    )
    return folder


def exec_properties(component: MovieLensExampleGen) -> dict[str, Any]:
    """The execution properties as TFX hands them to an executor: messages as JSON."""
    return {
        key: proto_utils.proto_to_json(value) if hasattr(value, "DESCRIPTOR") else value
        for key, value in component.spec.exec_properties.items()
    }


def run(
    folder: Path,
    uri: Path,
    table: Table = RATINGS,
    executor: type[MovieLensExampleGenExecutor] = MovieLensExampleGenExecutor,
    **settings: Any,
) -> Result:
    """Runs the executor of the component over `folder` and reads back what it wrote."""
    component = MovieLensExampleGen(str(folder), table, ExampleGenSettings(**settings))
    artifact = standard_artifacts.Examples()
    artifact.uri = str(uri)
    uri.mkdir(parents=True)
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=BEAM_ARGS, tmp_dir=str(uri.parent / "tmp"), unique_id="1"
    )
    executor(context).Do({}, {"examples": [artifact]}, exec_properties(component))
    properties = {
        key: value.int_value if value.HasField("int_value") else value.string_value
        for key, value in artifact.mlmd_artifact.custom_properties.items()
    }
    return Result(uri, properties, artifact.splits)


def records(split_folder: Path) -> list[bytes]:
    """The serialized Examples of a split in the order of its files, as TFX's readers find them."""
    paths = sorted(map(str, split_folder.glob("*")))
    for path in paths:
        with gzip.open(path) as stream:
            stream.read()  # The whole stream, so that a cut-off file fails here.
    batches = tf.data.TFRecordDataset(paths, compression_type="GZIP").batch(4096)
    return [record for batch in batches.as_numpy_iterator() for record in batch]


def parse(record: bytes) -> dict[str, list[Any]]:
    """An Example by TensorFlow's own protocol buffer class, as plain values."""
    feature = tf.train.Example.FromString(record).features.feature
    return {name: list(getattr(value, value.WhichOneof("kind")).value) for name, value in feature.items()}
