"""The tables inside a SavedModel: lookups, the unknown row, history and rated movies."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from contracts import features
from tests.unit.trainer_module import tiny_world
from trainer_module.common.serving_tables import MovieTable, UserTable

MOVIES = tiny_world.catalogue(["d", "c", "é", "a", "cold"], unrated=["cold"])
STATES = tiny_world.states(
    MOVIES,
    {
        "ann": [("a", 5.0, 10), ("cold", 3.0, 20), ("c", 1.0, 30)],
        "dee": [("d", 4.0, 10)],
        "çy": [("é", 2.0, 10)],
    },
)


def users(folder: Path, keep_rated: bool = True) -> UserTable:
    return UserTable(
        STATES,
        history_length=2,
        keep_rated=keep_rated,
        mean_rating=3.0,
        asset_file=str(folder / "users.txt"),
    )


def movie_table(folder: Path) -> MovieTable:
    return MovieTable(MOVIES, str(folder / "movies.txt"))


def rated(table: UserTable, ids: list[str]) -> list[list[str]]:
    positions = table.rated(table.rows(tf.constant(ids))).to_list()
    return [[MOVIES.ids[position].decode() for position in row] for row in positions]


def test_users_by_id(tmp_path: Path) -> None:
    rows = users(tmp_path).rows(tf.constant(["çy", "nobody", "ann", "dee", "ANN", ""]))
    assert rows.numpy().tolist() == [3, 0, 1, 2, 0, 0]


def test_a_profile_has_the_latest_ratings_of_known_movies_last(tmp_path: Path) -> None:
    table = users(tmp_path)
    profile = table.profile(table.rows(tf.constant(["ann", "çy", "nobody"])))
    # ann's last two: "cold", which does not have an index, and "c", the second of the vocabulary.
    assert profile[features.HISTORY_MOVIE_INDEX].numpy().tolist() == [[0, 2], [0, 3], [0, 0]]
    assert profile[features.HISTORY_RATING_CENTRED].numpy().tolist() == [[0, -2], [0, -1], [0, 0]]
    assert profile[features.USER_INDEX].numpy().tolist() == [1, 3, 0]


def test_all_rated_movies_are_kept_or_the_history_alone(tmp_path: Path) -> None:
    ids = ["ann", "nobody", "çy"]
    assert rated(users(tmp_path), ids) == [["a", "cold", "c"], [], ["é"]]
    assert rated(users(tmp_path, keep_rated=False), ids) == [["cold", "c"], [], ["é"]]


@pytest.mark.parametrize("shape", [[5], [1, 5], [5, 1]])
def test_movies_by_id_in_any_shape(tmp_path: Path, shape: list[int]) -> None:
    table = movie_table(tmp_path)
    ids = tf.reshape(tf.constant(["a", "é", "gone", "", "cold"]), shape)
    rows = table.rows(ids)
    assert rows.shape == shape
    assert tf.reshape(rows, [-1]).numpy().tolist() == [4, 3, 0, 0, 5]
    known = tf.reshape(table.ids(rows), [-1]).numpy().tolist()
    assert known == [b"a", "é".encode(), b"", b"", b"cold"]
    titles = tf.reshape(table.titles(rows), [-1]).numpy().tolist()
    assert titles == [b"Title of a", "Title of é".encode(), b"", b"", b"Title of cold"]


def test_movie_features_by_row(tmp_path: Path) -> None:
    table = movie_table(tmp_path)
    names = [features.MOVIE_INDEX, features.GENRES_MULTI_HOT]
    columns = table.columns(table.rows(tf.constant(["c", "gone"])), names)
    assert columns[features.MOVIE_INDEX].numpy().tolist() == [2, 0]
    genres = columns[features.GENRES_MULTI_HOT].numpy()
    np.testing.assert_array_equal(genres[0], MOVIES.columns[features.GENRES_MULTI_HOT][1])
    assert not genres[1].any()
