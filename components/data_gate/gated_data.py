"""What the gate judges: statistics, anomalies, counts and schemas, read from the artifacts."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx import types
from tfx.components.example_validator.executor import DEFAULT_FILE_NAME as ANOMALIES_FILE
from tfx.components.schema_gen.executor import DEFAULT_FILE_NAME as SCHEMA_FILE
from tfx.components.statistics_gen.executor import DEFAULT_FILE_NAME as STATISTICS_FILE
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.data_gate.volume import Volume, count_volume
from contracts.artifacts import COUNTS_FILE
from contracts.features import EVAL_SPLIT, MOVIES, MOVIES_SPLIT, RATINGS, TRAIN_SPLIT

SPLITS: Final = {RATINGS: (TRAIN_SPLIT, EVAL_SPLIT), MOVIES: (MOVIES_SPLIT,)}

# Names of the inputs of the component; the first two are `RATINGS` and `MOVIES`, the Examples.
STATISTICS: Final = {table: f"{table}_statistics" for table in SPLITS}
ANOMALIES: Final = {table: f"{table}_anomalies" for table in SPLITS}
SCHEMAS: Final = {table: f"{table}_schema" for table in SPLITS}

Inputs = Mapping[str, list[types.Artifact]]


@dataclass(frozen=True)
class GatedTable:
    """One table of Examples, as the nodes before the gate describe it.

    Attributes:
      statistics: by split.
      anomalies: by split.
      schema: the curated one.
    """

    statistics: Mapping[str, statistics_pb2.DatasetFeatureStatisticsList]
    anomalies: Mapping[str, anomalies_pb2.Anomalies]
    schema: schema_pb2.Schema


@dataclass(frozen=True)
class GatedData:
    """Both tables, how much they hold, and a digest that identifies this data."""

    tables: Mapping[str, GatedTable]
    volume: Volume
    digest: str

    @classmethod
    def read(cls, inputs: Inputs) -> GatedData:
        """Reads the inputs of the component."""
        tables = {table: _read_table(inputs, table) for table in SPLITS}
        ratings, movies = (json.loads(_counts(inputs, table)) for table in (RATINGS, MOVIES))
        return cls(tables, count_volume(ratings, movies), data_digest(inputs))


def data_digest(inputs: Inputs) -> str:
    """A sha256 (hex) over counts and statistics, the same for every run on the same artifacts."""
    digest = hashlib.sha256()
    for table, splits in SPLITS.items():
        digest.update(_counts(inputs, table))
        for split in splits:
            digest.update(_statistics(inputs, table, split))
    return digest.hexdigest()


def split_folder(inputs: Inputs, key: str, split: str) -> str:
    """The folder of a split of the artifact on the input `key`."""
    folder: str = artifact_utils.get_split_uri(inputs[key], split)
    return folder


def schema_path(inputs: Inputs, table: str) -> str:
    """The file of a curated schema."""
    folder: str = artifact_utils.get_single_uri(inputs[SCHEMAS[table]])
    return posixpath.join(folder, SCHEMA_FILE)


def _read_table(inputs: Inputs, table: str) -> GatedTable:
    splits = SPLITS[table]
    return GatedTable(
        {
            split: statistics_pb2.DatasetFeatureStatisticsList.FromString(_statistics(inputs, table, split))
            for split in splits
        },
        {
            split: anomalies_pb2.Anomalies.FromString(
                _read(posixpath.join(split_folder(inputs, ANOMALIES[table], split), ANOMALIES_FILE))
            )
            for split in splits
        },
        text_format.Parse(_read(schema_path(inputs, table)), schema_pb2.Schema()),
    )


def _statistics(inputs: Inputs, table: str, split: str) -> bytes:
    return _read(posixpath.join(split_folder(inputs, STATISTICS[table], split), STATISTICS_FILE))


def _counts(inputs: Inputs, table: str) -> bytes:
    return _read(posixpath.join(artifact_utils.get_single_uri(inputs[table]), COUNTS_FILE))


def _read(path: str) -> bytes:
    with fileio.open(path, "rb") as stream:
        content: Any = stream.read()
    return bytes(content)
