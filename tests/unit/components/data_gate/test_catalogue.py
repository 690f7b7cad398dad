"""What is counted in the Examples of ratings and movies, from real files and through Beam."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions

from components.data_gate.catalogue import CatalogueFacts, catalogue_checks, count_catalogue
from components.data_gate.settings import DataGateSettings


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
    # Movies 3 (twice) and 8 are without a rating in train.
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
