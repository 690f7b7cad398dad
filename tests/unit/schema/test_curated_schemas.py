"""The curated schemas accept every MovieLens version and name each kind of fault (real TFDV, tiny data)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tensorflow_transform.tf_metadata import schema_utils
from tfx_bsl.coders import example_coder

from contracts import features
from contracts.features import MOVIES, RATINGS
from movielens.layouts import ML_1M_OCCUPATIONS
from schema import MOVIES_SCHEMA, RATINGS_SCHEMA
from tests.unit.components.movielens_example_gen.tiny_data import run

Row: TypeAlias = dict[str, list[Any]]

MOVIE: Row = {
    "movie_id": ["1"],
    "movie_title": ["Toy Story (1995)"],
    "movie_genres": ["Animation", "Children"],
    "movie_release_year": [1995],
}
FIRST_RATING: Row = {
    "user_id": ["7"],
    **MOVIE,
    "user_rating": [4.0],
    "timestamp": [881250949],
    "history_movie_ids": [],
    "history_ratings": [],
}
SECOND_RATING: Row = {
    **FIRST_RATING,
    "movie_id": ["2"],
    "movie_title": ["unknown"],
    "movie_genres": ["Unknown"],
    "timestamp": [881250950],
    "history_movie_ids": ["1"],
    "history_ratings": [4.0],
}
DEMOGRAPHICS_100K: Row = {
    "raw_user_age": [24.0],
    "bucketized_user_age": [18.0],
    "user_gender": ["Male"],
    "user_occupation_text": ["technician"],
    "user_zip_code": ["85711"],
}
DEMOGRAPHICS_1M: Row = {
    "bucketized_user_age": [1.0],
    "user_gender": ["Female"],
    "user_occupation_text": ["K-12 student"],
    "user_zip_code": ["48067"],
}


def without(row: Row, *names: str) -> Row:
    return {name: values for name, values in row.items() if name not in names}


RATINGS_BY_VERSION: dict[str, list[Row]] = {
    "ml-100k": [{**row, **DEMOGRAPHICS_100K} for row in (FIRST_RATING, SECOND_RATING)],
    "ml-1m": [{**row, **DEMOGRAPHICS_1M} for row in (FIRST_RATING, SECOND_RATING)],
    "ml-csv": [
        {**FIRST_RATING, "user_rating": [0.5]},
        {**SECOND_RATING, "movie_genres": ["(no genres listed)"]},
    ],
    "a row without year, zip and age": [
        {**FIRST_RATING, **DEMOGRAPHICS_100K},
        without(
            {**SECOND_RATING, **DEMOGRAPHICS_100K}, "movie_release_year", "user_zip_code", "raw_user_age"
        ),
    ],
    "only first ratings": [FIRST_RATING],
    "no history at all": [without(FIRST_RATING, "history_movie_ids", "history_ratings")],
}


def encode(row: Row) -> bytes:
    example = tf.train.Example()
    for name, values in row.items():
        feature = example.features.feature[name]
        if not values:
            feature.SetInParent()
        elif isinstance(values[0], str):
            feature.bytes_list.value.extend(value.encode() for value in values)
        elif isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return example.SerializeToString()


def statistics_of(rows: list[Row]) -> statistics_pb2.DatasetFeatureStatisticsList:
    examples = example_coder.ExamplesToRecordBatchDecoder().DecodeBatch([encode(row) for row in rows])
    return stats_impl.generate_statistics_in_memory(examples, tfdv.StatsOptions())


def anomalies(path: Path, rows: list[Row]) -> dict[str, set[str]]:
    """The kinds of anomalies, by feature."""
    found = tfdv.validate_statistics(statistics_of(rows), tfdv.load_schema_text(str(path)))
    return {
        name: {anomalies_pb2.AnomalyInfo.Type.Name(reason.type) for reason in info.reason}
        for name, info in found.anomaly_info.items()
    }


CLEAN: Row = {**SECOND_RATING, **DEMOGRAPHICS_100K}


@pytest.mark.parametrize("version", RATINGS_BY_VERSION)
def test_clean_ratings_of_every_version_have_no_anomaly(version: str) -> None:
    assert anomalies(RATINGS_SCHEMA, RATINGS_BY_VERSION[version]) == {}


def test_clean_movies_have_no_anomaly() -> None:
    undated = {**without(MOVIE, "movie_release_year"), "movie_genres": ["(no genres listed)"]}
    assert anomalies(MOVIES_SCHEMA, [MOVIE, undated]) == {}


# A feature, its values in one of two rows, and what TFDV calls that.
FAULTS: list[tuple[str, list[Any], str]] = [
    ("user_rating", [6.0], "FLOAT_TYPE_BIG_FLOAT"),
    ("user_rating", [0.0], "FLOAT_TYPE_SMALL_FLOAT"),
    ("user_rating", [float("nan")], "FLOAT_TYPE_HAS_NAN"),
    ("user_rating", [4.0, 5.0], "INVALID_FEATURE_SHAPE"),
    ("user_rating", [], "FEATURE_TYPE_LOW_FRACTION_PRESENT"),
    ("user_gender", ["M"], "ENUM_TYPE_UNEXPECTED_STRING_VALUES"),
    ("user_gender", ["Male", "Male"], "FEATURE_TYPE_HIGH_NUMBER_VALUES"),
    ("user_occupation_text", ["astronaut"], "ENUM_TYPE_UNEXPECTED_STRING_VALUES"),
    ("movie_genres", ["Children's"], "ENUM_TYPE_UNEXPECTED_STRING_VALUES"),
    ("movie_genres", [], "FEATURE_TYPE_LOW_FRACTION_PRESENT"),
    ("movie_release_year", [95], "INT_TYPE_SMALL_INT"),
    ("timestamp", [881250949000], "INT_TYPE_BIG_INT"),
    ("timestamp", [0], "INT_TYPE_SMALL_INT"),
    ("raw_user_age", [0.0], "FLOAT_TYPE_SMALL_FLOAT"),
    ("bucketized_user_age", [60.0], "FLOAT_TYPE_BIG_FLOAT"),
    ("history_ratings", [9.0], "FLOAT_TYPE_BIG_FLOAT"),
    ("popularity", [1.0], "SCHEMA_NEW_COLUMN"),
]
WRONG_TYPES: list[tuple[str, list[Any]]] = [
    ("user_rating", ["4"]),
    ("timestamp", [881250949.0]),
    ("user_id", [7]),
    ("movie_release_year", ["1995"]),
]
REQUIRED = ("user_id", "movie_id", "movie_title", "movie_genres", "user_rating", "timestamp")


@pytest.mark.parametrize(("feature", "values", "anomaly"), FAULTS, ids=str)
def test_one_faulty_row_is_named(feature: str, values: list[Any], anomaly: str) -> None:
    assert anomaly in anomalies(RATINGS_SCHEMA, [CLEAN, {**CLEAN, feature: values}])[feature]


@pytest.mark.parametrize(("feature", "values"), WRONG_TYPES, ids=str)
def test_a_wrong_type_is_named(feature: str, values: list[Any]) -> None:
    found = anomalies(RATINGS_SCHEMA, [{**CLEAN, feature: values}])
    assert "UNEXPECTED_DATA_TYPE" in found[feature]


@pytest.mark.parametrize("feature", REQUIRED)
def test_a_required_feature_may_lack_in_no_row(feature: str) -> None:
    found = anomalies(RATINGS_SCHEMA, [CLEAN, without(CLEAN, feature)])
    assert found.keys() == {feature}
    assert "FEATURE_TYPE_LOW_FRACTION_PRESENT" in found[feature]


@pytest.mark.parametrize("feature", ["movie_id", "movie_title", "movie_genres"])
def test_a_movie_needs_id_title_and_genre(feature: str) -> None:
    assert anomalies(MOVIES_SCHEMA, [MOVIE, without(MOVIE, feature)]).keys() == {feature}


def test_required_scalars_become_dense_tensors_and_optional_ones_sparse() -> None:
    spec = schema_utils.schema_as_feature_spec(tfdv.load_schema_text(str(RATINGS_SCHEMA))).feature_spec
    dense = {name for name, feature in spec.items() if isinstance(feature, tf.io.FixedLenFeature)}
    assert dense == set(REQUIRED) - {"movie_genres"}
    assert all(spec[name].shape == [1] for name in dense)
    assert all(isinstance(spec[name], tf.io.VarLenFeature) for name in spec.keys() - dense)


def test_domains_are_those_of_the_vocabulary() -> None:
    for path in (RATINGS_SCHEMA, MOVIES_SCHEMA):
        domain = tfdv.get_domain(tfdv.load_schema_text(str(path)), features.MOVIE_GENRES)
        assert list(domain.value) == list(features.GENRES)
    ratings = tfdv.load_schema_text(str(RATINGS_SCHEMA))
    gender = tfdv.get_domain(ratings, features.USER_GENDER)
    assert list(gender.value) == list(features.GENDERS)
    occupation = tfdv.get_domain(ratings, features.USER_OCCUPATION_TEXT)
    assert set(ML_1M_OCCUPATIONS) < set(occupation.value)


def test_a_shift_of_tastes_is_drift_when_there_is_a_day_before() -> None:
    def statistics(rating: float, gender: str) -> statistics_pb2.DatasetFeatureStatisticsList:
        return statistics_of([{**CLEAN, "user_rating": [rating], "user_gender": [gender]}] * 20)

    schema = tfdv.load_schema_text(str(RATINGS_SCHEMA))
    today = statistics(5.0, "Female")
    assert not tfdv.validate_statistics(today, schema).anomaly_info
    drift = tfdv.validate_statistics(today, schema, previous_statistics=statistics(1.0, "Male"))
    assert drift.anomaly_info.keys() == {"user_rating", "user_gender"}


@pytest.mark.slow
def test_the_real_ml_100k_has_no_anomaly(ml_100k: Path, tmp_path: Path) -> None:
    for table, path in ((RATINGS, RATINGS_SCHEMA), (MOVIES, MOVIES_SCHEMA)):
        result = run(ml_100k, tmp_path / table, table=table)
        for split in result.split_names:
            files = [str(file) for file in (tmp_path / table / f"Split-{split}").glob("*.gz")]
            serialized = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
            examples = example_coder.ExamplesToRecordBatchDecoder().DecodeBatch(serialized)
            statistics = stats_impl.generate_statistics_in_memory(examples, tfdv.StatsOptions())
            assert statistics.datasets[0].num_examples == len(result.splits[split]) > 0
            found = tfdv.validate_statistics(statistics, tfdv.load_schema_text(str(path)))
            assert not found.anomaly_info
