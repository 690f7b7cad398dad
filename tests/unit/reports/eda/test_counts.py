"""What is counted for the charts, against counts by hand over Examples that were really written."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from contracts import features
from reports.eda.counts import EdaCounts, count_all
from reports.reading.examples import read_batches

# 1998-01-01 was a Thursday.
NEW_YEAR_1998 = 883_612_800
HOUR = 3600


def example(**values: str | float | int | list[str]) -> bytes:
    found = tf.train.Example()
    for name, value in values.items():
        several = value if isinstance(value, list) else [value]
        feature = found.features.feature[name]
        for one in several:
            if isinstance(one, str):
                feature.bytes_list.value.append(one.encode())
            elif isinstance(one, float):
                feature.float_list.value.append(one)
            else:
                feature.int64_list.value.append(one)
    return bytes(found.SerializeToString())


def rating(user: str, movie: str, stars: float, when: int, **more: str | float | int) -> bytes:
    return example(
        user_id=user,
        movie_id=movie,
        movie_title=f"Movie {movie}",
        movie_genres=["Drama"] if movie == "1" else ["Comedy", "Drama"],
        user_rating=stars,
        timestamp=when,
        **more,
    )


def write(folder: Path, split: str, rows: list[bytes]) -> None:
    (folder / f"Split-{split}").mkdir(parents=True)
    path = folder / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for row in rows:
            writer.write(row)


@pytest.fixture(params=[1, 2, 100], ids=lambda rows: f"{rows} a batch")
def counts(request: pytest.FixtureRequest, tmp_path: Path) -> EdaCounts:
    """Five ratings in two splits, read in batches of different sizes: the answers are the same."""
    man = {
        "user_gender": "Male",
        "bucketized_user_age": 18.0,
        "raw_user_age": 20.0,
        "user_occupation_text": "student",
        "user_zip_code": "94105",
        "movie_release_year": 1995,
    }
    woman = {
        "user_gender": "Female",
        "bucketized_user_age": 25.0,
        "raw_user_age": 30.0,
        "user_occupation_text": "writer",
        "user_zip_code": "V1G4L",
    }
    train = [
        rating("7", "1", 5.0, NEW_YEAR_1998, **man),
        rating("7", "2", 4.0, NEW_YEAR_1998 + 25 * HOUR, **man),
        rating("8", "1", 3.0, NEW_YEAR_1998 + 2 * HOUR - 1, **woman),
        rating("8", "2", 3.0, NEW_YEAR_1998 + 40 * 24 * HOUR, **woman),
    ]
    write(tmp_path, "train", train)
    write(tmp_path, "eval", [rating("9", "2", 0.5, NEW_YEAR_1998)])
    return count_all(
        (split, batch)
        for split in ("train", "eval")
        for batch in read_batches(tmp_path, split, request.param)
    )


def test_ratings(counts: EdaCounts) -> None:
    assert counts.rows == {"train": 4, "eval": 1}
    assert counts.ratings == {5.0: 1, 4.0: 1, 3.0: 2, 0.5: 1}


def test_people(counts: EdaCounts) -> None:
    assert {name: dict(found) for name, found in counts.ratings_by_gender.items()} == {
        "Male": {5.0: 1, 4.0: 1},
        "Female": {3.0: 2},
        "": {0.5: 1},
    }
    assert counts.age_groups == {18.0: 2, 25.0: 2}
    assert counts.raw_ages == {20.0: 2, 30.0: 2}
    assert counts.occupations == {("student", 18.0): 2, ("writer", 25.0): 2, ("", -1.0): 1}
    assert Counter(counts.user_genders.values()) == {"Male": 1, "Female": 1, "": 1}


def test_a_zip_code_that_is_not_five_digits_is_none(counts: EdaCounts) -> None:
    assert counts.zips == {("94105", "student"): 2, ("", "writer"): 2, ("", ""): 1}
    assert counts.zip_stars == {"94105": 9.0, "": 6.5}


def test_times_in_utc(counts: EdaCounts) -> None:
    thursday, friday, tuesday = 3, 4, 1
    expected = np.zeros((7, 24), np.int64)
    expected[thursday, 0] = 2
    expected[thursday, 1] = 1
    expected[friday, 1] = 1
    expected[tuesday, 0] = 1

    assert counts.weekday_hours.tolist() == expected.tolist()
    january, february = 28 * 12, 28 * 12 + 1
    assert {month: (count, total) for month, (count, total) in counts.months.items()} == {
        january: (4, 12.5),
        february: (1, 3.0),
    }


def test_movies_and_genres(counts: EdaCounts) -> None:
    movies = counts.movies
    assert {key: (movies.counts[place], movies.sums[place]) for key, place in movies.keys.items()} == {
        "1": (2, 8.0),
        "2": (3, 7.5),
    }
    assert counts.titles == {"1": "Movie 1", "2": "Movie 2"}
    genres = counts.genres
    assert {key: (genres.counts[place], genres.sums[place]) for key, place in genres.keys.items()} == {
        "Drama": (5, 15.5),
        "Comedy": (3, 7.5),
    }
    assert counts.release_years == {1995.0: 2}


def test_ids_as_numbers(counts: EdaCounts) -> None:
    ids = counts.movie_ids()

    assert ids is not None
    assert (ids.values.tolist(), ids.counts.tolist()) == ([1.0, 2.0], [2, 3])


def test_data_without_demographics_is_recognized(tmp_path: Path) -> None:
    write(tmp_path, "train", [rating("1", "a", 4.5, NEW_YEAR_1998)])

    counts = count_all(("train", batch) for batch in read_batches(tmp_path, "train"))

    assert [name for name in features.DEMOGRAPHICS if counts.has(name)] == []
    assert counts.movie_ids() is None


def test_a_split_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="eval"):
        list(read_batches(tmp_path, "eval"))
