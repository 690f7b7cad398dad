"""What requests and checks of the probe are made of: real rows, the catalogue, what users have rated."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import tensorflow as tf
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx import types
from tfx.components.statistics_gen.executor import DEFAULT_FILE_NAME as STATISTICS_FILE
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from contracts import features
from contracts.features import MOVIES_SPLIT

# Names of the inputs of the component.
MODEL: Final = "model"
RATINGS: Final = "ratings"
MOVIES: Final = "movies"
STATISTICS: Final = "ratings_statistics"
TRANSFORMED: Final = "transformed_examples"

# Rows of real ratings: the largest batch.
ROWS: Final = 1_000
_SPLITS: Final = (features.EVAL_SPLIT, features.TRAIN_SPLIT)
_READ_BATCH: Final = 8_192

# A user and a movie, which name a rating.
Pair = tuple[bytes, bytes]


@dataclass(frozen=True)
class ProbeData:
    """One data set, as far as the probe looks at it.

    Attributes:
      movies: titles by id, of every movie of the `movies` Examples.
      rows: serialized raw `ratings` Examples, of both splits in turn.
      transformed: what Transform wrote for those rows: lists of values by feature.
      rated: every movie that a user has rated in either split, for the users of the rows.
      scale: the lowest and the highest rating of the train split.
    """

    movies: Mapping[bytes, bytes]
    rows: Sequence[bytes]
    transformed: Mapping[Pair, Mapping[str, list[Any]]]
    rated: Mapping[bytes, frozenset[bytes]]
    scale: tuple[float, float]


def read_probe_data(inputs: Mapping[str, list[types.Artifact]]) -> ProbeData:
    """Reads it from the artifacts: the head of the raw Examples, and the transformed ones in one pass."""
    rows = _first_rows(inputs)
    wanted = {pair_of(row) for row in rows}
    rated: dict[bytes, set[bytes]] = {user: set() for user, _ in wanted}
    transformed = {}
    ids = {name: tf.io.FixedLenFeature([], tf.string) for name in (features.USER_ID, features.MOVIE_ID)}
    for split in _SPLITS:
        for batch in _records(inputs, TRANSFORMED, split).batch(_READ_BATCH):
            parsed = tf.io.parse_example(batch, ids)
            users, movies = (parsed[name].numpy() for name in (features.USER_ID, features.MOVIE_ID))
            for position, pair in enumerate(zip(users, movies, strict=True)):
                user, movie = pair
                if user in rated:
                    rated[user].add(movie)
                    if pair in wanted:
                        transformed[pair] = _values(batch[position].numpy())
    return ProbeData(
        movies=_read_movies(inputs),
        rows=rows,
        transformed=transformed,
        rated={user: frozenset(movies) for user, movies in rated.items()},
        scale=_read_scale(inputs),
    )


def pair_of(row: bytes) -> Pair:
    """The user and the movie of a serialized raw Example."""
    found = tf.train.Example.FromString(row).features.feature
    user, movie = (found[name].bytes_list.value[0] for name in (features.USER_ID, features.MOVIE_ID))
    return user, movie


def _first_rows(inputs: Mapping[str, list[types.Artifact]]) -> list[bytes]:
    heads = [
        list(_records(inputs, RATINGS, split, parallel=None).take(ROWS).as_numpy_iterator())
        for split in _SPLITS
    ]
    # In turn for as long as both last, so that any head of the list holds both.
    shorter = min(map(len, heads))
    mixed = [row for pair in zip(*heads, strict=False) for row in pair]
    rest = [row for head in heads for row in head[shorter:]]
    return (mixed + rest)[:ROWS]


def _read_movies(inputs: Mapping[str, list[types.Artifact]]) -> dict[bytes, bytes]:
    spec = {name: tf.io.FixedLenFeature([], tf.string) for name in (features.MOVIE_ID, features.MOVIE_TITLE)}
    found: dict[bytes, bytes] = {}
    for batch in _records(inputs, MOVIES, MOVIES_SPLIT).batch(_READ_BATCH):
        parsed = tf.io.parse_example(batch, spec)
        found.update(
            zip(parsed[features.MOVIE_ID].numpy(), parsed[features.MOVIE_TITLE].numpy(), strict=True)
        )
    return found


def _read_scale(inputs: Mapping[str, list[types.Artifact]]) -> tuple[float, float]:
    folder = artifact_utils.get_split_uri(inputs[STATISTICS], features.TRAIN_SPLIT)
    with fileio.open(posixpath.join(folder, STATISTICS_FILE), "rb") as stream:
        statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(stream.read())
    for feature in statistics.datasets[0].features:
        if list(feature.path.step) == [features.USER_RATING]:
            return feature.num_stats.min, feature.num_stats.max
    raise ValueError(f"{folder}: the statistics do not contain {features.USER_RATING}")


def _records(
    inputs: Mapping[str, list[types.Artifact]], key: str, split: str, parallel: int | None = 2
) -> tf.data.Dataset:
    folder = artifact_utils.get_split_uri(inputs[key], split)
    files = sorted(tf.io.gfile.glob(posixpath.join(folder, "*")))
    return tf.data.TFRecordDataset(files, compression_type="GZIP", num_parallel_reads=parallel)


def _values(serialized: bytes) -> dict[str, list[Any]]:
    found = tf.train.Example.FromString(serialized).features.feature
    return {
        name: list(getattr(feature, kind).value)
        for name, feature in found.items()
        if (kind := feature.WhichOneof("kind"))
    }
