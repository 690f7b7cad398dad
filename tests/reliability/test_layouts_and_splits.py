"""Every split rule on every layout passes what the gate asks of a split, with the default settings."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_gate.catalogue import CatalogueFacts, catalogue_checks, count_catalogue
from components.data_gate.checks import Check
from components.data_gate.distance_checks import skew_checks
from components.data_gate.settings import DataGateSettings
from components.data_gate.split_rules import expected_skew
from components.movielens_example_gen.settings import ExampleGenSettings
from contracts.features import EVAL_SPLIT, MOVIES, MOVIES_SPLIT, RATINGS, TRAIN_SPLIT
from distances.measure import compared_features
from movielens.layouts import Layout
from movielens.sample import SampleSpec, write_sample
from schema import RATINGS_SCHEMA
from tests.layout_folders import in_layout
from tests.unit.components.movielens_example_gen import tiny_data

pytestmark = pytest.mark.slow

SCHEMA = text_format.Parse(RATINGS_SCHEMA.read_text("utf-8"), schema_pb2.Schema())
RULES: dict[str, dict[str, str]] = {
    "leave_last_out": {"split": "leave_last_out"},
    "temporal": {"split": "temporal"},
    "random": {"split": "random"},
    "permutation": {"split": "random", "random_rule": "permutation"},
    "official_fold": {"split": "official_fold"},
}
CASES = [
    (layout, rule)
    for layout in Layout
    for rule in RULES
    # ML-100k alone comes with folds.
    if rule != "official_fold" or layout is Layout.ML_100K
]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As many movies for its ratings as ML-latest-small has, so that many are rated late or once."""
    folder = tmp_path_factory.mktemp("sample") / "sample"
    write_sample(SampleSpec(ratings=4_000, users=100, movies=2_500), folder)
    return folder


@cache
def examples_of_movies(folder: Path, uri: Path) -> Path:
    return tiny_data.run(folder, uri, MOVIES).folder / f"Split-{MOVIES_SPLIT}"


def facts_of(folder: Path, work: Path, rule: str) -> CatalogueFacts:
    ratings = tiny_data.run(folder, work / "ratings", RATINGS, **RULES[rule]).folder
    folders = {
        TRAIN_SPLIT: str(ratings / f"Split-{TRAIN_SPLIT}"),
        EVAL_SPLIT: str(ratings / f"Split-{EVAL_SPLIT}"),
        MOVIES: str(examples_of_movies(folder, folder.parent / f"{folder.name}-movies")),
    }
    features = dict.fromkeys((TRAIN_SPLIT, EVAL_SPLIT), compared_features(SCHEMA))
    path = str(work / "facts.json")
    with beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])) as pipeline:
        count_catalogue(pipeline, folders, path, features)
    return CatalogueFacts.read(path)


@pytest.fixture(scope="module")
def folders(sample: Path) -> dict[Layout, Path]:
    return {layout: in_layout(layout, sample, sample.parent / layout.value) for layout in Layout}


@pytest.mark.parametrize(("layout", "rule"), CASES, ids=[f"{layout.value}-{rule}" for layout, rule in CASES])
def test_defaults_let_it_pass(layout: Layout, rule: str, folders: dict[Layout, Path], tmp_path: Path) -> None:
    facts = facts_of(folders[layout], tmp_path, rule)

    settings = ExampleGenSettings(**RULES[rule])
    train, evaluation = (facts.distributions[split] for split in (TRAIN_SPLIT, EVAL_SPLIT))
    cold = catalogue_checks(facts, DataGateSettings())
    skew = skew_checks(RATINGS, SCHEMA, train, evaluation, expected_skew(settings.split))
    checks: list[Check] = [*cold, *skew]
    assert [check.sentence() for check in checks if check.verdict == "failed"] == []
    assert facts.ratings == 4_000
    assert facts.eval_ratings > 0
    assert {check.feature for check in skew} >= {"ratings.user_rating", "ratings.movie_genres"}
    if rule == "temporal":
        # As of ML-latest-small, which a threshold of a fifth refused.
        assert facts.cold_ratings / facts.eval_ratings > 0.2
