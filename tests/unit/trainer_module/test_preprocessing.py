"""Transform's features, through TF Transform's own analysis over Beam."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from contracts import features
from tests.transform_run import Transformed, run_transform, transform_again
from tests.unit.trainer_module.tiny_world import (
    AMELIE,
    ANN,
    CY,
    MEAN_RATING,
    MONDAY_MIDNIGHT,
    RATINGS,
    SUNDAY_BEFORE_MIDNIGHT,
    THURSDAY_AFTERNOON,
)

# The rows of a batch by (user, movie).
Rows = dict[tuple[str, str], dict[str, np.ndarray]]


def by_pair(batch: dict[str, tf.Tensor | tf.SparseTensor]) -> Rows:
    """Each row's values; sparse features without padding."""
    columns = {}
    for name, values in batch.items():
        if isinstance(values, tf.SparseTensor):
            columns[name] = [row.numpy() for row in tf.RaggedTensor.from_sparse(values)]
        else:
            columns[name] = list(values.numpy())
    pairs = zip(columns[features.USER_ID], columns[features.MOVIE_ID], strict=True)
    return {
        (user.decode(), movie.decode()): {name: values[row] for name, values in columns.items()}
        for row, (user, movie) in enumerate(pairs)
    }


def read(transformed: Transformed) -> Rows:
    """What Transform wrote."""
    records = list(tf.data.TFRecordDataset(tf.io.gfile.glob(transformed.files), compression_type="GZIP"))
    return by_pair(tf.io.parse_example(records, transformed.transform_output.transformed_feature_spec()))


@pytest.fixture(scope="module")
def rows(transformed: Transformed) -> Rows:
    return read(transformed)


def words(transformed: Transformed, vocabulary: str, indices: np.ndarray) -> list[str]:
    """The words at indices, of which 1 is the vocabulary's first."""
    entries = transformed.transform_output.vocabulary_by_name(vocabulary)
    return [entries[index - 1].decode() for index in indices]


def test_every_row_comes_through(rows: Rows) -> None:
    assert set(rows) == {(row["user_id"], row["movie_id"]) for row in RATINGS}
    assert rows["ben", "4"][features.USER_RATING] == 1.0
    assert rows["ben", "4"][features.TIMESTAMP] == MONDAY_MIDNIGHT


@pytest.mark.parametrize(
    ("vocabulary", "index", "raw"),
    [
        (features.USER_VOCABULARY, features.USER_INDEX, "user_id"),
        (features.MOVIE_VOCABULARY, features.MOVIE_INDEX, "movie_id"),
        (features.OCCUPATION_VOCABULARY, features.OCCUPATION_INDEX, "user_occupation_text"),
    ],
)
def test_an_index_points_into_its_vocabulary(
    transformed: Transformed, rows: Rows, vocabulary: str, index: str, raw: str
) -> None:
    for row in RATINGS:
        found = rows[row["user_id"], row["movie_id"]][index]
        if raw in row:
            assert words(transformed, vocabulary, [found]) == [row[raw]]
        else:
            assert found == 0


def test_vocabularies_hold_what_was_seen_most_frequent_first(transformed: Transformed) -> None:
    output = transformed.transform_output
    movies = output.vocabulary_by_name(features.MOVIE_VOCABULARY)
    assert movies[0] == b"1"
    assert sorted(movies) == [b"1", b"2", b"3", b"4", b"5"]
    assert sorted(output.vocabulary_by_name(features.OCCUPATION_VOCABULARY)) == [
        b"college/grad student",
        b"student",
    ]


def test_unknown_ids_are_0(transformed: Transformed) -> None:
    unknown_user = {
        **ANN,
        **AMELIE,
        "user_id": "nobody",
        "movie_id": "999",
        "user_rating": 3.0,
        "timestamp": 0,
        "user_gender": "female",
        "user_occupation_text": "astronaut",
        "user_zip_code": "V6B 1A1",
        "movie_title": "Zyzzyva (2001)",
        "history_movie_ids": ["999", "1"],
        "history_ratings": [1.0, 5.0],
    }
    row = by_pair(transform_again(transformed, [unknown_user]))["nobody", "999"]
    for name in (
        features.USER_INDEX,
        features.MOVIE_INDEX,
        features.GENDER_INDEX,
        features.OCCUPATION_INDEX,
        features.ZIP_AREA_INDEX,
    ):
        assert row[name] == 0, name
    assert row[features.TITLE_WORD_INDEX].tolist() == [0]
    assert row[features.HISTORY_MOVIE_INDEX].tolist() == [0, 1]


def test_what_is_absent_is_0(rows: Rows) -> None:
    row = rows["çy", "5"]
    for name in (
        features.AGE_NORMALIZED,
        features.AGE_BUCKET_INDEX,
        features.GENDER_INDEX,
        features.OCCUPATION_INDEX,
        features.ZIP_AREA_INDEX,
        features.RELEASE_YEAR_NORMALIZED,
        features.RELEASE_DECADE_INDEX,
    ):
        assert row[name] == 0, name


def test_genres_are_multi_hot(rows: Rows) -> None:
    for row in RATINGS:
        found = rows[row["user_id"], row["movie_id"]][features.GENRES_MULTI_HOT]
        assert found.tolist() == [float(genre in row["movie_genres"]) for genre in features.GENRES]


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("ann", "1"), "amélie"),
        (("ann", "2"), "léon the professional"),
        # Only the year in brackets at the end is not a word of the title.
        (("çy", "3"), "1895 arrival of a train don t look"),
        (("çy", "5"), ""),
        (("ben", "4"), "a b c d e f g h i j k l"),
    ],
)
def test_title_words(transformed: Transformed, rows: Rows, pair: tuple[str, str], expected: str) -> None:
    indices = rows[pair][features.TITLE_WORD_INDEX]
    assert words(transformed, features.TITLE_WORD_VOCABULARY, indices) == expected.split()


def test_release_decades_are_clipped_to_those_that_have_an_index(rows: Rows) -> None:
    # 1900-1909 is 1, so 1994 is 10 and 2001 is 11; 2040 and later are the last.
    expected = {"1": 11, "2": 10, "3": 1, "4": 15, "5": 0}
    assert {movie: row[features.RELEASE_DECADE_INDEX] for (_, movie), row in rows.items()} == expected


def test_numbers_have_mean_0_and_deviation_1_where_they_are_present(rows: Rows) -> None:
    # Two rows of age 25 and two of (a group from) 35: mean 30, standard deviation 5.
    ages = {pair: row[features.AGE_NORMALIZED] for pair, row in rows.items()}
    assert ages["ann", "1"] == ages["ann", "2"] == pytest.approx(-1)
    assert ages["ben", "1"] == ages["ben", "4"] == pytest.approx(1)
    years = np.array([2001, 1994, 2001, 2061, 2001, 1895])
    normalized = [
        rows[pair][features.RELEASE_YEAR_NORMALIZED]
        for pair in (("ann", "1"), ("ann", "2"), ("ben", "1"), ("ben", "4"), ("çy", "1"), ("çy", "3"))
    ]
    # To the last digit, which no order of adding up may change: two runs are to train the same model.
    exact = ((years - years.mean()) / years.std()).astype(np.float32)
    np.testing.assert_array_equal(normalized, exact)


@pytest.mark.parametrize(
    ("age", "index"),
    [(7, 1), (17, 1), (18, 2), (24, 2), (25, 3), (45, 5), (49, 5), (50, 6), (55, 6), (56, 7)],
)
def test_age_groups(transformed: Transformed, age: int, index: int) -> None:
    row = {**RATINGS[0], "raw_user_age": float(age)}
    assert by_pair(transform_again(transformed, [row]))["ann", "1"][features.AGE_BUCKET_INDEX] == index


def test_an_age_group_stands_for_the_age_where_that_is_unknown(rows: Rows) -> None:
    assert rows["ben", "1"][features.AGE_BUCKET_INDEX] == 4


def test_gender_and_zip_area(rows: Rows) -> None:
    assert [rows["ann", "1"][features.GENDER_INDEX], rows["ben", "1"][features.GENDER_INDEX]] == [1, 2]
    # First digits 0 and 9, counted from 1.
    assert [rows["ann", "1"][features.ZIP_AREA_INDEX], rows["ben", "1"][features.ZIP_AREA_INDEX]] == [1, 10]


@pytest.mark.parametrize(
    ("timestamp", "hour", "weekday"),
    [
        (THURSDAY_AFTERNOON, 16, 4),
        (SUNDAY_BEFORE_MIDNIGHT, 24, 7),
        (MONDAY_MIDNIGHT, 1, 1),
        (0, 1, 4),
    ],
)
def test_hour_and_weekday(transformed: Transformed, timestamp: int, hour: int, weekday: int) -> None:
    row = by_pair(transform_again(transformed, [{**RATINGS[0], "timestamp": timestamp}]))["ann", "1"]
    assert (row[features.HOUR_INDEX], row[features.WEEKDAY_INDEX]) == (hour, weekday)


def test_history_speaks_of_movies_as_the_movie_index_does(rows: Rows) -> None:
    history = rows["çy", "5"][features.HISTORY_MOVIE_INDEX]
    assert history.tolist() == [rows["çy", "1"][features.MOVIE_INDEX], rows["çy", "3"][features.MOVIE_INDEX]]
    assert rows["çy", "1"][features.HISTORY_MOVIE_INDEX].tolist() == []


def test_history_ratings_are_relative_to_the_mean_rating(rows: Rows) -> None:
    assert np.mean([row["user_rating"] for row in RATINGS]) == MEAN_RATING
    assert rows["çy", "5"][features.HISTORY_RATING_CENTRED].tolist() == [0, -1]
    assert rows["ann", "2"][features.HISTORY_RATING_CENTRED].tolist() == [2]


def test_serving_computes_what_training_saw(transformed: Transformed, rows: Rows) -> None:
    served = by_pair(transform_again(transformed, RATINGS))
    for pair, row in rows.items():
        assert set(served[pair]) == set(row)
        for name, values in row.items():
            if isinstance(values, bytes):
                assert served[pair][name] == values
            else:
                np.testing.assert_allclose(served[pair][name], values, atol=1e-6, err_msg=name)


@pytest.mark.slow
def test_a_data_set_without_demographics(tmp_path: Path) -> None:
    data = [{**row, **CY} for row in RATINGS if row["user_id"] == "çy"]
    bare = [{name: value for name, value in row.items() if name not in features.DEMOGRAPHICS} for row in data]
    for row in read(run_transform(tmp_path, bare)).values():
        assert row[features.AGE_NORMALIZED] == row[features.OCCUPATION_INDEX] == 0
        assert row[features.USER_INDEX] == 1
