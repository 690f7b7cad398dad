"""The catalogue file of a version: movies by popularity, users with their latest ratings."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import tensorflow as tf

from components.atomic_pusher.catalogue import catalogue_file
from contracts.catalogue import HISTORY_LENGTH


def write(folder: Path, rows: list[dict[str, Any]]) -> str:
    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "data-0.gz"), tf.io.TFRecordOptions("GZIP")) as writer:
        for row in rows:
            example = tf.train.Example()
            for name, value in row.items():
                values = value if isinstance(value, list) else [value]
                feature = example.features.feature[name]
                if isinstance(values[0], str):
                    feature.bytes_list.value.extend(each.encode() for each in values)
                elif isinstance(values[0], float):
                    feature.float_list.value.extend(values)
                else:
                    feature.int64_list.value.extend(values)
            writer.write(example.SerializeToString())
    return str(folder)


def rating(user: str, movie: str, stars: float, timestamp: int, **more: Any) -> dict[str, Any]:
    return {"user_id": user, "movie_id": movie, "user_rating": stars, "timestamp": timestamp, **more}


def tables(content: bytes, folder: Path) -> sqlite3.Connection:
    (folder / "catalogue.sqlite").write_bytes(content)
    return sqlite3.connect(folder / "catalogue.sqlite")


def test_all_splits_are_in_it(tmp_path: Path) -> None:
    profile = {"raw_user_age": 31.0, "user_gender": "Female", "user_occupation_text": "writer"}
    train = [rating("7", "10", 4.0, 30, **profile), rating("7", "20", 2.5, 10, **profile)]
    held_out = [rating("7", "30", 5.0, 20, **profile), rating("8", "10", 1.0, 5)]
    movies = [
        {"movie_id": "30", "movie_title": "Étude (1999)", "movie_genres": ["Drama", "War"]},
        {"movie_id": "10", "movie_title": "B", "movie_genres": ["Drama"], "movie_release_year": 1984},
        {"movie_id": "40", "movie_title": "Unrated", "movie_genres": ["Drama"]},
    ]
    ratings = [write(tmp_path / "train", train), write(tmp_path / "eval", held_out)]
    database = tables(catalogue_file(ratings, [write(tmp_path / "all", movies)]), tmp_path)

    assert database.execute("select * from movies order by position").fetchall() == [
        (1, "10", "B", "Drama", 1984, 2, 2.5),
        (2, "30", "Étude (1999)", "Drama|War", None, 1, 5.0),
        (3, "40", "Unrated", "Drama", None, 0, None),
    ]
    assert database.execute("select * from users").fetchall() == [
        ("7", 31.0, "Female", "writer", 3, json.dumps([["20", 2.5], ["30", 5.0], ["10", 4.0]])),
        ("8", None, None, None, 1, json.dumps([["10", 1.0]])),
    ]
    assert [row[0] for row in database.execute("select stars from stars")] == [1.0, 2.5, 4.0, 5.0]
    assert database.execute("select rowid from titles where titles match 'etude'").fetchall() == [(2,)]


def test_of_a_long_history_the_latest_ratings_stay(tmp_path: Path) -> None:
    many = [rating("7", str(movie), 3.0, -movie) for movie in range(HISTORY_LENGTH + 20)]
    database = tables(catalogue_file([write(tmp_path / "train", many)], []), tmp_path)

    [(count, history)] = database.execute("select ratings, history from users").fetchall()
    assert count == HISTORY_LENGTH + 20
    assert [movie for movie, _ in json.loads(history)] == [str(each) for each in range(HISTORY_LENGTH)][::-1]
