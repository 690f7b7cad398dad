"""Whether ratings and catalogue fit together, counted from the Examples themselves with Beam."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Final

import apache_beam as beam
import numpy as np
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.io import fileio

from components.data_gate.checks import CATALOGUE, Check, at_most
from components.data_gate.settings import DataGateSettings
from contracts.features import EVAL_SPLIT, MOVIE_ID, MOVIE_TITLE, MOVIES, RATINGS, TRAIN_SPLIT
from distances.measure import Distributions, Values

# Ids that an error names.
_SHOWN: Final = 5
_RECORDS_AT_ONCE: Final = 4_096
_DTYPES: Final = {
    schema_pb2.BYTES: tf.string,
    schema_pb2.INT: tf.int64,
    schema_pb2.FLOAT: tf.float32,
}


@dataclass
class MovieCounts:
    """Where each movie occurs, by its id as bytes; what workers add up.

    Attributes:
      rows: for `train`, `eval` and `movies`, the Examples of each movie.
      undecodable: movies whose title is not UTF-8.
      values: for the same names, how often a feature has each value.
      examples: for the same names, how many Examples have the feature.
    """

    rows: dict[str, Counter[bytes]] = field(default_factory=dict)
    undecodable: set[bytes] = field(default_factory=set)
    values: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    examples: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add_batch(self, name: str, ids: Sequence[bytes], titles: Sequence[bytes] = ()) -> None:
        """Counts the Examples of one batch; `titles` are those of `ids`, for `movies` alone."""
        self.rows.setdefault(name, Counter()).update(ids)
        for movie_id, title in zip(ids, titles, strict=False):
            if not _is_utf8(title):
                self.undecodable.add(movie_id)

    def add_values(self, name: str, feature: str, values: Any, examples: int) -> None:
        """Counts the values of one feature in one batch, in which so many Examples have it."""
        found, counts = np.unique(values, return_counts=True)
        texts = [_text(value) if isinstance(value, bytes) else f"{value:.6g}" for value in found.tolist()]
        total = self.values.setdefault((name, feature), Counter())
        total.update(dict(zip(texts, counts.tolist(), strict=True)))
        self.examples[name, feature] += examples

    def add(self, other: MovieCounts) -> None:
        """Adds the counts of another worker."""
        for key, values in other.values.items():
            self.values.setdefault(key, Counter()).update(values)
        self.examples.update(other.examples)
        for name, counts in other.rows.items():
            self.rows.setdefault(name, Counter()).update(counts)
        self.undecodable |= other.undecodable


@dataclass(frozen=True)
class CatalogueFacts:
    """What was counted.

    Attributes:
      ratings: all ratings.
      unlisted: ratings of movies that the catalogue lacks, by movie.
      duplicates: Examples of movies that the catalogue has more than once, by movie.
      undecodable: movies whose title is not UTF-8.
      eval_ratings: ratings of the eval split.
      cold_ratings: those of movies that no rating of the train split is of.
      distributions: for `train`, `eval` and `movies`, the values of the features that are compared.
    """

    ratings: int
    unlisted: Mapping[str, int]
    duplicates: Mapping[str, int]
    undecodable: tuple[str, ...]
    eval_ratings: int
    cold_ratings: int
    distributions: Mapping[str, Distributions] = field(default_factory=dict)

    @classmethod
    def of(cls, counts: MovieCounts) -> CatalogueFacts:
        """Puts the parts together."""
        train, evaluation, movies = (
            counts.rows.get(name, Counter()) for name in (TRAIN_SPLIT, EVAL_SPLIT, MOVIES)
        )
        rated = train + evaluation
        return cls(
            ratings=rated.total(),
            unlisted={_text(movie): rows for movie, rows in sorted(rated.items()) if movie not in movies},
            duplicates={_text(movie): rows for movie, rows in sorted(movies.items()) if rows > 1},
            undecodable=tuple(map(_text, sorted(counts.undecodable))),
            eval_ratings=evaluation.total(),
            cold_ratings=sum(rows for movie, rows in evaluation.items() if movie not in train),
            distributions={
                name: {
                    feature: Values(counts.examples[of, feature], dict(values))
                    for (of, feature), values in sorted(counts.values.items())
                    if of == name
                }
                for name in (TRAIN_SPLIT, EVAL_SPLIT, MOVIES)
            },
        )

    @classmethod
    def read(cls, path: str) -> CatalogueFacts:
        """Reads what `count_catalogue` wrote."""
        with fileio.open(path) as stream:
            tree = json.loads(stream.read())
        found = {
            name: {feature: Values(**values) for feature, values in features.items()}
            for name, features in tree["distributions"].items()
        }
        return cls(**{**tree, "distributions": found})


class _CountFile(beam.DoFn):
    """(name, path of a file of Examples) -> MovieCounts.

    TensorFlow reads and parses a file many times faster than Beam, and of each Example only what is counted.
    """

    def __init__(self, features: Mapping[str, Mapping[str, Any]]):
        self._features = features

    def process(self, element: tuple[str, str]) -> Iterator[MovieCounts]:
        name, path = element
        columns = (MOVIE_ID, MOVIE_TITLE) if name == MOVIES else (MOVIE_ID,)
        kinds: dict[str, Any] = {
            column: tf.io.FixedLenFeature([], tf.string, default_value="") for column in columns
        }
        compared = self._features.get(name, {})
        kinds.update({feature: tf.io.VarLenFeature(_DTYPES[kind]) for feature, kind in compared.items()})
        records = tf.data.TFRecordDataset(path, compression_type="GZIP").batch(_RECORDS_AT_ONCE)
        counts = MovieCounts()
        for batch in records.map(lambda found: tf.io.parse_example(found, kinds)):
            counts.add_batch(name, *(batch[column].numpy().tolist() for column in columns))
            for feature in compared:
                values, indices = batch[feature].values.numpy(), batch[feature].indices.numpy()
                counts.add_values(name, feature, values, len(np.unique(indices[:, 0])))
        yield counts


class _AddCounts(beam.CombineFn):
    """MovieCounts -> CatalogueFacts."""

    def create_accumulator(self) -> MovieCounts:
        return MovieCounts()

    def add_input(self, accumulator: MovieCounts, element: MovieCounts) -> MovieCounts:
        accumulator.add(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[MovieCounts]) -> MovieCounts:
        total = MovieCounts()
        for one in accumulators:
            total.add(one)
        return total

    def extract_output(self, accumulator: MovieCounts) -> CatalogueFacts:
        return CatalogueFacts.of(accumulator)


def count_catalogue(
    pipeline: Any,
    folders: Mapping[str, str],
    path: str,
    features: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> None:
    """Adds the count to a Beam pipeline.

    Args:
      pipeline: the Beam pipeline.
      folders: by `train`, `eval` and `movies`, the folder with the files of Examples, gzipped TFRecords.
      path: the file for the facts, as JSON.
      features: by the same names, the features whose values are counted, with their types in `schema_pb2`.
    """
    files = [(name, file) for name, folder in folders.items() for file in fileio.glob(f"{folder}/*")]
    _ = (
        pipeline
        | "Files" >> beam.Create(files, reshuffle=False)
        | "SpreadFiles" >> beam.Reshuffle()
        | "CountFile" >> beam.ParDo(_CountFile(features))
        | "AddCounts" >> beam.CombineGlobally(_AddCounts())
        | "WriteFacts" >> beam.Map(_write, path)
    )


def catalogue_checks(facts: CatalogueFacts, settings: DataGateSettings) -> list[Check]:
    """Every rated movie is in the catalogue, ids are unique, titles can be read, few eval movies are cold."""
    cold = facts.cold_ratings / facts.eval_ratings if facts.eval_ratings else 0.0
    return [
        at_most(
            CATALOGUE,
            f"{RATINGS}.{MOVIE_ID}",
            "rated movies that the catalogue lacks",
            len(facts.unlisted),
            0,
            detail=_examples(facts.unlisted),
        ),
        at_most(
            CATALOGUE,
            f"{MOVIES}.{MOVIE_ID}",
            "ids that are there more than once",
            len(facts.duplicates),
            0,
            detail=_examples(facts.duplicates),
        ),
        at_most(
            CATALOGUE,
            f"{MOVIES}.{MOVIE_TITLE}",
            "titles that are not UTF-8",
            len(facts.undecodable),
            0,
            detail=_examples(facts.undecodable),
        ),
        at_most(
            CATALOGUE,
            f"{RATINGS}.{MOVIE_ID}",
            "share of ratings on cold movies",
            cold,
            settings.max_cold_share,
            f"{EVAL_SPLIT} split",
            f"{facts.cold_ratings:,} of {facts.eval_ratings:,} are of movies without a training rating",
            "data_gate.max_cold_share",
        ),
    ]


def _write(facts: CatalogueFacts, path: str) -> None:
    with fileio.open(path, "w") as stream:
        stream.write(json.dumps(asdict(facts)))


def _is_utf8(title: bytes) -> bool:
    try:
        title.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _text(movie_id: bytes) -> str:
    return movie_id.decode("utf-8", errors="backslashreplace")


def _examples(found: Iterable[str]) -> str:
    names = list(found)
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"movie_id {', '.join(names[:_SHOWN])}{more}" if names else ""
