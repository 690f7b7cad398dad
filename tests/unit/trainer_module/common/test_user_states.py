"""What is known of each user, from Examples in any order."""

from pathlib import Path

import numpy as np
import pytest

from contracts import features
from tests.transform_run import Transformed
from tests.unit.trainer_module import tiny_world
from tests.unit.trainer_module.tiny_world import RATINGS
from trainer_module.common.catalogue import read_catalogue
from trainer_module.common.inputs import TransformedExamples
from trainer_module.common.user_states import UserStates, joined, read_user_states, with_newcomers

MOVIES = tiny_world.catalogue(["d", "c", "b", "a"])


def read(path: Path, transformed: Transformed, rows: list[tiny_world.Row]) -> UserStates:
    file = tiny_world.write(path / "rows.gz", rows)
    return read_user_states(TransformedExamples([file], transformed.transform_output, 2), MOVIES)


def rated(states: UserStates, user: str) -> list[tuple[str, float, int]]:
    """(movie, rating, timestamp) of a user, in the order that the states hold."""
    row = states.ids.tolist().index(user.encode())
    span = slice(states.row_splits[row], states.row_splits[row + 1])
    ids = [MOVIES.ids[position].decode() for position in states.positions[span]]
    return list(zip(ids, states.ratings[span].tolist(), states.timestamps[span].tolist(), strict=True))


def row(user: str, movie: str, rating: float, timestamp: int, **more: tiny_world.Value) -> tiny_world.Row:
    return tiny_world.transformed(user, movie, user_rating=rating, timestamp=timestamp, **more)


def test_each_user_s_ratings_in_the_order_of_time(tmp_path: Path, transformed: Transformed) -> None:
    states = read(
        tmp_path,
        transformed,
        [
            row("v", "c", 1.0, 50),
            row("u", "a", 3.0, 30),
            row("u", "b", 4.0, 10),
            row("v", "a", 2.0, 40),
            row("u", "d", 5.0, 20),
        ],
    )
    assert rated(states, "u") == [("b", 4.0, 10), ("d", 5.0, 20), ("a", 3.0, 30)]
    assert rated(states, "v") == [("a", 2.0, 40), ("c", 1.0, 50)]
    assert states.row_splits[-1] == 5
    assert states.mean_rating == pytest.approx((1 + 3 + 4 + 2 + 5) / 5)


def test_ratings_of_one_second_keep_the_order_of_the_examples(
    tmp_path: Path, transformed: Transformed
) -> None:
    order = ["c", "a", "d", "b"]
    states = read(tmp_path, transformed, [row("u", movie, 3.0, 10) for movie in order])
    assert [movie for movie, *_ in rated(states, "u")] == order


def test_the_profile_is_that_of_the_latest_rating(tmp_path: Path, transformed: Transformed) -> None:
    states = read(
        tmp_path,
        transformed,
        [
            row("u", "a", 3.0, 30, user_index=1, hour_index=9, age_normalized=1.5),
            row("u", "b", 3.0, 20, user_index=1, hour_index=8, age_normalized=0.5),
        ],
    )
    assert states.profile[features.HOUR_INDEX].tolist() == [9]
    assert states.profile[features.AGE_NORMALIZED].tolist() == [1.5]


def test_a_rated_movie_that_the_catalogue_lacks_is_named(tmp_path: Path, transformed: Transformed) -> None:
    rows = [row("u", "a", 3.0, 1), row("u", "gone", 3.0, 2), row("u", "b", 3.0, 3)]
    with pytest.raises(ValueError, match="movie gone is rated"):
        read(tmp_path, transformed, rows)


def test_the_states_of_what_transform_wrote(transformed: Transformed, movie_files: list[str]) -> None:
    movies = read_catalogue(movie_files, transformed.transform_output, seed=1)
    states = read_user_states(
        TransformedExamples([transformed.files], transformed.transform_output, 2), movies
    )
    assert states.mean_rating == tiny_world.MEAN_RATING
    expected = {
        user: [row["movie_id"] for row in RATINGS if row["user_id"] == user] for user in ("ann", "ben", "çy")
    }
    found = {
        user.decode(): [
            movies.ids[position].decode()
            for position in states.positions[states.row_splits[place] : states.row_splits[place + 1]]
        ]
        for place, user in enumerate(states.ids)
    }
    assert found == expected
    np.testing.assert_array_equal(states.movie_index, movies.columns[features.MOVIE_INDEX][states.positions])


ABC = tiny_world.catalogue(list("abc"))


def test_ratings_that_are_left_out_leave_their_users() -> None:
    states = tiny_world.states(ABC, {"ann": [("a", 1.0, 10), ("b", 2.0, 20)], "ben": [("c", 3.0, 30)]})
    kept = states.where(np.array([False, True, False]))
    assert kept.ids.tolist() == [b"ann", b"ben"]
    assert kept.row_splits.tolist() == [0, 1, 1]
    assert kept.positions.tolist() == [1]
    assert kept.movie_index.tolist() == [2]
    assert kept.ratings.tolist() == [2.0]
    assert kept.timestamps.tolist() == [20]


def test_both_splits_of_a_user_are_one_history() -> None:
    train = tiny_world.states(MOVIES, {"ann": [("a", 1.0, 10), ("b", 2.0, 30)], "ben": [("c", 3.0, 50)]})
    evaluation = tiny_world.states(
        MOVIES,
        {"new": [("d", 5.0, 5)], "ben": [("a", 4.0, 40)], "ann": [("c", 3.0, 30), ("d", 2.0, 20)][::-1]},
    )
    train.profile[features.HOUR_INDEX][:] = [1, 2]
    evaluation.profile[features.HOUR_INDEX][:] = [3, 4, 5]
    both = joined(train, evaluation)
    assert both.ids.tolist() == [b"ann", b"ben", b"new"]
    # Of the second 30, the rating of eval is behind that of training.
    assert rated(both, "ann") == [("a", 1.0, 10), ("d", 2.0, 20), ("b", 2.0, 30), ("c", 3.0, 30)]
    assert rated(both, "ben") == [("a", 4.0, 40), ("c", 3.0, 50)]
    assert rated(both, "new") == [("d", 5.0, 5)]
    # ann's latest rating and all of new's are of eval, ben's latest is of training.
    assert both.profile[features.HOUR_INDEX].tolist() == [5, 2, 3]
    assert train.profile[features.HOUR_INDEX].tolist() == [1, 2]


def test_an_empty_split_adds_nothing(tmp_path: Path, transformed: Transformed) -> None:
    train = read(tmp_path, transformed, [row("u", "a", 3.0, 30, hour_index=9), row("u", "b", 4.0, 10)])
    both = joined(train, read(tmp_path, transformed, []))
    assert rated(both, "u") == [("b", 4.0, 10), ("a", 3.0, 30)]
    assert both.profile[features.HOUR_INDEX].tolist() == [9]


def test_of_newcomers_only_the_person_is_known() -> None:
    states = tiny_world.states(ABC, {"ann": [("a", 1.0, 10)]})
    later = tiny_world.states(ABC, {"ben": [("b", 2.0, 40), ("c", 3.0, 50)], "ann": [("b", 2.0, 30)]})
    later.profile[features.OCCUPATION_INDEX][:] = [2, 1]
    later.profile[features.HOUR_INDEX][:] = [23, 22]
    both = with_newcomers(states, later)
    assert both.ids.tolist() == [b"ann", b"ben"]
    assert both.row_splits.tolist() == [0, 1, 1]
    assert both.positions.tolist() == [0]
    assert both.profile[features.OCCUPATION_INDEX].tolist() == [0, 2]
    # When they came is part of what they will do.
    assert both.profile[features.HOUR_INDEX].tolist() == [0, 0]
