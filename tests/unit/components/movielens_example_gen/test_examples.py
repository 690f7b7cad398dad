"""Joined bytes are the Example that TensorFlow's own classes would write."""

import numpy as np
import pytest
import tensorflow as tf

from components.movielens_example_gen import examples
from movielens.records import Movie, User
from tests.unit.components.movielens_example_gen.tiny_data import parse

MOVIE = Movie("7", "Misérables, Les (1995)", ("Drama", "Musical"), 1995)
USER = User("3", 24.0, 18.0, "Female", "writer", "06405")


def joined(movie: Movie, user: User | None, timestamp: int, history: list[tuple[str, float]]) -> bytes:
    return examples.example(
        examples.user_features("3", user),
        examples.movie_features(movie),
        examples.rating_features(3.5),
        examples.timestamp_features(timestamp),
        examples.history_features(
            [examples.history_item(movie_id) for movie_id, _ in history],
            np.array([rating for _, rating in history], "<f4").tobytes(),
        ),
    )


@pytest.mark.parametrize("timestamp", [0, 127, 128, 881_250_949, 2**40, -1])
@pytest.mark.parametrize("length", [0, 1, 50, 5000])
def test_every_feature_comes_back(timestamp: int, length: int) -> None:
    history = [(str(i), 0.5 + i % 5) for i in range(length)]
    assert parse(joined(MOVIE, USER, timestamp, history)) == {
        "user_id": [b"3"],
        "raw_user_age": [24.0],
        "bucketized_user_age": [18.0],
        "user_gender": [b"Female"],
        "user_occupation_text": [b"writer"],
        "user_zip_code": [b"06405"],
        "movie_id": [b"7"],
        "movie_title": ["Misérables, Les (1995)".encode()],
        "movie_genres": [b"Drama", b"Musical"],
        "movie_release_year": [1995],
        "user_rating": [3.5],
        "timestamp": [timestamp],
        "history_movie_ids": [movie_id.encode() for movie_id, _ in history],
        "history_ratings": [rating for _, rating in history],
    }


def test_what_is_not_known_is_absent() -> None:
    user = User("3", None, 18.0, "Female", "writer", "")
    names = parse(joined(Movie("7", "Unknown", ("Unknown",), None), user, 1, [])).keys()
    assert not {"movie_release_year", "raw_user_age", "user_zip_code"} & names
    without_user = parse(joined(MOVIE, None, 1, [])).keys()
    assert {name for name in without_user if "user" in name} == {"user_id", "user_rating"}


def test_tensorflow_parses_a_batch_of_them() -> None:
    batch = [joined(MOVIE, USER, 1, [("9", 4.0), ("8", 2.5)]), joined(MOVIE, None, 2, [])]
    parsed = tf.io.parse_example(
        batch,
        {
            "history_ratings": tf.io.RaggedFeature(tf.float32),
            "timestamp": tf.io.FixedLenFeature([], tf.int64),
        },
    )
    assert parsed["history_ratings"].to_list() == [[4.0, 2.5], []]
    assert parsed["timestamp"].numpy().tolist() == [1, 2]
