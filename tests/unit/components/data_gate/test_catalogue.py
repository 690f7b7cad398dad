"""What is counted in the Examples of ratings and movies, from real files and through Beam."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_gate.catalogue import CatalogueFacts, catalogue_checks, count_catalogue
from components.data_gate.settings import DataGateSettings
from distances.measure import Values


def write(folder: Path, rows: Sequence[dict[str, bytes]]) -> str:
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / "part-0.gz"), "GZIP") as writer:
        for row in rows:
            values = {
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                for name, value in row.items()
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=values)).SerializeToString())
    return str(folder)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> CatalogueFacts:
    folder = tmp_path_factory.mktemp("examples")
    rated = {"train": [b"1", b"1", b"2", b"9"], "eval": [b"1", b"3", b"3", b"8"]}
    folders = {
        name: write(folder / name, [{"movie_id": movie, "user_id": b"u"} for movie in movies])
        for name, movies in rated.items()
    }
    movies = [(b"1", "Amélie"), (b"2", "Heat"), (b"2", "Heat again"), (b"3", "\udcff"), (b"4", "Unrated")]
    folders["movies"] = write(
        folder / "movies",
        [
            {"movie_id": movie, "movie_title": title.encode("utf-8", "surrogateescape")}
            for movie, title in movies
        ],
    )
    with beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])) as pipeline:
        count_catalogue(pipeline, folders, str(folder / "facts.json"))
    return CatalogueFacts.read(str(folder / "facts.json"))


def test_counts(facts: CatalogueFacts) -> None:
    assert facts.ratings == 8
    assert facts.unlisted == {"8": 1, "9": 1}
    assert facts.duplicates == {"2": 2}
    assert list(facts.undecodable) == ["3"]
    # Movies 3 (twice) and 8 do not have a rating in train.
    assert (facts.cold_ratings, facts.eval_ratings) == (3, 4)


def test_checks_name_the_movies(facts: CatalogueFacts) -> None:
    checks = catalogue_checks(facts, DataGateSettings())

    assert [(check.value, check.verdict, check.detail) for check in checks] == [
        (2, "failed", "movie_id 8, 9"),
        (1, "failed", "movie_id 2"),
        (1, "failed", "movie_id 3"),
        (0.75, "failed", "3 of 4 are of movies without a training rating"),
    ]


def test_sound_catalogue_passes() -> None:
    sound = CatalogueFacts(100, {}, {}, (), 20, 4)

    checks = catalogue_checks(sound, DataGateSettings(max_cold_share=0.2))

    assert {check.verdict for check in checks} == {"passed"}


def test_a_temporal_split_of_a_small_data_set_passes_by_default() -> None:
    # What the four rules hold out of ML-latest-small has at most this share on cold movies.
    facts = CatalogueFacts(100_836, {}, {}, (), 10_000, 2_069)
    assert catalogue_checks(facts, DataGateSettings())[-1].verdict == "passed"

    [refused] = [
        check for check in catalogue_checks(facts, DataGateSettings(max_cold_share=0.2)) if check.setting
    ]
    assert refused.setting == "data_gate.max_cold_share=0.25"
    assert "--set 'data_gate.max_cold_share=0.25'" in refused.sentence()


def test_values_of_features_are_counted(tmp_path: Path) -> None:
    with tf.io.TFRecordWriter(str(tmp_path / "part-0.gz"), "GZIP") as writer:
        for stars, genres in ((3.5, [b"Drama", b"War"]), (3.5, []), (5.0, [b"Drama"])):
            features = {
                "user_rating": tf.train.Feature(float_list=tf.train.FloatList(value=[stars])),
                "movie_genres": tf.train.Feature(bytes_list=tf.train.BytesList(value=genres)),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    kinds = {"user_rating": schema_pb2.FLOAT, "movie_genres": schema_pb2.BYTES}
    with beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])) as pipeline:
        path = str(tmp_path / "facts.json")
        count_catalogue(pipeline, {"train": str(tmp_path)}, path, {"train": kinds})
    assert CatalogueFacts.read(path).distributions["train"] == {
        "user_rating": Values(3, {"3.5": 2, "5": 1}),
        "movie_genres": Values(2, {"Drama": 2, "War": 1}),
    }
